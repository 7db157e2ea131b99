//! What somebody may try so that a message is taken for two, or what was said in plain text for what was said under TLS: each
//! form, by DATA and by BDAT, whole and cut at each octet. Nothing is split, nothing is injected.
//!
//! RFC 5321 §2.3.8 and §4.1.1.4, RFC 3030 §2, RFC 3207 §4.2 and §5.

use anyhow::{Context, ensure};
use posthaste::config::Endpoint;

use crate::client::{Imap, ManageSieve, Smtp, printable};
use crate::server::TestServer;

/// What some server has taken for the end of a message, and is none: with a bare CR, a bare LF or a NUL.
const MALFORMED: [&[u8]; 17] = [
    b"\n.\n",
    b"\n.\r\n",
    b"\n.\r",
    b"\r.\r",
    b"\r.\n",
    b"\r.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n",
    b"\n\n.\r\n",
    b"\n\r.\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\r\n.\r\0\n",
    b"\0\r\n.\r\0\n",
    b"\n\r\n.\n\r\n",
];
/// The same, which are well-formed text.
const TEXT: [&[u8]; 4] = [b"\r\n..\r\n", b"\r\n. \r\n", b"\r\n .\r\n", b"\r\n.a\r\n"];
/// What would follow.
const SMUGGLED: &[u8] =
    b"MAIL FROM:<evil@client.test>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\nQUIT\r\n";

/// In DATA, the first line with only a dot is the end; so what is smuggled here is commands without a message.
const COMMANDS: &[u8] = b"MAIL FROM:<evil@client.test>\r\nRCPT TO:<bob@example.org>\r\nBDAT 1 LAST\r\nxQUIT\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_message_by_data_is_one_message() -> anyhow::Result<()> {
    let server = server().await?;
    let mut smtp = server.smtp().await?;
    for form in MALFORMED {
        let message = [b"Subject: one\r\n\r\ntext", form, COMMANDS, b"\r\n.\r\n"].concat();
        for cut in 0..form.len() + 2 {
            smtp.begin(&["alice"]).await?;
            let at = b"Subject: one\r\n\r\ntext".len() + cut;
            smtp.client.send(&message[..at]).await?;
            smtp.client.send(&message[at..]).await?;
            only(&mut smtp, "550 5.6.0")
                .await
                .with_context(|| format!("{form:?}, cut at {cut}"))?;
        }
    }
    for form in TEXT {
        let message = [b"Subject: one\r\n\r\ntext", form, COMMANDS, b"\r\n.\r\n"].concat();
        for octets in [1, message.len()] {
            smtp.begin(&["alice"]).await?;
            for piece in message.chunks(octets) {
                smtp.client.send(piece).await?;
            }
            only(&mut smtp, "250 2.0.0")
                .await
                .with_context(|| format!("{form:?} by {octets}"))?;
        }
    }
    smtp.quit().await?;
    delivered(&server, TEXT.len() * 2).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_chunks_is_one_message() -> anyhow::Result<()> {
    let server = server().await?;
    let mut smtp = server.smtp().await?;
    for form in MALFORMED {
        let message = [b"Subject: one\r\n\r\ntext", form, SMUGGLED].concat();
        for cut in 0..form.len() + 1 {
            // Two chunks, pipelined with everything else; the chunk that is refused ends the transaction.
            let (one, two) = message.split_at(b"Subject: one\r\n\r\ntext".len() + cut);
            let first = malformed(one);
            let said = [
                b"MAIL FROM:<sender@client.test>\r\nRCPT TO:<alice@example.org>\r\n",
                format!("BDAT {}\r\n", one.len()).as_bytes(),
                one,
                format!("BDAT {} LAST\r\n", two.len()).as_bytes(),
                two,
            ]
            .concat();
            smtp.client.send(said).await?;
            for reply in ["250 2.1.0", "250 2.1.5", if first { "550 5.6.0" } else { "250 2.0.0" }] {
                smtp.expect(reply)
                    .await
                    .with_context(|| format!("{form:?}, cut at {cut}"))?;
            }
            let last = if first { "503 5.5.1" } else { "550 5.6.0" };
            only(&mut smtp, last)
                .await
                .with_context(|| format!("{form:?}, cut at {cut}"))?;
        }
    }
    // A dot alone is text here, and so are the commands behind it.
    for form in TEXT.into_iter().chain([&b"\r\n.\r\n"[..]]) {
        let message = [b"Subject: one\r\n\r\ntext", form, SMUGGLED].concat();
        smtp.command("MAIL FROM:<sender@client.test>", "250").await?;
        smtp.command("RCPT TO:<alice@example.org>", "250").await?;
        let mut pieces = message.chunks(7).peekable();
        while let Some(piece) = pieces.next() {
            let last = if pieces.peek().is_none() { " LAST" } else { "" };
            let chunk = [format!("BDAT {}{last}\r\n", piece.len()).as_bytes(), piece].concat();
            // Octet by octet, the command too.
            for octet in chunk {
                smtp.client.send([octet]).await?;
            }
            smtp.expect("250 2.0.0").await.with_context(|| format!("{form:?}"))?;
        }
        only(&mut smtp, "").await?;
    }
    smtp.quit().await?;
    delivered(&server, TEXT.len() + 1).await
}

/// The chunk of a BDAT that is refused, for whatever reason, is no command.
#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_is_never_a_command() -> anyhow::Result<()> {
    let server = server().await?;
    let chunk = [format!("BDAT {} LAST\r\n", SMUGGLED.len()).as_bytes(), SMUGGLED].concat();
    let mut smtp = server.smtp().await?;
    for (before, replies) in [
        (&b""[..], &["503 5.5.1"][..]),
        (b"MAIL FROM:<a@client.test>\r\n", &["250", "554 5.5.1"]),
        (
            b"MAIL FROM:<a@client.test>\r\nRCPT TO:<nobody@example.org>\r\n",
            &["250", "550", "554 5.5.1"],
        ),
        (b"MAIL FROM:<a@client.test>\r\nRSET\r\n", &["250", "250", "503 5.5.1"]),
        (
            b"MAIL FROM:<a@client.test>\r\nSTARTTLS now\r\n",
            &["250", "501", "554 5.5.1"],
        ),
    ] {
        smtp.client.send([before, &chunk].concat()).await?;
        let (last, first) = replies.split_last().context("no reply")?;
        for reply in first {
            smtp.expect(reply).await?;
        }
        only(&mut smtp, last)
            .await
            .with_context(|| String::from_utf8_lossy(before).into_owned())?;
    }
    smtp.quit().await?;
    // One that cannot be read has an end that nobody knows.
    for command in [
        "BDAT",
        "BDAT x",
        "BDAT 10 FIRST",
        "BDAT 99999999999999999999 LAST",
        "bdat -1",
        "BDAT\t10",
        "BDAT 1\r0",
    ] {
        let mut smtp = server.smtp().await?;
        smtp.client
            .send([command.as_bytes(), b"\r\n", SMUGGLED].concat())
            .await?;
        smtp.expect("421 4.5.2").await.with_context(|| command.to_owned())?;
        smtp.client.end().await?;
    }
    let mut smtp = server.smtp().await?;
    smtp.client.send([b"BDAT 10 LAST\n", SMUGGLED].concat()).await?;
    smtp.expect("421 4.5.2").await?;
    smtp.client.end().await?;
    delivered(&server, 0).await
}

/// RFC 3207 §4.2, §5: what was said before TLS is forgotten, and what was sent in plain text behind STARTTLS is thrown away.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_injected_into_tls() -> anyhow::Result<()> {
    let server = server().await?;
    let whole = [b"EHLO evil.test\r\n", SMUGGLED].concat();
    for service in ["smtp", "submission"] {
        for injected in [
            &b"NOOP\r\n"[..],
            b"NO",
            b"\r\n",
            b"\n",
            b"BDAT 1000 LAST\r\n",
            b"STARTTLS\r\n",
            b"AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAGNvcnJlY3QgaG9yc2U=\r\n",
            &whole,
        ] {
            let mut smtp = Smtp::greeted(server.connect(service).await?).await?;
            if service == "smtp" {
                smtp.command("MAIL FROM:<evil@client.test>", "250").await?;
                smtp.command("RCPT TO:<bob@example.org>", "250").await?;
            }
            smtp.client.send([b"STARTTLS\r\n", injected].concat()).await?;
            smtp.expect("220 2.0.0").await?;
            smtp.client.start_tls().await?;
            // The first reply under TLS is that to the first command under TLS.
            smtp.command("VRFY x", if service == "smtp" { "252" } else { "530" })
                .await?;
            smtp.command("MAIL FROM:<a@client.test>", "503 5.5.1").await?;
            smtp.command("RCPT TO:<bob@example.org>", "503 5.5.1").await?;
            smtp.command("EHLO client.test", "250").await?;
            smtp.command(
                "RCPT TO:<bob@example.org>",
                if service == "smtp" { "503" } else { "530" },
            )
            .await?;
            smtp.quit().await?;
        }
        // A STARTTLS that is none begins no TLS, and what follows was said in plain text.
        let mut smtp = Smtp::greeted(server.connect(service).await?).await?;
        for almost in [
            "STARTTLS\n",
            "STARTTLS\r\r\n",
            "START\0TLS\r\n",
            "STARTTLS x\r\n",
            " STARTTLS\r\n",
        ] {
            smtp.client.send(format!("{almost}NOOP\r\n")).await?;
            let refused = smtp.reply().await?;
            ensure!(refused.starts_with('5'), "{almost:?}: {refused}");
            smtp.expect("250 2.0.0").await?;
        }
        smtp.quit().await?;
    }
    delivered(&server, 0).await
}

/// The same for IMAP (RFC 9051 §6.2.1) and ManageSieve (RFC 5804 §2.2): commands, parts of them, literals that have begun.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_injected_into_tls_of_imap_and_managesieve() -> anyhow::Result<()> {
    let server = server().await?;
    for injected in [
        "2 NOOP\r\n",
        "2 NO",
        "\r\n",
        "2 LOGIN alice@example.org \"correct horse\"\r\n",
        "2 LOGIN alice@example.org {13}\r\n",
        "2 LOGIN alice@example.org {1000+}\r\ncorrect",
        "2 APPEND INBOX {1000+}\r\nSubject: x\r\n",
        "2 AUTHENTICATE PLAIN\r\n",
        "2 AUTHENTICATE PLAIN AGFsaWNlQGV4YW1wbGUub3JnAGNvcnJlY3QgaG9yc2U=\r\n",
        "2 STARTTLS\r\n",
        "2 LOGOUT\r\n",
    ] {
        let mut imap = Imap::greeted(server.connect("imap").await?).await?;
        imap.client.send(format!("1 STARTTLS\r\n{injected}")).await?;
        let answer = printable(&imap.client.line().await?);
        ensure!(answer.starts_with("1 OK"), "{injected:?}: {answer}");
        imap.client.start_tls().await?;
        imap.client.send("3 NOOP\r\n4 SELECT INBOX\r\n").await?;
        for wanted in ["3 OK", "4 BAD"] {
            let answer = printable(&imap.client.line().await?);
            ensure!(answer.starts_with(wanted), "{injected:?}: {answer}");
        }
    }
    for injected in [
        "NOOP \"evil\"\r\n",
        "NOO",
        "\r\n",
        "AUTHENTICATE \"PLAIN\"\r\n",
        "AUTHENTICATE \"PLAIN\" \"AGFsaWNlQGV4YW1wbGUub3JnAGNvcnJlY3QgaG9yc2U=\"\r\n",
        "PUTSCRIPT \"x\" {1000+}\r\nkeep;\r\n",
        "STARTTLS\r\n",
        "LOGOUT\r\n",
    ] {
        let mut sieve = ManageSieve::greeted(server.connect("managesieve").await?).await?;
        sieve.client.send(format!("STARTTLS\r\n{injected}")).await?;
        let answer = printable(&sieve.client.line().await?);
        ensure!(answer.starts_with("OK"), "{injected:?}: {answer}");
        sieve.client.start_tls().await?;
        sieve.client.send("NOOP \"ours\"\r\nLISTSCRIPTS\r\n").await?;
        let mut answers = Vec::new();
        while answers.last().is_none_or(|last: &String| !last.starts_with("NO")) {
            answers.push(printable(&sieve.client.line().await?));
        }
        // What it can, by itself (§2.2); then the answers to what was said under TLS.
        let own: Vec<_> = answers.iter().filter(|line| line.starts_with(['O', 'N'])).collect();
        ensure!(
            own.len() == 3 && own[1].contains("ours") && !answers.concat().contains("evil"),
            "{injected:?}: {answers:?}"
        );
    }
    Ok(())
}

/// LMTP has no TLS here, and a command that is none begins none.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_by_lmtp_is_one_message() -> anyhow::Result<()> {
    let server = TestServer::with(|config| {
        config.smtp.max_errors = 100_000;
        config.lmtp.listen = vec![Endpoint::Tcp(([127, 0, 0, 1], 0).into())];
    })
    .await?;
    let mut lmtp = Smtp {
        client: server.connect("lmtp").await?,
    };
    lmtp.expect("220").await?;
    lmtp.command("LHLO client.test", "250").await?;
    lmtp.client.send("STARTTLS\r\nNOOP\r\n").await?;
    lmtp.expect("5").await?;
    lmtp.expect("250").await?;
    for form in MALFORMED.iter().chain(&TEXT) {
        lmtp.begin(&["alice", "carol"]).await?;
        let message = [b"Subject: one\r\n\r\ntext", *form, COMMANDS, b"\r\n.\r\n"].concat();
        lmtp.client.send(message).await?;
        // One for each recipient (RFC 2033 §4.2).
        let wanted = if TEXT.contains(form) { "250 2" } else { "550 5.6.0" };
        lmtp.expect(wanted).await.with_context(|| format!("{form:?}"))?;
        only(&mut lmtp, wanted).await.with_context(|| format!("{form:?}"))?;
    }
    delivered(&server, TEXT.len()).await
}

async fn server() -> anyhow::Result<TestServer> {
    TestServer::with(|config| config.smtp.max_errors = 100_000).await
}

/// The reply that is due, if one is, and then none but that to the next command.
async fn only(smtp: &mut Smtp, due: &str) -> anyhow::Result<()> {
    smtp.client.send("VRFY x\r\n").await?;
    if !due.is_empty() {
        smtp.expect(due).await?;
    }
    smtp.expect("252").await?;
    Ok(())
}

/// Whether a part of a message is refused by itself: a CR at its end may still get its LF.
fn malformed(part: &[u8]) -> bool {
    part.iter().enumerate().any(|(at, byte)| match byte {
        0 => true,
        b'\n' => at == 0 || part[at - 1] != b'\r',
        b'\r' => part.get(at + 1).is_some_and(|next| *next != b'\n'),
        _ => false,
    })
}

/// So many messages came to alice, all from whom they should be, and none to bob.
async fn delivered(server: &TestServer, count: usize) -> anyhow::Result<()> {
    for (account, wanted) in [("alice", count), ("bob", 0)] {
        let mut imap = server.select(account, "INBOX").await?;
        let told = imap.ok("UID SEARCH RETURN (COUNT) ALL").await?;
        ensure!(
            told.iter().any(|line| line.contains(&format!("COUNT {wanted}"))),
            "{account}: {told:?}"
        );
        let told = imap.ok("UID SEARCH RETURN (COUNT) HEADER Return-Path evil").await?;
        ensure!(told.iter().any(|line| line.contains("COUNT 0")), "{account}: {told:?}");
    }
    Ok(())
}
