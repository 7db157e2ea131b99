//! ESEARCH (RFC 7377 §4).

use super::cursor::{Cursor, Fault, Parsed};
use super::notify::{self, Filter};
use super::{search, search_return};
use crate::imap::command::{CommandBody, SearchReturn, SearchSource};

/// The most kinds of mailboxes.
const MAX_SOURCES: usize = 50;

/// ESEARCH. Without sources it looks in the selected mailbox, and without RETURN it tells all that it finds.
pub(super) fn esearch(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    cursor.space()?;
    let mut sources = vec![SearchSource::Selected];
    if cursor.keyword("IN") {
        cursor.space()?;
        sources = cursor.list(1..=MAX_SOURCES, source)?;
        cursor.space()?;
    }
    let returns = search_return::options(cursor)?.unwrap_or(SearchReturn {
        all: true,
        ..SearchReturn::default()
    });
    let search = search::search_program(cursor, Some(returns))?;
    Ok(CommandBody::Esearch { sources, search })
}

/// One kind of mailboxes. There are no scope options yet.
fn source(cursor: &mut Cursor<'_>) -> Parsed<SearchSource> {
    if cursor.keyword("SUBTREE-ONE") {
        return notify::mailboxes(cursor).map(SearchSource::SubtreeOne);
    }
    let start = cursor.position();
    match notify::filter(cursor)? {
        Filter::Selected { delayed: false } => Ok(SearchSource::Selected),
        Filter::Selected { delayed: true } => Err(Fault::bad("SELECTED-DELAYED is for NOTIFY only", start)),
        Filter::Other(filter) => Ok(SearchSource::Other(filter)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::command::{MailboxFilter, Search, SearchKey};
    use crate::imap::parse::tests::{bad, same};
    use crate::mail::mailbox_name::MailboxName;

    fn esearch(sources: Vec<SearchSource>, returns: SearchReturn) -> CommandBody {
        let search = Search {
            returns: Some(returns),
            charset: None,
            key: SearchKey::All,
        };
        CommandBody::Esearch { sources, search }
    }

    #[test]
    fn where_to_look() {
        use SearchSource::*;
        let all = SearchReturn {
            all: true,
            ..SearchReturn::default()
        };
        let count = SearchReturn {
            count: true,
            ..SearchReturn::default()
        };
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|name| MailboxName::new(name).unwrap())
                .collect::<Vec<_>>()
        };
        for (written, sources) in [
            ("", vec![Selected]),
            ("IN (selected) ", vec![Selected]),
            (
                "in  ( PERSONAL  Inboxes ) ",
                vec![Other(MailboxFilter::Personal), Other(MailboxFilter::Inboxes)],
            ),
            (
                "IN (mailboxes \"folder1\" subtree-one folder2) ",
                vec![
                    Other(MailboxFilter::Mailboxes(names(&["folder1"]))),
                    SubtreeOne(names(&["folder2"])),
                ],
            ),
            (
                "IN (subtree (a b) subscribed) ",
                vec![
                    Other(MailboxFilter::Subtree(names(&["a", "b"]))),
                    Other(MailboxFilter::Subscribed),
                ],
            ),
        ] {
            same(
                &[
                    &format!("ESEARCH {written}ALL"),
                    &format!("esearch {written}RETURN () ALL"),
                ],
                &esearch(sources.clone(), all),
            );
            same(
                &[&format!("ESEARCH {written}RETURN (COUNT) ALL")],
                &esearch(sources, count),
            );
        }
    }

    #[test]
    fn what_is_none() {
        bad(&[
            ("ESEARCH", "ESEARCH: expected a space, at octet 10"),
            ("ESEARCH IN () ALL", "ESEARCH: expected which mailboxes, at octet 15"),
            (
                "ESEARCH IN selected ALL",
                "ESEARCH: expected a parenthesis, at octet 14",
            ),
            ("ESEARCH IN (selected)", "ESEARCH: expected a space, at octet 24"),
            (
                "ESEARCH IN (selected-delayed) ALL",
                "ESEARCH: SELECTED-DELAYED is for NOTIFY only, at octet 15",
            ),
            (
                "ESEARCH IN (elsewhere) ALL",
                "ESEARCH: unknown kind of mailboxes, at octet 15",
            ),
            ("ESEARCH IN (subtree-one) ALL", "ESEARCH: expected a space, at octet 26"),
            (
                "ESEARCH IN (personal (x y)) ALL",
                "ESEARCH: expected which mailboxes, at octet 24",
            ),
            ("UID ESEARCH ALL", "unknown command, at octet 3"),
        ]);
    }
}
