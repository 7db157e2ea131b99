//! COPY and MOVE (RFC 9051 §6.4.7, §6.4.8, RFC 6851).

use super::cursor::{Cursor, Parsed};
use super::{mailbox, sequence_set};
use crate::imap::command::CommandBody;

/// COPY.
pub(super) fn copy(cursor: &mut Cursor<'_>, uid: bool) -> Parsed<CommandBody> {
    let set = sequence_set::argument(cursor)?;
    let mailbox = mailbox::argument(cursor)?;
    Ok(CommandBody::Copy { uid, set, mailbox })
}

/// MOVE.
pub(super) fn move_(cursor: &mut Cursor<'_>, uid: bool) -> Parsed<CommandBody> {
    let set = sequence_set::argument(cursor)?;
    let mailbox = mailbox::argument(cursor)?;
    Ok(CommandBody::Move { uid, set, mailbox })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::parse::tests::{bad, mailbox, same, set};

    #[test]
    fn copy_and_move() {
        let (two_to_four, meeting) = (set(&[(2, 4)]), mailbox("MEETING"));
        for (name, uid) in [("COPY", false), ("UID COPY", true)] {
            let wanted = CommandBody::Copy {
                uid,
                set: two_to_four.clone(),
                mailbox: meeting.clone(),
            };
            same(
                &[&format!("{name} 2:4 MEETING"), &format!("{name} 2:4 {{7}}\r\nMEETING")],
                &wanted,
            );
        }
        for (name, uid) in [("MOVE", false), ("uid move", true)] {
            let wanted = CommandBody::Move {
                uid,
                set: two_to_four.clone(),
                mailbox: meeting.clone(),
            };
            same(&[&format!("{name} 2:4 \"MEETING\"")], &wanted);
        }
        bad(&[
            ("COPY 2:4", "COPY: expected a space, at octet 11"),
            ("UID COPY 2:4 ", "UID COPY: expected a mailbox name, at octet 16"),
            ("MOVE INBOX 2:4", "MOVE: expected a message number or *, at octet 8"),
        ]);
    }
}
