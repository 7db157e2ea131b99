//! Peers that break off, send rubbish or send mail that is none: each gets an answer, nobody else notices, nothing is lost.

use anyhow::ensure;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::client::{message, printable, within};
use crate::server::TestServer;

/// Nothing of half a message is kept, whichever way the peer goes.
#[tokio::test(flavor = "multi_thread")]
async fn half_a_message_and_then_nothing() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    let half = format!("{}{}", message("half"), "0123456789\r\n".repeat(20_000));
    for reset in [false, true] {
        let mut smtp = server.smtp().await?;
        smtp.begin(&["alice", "bob"]).await?;
        smtp.client.send(half.as_bytes()).await?;
        smtp.client.vanish(reset)?;

        let mut imap = server.imap("alice").await?;
        let size = half.len() * 2;
        imap.send(&format!("APPEND INBOX {{{size}+}}")).await?;
        imap.client.send(half.as_bytes()).await?;
        imap.client.vanish(reset)?;
        // In the middle of a command, and of its literal.
        let mut imap = server.imap("alice").await?;
        imap.client.send("t LIST \"\" {100}\r\n").await?;
        ensure!(imap.response().await?.starts_with('+'));
        imap.client.send("half").await?;
        imap.client.vanish(reset)?;
    }
    // What vanished is noticed in its own time; a message behind it is not held up.
    server.deliver("alice", &message("whole")).await?;
    let spool = server.data().join("spool");
    within("the spool to be empty", async {
        while std::fs::read_dir(&spool).unwrap().next().is_some() {
            tokio::task::yield_now().await;
        }
    })
    .await?;
    let mut alice = server.select("alice", "INBOX").await?;
    let all = alice.ok("FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]").await?;
    ensure!(all.len() == 1 && all[0].contains("whole"), "{all:?}");
    Ok(())
}

/// Messages that are hardly any: what was sent is what is fetched, byte for byte.
#[tokio::test(flavor = "multi_thread")]
async fn malformed_messages_are_kept_as_they_are() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    let deep: String = (0..2000)
        .map(|level| format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n"))
        .collect();
    let messages: Vec<Vec<u8>> = vec![
        b"no header at all\r\n".to_vec(),
        b"\r\nonly a body\r\n".to_vec(),
        b"Subject: no body".to_vec(),
        b"Subject\r\n: what is this\r\n\r\nx\r\n".to_vec(),
        b" begins with a fold\r\nSubject: x\r\n\r\nx\r\n".to_vec(),
        b"Subject: \xff\xfe\x80 not UTF-8\r\nFrom: \xe9\r\n\r\n\xe9\xff\r\n".to_vec(),
        b"Content-Type: multipart/mixed; boundary=\"never\"\r\n\r\nno part\r\n".to_vec(),
        b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n\r\n--\r\n".to_vec(),
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n--x--".to_vec(),
        b"From: <<<>>>,,;:@@ (((\r\nTo: \"\"\"\"\r\nDate: never\r\nSubject: =?utf-8?q?=?= =?x?y?z?=\r\n\r\n".to_vec(),
        format!("Subject: {}\r\n\r\nlong\r\n", "x".repeat(200_000)).into_bytes(),
        format!("{}\r\n\r\nmany\r\n", "X-Field: y\r\n".repeat(20_000).trim_end()).into_bytes(),
        deep.into_bytes(),
        b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n".to_vec(),
    ];
    let mut alice = server.select("alice", "INBOX").await?;
    for (number, message) in messages.iter().enumerate() {
        let answer = alice.append("INBOX", "", message).await?;
        ensure!(answer.starts_with("OK"), "{number}: {answer}");
        let tag = alice
            .send("FETCH * (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY BODY.PEEK[])")
            .await?;
        let fetched = loop {
            let response = alice.client.response().await?;
            if response.windows(6).any(|window| window == b"FETCH ") {
                break response;
            }
        };
        ensure!(
            fetched
                .windows(message.len())
                .any(|window| window == message.as_slice()),
            "{number} is not what was appended: {}",
            printable(&fetched[..fetched.len().min(2000)])
        );
        let (_, answer) = alice.answer(&tag).await?;
        ensure!(answer.starts_with("OK"), "{number}: {answer}");
    }
    let (_, answer) = alice
        .command("SEARCH TEXT nothing-of-the-kind SUBJECT x FROM y")
        .await?;
    ensure!(answer.starts_with("OK"), "{answer}");
    // By SMTP: only what the protocol allows there, with two header fields put in front.
    for (number, message) in messages.iter().enumerate() {
        let mut smtp = server.smtp().await?;
        smtp.client.send("MAIL FROM:<> BODY=8BITMIME\r\n").await?;
        smtp.expect("250").await?;
        smtp.command("RCPT TO:<bob@example.org>", "250").await?;
        smtp.command("DATA", "354").await?;
        smtp.client.send(crate::client::dotted(message)).await?;
        let reply = smtp.reply().await?;
        let overlong = message.split(|byte| *byte == b'\n').any(|line| line.len() > 998);
        ensure!(
            reply.starts_with("250") || (overlong && reply.starts_with('5')),
            "{number}: {reply}"
        );
    }
    Ok(())
}

/// Rubbish that looks like commands, in any pieces, to both protocols in each state: the server lives, and a good client
/// beside it is served.
#[tokio::test(flavor = "multi_thread")]
async fn rubbish() -> anyhow::Result<()> {
    let server = TestServer::with(|config| {
        config.imap.max_errors = 1000;
        config.smtp.max_errors = 1000;
    })
    .await?;
    server.deliver("alice", &message("the one")).await?;
    let words = prop::sample::select(vec![
        "a1 ",
        "a2 ",
        " ",
        "\r\n",
        "\n",
        "\r",
        "\"",
        "\\",
        "(",
        ")",
        "{3}",
        "{3+}",
        "{0+}",
        "{99999999999}",
        "*",
        "1:*",
        "0",
        "4294967296",
        "NOOP",
        "SELECT",
        "INBOX",
        "FETCH",
        "BODY[",
        "]",
        "<0.1>",
        "HEADER.FIELDS",
        "STORE",
        "+FLAGS",
        "\\Seen",
        "SEARCH",
        "OR",
        "NOT",
        "CHARSET",
        "UTF-8",
        "UID",
        "APPEND",
        "IDLE",
        "DONE",
        "LIST",
        "RETURN",
        "STATUS",
        "COPY",
        "MOVE",
        "EXPUNGE",
        "CREATE",
        "&",
        "&AA-",
        "EHLO x",
        "MAIL FROM:<",
        ">",
        "RCPT TO:<alice@example.org>",
        "DATA",
        ".",
        "RSET",
        "SIZE=",
        "AUTH PLAIN ",
        "\0",
        "é",
        "\u{7f}",
    ]);
    let rubbish = prop::collection::vec(
        prop_oneof![
            4 => words.prop_map(|word| word.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..8),
        ],
        1..200,
    );
    // The same rubbish each time, so that a failure can be seen again.
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    for round in 0..150 {
        let pieces = rubbish.new_tree(&mut runner).unwrap().current();
        let mut client = match round % 5 {
            0 => server.connect("imap").await?,
            1 => server.imap("bob").await?.client,
            2 => server.select("bob", "INBOX").await?.client,
            3 => server.smtp().await?.client,
            _ => server.connect("smtp").await?,
        };
        for piece in pieces.chunks(7) {
            // The server may have had enough of it.
            if client.send(piece.concat()).await.is_err() {
                break;
            }
        }
        client.vanish(round % 2 == 0)?;
    }
    let mut alice = server.select("alice", "INBOX").await?;
    let fetched = alice.ok("FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]").await?.concat();
    ensure!(fetched.contains("Subject: the one"), "{fetched}");
    server.deliver("bob", &message("and another")).await?;
    Ok(())
}
