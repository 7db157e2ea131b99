//! A proxy in front, where a dialog cannot show it: before the handshake of implicit TLS, and in what the program asks of
//! itself.

use std::time::Duration;

use crate::client::{Client, Imap};
use crate::server::TestServer;

/// Version 2 of the protocol, as HAProxy's `send-proxy-v2` writes it: 192.0.2.7 port 56324 to 198.51.100.1 port 993.
const HEADER: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\xdc\x04\x03\xe1";

#[tokio::test]
async fn the_header_comes_before_the_handshake() -> anyhow::Result<()> {
    let server = TestServer::with(|config| config.proxy.trusted = vec!["127.0.0.0/8".parse().unwrap()]).await?;
    let address = server.address("imaps")?;
    // One octet after the other: a slow proxy is one too.
    let mut client = Client::connect(address).await?;
    for octet in HEADER {
        client.send([*octet]).await?;
    }
    client.start_tls().await?;
    let mut imap = Imap::greeted(client).await?;
    imap.ok("NOOP").await?;

    // A handshake at once is no header.
    let mut client = Client::connect(address).await?;
    let handshake = tokio::time::timeout(Duration::from_secs(20), client.start_tls()).await?;
    assert!(handshake.is_err());
    Ok(())
}

#[tokio::test]
async fn others_are_served_as_ever_and_their_header_is_none() -> anyhow::Result<()> {
    let server = TestServer::with(|config| config.proxy.trusted = vec!["192.0.2.0/24".parse().unwrap()]).await?;
    let mut smtp = server.smtp().await?;
    smtp.command("PROXY TCP4 192.0.2.7 198.51.100.1 56324 25", "500")
        .await?;
    smtp.quit().await
}
