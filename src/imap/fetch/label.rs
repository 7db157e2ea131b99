//! How a FETCH response names a body section: by the item that asked for it (RFC 3501 §7.4.2, RFC 9051 §7.5.2).

use crate::imap::command::{BinarySection, BodySection, SectionName, SectionText};
use crate::imap::output::Output;

/// Writes `BODY[1.2.HEADER.FIELDS (From To)]<0>`, `RFC822.TEXT` and so on. Of `<start.length>` only the origin is told.
pub(crate) fn write(output: &mut Output, section: &BodySection) {
    match section.name {
        SectionName::Body => bracketed(output, section),
        SectionName::Rfc822 => output.raw(b"RFC822"),
        SectionName::Rfc822Header => output.raw(b"RFC822.HEADER"),
        SectionName::Rfc822Text => output.raw(b"RFC822.TEXT"),
    }
    if let Some((start, _)) = section.partial {
        output.text(format_args!("<{start}>"));
    }
}

fn bracketed(output: &mut Output, section: &BodySection) {
    output.raw(b"BODY[");
    numbers(output, &section.part);
    if !section.part.is_empty() && section.text != SectionText::All {
        output.raw(b".");
    }
    match &section.text {
        SectionText::All => {}
        SectionText::Header => output.raw(b"HEADER"),
        SectionText::Text => output.raw(b"TEXT"),
        SectionText::Mime => output.raw(b"MIME"),
        SectionText::HeaderFields(names) => fields(output, "HEADER.FIELDS", names),
        SectionText::HeaderFieldsNot(names) => fields(output, "HEADER.FIELDS.NOT", names),
    }
    output.raw(b"]");
}

/// Writes `BINARY[1.2]<0>` (RFC 3516 §4.3).
pub(crate) fn binary(output: &mut Output, section: &BinarySection) {
    output.raw(b"BINARY[");
    numbers(output, &section.part);
    output.raw(b"]");
    if let Some((start, _)) = section.partial {
        output.text(format_args!("<{start}>"));
    }
}

/// Writes `BINARY.SIZE[1.2]`.
pub(crate) fn binary_size(output: &mut Output, part: &[u32]) {
    output.raw(b"BINARY.SIZE[");
    numbers(output, part);
    output.raw(b"]");
}

fn numbers(output: &mut Output, part: &[u32]) {
    for (index, number) in part.iter().enumerate() {
        if index > 0 {
            output.raw(b".");
        }
        output.text(format_args!("{number}"));
    }
}

/// The names as the client wrote them: `header-list`, each an astring.
fn fields(output: &mut Output, item: &str, names: &[String]) {
    output.raw(item.as_bytes());
    for (index, name) in names.iter().enumerate() {
        output.raw(if index == 0 { b" (" } else { b" " });
        if is_atom(name) {
            output.raw(name.as_bytes());
        } else {
            output.string(name.as_bytes());
        }
    }
    output.raw(b")");
}

/// Whether an astring needs no quotes. Narrower than the grammar: what header fields are made of in practice.
fn is_atom(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_by_its_own_name() {
        use SectionName::*;
        let names = || vec!["From".to_owned(), "X-Odd Name".to_owned()];
        for (name, part, text, partial, wanted) in [
            (Body, vec![], SectionText::All, None, "BODY[]"),
            (Body, vec![], SectionText::All, Some((7, 9)), "BODY[]<7>"),
            (Body, vec![], SectionText::Text, Some((0, 9)), "BODY[TEXT]<0>"),
            (Body, vec![1, 20], SectionText::All, None, "BODY[1.20]"),
            (Body, vec![3], SectionText::Mime, None, "BODY[3.MIME]"),
            (Body, vec![3], SectionText::Header, None, "BODY[3.HEADER]"),
            (
                Body,
                vec![],
                SectionText::HeaderFields(names()),
                None,
                "BODY[HEADER.FIELDS (From \"X-Odd Name\")]",
            ),
            (
                Body,
                vec![4, 1],
                SectionText::HeaderFieldsNot(names()),
                Some((2, 3)),
                "BODY[4.1.HEADER.FIELDS.NOT (From \"X-Odd Name\")]<2>",
            ),
            (Rfc822, vec![], SectionText::All, None, "RFC822"),
            (Rfc822Header, vec![], SectionText::Header, None, "RFC822.HEADER"),
            (Rfc822Text, vec![], SectionText::Text, None, "RFC822.TEXT"),
        ] {
            let section = BodySection {
                name,
                part,
                text,
                partial,
                peek: true,
            };
            let mut output = Output::new();
            write(&mut output, &section);
            assert_eq!(String::from_utf8_lossy(output.written()), wanted);
        }
    }
}
