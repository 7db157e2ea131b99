//! The life of a server: many in one process, all or nothing at the start, bounded while it runs, drained at the end.

use std::time::{Duration, Instant};

use anyhow::ensure;
use posthaste::config::{Config, Period};
use posthaste::server::{ListenError, Server};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::client::{Client, WAIT, message};
use crate::server::TestServer;

#[tokio::test]
async fn ten_servers_in_one_process() -> anyhow::Result<()> {
    let mut running = JoinSet::new();
    for number in 0..10 {
        running.spawn(async move {
            let mut server = TestServer::start().await?;
            server.deliver("alice", &message(&format!("number {number}"))).await?;
            let mut alice = server.select("alice", "INBOX").await?;
            let fetched = alice.ok("FETCH 1:* (BODY[HEADER.FIELDS (SUBJECT)])").await?;
            ensure!(
                fetched.len() == 1 && fetched[0].contains(&format!("number {number}\r\n")),
                "{fetched:?}"
            );
            server.stop().await;
            anyhow::Ok(())
        });
    }
    for ended in running.join_all().await {
        ended?;
    }
    Ok(())
}

#[tokio::test]
async fn a_start_that_fails_leaves_nothing_behind() -> anyhow::Result<()> {
    let taken = TcpListener::bind("127.0.0.1:0").await?;
    let folder = tempfile::tempdir()?;
    let mut config = Config {
        data: folder.path().join("data"),
        ..Config::default()
    };
    let free = TcpListener::bind("127.0.0.1:0").await?;
    let smtp = free.local_addr()?;
    drop(free);
    config.listen.smtp = vec![smtp];
    config.listen.submission.clear();
    config.listen.submissions.clear();
    config.listen.managesieve.clear();
    config.listen.imap.clear();
    config.listen.imaps = vec![taken.local_addr()?];
    let error = Server::start(config.clone())
        .await
        .err()
        .expect("it starts on a port that is taken");
    let named: &ListenError = error.downcast_ref().expect("another error");
    assert_eq!((named.setting, named.is_port_taken()), ("listen.imaps", true));

    // Neither the SMTP port nor the folder is held.
    drop(taken);
    let server = Server::start(config).await?;
    assert_eq!(server.addresses().smtp, [smtp]);
    server.shutdown().await;
    assert!(Client::connect(smtp).await.is_err(), "it still listens");
    Ok(())
}

#[tokio::test]
async fn one_more_than_allowed_is_told_so() -> anyhow::Result<()> {
    let server = TestServer::with(|config| {
        config.smtp.max_connections = 1;
        config.imap.max_connections = 1;
    })
    .await?;
    // All SMTP ports share a limit, and all IMAP ports another.
    for (first, second, refusal) in [
        ("smtp", "submission", "421 4.3.2 "),
        ("imap", "imap", "* BYE [UNAVAILABLE] "),
    ] {
        let mut admitted = server.connect(first).await?;
        admitted.line().await?;
        let mut refused = Client::connect(server.address(second)?).await?;
        let line = String::from_utf8(refused.line().await?)?;
        ensure!(line.starts_with(refusal), "{line}");
        refused.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_drain_lets_a_running_transaction_finish() -> anyhow::Result<()> {
    let mut server = TestServer::start().await?;
    let mut smtp = server.smtp().await?;
    smtp.begin(&["alice"]).await?;
    let mut idling = server.idle("alice", "INBOX").await?;
    let stopping = async {
        server.stop().await;
        anyhow::Ok(())
    };
    let finishing = async {
        // The one that idles is told at once; the one in a transaction is not.
        let bye = idling.response().await?;
        ensure!(bye.starts_with("* BYE "), "{bye}");
        smtp.command("Subject: last\r\n\r\nthe last one\r\n.", "250").await?;
        smtp.expect("421").await?;
        anyhow::Ok(())
    };
    tokio::try_join!(stopping, finishing)?;
    server.restart(|_| ()).await?;
    let mut alice = server.imap("alice").await?;
    let status = alice.ok("STATUS INBOX (MESSAGES)").await?;
    ensure!(status == ["* STATUS \"INBOX\" (MESSAGES 1)"], "{status:?}");
    Ok(())
}

#[tokio::test]
async fn a_drain_waits_no_longer_than_it_may() -> anyhow::Result<()> {
    let mut server = TestServer::with(|config| config.drain = Period::milliseconds(100)).await?;
    let mut smtp = server.smtp().await?;
    smtp.begin(&["alice"]).await?;
    let begun = Instant::now();
    server.stop().await;
    let took = begun.elapsed();
    ensure!(took >= Duration::from_millis(100) && took < WAIT, "{took:?}");
    // What was not accepted is not there.
    server.restart(|_| ()).await?;
    let mut alice = server.imap("alice").await?;
    let status = alice.ok("STATUS INBOX (MESSAGES)").await?;
    ensure!(status == ["* STATUS \"INBOX\" (MESSAGES 0)"], "{status:?}");
    Ok(())
}
