//! Lines as real clients send them.

use super::{body, mailbox, same, set};
use crate::imap::command::{CommandBody, FetchItem, List};

#[test]
fn lines_of_real_clients() {
    for line in [
        // Thunderbird
        "ID (\"name\" \"Thunderbird\" \"version\" \"115.3.1\")",
        "ENABLE UTF8=ACCEPT",
        "lsub \"\" \"*\"",
        "LIST (SUBSCRIBED) \"\" \"*\" RETURN (SPECIAL-USE)",
        "select \"INBOX\" (CONDSTORE)",
        "UID fetch 1:* (FLAGS)",
        "UID fetch 3:5 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Resent-Message-ID Subject Date Message-ID \
         Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])",
        "UID fetch 5 (UID RFC822.SIZE BODY.PEEK[])",
        "uid store 5 +Flags (\\Seen)",
        "UID SEARCH UNDELETED SINCE 1-Feb-2024",
        "status \"Sent\" (UIDNEXT MESSAGES UNSEEN RECENT)",
        // Apple Mail
        "ID (\"name\" \"iPhone Mail\" \"version\" \"22A3354\" \"os\" \"iOS\" \"os-version\" \"18.0 (22A3354)\")",
        "SELECT \"INBOX\" (CONDSTORE)",
        "FETCH 1:20 (FLAGS UID BODY.PEEK[HEADER.FIELDS (content-class content-type x-universally-unique-identifier date from \
         subject to cc)] MODSEQ)",
        "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12)",
        "UID SEARCH RETURN (ALL) 1:* NOT DELETED",
        "UID STORE 7 +FLAGS.SILENT (\\Deleted $NotJunk)",
        "UID MOVE 7 \"Deleted Messages\"",
        // ImapFlow
        "LIST (SPECIAL-USE) \"\" \"*\"",
        "LIST \"\" \"*\" RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (MESSAGES UNSEEN HIGHESTMODSEQ))",
        "UID FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE INTERNALDATE RFC822.SIZE) (CHANGEDSINCE 1)",
        "UID SEARCH OR FROM \"a\" OR FROM \"b\" OR FROM \"c\" FROM \"d\"",
        // mbsync, offlineimap, mutt
        "LOGIN \"user@example.org\" \"p\\\"w\\\\d\"",
        "UID FETCH 1:10000 (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (X-TUID)])",
        "UID STORE 1:3,5 +FLAGS.SILENT (\\Deleted)",
        "FETCH 1:* (FLAGS UID INTERNALDATE)",
        "FETCH 1:3 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (DATE FROM SENDER SUBJECT TO CC MESSAGE-ID \
         REFERENCES CONTENT-TYPE CONTENT-DESCRIPTION IN-REPLY-TO REPLY-TO LINES LIST-POST LIST-SUBSCRIBE X-LABEL)])",
        "SEARCH HEADER Message-ID <1@example.org>",
        "STATUS \"INBOX\" (UIDNEXT UIDVALIDITY UNSEEN RECENT MESSAGES)",
        // curl, Outlook and others
        "FETCH 1 BODY[]",
        "FETCH 1 BODY[TEXT]",
        "UID FETCH 9 BODY[1.2]<0.2048>",
        "LIST \"\" \"\"",
        "FETCH 1:* (FLAGS )",
        "UID SEARCH CHARSET US-ASCII ALL ",
        "ID NIL",
        "NOOP ",
        "AUTHENTICATE PLAIN AGEAYg==",
    ] {
        body(line);
    }
}

/// Thunderbird 153 sends a 0 that RFC 7162 forbids, and expects MODSEQ as with any other number.
#[test]
fn changed_since_0() {
    same(
        &["UID FETCH 1:* (FLAGS) (CHANGEDSINCE 0)"],
        &CommandBody::Fetch {
            uid: true,
            set: set(&[(1, 0)]),
            items: vec![FetchItem::Flags, FetchItem::ModSeq],
            changed_since: None,
            vanished_since: None,
            partial: None,
        },
    );
}

#[test]
fn names_in_modified_utf_7_or_not() {
    let wanted = CommandBody::Delete {
        mailbox: mailbox("Entwürfe"),
        supplied: None,
    };
    same(
        &[
            "DELETE Entw&APw-rfe",
            "DELETE \"Entw&APw-rfe\"",
            "DELETE Entwürfe",
            "DELETE \"Entwürfe\"",
            "DELETE {9}\r\nEntwürfe",
        ],
        &wanted,
    );
    same(
        &["LIST \"\" Entw&APw-rfe/%"],
        &CommandBody::List(List {
            patterns: vec!["Entwürfe/%".to_owned()],
            ..List::default()
        }),
    );
}
