//! What the Content fields of a header say of its body (RFC 2045, RFC 2046, RFC 2183).

use super::continuations;
use super::lexer::Lexer;
use crate::mail::header::fields;
use crate::mail::summary::{Content, Parameters, Part};

/// Reads the fields of a header block into a part whose offsets are still 0. `digest`: it is a part of a multipart/digest,
/// where a missing Content-Type means message/rfc822 (RFC 2046 §5.1.5). Of a field that is there more than once the first
/// counts.
pub(super) fn read(block: &[u8], digest: bool) -> Part {
    let mut part = Part {
        header_start: 0,
        body_start: 0,
        body_end: 0,
        lines: 0,
        media_type: Vec::new(),
        subtype: Vec::new(),
        parameters: Vec::new(),
        id: None,
        description: None,
        encoding: Vec::new(),
        md5: None,
        disposition: None,
        language: Vec::new(),
        location: None,
        content: Content::Leaf,
    };
    let mut typed = false;
    for field in fields(block) {
        let text = match field.name.to_ascii_lowercase().as_slice() {
            b"content-type" if !typed => {
                typed = true;
                content_type(&field.unfolded(), &mut part);
                continue;
            }
            b"content-transfer-encoding" if part.encoding.is_empty() => {
                part.encoding = encoding(&field.unfolded());
                continue;
            }
            b"content-disposition" if part.disposition.is_none() => {
                part.disposition = disposition(&field.unfolded());
                continue;
            }
            b"content-language" if part.language.is_empty() => {
                part.language = language(&field.unfolded());
                continue;
            }
            b"content-id" => &mut part.id,
            b"content-description" => &mut part.description,
            b"content-md5" => &mut part.md5,
            b"content-location" => &mut part.location,
            _ => continue,
        };
        if text.is_none() {
            *text = Some(field.unfolded());
        }
    }
    if part.media_type.is_empty() {
        let (media_type, subtype) = match digest && !typed {
            true => ("MESSAGE", "RFC822"),
            false => ("TEXT", "PLAIN"),
        };
        part.media_type = media_type.as_bytes().to_vec();
        part.subtype = subtype.as_bytes().to_vec();
    }
    if part.encoding.is_empty() {
        part.encoding = b"7BIT".to_vec();
    }
    // RFC 2045 §5.2 and RFC 2046 §4.1.2 let it be assumed, and servers have always said it: clients rely on it.
    if part.media_type == b"TEXT" && parameter(&part.parameters, b"charset").is_none() {
        part.parameters.push((b"CHARSET".to_vec(), b"US-ASCII".to_vec()));
    }
    part
}

/// The first parameter of that name.
pub(super) fn parameter<'a>(parameters: &'a Parameters, name: &[u8]) -> Option<&'a [u8]> {
    let found = parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_slice())
}

/// `text/plain; charset=utf-8`. Without type and subtype nothing is taken: RFC 2045 §5.2 wants such a field ignored.
fn content_type(value: &[u8], part: &mut Part) {
    let mut lexer = Lexer::new(value);
    lexer.space_and_comments();
    let media_type = lexer.token();
    lexer.space_and_comments();
    let slash = lexer.skip(b'/');
    lexer.space_and_comments();
    let subtype = lexer.token();
    if media_type.is_empty() || !slash || subtype.is_empty() {
        return;
    }
    part.media_type = media_type.to_ascii_uppercase();
    part.subtype = subtype.to_ascii_uppercase();
    part.parameters = parameters(lexer);
}

/// `attachment; filename="a.pdf"` (RFC 2183 §2).
fn disposition(value: &[u8]) -> Option<(Vec<u8>, Parameters)> {
    let mut lexer = Lexer::new(value);
    lexer.space_and_comments();
    let kind = lexer.token();
    (!kind.is_empty()).then(|| (kind.to_vec(), parameters(lexer)))
}

fn encoding(value: &[u8]) -> Vec<u8> {
    let mut lexer = Lexer::new(value);
    lexer.space_and_comments();
    lexer.token().to_ascii_uppercase()
}

/// `de, en` (RFC 3282 §2).
fn language(value: &[u8]) -> Vec<Vec<u8>> {
    let mut lexer = Lexer::new(value);
    let mut tags = Vec::new();
    while lexer.peek().is_some() {
        lexer.space_and_comments();
        let tag = lexer.token();
        if !tag.is_empty() {
            tags.push(tag.to_vec());
        }
        lexer.take_while(|byte| byte != b',');
        lexer.skip(b',');
    }
    tags
}

/// What stands behind the type. A missing semicolon in front is forgiven; what is no parameter is passed over.
fn parameters(mut lexer: Lexer<'_>) -> Parameters {
    let mut parameters = Parameters::new();
    while lexer.peek().is_some() {
        lexer.space_and_comments();
        let name = lexer.token();
        lexer.space_and_comments();
        if !name.is_empty() && lexer.skip(b'=') {
            lexer.space_and_comments();
            let value = match lexer.peek() {
                Some(b'"') => lexer.quoted_string(),
                _ => unquoted(&mut lexer),
            };
            parameters.push((name.to_vec(), value));
        }
        lexer.take_while(|byte| byte != b';');
        lexer.skip(b';');
    }
    continuations::join(parameters)
}

/// A value without quotes, as it would have been with them: programs leave them out in front of spaces, slashes and
/// parentheses too. A comment has white space in front of it.
fn unquoted(lexer: &mut Lexer<'_>) -> Vec<u8> {
    let text = lexer.take_while(|byte| byte != b';');
    let comment = text
        .windows(2)
        .position(|pair| pair[0].is_ascii_whitespace() && pair[1] == b'(');
    text[..comment.unwrap_or(text.len())].trim_ascii_end().to_vec()
}
