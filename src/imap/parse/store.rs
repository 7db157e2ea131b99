//! STORE and UID STORE (RFC 9051 §6.4.6) with UNCHANGEDSINCE (RFC 7162 §3.1.3).

use super::cursor::{Cursor, Fault, Parsed};
use super::{flags, sequence_set};
use crate::imap::command::{CommandBody, Store};
use crate::mail::flags::FlagList;
use crate::mailbox::FlagAction;

/// STORE.
pub(super) fn store(cursor: &mut Cursor<'_>, uid: bool) -> Parsed<CommandBody> {
    let set = sequence_set::argument(cursor)?;
    cursor.space()?;
    let mut unchanged_since = None;
    if cursor.peek() == Some(b'(') {
        unchanged_since = Some(modifier(cursor)?);
        cursor.space()?;
    }
    let action = match cursor.peek() {
        Some(b'+') => FlagAction::Add,
        Some(b'-') => FlagAction::Remove,
        _ => FlagAction::Replace,
    };
    if action != FlagAction::Replace {
        cursor.take(1);
    }
    let start = cursor.position();
    let silent = match cursor.word("FLAGS")?.as_str() {
        "FLAGS" => false,
        "FLAGS.SILENT" => true,
        _ => return Err(Fault::bad("expected FLAGS", start)),
    };
    cursor.space()?;
    let flags = flag_list(cursor)?;
    Ok(CommandBody::Store(Store {
        uid,
        set,
        unchanged_since,
        action,
        silent,
        flags,
    }))
}

/// `store-modifiers`: UNCHANGEDSINCE, once.
fn modifier(cursor: &mut Cursor<'_>) -> Parsed<u64> {
    cursor.require(b'(', "a parenthesis")?;
    cursor.spaces();
    if !cursor.keyword("UNCHANGEDSINCE") {
        return cursor.expected("UNCHANGEDSINCE");
    }
    cursor.space()?;
    let mod_seq = cursor.number64()?;
    cursor.spaces();
    cursor.require(b')', "a closing parenthesis")?;
    Ok(mod_seq)
}

/// `flag-list / (flag *(SP flag))`.
fn flag_list(cursor: &mut Cursor<'_>) -> Parsed<FlagList> {
    if cursor.peek() == Some(b'(') {
        return flags::list(cursor);
    }
    let mut list = FlagList::default();
    flags::flag(cursor, &mut list)?;
    let mut count = 1;
    while cursor.more() {
        if count == flags::MAX_FLAGS {
            return Err(Fault::bad(
                format!("more than {} flags", flags::MAX_FLAGS),
                cursor.position(),
            ));
        }
        flags::flag(cursor, &mut list)?;
        count += 1;
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::parse::tests::{bad, same, set};
    use crate::mail::flags::Flags;

    #[test]
    fn what_to_do_with_flags() {
        let plain = Store {
            uid: false,
            set: set(&[(2, 4)]),
            unchanged_since: None,
            action: FlagAction::Replace,
            silent: false,
            flags: FlagList::system(Flags::SEEN),
        };
        for (item, action, silent) in [
            ("FLAGS", FlagAction::Replace, false),
            ("flags.silent", FlagAction::Replace, true),
            ("+FLAGS", FlagAction::Add, false),
            ("+Flags.Silent", FlagAction::Add, true),
            ("-FLAGS", FlagAction::Remove, false),
            ("-FLAGS.SILENT", FlagAction::Remove, true),
        ] {
            let wanted = Store {
                action,
                silent,
                ..plain.clone()
            };
            same(
                &[
                    &format!("STORE 2:4 {item} (\\Seen)"),
                    &format!("store 2:4  {item} \\Seen "),
                ],
                &CommandBody::Store(wanted.clone()),
            );
            for unchanged_since in [0, 12_121_230_045, i64::MAX as u64] {
                let wanted = Store {
                    uid: true,
                    unchanged_since: Some(unchanged_since),
                    ..wanted.clone()
                };
                same(
                    &[&format!(
                        "UID STORE 2:4 (unchangedsince {unchanged_since}) {item} (\\Seen)"
                    )],
                    &CommandBody::Store(wanted),
                );
            }
        }
    }

    #[test]
    fn what_is_no_store() {
        bad(&[
            ("STORE 1", "STORE: expected a space, at octet 10"),
            ("STORE 1 \\Seen", "STORE: expected FLAGS, at octet 11"),
            ("STORE 1 +FLAG \\Seen", "STORE: expected FLAGS, at octet 12"),
            ("STORE 1 + FLAGS \\Seen", "STORE: expected FLAGS, at octet 12"),
            ("STORE 1 +-FLAGS \\Seen", "STORE: expected FLAGS, at octet 12"),
            ("STORE 1 +X-GM-LABELS (x)", "STORE: expected FLAGS, at octet 12"),
            ("STORE 1 FLAGS", "STORE: expected a space, at octet 16"),
            ("STORE 1 FLAGS ", "STORE: expected a flag, at octet 17"),
            ("STORE 1 FLAGS(\\Seen)", "STORE: expected a space, at octet 16"),
            (
                "STORE 1 FLAGS (\\Seen) x",
                "STORE: expected the end of the command, at octet 25",
            ),
            ("STORE 1 () FLAGS x", "STORE: expected UNCHANGEDSINCE, at octet 12"),
            (
                "STORE 1 (UNCHANGEDSINCE) FLAGS x",
                "STORE: expected a space, at octet 26",
            ),
            (
                "STORE 1 (UNCHANGEDSINCE 1 UNCHANGEDSINCE 1) FLAGS x",
                "STORE: expected a closing parenthesis, at octet 29",
            ),
            (
                "STORE 1 (UNCHANGEDSINCE 9223372036854775808) FLAGS x",
                "STORE: a number above 9223372036854775807, at octet 27",
            ),
        ]);
    }
}
