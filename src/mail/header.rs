//! The fields of a header block as they stand (RFC 5322 §2.2): for the summary, for picking some and for searching.

use super::encoded_word;

/// One field: its lines with their line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    /// All of it, folded lines and the last line end included.
    pub(crate) raw: &'a [u8],
    /// In front of the colon, without white space; empty when there is no colon.
    pub(crate) name: &'a [u8],
    /// Behind the colon, as it stands.
    pub(crate) value: &'a [u8],
}

/// The fields of a block, which ends at the first empty line or with its last byte.
pub(crate) fn fields(block: &[u8]) -> Fields<'_> {
    Fields { rest: block }
}

/// A whole header as texts are looked for in it, field by field: decoded, and as it stands but unfolded.
pub(crate) fn texts(block: &[u8]) -> [String; 2] {
    [lines(block, encoded_word::decoded), lines(block, encoded_word::plain)]
}

fn lines(block: &[u8], read: impl Fn(&[u8]) -> String) -> String {
    let mut lines = String::new();
    for field in fields(block) {
        lines.push_str(&encoded_word::plain(field.name));
        lines.push_str(": ");
        lines.push_str(&read(&field.unfolded()));
        lines.push('\n');
    }
    lines
}

/// Iterates over the fields of a block.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        if matches!(self.rest, [] | [b'\n', ..] | [b'\r', b'\n', ..]) {
            return None;
        }
        let mut end = 0;
        loop {
            end = match memchr::memchr(b'\n', &self.rest[end..]) {
                Some(line) => end + line + 1,
                None => self.rest.len(),
            };
            if !matches!(self.rest.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        let (raw, rest) = self.rest.split_at(end);
        self.rest = rest;
        let (name, value) = match memchr::memchr(b':', raw) {
            Some(colon) => (raw[..colon].trim_ascii(), &raw[colon + 1..]),
            None => (&raw[..0], raw),
        };
        Some(Field { raw, name, value })
    }
}

impl Field<'_> {
    /// Whether it has that name, in any case.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Its value on one line, without white space around it: line ends taken out (RFC 5322 §2.2.3), and NULs, which no IMAP
    /// string can carry (RFC 9051 §4.3). A tab, which most programs that write one use for folding, becomes a space, and so
    /// does a CR that is no line end.
    pub(crate) fn unfolded(&self) -> Vec<u8> {
        let value = self.value.trim_ascii();
        let mut line = Vec::with_capacity(value.len());
        for (index, &byte) in value.iter().enumerate() {
            match byte {
                b'\n' | b'\0' => {}
                b'\r' if value.get(index + 1) == Some(&b'\n') => {}
                b'\r' | b'\t' => line.push(b' '),
                _ => line.push(byte),
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_up_to_the_empty_line() {
        let block = b"A: 1\r\nb :2\r\n\tand\r\n more\r\nno colon\nC:\n\r\nD: body\r\n";
        let list: Vec<_> = fields(block).map(|field| (field.name, field.unfolded())).collect();
        assert_eq!(
            list,
            [
                (&b"A"[..], b"1".to_vec()),
                (b"b", b"2 and more".to_vec()),
                (b"", b"no colon".to_vec()),
                (b"C", b"".to_vec()),
            ]
        );
        assert_eq!(
            fields(block).map(|field| field.raw.len()).sum::<usize>(),
            block.len() - 11
        );
        assert!(
            fields(b"X: y")
                .next()
                .is_some_and(|field| field.is("x") && field.raw == b"X: y")
        );
        assert!(fields(b"").next().is_none());
    }
}
