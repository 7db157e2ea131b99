//! Mailbox names as arguments (RFC 3501 §5.1.3, RFC 9051 §5.1).

use super::cursor::{Cursor, Parsed};
use super::strings::utf8;
use crate::imap::command::{CommandBody, MailboxArgument};
use crate::mail::mailbox_name::{InvalidMailboxName, MailboxName};
use crate::mail::utf7;

/// `SP mailbox`.
pub(super) fn argument(cursor: &mut Cursor<'_>) -> Parsed<MailboxArgument> {
    cursor.space()?;
    Ok(MailboxName::new(&name(cursor)?))
}

/// As [`argument`], and the text itself where the mailbox is called otherwise (`inbox`).
pub(super) fn supplied(cursor: &mut Cursor<'_>) -> Parsed<(MailboxArgument, Option<String>)> {
    cursor.space()?;
    let text = name(cursor)?;
    let mailbox = MailboxName::new(&text);
    let differs = is_called_otherwise(&mailbox, &text);
    Ok((mailbox, differs.then_some(text)))
}

fn is_called_otherwise(mailbox: &MailboxArgument, text: &str) -> bool {
    mailbox.as_ref().is_ok_and(|name| name.as_str() != text)
}

/// The arguments of RENAME (RFC 9051 §6.3.6). A separator behind the new name means nothing more than it does in CREATE.
pub(super) fn pair(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    cursor.space()?;
    let text = name(cursor)?;
    let from = MailboxName::new(&text);
    let (to, supplied) = folder(cursor)?;
    let differs = supplied.is_some() || is_called_otherwise(&from, &text);
    Ok(CommandBody::Rename {
        from,
        to,
        supplied: differs.then_some(text),
    })
}

/// `SP mailbox` of a mailbox to come: a separator behind it only says that there will be others below it
/// (RFC 9051 §6.3.4). In UTF-8 it has to be Net-Unicode (§5.1); in modified UTF-7 every form is kept (appendix A.1).
/// With it the text, as [`supplied`] has it.
pub(super) fn folder(cursor: &mut Cursor<'_>) -> Parsed<(MailboxArgument, Option<String>)> {
    cursor.space()?;
    let name = name(cursor)?;
    if cursor.dialect().is_utf8() && !unicode_normalization::is_nfc(&name) {
        return Ok((Err(InvalidMailboxName::NotComposed), None));
    }
    let text = name.strip_suffix(MailboxName::SEPARATOR).unwrap_or(&name);
    let mailbox = MailboxName::new(text);
    let differs = is_called_otherwise(&mailbox, text);
    Ok((mailbox, differs.then(|| text.to_owned())))
}

/// `mailbox` as text: a name, or the reference of LIST.
pub(super) fn name(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let start = cursor.position();
    let octets = cursor.astring("a mailbox name")?;
    Ok(decode(cursor, utf8(octets, start)?))
}

/// `list-mailbox` as text, its wildcards left.
pub(super) fn pattern(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let start = cursor.position();
    let octets = cursor.list_mailbox("a mailbox pattern")?;
    Ok(decode(cursor, utf8(octets, start)?))
}

/// From modified UTF-7, unless that is off or the text is none: then it can only mean itself.
fn decode(cursor: &Cursor<'_>, text: String) -> String {
    if cursor.dialect().is_utf8() {
        return text;
    }
    utf7::decode(&text).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::dialect::Dialect;
    use crate::imap::parse::command;
    use crate::imap::parse::tests::{bad, mailbox, same};

    #[test]
    fn names_that_are_no_modified_utf_7_mean_themselves() {
        for (written, name) in [
            ("R&-D", "R&D"),
            ("R&D", "R&D"),
            ("&AOk", "&AOk"),
            ("&AGE-", "&AGE-"),
            ("&Jjo!", "&Jjo!"),
            ("\"~peter/mail/&U,BTFw-/&ZeVnLIqe-\"", "~peter/mail/台北/日本語"),
            ("\"é &AOk-\"", "é &AOk-"),
            ("inbox/x", "INBOX/x"),
            ("[Gmail]", "[Gmail]"),
        ] {
            same(
                &[&format!("SUBSCRIBE {written}")],
                &CommandBody::Subscribe(mailbox(name)),
            );
            same(
                &[&format!("UNSUBSCRIBE {written}")],
                &CommandBody::Unsubscribe(mailbox(name)),
            );
        }
    }

    #[test]
    fn with_utf8_on_every_name_means_itself() {
        for name in ["Entw&APw-rfe", "Entwürfe", "R&-D"] {
            let parsed = command(format!("t DELETE \"{name}\"").as_bytes(), Dialect::Rev2).unwrap();
            assert_eq!(
                parsed.body,
                CommandBody::Delete {
                    mailbox: mailbox(name),
                    supplied: None,
                }
            );
        }
    }

    #[test]
    fn a_new_name_in_utf_8_is_composed() {
        let parse = |line: &str, dialect| command(line.as_bytes(), dialect).unwrap().body;
        let to = |name| CommandBody::Rename {
            from: mailbox("e\u{301}"),
            to: name,
            supplied: None,
        };
        let line = "t RENAME \"e\u{301}\" \"e\u{301}\"";
        assert_eq!(parse(line, Dialect::Rev2), to(Err(InvalidMailboxName::NotComposed)));
        // RFC 9051 appendix A.1: IMAP4rev1 keeps the exact form.
        assert_eq!(parse(line, Dialect::Rev1), to(mailbox("e\u{301}")));
    }

    #[test]
    fn rename() {
        let wanted = CommandBody::Rename {
            from: mailbox("INBOX"),
            to: mailbox("old mail"),
            supplied: None,
        };
        same(
            &[
                "RENAME INBOX \"old mail\"",
                "rename {5+}\r\nINBOX {8}\r\nold mail",
                "RENAME INBOX \"old mail/\"",
            ],
            &wanted,
        );
        bad(&[
            ("RENAME a", "RENAME: expected a space, at octet 11"),
            ("RENAME a b c", "RENAME: expected the end of the command, at octet 14"),
            ("DELETE a b", "DELETE: expected the end of the command, at octet 12"),
            ("DELETE", "DELETE: expected a space, at octet 9"),
            ("SUBSCRIBE *", "SUBSCRIBE: expected a mailbox name, at octet 13"),
        ]);
        let error = command(b"t DELETE \"\xff\"", Dialect::Rev1).unwrap_err();
        assert!(format!("{error:?}").contains("DELETE: a string that is not UTF-8, at octet 10"));
    }
}
