//! The order and equality of texts: i;unicode-casemap (RFC 5051), as SEARCH, SORT and THREAD compare (RFC 5255 §4.2).

use unicode_normalization::char::decompose_compatible;

/// `text` as it is compared, octet by octet, to the end of `mapped`: each character in title case, then decomposed.
pub(crate) fn casemap(text: &str, mapped: &mut Vec<u8>) {
    mapped.reserve(text.len());
    for character in text.chars() {
        match character {
            '\0'..='\x7f' => mapped.push((character as u8).to_ascii_uppercase()),
            _ => decompose_compatible(title_case(character), |part| {
                mapped.extend_from_slice(part.encode_utf8(&mut [0; 4]).as_bytes());
            }),
        }
    }
}

/// The simple title case mapping of UnicodeData.txt. It is the upper case where that is one character, but for the few that
/// have a title case of their own: digraphs, Greek with iota subscript, and Georgian, which has none.
fn title_case(character: char) -> char {
    match character {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        '\u{10d0}'..='\u{10ff}' => character,
        '\u{1f80}'..='\u{1faf}' => char::from_u32(character as u32 | 8).unwrap_or(character),
        '\u{1fb3}' => '\u{1fbc}',
        '\u{1fc3}' => '\u{1fcc}',
        '\u{1ff3}' => '\u{1ffc}',
        _ => {
            let mut upper = character.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(only), None) => only,
                _ => character,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(text: &str) -> String {
        let mut octets = Vec::new();
        casemap(text, &mut octets);
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn case_and_form_make_no_difference() {
        for (one, other) in [
            ("hello", "HELLO"),
            ("Grüße", "grU\u{308}ße"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("ёж", "ЁЖ"),
            ("ǆ", "Ǆ"),
            ("ﬁ", "ﬁ"),
            ("Ａ１", "a1"),
            ("\u{1f80}", "\u{1f88}"),
            ("ა", "ა"),
        ] {
            assert_eq!(mapped(one), mapped(other), "{one} {other}");
        }
        for (one, other) in [("strasse", "straße"), ("a", "b"), ("", " "), ("ა", "\u{1c90}")] {
            assert_ne!(mapped(one), mapped(other), "{one} {other}");
        }
    }

    #[test]
    fn each_character_on_its_own() {
        for (text, wanted) in [
            ("aZ [~", "AZ [~"),
            ("é", "E\u{301}"),
            ("ŉ", "ʼn"),
            ("ß", "ß"),
            ("ǅ", "Dz\u{30c}"),
            ("½", "1⁄2"),
        ] {
            assert_eq!(mapped(text), wanted, "{text}");
        }
    }

    #[test]
    fn the_empty_text_comes_first_and_accents_behind_their_letter() {
        let mut texts = ["zebra", "Äpfel", "", "apfel", "Zoo", "b"];
        texts.sort_by_cached_key(|text| mapped(text));
        assert_eq!(texts, ["", "apfel", "Äpfel", "b", "zebra", "Zoo"]);
    }
}
