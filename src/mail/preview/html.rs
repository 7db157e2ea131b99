//! HTML as the text that people read. No parser of HTML but a reader of tags: what it cannot tell apart it leaves out.

use super::entities;

/// Elements of which nothing is shown.
const HIDDEN: &[&str] = &[
    "head", "template", "noscript", "svg", "math", "object", "select", "audio", "video",
];
/// Those in which there are no tags but their own end.
const RAW: &[&str] = &["style", "script", "title", "textarea"];
/// Elements that do not break a line or set words apart.
const INLINE: &[&str] = &[
    "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i", "ins", "kbd", "mark", "q",
    "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
];
/// Classes and identifiers of what mail programs put around quotes and signatures.
const QUOTES: &[&str] = &[
    "gmail_quote",
    "gmail_attr",
    "gmail_signature",
    "moz-cite-prefix",
    "moz-signature",
    "yahoo_quoted",
    "divrplyfwdmsg",
    "appendonsend",
    "mail-editor-reference-message-container",
];

/// The text of a page, its blocks on lines of their own; `quotes`: also that of quotes and signatures.
pub(super) fn lines(html: &str, quotes: bool) -> String {
    let mut text = String::new();
    let mut skipped: Option<Skipped<'_>> = None;
    let mut rest = html;
    while let Some(start) = memchr::memchr(b'<', rest.as_bytes()) {
        let (before, markup) = rest.split_at(start);
        if skipped.is_none() {
            entities::decode(before, &mut text);
        }
        let Some(tag) = Tag::read(markup) else {
            if skipped.is_none() {
                text.push('<');
            }
            rest = &markup[1..];
            continue;
        };
        rest = tag.behind;
        if let Some(element) = &mut skipped {
            if element.ends_with(&tag) {
                skipped = None;
            }
            continue;
        }
        if !tag.is_inline() {
            text.push('\n');
        }
        match tag.is(RAW) && !tag.closes {
            true => rest = behind_end(rest, tag.name),
            false => skipped = Skipped::begin(&tag, quotes),
        }
    }
    if skipped.is_none() {
        entities::decode(rest, &mut text);
    }
    text
}

/// A tag, a comment or a declaration.
struct Tag<'a> {
    name: &'a str,
    closes: bool,
    attributes: &'a str,
    behind: &'a str,
}

impl<'a> Tag<'a> {
    /// What begins with `<`; `None` when that stands for itself.
    fn read(markup: &'a str) -> Option<Tag<'a>> {
        if let Some(comment) = markup.strip_prefix("<!--") {
            let end = memchr::memmem::find(comment.as_bytes(), b"-->");
            return Some(Tag::nameless(end.map_or("", |end| &comment[end + 3..])));
        }
        let inside = &markup[1..];
        if inside.starts_with(['!', '?']) {
            let end = memchr::memchr(b'>', inside.as_bytes());
            return Some(Tag::nameless(end.map_or("", |end| &inside[end + 1..])));
        }
        let (closes, inside) = match inside.strip_prefix('/') {
            Some(inside) => (true, inside),
            None => (false, inside),
        };
        if !inside.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return None;
        }
        let end = inside
            .find(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/'))
            .unwrap_or(inside.len());
        let (name, inside) = inside.split_at(end);
        let end = end_of_attributes(inside);
        Some(Tag {
            name,
            closes,
            attributes: &inside[..end],
            behind: inside.get(end + 1..).unwrap_or_default(),
        })
    }

    fn nameless(behind: &'a str) -> Tag<'a> {
        Tag {
            name: "",
            closes: false,
            attributes: "",
            behind,
        }
    }

    fn is(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.name.eq_ignore_ascii_case(name))
    }

    fn is_inline(&self) -> bool {
        self.name.is_empty() || self.is(INLINE)
    }
}

/// Where the `>` of a tag is, or the end; quoted values may have one of their own.
fn end_of_attributes(inside: &str) -> usize {
    let mut quote = None;
    for (at, byte) in inside.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return at,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    // A quote that never ends is none.
    memchr::memchr(b'>', inside.as_bytes()).unwrap_or(inside.len())
}

/// What is behind `</name`, in any case; nothing when there is no end.
fn behind_end<'a>(html: &'a str, name: &str) -> &'a str {
    let mut rest = html;
    while let Some(end) = memchr::memmem::find(rest.as_bytes(), b"</") {
        rest = &rest[end + 2..];
        let found = rest
            .get(..name.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(name));
        if found {
            let end = memchr::memchr(b'>', rest.as_bytes());
            return end.map_or("", |end| &rest[end + 1..]);
        }
    }
    ""
}

/// An element that is passed over, up to its own end tag.
struct Skipped<'a> {
    name: &'a str,
    depth: usize,
}

impl<'a> Skipped<'a> {
    fn begin(tag: &Tag<'a>, quotes: bool) -> Option<Skipped<'a>> {
        let is_void = tag.attributes.ends_with('/');
        let hidden = tag.is(HIDDEN) || (!quotes && (tag.is(&["blockquote"]) || is_quote(tag.attributes)));
        (hidden && !tag.closes && !is_void && !tag.is(&["br", "hr", "img", "p"])).then_some(Skipped {
            name: tag.name,
            depth: 1,
        })
    }

    fn ends_with(&mut self, tag: &Tag<'_>) -> bool {
        if self.name.eq_ignore_ascii_case("head") && tag.is(&["body"]) {
            return true;
        }
        if self.name.eq_ignore_ascii_case(tag.name) {
            match tag.closes {
                true => self.depth -= 1,
                false => self.depth += 1,
            }
        }
        self.depth == 0
    }
}

fn is_quote(attributes: &str) -> bool {
    if attributes.is_empty() {
        return false;
    }
    let attributes = attributes.to_ascii_lowercase();
    QUOTES.iter().any(|quote| attributes.contains(quote))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(html: &str) -> String {
        lines(html, false).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn markup_is_taken_off() {
        for (html, wanted) in [
            ("Hello", "Hello"),
            ("<p>Hello,</p><p>world</p>", "Hello, world"),
            ("<b>H</b>el<i>lo</i>", "Hello"),
            ("one<br>two<BR/>three<td>four", "one two three four"),
            (
                "<html><head><title>T</title><style>p > b { }</style></head><body>Hi</body></html>",
                "Hi",
            ),
            ("<head><meta x><body>no end of head", "no end of head"),
            ("a<script>if (a < b && c > d) { '</b>' }</script>b", "a b"),
            ("a<SCRIPT x>if (a<b) { y = \"it's\" }</Script >b", "a b"),
            ("<!-- <p>no</p> -->yes<!DOCTYPE html><?xml ?>", "yes"),
            ("<a href='x>y' title=\"a > b\">link</a>", "link"),
            ("<a href=\"never>closed quote", "closed quote"),
            ("1 < 2 &amp;&nbsp;3 &gt; 2", "1 < 2 & 3 > 2"),
            ("<3 and <>", "<3 and <>"),
            ("a<", "a<"),
            ("<p", ""),
            ("x<!-- never closed", "x"),
            ("<style>never closed", ""),
            ("<style>a<style>b</style>c", "c"),
            ("<svg><g><text>no</text></g></svg>yes", "yes"),
            ("<p class=x>Gr&uuml;&szlig;e &#8364; &#x1F600;</p>", "Grüße € 😀"),
        ] {
            assert_eq!(text(html), wanted, "{html}");
        }
    }

    #[test]
    fn quotes_are_left_out_and_found_again() {
        for html in [
            "Yes.<blockquote>What?<blockquote>Who?</blockquote> more</blockquote>",
            "Yes.<div class=\"gmail_quote\"><div>On Monday</div><blockquote>What?</blockquote></div>",
            "<blockquote type=cite>What?</blockquote>Yes.",
            "Yes.<div id='divRplyFwdMsg'>From: Bob</div>",
            "<span class=gmail_signature>me</span>Yes.",
        ] {
            assert_eq!(text(html), "Yes.", "{html}");
            assert_ne!(lines(html, true).trim(), "Yes.", "{html}");
        }
    }
}
