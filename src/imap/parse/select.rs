//! SELECT and EXAMINE (RFC 9051 §6.3.2, §6.3.3) with the parameters of RFC 4466 §2.1: CONDSTORE and QRESYNC (RFC 7162 §7).

use super::cursor::{Cursor, Fault, Parsed};
use super::sequence_set;
use crate::imap::command::{CommandBody, MailboxArgument, Resync, SelectParameters};

/// The most parameters.
const MAX_PARAMETERS: usize = 10;

/// SELECT.
pub(super) fn select(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    let (mailbox, parameters) = arguments(cursor)?;
    Ok(CommandBody::Select { mailbox, parameters })
}

/// EXAMINE.
pub(super) fn examine(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    let (mailbox, parameters) = arguments(cursor)?;
    Ok(CommandBody::Examine { mailbox, parameters })
}

fn arguments(cursor: &mut Cursor<'_>) -> Parsed<(MailboxArgument, SelectParameters)> {
    let (mailbox, supplied) = super::mailbox::supplied(cursor)?;
    let parameters = parameters(cursor)?;
    Ok((mailbox, SelectParameters { supplied, ..parameters }))
}

/// `[SP "(" select-param *(SP select-param) ")"]`. What we do not announce is refused, as RFC 4466 §2.1 wants.
fn parameters(cursor: &mut Cursor<'_>) -> Parsed<SelectParameters> {
    let mut parameters = SelectParameters::default();
    if !cursor.more() {
        return Ok(parameters);
    }
    cursor.list(1..=MAX_PARAMETERS, |cursor| {
        let start = cursor.position();
        match cursor.word("a parameter")?.as_str() {
            "CONDSTORE" => parameters.condstore = true,
            "QRESYNC" => {
                cursor.space()?;
                parameters.resync = Some(Box::new(resync(cursor)?));
            }
            _ => return Err(Fault::bad("unknown parameter", start)),
        }
        Ok(())
    })?;
    Ok(parameters)
}

/// `"(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"`.
fn resync(cursor: &mut Cursor<'_>) -> Parsed<Resync> {
    cursor.require(b'(', "a parenthesis")?;
    cursor.spaces();
    let uid_validity = cursor.nz_number()?;
    cursor.space()?;
    let mut resync = Resync {
        uid_validity,
        mod_seq: cursor.number64()?,
        known: None,
        matched: None,
    };
    let mut apart = cursor.spaces() > 0;
    if apart && matches!(cursor.peek(), Some(b'0'..=b'9' | b'*' | b'$')) {
        resync.known = Some(sequence_set::without_last(cursor)?);
        apart = cursor.spaces() > 0;
    }
    if apart && cursor.skip(b'(') {
        cursor.spaces();
        let numbers = sequence_set::ascending(cursor)?;
        cursor.space()?;
        let uids = sequence_set::ascending(cursor)?;
        cursor.spaces();
        cursor.require(b')', "a closing parenthesis")?;
        cursor.spaces();
        resync.matched = Some((numbers, uids));
    }
    cursor.require(b')', "a closing parenthesis")?;
    Ok(resync)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::numbering::Numbers;
    use crate::imap::parse::tests::{bad, body, mailbox, same, set};
    use crate::mail::mailbox_name::InvalidMailboxName;

    #[test]
    fn with_and_without_condstore() {
        let inbox = mailbox("INBOX");
        let parameters = |condstore| SelectParameters {
            condstore,
            ..SelectParameters::default()
        };
        let select = |condstore| CommandBody::Select {
            mailbox: inbox.clone(),
            parameters: parameters(condstore),
        };
        same(
            &[
                "SELECT INBOX",
                "select INBOX ",
                "SELECT \"INBOX\"",
                "SELECT {5}\r\nINBOX",
            ],
            &select(false),
        );
        same(
            &[
                "SELECT INBOX (CONDSTORE)",
                "SELECT \"INBOX\" (condstore)",
                "select INBOX  ( CONDSTORE CONDSTORE ) ",
            ],
            &select(true),
        );
        same(
            &["EXAMINE \"a b\" (CONDSTORE)"],
            &CommandBody::Examine {
                mailbox: mailbox("a b"),
                parameters: parameters(true),
            },
        );
        bad(&[
            ("SELECT", "SELECT: expected a space, at octet 9"),
            ("SELECT ", "SELECT: expected a mailbox name, at octet 10"),
            ("SELECT INBOX CONDSTORE", "SELECT: expected a parenthesis, at octet 16"),
            ("SELECT INBOX ()", "SELECT: expected a parameter, at octet 17"),
            ("SELECT a b", "SELECT: expected a parenthesis, at octet 12"),
            (
                "SELECT INBOX(CONDSTORE)",
                "SELECT: expected the end of the command, at octet 15",
            ),
            ("EXAMINE %", "EXAMINE: expected a mailbox name, at octet 11"),
        ]);
    }

    #[test]
    fn inbox_as_it_was_written() {
        for (written, supplied) in [
            ("INBOX", None),
            ("iNbOx", Some("iNbOx")),
            ("inbox/x", Some("inbox/x")),
            ("&AOk-", None),
            ("../x", None),
        ] {
            let CommandBody::Examine { parameters, .. } = body(&format!("EXAMINE {written}")) else {
                panic!("{written}")
            };
            assert_eq!(parameters.supplied.as_deref(), supplied, "{written}");
        }
    }

    #[test]
    fn what_a_client_remembers() {
        let numbers = |runs: &[(u32, u32)]| {
            let mut numbers = Numbers::default();
            assert!(runs.iter().all(|(first, last)| numbers.push_run(*first, *last)));
            numbers
        };
        let select = |condstore, known, matched| CommandBody::Select {
            mailbox: mailbox("x"),
            parameters: SelectParameters {
                condstore,
                resync: Some(Box::new(Resync {
                    uid_validity: 67890007,
                    mod_seq: 20050715194045000,
                    known,
                    matched,
                })),
                supplied: None,
            },
        };
        same(
            &[
                "SELECT x (QRESYNC (67890007 20050715194045000))",
                "select x ( qresync  ( 67890007  20050715194045000 ) )",
            ],
            &select(false, None, None),
        );
        same(
            &[
                "SELECT x (CONDSTORE QRESYNC (67890007 20050715194045000))",
                "SELECT x (QRESYNC (67890007 20050715194045000) CONDSTORE)",
            ],
            &select(true, None, None),
        );
        same(
            &["SELECT x (QRESYNC (67890007 20050715194045000 41,43:211,214:541))"],
            &select(false, Some(set(&[(41, 41), (43, 211), (214, 541)])), None),
        );
        let pairs = Some((numbers(&[(5, 5), (9, 10)]), numbers(&[(7, 7), (20, 21)])));
        same(
            &["SELECT x (QRESYNC (67890007 20050715194045000 (5,9:10 7,20:21)))"],
            &select(false, None, pairs.clone()),
        );
        same(
            &["SELECT x (QRESYNC (67890007 20050715194045000 1:41 ( 5,9,10  7,20,21 ) ) )"],
            &select(false, Some(set(&[(1, 41)])), pairs),
        );
        same(
            &["EXAMINE x (QRESYNC (1 0))"],
            &CommandBody::Examine {
                mailbox: mailbox("x"),
                parameters: SelectParameters {
                    condstore: false,
                    resync: Some(Box::new(Resync {
                        uid_validity: 1,
                        mod_seq: 0,
                        known: None,
                        matched: None,
                    })),
                    supplied: None,
                },
            },
        );
        bad(&[
            ("SELECT x (QRESYNC)", "SELECT: expected a space, at octet 20"),
            ("SELECT x (QRESYNC 1 1)", "SELECT: expected a parenthesis, at octet 21"),
            ("SELECT x (QRESYNC (0 1))", "SELECT: 0 is not allowed, at octet 22"),
            ("SELECT x (QRESYNC (1))", "SELECT: expected a space, at octet 23"),
            (
                "SELECT x (QRESYNC (1 1 1:*))",
                "SELECT: * is not allowed here, at octet 26",
            ),
            (
                "SELECT x (QRESYNC (1 1 x))",
                "SELECT: expected a closing parenthesis, at octet 26",
            ),
            (
                "SELECT x (QRESYNC (1 1 1 (1)))",
                "SELECT: expected a space, at octet 30",
            ),
            (
                "SELECT x (QRESYNC (1 1 (2,1 1,2)))",
                "SELECT: expected numbers in ascending order, at octet 27",
            ),
            (
                "SELECT x (QRESYNC (1 1 (1:2 1:*)))",
                "SELECT: * is not allowed here, at octet 31",
            ),
            (
                "SELECT x (QRESYNC (1 1 1)",
                "SELECT: expected a space or a closing parenthesis, at octet 28",
            ),
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
                    parameters: SelectParameters::default(),
                },
            );
        }
    }
}
