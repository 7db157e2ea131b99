//! An SMTP client for tests.

use anyhow::{Context, ensure};

use super::{Client, printable};
use crate::server::DOMAIN;

/// An SMTP client.
pub(crate) struct Smtp {
    /// For what is not a plain command.
    pub(crate) client: Client,
}

impl Smtp {
    /// Takes the greeting and says EHLO.
    pub(crate) async fn greeted(client: Client) -> anyhow::Result<Smtp> {
        let mut smtp = Smtp { client };
        smtp.expect("220").await?;
        smtp.command("EHLO client.test", "250").await?;
        Ok(smtp)
    }

    /// The next reply, its lines joined by LF.
    pub(crate) async fn reply(&mut self) -> anyhow::Result<String> {
        let mut reply = String::new();
        loop {
            let line = printable(&self.client.line().await?);
            let last = line.as_bytes().get(3) != Some(&b'-');
            reply.push_str(&line);
            if last {
                return Ok(reply);
            }
            reply.push('\n');
        }
    }

    /// A reply that must have this code.
    pub(crate) async fn expect(&mut self, code: &str) -> anyhow::Result<String> {
        let reply = self.reply().await?;
        ensure!(reply.starts_with(code), "expected {code}, got {reply}");
        Ok(reply)
    }

    /// Sends a command whose reply must have this code.
    pub(crate) async fn command(&mut self, command: &str, code: &str) -> anyhow::Result<String> {
        self.client.send(format!("{command}\r\n")).await?;
        self.expect(code).await.with_context(|| command.to_owned())
    }

    /// Begins a message for accounts of the test server, up to the 354.
    pub(crate) async fn begin(&mut self, accounts: &[&str]) -> anyhow::Result<()> {
        self.command("MAIL FROM:<sender@client.test>", "250").await?;
        for account in accounts {
            self.command(&format!("RCPT TO:<{account}@{DOMAIN}>"), "250").await?;
        }
        self.command("DATA", "354").await?;
        Ok(())
    }

    /// Sends a whole message that must be accepted; returns the reply.
    pub(crate) async fn deliver(&mut self, accounts: &[&str], message: &[u8]) -> anyhow::Result<String> {
        self.begin(accounts).await?;
        self.client.send(dotted(message)).await?;
        self.expect("250").await
    }

    /// Says goodbye.
    pub(crate) async fn quit(&mut self) -> anyhow::Result<()> {
        self.command("QUIT", "221").await?;
        self.client.end().await
    }
}

/// A message as DATA carries it: dots doubled at the beginning of lines, and the final dot (RFC 5321 §4.5.2).
pub(crate) fn dotted(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(message.len() + 8);
    let mut at_start = true;
    for &byte in message {
        if at_start && byte == b'.' {
            wire.push(b'.');
        }
        at_start = byte == b'\n';
        wire.push(byte);
    }
    if !at_start {
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b".\r\n");
    wire
}
