//! The field TLS-Required (RFC 8689 §3): a sender who would rather have the message delivered than encrypted.

use crate::mail::header;

/// Its name.
pub(crate) const FIELD: &str = "TLS-Required";
/// The most of a header in which it is looked for, in octets.
pub(crate) const MAX_HEADER: usize = 64 * 1024;

/// Whether the header says `No`. Who says it twice, or something else, has said nothing that the standard knows.
pub(crate) fn is_no(message: &[u8]) -> bool {
    let end = memchr::memmem::find(message, b"\r\n\r\n").map_or(message.len(), |at| at + 2);
    let header = message.get(..end).unwrap_or_default();
    let mut fields = header::fields(header).filter(|field| field.is(FIELD));
    let first = fields.next().map(|field| field.unfolded());
    fields.next().is_none() && first.is_some_and(|value| value.trim_ascii().eq_ignore_ascii_case(b"No"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_no_and_only_once() {
        for (message, no) in [
            ("TLS-Required: No\r\n\r\n", true),
            ("A: b\r\ntls-required:\r\n no\r\nC: d\r\n\r\nTLS-Required: No\r\n", true),
            ("TLS-Required:no", true),
            ("TLS-Required: Yes\r\n\r\n", false),
            ("TLS-Required: No, not\r\n\r\n", false),
            ("TLS-Required: No\r\nTLS-Required: No\r\n\r\n", false),
            ("A: b\r\n\r\nTLS-Required: No\r\n", false),
            ("", false),
        ] {
            assert_eq!(is_no(message.as_bytes()), no, "{message}");
        }
    }
}
