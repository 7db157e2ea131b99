//! LMTP where a dialog cannot show it: over a Unix socket, and with recipients who fare differently.

use std::os::unix::fs::PermissionsExt;

use posthaste::config::{Endpoint, Mode, Size};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use crate::client::within;
use crate::server::TestServer;

#[tokio::test]
async fn over_a_unix_socket_with_its_permissions() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("lmtp");
    // What a crash leaves is replaced.
    drop(std::os::unix::net::UnixListener::bind(&path)?);
    let endpoint = Endpoint::Unix(path.clone());
    let mut server = TestServer::with(|config| {
        config.lmtp.listen = vec![endpoint.clone()];
        config.lmtp.mode = Mode::new(0o600);
    })
    .await?;
    assert_eq!(std::fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
    let said = dialog(
        &path,
        "LHLO client.test\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<bob@example.org>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n\
         Subject: here\r\n\r\n.\r\nQUIT\r\n",
    )
    .await?;
    let tail: Vec<&str> = said.lines().rev().take(4).map(|line| &line[..3]).collect();
    assert_eq!(tail, ["221", "250", "250", "354"], "{said}");
    let mut imap = server.select("bob", "INBOX").await?;
    let told = imap.ok("FETCH 1 BODY.PEEK[HEADER.FIELDS (RECEIVED)]").await?;
    assert!(format!("{told:?}").contains("client.test ([127.0.0.1])"), "{told:?}");

    // While one server listens there, another one does not start.
    let other = TestServer::with(|config| config.lmtp.listen = vec![endpoint]).await;
    let error = other.err().expect("two servers on one socket");
    assert!(format!("{error:#}").contains("lmtp.listen"), "{error:#}");
    server.stop().await;
    assert!(!path.exists());
    Ok(())
}

#[tokio::test]
async fn whoever_is_full_keeps_no_mail_from_the_others() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("lmtp");
    let server = TestServer::with(|config| {
        config.lmtp.listen = vec![Endpoint::Unix(path.clone())];
        config.quota.storage = Some(Size::octets(2000));
    })
    .await?;
    server
        .deliver("bob", &format!("Subject: large\r\n\r\n{}\r\n", "x".repeat(900)))
        .await?;
    let text = "y".repeat(950);
    let said = dialog(
        &path,
        &format!(
            "LHLO client.test\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<alice@example.org>\r\nRCPT TO:<bob@example.org>\r\n\
             RCPT TO:<carol@example.org>\r\nDATA\r\nSubject: more\r\n\r\n{text}\r\n.\r\nQUIT\r\n"
        ),
    )
    .await?;
    let outcomes: Vec<&str> = said.lines().rev().skip(1).take(3).map(|line| &line[..9]).collect();
    assert_eq!(outcomes, ["250 2.0.0", "452 4.2.2", "250 2.0.0"], "{said}");
    for (account, messages) in [("alice", 1), ("bob", 1), ("carol", 1)] {
        let mut imap = server.imap(account).await?;
        let told = imap.ok("STATUS INBOX (MESSAGES)").await?;
        assert!(
            format!("{told:?}").contains(&format!("MESSAGES {messages}")),
            "{told:?}"
        );
    }
    Ok(())
}

/// Says it all behind the greeting, and hears what comes until the end.
async fn dialog(path: &std::path::Path, commands: &str) -> anyhow::Result<String> {
    let mut stream = BufReader::new(within("a connection", UnixStream::connect(path)).await??);
    let mut said = String::new();
    within("the greeting", stream.read_line(&mut said)).await??;
    stream.write_all(commands.as_bytes()).await?;
    within("the end", stream.read_to_string(&mut said)).await??;
    Ok(said)
}
