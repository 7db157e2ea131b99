//! Every command in the examples of the RFCs that we serve (their section 6, or where they have examples), as the client
//! would send it, each once: folded lines joined. `DONE` and SASL responses are no commands.

use super::super::*;

/// Right commands.
pub(super) const LINES: &[&str] = &[
    // RFC 6154 §5.4
    "t2 GETMETADATA \"MyDrafts\" /private/specialuse",
    "t4 SETMETADATA \"SentMail\" (/private/specialuse NIL)",
    // RFC 3501
    "abcd CAPABILITY",
    "efgh STARTTLS",
    "a002 NOOP",
    "A023 LOGOUT",
    "a004 LOGIN joe password",
    "A001 AUTHENTICATE GSSAPI",
    "a001 LOGIN SMITH SESAME",
    "A142 SELECT INBOX",
    "A932 EXAMINE blurdybloop",
    "A003 CREATE owatagusiam/",
    "A004 CREATE owatagusiam/blurdybloop",
    "A683 DELETE blurdybloop",
    "A685 DELETE foo/bar",
    "A686 LIST \"\" *",
    "A86 LIST \"\" %",
    "A683 RENAME blurdybloop sarasoop",
    "Z433 RENAME INBOX old-mail",
    "A002 SUBSCRIBE #news.comp.mail.mime",
    "A002 UNSUBSCRIBE #news.comp.mail.mime",
    "A101 LIST \"\" \"\"",
    "A102 LIST #news.comp.mail.misc \"\"",
    "A103 LIST /usr/staff/jones \"\"",
    "A202 LIST ~/Mail/ %",
    "A002 LSUB \"#news.\" \"comp.mail.*\"",
    "A003 LSUB \"#news.\" \"comp.%\"",
    "A042 STATUS blurdybloop (UIDNEXT MESSAGES)",
    "A003 APPEND saved-messages (\\Seen) {310}",
    "FXXZ CHECK",
    "A341 CLOSE",
    "A202 EXPUNGE",
    "A282 SEARCH FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"",
    "A283 SEARCH TEXT \"string not in mailbox\"",
    "A284 SEARCH CHARSET UTF-8 TEXT {6}\r\nXXXXXX",
    "A654 FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])",
    "A003 STORE 2:4 +FLAGS (\\Deleted)",
    "A003 COPY 2:4 MEETING",
    "A999 UID FETCH 4827313:4828442 FLAGS",
    "A001 LOGIN {11}\r\nFRED FOOBAR {7}\r\nfat man",
    "a001 login mrc secret",
    "a002 select inbox",
    "a003 fetch 12 full",
    "a004 fetch 12 body[header]",
    "a005 store 12 +flags \\deleted",
    "a006 logout",
    "A684 DELETE foo",
    "A684 RENAME foo zowie",
    "A001 LOGIN fred blurdybloop",
    "A222 COPY 1:2 owatagusiam",
    "A223 COPY 3:200 blurdybloop",
    // RFC 9051
    "a004 AUTHENTICATE PLAIN dGVzdAB0ZXN0AHRlc3Q=",
    "A01 AUTHENTICATE PLAIN",
    "A01 AUTHENTICATE EXTERNAL =",
    "t2 ENABLE CONDSTORE X-GOOD-IDEA",
    "babc ENABLE IMAP4rev2",
    "A143 SELECT Drafts",
    "A005 CREATE NonNormalized",
    "1001 RENAME X Y",
    "A01 LIST \"\" \"*\"",
    "A02 LIST (SUBSCRIBED) \"\" \"*\"",
    "A03 LIST () \"\" \"%\" RETURN (CHILDREN)",
    "A04 LIST (REMOTE) \"\" \"%\" RETURN (CHILDREN)",
    "A05 LIST (REMOTE SUBSCRIBED) \"\" \"*\"",
    "A06 LIST (REMOTE) \"\" \"*\" RETURN (SUBSCRIBED)",
    "C04 LIST (SUBSCRIBED RECURSIVEMATCH) \"\" \"%\"",
    "C04 LIST (SUBSCRIBED RECURSIVEMATCH) \"\" \"%\" RETURN (CHILDREN)",
    "D03 LIST (RECURSIVEMATCH SUBSCRIBED) \"\" \"*2\"",
    "a1 LIST \"\" (\"foo\")",
    "a2 LIST (SUBSCRIBED) \"\" \"foo/*\"",
    "a3 LIST (SUBSCRIBED RECURSIVEMATCH) \"\" foo RETURN (CHILDREN)",
    "a1 LIST (REMOTE) \"\" *",
    "a2 LIST () \"\" %",
    "a3.1 LIST \"\" (% music/rock)",
    "A01 LIST \"\" % RETURN (STATUS (MESSAGES UNSEEN))",
    "A02 LIST (SUBSCRIBED RECURSIVEMATCH) \"\" % RETURN (STATUS (MESSAGES))",
    "A001 NAMESPACE",
    "A002 CREATE \"INBOX.Sent Mail\"",
    "A002 LIST (SPECIAL-USE) \"\" \"*\"",
    "A003 LIST (SPECIAL-USE) \"#mh/\" \"*\"",
    "A006 CREATE \"#mh/Deleted Items\"",
    "A002 LIST \"\" \"Other Users/%\"",
    "A003 LIST \"\" \"#Users/Mike/%\"",
    "A002 LIST \"\" \"~mark/%\"",
    "A003 APPEND saved-messages (\\Seen) {326}",
    "A003 APPEND saved-messages (\\Seen) {297+}",
    "A005 UID COPY 305:310 meeting",
    "A006 COPY 2 funny",
    "A002 IDLE",
    "A003 FETCH 4 ALL",
    "A342 UNSELECT",
    "A282 SEARCH RETURN (MIN COUNT) FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"",
    "A283 SEARCH RETURN () FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"",
    "A284 SEARCH TEXT \"string not in mailbox\"",
    "A285 SEARCH CHARSET UTF-8 TEXT {12}\r\nотпуск",
    "A284 SEARCH RETURN (MIN) UNSEEN",
    "A285 UID SEARCH RETURN (MIN MAX) 1:5000",
    "A286 SEARCH RETURN (COUNT) DELETED",
    "G283 SEARCH RETURN (ALL) SINCE 28-Oct-2006 FROM \"Eric\"",
    "C282 SEARCH RETURN (ALL) SINCE 12-Feb-2006 NOT FROM \"Smith\"",
    "a UID MOVE 42:69 foo",
    "A003 UID EXPUNGE 3000:3002",
    "b LOGIN \"fred\" \"foo\"",
    "l create \"///////\"",
    "k1 select \"/archive/projects/experiment-iv\"",
    "k2 status \"/archive/projects/experiment-iv\" (messages)",
    "h search from maria@example.com",
    "m STORE 42 FLAGS f1 f2 f3 f4 f5 f250",
    "n1 uid copy 1:* oldmail",
    "a000 starttls",
    "A001 AUTHENTICATE SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=",
    "1002 SUBSCRIBE Y",
    "1003 UNSUBSCRIBE X",
    "D03 LIST (RECURSIVEMATCH SUBSCRIBED) \"\" \"*\"",
    "a3 LIST (REMOTE) \"\" %",
    "A002 LIST \"\" \"#Users/%\"",
    "A007 SELECT funny",
    "o356 RENAME this that",
    "m356 DELETE Notes",
    "g delete \"/archive/projects/experiment-iv\"",
    // RFC 2177, RFC 3691, RFC 4315
    "A005 FETCH 3 ALL",
    "A341 UNSELECT",
    "A003 APPEND saved-messages (\\Seen) {297}",
    "A004 COPY 2:4 meeting",
    // RFC 4731
    "a1 SEARCH RETURN (MIN) MODSEQ \"/flags/\\\\draft\" all 620162338",
    "a2 SEARCH RETURN (MAX) MODSEQ \"/flags/\\\\draft\" all 620162338",
    "a3 SEARCH RETURN (MIN MAX) MODSEQ \"/flags/\\\\draft\" all 620162338",
    "a4 SEARCH RETURN (MIN COUNT) MODSEQ \"/flags/\\\\draft\" all 620162338",
    // RFC 5161, RFC 5258
    "a1 ENABLE CONDSTORE",
    "BBB LIST \"\" (\"INBOX\" \"Drafts\" \"Sent/%\")",
    "CA3 LIST \"\" \"%\" RETURN (CHILDREN)",
    "a1 LIST \"\" (\"foo\" \"foo/*\")",
    // RFC 5819: the space is missing there
    "A02 LIST (SUBSCRIBED RECURSIVEMATCH)\"\" % RETURN (STATUS (MESSAGES))",
    // RFC 6154
    "t1 LIST \"\" \"%\"",
    "t2 LIST \"\" \"%\" RETURN (SPECIAL-USE)",
    // RFC 7162
    "A02 SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541))",
    "A03 SELECT INBOX (QRESYNC (67890007 90060115194045000 41:211,214:541))",
    "B04 SELECT INBOX (QRESYNC (67890007 90060115194045000 1:29997 (5000,7500,9000,9990:9999 15000,22500,27000,29970,29973,29976,29979,29982,29985,29988,29991,29994,29997)))",
    "s100 UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)",
    "A142 SELECT INBOX (QRESYNC (3857529045 20010715194032001 1:198))",
    "a103 UID STORE 6,4,8 (UNCHANGEDSINCE 12121230045) +FLAGS.SILENT (\\Deleted)",
    "a104 STORE * (UNCHANGEDSINCE 12121230045) +FLAGS.SILENT (\\Deleted $Processed)",
    "c101 STORE 50 (UNCHANGEDSINCE 12121230045) -FLAGS.SILENT (\\Deleted)",
    "d105 STORE 7,5,9 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT (\\Deleted)",
    "a102 STORE 12 (UNCHANGEDSINCE 0) +FLAGS.SILENT ($MDNSent)",
    "a106 STORE 100:150 (UNCHANGEDSINCE 212030000000) +FLAGS.SILENT ($Processed)",
    "B001 STORE 1:7 (UNCHANGEDSINCE 320172338) +FLAGS (\\SEEN)",
    "s100 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12345)",
    "a FETCH 1:3 (MODSEQ)",
    "A330 STORE 7 -FLAGS.SILENT (\\Answered \\Seen)",
    "a SEARCH MODSEQ \"/flags/\\\\draft\" all 620162338",
    "t SEARCH OR NOT MODSEQ 720162338 LARGER 50000",
    "A042 STATUS blurdybloop (UIDNEXT MESSAGES HIGHESTMODSEQ)",
    "A142 SELECT INBOX (CONDSTORE)",
    "a SEARCH RETURN (ALL) MODSEQ 1234",
    "s101 UID SEARCH 300:500",
    ". UID EXPUNGE 3000:3002",
    "A150 STORE 1:2 (UNCHANGEDSINCE 96) +FLAGS.SILENT \\Seen",
    "b108 STORE 101 (UNCHANGEDSINCE 303011130956) +FLAGS.SILENT ($Processed)",
    "b003 STORE 2 (UNCHANGEDSINCE 320172340) +FLAGS (\\Seen)",
    "A160 STORE 7 +FLAGS.SILENT (\\Deleted)",
    "A240 STORE 7 +FLAGS.SILENT (\\Seen)",
    "s100 UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345)",
    "A151 STORE 3 +FLAGS.SILENT \\Seen",
    // RFC 8438
    "A01 STATUS frop (MESSAGES SIZE UIDNEXT)",
    "A03 FETCH 1:* (RFC822.SIZE)",
    "A04 LIST \"\" % RETURN (STATUS (MESSAGES SIZE))",
    "A02 SELECT \"frop\"",
    // RFC 2971
    "a023 ID (\"name\" \"sodr\" \"version\" \"19.34\" \"vendor\" \"Pink Floyd Music Limited\")",
    "a042 ID NIL",
    // RFC 2342
    "A002 CREATE \"Sent Mail\"",
    "A003 CREATE \"Delete Items\"",
    // RFC 7888
    "A001 LOGIN {11+}\r\nFRED FOOBAR {7+}\r\nfat man",
    "A001 LOGIN \"FRED FOOBAR\" \"fat man\"",
    // RFC 5032
    "a1 SEARCH UNSEEN YOUNGER 259200",
    // RFC 5182
    "A282 SEARCH RETURN (SAVE) FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"",
    "A283 FETCH $ (UID INTERNALDATE FLAGS RFC822.HEADER)",
    "A300 SEARCH RETURN (SAVE) SINCE 1-Jan-2004 NOT FROM \"Smith\"",
    "A301 UID SEARCH UID $ SMALLER 4096",
    "A301 UID SEARCH $ SMALLER 4096",
    "P283 SEARCH CHARSET UTF-8 (OR $ 1,3000:3021) TEXT {8+}\r\nмать",
    "B283 SEARCH CHARSET KOI8-R (OR $ 1,3000:3021) TEXT {4}\r\nXXXX",
    "E283 COPY $ \"Other Messages\"",
    "F282 SEARCH RETURN (SAVE) KEYWORD $Junk",
    "F284 STORE $ +FLAGS.Silent (\\Deleted)",
    "C285 SEARCH RETURN (MAX SAVE MIN) SINCE 12-Feb-2006 NOT FROM \"Smith\"",
    // RFC 6203
    "A1 SEARCH FUZZY (SUBJECT \"IMAP break\")",
    "A2 SEARCH FUZZY SUBJECT work FROM user@example.com",
    "B1 SEARCH RETURN (RELEVANCY ALL) FUZZY TEXT \"Helo\"",
    // RFC 9394
    "A01 UID SEARCH RETURN (PARTIAL -1:-100) UNDELETED UNKEYWORD $Junk",
    "A02 UID SEARCH RETURN (PARTIAL 23500:24000) UNDELETED UNKEYWORD $Junk",
    "10 UID FETCH 25900:26600 (UID FLAGS) (PARTIAL -1:-3)",
    "101 UID FETCH 25900:26600 (UID FLAGS) (PARTIAL -1:-30 CHANGEDSINCE 98305)",
    // RFC 5256
    "A282 SORT (SUBJECT) UTF-8 SINCE 1-Feb-1994",
    "A283 SORT (SUBJECT REVERSE DATE) UTF-8 ALL",
    "A284 SORT (SUBJECT) US-ASCII TEXT \"not in mailbox\"",
    "A283 THREAD ORDEREDSUBJECT UTF-8 SINCE 5-MAR-2000",
    "A284 THREAD ORDEREDSUBJECT US-ASCII TEXT \"gewp\"",
    "A285 THREAD REFERENCES UTF-8 SINCE 5-MAR-2000",
    // RFC 5267
    "A01 SEARCH RETURN (CONTEXT COUNT) UNDELETED UNKEYWORD $Junk",
    "B01 UID SEARCH RETURN (UPDATE COUNT) DELETED KEYWORD $Junk",
    "B02 UID SORT RETURN (UPDATE COUNT) (DATE) UTF-8 KEYWORD $Junk",
    "B04 CANCELUPDATE \"B01\"",
    "E01 UID SORT RETURN () (REVERSE DATE) UTF-8 UNDELETED UNKEYWORD $Junk",
    "a SORT RETURN (ALL) (DATE) UTF-8 MODSEQ 1234",
    // RFC 6203
    "C1 SORT (RELEVANCY) UTF-8 FUZZY SUBJECT \"Helo\"",
    "C2 SORT RETURN (RELEVANCY ALL) (RELEVANCY) UTF-8 FUZZY TEXT \"Helo\"",
    "C3 SORT RETURN (PARTIAL 1:10) (RELEVANCY) UTF-8 FUZZY TEXT \"World\"",
    // RFC 8970
    "A1 FETCH 1 (PREVIEW)",
    "B1 FETCH 1:4 (ENVELOPE PREVIEW (LAZY))",
    "C3 FETCH $ (UID PREVIEW (LAZY))",
    // RFC 7377
    "tag1 ESEARCH IN (mailboxes \"folder1\" subtree \"folder2\") unseen",
    "tag2 ESEARCH IN (mailboxes \"folder1\" subtree-one \"folder2\") subject \"chad\"",
];

/// Commands of extensions that we do not announce, and of examples for what is wrong.
const REFUSED: &[(&str, &str)] = &[
    ("A442 XPIG-LATIN", "unknown command, at octet 6"),
    ("A044 BLURDYBLOOP {102856}", "unknown command, at octet 6"),
    (
        "A443 EXPUNGE 1",
        "EXPUNGE: expected the end of the command, at octet 14",
    ),
    (
        "A03 LIST (RECURSIVEMATCH) \"\" \"*\"",
        "LIST: RECURSIVEMATCH needs SUBSCRIBED, at octet 10",
    ),
    (
        "A03 LIST (REMOTE RECURSIVEMATCH) \"\" \"*\"",
        "LIST: RECURSIVEMATCH needs SUBSCRIBED, at octet 10",
    ),
];

#[test]
fn examples_parse_and_survive_their_spelling() {
    for line in LINES {
        let parsed = command(line.as_bytes(), Dialect::Rev1).unwrap_or_else(|error| panic!("{line:?}: {error:?}"));
        assert_eq!(Some(parsed.tag.as_str()), line.split(' ').next(), "{line:?}");
        let spaced = command(format!("{line}  ").as_bytes(), Dialect::Rev1);
        if matches!(parsed.body, CommandBody::Append { .. }) {
            assert!(append::carries_messages(line.as_bytes()), "{line:?}");
        } else {
            assert_eq!(spaced, Ok(parsed), "{line:?}");
        }
    }
}

#[test]
fn what_is_not_announced_is_refused() {
    for (line, wanted) in REFUSED {
        match command(line.as_bytes(), Dialect::Rev1) {
            Err(ParseError::Bad { tag, text }) => {
                assert_eq!(&text, wanted, "{line:?}");
                assert_eq!(tag.as_deref(), line.split(' ').next(), "{line:?}");
            }
            other => panic!("{line:?}: {other:?}"),
        }
    }
    // RFC 6154 §5.3
    for line in [
        "t2 CREATE MySpecial (USE (\\Drafts \\Sent))",
        "t3 CREATE Everything (USE (\\All))",
    ] {
        let refused = command(line.as_bytes(), Dialect::Rev1);
        assert!(
            matches!(refused, Err(ParseError::UseAttribute { .. })),
            "{line}: {refused:?}"
        );
    }
}
