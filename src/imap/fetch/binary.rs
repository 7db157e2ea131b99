//! Parts without their transfer encoding (RFC 3516, RFC 9051 §6.4.5): decoded while they leave, once to know how many octets
//! there will be, once to send them.

use super::body::{PIECE, ended};
use super::section;
use crate::imap::answer::Failure;
use crate::imap::session::Session;
use crate::mail::summary::Summary;
use crate::mail::transfer::Transfer;
use crate::mailbox::{self, MessageFile};
use std::ops::Range;

/// A part whose encoding is not one that we know (RFC 3516 §4.3).
#[derive(Debug)]
pub(crate) struct UnknownEncoding;

/// Where a part lies in the file, and what undoes its encoding.
#[derive(Debug)]
pub(crate) struct Encoded {
    range: Range<u64>,
    transfer: Transfer,
}

impl Encoded {
    /// The part of these numbers, if there is one. The whole message, and what holds other parts, is as it is: an encoding is
    /// a matter of the parts inside (RFC 2045 §6.4).
    pub(crate) fn find(summary: &Summary, path: &[u32]) -> Result<Option<Encoded>, UnknownEncoding> {
        if path.is_empty() {
            return Ok(Some(Encoded {
                range: summary.root.header_start..summary.root.body_end,
                transfer: Transfer::Identity,
            }));
        }
        let Some(part) = section::part(summary, path) else {
            return Ok(None);
        };
        Ok(Some(Encoded {
            range: part.body_start..part.body_end,
            transfer: Transfer::known(&part.encoding).ok_or(UnknownEncoding)?,
        }))
    }

    /// How many octets it has when decoded.
    pub(crate) async fn size(self, file: &MessageFile) -> mailbox::Result<u64> {
        match self.transfer {
            Transfer::Identity => Ok(self.range.end.min(file.size()).saturating_sub(self.range.start)),
            _ => Ok(Decoding::new(&self, file).window(0..u64::MAX).await?.octets),
        }
    }

    /// Sends the octets of `<start.length>`, or all: a literal, in the form for NULs where there are some.
    pub(crate) async fn write(
        self,
        session: &mut Session,
        file: &MessageFile,
        partial: Option<(u64, u64)>,
    ) -> Result<(), Failure> {
        let wanted = match partial {
            Some((start, length)) => start..start.saturating_add(length),
            None => 0..u64::MAX,
        };
        let window = Decoding::new(&self, file).window(wanted.clone()).await;
        let window = window.map_err(super::body::broken)?;
        let form = if window.has_nul { "~" } else { "" };
        session.output.text(format_args!("{form}{{{}}}\r\n", window.octets));
        let mut left = window.octets;
        let mut decoding = Decoding::new(&self, file);
        while left > 0 {
            let piece = decoding
                .next(&wanted)
                .await
                .map_err(super::body::broken)?
                .ok_or_else(ended)?;
            let count = (piece.len() as u64).min(left);
            session.output.raw(piece.get(..count as usize).unwrap_or_default());
            left -= count;
            session.relieve().await?;
        }
        Ok(())
    }
}

/// What a window of decoded octets comes to.
struct Window {
    octets: u64,
    has_nul: bool,
}

/// A part on its way through its decoder.
struct Decoding<'a> {
    file: &'a MessageFile,
    /// What is to be read.
    range: Range<u64>,
    transfer: Transfer,
    /// How many octets were decoded before the next ones.
    decoded: u64,
    finished: bool,
}

impl<'a> Decoding<'a> {
    fn new(encoded: &Encoded, file: &'a MessageFile) -> Decoding<'a> {
        Decoding {
            file,
            range: encoded.range.start..encoded.range.end.min(file.size()),
            transfer: encoded.transfer.clone(),
            decoded: 0,
            finished: false,
        }
    }

    /// Reads what it takes to know the window.
    async fn window(mut self, wanted: Range<u64>) -> mailbox::Result<Window> {
        let mut window = Window {
            octets: 0,
            has_nul: false,
        };
        while let Some(piece) = self.next(&wanted).await? {
            window.octets += piece.len() as u64;
            window.has_nul |= memchr::memchr(0, &piece).is_some();
            tokio::task::consume_budget().await;
        }
        Ok(window)
    }

    /// The next decoded octets, cut to those wanted; `None` when there are no more of these.
    async fn next(&mut self, wanted: &Range<u64>) -> mailbox::Result<Option<Vec<u8>>> {
        if self.finished || self.decoded >= wanted.end {
            return Ok(None);
        }
        let mut piece = Vec::new();
        let length = PIECE.min(self.range.end.saturating_sub(self.range.start)) as usize;
        let read = match length {
            0 => Vec::new(),
            length => self.file.read(self.range.start, length).await?,
        };
        if read.is_empty() {
            self.transfer.finish(&mut piece);
            self.finished = true;
        } else {
            self.range.start += read.len() as u64;
            self.transfer.feed(&read, &mut piece);
        }
        let first = self.decoded;
        self.decoded += piece.len() as u64;
        // Offsets in the piece: both fit, for they are cut to its length.
        let within = |offset: u64| offset.saturating_sub(first).min(piece.len() as u64) as usize;
        let (from, to) = (within(wanted.start), within(wanted.end));
        piece.truncate(to);
        piece.drain(..from.min(to));
        Ok(Some(piece))
    }
}
