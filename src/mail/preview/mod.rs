//! A few words of a message (PREVIEW, RFC 8970): what its writer has written, without markup, quotes, signatures and what
//! programs have put around it.
//!
//! Pure. The input is bounded by the caller; work and memory are linear in it.

mod entities;
mod html;
mod part;
mod plain;

pub(crate) use part::{Form, candidates};

/// Characters of a preview (RFC 8970 §3.3).
const LENGTH: usize = 200;

/// The preview of a decoded body, or of its beginning; empty when it has nothing to show.
pub(crate) fn preview(text: &str, form: Form) -> String {
    // Where all is quoted, as in what is forwarded, that is what there is to show.
    let own = match form {
        Form::Plain => plain::own_words(text),
        Form::Html => html::lines(text, false),
    };
    let own = shorten(&own);
    if !own.is_empty() {
        return own;
    }
    shorten(&match form {
        Form::Plain => plain::all_words(text),
        Form::Html => html::lines(text, true),
    })
}

/// One line of at most [`LENGTH`] characters, cut between words where that costs little. What has no width, with which
/// senders of newsletters fill previews, and what ends or turns a line is left out.
fn shorten(text: &str) -> String {
    let mut short = String::new();
    let mut length = 0;
    // The last space, if it is near.
    let mut space = None;
    for character in text.chars() {
        let character = match character {
            _ if is_blank(character) => ' ',
            _ if is_invisible(character) => continue,
            other => other,
        };
        if character == ' ' && (short.is_empty() || short.ends_with(' ')) {
            continue;
        }
        if length == LENGTH {
            let cut = space.filter(|_| character != ' ').unwrap_or(short.len());
            short.truncate(cut);
            break;
        }
        if character == ' ' && length + LENGTH / 10 >= LENGTH {
            space = Some(short.len());
        }
        short.push(character);
        length += 1;
    }
    short.truncate(short.trim_end().len());
    short
}

fn is_blank(character: char) -> bool {
    // U+2800 is the empty pattern of Braille.
    character.is_whitespace() || matches!(character, '\u{2800}' | '\u{3164}')
}

fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fffc}' | '\u{fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_line_of_some_words() {
        for (text, wanted) in [
            ("  Hello,\r\n\r\nworld \t!\r\n", "Hello, world !"),
            ("a\u{a0}\u{200c}\u{a0}\u{ad}\u{34f} b\u{feff}", "a b"),
            ("\u{202e}x\0\u{7}y\u{1b}[0m", "xy[0m"),
            ("", ""),
            ("\u{200c} \u{a0}", ""),
        ] {
            assert_eq!(shorten(text), wanted);
        }
        assert_eq!(shorten(&"ab ".repeat(100)).len(), 200);
        assert_eq!(shorten(&"abcdefgh ".repeat(100)), "abcdefgh ".repeat(22).trim_end());
        assert_eq!(shorten(&"ü".repeat(300)).chars().count(), 200);
    }

    #[test]
    fn quotes_are_shown_when_there_is_nothing_else() {
        assert_eq!(preview("> only\r\n> a quote\r\n", Form::Plain), "only a quote");
        assert_eq!(
            preview("<blockquote>only a <b>quote</b></blockquote>", Form::Html),
            "only a quote"
        );
        assert_eq!(preview("-- \r\nme", Form::Plain), "me");
    }

    proptest! {
        #[test]
        fn any_text_has_a_preview(text in "\\PC{0,300}", like in "(<|>|p|div|/|&|#|;|x|\"|=| |!--|--|style|blockquote|\n){0,60}") {
            for text in [&text, &like] {
                for form in [Form::Plain, Form::Html] {
                    let preview = preview(text, form);
                    prop_assert!(preview.chars().count() <= LENGTH);
                    prop_assert!(!preview.contains(['\r', '\n', '\0']));
                }
            }
        }
    }
}
