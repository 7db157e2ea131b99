//! Character references of HTML.

/// The names of U+00A0 to U+00FF, in their order.
const LATIN: [&str; 96] = [
    "nbsp", "iexcl", "cent", "pound", "curren", "yen", "brvbar", "sect", "uml", "copy", "ordf", "laquo", "not", "shy",
    "reg", "macr", "deg", "plusmn", "sup2", "sup3", "acute", "micro", "para", "middot", "cedil", "sup1", "ordm",
    "raquo", "frac14", "frac12", "frac34", "iquest", "Agrave", "Aacute", "Acirc", "Atilde", "Auml", "Aring", "AElig",
    "Ccedil", "Egrave", "Eacute", "Ecirc", "Euml", "Igrave", "Iacute", "Icirc", "Iuml", "ETH", "Ntilde", "Ograve",
    "Oacute", "Ocirc", "Otilde", "Ouml", "times", "Oslash", "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute", "THORN",
    "szlig", "agrave", "aacute", "acirc", "atilde", "auml", "aring", "aelig", "ccedil", "egrave", "eacute", "ecirc",
    "euml", "igrave", "iacute", "icirc", "iuml", "eth", "ntilde", "ograve", "oacute", "ocirc", "otilde", "ouml",
    "divide", "oslash", "ugrave", "uacute", "ucirc", "uuml", "yacute", "thorn", "yuml",
];

/// Others that are met in mail.
const OTHERS: &[(&str, char)] = &[
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '\u{22}'),
    ("apos", '\u{27}'),
    ("euro", '€'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("sbquo", '‚'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("bdquo", '„'),
    ("bull", '•'),
    ("hellip", '…'),
    ("trade", '™'),
    ("lsaquo", '‹'),
    ("rsaquo", '›'),
    ("larr", '←'),
    ("rarr", '→'),
    ("uarr", '↑'),
    ("darr", '↓'),
    ("harr", '↔'),
    ("hearts", '♥'),
    ("star", '☆'),
    ("starf", '★'),
    ("check", '✓'),
    ("infin", '∞'),
    ("minus", '−'),
    ("le", '≤'),
    ("ge", '≥'),
    ("ne", '≠'),
    ("dagger", '†'),
    ("Dagger", '‡'),
    ("permil", '‰'),
    ("prime", '′'),
    ("OElig", 'Œ'),
    ("oelig", 'œ'),
    ("Scaron", 'Š'),
    ("scaron", 'š'),
    ("Yuml", 'Ÿ'),
    ("fnof", 'ƒ'),
    ("circ", 'ˆ'),
    ("tilde", '˜'),
    ("ensp", '\u{2002}'),
    ("emsp", '\u{2003}'),
    ("thinsp", '\u{2009}'),
    ("zwnj", '\u{200c}'),
    ("zwj", '\u{200d}'),
    ("lrm", '\u{200e}'),
    ("rlm", '\u{200f}'),
    ("Alpha", 'Α'),
    ("alpha", 'α'),
    ("Beta", 'Β'),
    ("beta", 'β'),
    ("gamma", 'γ'),
    ("delta", 'δ'),
    ("Delta", 'Δ'),
    ("pi", 'π'),
    ("Omega", 'Ω'),
    ("omega", 'ω'),
    ("sum", '∑'),
    ("radic", '√'),
    ("asymp", '≈'),
];

/// The longest reference that is looked for, without `&` and `;`.
const LONGEST: usize = 10;

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
    if let Some(index) = LATIN.iter().position(|latin| *latin == name) {
        return char::from_u32(0xa0 + index as u32);
    }
    OTHERS
        .iter()
        .find(|(other, _)| *other == name)
        .map(|(_, character)| *character)
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
