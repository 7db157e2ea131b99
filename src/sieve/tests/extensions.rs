//! The extensions, by the examples of their RFCs.

use super::*;

/// RFC 5229.
#[test]
fn variables() {
    for (source, wanted) in [
        ("set \"a\" \"Lists\"; fileinto \"${a}\";", "fileinto Lists"),
        ("set \"A\" \"Lists\"; fileinto \"${a}${b}\";", "fileinto Lists"),
        (
            "set :upperfirst :lower \"a\" \"LISTS\"; fileinto \"${a}\";",
            "fileinto Lists",
        ),
        (
            "set :length \"n\" \"\u{fc}ber\"; if string \"${n}\" \"4\" { discard; }",
            "discard",
        ),
        (
            "set :quotewildcard \"q\" \"a*b?\\\\\"; if string \"${q}\" \"a\\\\*b\\\\?\\\\\\\\\" { discard; }",
            "discard",
        ),
        (
            "if header :matches \"subject\" \"* a * for *\" { redirect \"${2}.${1}@x.test\"; }",
            "failed",
        ),
        (
            "if header :matches \"subject\" \"I have a * for you\" { redirect \"${1}@x.test\"; }",
            "redirect present@x.test",
        ),
        (
            "if address :matches \"from\" \"*@*\" { set \"d\" \"${2}\"; } if string \"${d}\" \"desert.example.org\" { discard; }",
            "discard",
        ),
        (
            "set \"a\" \"x\"; if string \"${a}${${a}\" \"x${x\" { discard; }",
            "discard",
        ),
        ("if string :count \"eq\" [\"\", \"a\"] \"1\" { discard; }", "discard"),
        ("if string \"${1}\" \"\" { discard; }", "discard"),
    ] {
        let source = format!("require [\"variables\", \"fileinto\", \"relational\"];\n{source}");
        let told = actions(&source).join("|");
        match wanted {
            "failed" => assert!(told.contains("no mail address"), "{source} {told}"),
            _ => assert_eq!(told, wanted, "{source}"),
        }
    }
}

/// RFC 5232 §5, §6.
#[test]
fn flags() {
    for (source, wanted) in [
        ("addflag \"\\\\Seen\";", "keep \\Seen"),
        (
            "setflag [\"\\\\seen\", \"$label1 \\\\Flagged\"]; removeflag \"\\\\FLAGGED\"; fileinto \"Lists\";",
            "fileinto Lists \\Seen $label1",
        ),
        (
            "addflag \"\\\\Deleted\"; if hasflag :contains \"del\" { keep; } else { discard; }",
            "keep \\Deleted",
        ),
        (
            "fileinto :flags \"\\\\Deleted\" \"Lists\"; keep;",
            "fileinto Lists \\Deleted|keep",
        ),
        (
            "setflag \"MyFlags\" [\"\\\\Flagged\", \"$work\"]; keep :flags \"${MyFlags}\";",
            "keep \\Flagged $work",
        ),
        (
            "setflag \"f\" \"a b\"; if hasflag \"f\" [\"c\", \"B\"] { discard; }",
            "discard",
        ),
        (
            "setflag \"a b\"; if hasflag :count \"ge\" :comparator \"i;ascii-numeric\" \"2\" { discard; }",
            "discard",
        ),
        ("setflag \"not an atom( \\\\nothing\";", "keep not an"),
        (
            "fileinto :flags \"a\" \"Lists\"; fileinto :flags \"b\" \"Lists\";",
            "fileinto Lists a b",
        ),
    ] {
        let source = format!(
            "require [\"imap4flags\", \"variables\", \"fileinto\", \"relational\", \"comparator-i;ascii-numeric\"];\n{source}"
        );
        assert_eq!(actions(&source).join("|"), wanted, "{source}");
    }
}

/// RFC 3894, RFC 5490, RFC 8579.
#[test]
fn copies_and_mailboxes() {
    for (source, wanted) in [
        ("fileinto :copy \"Lists\";", "fileinto Lists|keep"),
        (
            "redirect :copy \"a@x.test\"; fileinto \"Lists\";",
            "redirect a@x.test|fileinto Lists",
        ),
        ("if mailboxexists [\"Lists\", \"inbox\"] { discard; }", "discard"),
        ("if mailboxexists [\"Lists\", \"Partners\"] { discard; }", "keep"),
        ("fileinto :create \"Partners/New\";", "fileinto Partners/New"),
        ("fileinto :specialuse \"\\\\Junk\" \"INBOX/spam\";", "fileinto Spam"),
        ("fileinto :specialuse \"\\\\Trash\" :create \"Bin\";", "fileinto Bin"),
        ("if specialuse_exists \"\\\\Archive\" { discard; }", "discard"),
        (
            "if specialuse_exists [\"\\\\Archive\", \"\\\\Trash\"] { discard; }",
            "keep",
        ),
        ("if specialuse_exists \"Spam\" \"\\\\junk\" { discard; }", "discard"),
        ("if specialuse_exists \"Lists\" \"\\\\junk\" { discard; }", "keep"),
    ] {
        let source = format!("require [\"copy\", \"fileinto\", \"mailbox\", \"special-use\"];\n{source}");
        assert_eq!(actions(&source).join("|"), wanted, "{source}");
    }
}

/// RFC 5429.
#[test]
fn rejections() {
    for (source, wanted) in [
        (
            "reject text:\r\nI am not taking mail from you.\r\n.\r\n;",
            "reject I am not taking mail from you.",
        ),
        ("ereject \"no\"; redirect \"a@x.test\";", "reject no|redirect a@x.test"),
        ("discard; reject \"no\";", "reject no"),
    ] {
        let source = format!("require [\"reject\", \"ereject\"];\n{source}");
        assert_eq!(actions(&source).join("|"), wanted, "{source}");
    }
}

/// RFC 5231 §6 to §8.
#[test]
fn relations() {
    let message =
        "Received: a\r\nReceived: b\r\nReceived: c\r\nX-Priority: 10\r\nTo: a@x.test, b@x.test\r\nCc: c@x.test\r\n\r\n";
    let require = "require [\"relational\", \"comparator-i;ascii-numeric\"];";
    for (test, wanted) in [
        (
            "header :value \"lt\" :comparator \"i;ascii-numeric\" \"x-priority\" \"9\"",
            false,
        ),
        ("header :value \"lt\" \"x-priority\" \"9\"", true),
        (
            "header :value \"ge\" :comparator \"i;ascii-numeric\" \"x-priority\" \"010\"",
            true,
        ),
        (
            "address :count \"gt\" :comparator \"i;ascii-numeric\" [\"to\", \"cc\"] \"2\"",
            true,
        ),
        ("header :count \"eq\" \"received\" [\"1\", \"3\"]", true),
        ("header :count \"eq\" \"sender\" \"0\"", true),
        ("header :value \"ne\" \"received\" \"a\"", true),
    ] {
        assert_eq!(holds(require, test, message), wanted, "{test}");
    }
}

/// RFC 5173.
#[test]
fn bodies() {
    let message = "Content-Type: multipart/mixed; boundary=x\r\n\r\nprologue\r\n--x\r\n\
        Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe missile\r\n\
        --x\r\nContent-Type: text/html\r\n\r\n<b>coordinates</b>\r\n\
        --x\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ndeep\r\n\
        --x\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nc2VjcmV0\r\n--x--\r\nepilogue\r\n";
    for (test, wanted) in [
        ("body :contains \"Gr\u{fc}\u{df}e\"", true),
        ("body :raw :contains \"Gr\u{fc}\u{df}e\"", false),
        ("body :raw :contains \"=FC=DF\"", true),
        ("body :contains \"secret\"", false),
        ("body :content \"application\" :contains \"SECRET\"", true),
        (
            "body :content [\"image\", \"text/html\"] :contains \"coordinates\"",
            true,
        ),
        ("body :content \"text/plain\" :contains \"coordinates\"", false),
        ("body :content \"multipart\" :contains \"epilogue\"", true),
        ("body :content \"multipart\" :contains \"missile\"", false),
        ("body :content \"message/rfc822\" :contains \"inner\"", true),
        ("body :content \"message/rfc822\" :contains \"deep\"", false),
        ("body :content \"\" :contains \"deep\"", true),
        ("body :content \"text/\" :contains \"missile\"", false),
        ("body :text :matches \"*missile*\"", true),
    ] {
        assert_eq!(holds("require \"body\";", test, message), wanted, "{test}");
    }
}

/// RFC 5260.
#[test]
fn dates_and_index() {
    let message = "Received: from a; Thu, 02 Apr 2026 23:30:00 +0000\r\nReceived: from b; Wed, 01 Apr 2026 10:00:00 +0000\r\n\
        Date: Wed, 1 Apr 2026 11:30:00 +0200\r\nX-A: one\r\nX-A: two\r\nX-A: three\r\n\r\n";
    let require = "require [\"date\", \"index\", \"relational\"];";
    for (test, wanted) in [
        ("date :value \"ge\" :originalzone \"date\" \"hour\" \"11\"", true),
        ("date :zone \"+0000\" \"date\" \"hour\" \"09\"", true),
        ("date :originalzone \"date\" \"zone\" \"+0200\"", true),
        ("date :zone \"-0330\" \"date\" \"time\" \"06:00:00\"", true),
        ("date :originalzone \"received\" \"date\" \"2026-04-02\"", true),
        (
            "date :index 1 :last :originalzone \"received\" \"date\" \"2026-04-01\"",
            true,
        ),
        ("date :contains \"nothing\" \"year\" \"\"", false),
        ("currentdate \"weekday\" \"3\"", true),
        (
            "allof (currentdate :value \"ge\" \"date\" \"2026-06-30\", currentdate :value \"lt\" \"date\" \"2027-01-01\")",
            true,
        ),
        ("currentdate :zone \"+0500\" \"hour\" \"17\"", true),
        ("currentdate :is \"iso8601\" \"2026-11-25T12:00:00+00:00\"", true),
        ("header :index 2 \"x-a\" \"two\"", true),
        ("header :index 2 \"x-a\" \"one\"", false),
        ("header :index 1 :last \"x-a\" \"three\"", true),
        ("header :index 4 :contains \"x-a\" \"\"", false),
    ] {
        assert_eq!(holds(require, test, message), wanted, "{test}");
    }
}

/// RFC 7352.
#[test]
fn duplicates() {
    let mut world = World::new(COYOTE);
    let source = "require \"duplicate\"; if duplicate :seconds 60 { discard; }";
    let first = world.run(source);
    assert_eq!((told(&first), first.remember.len()), (vec!["keep".to_owned()], 1));
    world.memory = first.remember;
    let again = world.run(source);
    assert_eq!((told(&again), again.remember.len()), (vec!["discard".to_owned()], 0));
    for other in [
        "require \"duplicate\"; if duplicate :handle \"x\" { discard; }",
        "require \"duplicate\"; if duplicate :uniqueid \"x\" { discard; }",
        "require \"duplicate\"; if duplicate :header \"x-none\" { discard; }",
    ] {
        assert_eq!(told(&world.run(other)), ["keep"], "{other}");
    }
    let last = world.run("require \"duplicate\"; if duplicate :last :header \"message-id\" { discard; }");
    assert_eq!((told(&last), last.remember.len()), (vec!["discard".to_owned()], 1));
    world.now += 61;
    assert_eq!(told(&world.run(source)), ["keep"]);
    // Nothing is noted when the script fails.
    let failed = "require [\"duplicate\", \"fileinto\"]; if not duplicate { fileinto \"Nowhere\"; }";
    assert!(World::new(COYOTE).run(failed).remember.is_empty());
}

fn header_after(source: &str, message: &str) -> Option<String> {
    let outcome = World::new(message).run(&format!("require [\"editheader\", \"index\"];\n{source}"));
    match outcome.actions.into_iter().next() {
        Some(Action::Keep { header, .. }) => header.map(|block| String::from_utf8(block.to_vec()).unwrap()),
        other => panic!("{other:?}"),
    }
}

/// RFC 5293.
#[test]
fn edited_headers() {
    let message = "A: 1\r\nB: x\r\nA: 2\r\nReceived: r\r\nA: 3\r\n\r\nBody\r\n";
    for (source, wanted) in [
        ("", None),
        (
            "addheader \"X-Hop\" \"one\";",
            Some("X-Hop: one\r\nA: 1\r\nB: x\r\nA: 2\r\nReceived: r\r\nA: 3\r\n\r\n"),
        ),
        (
            "addheader :last \"X\" \" \u{fc}\r\nBcc: y \";",
            Some("A: 1\r\nB: x\r\nA: 2\r\nReceived: r\r\nA: 3\r\nX: =?utf-8?B?w7wgQmNjOiB5?=\r\n\r\n"),
        ),
        ("deleteheader \"a\";", Some("B: x\r\nReceived: r\r\n\r\n")),
        (
            "deleteheader :index 1 :last \"a\";",
            Some("A: 1\r\nB: x\r\nA: 2\r\nReceived: r\r\n\r\n"),
        ),
        ("deleteheader :index 2 \"a\" \"3\";", None),
        (
            "deleteheader :matches \"a\" [\"?\", \"x\"]; addheader \"A\" \"new\"; if not header \"a\" \"new\" { discard; }",
            Some("A: new\r\nB: x\r\nReceived: r\r\n\r\n"),
        ),
        ("deleteheader \"Received\"; addheader \"Received\" \"forged\";", None),
    ] {
        assert_eq!(header_after(source, message).as_deref(), wanted, "{source}");
    }
    // What is done before a change does not have it.
    let outcome = World::new(message)
        .run("require [\"editheader\", \"fileinto\", \"copy\"]; fileinto :copy \"Lists\"; addheader \"X\" \"y\";");
    let headers: Vec<bool> = outcome
        .actions
        .iter()
        .map(|action| {
            matches!(
                action,
                Action::Keep { header: Some(_), .. } | Action::FileInto { header: Some(_), .. }
            )
        })
        .collect();
    assert_eq!(headers, [false, true]);
}
