//! What holds for every command, and the words in which the tables beside the code are written.

mod clients;
mod examples;
mod properties;

use super::*;
use crate::imap::command::{CommandBody, MailboxArgument, SequenceBound, SequenceSet};
use crate::mail::mailbox_name::MailboxName;

/// The command with these arguments, which must be right. Its tag is `t`.
#[track_caller]
pub(super) fn body(arguments: &str) -> CommandBody {
    match command(format!("t {arguments}").as_bytes(), Dialect::Rev1) {
        Ok(command) => command.body,
        Err(error) => panic!("{arguments:?}: {error:?}"),
    }
}

/// All of them ask for the same.
#[track_caller]
pub(super) fn same(spellings: &[&str], wanted: &CommandBody) {
    for spelling in spellings {
        assert_eq!(&body(spelling), wanted, "{spelling:?}");
    }
}

/// Each is answered by BAD with that text. The places count the two octets of `t ` as well.
#[track_caller]
pub(super) fn bad(cases: &[(&str, &str)]) {
    for (arguments, wanted) in cases {
        let error = command(format!("t {arguments}").as_bytes(), Dialect::Rev1).expect_err(arguments);
        let text = (*wanted).to_owned();
        let tag = Some("t".to_owned());
        assert_eq!(error, ParseError::Bad { tag, text }, "{arguments:?}");
    }
}

/// A mailbox argument that is a name.
pub(super) fn mailbox(name: &str) -> MailboxArgument {
    Ok(MailboxName::new(name).unwrap())
}

/// A set from ranges of numbers; 0 stands for `*`.
pub(super) fn set(ranges: &[(u32, u32)]) -> SequenceSet {
    let bound = |number| match number {
        0 => SequenceBound::Last,
        number => SequenceBound::Number(number),
    };
    SequenceSet::Ranges(
        ranges
            .iter()
            .map(|(first, last)| (bound(*first), bound(*last)))
            .collect(),
    )
}

#[test]
fn commands_without_arguments() {
    for (name, wanted) in [
        ("CAPABILITY", CommandBody::Capability),
        ("NOOP", CommandBody::Noop),
        ("LOGOUT", CommandBody::Logout),
        ("STARTTLS", CommandBody::StartTls),
        ("UNAUTHENTICATE", CommandBody::Unauthenticate),
        ("NAMESPACE", CommandBody::Namespace),
        ("IDLE", CommandBody::Idle),
        ("CHECK", CommandBody::Check),
        ("CLOSE", CommandBody::Close),
        ("UNSELECT", CommandBody::Unselect),
        ("EXPUNGE", CommandBody::Expunge),
    ] {
        let (lower, spaced) = (name.to_lowercase(), format!(" {name}  "));
        same(&[name, &lower, &spaced], &wanted);
        bad(&[(
            &format!("{name} x"),
            &format!("{name}: expected the end of the command, at octet {}", name.len() + 4),
        )]);
    }
}

#[test]
fn commands_that_are_none() {
    bad(&[
        ("", "expected a command, at octet 3"),
        ("(NOOP)", "expected a command, at octet 3"),
        ("NOOP\r", "NOOP: expected the end of the command, at octet 7"),
        ("NOOP\t", "NOOP: expected the end of the command, at octet 7"),
        ("NOOP\0", "NUL is not allowed, at octet 7"),
        ("LOGIN {1}\r\n\0 x", "NUL is not allowed, at octet 14"),
        ("XAPPLEPUSHSERVICE aps-version 2", "unknown command, at octet 3"),
        ("NOOPX", "unknown command, at octet 3"),
        ("UID", "expected a space, at octet 6"),
        (
            "UID ",
            "expected COPY, EXPUNGE, FETCH, MOVE, REPLACE, SEARCH, SORT, STORE or THREAD, at octet 7",
        ),
        ("UID NOOP", "unknown command, at octet 3"),
        ("UID UID FETCH 1 UID", "unknown command, at octet 3"),
        ("MYRIGHT INBOX", "unknown command, at octet 3"),
    ]);
}

#[test]
fn tags() {
    for tag in ["a001", "A.b-c_1", "]", ".", &"x".repeat(MAX_TAG)] {
        let parsed = command(format!("{tag} NOOP").as_bytes(), Dialect::Rev1).unwrap();
        assert_eq!(parsed.tag, tag);
    }
    for line in [
        "",
        " NOOP",
        "* NOOP",
        "+ NOOP",
        "a+b NOOP",
        "a\"b NOOP",
        "é NOOP",
        "(a) NOOP",
        "a\r NOOP",
        "\u{16}\u{3}\u{1}",
    ] {
        let error = command(line.as_bytes(), Dialect::Rev1).unwrap_err();
        let text = "expected a tag, at octet 1".to_owned();
        assert_eq!(error, ParseError::Bad { tag: None, text }, "{line:?}");
    }
    assert!(command(format!("{} NOOP", "x".repeat(MAX_TAG + 1)).as_bytes(), Dialect::Rev1).is_err());
    let text = "expected a space, at octet 5".to_owned();
    let tag = Some("DONE".to_owned());
    assert_eq!(command(b"DONE", Dialect::Rev1), Err(ParseError::Bad { tag, text }));
}

#[test]
fn other_protocols() {
    let text = "This is an IMAP server, not a web server";
    for line in [
        "GET / HTTP/1.1",
        "POST /a?b HTTP/1.0",
        "OPTIONS * HTTP/1.1",
        "PRI * HTTP/2.0",
    ] {
        assert_eq!(
            command(line.as_bytes(), Dialect::Rev1),
            Err(ParseError::Hopeless { text }),
            "{line}"
        );
    }
    for line in [
        "t LOGIN HTTP/1.1",
        "t SELECT HTTP/1.1 x",
        "EHLO example.org",
        "Host: example.org",
    ] {
        assert!(
            matches!(command(line.as_bytes(), Dialect::Rev1), Err(ParseError::Bad { .. })),
            "{line}"
        );
    }
}

#[test]
fn the_beginning_of_a_command() {
    for line in [
        "t LOGIN {5}",
        "t LOGIN me {5+}",
        "t SEARCH OR TEXT {3}",
        "t APPEND {5}",
        "t ID (\"a\" {3}",
    ] {
        assert_eq!(beginning(line.as_bytes(), Dialect::Rev1), Ok(()), "{line}");
    }
    for line in [
        "{5}",
        "t {5}",
        "t NONSENSE {5}",
        "t NOOP {5}",
        "t LOGIN \"x {5}",
        "t LOGIN me you {5}",
        "t FETCH 1 {5}",
    ] {
        assert!(beginning(line.as_bytes(), Dialect::Rev1).is_err(), "{line}");
    }
}
