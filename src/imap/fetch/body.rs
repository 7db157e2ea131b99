//! Body sections: where their bytes are, and how they leave (RFC 3501 §6.4.5, RFC 9051 §6.4.5.1).
//!
//! A literal's length is announced before its bytes, so every length comes from ranges clipped to the file as it was when
//! it was opened. Should another program cut the file short while it is sent, the announced length cannot be kept: then
//! the connection is closed, for padding would hand the client bytes that were never in the message.

use super::section::locate;
use crate::imap::answer::Failure;
use crate::imap::command::{BodySection, SectionText};
use crate::imap::session::Session;
use crate::mail::header::fields;
use crate::mail::summary::Summary;
use crate::mailbox::{self, MessageFile};
use std::io;

/// How much of a file is read, and held, at a time.
pub(crate) const PIECE: u64 = 64 * 1024;

/// The longest header in which fields are picked. Fields beyond it are not found: nobody wrote such a header to be read.
const HEADER_LIMIT: u64 = 4 * 1024 * 1024;

/// What a section is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// The message has no such part: NIL.
    Nothing,
    /// These.
    Held(Vec<u8>),
    /// Those of the file from one offset to another.
    InFile(u64, u64),
}

impl Bytes {
    /// The section of a message by the fields that its summary keeps.
    pub(crate) fn of_cached_fields(summary: &Summary, section: &BodySection) -> Bytes {
        Bytes::Held(picked(&summary.headers, &section.text))
    }

    /// The section of a message by its file.
    pub(crate) async fn of_file(
        file: &MessageFile,
        summary: &Summary,
        section: &BodySection,
    ) -> mailbox::Result<Bytes> {
        let size = file.size();
        let Some(range) = locate(summary, &section.part, &section.text) else {
            return Ok(Bytes::Nothing);
        };
        let (start, end) = (range.start.min(size), range.end.min(size));
        if !matches!(
            section.text,
            SectionText::HeaderFields(_) | SectionText::HeaderFieldsNot(_)
        ) {
            return Ok(Bytes::InFile(start, end));
        }
        let length = (end - start).min(HEADER_LIMIT) as usize;
        Ok(Bytes::Held(picked(&file.read(start, length).await?, &section.text)))
    }

    /// The whole message.
    pub(crate) fn of_whole(file: &MessageFile) -> Bytes {
        Bytes::InFile(0, file.size())
    }

    /// Cut to `<start.length>`. A start beyond the end gives the empty string (RFC 3501 §6.4.5).
    pub(crate) fn cut(self, partial: Option<(u64, u64)>) -> Bytes {
        let Some((start, length)) = partial else { return self };
        match self {
            Bytes::Nothing => Bytes::Nothing,
            Bytes::Held(bytes) => {
                let from = start.min(bytes.len() as u64) as usize;
                let to = start.saturating_add(length).min(bytes.len() as u64) as usize;
                Bytes::Held(bytes[from..to].to_vec())
            }
            Bytes::InFile(first, end) => {
                let from = first.saturating_add(start).min(end);
                Bytes::InFile(from, from.saturating_add(length).min(end))
            }
        }
    }

    /// Sends them as a literal, or NIL.
    pub(crate) async fn write(
        self,
        session: &mut Session,
        file: Option<&MessageFile>,
        section: &BodySection,
    ) -> Result<(), Failure> {
        match (self.cut(section.partial), file) {
            (Bytes::Held(bytes), _) => {
                session.output.text(format_args!("{{{}}}\r\n", bytes.len()));
                session.output.raw(&bytes);
            }
            (Bytes::InFile(start, end), Some(file)) => {
                session.output.text(format_args!("{{{}}}\r\n", end - start));
                send(session, file, start, end).await?;
            }
            (Bytes::Nothing, _) | (Bytes::InFile(..), None) => session.output.raw(b"NIL"),
        }
        Ok(())
    }
}

/// Sends a range piece by piece, each leaving before the next is read.
async fn send(session: &mut Session, file: &MessageFile, start: u64, end: u64) -> Result<(), Failure> {
    let mut at = start;
    while at < end {
        let piece = match file.read(at, PIECE.min(end - at) as usize).await {
            Ok(piece) if !piece.is_empty() => piece,
            Ok(_) => return Err(ended()),
            Err(error) => return Err(broken(error)),
        };
        session.output.raw(&piece);
        at += piece.len() as u64;
        session
            .output
            .relieve(&mut session.connection, session.write_timeout)
            .await?;
    }
    Ok(())
}

/// A failure in the middle of a response, where no tagged answer can stand: the end of the connection.
pub(crate) fn broken(error: mailbox::Error) -> Failure {
    // The mapping logs the cause.
    match Failure::from(error) {
        Failure::Answer(_) => Failure::Disconnected(io::Error::other("a message could not be read while it was sent")),
        disconnected => disconnected,
    }
}

pub(super) fn ended() -> Failure {
    let text = "a message file ended while it was sent";
    Failure::Disconnected(io::Error::new(io::ErrorKind::UnexpectedEof, text))
}

/// The fields that HEADER.FIELDS or HEADER.FIELDS.NOT asks for, as they stand, and the empty line behind a header
/// (RFC 3501 §6.4.5: "subsetting does not exclude the delimiting blank line").
fn picked(block: &[u8], text: &SectionText) -> Vec<u8> {
    let mut lines = Vec::new();
    for field in fields(block) {
        let wanted = match text {
            SectionText::HeaderFields(names) => names.iter().any(|name| field.is(name)),
            SectionText::HeaderFieldsNot(names) => !names.iter().any(|name| field.is(name)),
            _ => true,
        };
        if wanted {
            lines.extend_from_slice(field.raw);
        }
    }
    if !lines.is_empty() && !lines.ends_with(b"\n") {
        lines.extend_from_slice(b"\r\n");
    }
    lines.extend_from_slice(b"\r\n");
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_stays_within() {
        let held = || Bytes::Held(b"0123456789".to_vec());
        for (partial, held_wanted, range) in [
            (None, &b"0123456789"[..], (100, 110)),
            (Some((0, 4)), b"0123", (100, 104)),
            (Some((8, 40)), b"89", (108, 110)),
            (Some((10, 1)), b"", (110, 110)),
            (Some((u64::MAX, u64::MAX)), b"", (110, 110)),
        ] {
            assert_eq!(held().cut(partial), Bytes::Held(held_wanted.to_vec()));
            assert_eq!(Bytes::InFile(100, 110).cut(partial), Bytes::InFile(range.0, range.1));
        }
        assert_eq!(Bytes::Nothing.cut(Some((0, 4))), Bytes::Nothing);
    }

    #[test]
    fn picking_keeps_lines_as_they_stand_and_the_empty_line() {
        let block = b"From: a\r\nTO: b,\r\n  c\r\nfrom: again\r\nX: y\r\n\r\n";
        let names = || vec!["from".to_owned(), "To".to_owned()];
        for (text, wanted) in [
            (
                SectionText::HeaderFields(names()),
                &b"From: a\r\nTO: b,\r\n  c\r\nfrom: again\r\n\r\n"[..],
            ),
            (SectionText::HeaderFieldsNot(names()), b"X: y\r\n\r\n"),
            (SectionText::HeaderFields(vec!["Bcc".to_owned()]), b"\r\n"),
        ] {
            assert_eq!(picked(block, &text), wanted);
        }
        // A header that ends with the file.
        assert_eq!(picked(b"X: y", &SectionText::HeaderFieldsNot(names())), b"X: y\r\n\r\n");
    }
}
