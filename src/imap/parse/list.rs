//! LIST (RFC 9051 §6.3.9, RFC 5258) with STATUS (RFC 5819), METADATA (RFC 9590), MYRIGHTS
//! (RFC 8440) and SPECIAL-USE (RFC 6154), and LSUB (RFC 3501 §6.3.9).

use super::cursor::{Cursor, Fault, Parsed};
use super::{mailbox, metadata, status};
use crate::imap::command::{CommandBody, List};

/// The most options in one list, repeated ones included: a repeated option counts once (RFC 5258 §3).
const MAX_OPTIONS: usize = 30;
/// The most patterns.
const MAX_PATTERNS: usize = 100;

/// LIST, simple or extended (RFC 5258 §1 says by what it is told).
pub(super) fn list(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    let mut list = List::default();
    cursor.space()?;
    if cursor.peek() == Some(b'(') {
        list.extended = true;
        selection(cursor, &mut list)?;
        // An example of RFC 5819 §3 has no space here.
        cursor.spaces();
    }
    list.reference = mailbox::name(cursor)?;
    cursor.space()?;
    if cursor.peek() == Some(b'(') {
        list.extended = true;
        list.patterns = cursor.list(1..=MAX_PATTERNS, mailbox::pattern)?;
    } else {
        list.patterns = vec![mailbox::pattern(cursor)?];
    }
    if cursor.more() {
        list.extended = true;
        returns(cursor, &mut list)?;
    }
    Ok(CommandBody::List(list))
}

/// LSUB.
pub(super) fn lsub(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    cursor.space()?;
    let reference = mailbox::name(cursor)?;
    cursor.space()?;
    let pattern = mailbox::pattern(cursor)?;
    Ok(CommandBody::Lsub { reference, pattern })
}

/// `list-select-opts`.
fn selection(cursor: &mut Cursor<'_>, list: &mut List) -> Parsed<()> {
    let start = cursor.position();
    cursor.list(0..=MAX_OPTIONS, |cursor| {
        let start = cursor.position();
        match cursor.word("a selection option")?.as_str() {
            "SUBSCRIBED" => list.select_subscribed = true,
            "REMOTE" => list.select_remote = true,
            "RECURSIVEMATCH" => list.select_recursive_match = true,
            "SPECIAL-USE" => list.select_special_use = true,
            _ => return Err(Fault::bad("unknown selection option", start)),
        }
        Ok(())
    })?;
    if list.select_recursive_match && !list.select_subscribed {
        return Err(Fault::bad("RECURSIVEMATCH needs SUBSCRIBED", start));
    }
    Ok(())
}

/// `list-return-opts`.
fn returns(cursor: &mut Cursor<'_>, list: &mut List) -> Parsed<()> {
    if !cursor.keyword("RETURN") {
        return cursor.expected("RETURN");
    }
    cursor.spaces();
    cursor.list(0..=MAX_OPTIONS, |cursor| {
        let start = cursor.position();
        match cursor.word("a return option")?.as_str() {
            "SUBSCRIBED" => list.return_subscribed = true,
            "CHILDREN" => list.return_children = true,
            "SPECIAL-USE" => list.return_special_use = true,
            "STATUS" => {
                cursor.space()?;
                list.return_status = Some(status::items(cursor)?);
            }
            "MYRIGHTS" => list.return_my_rights = true,
            "METADATA" => {
                cursor.space()?;
                list.return_metadata = Some(metadata::entries(cursor)?);
            }
            _ => return Err(Fault::bad("unknown return option", start)),
        }
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::command::StatusItem;
    use crate::imap::parse::tests::{bad, same};

    fn simple(reference: &str, pattern: &str) -> List {
        List {
            reference: reference.to_owned(),
            patterns: vec![pattern.to_owned()],
            ..List::default()
        }
    }

    fn extended(pattern: &str) -> List {
        List {
            extended: true,
            ..simple("", pattern)
        }
    }

    #[test]
    fn simple_lists() {
        let wanted = CommandBody::List(simple("", "*"));
        same(&["LIST \"\" *", "list \"\" \"*\" ", "LIST {0}\r\n {1+}\r\n*"], &wanted);
        same(&["LIST \"\" \"\""], &CommandBody::List(simple("", "")));
        same(
            &["LIST ~/Mail/ a%b*", "LIST \"~/Mail/\" \"a%b*\""],
            &CommandBody::List(simple("~/Mail/", "a%b*")),
        );
        same(
            &["LIST &AOk- \"&-%\"", "LIST é {2}\r\n&%"],
            &CommandBody::List(simple("é", "&%")),
        );
        same(
            &["LSUB \"#news.\" comp.mail.*", "lsub #news. \"comp.mail.*\""],
            &CommandBody::Lsub {
                reference: "#news.".to_owned(),
                pattern: "comp.mail.*".to_owned(),
            },
        );
    }

    #[test]
    fn selection_options_patterns_and_return_options() {
        same(
            &[
                "LIST () \"\" *",
                "LIST \"\" (*)",
                "LIST \"\" * RETURN ()",
                "LIST \"\" ( \"*\" ) return()",
            ],
            &CommandBody::List(extended("*")),
        );
        same(
            &[
                "LIST (SUBSCRIBED REMOTE RECURSIVEMATCH SPECIAL-USE) \"\" *",
                "LIST ( special-use recursivematch remote subscribed Subscribed )  \"\" (*)",
            ],
            &CommandBody::List(List {
                select_subscribed: true,
                select_remote: true,
                select_recursive_match: true,
                select_special_use: true,
                ..extended("*")
            }),
        );
        same(
            &["LIST \"\" (INBOX \"Drafts\" {6}\r\nSent/%)"],
            &CommandBody::List(List {
                patterns: ["INBOX", "Drafts", "Sent/%"].map(str::to_owned).to_vec(),
                ..extended("")
            }),
        );
        same(
            &["LIST \"\" % RETURN (METADATA (\"/shared/vendor/cmu/cyrus-imapd/color\"))"],
            &CommandBody::List(List {
                return_metadata: Some(vec!["/shared/vendor/cmu/cyrus-imapd/color".to_owned()]),
                ..extended("%")
            }),
        );
        same(
            &["LIST \"\" % RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (MESSAGES SIZE))"],
            &CommandBody::List(List {
                return_subscribed: true,
                return_children: true,
                return_special_use: true,
                return_status: Some(vec![StatusItem::Messages, StatusItem::Size]),
                ..extended("%")
            }),
        );
    }

    #[test]
    fn what_is_no_list() {
        bad(&[
            ("LIST", "LIST: expected a space, at octet 7"),
            ("LIST \"\"", "LIST: expected a space, at octet 10"),
            ("LIST * \"\"", "LIST: expected a mailbox name, at octet 8"),
            ("LIST \"\" * *", "LIST: expected RETURN, at octet 13"),
            ("LIST \"\" * RETURN", "LIST: expected a parenthesis, at octet 19"),
            ("LIST \"\" ()", "LIST: expected a mailbox pattern, at octet 12"),
            (
                "LIST \"\" (a b",
                "LIST: expected a space or a closing parenthesis, at octet 15",
            ),
            (
                "LIST (RECURSIVEMATCH) \"\" *",
                "LIST: RECURSIVEMATCH needs SUBSCRIBED, at octet 8",
            ),
            (
                "LIST (RECURSIVEMATCH SPECIAL-USE) \"\" *",
                "LIST: RECURSIVEMATCH needs SUBSCRIBED, at octet 8",
            ),
            ("LIST (CHILDREN) \"\" *", "LIST: unknown selection option, at octet 9"),
            (
                "LIST \"\" * RETURN (MYRIGHT)",
                "LIST: unknown return option, at octet 21",
            ),
            ("LIST \"\" * RETURN (STATUS)", "LIST: expected a space, at octet 27"),
            (
                "LIST \"\" * RETURN (STATUS ())",
                "LIST: expected a STATUS item, at octet 29",
            ),
            (
                "LIST \"\" * RETURN (CHILDREN) x",
                "LIST: expected the end of the command, at octet 31",
            ),
            ("LSUB \"\" (a b)", "LSUB: expected a mailbox pattern, at octet 11"),
            ("LSUB (SUBSCRIBED) \"\" *", "LSUB: expected a mailbox name, at octet 8"),
        ]);
    }

    /// RFC 8440 §4.
    #[test]
    fn rights() {
        let wanted = List {
            return_my_rights: true,
            ..extended("%")
        };
        same(
            &[
                "LIST \"\" % RETURN (MYRIGHTS)",
                "LIST \"\" % return ( myrights MYRIGHTS )",
            ],
            &CommandBody::List(wanted),
        );
    }
}
