//! GETACL, SETACL, DELETEACL, LISTRIGHTS and MYRIGHTS (RFC 4314 §7).

use super::cursor::{Cursor, Fault, Parsed};
use super::mailbox;
use crate::imap::command::CommandBody;
use crate::mail::rights::{InvalidRights, Rights, RightsChange};

/// SETACL.
pub(super) fn set(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    let mailbox = mailbox::argument(cursor)?;
    let identifier = identifier(cursor)?;
    cursor.space()?;
    let change = Some(mod_rights(cursor)?);
    Ok(CommandBody::ChangeAcl {
        mailbox,
        identifier,
        change,
    })
}

/// DELETEACL.
pub(super) fn delete(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    Ok(CommandBody::ChangeAcl {
        mailbox: mailbox::argument(cursor)?,
        identifier: identifier(cursor)?,
        change: None,
    })
}

/// LISTRIGHTS.
pub(super) fn list(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    Ok(CommandBody::ListRights {
        mailbox: mailbox::argument(cursor)?,
        identifier: identifier(cursor)?,
    })
}

/// `SP identifier`.
fn identifier(cursor: &mut Cursor<'_>) -> Parsed<String> {
    cursor.space()?;
    cursor.text("an identifier")
}

/// `mod-rights`: rights, with `+` or `-` in front when they are added or removed.
fn mod_rights(cursor: &mut Cursor<'_>) -> Parsed<RightsChange> {
    let start = cursor.position();
    let text = cursor.text("rights")?;
    let (change, letters): (fn(Rights) -> RightsChange, &str) = match text.split_at_checked(1) {
        Some(("+", letters)) => (RightsChange::Add, letters),
        Some(("-", letters)) => (RightsChange::Remove, letters),
        _ => (RightsChange::Set, &text),
    };
    match Rights::parse(letters) {
        Ok(rights) => Ok(change(rights)),
        Err(InvalidRights::UpperCase) => Err(Fault::bad("upper-case rights are not allowed", start)),
        Err(InvalidRights::Unknown) => Err(Fault::bad("a right that is not supported", start)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::parse::tests::{bad, mailbox, same};

    fn changed(identifier: &str, change: Option<RightsChange>) -> CommandBody {
        CommandBody::ChangeAcl {
            mailbox: mailbox("INBOX/Drafts"),
            identifier: identifier.to_owned(),
            change,
        }
    }

    #[test]
    fn the_examples_of_rfc_4314() {
        let rights = |letters| Rights::parse(letters).unwrap();
        same(
            &[
                "SeTacl INBOX/Drafts David lrswida",
                "setacl inbox/Drafts {5}\r\nDavid \"lrswitea\"",
            ],
            &changed("David", Some(RightsChange::Set(rights("lrswida")))),
        );
        same(
            &["SETACL INBOX/Drafts Chris +cda"],
            &changed("Chris", Some(RightsChange::Add(rights("cda")))),
        );
        same(
            &["SETACL INBOX/Drafts \"-Chris\" -l"],
            &changed("-Chris", Some(RightsChange::Remove(Rights::LOOKUP))),
        );
        same(
            &["SETACL INBOX/Drafts Chris \"\"", "SETACL INBOX/Drafts Chris {0}\r\n"],
            &changed("Chris", Some(RightsChange::Set(Rights::NONE))),
        );
        same(&["DeleteAcl INBOX/Drafts Fred"], &changed("Fred", None));
        same(&["getacl INBOX/Drafts"], &CommandBody::GetAcl(mailbox("INBOX/Drafts")));
        same(&["MYRIGHTS INBOX"], &CommandBody::MyRights(mailbox("INBOX")));
        same(
            &["LISTRIGHTS ~/Mail/saved smith"],
            &CommandBody::ListRights {
                mailbox: mailbox("~/Mail/saved"),
                identifier: "smith".to_owned(),
            },
        );
        bad(&[
            (
                "SETACL INBOX/Drafts John lrQswicda",
                "SETACL: upper-case rights are not allowed, at octet 28",
            ),
            (
                "SETACL INBOX/Drafts John lrqswicda",
                "SETACL: a right that is not supported, at octet 28",
            ),
            ("SETACL a b", "SETACL: expected a space, at octet 13"),
            ("DELETEACL a", "DELETEACL: expected a space, at octet 14"),
            ("MYRIGHTS", "MYRIGHTS: expected a space, at octet 11"),
        ]);
    }
}
