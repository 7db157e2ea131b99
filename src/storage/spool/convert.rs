//! Messages with parts that are `binary` on their way to a mailbox: the same message, with these parts encoded.
//!
//! Memory is bounded by a piece and the largest header; nothing of the message is lost, for what cannot be encoded is
//! refused.

use super::{Open, Spool, Spooled};
use crate::mail::binary::{self, Span};
use crate::mail::line_ends::LineEnds;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

/// Octets that are read at a time.
const PIECE: u64 = 64 * 1024;
/// The largest header that is changed: as much as is read of one when the message arrives.
const MAX_HEADER: u64 = 256 * 1024;

/// Why there is no such message.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// There is NUL where nothing is encoded: in a header, or in a part that does not say it is binary or must not be changed.
    #[error("the message has a NUL octet that cannot be encoded")]
    Nul,
    /// There is a bare CR or a bare LF where nothing is encoded.
    #[error("the message has a bare CR or a bare LF that cannot be encoded")]
    LineEnd,
    /// It would be larger than wanted.
    #[error("the message is too large when it is encoded")]
    TooLarge,
    /// The disk.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Spool {
    /// The message with all its `binary` parts encoded, without any NUL and with at most `limit` octets; the same one when
    /// nothing needs to be changed. Synced like any other.
    pub async fn without_binary(&self, spooled: Spooled, limit: u64) -> Result<Spooled, ConvertError> {
        Ok(self.convert(spooled, limit).await?.0)
    }

    /// The same, and what is left are lines that end with CRLF: a message that can be sent anywhere.
    pub async fn as_text(&self, spooled: Spooled, limit: u64) -> Result<Spooled, ConvertError> {
        let (spooled, lines) = self.convert(spooled, limit).await?;
        match lines.malformed() || lines.cut_off() {
            true => Err(ConvertError::LineEnd),
            false => Ok(spooled),
        }
    }

    async fn convert(&self, spooled: Spooled, limit: u64) -> Result<(Spooled, LineEnds), ConvertError> {
        let spool = self.clone();
        let _permit = self.0.writers.acquire().await.map_err(io::Error::other)?;
        let converted = tokio::task::spawn_blocking(move || {
            let spans = binary::spans(spooled.summary());
            let mut file = File::open(spooled.path())?;
            let Some(spans) = spans else {
                let mut all = Source { file: &mut file };
                let mut lines = LineEnds::default();
                all.each(0..spooled.size(), |piece| {
                    lines.see(piece);
                    no_nul(piece)
                })?;
                return Ok((spooled, lines));
            };
            let mut target = Target {
                open: spool.create()?,
                lines: LineEnds::default(),
                size: 0,
                limit,
            };
            let mut source = Source { file: &mut file };
            for span in spans {
                write(span, &mut source, &mut target)?;
            }
            target.open.file.sync_all()?;
            Ok((target.open.finish(target.size)?, target.lines))
        });
        converted.await.map_err(io::Error::other)?
    }
}

fn write(span: Span, source: &mut Source<'_>, target: &mut Target) -> Result<(), ConvertError> {
    match span {
        Span::Kept(range) => source.each(range, |piece| {
            no_nul(piece)?;
            target.put(piece)
        }),
        Span::Header(range, encoding) => {
            if range.end - range.start > MAX_HEADER {
                return Err(ConvertError::TooLarge);
            }
            let mut block = Vec::new();
            source.each(range, |piece| {
                block.extend_from_slice(piece);
                no_nul(piece)
            })?;
            target.put(&binary::header(&block, encoding))
        }
        Span::Body(range, mut encoder, is_last) => {
            let mut encoded = Vec::new();
            source.each(range, |piece| {
                encoded.clear();
                encoder.feed(piece, &mut encoded);
                target.put(&encoded)
            })?;
            encoded.clear();
            encoder.finish(is_last, &mut encoded);
            target.put(&encoded)
        }
    }
}

fn no_nul(piece: &[u8]) -> Result<(), ConvertError> {
    match memchr::memchr(0, piece) {
        Some(_) => Err(ConvertError::Nul),
        None => Ok(()),
    }
}

/// The message as it came; its ranges are read in order, without gaps.
struct Source<'a> {
    file: &'a mut File,
}

impl Source<'_> {
    fn each(
        &mut self,
        range: Range<u64>,
        mut take: impl FnMut(&[u8]) -> Result<(), ConvertError>,
    ) -> Result<(), ConvertError> {
        let mut left = range.end.saturating_sub(range.start);
        let mut piece = Vec::new();
        while left > 0 {
            piece.clear();
            let read = self.file.by_ref().take(left.min(PIECE)).read_to_end(&mut piece)?;
            if read == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            take(&piece)?;
            left -= read as u64;
        }
        Ok(())
    }
}

/// The message as it is stored.
struct Target {
    open: Open,
    lines: LineEnds,
    size: u64,
    limit: u64,
}

impl Target {
    fn put(&mut self, bytes: &[u8]) -> Result<(), ConvertError> {
        self.size += bytes.len() as u64;
        if self.size > self.limit {
            return Err(ConvertError::TooLarge);
        }
        self.lines.see(bytes);
        Ok(self.open.put(bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn converted(message: &[u8], limit: u64) -> Result<Vec<u8>, ConvertError> {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let mut incoming = spool.begin();
        incoming.write(message).await.unwrap();
        let spooled = incoming.finish().await.unwrap();
        let converted = spool.without_binary(spooled, limit).await?;
        let stored = std::fs::read(converted.path()).unwrap();
        assert_eq!(converted.size(), stored.len() as u64);
        assert_eq!(converted.summary().size, converted.size());
        Ok(stored)
    }

    #[tokio::test]
    async fn parts_within_parts_are_encoded() {
        let inner = b"Content-Type: multipart/mixed; boundary=i\r\nContent-Transfer-Encoding: binary\r\n\r\n\
            --i\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: binary\r\n\r\na\nb\0\r\n\
            --i\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\x01\r\n\xff\r\n\
            --i--\r\n";
        let message = [
            &b"Subject: x\r\nContent-Type: multipart/mixed; boundary=o\r\nContent-Transfer-Encoding: binary\r\n\r\n\
            --o\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: binary\r\n\r\n"[..],
            inner,
            b"\r\n--o\r\n\r\nplain\r\n--o--\r\n",
        ]
        .concat();
        let stored = String::from_utf8(converted(&message, 10_000).await.unwrap()).unwrap();
        let expected = "Subject: x\r\nContent-Type: multipart/mixed; boundary=o\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
            --o\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
            Content-Type: multipart/mixed; boundary=i\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
            --i\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=0Ab=00\r\n\
            --i\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAENCv8=\r\n\
            --i--\r\n\r\n--o\r\n\r\nplain\r\n--o--\r\n";
        assert_eq!(stored, expected);
    }

    #[tokio::test]
    async fn what_cannot_be_encoded_is_refused_and_what_need_not_be_stays() {
        let plain = b"Subject: x\r\n\r\nhello\r\n";
        assert_eq!(converted(plain, 10_000).await.unwrap(), plain);
        for nul in [
            &b"Subject: \0\r\n\r\nhello\r\n"[..],
            b"Subject: x\r\n\r\n\0",
            b"Subject: \0\r\nContent-Transfer-Encoding: binary\r\n\r\nx",
            b"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\r\n--b--",
        ] {
            assert!(matches!(converted(nul, 10_000).await, Err(ConvertError::Nul)));
        }
        let mut large = b"Content-Type: x/y\r\nContent-Transfer-Encoding: binary\r\n\r\n".to_vec();
        large.resize(300_000, 0);
        assert!(matches!(converted(&large, 300_000).await, Err(ConvertError::TooLarge)));
        assert!(converted(&large, 450_000).await.unwrap().len() > 400_000);
    }
}
