//! Flags as arguments of STORE, APPEND and SEARCH (RFC 9051 §2.3.2).

use super::cursor::{Cursor, Fault, Parsed};
use super::strings::is_atom_char;
use crate::mail::flags::FlagList;

/// The most flags named at once. A mailbox holds fewer, but says so itself (NO \[LIMIT\], RFC 9051 §7.1).
pub(super) const MAX_FLAGS: usize = 300;

/// `flag-list`, in parentheses.
pub(super) fn list(cursor: &mut Cursor<'_>) -> Parsed<FlagList> {
    let mut flags = FlagList::default();
    cursor.list(0..=MAX_FLAGS, |cursor| flag(cursor, &mut flags))?;
    Ok(flags)
}

/// `flag`, added to `flags`. A system flag of later standards (`flag-extension`) is no flag here and passed over, as a
/// flag that PERMANENTFLAGS does not name is (RFC 9051 §7.1); what FETCH answers tells the client.
pub(super) fn flag(cursor: &mut Cursor<'_>, flags: &mut FlagList) -> Parsed<()> {
    let start = cursor.position();
    let system = cursor.skip(b'\\');
    let atom = cursor.take_while(|byte| byte.is_ascii() && is_atom_char(byte));
    let name = cursor.bytes().get(start..cursor.position()).unwrap_or_default();
    match std::str::from_utf8(name) {
        Ok(name) if !atom.is_empty() && (flags.insert(name) || system) => Ok(()),
        _ if atom.is_empty() => Err(Fault::bad("expected a flag", start)),
        _ => Err(Fault::bad("a keyword that is too long", start)),
    }
}

#[cfg(test)]
mod tests {
    use crate::imap::command::{CommandBody, Store};
    use crate::imap::parse::tests::{bad, same, set};
    use crate::mail::flags::{FlagList, Flags, Keyword};
    use crate::mailbox::FlagAction;

    #[test]
    fn flags_of_all_kinds() {
        let all = Flags::NAMES.iter().fold(Flags::NONE, |all, (flag, _)| all.union(*flag));
        let keyword = |name| Keyword::new(name).unwrap();
        for (written, flags, keywords) in [
            ("()", Flags::NONE, vec![]),
            (
                "(\\Answered \\FLAGGED \\deleted \\Seen \\Draft $Forwarded)",
                all,
                vec![],
            ),
            ("\\Seen", Flags::SEEN, vec![]),
            ("(\\Recent \\Seen)", Flags::SEEN, vec![]),
            ("(\\Later \\Seen)", Flags::SEEN, vec![]),
            (
                "($Junk a.b+c $JUNK)",
                Flags::NONE,
                vec![keyword("$Junk"), keyword("a.b+c")],
            ),
            ("\\Seen  $label1 ", Flags::SEEN, vec![keyword("$label1")]),
        ] {
            let wanted = CommandBody::Store(Store {
                uid: false,
                set: set(&[(1, 1)]),
                unchanged_since: None,
                action: FlagAction::Replace,
                silent: false,
                flags: FlagList { flags, keywords },
            });
            same(&[&format!("STORE 1 FLAGS {written}")], &wanted);
        }
    }

    #[test]
    fn what_is_no_flag() {
        let (long, many) = ("x".repeat(129), " x".repeat(super::MAX_FLAGS + 1));
        bad(&[
            ("STORE 1 FLAGS (\\*)", "STORE: expected a flag, at octet 18"),
            ("STORE 1 FLAGS (\\)", "STORE: expected a flag, at octet 18"),
            ("STORE 1 FLAGS (\"x\")", "STORE: expected a flag, at octet 18"),
            (
                "STORE 1 FLAGS (\\Seen\\Draft)",
                "STORE: expected a space or a closing parenthesis, at octet 23",
            ),
            ("STORE 1 FLAGS (é)", "STORE: expected a flag, at octet 18"),
            (
                "STORE 1 FLAGS (x]y)",
                "STORE: expected a space or a closing parenthesis, at octet 19",
            ),
            (
                &format!("STORE 1 FLAGS {long}"),
                "STORE: a keyword that is too long, at octet 17",
            ),
            (
                &format!("STORE 1 FLAGS ({many})"),
                "STORE: more than 300 in a list, at octet 619",
            ),
            (
                &format!("STORE 1 FLAGS{many}"),
                "STORE: more than 300 flags, at octet 617",
            ),
        ]);
    }
}
