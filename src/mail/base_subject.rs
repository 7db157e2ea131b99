//! What is left of a subject without its reply and forward marks (RFC 5256 §2.1): servers and clients "MUST use exactly this
//! algorithm", so nothing is added to it, such as the marks of other languages.

/// The base subject of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BaseSubject {
    /// What is left.
    pub(crate) text: String,
    /// Whether a mark of a reply or a forward was taken off (RFC 5256 §3, REFERENCES).
    pub(crate) is_reply: bool,
}

impl BaseSubject {
    /// From a subject whose encoded words are decoded already. Linear in its length.
    pub(crate) fn of(subject: &str) -> BaseSubject {
        let spaced = single_spaces(subject);
        let mut rest = spaced.as_str();
        let mut is_reply = false;
        loop {
            rest = without_trailers(rest, &mut is_reply);
            rest = without_leaders(rest, &mut is_reply);
            // (6)
            match strip_prefix(rest, "[fwd:").and_then(|inside| inside.strip_suffix(']')) {
                Some(inside) => rest = inside,
                None => break,
            }
            is_reply = true;
        }
        BaseSubject {
            text: rest.to_owned(),
            is_reply,
        }
    }
}

/// (1) Tabs and continuations are spaces, and several of them one.
fn single_spaces(subject: &str) -> String {
    let mut spaced = String::with_capacity(subject.len());
    for character in subject.chars() {
        match character {
            ' ' | '\t' | '\r' | '\n' if spaced.ends_with(' ') => {}
            ' ' | '\t' | '\r' | '\n' => spaced.push(' '),
            other => spaced.push(other),
        }
    }
    spaced
}

/// (2) `subj-trailer`, as often as there is one.
fn without_trailers<'a>(mut rest: &'a str, is_reply: &mut bool) -> &'a str {
    loop {
        rest = rest.trim_end_matches(' ');
        match strip_suffix(rest, "(fwd)") {
            Some(front) => rest = front,
            None => return rest,
        }
        *is_reply = true;
    }
}

/// (3) to (5): `subj-leader`, and `subj-blob` as long as something is left behind it. Blobs that no mark follows are none of
/// a leader's; of those at the very end the last is the base.
fn without_leaders<'a>(mut rest: &'a str, is_reply: &mut bool) -> &'a str {
    loop {
        rest = rest.trim_start_matches(' ');
        let mut last_blob = rest;
        let mut behind = rest;
        while let Some(next) = without_blob(behind) {
            last_blob = behind;
            behind = next;
        }
        match without_mark(behind) {
            Some(next) => rest = next,
            None if behind.is_empty() => return last_blob,
            None => return behind,
        }
        *is_reply = true;
    }
}

/// `subj-refwd`: what is behind it.
fn without_mark(text: &str) -> Option<&str> {
    let behind = ["re", "fwd", "fw"].iter().find_map(|mark| strip_prefix(text, mark))?;
    let behind = behind.trim_start_matches(' ');
    without_blob(behind).unwrap_or(behind).strip_prefix(':')
}

/// `subj-blob`: what is behind it.
fn without_blob(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('[')?;
    let end = inside.find(['[', ']'])?;
    let behind = inside.get(end..)?.strip_prefix(']')?;
    Some(behind.trim_start_matches(' '))
}

/// Without regard to case; `prefix` is ASCII.
fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (front, behind) = text.split_at_checked(prefix.len())?;
    front.eq_ignore_ascii_case(prefix).then_some(behind)
}

/// Without regard to case; `suffix` is ASCII.
fn strip_suffix<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let (front, behind) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    behind.eq_ignore_ascii_case(suffix).then_some(front)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_are_taken_off() {
        for (subject, text, is_reply) in [
            ("hello", "hello", false),
            ("  hello \t world ", "hello world", false),
            ("Re: hello", "hello", true),
            ("RE:hello", "hello", true),
            ("re : Fw: FWD : hello", "hello", true),
            ("Re[2]: hello", "hello", true),
            ("Re [a b] : hello", "hello", true),
            ("hello (fwd)", "hello", true),
            ("hello (FWD) (fwd) ", "hello", true),
            ("Re: hello (fwd)", "hello", true),
            ("[list] hello", "hello", false),
            ("[list] [other]hello", "hello", false),
            ("[list] Re: hello", "hello", true),
            ("Re: [list] Re: [other] hello", "hello", true),
            ("[list] [other] Re: hello", "hello", true),
            // A blob that would leave nothing is the base.
            ("[list]", "[list]", false),
            ("[list] [other]", "[other]", false),
            ("Re: [list]", "[list]", true),
            ("[list] (fwd)", "[list]", true),
            ("[fwd: hello]", "hello", true),
            ("[Fwd: Re: hello (fwd)]", "hello", true),
            ("[fwd: [fwd: hello]]", "hello", true),
            ("[fwd: [list]]", "[list]", true),
            ("Re: [fwd: [list] hello] (fwd)", "hello", true),
            ("[list] [fwd: hello]", "hello", true),
            // Nothing but marks.
            ("", "", false),
            ("Re:", "", true),
            ("(fwd)", "", true),
            ("Re: (fwd)", "", true),
            ("[fwd:]", "", true),
            // Almost.
            ("Re hello", "Re hello", false),
            ("Reply: hello", "Reply: hello", false),
            ("AW: hello", "AW: hello", false),
            ("[a[b] hello", "[a[b] hello", false),
            ("[open hello", "[open hello", false),
            ("hello [list]", "hello [list]", false),
            ("[fwd: hello", "[fwd: hello", false),
            ("(fwd) hello", "(fwd) hello", false),
            ("Re[2: hello", "Re[2: hello", false),
            ("Größe (fwd)", "Größe", true),
            ("ré: x", "ré: x", false),
        ] {
            let found = BaseSubject::of(subject);
            assert_eq!((found.text.as_str(), found.is_reply), (text, is_reply), "{subject:?}");
        }
    }

    /// The steps as the RFC writes them, one after the other.
    fn literally(subject: &str) -> (String, bool) {
        let mut text = single_spaces(subject);
        let mut is_reply = false;
        loop {
            loop {
                if let Some(front) = text.strip_suffix(' ') {
                    text = front.to_owned();
                } else if let Some(front) = strip_suffix(&text, "(fwd)") {
                    (text, is_reply) = (front.to_owned(), true);
                } else {
                    break;
                }
            }
            loop {
                let mut behind = text.as_str();
                while let Some(next) = without_blob(behind) {
                    behind = next;
                }
                if let Some(next) = without_mark(behind) {
                    (text, is_reply) = (next.to_owned(), true);
                } else if let Some(next) = text.strip_prefix(' ') {
                    text = next.to_owned();
                } else if let Some(next) = without_blob(&text).filter(|next| !next.is_empty()) {
                    text = next.to_owned();
                } else {
                    break;
                }
            }
            match strip_prefix(&text, "[fwd:").and_then(|inside| inside.strip_suffix(']')) {
                Some(inside) => (text, is_reply) = (inside.to_owned(), true),
                None => return (text, is_reply),
            }
        }
    }

    proptest! {
        #[test]
        fn the_same_as_step_by_step(subject in "(re|fw|fwd|Re: |:|\\[|\\]| |\\(fwd\\)|\\[fwd:|a|ü){0,16}") {
            let found = BaseSubject::of(&subject);
            prop_assert_eq!((found.text, found.is_reply), literally(&subject));
        }

        #[test]
        fn what_is_left_has_nothing_to_take_off(subject in "\\PC{0,40}") {
            let text = BaseSubject::of(&subject).text;
            prop_assert_eq!(BaseSubject::of(&text), BaseSubject { text, is_reply: false });
        }
    }
}
