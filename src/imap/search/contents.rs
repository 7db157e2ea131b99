//! One pass over a message's file for all that a query wants of it. Memory is a few pieces, whatever the message's size.

use super::criterion::{Contents, Query};
use super::field;
use super::passage::{Kind, Passage, passages};
use super::phrase::{Phrase, Seeker};
use crate::mail::summary::Summary;
use crate::mail::transfer::Transfer;
use crate::mailbox::{MessageFile, Result};
use encoding_rs::{Decoder, Encoding, UTF_8};

/// How much of the file is read at a time.
const PIECE: usize = 64 * 1024;

/// How much of one header is searched. The scanner looks at less; beyond this there is nothing that anybody wrote.
const HEADER_LIMIT: u64 = 1024 * 1024;

/// Reads what the query asks for. Stops early when every phrase was found.
pub(crate) async fn read(file: &MessageFile, summary: &Summary, query: &Query) -> Result<Contents> {
    let mut pieces = Pieces::new(file);
    let mut contents = Contents {
        header: Vec::new(),
        in_body: vec![false; query.phrases.len()],
        in_header: vec![false; query.phrases.len()],
    };
    let root = &summary.root;
    contents.header = pieces.block(root.header_start, root.body_start).await?;
    if query.phrases.is_empty() {
        return Ok(contents);
    }
    for passage in passages(summary) {
        match &passage.kind {
            Kind::Header => {
                let block = pieces.block(passage.start, passage.end).await?;
                search_header(&block, &query.phrases, &mut contents.in_header);
            }
            Kind::EnclosedHeader => {
                let block = pieces.block(passage.start, passage.end).await?;
                search_header(&block, &query.phrases, &mut contents.in_body);
            }
            Kind::Text { encoding, charset } => {
                let mut text = Text::new(encoding, charset.as_deref(), &query.phrases);
                search_text(&mut pieces, &passage, &mut text, &mut contents.in_body).await?;
            }
        }
        if contents.in_body.iter().all(|found| *found) {
            break;
        }
        tokio::task::consume_budget().await;
    }
    Ok(contents)
}

/// Decoded and as it stands.
fn search_header(block: &[u8], phrases: &[Phrase], found: &mut [bool]) {
    let mut seeker = Seeker::new(phrases);
    for text in [field::decoded(block), field::raw(block)] {
        seeker.feed(&text, found);
        seeker.restart();
    }
}

async fn search_text(
    pieces: &mut Pieces<'_>,
    passage: &Passage,
    text: &mut Text<'_>,
    found: &mut [bool],
) -> Result<()> {
    let mut at = passage.start;
    while at < passage.end {
        let piece = pieces.at(at).await?;
        let length = (piece.len() as u64).min(passage.end - at) as usize;
        if length == 0 {
            break;
        }
        text.feed(&piece[..length], found);
        at += length as u64;
        tokio::task::consume_budget().await;
    }
    text.finish(found);
    Ok(())
}

/// A body on its way from bytes to text that can be compared.
struct Text<'a> {
    transfer: Transfer,
    decoder: Decoder,
    seeker: Seeker<'a>,
    bytes: Vec<u8>,
    text: String,
}

impl<'a> Text<'a> {
    /// A charset that is missing, unknown or US-ASCII is read as UTF-8, which most of what is wrongly labelled is.
    fn new(encoding: &[u8], charset: Option<&[u8]>, phrases: &'a [Phrase]) -> Text<'a> {
        let charset = charset
            .filter(|label| !label.eq_ignore_ascii_case(b"us-ascii"))
            .and_then(Encoding::for_label)
            .unwrap_or(UTF_8);
        Text {
            transfer: Transfer::new(encoding),
            decoder: charset.new_decoder_with_bom_removal(),
            seeker: Seeker::new(phrases),
            bytes: Vec::new(),
            text: String::new(),
        }
    }

    fn feed(&mut self, raw: &[u8], found: &mut [bool]) {
        self.bytes.clear();
        self.transfer.feed(raw, &mut self.bytes);
        self.decode(false, found);
    }

    fn finish(&mut self, found: &mut [bool]) {
        self.bytes.clear();
        self.decode(true, found);
    }

    fn decode(&mut self, last: bool, found: &mut [bool]) {
        self.text.clear();
        // The longest that these bytes can become, so that one call takes them all.
        let room = self.decoder.max_utf8_buffer_length(self.bytes.len()).unwrap_or(0);
        self.text.reserve(room);
        let _ = self.decoder.decode_to_string(&self.bytes, &mut self.text, last);
        self.seeker.feed(&self.text, found);
    }
}

/// A file read in pieces, the last one kept: the headers of small parts next to each other cost one read.
struct Pieces<'a> {
    file: &'a MessageFile,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Pieces<'a> {
    fn new(file: &'a MessageFile) -> Pieces<'a> {
        Pieces {
            file,
            start: 0,
            bytes: Vec::new(),
        }
    }

    /// Some bytes at that offset; none at the end of the file.
    async fn at(&mut self, offset: u64) -> Result<&[u8]> {
        let held = self.start..self.start + self.bytes.len() as u64;
        if !held.contains(&offset) {
            self.bytes = self.file.read(offset, PIECE).await?;
            self.start = offset;
        }
        Ok(&self.bytes[(offset - self.start) as usize..])
    }

    /// A whole header, up to the limit.
    async fn block(&mut self, start: u64, end: u64) -> Result<Vec<u8>> {
        let end = end.min(start.saturating_add(HEADER_LIMIT));
        let mut block = Vec::new();
        let mut at = start;
        while at < end {
            let piece = self.at(at).await?;
            let length = (piece.len() as u64).min(end - at) as usize;
            if length == 0 {
                break;
            }
            block.extend_from_slice(&piece[..length]);
            at += length as u64;
        }
        Ok(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(encoding: &str, charset: Option<&str>, raw: &[u8], phrase: &str) -> bool {
        let phrases = [Phrase::new(phrase)];
        let answers = [1, 2, 3, 7, raw.len()].map(|cut| {
            let mut text = Text::new(encoding.as_bytes(), charset.map(str::as_bytes), &phrases);
            let mut found = [false];
            raw.chunks(cut).for_each(|piece| text.feed(piece, &mut found));
            text.finish(&mut found);
            found[0]
        });
        assert!(answers.iter().all(|answer| *answer == answers[0]), "depends on the cut");
        answers[0]
    }

    #[test]
    fn transfer_encoding_and_charset_are_undone() {
        for (encoding, charset, raw, phrase, wanted) in [
            ("7BIT", None, &b"Hello World"[..], "hello world", true),
            (
                "QUOTED-PRINTABLE",
                Some("iso-8859-1"),
                b"Gr=FC=DFe aus K=F6=\r\nln",
                "GRÜßE AUS KÖLN",
                true,
            ),
            ("BASE64", Some("utf-8"), b"R3LDvMOf\r\nZQ==", "grüße", true),
            ("BASE64", Some("utf-8"), b"R3LDvMOf\r\nZQ==", "R3LD", false),
            ("8BIT", Some("koi8-r"), b"\xf0\xf2\xe9\xf7\xe5\xf4", "привет", true),
            ("8BIT", Some("shift_jis"), b"\x93\xfa\x96\x7b", "日本", true),
            ("7BIT", Some("iso-2022-jp"), b"\x1b$BF|K\\\x1b(B", "日本", true),
            ("8BIT", Some("us-ascii"), "Grüße".as_bytes(), "grüße", true),
            ("8BIT", Some("x-unknown"), b"\xff\xfe text \0 here", "text", true),
        ] {
            assert_eq!(found(encoding, charset, raw, phrase), wanted, "{phrase}");
        }
    }
}
