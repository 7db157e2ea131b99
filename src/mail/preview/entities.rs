//! Character references of HTML.

use mail_parser::decoders::html::add_html_token;

/// The longest reference that is looked for, without `&` and `;`.
const LONGEST: usize = 31;

/// `text` with its references decoded, to the end of `into`. One that is not known stays as it is.
pub(super) fn decode(text: &str, into: &mut String) {
    let mut rest = text;
    while let Some(start) = memchr::memchr(b'&', rest.as_bytes()) {
        let (before, reference) = rest.split_at(start);
        into.push_str(before);
        let inside = &reference[1..];
        let end = inside
            .bytes()
            .take(LONGEST + 1)
            .position(|byte| !byte.is_ascii_alphanumeric() && byte != b'#');
        let end = end.unwrap_or(inside.len().min(LONGEST));
        // The semicolon is often forgotten.
        match inside.get(..end).and_then(character) {
            Some(character) => {
                into.push(character);
                rest = &inside[end..];
                rest = rest.strip_prefix(';').unwrap_or(rest);
            }
            None => {
                into.push('&');
                rest = inside;
            }
        }
    }
    into.push_str(rest);
}

fn character(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let number = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return char::from_u32(number.ok()?);
    }
    // It gives back what it does not know.
    let reference = format!("&{name};");
    let mut decoded = String::new();
    add_html_token(&mut decoded, reference.as_bytes(), false);
    let mut characters = decoded.chars();
    characters.next().filter(|_| characters.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        for (text, wanted) in [
            ("a &amp; b", "a & b"),
            ("&lt;&gt;&quot;&apos;", "<>\"'"),
            ("&nbsp;&yuml;&eacute;", "\u{a0}ÿé"),
            ("&#65;&#x42;&#X1f600;", "AB😀"),
            ("&copy 2026", "© 2026"),
            (
                "&unknown; &; & &#; &#xd800; &#99999999999;",
                "&unknown; &; & &#; &#xd800; &#99999999999;",
            ),
            ("R&D a&b=c", "R&D a&b=c"),
            ("&é;&averyveryverylongname;", "&é;&averyveryverylongname;"),
            ("&", "&"),
            ("&amp", "&"),
        ] {
            let mut decoded = String::new();
            decode(text, &mut decoded);
            assert_eq!(decoded, wanted);
        }
    }
}
