//! The texts of a message, one after the other: its headers, and its bodies that are text, decoded. One pass over its file, with
//! a few pieces in memory, whatever its size.

use super::error::Result;
use super::message::MessageFile;
use crate::mail::header;
use crate::mail::passage::{Kind, Passage, passages};
use crate::mail::summary::Summary;
use crate::mail::transfer::Transfer;
use encoding_rs::{Decoder, Encoding, UTF_8};
use std::ops::ControlFlow;

/// How much of the file is read at a time.
const PIECE: usize = 64 * 1024;

/// How much of one header is looked at. The scanner looks at less; beyond this there is nothing that anybody wrote.
const HEADER_LIMIT: u64 = 1024 * 1024;

/// A piece of text.
#[derive(Clone, Copy, Debug)]
pub enum Text<'a> {
    /// What comes next is another text: nothing is found across the seam.
    Begin {
        /// Whether it belongs to the header, as TEXT of SEARCH means it, rather than to the body.
        in_header: bool,
    },
    /// The text goes on.
    Piece(&'a str),
}

impl MessageFile {
    /// Shows the texts until the visitor has seen enough.
    pub async fn texts(&self, summary: &Summary, mut visit: impl FnMut(Text<'_>) -> ControlFlow<()>) -> Result<()> {
        let mut pieces = Pieces::new(self);
        for passage in passages(summary) {
            if let Kind::Text { encoding, charset } = &passage.kind {
                if visit(Text::Begin { in_header: false }).is_break() {
                    return Ok(());
                }
                let decoding = Decoding::new(encoding, charset.as_deref());
                if body(&mut pieces, &passage, decoding, &mut visit).await?.is_break() {
                    return Ok(());
                }
                continue;
            }
            let in_header = passage.kind == Kind::Header;
            let block = pieces.block(passage.start, passage.end).await?;
            for text in header::texts(&block) {
                if visit(Text::Begin { in_header }).is_break() || visit(Text::Piece(&text)).is_break() {
                    return Ok(());
                }
            }
            tokio::task::consume_budget().await;
        }
        Ok(())
    }

    /// The header of a message, up to a limit.
    pub async fn header(&self, start: u64, end: u64) -> Result<Vec<u8>> {
        Pieces::new(self).block(start, end).await
    }
}

async fn body(
    pieces: &mut Pieces<'_>,
    passage: &Passage,
    mut decoding: Decoding,
    visit: &mut impl FnMut(Text<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>> {
    let mut at = passage.start;
    while at < passage.end {
        let piece = pieces.at(at).await?;
        let length = (piece.len() as u64).min(passage.end - at) as usize;
        if length == 0 {
            break;
        }
        if visit(Text::Piece(decoding.feed(&piece[..length]))).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        at += length as u64;
        tokio::task::consume_budget().await;
    }
    Ok(visit(Text::Piece(decoding.finish())))
}

/// A body on its way from bytes to text.
struct Decoding {
    transfer: Transfer,
    decoder: Decoder,
    bytes: Vec<u8>,
    text: String,
}

impl Decoding {
    /// A charset that is missing, unknown or US-ASCII is read as UTF-8, which most of what is wrongly labelled is.
    fn new(encoding: &[u8], charset: Option<&[u8]>) -> Decoding {
        let charset = charset
            .filter(|label| !label.eq_ignore_ascii_case(b"us-ascii"))
            .and_then(Encoding::for_label)
            .unwrap_or(UTF_8);
        Decoding {
            transfer: Transfer::new(encoding),
            decoder: charset.new_decoder_with_bom_removal(),
            bytes: Vec::new(),
            text: String::new(),
        }
    }

    fn feed(&mut self, raw: &[u8]) -> &str {
        self.bytes.clear();
        self.transfer.feed(raw, &mut self.bytes);
        self.decode(false)
    }

    fn finish(&mut self) -> &str {
        self.bytes.clear();
        self.decode(true)
    }

    fn decode(&mut self, last: bool) -> &str {
        self.text.clear();
        // The longest that these bytes can become, so that one call takes them all.
        let room = self.decoder.max_utf8_buffer_length(self.bytes.len()).unwrap_or(0);
        self.text.reserve(room);
        let _ = self.decoder.decode_to_string(&self.bytes, &mut self.text, last);
        &self.text
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

    fn decoded(encoding: &str, charset: Option<&str>, raw: &[u8]) -> String {
        let texts = [1, 2, 3, 7, raw.len()].map(|cut| {
            let mut decoding = Decoding::new(encoding.as_bytes(), charset.map(str::as_bytes));
            let mut text: String = raw.chunks(cut).map(|piece| decoding.feed(piece).to_owned()).collect();
            text.push_str(decoding.finish());
            text
        });
        assert!(texts.iter().all(|text| *text == texts[0]), "depends on the cut");
        texts[0].clone()
    }

    #[test]
    fn transfer_encoding_and_charset_are_undone() {
        for (encoding, charset, raw, wanted) in [
            ("7BIT", None, &b"Hello World"[..], "Hello World"),
            (
                "QUOTED-PRINTABLE",
                Some("iso-8859-1"),
                b"Gr=FC=DFe aus K=F6=\r\nln",
                "Grüße aus Köln",
            ),
            ("BASE64", Some("utf-8"), b"R3LDvMOf\r\nZQ==", "Grüße"),
            ("8BIT", Some("koi8-r"), b"\xf0\xf2\xe9\xf7\xe5\xf4", "ПРИВЕТ"),
            ("8BIT", Some("shift_jis"), b"\x93\xfa\x96\x7b", "日本"),
            ("7BIT", Some("iso-2022-jp"), b"\x1b$BF|K\\\x1b(B", "日本"),
            ("8BIT", Some("us-ascii"), "Grüße".as_bytes(), "Grüße"),
            ("8BIT", Some("x-unknown"), b"\xff text \0 here", "\u{fffd} text \0 here"),
        ] {
            assert_eq!(decoded(encoding, charset, raw), wanted);
        }
    }
}
