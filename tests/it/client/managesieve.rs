//! A ManageSieve client for tests.

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Client, printable};
use crate::server::{DOMAIN, PASSWORD};

/// A ManageSieve client.
pub(crate) struct ManageSieve {
    /// For what is not a plain command.
    pub(crate) client: Client,
}

impl ManageSieve {
    /// Takes the greeting.
    pub(crate) async fn greeted(client: Client) -> anyhow::Result<ManageSieve> {
        let mut sieve = ManageSieve { client };
        sieve.answer().await.context("greeting")?;
        Ok(sieve)
    }

    /// Logs in by PLAIN.
    pub(crate) async fn log_in(&mut self, account: &str) -> anyhow::Result<()> {
        let response = STANDARD.encode(format!("\0{account}@{DOMAIN}\0{PASSWORD}"));
        self.ok(&format!("AUTHENTICATE \"PLAIN\" \"{response}\""))
            .await
            .map(|_| ())
    }

    /// Sends a command that must succeed; returns what comes before its OK.
    pub(crate) async fn ok(&mut self, command: &str) -> anyhow::Result<Vec<String>> {
        self.client.send(format!("{command}\r\n")).await?;
        self.answer().await.with_context(|| command.to_owned())
    }

    async fn answer(&mut self) -> anyhow::Result<Vec<String>> {
        let mut before = Vec::new();
        loop {
            let response = printable(&self.client.response().await?);
            if response.starts_with("OK") {
                return Ok(before);
            }
            ensure!(
                !response.starts_with("NO") && !response.starts_with("BYE"),
                "{response}"
            );
            before.push(response);
        }
    }
}
