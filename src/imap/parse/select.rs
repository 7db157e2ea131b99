//! SELECT and EXAMINE (RFC 9051 §6.3.2, §6.3.3) with the parameters of RFC 4466 §2.4.

use super::cursor::{Cursor, Fault, Parsed};
use crate::imap::command::CommandBody;

/// The most parameters.
const MAX_PARAMETERS: usize = 10;

/// SELECT.
pub(super) fn select(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    let mailbox = super::mailbox::argument(cursor)?;
    let condstore = condstore(cursor)?;
    Ok(CommandBody::Select { mailbox, condstore })
}

/// EXAMINE.
pub(super) fn examine(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    let mailbox = super::mailbox::argument(cursor)?;
    let condstore = condstore(cursor)?;
    Ok(CommandBody::Examine { mailbox, condstore })
}

/// `[SP "(" select-param ... ")"]`: whether CONDSTORE is in it (RFC 7162 §3.1.8). What we do not announce is refused, as
/// RFC 4466 §2.4 wants.
fn condstore(cursor: &mut Cursor<'_>) -> Parsed<bool> {
    if !cursor.more() {
        return Ok(false);
    }
    cursor.list(1..=MAX_PARAMETERS, |cursor| {
        let start = cursor.position();
        match cursor.word("a parameter")?.as_str() {
            "CONDSTORE" => Ok(()),
            _ => Err(Fault::bad("unknown parameter", start)),
        }
    })?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::parse::tests::{bad, mailbox, same};
    use crate::mail::mailbox_name::InvalidMailboxName;

    #[test]
    fn with_and_without_condstore() {
        let inbox = mailbox("INBOX");
        let select = |condstore| CommandBody::Select {
            mailbox: inbox.clone(),
            condstore,
        };
        same(
            &[
                "SELECT INBOX",
                "select iNbOx ",
                "SELECT \"Inbox\"",
                "SELECT {5}\r\ninbox",
            ],
            &select(false),
        );
        same(
            &[
                "SELECT INBOX (CONDSTORE)",
                "SELECT \"INBOX\" (condstore)",
                "select inbox  ( CONDSTORE CONDSTORE ) ",
            ],
            &select(true),
        );
        same(
            &["EXAMINE \"a b\" (CONDSTORE)"],
            &CommandBody::Examine {
                mailbox: mailbox("a b"),
                condstore: true,
            },
        );
        bad(&[
            ("SELECT", "SELECT: expected a space, at octet 9"),
            ("SELECT ", "SELECT: expected a mailbox name, at octet 10"),
            ("SELECT INBOX CONDSTORE", "SELECT: expected a parenthesis, at octet 16"),
            ("SELECT INBOX ()", "SELECT: expected a parameter, at octet 17"),
            (
                "SELECT x (CONDSTORE QRESYNC (1 1))",
                "SELECT: unknown parameter, at octet 23",
            ),
            ("SELECT a b", "SELECT: expected a parenthesis, at octet 12"),
            (
                "SELECT INBOX(CONDSTORE)",
                "SELECT: expected the end of the command, at octet 15",
            ),
            ("EXAMINE %", "EXAMINE: expected a mailbox name, at octet 11"),
        ]);
    }

    #[test]
    fn names_that_are_none_are_well_formed() {
        for (name, why) in [
            ("\"\"", InvalidMailboxName::EmptyLevel),
            ("a//b", InvalidMailboxName::EmptyLevel),
            ("../x", InvalidMailboxName::Dots),
            ("rel&AAo-x", InvalidMailboxName::Control),
            ("{3}\r\na\nb", InvalidMailboxName::Control),
            (&"x".repeat(300), InvalidMailboxName::TooLong),
        ] {
            same(
                &[&format!("SELECT {name}")],
                &CommandBody::Select {
                    mailbox: Err(why),
                    condstore: false,
                },
            );
        }
    }
}
