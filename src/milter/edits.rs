//! What a filter changes in a message: header fields added, put in, replaced or taken away, and the body.
//!
//! Whatever a filter sends, what comes out is one header section of fields and folded lines (RFC 5322 §2.2).

/// One change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Edit {
    /// A field behind all others.
    Add(Vec<u8>, Vec<u8>),
    /// A field in front of the one with this number, counted from 0.
    Insert(usize, Vec<u8>, Vec<u8>),
    /// The field of this name with this number, counted from 1, has another value, or goes.
    Change(usize, Vec<u8>, Vec<u8>),
    /// Another body.
    Body(Vec<u8>),
}

/// A field with all its lines and their ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Field(Vec<u8>);

impl Edit {
    /// From a packet; none if it is not one.
    pub(super) fn read(command: u8, data: &[u8]) -> Option<Edit> {
        let (number, rest) = match command {
            b'h' => (0, data),
            _ => {
                let (number, rest) = data.split_at_checked(4)?;
                (usize::try_from(u32::from_be_bytes(number.try_into().ok()?)).ok()?, rest)
            }
        };
        let mut texts = rest.split(|octet| *octet == 0);
        let (name, value) = (texts.next()?.to_vec(), texts.next()?.to_vec());
        let fits = !name.is_empty() && name.iter().all(|octet| octet.is_ascii_graphic() && *octet != b':');
        fits.then_some(match command {
            b'h' => Edit::Add(name, value),
            b'i' => Edit::Insert(number, name, value),
            _ => Edit::Change(number, name, value),
        })
    }

    /// Whether it says in this field that the message is spam.
    pub(super) fn marks_junk(&self, field: &str) -> bool {
        match self {
            Edit::Add(name, value) | Edit::Insert(_, name, value) | Edit::Change(_, name, value) => {
                let value = value.trim_ascii();
                name.eq_ignore_ascii_case(field.as_bytes())
                    && value.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"yes"))
            }
            Edit::Body(_) => false,
        }
    }
}

impl Field {
    fn new(name: &[u8], value: &[u8]) -> Field {
        let mut line = [name, b":"].concat();
        if !value.starts_with(b" ") && !value.starts_with(b"\t") {
            line.push(b' ');
        }
        for (number, piece) in value.split(|octet| *octet == b'\n').enumerate() {
            let piece = piece.strip_suffix(b"\r").unwrap_or(piece);
            if number > 0 {
                line.extend_from_slice(b"\r\n");
                // A line that is not folded would be a field of its own, or the end of the header section.
                if !piece.starts_with(b" ") && !piece.starts_with(b"\t") {
                    line.push(b'\t');
                }
            }
            line.extend(piece.iter().filter(|octet| **octet != b'\r' && **octet != 0));
        }
        line.extend_from_slice(b"\r\n");
        Field(line)
    }

    /// Name and value, lines divided by LF; with the blank behind the colon if that is wanted.
    pub(super) fn split(&self, leading: bool) -> (Vec<u8>, Vec<u8>) {
        let colon = self.0.iter().position(|octet| *octet == b':').unwrap_or(self.0.len());
        let (name, value) = self.0.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = match leading {
            true => value,
            false => value.strip_prefix(b" ").unwrap_or(value),
        };
        let value: Vec<u8> = value.iter().copied().filter(|octet| *octet != b'\r').collect();
        let value = value.strip_suffix(b"\n").unwrap_or(&value).to_vec();
        (name.trim_ascii_end().to_vec(), value)
    }

    fn is(&self, name: &[u8]) -> bool {
        self.split(true).0.eq_ignore_ascii_case(name)
    }
}

/// The fields of a message, and its body.
pub(super) fn fields(message: &[u8]) -> (Vec<Field>, &[u8]) {
    let (mut fields, mut rest) = (Vec::<Field>::new(), message);
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at(end);
        match (line, fields.last_mut()) {
            (b"\r\n", _) => return (fields, after),
            ([b' ' | b'\t', ..], Some(field)) => field.0.extend_from_slice(line),
            _ if line.contains(&b':') => fields.push(Field(line.to_vec())),
            // The body begins without an empty line.
            _ => return (fields, rest),
        }
        rest = after;
    }
    (fields, rest)
}

/// The message after these changes. `own`: how many fields in front the filter does not see.
pub(super) fn apply(message: &[u8], own: usize, edits: Vec<Edit>) -> Vec<u8> {
    let (mut header, body) = fields(message);
    let mut body = body.to_vec();
    for edit in edits {
        let own = own.min(header.len());
        match edit {
            Edit::Add(name, value) => header.push(Field::new(&name, &value)),
            Edit::Insert(number, name, value) => {
                let at = own.saturating_add(number).min(header.len());
                header.insert(at, Field::new(&name, &value));
            }
            Edit::Change(number, name, value) => {
                let mut same = (own..header.len()).filter(|at| header.get(*at).is_some_and(|field| field.is(&name)));
                match (same.nth(number.saturating_sub(1)), value.is_empty()) {
                    (Some(at), true) => drop(header.remove(at)),
                    (Some(at), false) => {
                        if let Some(field) = header.get_mut(at) {
                            *field = Field::new(&name, &value);
                        }
                    }
                    (None, true) => {}
                    (None, false) => header.push(Field::new(&name, &value)),
                }
            }
            Edit::Body(other) => body = other,
        }
    }
    let mut result: Vec<u8> = header.into_iter().flat_map(|field| field.0).collect();
    result.extend_from_slice(b"\r\n");
    result.extend_from_slice(&body);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(name: &str, value: &str) -> Edit {
        Edit::Add(name.into(), value.into())
    }

    #[test]
    fn changes_of_all_kinds() {
        let message = b"Received: ours\r\nA: 1\r\n 2\r\nB: x\r\nA: 3\r\n\r\nbody\r\n";
        for (edits, wanted) in [
            (vec![], "Received: ours\r\nA: 1\r\n 2\r\nB: x\r\nA: 3\r\n\r\nbody\r\n"),
            (
                vec![add("C", "y"), Edit::Insert(0, b"D".to_vec(), b"z".to_vec())],
                "Received: ours\r\nD: z\r\nA: 1\r\n 2\r\nB: x\r\nA: 3\r\nC: y\r\n\r\nbody\r\n",
            ),
            (
                vec![
                    Edit::Change(2, b"a".to_vec(), b"4\n\t5".to_vec()),
                    Edit::Change(1, b"A".to_vec(), Vec::new()),
                    Edit::Change(1, b"Received".to_vec(), Vec::new()),
                    Edit::Body(b"new\r\n".to_vec()),
                ],
                "Received: ours\r\nB: x\r\na: 4\r\n\t5\r\n\r\nnew\r\n",
            ),
            // Nothing that a filter sends ends the header section or begins another field.
            (
                vec![add("E", "1\r\n\r\nF: 2\nG")],
                "Received: ours\r\nA: 1\r\n 2\r\nB: x\r\nA: 3\r\nE: 1\r\n\t\r\n\tF: 2\r\n\tG\r\n\r\nbody\r\n",
            ),
        ] {
            assert_eq!(String::from_utf8(apply(message, 1, edits)).unwrap(), wanted);
        }
    }

    #[test]
    fn packets() {
        assert_eq!(Edit::read(b'h', b"A\0b\0"), Some(add("A", "b")));
        assert_eq!(
            Edit::read(b'm', b"\0\0\0\x02A\0\0"),
            Some(Edit::Change(2, b"A".to_vec(), Vec::new()))
        );
        for wrong in [&b""[..], b"A", b"\0b\0", b"A b\0c\0", b"A:\0c\0"] {
            assert_eq!(Edit::read(b'h', wrong), None, "{wrong:?}");
        }
        assert!(add("X-Spam", "Yes").marks_junk("x-spam") && !add("X-Spam", "No").marks_junk("X-Spam"));
    }
}
