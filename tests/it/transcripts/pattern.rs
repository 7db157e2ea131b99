//! The text of a transcript line: literal characters, `{{…}}` pieces and `<<…>>` literals.

use std::collections::HashMap;

use anyhow::{Context, bail, ensure};
use regex_lite::Regex;

use crate::client::printable;

/// What was captured so far, by name.
pub(super) type Variables = HashMap<String, String>;

/// How the groups of `{{>$name}}` begin: no variable can be named so.
const ABOVE: &str = "above__";

/// A line as written, cut into its pieces.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Text(Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    /// As it is.
    Plain(Vec<u8>),
    /// `{{$name}}` or `{{$name+1}}`: what was captured, with a number added.
    Value(String, u64),
    /// `{{$name=regex}}`: matched and kept.
    Capture(String, String),
    /// `{{>$name}}`: a number above the one captured.
    Above(String),
    /// `{{regex}}`.
    Matching(String),
    /// `<<text>>`, `<<+text>>`: an IMAP literal, its length counted by us.
    Literal { waits: bool, content: Vec<Piece> },
}

/// What a client sends: the bytes up to each point at which it waits for a continuation request.
pub(super) type Writes = Vec<Vec<u8>>;

impl Text {
    /// Reads a line. `body` gives the octets behind `<<|>>` (the following `|` lines) and `<<@file>>`.
    pub(super) fn parse(line: &str, body: &mut dyn FnMut(&str) -> anyhow::Result<Body>) -> anyhow::Result<Text> {
        let mut pieces = parse(line, body)?;
        if line.ends_with("...")
            && let Some(Piece::Plain(last)) = pieces.last_mut()
        {
            last.truncate(last.len() - 3);
            pieces.push(Piece::Matching(".*".to_owned()));
        }
        Ok(Text(pieces))
    }

    /// As a client sends it, without the CRLF at its end.
    pub(super) fn to_send(&self, variables: &Variables) -> anyhow::Result<Writes> {
        let mut writes = vec![Vec::new()];
        send(&self.0, variables, &mut writes)?;
        Ok(writes)
    }

    /// Whether a response is what was expected; captures are added to `variables`.
    pub(super) fn matches(&self, response: &[u8], variables: &mut Variables) -> anyhow::Result<bool> {
        let pattern = format!("(?s)^{}$", expression(&self.0, variables)?);
        let regex = Regex::new(&pattern).with_context(|| pattern.clone())?;
        let response = printable(response);
        let Some(found) = regex.captures(&response) else {
            return Ok(false);
        };
        let above = self.0.iter().filter_map(|piece| match piece {
            Piece::Above(name) => Some(name),
            _ => None,
        });
        for (index, name) in above.enumerate() {
            let number = found
                .name(&format!("{ABOVE}{index}"))
                .map(|found| found.as_str().parse::<u64>());
            if number.transpose()? <= Some(value(name, 0, variables)?.parse()?) {
                return Ok(false);
            }
        }
        for name in regex.capture_names().flatten().filter(|name| !name.starts_with(ABOVE)) {
            if let Some(value) = found.name(name) {
                variables.insert(name.to_owned(), value.as_str().to_owned());
            }
        }
        Ok(true)
    }
}

/// The octets of a body: text of the transcript, in which `{{…}}` works, or a file.
pub(super) enum Body {
    Lines(String),
    File(Vec<u8>),
}

fn parse(line: &str, body: &mut dyn FnMut(&str) -> anyhow::Result<Body>) -> anyhow::Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find("{{").into_iter().chain(rest.find("<<")).min() {
        plain(&mut pieces, &rest.as_bytes()[..at]);
        let (open, inside) = rest[at..].split_at(2);
        if open == "{{" {
            // `{{[0-9]{4}}}` ends at its last brace.
            let end = inside.find("}}").context("{{ without }}")?;
            let end = end + inside[end + 2..].bytes().take_while(|&byte| byte == b'}').count();
            pieces.push(code(&inside[..end])?);
            rest = &inside[end + 2..];
        } else {
            let end = inside.find(">>").context("<< without >>")?;
            let (waits, content) = match inside[..end].strip_prefix('+') {
                Some(content) => (false, content),
                None => (true, &inside[..end]),
            };
            let content = match content == "|" || content.starts_with('@') {
                true => match body(content)? {
                    Body::Lines(text) => parse(&text, &mut |_| bail!("a literal within a literal"))?,
                    Body::File(octets) => vec![Piece::Plain(octets)],
                },
                false => parse(content, &mut |_| bail!("a literal within a literal"))?,
            };
            pieces.push(Piece::Literal { waits, content });
            rest = &inside[end + 2..];
        }
    }
    plain(&mut pieces, rest.as_bytes());
    Ok(pieces)
}

fn plain(pieces: &mut Vec<Piece>, bytes: &[u8]) {
    match pieces.last_mut() {
        _ if bytes.is_empty() => {}
        Some(Piece::Plain(last)) => last.extend_from_slice(bytes),
        _ => pieces.push(Piece::Plain(bytes.to_vec())),
    }
}

/// The inside of `{{…}}`.
fn code(text: &str) -> anyhow::Result<Piece> {
    if let Some(digits) = text.strip_prefix("hex ") {
        return Ok(Piece::Plain(hex(digits)?));
    }
    if let Some((count, what)) = text.strip_prefix("repeat ").and_then(|rest| rest.split_once(' ')) {
        return Ok(Piece::Plain(
            what.as_bytes().repeat(count.parse().context("{{repeat COUNT TEXT}}")?),
        ));
    }
    if let Some(name) = text.strip_prefix(">$") {
        return Ok(Piece::Above(name.to_owned()));
    }
    let Some(variable) = text.strip_prefix('$') else {
        return Ok(Piece::Matching(text.to_owned()));
    };
    let (name, rest) = match variable.find(['=', '+']) {
        Some(at) => (&variable[..at], Some((&variable[at..at + 1], &variable[at + 1..]))),
        None => (variable, None),
    };
    ensure!(
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
        "a variable cannot be named {name:?}"
    );
    Ok(match rest {
        Some(("=", regex)) => Piece::Capture(name.to_owned(), regex.to_owned()),
        Some((_, number)) => Piece::Value(name.to_owned(), number.parse().context("{{$name+NUMBER}}")?),
        None => Piece::Value(name.to_owned(), 0),
    })
}

fn hex(digits: &str) -> anyhow::Result<Vec<u8>> {
    let digits: Vec<u8> = digits.bytes().filter(|byte| *byte != b' ').collect();
    digits
        .chunks(2)
        .map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?))
        .collect::<anyhow::Result<_>>()
        .context("{{hex …}}")
}

fn value(name: &str, add: u64, variables: &Variables) -> anyhow::Result<String> {
    let value = variables
        .get(name)
        .with_context(|| format!("{{{{${name}}}}} was never captured"))?;
    if add == 0 {
        return Ok(value.clone());
    }
    let number: u64 = value
        .parse()
        .with_context(|| format!("${name} is {value:?}, no number"))?;
    Ok((number + add).to_string())
}

fn send(pieces: &[Piece], variables: &Variables, writes: &mut Writes) -> anyhow::Result<()> {
    for piece in pieces {
        let last = writes.last_mut().context("no write")?;
        match piece {
            Piece::Plain(bytes) => last.extend_from_slice(bytes),
            Piece::Value(name, add) => last.extend_from_slice(value(name, *add, variables)?.as_bytes()),
            Piece::Capture(..) | Piece::Above(_) | Piece::Matching(_) => {
                bail!("a client cannot send a regular expression")
            }
            Piece::Literal { waits, content } => {
                let mut octets = vec![Vec::new()];
                send(content, variables, &mut octets)?;
                let octets = octets.concat();
                let plus = if *waits { "" } else { "+" };
                last.extend_from_slice(format!("{{{}{plus}}}\r\n", octets.len()).as_bytes());
                match waits {
                    true => writes.push(octets),
                    false => last.extend_from_slice(&octets),
                }
            }
        }
    }
    Ok(())
}

fn expression(pieces: &[Piece], variables: &Variables) -> anyhow::Result<String> {
    let mut regex = String::new();
    let mut above = 0;
    for piece in pieces {
        match piece {
            Piece::Plain(bytes) => regex.push_str(&regex_lite::escape(&printable(bytes))),
            Piece::Value(name, add) => regex.push_str(&regex_lite::escape(&value(name, *add, variables)?)),
            Piece::Capture(name, inner) => regex.push_str(&format!("(?P<{name}>{inner})")),
            Piece::Above(_) => {
                regex.push_str(&format!("(?P<{ABOVE}{above}>[0-9]+)"));
                above += 1;
            }
            Piece::Matching(inner) => regex.push_str(&format!("(?:{inner})")),
            // The client has read as many octets as were announced; here only the text is compared.
            Piece::Literal { content, .. } => {
                regex.push_str(r"\{[0-9]+\}\r\n");
                regex.push_str(&expression(content, variables)?);
            }
        }
    }
    Ok(regex)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &str) -> Text {
        Text::parse(line, &mut |_| Ok(Body::Lines("a\r\nb {{x+}}\r\n".to_owned()))).unwrap()
    }

    #[test]
    fn a_client_sends_literals_counted() {
        let variables = Variables::from([("n".to_owned(), "41".to_owned())]);
        for (line, wanted) in [
            ("a NOOP", vec!["a NOOP"]),
            ("a FETCH {{$n}}:{{$n+1}} FLAGS", vec!["a FETCH 41:42 FLAGS"]),
            (
                "a LOGIN <<+alice>> <<s{{hex 6563}}>>",
                vec!["a LOGIN {5+}\r\nalice {3}\r\n", "sec"],
            ),
            ("{{repeat 3 ab}}", vec!["ababab"]),
        ] {
            let sent = text(line).to_send(&variables).unwrap();
            assert_eq!(
                sent,
                wanted.iter().map(|bytes| bytes.as_bytes().to_vec()).collect::<Vec<_>>(),
                "{line}"
            );
        }
        assert!(text("{{$unknown}}").to_send(&variables).is_err());
        assert!(text("{{[0-9]}}").to_send(&variables).is_err());
    }

    #[test]
    fn a_response_matches_as_a_whole() {
        for (line, response, wanted) in [
            ("* 1 EXISTS", "* 1 EXISTS", true),
            ("* 1 EXISTS", "* 1 EXISTS ", false),
            ("* OK (a+b)", "* OK (a+b)", true),
            ("* {{[0-9]{1,2}}} EXISTS", "* 12 EXISTS", true),
            ("* {{[0-9]{1,2}}} EXISTS", "* 123 EXISTS", false),
            ("a OK ...", "a OK done", true),
            ("a OK...", "a OK", true),
            ("* FETCH (<<|>>)", "* FETCH ({9}\r\na\r\nb xx\r\n)", true),
            ("* FETCH (<<|>>)", "* FETCH ({9}\r\na\r\nb yy\r\n)", false),
        ] {
            let matched = text(line).matches(response.as_bytes(), &mut Variables::new()).unwrap();
            assert_eq!(matched, wanted, "{line} / {response}");
        }
    }

    #[test]
    fn a_capture_is_used_later() {
        let mut variables = Variables::new();
        assert!(
            text("* OK [UIDNEXT {{$next=[0-9]+}}]")
                .matches(b"* OK [UIDNEXT 7]", &mut variables)
                .unwrap()
        );
        assert!(text("* {{$next+2}}").matches(b"* 9", &mut variables).unwrap());
        assert!(text("* {{>$next}}").matches(b"* 10", &mut variables).unwrap());
        assert!(!text("* {{>$next}}").matches(b"* 7", &mut variables).unwrap());
    }
}
