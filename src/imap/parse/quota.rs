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
    let root = cursor.text("a quota root")?;
    cursor.space()?;
    let limits = cursor.list(0..=MAX_LIMITS, |cursor| {
        let resource = cursor.atom("a resource such as STORAGE")?.to_ascii_uppercase();
        cursor.space()?;
        Ok((resource, cursor.number64()?))
    })?;
    Ok(CommandBody::SetQuota { root, limits })
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
        let set = |root: &str, limits: &[(&str, u64)]| CommandBody::SetQuota {
            root: root.to_owned(),
            limits: limits
                .iter()
                .map(|(name, limit)| ((*name).to_owned(), *limit))
                .collect(),
        };
        same(
            &[
                "SETQUOTA \"#user/alice\" (STORAGE 510)",
                "setquota #user/alice (storage 510)",
            ],
            &set("#user/alice", &[("STORAGE", 510)]),
        );
        same(
            &["SETQUOTA \"!partition/sda4\" (STORAGE 99999999 MESSAGE 1)"],
            &set("!partition/sda4", &[("STORAGE", 99_999_999), ("MESSAGE", 1)]),
        );
        same(&["SETQUOTA \"\" ()"], &set("", &[]));
        bad(&[
            ("GETQUOTA", "GETQUOTA: expected a space, at octet 11"),
            ("GETQUOTA a b", "GETQUOTA: expected the end of the command, at octet 14"),
            ("SETQUOTA \"\" STORAGE", "SETQUOTA: expected a parenthesis, at octet 15"),
            ("SETQUOTA \"\" (STORAGE)", "SETQUOTA: expected a space, at octet 23"),
            ("SETQUOTA \"\" (STORAGE x)", "SETQUOTA: expected a number, at octet 24"),
        ]);
    }
}
