//! Filters beside the server (milter): what they are told, what they may do, and what becomes of mail when they fail.

use posthaste::config::{Config, Destination, Milter, MilterFailure, MilterMail, MilterService, Period};

use crate::client::{Smtp, dotted, message, printable};
use crate::peers::filter::{Filter, Say, options, packet, packets, usual};
use crate::server::TestServer;

/// What a test's filter is asked about: everything.
fn asked(address: Destination) -> Milter {
    Milter {
        name: "checker".to_owned(),
        address,
        services: vec![MilterService::Smtp, MilterService::Submission],
        mail: MilterMail::All,
        on_failure: MilterFailure::Tempfail,
        junk_fields: vec!["X-Spam".to_owned()],
        connect_timeout: Period::seconds(20),
        timeout: Period::seconds(20),
        deadline: Period::seconds(60),
    }
}

/// A server with a filter.
async fn filtering(change: impl FnOnce(&mut Milter)) -> anyhow::Result<(TestServer, Filter)> {
    let filter = Filter::start().await?;
    let mut milter = asked(filter.address().into());
    change(&mut milter);
    let server = TestServer::with(|config: &mut Config| config.milter = vec![milter]).await?;
    Ok((server, filter))
}

/// Sends a message to alice and bob; the last reply.
async fn send(server: &TestServer, message: &str) -> anyhow::Result<String> {
    let mut smtp = server.smtp().await?;
    smtp.begin(&["alice", "bob"]).await?;
    smtp.client.send(dotted(message.as_bytes())).await?;
    smtp.reply().await
}

/// All messages in a mailbox: how many, and the newest as it stands there.
async fn newest(server: &TestServer, account: &str, mailbox: &str) -> anyhow::Result<(usize, String)> {
    let mut imap = server.select(account, mailbox).await?;
    let all = imap.ok("UID SEARCH ALL").await?.concat();
    let number = all
        .split_whitespace()
        .filter(|word| word.parse::<u32>().is_ok())
        .count();
    let text = match number {
        0 => String::new(),
        _ => imap.ok("FETCH * BODY.PEEK[]").await?.concat(),
    };
    Ok((number, text))
}

#[tokio::test]
async fn a_filter_is_told_everything_in_order() -> anyhow::Result<()> {
    let (server, filter) = filtering(|_| ()).await?;
    let body = format!("{}\r\n", "x".repeat(98)).repeat(2000);
    let text = format!("From: a@client.test\r\nSubject: folded\r\n\tvalue\r\nno field\r\nX-Empty:\r\n\r\n{body}");
    let reply = send(&server, &text).await?;
    assert!(reply.starts_with("250 2.0.0 Delivered as "), "{reply}");
    let id = reply.rsplit(' ').next().unwrap();
    assert_eq!(filter.kinds(), "OCHMRRTLLLNBBBBEQ");
    let heard = filter.heard();
    let of = |kind: char| -> Vec<String> {
        let these = heard.iter().filter(|(heard, _)| *heard == kind);
        these.map(|(_, packet)| printable(packet)).collect()
    };
    assert_eq!(of('O'), ["\0\0\0\x06\0\0\0\\xff\0\x1d\\xf7\\xff"]);
    let connect = &of('C')[0];
    assert!(
        connect.starts_with("[127.0.0.1]\x004") && connect.ends_with("127.0.0.1\0"),
        "{connect:?}"
    );
    assert_eq!(of('H'), ["client.test\0"]);
    assert_eq!(of('M'), ["<sender@client.test>\0"]);
    assert_eq!(of('R'), ["<alice@example.org>\0", "<bob@example.org>\0"]);
    assert_eq!(
        of('L'),
        ["From\0a@client.test\0", "Subject\0folded\n\tvalue\0", "X-Empty\0\0"]
    );
    assert_eq!(of('B').concat(), body);
    let macros = of('D');
    assert!(
        macros[0].starts_with("Cj\0mx.example.org\0_\0[127.0.0.1]\0"),
        "{macros:?}"
    );
    assert!(macros[0].contains("{client_addr}\x00127.0.0.1\0"), "{macros:?}");
    assert!(macros[1].starts_with(&format!("Mi\0{id}\0")), "{macros:?}");
    assert!(macros[1].contains("{mail_addr}\0sender@client.test\0"), "{macros:?}");
    assert!(!macros[1].contains("auth_authen"), "{macros:?}");
    assert!(macros[2].starts_with("R{rcpt_addr}\0alice@example.org\0"), "{macros:?}");
    // And nothing is changed.
    let (_, stored) = newest(&server, "alice", "INBOX").await?;
    assert!(stored.contains(&text), "{}", &stored[..1000]);
    Ok(())
}

#[tokio::test]
async fn whoever_submits_is_named_and_steps_that_are_not_wanted_are_left_out() -> anyhow::Result<()> {
    let (server, filter) = filtering(|milter| milter.mail = MilterMail::Strangers).await?;
    // No HELO, no DATA; no answers to MAIL, RCPT, fields and the body.
    filter.script(|kind, heard| match kind {
        'O' => options(0, 0x02 | 0x200 | 0x4000 | 0x8000 | 0x80 | 0x8_0000),
        'M' | 'R' | 'L' | 'B' => Say::Octets(Vec::new()),
        _ => usual(kind, heard),
    });
    let mut smtp = Smtp::greeted(server.connect("submissions").await?).await?;
    // "\0alice@example.org\0correct horse"
    smtp.command("AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAGNvcnJlY3QgaG9yc2U=", "235")
        .await?;
    smtp.command("MAIL FROM:<alice@example.org>", "250").await?;
    smtp.command("RCPT TO:<bob@example.org>", "250").await?;
    smtp.command("DATA", "354").await?;
    let submitted = "From: alice@example.org\r\nTo: bob@example.org\r\nSubject: submitted\r\n\r\nHello.\r\n";
    smtp.client.send(dotted(submitted.as_bytes())).await?;
    smtp.expect("250").await?;
    // From, To and Subject, and what submission adds.
    assert_eq!(filter.kinds(), "OCMRLLLLLNBEQ");
    let heard = filter.heard();
    let sender = heard
        .iter()
        .find(|(kind, packet)| *kind == 'D' && packet.starts_with(b"M"));
    let sender = printable(&sender.unwrap().1);
    assert!(
        sender.contains("{auth_type}\0PLAIN\0{auth_authen}\0alice@example.org\0"),
        "{sender:?}"
    );
    assert_eq!(newest(&server, "bob", "INBOX").await?.0, 1);
    // Loopback is no stranger: nobody is asked.
    filter.script(usual);
    assert!(send(&server, &message("trusted")).await?.starts_with("250 "));
    assert_eq!(filter.kinds(), "");
    Ok(())
}

#[tokio::test]
async fn each_answer_at_each_stage() -> anyhow::Result<()> {
    let (server, filter) = filtering(|_| ()).await?;
    for stage in "CHMRTLNBE".chars() {
        for (answer, reply, inbox, junk) in [
            (packet('c', b""), "250 2.0.0 Delivered", 1, 0),
            (packet('a', b""), "250 2.0.0 Delivered", 1, 0),
            (packet('d', b""), "250 2.0.0 Delivered", 0, 1),
            (packet('r', b""), "550 5.7.1 Refused by a filter", 0, 0),
            (
                packet('t', b""),
                "451 4.7.1 Not now, says a filter: try again later",
                0,
                0,
            ),
            (packet('y', b"554 5.6.0 A virus\r\nX\0"), "554 5.6.0 A virus", 0, 0),
            (packet('y', b"450 Wait\0"), "450 4.7.1 Wait", 0, 0),
            (packet('4', b""), "421 4.7.0 A filter ends this connection", 0, 0),
            (packet('f', b""), "421 4.7.0 A filter ends this connection", 0, 0),
            (
                packets(&[('p', b""), ('p', b""), ('c', b"")]),
                "250 2.0.0 Delivered",
                1,
                0,
            ),
        ] {
            filter.says(stage, answer.clone());
            let before = (
                newest(&server, "bob", "INBOX").await?.0,
                newest(&server, "bob", "Junk").await?.0,
            );
            let said = send(&server, &message("hello")).await?;
            assert!(said.starts_with(reply), "{stage} {answer:?}: {said}");
            let after = (
                newest(&server, "bob", "INBOX").await?.0,
                newest(&server, "bob", "Junk").await?.0,
            );
            assert_eq!(
                (after.0 - before.0, after.1 - before.1),
                (inbox, junk),
                "{stage} {answer:?}"
            );
        }
    }
    let (_, text) = newest(&server, "alice", "Junk").await?;
    let wanted = "X-Posthaste-Verdict: junk;\r\n\tthe filter checker: it would have dropped the message\r\n";
    assert!(text.contains(wanted), "{text}");
    // No more of the body than the filter wants.
    filter.says('B', packet('s', b""));
    let large = format!("{}{}", message("large"), "0123456789abcdef\r\n".repeat(20_000));
    assert!(send(&server, &large).await?.starts_with("250 "));
    assert_eq!(filter.kinds(), "OCHMRRTLLLNBEQ");
    assert!(newest(&server, "bob", "INBOX").await?.1.contains(&large));
    Ok(())
}

#[tokio::test]
async fn each_change_of_a_message() -> anyhow::Result<()> {
    let (server, filter) = filtering(|_| ()).await?;
    let text = "Subject: one\r\nX-Old: a\r\nX-Old: b\r\n\r\nOld body\r\n";
    let changed = packets(&[
        ('h', b"X-Last\0at the end\n of all\0"),
        ('i', b"\0\0\0\0X-First\0in front\0"),
        ('m', b"\0\0\0\x02X-Old\0c\nSubject: forged\0"),
        ('m', b"\0\0\0\x01X-Old\0\0"),
        ('p', b""),
        ('b', b"New\r"),
        ('b', b"\nbody\n"),
        ('e', b"<other@client.test>\0"),
        ('+', b"<carol@example.org>\0"),
        ('2', b"carol@example.org\0NOTIFY=NEVER\0"),
        ('-', b"<bob@example.org>\0"),
        ('a', b""),
    ]);
    filter.says('E', changed);
    assert!(send(&server, text).await?.starts_with("250 "));
    let (_, stored) = newest(&server, "alice", "INBOX").await?;
    let (trace, stored) = stored.split_at(stored.find("X-First").unwrap());
    assert!(
        trace.contains("Return-Path: <other@client.test>\r\nReceived: from client.test"),
        "{trace}"
    );
    let wanted = "X-First: in front\r\nSubject: one\r\nX-Old: c\r\n\tSubject: forged\r\n\
                  X-Last: at the end\r\n of all\r\n\r\nNew\r\nbody\r\n";
    assert!(stored.starts_with(wanted), "{stored}");
    assert_eq!(newest(&server, "carol", "INBOX").await?.0, 1);
    assert_eq!(newest(&server, "bob", "INBOX").await?.0, 0);

    // Kept aside, marked, or for nobody any more: in Junk, and it says why.
    for (answer, reason) in [
        (packets(&[('q', b"phishing\r\nX: y\0"), ('c', b"")]), "phishing"),
        (
            packets(&[('h', b"X-Spam\0Yes\0"), ('c', b"")]),
            "it takes the message for spam",
        ),
        (
            packets(&[
                ('-', b"<alice@example.org>\0"),
                ('-', b"<bob@example.org>\0"),
                ('c', b""),
            ]),
            "nobody was to get it",
        ),
    ] {
        filter.says('E', answer);
        assert!(send(&server, text).await?.starts_with("250 "));
        let (_, stored) = newest(&server, "alice", "Junk").await?;
        let wanted = format!("X-Posthaste-Verdict: junk;\r\n\tthe filter checker: {reason}\r\n");
        assert!(stored.contains(&wanted), "{stored}");
    }
    assert_eq!(newest(&server, "bob", "Junk").await?.0, 3);
    // Somebody who is not there instead of those who are.
    filter.says(
        'E',
        packets(&[
            ('+', b"<nobody@example.org>\0"),
            ('-', b"<alice@example.org>\0"),
            ('-', b"<bob@example.org>\0"),
            ('c', b""),
        ]),
    );
    assert!(send(&server, text).await?.starts_with("250 "));
    assert_eq!(newest(&server, "bob", "Junk").await?.0, 4);
    Ok(())
}

/// What goes wrong, at which stage.
fn failures() -> Vec<(char, Say)> {
    let mut all = vec![('E', packets(&[('h', b"X-Half\0done\0"), ('b', b"half")]))];
    if let Some((_, Say::Octets(octets))) = all.last_mut() {
        // A packet that never comes, and is announced.
        octets.extend_from_slice(&[0, 0, 1, 0, b'b']);
    }
    for stage in "OCMLBE".chars() {
        all.push((stage, Say::Hang));
    }
    for stage in "OCHMRTLNBE".chars() {
        all.push((stage, Say::Drop));
        all.push((stage, packet('?', b"rubbish")));
        // A packet of nothing, and one of 2 GiB.
        all.push((stage, Say::Octets(vec![0; 8])));
        all.push((stage, Say::Octets(vec![0x7f, 0xff, 0xff, 0xff, b'c'])));
        all.push((stage, packet('y', b"250 2.0.0 Good\0")));
        if stage != 'E' {
            all.push((stage, packet('h', b"X-Half\0done\0")));
        }
        if stage != 'B' {
            all.push((stage, packet('s', b"")));
        }
    }
    for changes in [
        &[('h', &b"X-Half\0done\0"[..]), ('h', b"X Half\0done\0"), ('c', b"")][..],
        &[('h', b"X-Half\0done\0"), ('b', b"a\0b"), ('c', b"")],
        &[('+', b"<carol@example.org>\0"), ('-', b"<>\0"), ('c', b"")],
        &[('+', b"<carol@example.org>\0"), ('m', b"\0"), ('c', b"")],
    ] {
        all.push(('E', packets(changes)));
    }
    all
}

#[tokio::test]
async fn a_filter_that_fails_leaves_mail_as_it_was() -> anyhow::Result<()> {
    let (server, filter) = filtering(|milter| {
        milter.on_failure = MilterFailure::Accept;
        milter.timeout = Period::milliseconds(200);
    })
    .await?;
    for (number, (stage, say)) in failures().into_iter().enumerate() {
        let text = message(&format!("whole {number}"));
        filter.says(stage, say.clone());
        let reply = send(&server, &text).await?;
        assert!(reply.starts_with("250 "), "{stage} {say:?}: {reply}");
        let (messages, stored) = newest(&server, "alice", "INBOX").await?;
        assert!(
            messages == number + 1 && stored.contains(&text),
            "{stage} {say:?}: {stored}"
        );
        assert!(!stored.contains("X-Half"), "{stage} {say:?}: {stored}");
    }
    assert_eq!(newest(&server, "carol", "INBOX").await?.0, 0);
    Ok(())
}

#[tokio::test]
async fn a_filter_that_fails_puts_mail_off() -> anyhow::Result<()> {
    let (server, filter) = filtering(|milter| milter.timeout = Period::milliseconds(200)).await?;
    for (stage, say) in failures() {
        filter.says(stage, say.clone());
        let reply = send(&server, &message("not now")).await?;
        let wanted = "451 4.3.0 Mail cannot be filtered at the moment, try again later";
        assert_eq!(reply, wanted, "{stage} {say:?}");
    }
    // What it may not do, because it has not said that it would.
    for (kind, contents) in [
        ('h', &b"X-A\0b\0"[..]),
        ('i', b"\0\0\0\0X-A\0b\0"),
        ('m', b"\0\0\0\x01Subject\0b\0"),
        ('e', b"<>\0"),
        ('+', b"<carol@example.org>\0"),
        ('-', b"<bob@example.org>\0"),
        ('b', b"body"),
        ('q', b"why\0"),
    ] {
        filter.script(move |heard, rest| match heard {
            'O' => options(0, 0),
            'E' => packets(&[(kind, contents), ('c', b"")]),
            _ => usual(heard, rest),
        });
        assert!(send(&server, &message("not now")).await?.starts_with("451 "), "{kind}");
    }
    // It is always at work, and never done.
    let (server, filter) = filtering(|milter| milter.deadline = Period::milliseconds(300)).await?;
    filter.says('E', packets(&[('p', &b""[..]); 3]));
    assert!(send(&server, &message("not now")).await?.starts_with("451 "));
    // And it is gone.
    drop(filter);
    assert!(send(&server, &message("not now")).await?.starts_with("451 "));
    assert_eq!(newest(&server, "alice", "INBOX").await?.0, 0);
    Ok(())
}

#[tokio::test]
async fn several_are_asked_in_order_also_on_unix_sockets() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("filter");
    let (first, second) = (Filter::start_unix(&path).await?, Filter::start().await?);
    let (unix, tcp) = (
        asked(Destination::Unix(path)),
        asked(Destination::Host("localhost".to_owned(), second.address().port())),
    );
    let server = TestServer::with(|config: &mut Config| config.milter = vec![unix, tcp]).await?;
    first.says(
        'E',
        packets(&[
            ('i', b"\0\0\0\0X-First\0was here\0"),
            ('e', b"<first@client.test>\0"),
            ('-', b"<bob@example.org>\0"),
            ('b', b"shorter\r\n"),
            ('c', b""),
        ]),
    );
    assert!(send(&server, &message("both")).await?.starts_with("250 "));
    let heard = second.heard();
    for (kind, contents) in [
        ('M', &b"<first@client.test>\0"[..]),
        ('R', b"<alice@example.org>\0"),
        ('L', b"X-First\0was here\0"),
        ('B', b"shorter\r\n"),
    ] {
        let first = heard.iter().find(|(heard, _)| *heard == kind).unwrap();
        assert_eq!(printable(&first.1), printable(contents));
    }
    assert_eq!(second.kinds(), "OCHMRTLLLLNBEQ");
    // What the first refuses the second never hears of.
    first.says('M', packet('r', b""));
    second.script(usual);
    assert!(send(&server, &message("refused")).await?.starts_with("550 "));
    assert_eq!(second.kinds(), "");
    Ok(())
}

#[tokio::test]
async fn a_header_that_no_filter_can_be_shown_is_refused() -> anyhow::Result<()> {
    let (server, filter) = filtering(|milter| milter.on_failure = MilterFailure::Accept).await?;
    let header = "X-Filler: 0123456789abcdef\r\n".repeat(12_000);
    let reply = send(&server, &format!("{header}\r\nbody\r\n")).await?;
    assert!(reply.starts_with("552 5.3.4 "), "{reply}");
    assert_eq!(filter.kinds(), "");
    Ok(())
}
