//! SEARCH and UID SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4): RETURN is read in [`super::search_return`]; keys are those of
//! RFC 3501, MODSEQ (RFC 7162 §3.1.5), OLDER and YOUNGER (RFC 5032), FUZZY (RFC 6203), `$` (RFC 5182).

use super::cursor::{Cursor, Fault, Parsed};
use super::{date, search_return, sequence_set, strings};
use crate::imap::command::{CommandBody, Search, SearchKey, SearchReturn};
use crate::imap::dialect::Dialect;
use crate::imap::object_id::ObjectId;
use crate::mail::flags::{FlagList, Flags};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// How deep keys nest: each NOT, OR, FUZZY and pair of parentheses is one level. Clients chain one OR for each address they look for.
const MAX_DEPTH: usize = 64;
/// The most keys in one SEARCH, on all levels.
const MAX_KEYS: usize = 2_000;

/// The longest object identifier (RFC 8474 §7).
const MAX_OBJECT_ID: usize = 255;

/// SEARCH.
pub(super) fn search(cursor: &mut Cursor<'_>, uid: bool) -> Parsed<CommandBody> {
    cursor.space()?;
    let returns = search_return::options(cursor)?;
    let search = search_program(cursor, returns)?;
    Ok(CommandBody::Search { uid, search })
}

/// `search-program` (RFC 4466 §2.6.1).
pub(super) fn search_program(cursor: &mut Cursor<'_>, returns: Option<SearchReturn>) -> Parsed<Search> {
    let mut named = None;
    let start = cursor.position();
    if cursor.keyword("CHARSET") {
        if cursor.dialect() == Dialect::Utf8 {
            // RFC 6855 §3: everything is UTF-8. RFC 9051 §6.4.4 allows it again.
            return Err(Fault::bad("CHARSET is not allowed when UTF8=ACCEPT is enabled", start));
        }
        cursor.space()?;
        named = Some(charset(cursor, returns)?);
    }
    program(cursor, returns, named)
}

/// `search-criteria` of SORT and THREAD (RFC 5256 §5): those of SEARCH, with the charset in front of them in any case.
pub(super) fn criteria(cursor: &mut Cursor<'_>, returns: Option<SearchReturn>) -> Parsed<Search> {
    let charset = charset(cursor, returns)?;
    program(cursor, returns, Some(charset))
}

/// A charset: its name, and how texts are to be decoded.
type Charset = (String, &'static Encoding);

/// `charset SP`. US-ASCII is what clients say that send UTF-8.
fn charset(cursor: &mut Cursor<'_>, returns: Option<SearchReturn>) -> Parsed<Charset> {
    let name = cursor.text("the name of a charset")?;
    let encoding = if name.eq_ignore_ascii_case("US-ASCII") {
        Some(UTF_8)
    } else {
        // A string holds no NUL (RFC 9051 §4.3), hence no UTF-16.
        Encoding::for_label_no_replacement(name.as_bytes()).filter(|found| ![UTF_16BE, UTF_16LE].contains(found))
    };
    let saving = returns.is_some_and(|returns| returns.save);
    let encoding = encoding.ok_or(Fault::BadCharset { saving })?;
    cursor.space()?;
    Ok((name, encoding))
}

/// `search-key *(SP search-key)`, the end of the command.
fn program(cursor: &mut Cursor<'_>, returns: Option<SearchReturn>, charset: Option<Charset>) -> Parsed<Search> {
    let start = cursor.position();
    let (charset, encoding) = match charset {
        Some((name, encoding)) => (Some(name), encoding),
        None => (None, UTF_8),
    };
    let key = Keys { encoding, count: 0 }.program(cursor)?;
    let search = Search { returns, charset, key };
    match returns.is_some_and(|returns| returns.relevancy) && !search.is_fuzzy() {
        true => Err(Fault::bad("RELEVANCY goes with FUZZY only", start)),
        false => Ok(search),
    }
}

/// Reads keys.
struct Keys {
    /// In which texts are written.
    encoding: &'static Encoding,
    /// Keys read so far.
    count: usize,
}

impl Keys {
    /// `search-key *(SP search-key)`.
    fn program(&mut self, cursor: &mut Cursor<'_>) -> Parsed<SearchKey> {
        let mut keys = vec![self.key(cursor, 0)?];
        while cursor.more() {
            keys.push(self.key(cursor, 0)?);
        }
        Ok(all_of(keys))
    }

    /// `search-key`, inside of `depth` others.
    fn key(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Parsed<SearchKey> {
        if depth > MAX_DEPTH {
            return Err(Fault::bad(
                format!("keys nested more than {MAX_DEPTH} deep"),
                cursor.position(),
            ));
        }
        self.count += 1;
        if self.count > MAX_KEYS {
            return Err(Fault::bad(format!("more than {MAX_KEYS} keys"), cursor.position()));
        }
        match cursor.peek() {
            Some(b'(') => {
                let keys = cursor.list(1..=MAX_KEYS, |cursor| self.key(cursor, depth + 1))?;
                Ok(all_of(keys))
            }
            Some(b'0'..=b'9' | b'*' | b'$') => sequence_set::sequence_set(cursor).map(SearchKey::Sequence),
            _ => self.named(cursor, depth),
        }
    }

    /// A key that begins with its name.
    fn named(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Parsed<SearchKey> {
        let start = cursor.position();
        let name = cursor.word("a search key")?;
        if let Some(key) = flag_key(&name) {
            return Ok(key);
        }
        match name.as_str() {
            "ALL" => Ok(SearchKey::All),
            "NEW" => Ok(SearchKey::New),
            "OLD" => Ok(SearchKey::Old),
            "RECENT" => Ok(SearchKey::Recent),
            "KEYWORD" => keyword(cursor).map(SearchKey::Has),
            "UNKEYWORD" => keyword(cursor).map(SearchKey::HasNot),
            "BEFORE" => day(cursor).map(SearchKey::Before),
            "ON" => day(cursor).map(SearchKey::On),
            "SINCE" => day(cursor).map(SearchKey::Since),
            "SENTBEFORE" => day(cursor).map(SearchKey::SentBefore),
            "SENTON" => day(cursor).map(SearchKey::SentOn),
            "SENTSINCE" => day(cursor).map(SearchKey::SentSince),
            "OLDER" => seconds(cursor).map(SearchKey::Older),
            "YOUNGER" => seconds(cursor).map(SearchKey::Younger),
            "SAVEDBEFORE" => day(cursor).map(SearchKey::SavedBefore),
            "SAVEDON" => day(cursor).map(SearchKey::SavedOn),
            "SAVEDSINCE" => day(cursor).map(SearchKey::SavedSince),
            // Every mailbox knows it (RFC 8514 §4.3).
            "SAVEDATESUPPORTED" => Ok(SearchKey::All),
            "EMAILID" => object_id(cursor, 'M'),
            "THREADID" => object_id(cursor, 'T'),
            "LARGER" => octets(cursor).map(SearchKey::Larger),
            "SMALLER" => octets(cursor).map(SearchKey::Smaller),
            "BCC" | "CC" | "FROM" | "SUBJECT" | "TO" => Ok(SearchKey::Header(name, self.text(cursor)?)),
            "HEADER" => {
                cursor.space()?;
                let field = cursor.text("the name of a header field")?;
                Ok(SearchKey::Header(field, self.text(cursor)?))
            }
            "BODY" => self.text(cursor).map(SearchKey::Body),
            "TEXT" => self.text(cursor).map(SearchKey::Text),
            "UID" => sequence_set::argument(cursor).map(SearchKey::Uid),
            "MODSEQ" => mod_seq(cursor).map(SearchKey::ModSeq),
            "FUZZY" => Ok(SearchKey::Fuzzy(self.nested(cursor, depth)?)),
            "NOT" => Ok(SearchKey::Not(self.nested(cursor, depth)?)),
            "OR" => Ok(SearchKey::Or(self.nested(cursor, depth)?, self.nested(cursor, depth)?)),
            _ => Err(Fault::bad("unknown search key", start)),
        }
    }

    /// `SP search-key`, inside of a further one.
    fn nested(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Parsed<Box<SearchKey>> {
        cursor.space()?;
        self.key(cursor, depth + 1).map(Box::new)
    }

    /// `SP astring`, decoded from the charset named.
    fn text(&self, cursor: &mut Cursor<'_>) -> Parsed<String> {
        cursor.space()?;
        let start = cursor.position();
        let octets = cursor.astring("a text to search for")?;
        if self.encoding == UTF_8 {
            return strings::utf8(octets, start);
        }
        self.encoding
            .decode_without_bom_handling_and_without_replacement(&octets)
            .map(|text| text.into_owned())
            .ok_or_else(|| Fault::bad("a text that is not in the charset named", start))
    }
}

/// All of the keys as one.
fn all_of(mut keys: Vec<SearchKey>) -> SearchKey {
    match (keys.pop(), keys.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            keys.extend(last);
            SearchKey::And(keys)
        }
    }
}

/// The keys that ask for a system flag or its absence.
fn flag_key(name: &str) -> Option<SearchKey> {
    let (flag, absent) = match name.strip_prefix("UN") {
        Some(flag) => (flag, true),
        None => (name, false),
    };
    let flag = match flag {
        "ANSWERED" => Flags::ANSWERED,
        "DELETED" => Flags::DELETED,
        "DRAFT" => Flags::DRAFT,
        "FLAGGED" => Flags::FLAGGED,
        "SEEN" => Flags::SEEN,
        _ => return None,
    };
    let flags = FlagList::system(flag);
    Some(if absent {
        SearchKey::HasNot(flags)
    } else {
        SearchKey::Has(flags)
    })
}

/// `SP flag-keyword`, which some clients quote.
fn keyword(cursor: &mut Cursor<'_>) -> Parsed<FlagList> {
    cursor.space()?;
    let start = cursor.position();
    let name = cursor.text("a keyword")?;
    let mut flags = FlagList::default();
    if name.starts_with('\\') || !flags.insert(&name) {
        return Err(Fault::bad("expected a keyword", start));
    }
    Ok(flags)
}

/// `SP date`.
fn day(cursor: &mut Cursor<'_>) -> Parsed<i32> {
    cursor.space()?;
    date::date(cursor)
}

/// `SP nz-number`.
fn seconds(cursor: &mut Cursor<'_>) -> Parsed<u32> {
    cursor.space()?;
    cursor.nz_number()
}

/// `SP objectid` (RFC 8474 §7) of a kind.
fn object_id(cursor: &mut Cursor<'_>, kind: char) -> Parsed<SearchKey> {
    cursor.space()?;
    let start = cursor.position();
    let word = cursor.text("an object identifier")?;
    let is_char = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    match (1..=MAX_OBJECT_ID).contains(&word.len()) && word.bytes().all(is_char) {
        true => Ok(SearchKey::ObjectId(
            ObjectId::of_message(&word).filter(|_| word.starts_with(kind)),
        )),
        false => Err(Fault::bad("expected an object identifier", start)),
    }
}

/// `SP number64`.
fn octets(cursor: &mut Cursor<'_>) -> Parsed<u64> {
    cursor.space()?;
    cursor.number64()
}

/// `[SP entry-name SP entry-type-req] SP mod-sequence-valzer`. We keep one MODSEQ for all that can change of a message, so that the entry
/// makes no difference, as RFC 7162 §3.1.5 allows.
fn mod_seq(cursor: &mut Cursor<'_>) -> Parsed<u64> {
    cursor.space()?;
    if cursor.peek() == Some(b'"') {
        let start = cursor.position();
        if !cursor.string("the name of an entry")?.starts_with(b"/flags/") {
            return Err(Fault::bad("unknown entry", start));
        }
        cursor.space()?;
        if !["PRIV", "SHARED", "ALL"].iter().any(|kind| cursor.keyword(kind)) {
            return cursor.expected("priv, shared or all");
        }
        cursor.space()?;
    }
    cursor.number64()
}

#[cfg(test)]
mod tests;
