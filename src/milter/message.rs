//! The message as filters see it, and as they want it: read and written anew piece by piece.
//!
//! RFC 5322 §2.2. What stands in front of it is ours (the trace that was just written): filters neither see nor change it.
//! Memory is bounded by the largest header and a piece of the body.

use std::borrow::Cow;

use super::Failure;
use super::edit::{Edit, Edits};
use crate::mail::header::{self, Fields};
use crate::storage::spool::Incoming;

/// The largest header that filters are shown.
const MAX_HEADER: usize = 256 * 1024;

/// A message that is complete and not delivered yet.
pub(super) struct Message {
    pub(super) file: Incoming,
    /// Octets in front that are ours.
    front: u64,
    header: Vec<u8>,
    /// Where the body begins.
    body: u64,
}

impl Message {
    /// Reads the header; `front` are the octets before it.
    pub(super) async fn read(file: Incoming, front: u64) -> Result<Message, Failure> {
        let mut header = Vec::new();
        let end = loop {
            let known = header.len();
            let piece = file.piece(front + known as u64).await.map_err(Failure::Storage)?;
            header.extend_from_slice(&piece);
            if let Some(end) = end_of_header(&header, known) {
                break end;
            }
            if piece.is_empty() {
                break (header.len(), header.len());
            }
            if header.len() > MAX_HEADER {
                return Err(Failure::LargeHeader);
            }
        };
        if end.0 > MAX_HEADER {
            return Err(Failure::LargeHeader);
        }
        header.truncate(end.0);
        header.shrink_to_fit();
        Ok(Message {
            file,
            front,
            header,
            body: front + end.1 as u64,
        })
    }

    /// The fields of its header.
    pub(super) fn fields(&self) -> Fields<'_> {
        header::fields(&self.header)
    }

    /// What stands from this octet of the body on; empty at its end.
    pub(super) async fn piece(&self, from: u64) -> Result<Vec<u8>, Failure> {
        self.file.piece(self.body + from).await.map_err(Failure::Storage)
    }

    /// The message with all these changes; the same one if there are none.
    pub(super) async fn changed(self, edits: Edits, leading_space: bool) -> Result<Message, Failure> {
        if edits.fields.is_empty() && edits.body.is_none() {
            return Ok(self);
        }
        let mut file = self.file.beside();
        copy(&self.file, 0..self.front, &mut file).await?;
        let header = changed(&self.header, &edits.fields, leading_space);
        file.write(&header).await.map_err(Failure::Storage)?;
        file.write(b"\r\n").await.map_err(Failure::Storage)?;
        let body = file.size();
        match &edits.body {
            Some(new) => copy(new, 0..u64::MAX, &mut file).await?,
            None => copy(&self.file, self.body..u64::MAX, &mut file).await?,
        }
        Ok(Message {
            file,
            front: self.front,
            header,
            body,
        })
    }
}

/// Where the header ends and where the body begins, as far as it is known; nothing was found in what was known before.
fn end_of_header(text: &[u8], known: usize) -> Option<(usize, usize)> {
    match text {
        [b'\n', ..] => return Some((0, 1)),
        [b'\r', b'\n', ..] => return Some((0, 2)),
        _ => {}
    }
    // An empty line may have begun three octets before.
    let from = known.saturating_sub(3);
    memchr::memchr_iter(b'\n', text.get(from..)?).find_map(|at| {
        let line = from + at + 1;
        match text.get(line..)? {
            [b'\n', ..] => Some((line, line + 1)),
            [b'\r', b'\n', ..] => Some((line, line + 2)),
            _ => None,
        }
    })
}

async fn copy(from: &Incoming, range: std::ops::Range<u64>, into: &mut Incoming) -> Result<(), Failure> {
    let mut at = range.start;
    while at < range.end {
        let piece = from.piece(at).await.map_err(Failure::Storage)?;
        if piece.is_empty() {
            break;
        }
        let wanted = usize::try_from(range.end - at).unwrap_or(usize::MAX).min(piece.len());
        into.write(piece.get(..wanted).unwrap_or(&piece))
            .await
            .map_err(Failure::Storage)?;
        at += wanted as u64;
    }
    Ok(())
}

/// A field in its place. One that was taken away keeps its number, so that a filter can count as it did before.
struct Slot<'a> {
    name: &'a [u8],
    text: Option<Cow<'a, [u8]>>,
}

/// The header with these changes, one after the other.
fn changed(header: &[u8], edits: &[Edit], leading_space: bool) -> Vec<u8> {
    let mut slots: Vec<Slot<'_>> = header::fields(header)
        .map(|field| Slot {
            name: field.name,
            text: Some(match field.raw.ends_with(b"\n") {
                true => Cow::Borrowed(field.raw),
                false => Cow::Owned([field.raw, b"\r\n"].concat()),
            }),
        })
        .collect();
    for edit in edits {
        let new = |name: &str, value: &[u8]| Some(Cow::Owned(written(name, value, leading_space)));
        match edit {
            Edit::AddField { name, value } => slots.push(Slot {
                name: name.as_bytes(),
                text: new(name, value),
            }),
            Edit::InsertField { at, name, value } => {
                let slot = Slot {
                    name: name.as_bytes(),
                    text: new(name, value),
                };
                slots.insert((*at).min(slots.len()), slot);
            }
            Edit::ChangeField { number, name, value } => {
                let text = match value.trim_ascii().is_empty() {
                    true => None,
                    false => new(name, value),
                };
                let mut same = slots
                    .iter_mut()
                    .filter(|slot| slot.name.eq_ignore_ascii_case(name.as_bytes()));
                match (same.nth(number.saturating_sub(1)), text) {
                    (Some(slot), text) => slot.text = text,
                    (None, Some(text)) => slots.push(Slot {
                        name: name.as_bytes(),
                        text: Some(text),
                    }),
                    (None, None) => {}
                }
            }
            _ => {}
        }
    }
    let texts: Vec<Cow<'_, [u8]>> = slots.into_iter().filter_map(|slot| slot.text).collect();
    texts.concat()
}

/// A field as it stands in the file: every line ends with CRLF, every further one begins with white space (RFC 5322 §2.2.3),
/// and none is empty. So no value can be taken for another field or for the end of the header.
fn written(name: &str, value: &[u8], leading_space: bool) -> Vec<u8> {
    let mut text = format!("{name}:").into_bytes();
    if !leading_space {
        text.push(b' ');
    }
    let lines = value
        .split(|octet| *octet == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    for (number, line) in lines.enumerate() {
        if number > 0 {
            if line.trim_ascii().is_empty() {
                continue;
            }
            text.extend_from_slice(b"\r\n");
            if !matches!(line, [b' ' | b'\t', ..]) {
                text.push(b'\t');
            }
        }
        text.extend(line.iter().map(|octet| match octet {
            b'\r' | 0 => b' ',
            octet => *octet,
        }));
    }
    text.extend_from_slice(b"\r\n");
    text
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::storage::spool::Spool;

    fn add(name: &str, value: &str) -> Edit {
        Edit::AddField {
            name: name.to_owned(),
            value: value.as_bytes().to_vec(),
        }
    }

    fn insert(at: usize, name: &str, value: &str) -> Edit {
        Edit::InsertField {
            at,
            name: name.to_owned(),
            value: value.as_bytes().to_vec(),
        }
    }

    fn change(number: usize, name: &str, value: &str) -> Edit {
        Edit::ChangeField {
            number,
            name: name.to_owned(),
            value: value.as_bytes().to_vec(),
        }
    }

    #[test]
    fn the_header_is_changed_one_by_one() {
        let header = b"A: 1\r\nB: 2\r\n 2\r\na: 3\r\nno colon\r\n";
        for (edits, wanted) in [
            (
                vec![add("C", "4")],
                "A: 1\r\nB: 2\r\n 2\r\na: 3\r\nno colon\r\nC: 4\r\n",
            ),
            (
                vec![insert(0, "C", "4"), insert(2, "D", "5")],
                "C: 4\r\nA: 1\r\nD: 5\r\nB: 2\r\n 2\r\na: 3\r\nno colon\r\n",
            ),
            (
                vec![insert(99, "C", "4")],
                "A: 1\r\nB: 2\r\n 2\r\na: 3\r\nno colon\r\nC: 4\r\n",
            ),
            (vec![change(2, "A", "x")], "A: 1\r\nB: 2\r\n 2\r\nA: x\r\nno colon\r\n"),
            (vec![change(1, "b", "")], "A: 1\r\na: 3\r\nno colon\r\n"),
            // The first is gone, and the second is still the second.
            (
                vec![change(1, "A", ""), change(2, "A", "")],
                "B: 2\r\n 2\r\nno colon\r\n",
            ),
            (
                vec![change(1, "C", "new")],
                "A: 1\r\nB: 2\r\n 2\r\na: 3\r\nno colon\r\nC: new\r\n",
            ),
            (vec![change(7, "C", "")], "A: 1\r\nB: 2\r\n 2\r\na: 3\r\nno colon\r\n"),
        ] {
            assert_eq!(
                String::from_utf8(changed(header, &edits, false)).unwrap(),
                wanted,
                "{edits:?}"
            );
        }
        assert_eq!(changed(b"A: 1", &[add("B", "2")], false), b"A: 1\r\nB: 2\r\n");
        assert_eq!(changed(b"", &[add("B", " 2")], true), b"B: 2\r\n");
    }

    #[test]
    fn a_value_is_neither_another_field_nor_the_end_of_the_header() {
        for (value, wanted) in [
            ("a\n\tb", "X: a\r\n\tb\r\n"),
            ("a\r\nSubject: forged", "X: a\r\n\tSubject: forged\r\n"),
            ("a\n\n\r\nbody", "X: a\r\n\tbody\r\n"),
            ("a\n \n", "X: a\r\n"),
            ("a\r\r\nb\rc\0d", "X: a \r\n\tb c d\r\n"),
            ("", "X: \r\n"),
        ] {
            assert_eq!(
                String::from_utf8(written("X", value.as_bytes(), false)).unwrap(),
                wanted,
                "{value:?}"
            );
        }
    }

    async fn message(folder: &TempDir, text: &[u8]) -> Result<Message, Failure> {
        // A spool of its own: opening one clears its folder.
        let place = tempfile::tempdir_in(folder.path()).unwrap().keep();
        let mut file = Spool::open(&place).unwrap().begin();
        file.write(text).await.unwrap();
        Message::read(file, 4).await
    }

    #[tokio::test]
    async fn header_and_body_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        for (text, header, body) in [
            ("ours", "", ""),
            ("ours\r\nbody", "", "body"),
            ("oursA: 1\r\n", "A: 1\r\n", ""),
            ("oursA: 1\r\n\r\n", "A: 1\r\n", ""),
            (
                "oursA: 1\r\nB: 2\r\n\r\nbody\r\n\r\nmore",
                "A: 1\r\nB: 2\r\n",
                "body\r\n\r\nmore",
            ),
            ("oursA: 1\n\nbody", "A: 1\n", "body"),
        ] {
            let message = message(&folder, text.as_bytes()).await.unwrap();
            assert_eq!(String::from_utf8_lossy(&message.header), header, "{text:?}");
            assert_eq!(
                String::from_utf8(message.piece(0).await.unwrap()).unwrap(),
                body,
                "{text:?}"
            );
        }
        let large = [b"oursA: ".as_slice(), &vec![b'x'; MAX_HEADER], b"\r\n\r\nbody"].concat();
        assert!(matches!(message(&folder, &large).await, Err(Failure::LargeHeader)));
    }

    #[tokio::test]
    async fn a_large_body_stays_or_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let body = b"0123456789\r\n".repeat(50_000);
        let text = [b"oursA: 1\r\n\r\n".as_slice(), &body].concat();
        for replaced in [false, true] {
            let message = message(&folder, &text).await.unwrap();
            let mut edits = Edits::default();
            edits.fields = vec![add("B", "2")];
            if replaced {
                let mut new = message.file.beside();
                new.write(b"new\r\n").await.unwrap();
                edits.body = Some(new);
            }
            let changed = message.changed(edits, false).await.unwrap();
            let body = if replaced { b"new\r\n".as_slice() } else { &body };
            let wanted = [b"oursA: 1\r\nB: 2\r\n\r\n".as_slice(), body].concat();
            assert!(changed.file.content().await.unwrap() == wanted);
            assert_eq!(changed.piece(0).await.unwrap().first(), body.first());
        }
    }
}
