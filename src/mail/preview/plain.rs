//! The words of plain text that are its writer's own.

/// Lines that are looked at.
const MAX_LINES: usize = 2_000;

/// What is not quoted, up to a signature or to the message below that was answered.
pub(super) fn own_words(text: &str) -> String {
    let lines: Vec<&str> = lines(text).collect();
    let mut words = String::new();
    for (index, line) in lines.iter().enumerate() {
        if is_signature(line) || is_end(line) {
            break;
        }
        if is_quoted(line) || is_decoration(line) || introduces_quote(&lines[index..]) {
            continue;
        }
        append(&mut words, line);
    }
    words
}

/// All words, quoted ones without their marks.
pub(super) fn all_words(text: &str) -> String {
    let mut words = String::new();
    for line in lines(text).filter(|line| !is_decoration(line) && !is_signature(line)) {
        append(&mut words, line.trim_start_matches(['>', ' ', '|']));
    }
    words
}

/// The lines without the armour of OpenPGP (RFC 9580 §6 and §7). What is encrypted is no text.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    // The beginning of the line with which the armour ends: of signed text, the empty one behind its `Hash`.
    let mut armour: Option<&str> = None;
    text.lines().take(MAX_LINES).filter(move |line| {
        let line = line.trim_end();
        if let Some(what) = line.strip_prefix("-----BEGIN PGP ") {
            armour = Some(if what.starts_with("SIGNED") {
                ""
            } else {
                "-----END PGP "
            });
            return false;
        }
        let Some(end) = armour else { return true };
        if line == end || (!end.is_empty() && line.starts_with(end)) {
            armour = None;
        }
        false
    })
}

fn append(words: &mut String, line: &str) {
    // `[image: Logo]` and `[cid:...]`, which programs write for pictures.
    for (index, piece) in line.split('[').enumerate() {
        let picture = index > 0 && (piece.starts_with("image:") || piece.starts_with("cid:"));
        match piece.split_once(']').filter(|_| picture) {
            Some((_, behind)) => words.push_str(behind),
            None if index > 0 => {
                words.push('[');
                words.push_str(piece);
            }
            None => words.push_str(piece),
        }
    }
    words.push('\n');
}

/// RFC 3676 §4.3; some programs lose the space.
fn is_signature(line: &str) -> bool {
    matches!(line, "-- " | "--" | "-- \u{a0}" | "--\u{a0}")
}

fn is_quoted(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

/// Rules made of other characters: at least three, and nothing else.
fn is_decoration(line: &str) -> bool {
    let line = line.trim();
    line.chars().count() >= 3 && line.chars().all(|character| "-_=*~#+·•─━".contains(character))
}

/// A line with which programs set off what was answered or forwarded.
fn is_end(line: &str) -> bool {
    let line = line.trim();
    line.strip_prefix("-----")
        .and_then(|line| line.trim_start_matches('-').strip_suffix("-----"))
        .map(|title| title.trim_matches(['-', ' ']))
        .is_some_and(|title| !title.is_empty())
}

/// Whether the first of these lines says who wrote the quote below: it, or the next as well, ends in a colon, and then there
/// is a quote.
fn introduces_quote(lines: &[&str]) -> bool {
    let is_intro = |line: &&str| line.trim_end().ends_with(':');
    let mut rest = lines.iter();
    let Some(first) = rest.next().filter(|line| !line.trim().is_empty()) else {
        return false;
    };
    if !(is_intro(first) || first.len() >= 20 && rest.next().is_some_and(is_intro)) {
        return false;
    }
    rest.find(|line| !line.trim().is_empty())
        .is_some_and(|line| is_quoted(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(text: &str) -> String {
        own_words(text).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_others_wrote_is_left_out() {
        for (text, wanted) in [
            ("Hello\nthere\n", "Hello there"),
            ("Hello\n-- \nMe, of course\n", "Hello"),
            ("> What?\n> Who?\nYes.\n", "Yes."),
            ("On Monday, Bob wrote:\n> What?\n\nYes.\n", "Yes."),
            (
                "On Monday the 3rd of May at 12:00,\nBob <b@x> wrote:\n\n> What?\n\nYes.\n",
                "Yes.",
            ),
            ("The list:\n1. one\n", "The list: 1. one"),
            ("Two things:\n\nFirst.\n> q\n", "Two things: First."),
            ("Yes.\n\n-----Original Message-----\nFrom: Bob\n", "Yes."),
            ("Yes.\n\n---------- Forwarded message ---------\nFrom: Bob\n", "Yes."),
            ("=====\nTitle\n=====\n***\nText -- more\n", "Title Text -- more"),
            ("[image: Logo] Welcome [cid:1@x]\n", "Welcome"),
            ("[image: never closed\n", "[image: never closed"),
            (
                "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nSigned.\n-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n",
                "Signed.",
            ),
            ("-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----\n", ""),
            ("", ""),
        ] {
            assert_eq!(own(text), wanted, "{text}");
        }
    }
}
