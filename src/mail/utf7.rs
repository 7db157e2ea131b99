//! Modified UTF-7, in which mailbox names travel (RFC 3501 §5.1.3) and in which Maildir++ writes them on disk.
//!
//! Every name has exactly one encoded form, and [`decode`] takes no other: two texts that look different never name one
//! mailbox. Which names are allowed is not decided here but by [`super::mailbox_name::MailboxName`]: a control character has an
//! encoded form like any other character.

/// To the encoded form.
pub fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    let mut shifted = Vec::new();
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            shift(&mut shifted, &mut encoded);
            encoded.push(c);
            if c == '&' {
                encoded.push('-');
            }
        } else {
            shifted.extend_from_slice(c.encode_utf16(&mut [0; 2]));
        }
    }
    shift(&mut shifted, &mut encoded);
    encoded
}

/// From the encoded form; `None` when it is not the one encoded form of a name.
pub fn decode(encoded: &str) -> Option<String> {
    let mut name = String::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((plain, after)) = rest.split_once('&') {
        let (shifted, after) = after.split_once('-')?;
        name.push_str(plain);
        if shifted.is_empty() {
            name.push('&');
        } else {
            unshift(shifted, &mut name)?;
        }
        rest = after;
    }
    name.push_str(rest);
    // What is left to refuse (superfluous shifts, encoded printable characters, bits that pad, raw control or 8-bit
    // characters) all has this in common:
    (encode(&name) == encoded).then_some(name)
}

/// RFC 2045's alphabet with `,` in place of `/`, which is a common hierarchy separator.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// Writes the UTF-16 units as one base64 run, if there are any.
fn shift(units: &mut Vec<u16>, encoded: &mut String) {
    if units.is_empty() {
        return;
    }
    encoded.push('&');
    let (mut bits, mut count) = (0u32, 0);
    for unit in units.drain(..) {
        bits = bits << 16 | u32::from(unit);
        count += 16;
        while count >= 6 {
            count -= 6;
            encoded.push(char::from(ALPHABET[(bits >> count & 63) as usize]));
        }
        bits &= (1 << count) - 1;
    }
    if count > 0 {
        encoded.push(char::from(ALPHABET[(bits << (6 - count) & 63) as usize]));
    }
    encoded.push('-');
}

/// Reads one base64 run. Bits left over are not looked at.
fn unshift(run: &str, name: &mut String) -> Option<()> {
    let mut units = Vec::with_capacity(run.len() * 6 / 16);
    let (mut bits, mut count) = (0u32, 0);
    for byte in run.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b',' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 16 {
            count -= 16;
            units.push((bits >> count) as u16);
            bits &= (1 << count) - 1;
        }
    }
    for c in char::decode_utf16(units) {
        name.push(c.ok()?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_and_their_one_form() {
        for (name, encoded) in [
            ("", ""),
            ("INBOX", "INBOX"),
            ("a&b", "a&-b"),
            ("&&", "&-&-"),
            ("é&", "&AOk-&-"),
            ("Entwürfe/Müll", "Entw&APw-rfe/M&APw-ll"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"), // RFC 3501 §5.1.3
            ("Отправленные", "&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-"),
            ("📮", "&2D3c7g-"),
            ("a\nb", "a&AAo-b"),
            ("\u{7f}", "&AH8-"),
            ("+-", "+-"),
        ] {
            assert_eq!(encode(name), encoded);
            assert_eq!(decode(encoded).as_deref(), Some(name));
        }
    }

    #[test]
    fn what_is_no_encoded_form() {
        for encoded in [
            "&",
            "a&b",
            "&AOk",               // unterminated
            "&AGE-",              // `a` needs no shift
            "&Jjo!",              // RFC 3501 §5.1.3: `!` needs no shift, and nothing shifts back
            "&U,BTFw-&ZeVnLIqe-", // RFC 3501 §5.1.3: superfluous shift
            "&AOkA6Q&-",
            "&AOl-",  // pad bits set
            "&A-",    // not even one character
            "&AOkA-", // a superfluous digit
            "&AO/-",  // `/` is not in the alphabet
            "&AOk=-",
            "&2D0-",    // half a surrogate pair
            "&3O7YPQ-", // the halves swapped
            "é",
            "a\nb",
            "\u{7f}",
        ] {
            assert_eq!(decode(encoded), None, "{encoded:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes(name in any::<String>()) {
            let encoded = encode(&name);
            prop_assert!(encoded.bytes().all(|b| matches!(b, b' '..=b'~')));
            prop_assert_eq!(decode(&encoded), Some(name));
        }

        #[test]
        fn no_two_texts_name_one_mailbox(text in "[&A-Ca,+ -]{0,12}") {
            if let Some(name) = decode(&text) {
                prop_assert_eq!(encode(&name), text);
            }
        }
    }
}
