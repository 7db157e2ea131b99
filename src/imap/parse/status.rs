//! STATUS (RFC 9051 §6.3.11) with HIGHESTMODSEQ (RFC 7162 §3.1.7), SIZE (RFC 8438), APPENDLIMIT
//! (RFC 7889), MAILBOXID (RFC 8474) and DELETED-STORAGE (RFC 9208).

use super::cursor::{Cursor, Fault, Parsed};
use crate::imap::command::{CommandBody, StatusItem};

/// The most items named, repeated ones included.
const MAX_ITEMS: usize = 50;

/// STATUS.
pub(super) fn status(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    let mailbox = super::mailbox::argument(cursor)?;
    cursor.space()?;
    let items = items(cursor)?;
    Ok(CommandBody::Status { mailbox, items })
}

/// `"(" status-att *(SP status-att) ")"`, each once.
pub(super) fn items(cursor: &mut Cursor<'_>) -> Parsed<Vec<StatusItem>> {
    let mut items = Vec::new();
    cursor.list(1..=MAX_ITEMS, |cursor| {
        let item = item(cursor)?;
        if !items.contains(&item) {
            items.push(item);
        }
        Ok(())
    })?;
    Ok(items)
}

fn item(cursor: &mut Cursor<'_>) -> Parsed<StatusItem> {
    let start = cursor.position();
    match cursor.word("a STATUS item")?.as_str() {
        "MESSAGES" => Ok(StatusItem::Messages),
        "RECENT" => Ok(StatusItem::Recent),
        "UIDNEXT" => Ok(StatusItem::UidNext),
        "UIDVALIDITY" => Ok(StatusItem::UidValidity),
        "UNSEEN" => Ok(StatusItem::Unseen),
        "DELETED" => Ok(StatusItem::Deleted),
        "DELETED-STORAGE" => Ok(StatusItem::DeletedStorage),
        "SIZE" => Ok(StatusItem::Size),
        "HIGHESTMODSEQ" => Ok(StatusItem::HighestModSeq),
        "APPENDLIMIT" => Ok(StatusItem::AppendLimit),
        "MAILBOXID" => Ok(StatusItem::MailboxId),
        _ => Err(Fault::bad("unknown STATUS item", start)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::parse::tests::{bad, mailbox, same};

    #[test]
    fn items_in_any_order_and_case() {
        let status = |items| CommandBody::Status {
            mailbox: mailbox("a"),
            items,
        };
        same(
            &[
                "STATUS a (UIDNEXT MESSAGES)",
                "status \"a\"  ( uidnext  messages ) ",
                "STATUS {1}\r\na (UIDNEXT MESSAGES UIDNEXT)",
            ],
            &status(vec![StatusItem::UidNext, StatusItem::Messages]),
        );
        same(
            &["STATUS a (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED DELETED-STORAGE SIZE HIGHESTMODSEQ)"],
            &status(vec![
                StatusItem::Messages,
                StatusItem::Recent,
                StatusItem::UidNext,
                StatusItem::UidValidity,
                StatusItem::Unseen,
                StatusItem::Deleted,
                StatusItem::DeletedStorage,
                StatusItem::Size,
                StatusItem::HighestModSeq,
            ]),
        );
        bad(&[
            ("STATUS a", "STATUS: expected a space, at octet 11"),
            ("STATUS a ()", "STATUS: expected a STATUS item, at octet 13"),
            ("STATUS a MESSAGES", "STATUS: expected a parenthesis, at octet 12"),
            (
                "STATUS a (MESSAGES,UNSEEN)",
                "STATUS: expected a space or a closing parenthesis, at octet 21",
            ),
            (
                "STATUS a (MESSAGES OBJECTID)",
                "STATUS: unknown STATUS item, at octet 22",
            ),
            (
                "STATUS a (MESSAGES",
                "STATUS: expected a space or a closing parenthesis, at octet 21",
            ),
            ("STATUS (MESSAGES)", "STATUS: expected a mailbox name, at octet 10"),
        ]);
    }
}
