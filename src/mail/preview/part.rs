//! Which parts of a message are looked at for a preview, and in which order.

use crate::mail::summary::{Content, Part};

/// The most parts.
const MAX_CANDIDATES: usize = 8;

/// How a body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// text/plain
    Plain,
    /// text/html
    Html,
}

/// The texts that could have something to show, best first: in the order of the message, but plain text before other forms
/// of the same. Attachments are none; enclosed messages come last.
pub(crate) fn candidates(root: &Part) -> Vec<(&Part, Form)> {
    let mut found = Found::default();
    found.look(root);
    found.texts.append(&mut found.enclosed);
    found.texts.truncate(MAX_CANDIDATES);
    found.texts
}

#[derive(Default)]
struct Found<'a> {
    texts: Vec<(&'a Part, Form)>,
    enclosed: Vec<(&'a Part, Form)>,
}

impl<'a> Found<'a> {
    /// Recursion is as deep as the structure, which the scanner bounds.
    fn look(&mut self, part: &'a Part) {
        match &part.content {
            Content::Multipart(_) if part.subtype == b"ENCRYPTED" => {}
            Content::Multipart(parts) if part.subtype == b"ALTERNATIVE" => {
                let is_plain = |part: &&Part| form(part) == Some(Form::Plain);
                parts.iter().filter(is_plain).for_each(|part| self.look(part));
                parts
                    .iter()
                    .filter(|part| !is_plain(part))
                    .for_each(|part| self.look(part));
            }
            Content::Multipart(parts) => parts.iter().for_each(|part| self.look(part)),
            Content::Message(message) => {
                let mut inside = Found::default();
                inside.look(&message.root);
                self.enclosed.append(&mut inside.texts);
                self.enclosed.append(&mut inside.enclosed);
            }
            Content::Leaf => {
                let attached = part.disposition.as_ref();
                let attached = attached.is_some_and(|(kind, _)| kind.eq_ignore_ascii_case(b"attachment"));
                self.texts
                    .extend(form(part).filter(|_| !attached).map(|form| (part, form)));
            }
        }
    }
}

fn form(part: &Part) -> Option<Form> {
    match (part.media_type.as_slice(), part.subtype.as_slice()) {
        (b"TEXT", b"PLAIN") => Some(Form::Plain),
        (b"TEXT", b"HTML") => Some(Form::Html),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::mime::{MimeLimits, Scanner};

    /// The bodies of the candidates of a message.
    fn bodies(message: &str) -> Vec<String> {
        let message = message.replace('\n', "\r\n");
        let mut scanner = Scanner::new(MimeLimits::default());
        scanner.feed(message.as_bytes());
        let summary = scanner.finish();
        let body = |part: &Part| {
            message[part.body_start as usize..part.body_end as usize]
                .trim()
                .to_owned()
        };
        candidates(&summary.root)
            .into_iter()
            .map(|(part, _)| body(part))
            .collect()
    }

    fn multipart(subtype: &str, parts: &[&str]) -> String {
        let mut message = format!("Content-Type: multipart/{subtype}; boundary=\"{subtype}\"\n\n");
        for part in parts {
            message.push_str(&format!("--{subtype}\n{part}\n"));
        }
        message.push_str(&format!("--{subtype}--\n"));
        message
    }

    const PLAIN: &str = "Content-Type: text/plain\n\nplain";
    const HTML: &str = "Content-Type: text/html\n\nhtml";
    const IMAGE: &str = "Content-Type: image/png\n\nimage";
    const ATTACHED: &str = "Content-Type: text/plain\nContent-Disposition: attachment\n\nattached";

    #[test]
    fn the_best_text_first() {
        let alternative = multipart("alternative", &[HTML, PLAIN]);
        let related = multipart("related", &[HTML, IMAGE]);
        let enclosed = format!("Content-Type: message/rfc822\n\n{PLAIN}");
        for (message, wanted) in [
            ("\nunlabelled".to_owned(), &["unlabelled"][..]),
            (PLAIN.to_owned(), &["plain"]),
            (HTML.to_owned(), &["html"]),
            (IMAGE.to_owned(), &[]),
            (ATTACHED.to_owned(), &[]),
            (alternative.clone(), &["plain", "html"]),
            (multipart("alternative", &[PLAIN, &related]), &["plain", "html"]),
            (multipart("mixed", &[HTML, PLAIN]), &["html", "plain"]),
            (multipart("mixed", &[ATTACHED, IMAGE, &alternative]), &["plain", "html"]),
            (multipart("mixed", &[&enclosed, HTML]), &["html", "plain"]),
            (enclosed.clone(), &["plain"]),
            (multipart("signed", &[PLAIN, IMAGE]), &["plain"]),
            (multipart("encrypted", &[IMAGE, PLAIN]), &[]),
        ] {
            assert_eq!(bodies(&message), wanted, "{message}");
        }
    }
}
