//! RFC 5228: its examples, and the language itself.

use super::*;

#[test]
fn examples_of_the_rfc() {
    for (source, wanted) in [
        // §1.4 and the like
        ("", "keep"),
        ("# nothing\n/* at all */", "keep"),
        // §2.4.2.3
        ("if size :over 100K { discard; }", "keep"),
        ("if size :under 1M { discard; } else { keep; }", "discard"),
        // §2.5
        (
            "if anyof (not exists [\"From\", \"Date\"], header :contains \"from\" \"fool@example.com\") { discard; }",
            "keep",
        ),
        // §2.7.1
        (
            "require \"fileinto\"; if header :contains :comparator \"i;octet\" \"Subject\" \"MAKE MONEY FAST\" { discard; }",
            "keep",
        ),
        // §2.7.4
        (
            "if address :all :is \"from\" \"coyote@desert.example.org\" { discard; }",
            "discard",
        ),
        ("if address :is :localpart \"From\" \"COYOTE\" { discard; }", "discard"),
        ("if address :domain :is [\"from\"] \"example.org\" { discard; }", "keep"),
        // §2.10.1 to §2.10.3
        ("stop; discard;", "keep"),
        (
            "require \"fileinto\"; fileinto \"Lists\"; fileinto \"Lists\"; keep; fileinto \"inbox\";",
            "fileinto Lists|keep",
        ),
        // §3.1
        (
            "require \"fileinto\"; if header :contains \"from\" \"coyote\" { discard; } elsif header :contains [\"subject\"] [\"$$$\"] { discard; } else { fileinto \"INBOX\"; }",
            "discard",
        ),
        (
            "if header :contains [\"From\"] [\"acm\"] { discard; } elsif header :contains \"Subject\" \"present\" { redirect \"acm@example.com\"; } else { redirect \"field@example.com\"; }",
            "redirect acm@example.com",
        ),
        // §4.1
        (
            "require \"fileinto\"; if header :contains [\"from\"] \"coyote\" { fileinto \"INBOX/harassment\"; }",
            "fileinto INBOX/harassment",
        ),
        // §4.2
        ("redirect \"bart@example.com\";", "redirect bart@example.com"),
        // §4.3
        ("if size :under 1M { keep; } else { discard; }", "keep"),
        // §4.4
        (
            "if header :contains [\"from\"] [\"idiot@example.com\"] { discard; }",
            "keep",
        ),
        // §5.7
        ("if not header :is \"X-Caffeine\" [\"\"] { discard; }", "discard"),
        // §6.1
        (
            "require [\"fileinto\", \"reject\"]; if false { reject \"no\"; }",
            "keep",
        ),
    ] {
        assert_eq!(actions(source).join("|"), wanted, "{source}");
    }
}

/// RFC 5228 §9.
#[test]
fn the_extended_example() {
    let source = "# Example Sieve Filter\r\n\
        require [\"fileinto\"];\r\n\
        if header :is \"Sender\" \"owner-ietf-mta-filters@imc.org\"\r\n\
        { fileinto \"Lists\"; }\r\n\
        elsif address :DOMAIN :is [\"From\", \"To\"] \"example.com\"\r\n\
        { keep; }\r\n\
        elsif anyof (NOT address :all :contains [\"To\", \"Cc\", \"Bcc\"] \"me@example.com\",\r\n\
        header :matches \"subject\" [\"*make*money*fast*\", \"*university*dipl*mas*\"])\r\n\
        { fileinto \"Spam\"; }\r\n\
        else { fileinto \"INBOX/harassment\"; }\r\n";
    for (header, wanted) in [
        ("Sender: owner-ietf-mta-filters@imc.org\r\n", "fileinto Lists"),
        ("From: a@example.com\r\n", "keep"),
        ("From: a@b.test\r\nTo: me@example.com\r\n", "keep"),
        ("From: a@b.test\r\nTo: you@example.net\r\n", "fileinto Spam"),
        (
            "To: me@example.com.test\r\nSubject: Make lots of MONEY very fast!\r\n",
            "fileinto Spam",
        ),
        (
            "To: me@example.com.test\r\nSubject: hi\r\n",
            "fileinto INBOX/harassment",
        ),
    ] {
        let world = World::new(&format!("{header}\r\nText\r\n"));
        assert_eq!(told(&world.run(source)), [wanted], "{header}");
    }
}

#[test]
fn strings() {
    let message = "Subject: a \"b\" \\c\r\nX: one\r\n two\r\nPrice: 5 \u{20ac} $ @\r\n\r\n";
    for (require, test, wanted) in [
        ("", "header :is \"subject\" \"a \\\"b\\\" \\\\c\"", true),
        ("", "header :is \"sub\\ject\" \"a \\\"b\\\" \\\\c\"", true),
        ("", "header \"x\" \"one two\"", true),
        ("", "header :is [\"y\", \"x\"] [\"no\", \"one two\"]", true),
        ("", "header :contains \"x\" \"\"", true),
        ("", "header :contains \"y\" \"\"", false),
        ("", "header :is \"x\" text:\none two\n.\n", false),
        ("", "header :matches \"x\" text: # comment\none two?\n.\n", false),
        ("", "header :matches \"subject\" \"a*\\\\\\\\?\"", true),
        // RFC 5228 §2.4.2.4
        (
            "require \"encoded-character\";",
            "header :contains \"price\" \"$${hex:40}\"",
            false,
        ),
        (
            "require \"encoded-character\";",
            "header :contains \"price\" \"${hex:24 20 40}\"",
            true,
        ),
        (
            "require \"encoded-character\";",
            "header :contains \"price\" \"${unicode:20AC}\"",
            true,
        ),
        (
            "require \"encoded-character\";",
            "header :contains \"price\" \"${HEX: e2 82 ac }\"",
            true,
        ),
        (
            "require \"encoded-character\";",
            "header :contains \"price\" \"${hex:4}${unicode:0000024}\"",
            false,
        ),
        (
            "require \"encoded-character\";",
            "header :contains \"price\" \"${hex:}\"",
            false,
        ),
        ("", "header :contains \"price\" \"${unicode:20AC}\"", false),
    ] {
        assert_eq!(holds(require, test, message), wanted, "{test}");
    }
}

#[test]
fn tests_and_comparators() {
    let message = "From: \"A, B\" <Joe+work@Example.COM>, friends: x@y.test, z@y.test;\r\n\
        Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nReceived: one\r\nReceived: two\r\n\r\nBody\r\n";
    let unicode = "require \"comparator-i;unicode-casemap\";";
    for (require, test, wanted) in [
        ("", "true", true),
        ("", "not true", false),
        ("", "allof (true, not false, anyof (false, true))", true),
        ("", "exists [\"from\", \"SUBJECT\"]", true),
        ("", "exists [\"from\", \"to\"]", false),
        ("", "address \"from\" \"joe+work@example.com\"", true),
        (
            "",
            "address :comparator \"i;octet\" \"from\" \"joe+work@example.com\"",
            false,
        ),
        ("", "address :localpart \"from\" \"z\"", true),
        ("", "address :contains \"from\" \"friends\"", false),
        ("", "header :contains \"subject\" \"gr\u{fc}\u{df}e\"", true),
        ("", "header :contains \"subject\" \"GR\u{dc}\"", false),
        (
            unicode,
            "header :comparator \"i;unicode-casemap\" :contains \"subject\" \"GR\u{dc}\"",
            true,
        ),
        (
            unicode,
            "header :comparator \"i;unicode-casemap\" :matches \"subject\" \"GR\u{dc}??\"",
            true,
        ),
        (
            "require \"envelope\";",
            "envelope \"from\" \"coyote@desert.example.org\"",
            true,
        ),
        (
            "require \"envelope\";",
            "envelope :domain :matches [\"to\"] \"*.example.com\"",
            true,
        ),
        ("require \"subaddress\";", "address :user \"from\" \"joe\"", true),
        ("require \"subaddress\";", "address :detail \"from\" \"WORK\"", true),
        ("require \"subaddress\";", "address :detail \"from\" \"\"", false),
    ] {
        assert_eq!(holds(require, test, message), wanted, "{test}");
    }
}

#[test]
fn the_null_path_is_an_empty_text() {
    let mut world = World::new(COYOTE);
    world.from = "";
    let source = "require \"envelope\"; if envelope :is :domain \"from\" \"\" { discard; }";
    assert_eq!(told(&world.run(source)), ["discard"]);
}

#[test]
fn a_run_that_fails_keeps_the_message() {
    for (source, wanted) in [
        (
            "require \"fileinto\";\nfileinto \"Nowhere\";",
            "keep|failed line 2: the mailbox \"Nowhere\" does not exist",
        ),
        (
            "require [\"reject\", \"fileinto\"];\nfileinto \"Lists\";\nreject \"no\";",
            "keep|failed line 3: a message that is rejected cannot be kept, filed, answered or rejected again",
        ),
        (
            "require \"variables\";\nset \"a\" \"no address\";\nredirect \"${a}\";",
            "keep|failed line 3: this is no mail address",
        ),
        (
            "redirect \"a@x.test\"; redirect \"b@x.test\"; redirect \"c@x.test\"; redirect \"d@x.test\"; redirect \"a@x.test\";\nredirect \"e@x.test\";",
            "keep|failed line 2: the script wants too much to be done with one message",
        ),
    ] {
        assert_eq!(actions(source).join("|"), wanted, "{source}");
    }
}

#[test]
fn work_is_bounded() {
    let mut source = "require \"variables\";\nset \"a\" \"aaaaaaaa\"; set \"b\" \"aaaa\";\n".to_owned();
    for _ in 0..20 {
        source.push_str("set \"a\" \"${a}${a}\";\n");
    }
    for _ in 0..11 {
        source.push_str("set \"b\" \"${b}${b}\";\n");
    }
    for _ in 0..40 {
        source.push_str("if string :matches \"${a}\" \"*${b}c\" { stop; }\n");
    }
    let started = std::time::Instant::now();
    let outcome = World::new(COYOTE).run(&source);
    assert_eq!(outcome.failure.map(|failure| failure.why), Some(Why::Work));
    assert!(started.elapsed().as_secs() < 20);
}

/// However deep what nests may go, its end is an error and no crash.
#[test]
fn nesting_is_bounded() {
    let deep = format!("if {} true {{ discard; }}", "not ".repeat(10_000));
    let blocks = format!("{}{}", "if true {".repeat(10_000), "}".repeat(10_000));
    for source in [deep, blocks] {
        let problems = Script::compile(source.as_bytes()).unwrap_err();
        assert!(problems[0].text.starts_with("too many blocks"), "{problems:?}");
    }
    // RFC 5228 §2.10.5 wants 15.
    let fine = format!("{}discard;{}", "if not false {".repeat(15), "}".repeat(15));
    assert_eq!(actions(&fine), ["discard"]);
}
