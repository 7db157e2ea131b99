//! Message identifiers as header fields hold them (RFC 5322 §3.6.4), in the one form in which they are compared.

use std::collections::VecDeque;

/// The most identifiers that are taken from one field: the first, which is the root of the conversation, and the last ones,
/// which are the nearest.
const MAX_IDS: usize = 200;

/// The identifiers of a References, In-Reply-To or Message-ID field, in its order, without brackets. Quotes are undone, for
/// "the same Message ID" can be written with and without (RFC 5256 §3). What is no identifier is passed over.
pub(crate) fn message_ids(value: &[u8]) -> Vec<Vec<u8>> {
    let mut first = None;
    let mut last = VecDeque::new();
    let mut rest = value;
    while let Some(start) = memchr::memchr(b'<', rest) {
        let inside = &rest[start + 1..];
        let Some((id, behind)) = identifier(inside) else {
            rest = inside;
            continue;
        };
        rest = behind;
        match id {
            Some(id) if first.is_none() => first = Some(id),
            Some(id) => {
                if last.len() == MAX_IDS - 1 {
                    last.pop_front();
                }
                last.push_back(id);
            }
            None => {}
        }
    }
    first.into_iter().chain(last).collect()
}

/// What stands up to the closing bracket, when it is an identifier, and what is behind the bracket. White space, which
/// programs that fold long lines put in, is no part of it.
fn identifier(inside: &[u8]) -> Option<(Option<Vec<u8>>, &[u8])> {
    let mut id = Vec::new();
    let mut quoted = false;
    let mut at_sign = None;
    let mut bytes = inside.iter().enumerate();
    while let Some((place, &byte)) = bytes.next() {
        match byte {
            b'"' => quoted = !quoted,
            b'\\' if quoted => id.extend(bytes.next().map(|(_, escaped)| *escaped)),
            b'>' if !quoted => {
                let valid = at_sign.is_some_and(|at| at > 0 && at + 1 < id.len());
                return Some((valid.then_some(id), &inside[place + 1..]));
            }
            // Another one begins: the first was none.
            b'<' if !quoted => return Some((None, &inside[place..])),
            byte if byte.is_ascii_whitespace() && !quoted => {}
            byte => {
                if byte == b'@' && !quoted {
                    at_sign = Some(id.len());
                }
                id.push(byte);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids(value: &str) -> Vec<String> {
        let ids = message_ids(value.as_bytes());
        ids.into_iter().map(|id| String::from_utf8(id).unwrap()).collect()
    }

    #[test]
    fn as_they_are_written() {
        for (value, wanted) in [
            ("<a@b>", &["a@b"][..]),
            (" <a@b> <c@d>\r\n\t<e@f>", &["a@b", "c@d", "e@f"]),
            ("<a@b><c@d>,<e@f>", &["a@b", "c@d", "e@f"]),
            // RFC 5256 §3
            (
                "<\"01KF8JCEOCBS0045PS\"@xxx.yyy.com> <01KF8JCEOCBS0045PS@xxx.yyy.com>",
                &["01KF8JCEOCBS0045PS@xxx.yyy.com", "01KF8JCEOCBS0045PS@xxx.yyy.com"],
            ),
            ("<\"a\\\"> b\"@c>", &["a\"> b@c"]),
            ("Your message of \"Mon\" <a@b> from <x>", &["a@b"]),
            ("<a@ b.\r\n example>", &["a@b.example"]),
            ("<a@[1.2.3.4]>", &["a@[1.2.3.4]"]),
            ("<A@b> <a@b>", &["A@b", "a@b"]),
            ("<a <b@c>", &["b@c"]),
            ("< \"a\"@b", &[]),
            ("<@b> <a@> <> a@b", &[]),
            ("", &[]),
        ] {
            assert_eq!(ids(value), wanted, "{value}");
        }
    }

    #[test]
    fn of_many_the_first_and_the_last() {
        let value: String = (0..1000).map(|number| format!("<{number}@x> ")).collect();
        let ids = ids(&value);
        assert_eq!((ids.len(), ids[0].as_str(), ids[1].as_str()), (MAX_IDS, "0@x", "801@x"));
        assert_eq!(ids[MAX_IDS - 1], "999@x");
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(bytes: Vec<u8>, like in "(<|>|@|\"|\\\\|a| ){0,40}") {
            message_ids(&bytes);
            message_ids(like.as_bytes());
        }
    }
}
