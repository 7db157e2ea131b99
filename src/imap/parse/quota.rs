//! GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208 §7).

use super::cursor::{Cursor, Parsed};
use crate::imap::command::CommandBody;

/// The most limits in SETQUOTA.
const MAX_LIMITS: usize = 20;

/// GETQUOTA.
pub(super) fn get(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    cursor.space()?;
    cursor.text("a quota root").map(CommandBody::GetQuota)
}

/// SETQUOTA.
pub(super) fn set(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    cursor.space()?;
    cursor.text("a quota root")?;
    cursor.space()?;
    cursor.list(0..=MAX_LIMITS, |cursor| {
        cursor.atom("a resource such as STORAGE")?;
        cursor.space()?;
        cursor.number64()
    })?;
    Ok(CommandBody::SetQuota)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::parse::tests::{bad, mailbox, same};

    #[test]
    fn the_examples_of_rfc_9208() {
        let root = |name: &str| CommandBody::GetQuota(name.to_owned());
        same(&["GETQUOTA \"!partition/sda4\""], &root("!partition/sda4"));
        same(&["GETQUOTA \"\"", "getquota {0}\r\n"], &root(""));
        same(&["GETQUOTAROOT INBOX"], &CommandBody::GetQuotaRoot(mailbox("INBOX")));
        same(
            &[
                "SETQUOTA \"#user/alice\" (STORAGE 510)",
                "SETQUOTA \"!partition/sda4\" (STORAGE 99999999 MESSAGE 1)",
                "setquota \"\" ()",
            ],
            &CommandBody::SetQuota,
        );
        bad(&[
            ("GETQUOTA", "GETQUOTA: expected a space, at octet 11"),
            ("GETQUOTA a b", "GETQUOTA: expected the end of the command, at octet 14"),
            ("SETQUOTA \"\" STORAGE", "SETQUOTA: expected a parenthesis, at octet 15"),
            ("SETQUOTA \"\" (STORAGE)", "SETQUOTA: expected a space, at octet 23"),
            ("SETQUOTA \"\" (STORAGE x)", "SETQUOTA: expected a number, at octet 24"),
        ]);
    }
}
