//! Push: whoever waits is told of everything, at once, and costs nothing when gone (RFC 2177).

use std::sync::Arc;

use anyhow::{Context, ensure};
use posthaste::config::Period;
use tokio::task::JoinSet;

use crate::client::{Imap, message, within};
use crate::server::{DOMAIN, PASSWORD, TestServer};

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_idlers_see_each_delivery() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    let mut idlers = Vec::new();
    for _ in 0..100 {
        idlers.push(server.idle("alice", "INBOX").await?);
    }
    for number in 1..=5 {
        server.deliver("alice", &message(&format!("number {number}"))).await?;
        for idler in &mut idlers {
            idler.pushed(&format!("* {number} EXISTS")).await?;
        }
    }
    for idler in &mut idlers {
        idler.done().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn idlers_of_several_accounts_hear_of_their_own_mail() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    let mut idlers = Vec::new();
    for _ in 0..15 {
        for account in ["alice", "bob", "carol"] {
            idlers.push((account, server.idle(account, "INBOX").await?));
        }
    }
    for (number, account) in ["alice", "carol", "alice"].into_iter().enumerate() {
        server.deliver(account, &message(&format!("number {number}"))).await?;
    }
    for (account, idler) in &mut idlers {
        match *account {
            "alice" => drop(idler.pushed("* 2 EXISTS").await?),
            "carol" => drop(idler.pushed("* 1 EXISTS").await?),
            _ => {}
        }
        let more: Vec<_> = idler
            .done()
            .await?
            .into_iter()
            .filter(|said| !said.ends_with("RECENT"))
            .collect();
        ensure!(
            more.is_empty(),
            "{account} was told of mail that is not theirs: {more:?}"
        );
    }
    Ok(())
}

/// Each EXISTS is higher than the one before, the last one is right, and in the end every session has the same picture.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_messages_at_speed_and_nobody_misses_one() -> anyhow::Result<()> {
    const MESSAGES: usize = 1000;
    const CONNECTIONS: usize = 5;
    let server = Arc::new(TestServer::start().await?);
    let mut idlers = JoinSet::new();
    for _ in 0..10 {
        let mut idler = server.idle("alice", "INBOX").await?;
        idlers.spawn(async move {
            let mut last = 0;
            while last < MESSAGES {
                let said = idler.response().await?;
                if let Some(exists) = said.strip_prefix("* ").and_then(|said| said.strip_suffix(" EXISTS")) {
                    let exists: usize = exists.parse()?;
                    ensure!(exists > last && exists <= MESSAGES, "{exists} EXISTS after {last}");
                    last = exists;
                }
            }
            let more = idler.done().await?;
            ensure!(more.iter().all(|said| said.ends_with("RECENT")), "{more:?}");
            anyhow::Ok(idler.ok("UID SEARCH ALL").await?)
        });
    }
    let mut deliveries = JoinSet::new();
    for connection in 0..CONNECTIONS {
        let server = server.clone();
        deliveries.spawn(async move {
            let mut smtp = server.smtp().await?;
            for number in 0..MESSAGES / CONNECTIONS {
                let subject = format!("subject {connection}-{number}.");
                smtp.deliver(&["alice"], message(&subject).as_bytes()).await?;
            }
            smtp.quit().await
        });
    }
    for delivered in deliveries.join_all().await {
        delivered?;
    }
    let pictures: Vec<_> = idlers.join_all().await.into_iter().collect::<anyhow::Result<_>>()?;
    ensure!(
        pictures.windows(2).all(|pair| pair[0] == pair[1]),
        "the sessions disagree"
    );

    let mut alice = server.select("alice", "INBOX").await?;
    let headers = alice.ok("FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])").await?;
    ensure!(headers.len() == MESSAGES, "{} messages", headers.len());
    let all = headers.concat();
    for connection in 0..CONNECTIONS {
        for number in 0..MESSAGES / CONNECTIONS {
            let subject = format!("subject {connection}-{number}.");
            ensure!(
                all.matches(&subject).count() == 1,
                "{subject} is not there exactly once"
            );
        }
    }
    Ok(())
}

/// With room for one connection, the next is admitted only when the one before is really gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_vanishes_in_idle_frees_its_session() -> anyhow::Result<()> {
    let server = TestServer::with(|config| config.imap.max_connections = 1).await?;
    for reset in [false, true, false, true] {
        let mut idler = admitted(&server).await?;
        idler.ok(&format!("LOGIN alice@{DOMAIN} \"{PASSWORD}\"")).await?;
        idler.ok("SELECT INBOX").await?;
        idler.idle().await?;
        ensure!(
            Imap::greeted(server.connect("imap").await?).await.is_err(),
            "there is room for two"
        );
        idler.client.vanish(reset)?;
    }
    admitted(&server).await?;
    Ok(())
}

/// Connects until there is room.
async fn admitted(server: &TestServer) -> anyhow::Result<Imap> {
    within("room for a connection", async {
        loop {
            if let Ok(imap) = Imap::greeted(server.connect("imap").await?).await {
                return Ok(imap);
            }
        }
    })
    .await?
}

/// DONE and what is pipelined behind it, in two pieces, split at every octet. Between the pieces the session is woken by a
/// change, so that what it has read by then must survive (a client of 2024 sends so, and a server of that year lost it).
#[tokio::test(flavor = "multi_thread")]
async fn done_split_at_every_octet() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    server.deliver("alice", &message("the one")).await?;
    let mut other = server.select("alice", "INBOX").await?;
    let mut idler = server.select("alice", "INBOX").await?;
    let said = "DONE\r\nn1 NOOP\r\nn2 IDLE\r\nDONE\r\n";
    for split in 0..=said.len() {
        let (first, second) = said.split_at(split);
        idler.idle().await?;
        idler.client.send(first).await?;
        if split < "DONE\r\n".len() {
            let sign = if split % 2 == 0 { '+' } else { '-' };
            other.ok(&format!("STORE 1 {sign}FLAGS.SILENT (\\Flagged)")).await?;
            let flags = if split % 2 == 0 { "\\Flagged" } else { "" };
            idler.pushed(&format!("* 1 FETCH (UID 1 FLAGS ({flags}))")).await?;
        }
        idler.client.send(second).await?;
        let wanted = ["OK", "n1 OK", "+ ", "n2 OK"];
        for wanted in wanted {
            let heard = idler.response().await.with_context(|| format!("split at {split}"))?;
            ensure!(
                heard.contains(wanted),
                "split at {split}: expected {wanted}, heard {heard}"
            );
        }
    }
    Ok(())
}

/// More changes than are kept for readers, while a session says nothing: it is told of all of them when it asks.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_sleeps_through_many_changes() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    let mut smtp = server.smtp().await?;
    for number in 0..100 {
        smtp.deliver(&["alice"], message(&format!("number {number}")).as_bytes())
            .await?;
    }
    let mut sleeper = server.select("alice", "INBOX").await?;
    let mut other = server.select("alice", "INBOX").await?;
    for number in 1..=300 {
        let uid = number % 100 + 1;
        other
            .ok(&format!("UID STORE {uid} +FLAGS.SILENT (\\Flagged Word{})", number % 7))
            .await?;
        smtp.deliver(&["alice"], message(&format!("later {number}")).as_bytes())
            .await?;
    }
    other.ok("UID STORE 40:60,350 +FLAGS.SILENT (\\Deleted)").await?;
    other.ok("EXPUNGE").await?;

    let told = sleeper.ok("NOOP").await?;
    let expunged = told.iter().filter(|line| line.ends_with(" EXPUNGE")).count();
    // The one of UID 350 it was never told of, so it is not told that it went.
    ensure!(expunged == 21, "{expunged} EXPUNGEs: {told:?}");
    ensure!(told.contains(&"* 378 EXISTS".to_owned()), "{told:?}");
    let flags = told.iter().filter(|line| line.contains(" FETCH (UID ")).count();
    ensure!(flags == 79, "{flags} of 79 changed messages were told");
    let fresh = server
        .select("alice", "INBOX")
        .await?
        .ok("FETCH 1:* (UID FLAGS)")
        .await?;
    let known = sleeper.ok("FETCH 1:* (UID FLAGS)").await?;
    let without_recent = |lines: Vec<String>| lines.concat().replace(" \\Recent", "").replace("\\Recent", "");
    ensure!(
        without_recent(known) == without_recent(fresh),
        "the sleeper sees another mailbox"
    );
    Ok(())
}

/// A client that asks for much and reads nothing: mail goes on arriving, others are told, and it is cut off in the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads_delays_nobody() -> anyhow::Result<()> {
    let server = TestServer::with(|config| {
        config.imap.write_timeout = Period::seconds(1);
        config.imap.max_connections = 2;
    })
    .await?;
    let large = format!("{}{}", message("large"), "0123456789abcdef\r\n".repeat(50_000));
    for _ in 0..10 {
        server.deliver("alice", &large).await?;
    }
    let mut deaf = server.select("alice", "INBOX").await?;
    for _ in 0..20 {
        deaf.send("FETCH 1:* BODY[]").await?;
    }
    let mut idler = server.idle("alice", "INBOX").await?;
    for number in 11..=30 {
        server.deliver("alice", &message("small")).await?;
        idler.pushed(&format!("* {number} EXISTS")).await?;
    }
    // Room for another: its session has ended. What had left for it is not all.
    admitted(&server).await?;
    let mut read = 0;
    while deaf.client.response().await.is_ok() {
        read += 1;
    }
    ensure!(read < 20 * 10, "it was served to the end");
    Ok(())
}
