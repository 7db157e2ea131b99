//! An IMAP client for tests.

use anyhow::{Context, ensure};

use super::{Client, printable};

/// An IMAP client that makes its own tags.
pub(crate) struct Imap {
    /// For what is not a plain command.
    pub(crate) client: Client,
    commands: u32,
}

impl Imap {
    /// Takes the greeting.
    pub(crate) async fn greeted(mut client: Client) -> anyhow::Result<Imap> {
        let greeting = printable(&client.line().await?);
        ensure!(greeting.starts_with("* OK"), "greeting: {greeting}");
        Ok(Imap { client, commands: 0 })
    }

    /// Sends a command; returns its tag.
    pub(crate) async fn send(&mut self, command: &str) -> anyhow::Result<String> {
        self.commands += 1;
        let tag = format!("t{}", self.commands);
        self.client.send(format!("{tag} {command}\r\n")).await?;
        Ok(tag)
    }

    /// Everything up to the tagged answer: the untagged responses, then the answer without its tag.
    pub(crate) async fn answer(&mut self, tag: &str) -> anyhow::Result<(Vec<String>, String)> {
        let mut untagged = Vec::new();
        loop {
            let response = self.response().await.with_context(|| format!("after {untagged:?}"))?;
            match response.strip_prefix(tag).and_then(|rest| rest.strip_prefix(' ')) {
                Some(answer) => return Ok((untagged, answer.to_owned())),
                None => untagged.push(response),
            }
        }
    }

    /// Runs a command that may fail.
    pub(crate) async fn command(&mut self, command: &str) -> anyhow::Result<(Vec<String>, String)> {
        let tag = self.send(command).await?;
        self.answer(&tag).await.with_context(|| command.to_owned())
    }

    /// Runs a command that must succeed; returns the untagged responses.
    pub(crate) async fn ok(&mut self, command: &str) -> anyhow::Result<Vec<String>> {
        let (untagged, answer) = self.command(command).await?;
        ensure!(answer.starts_with("OK"), "{command}: {untagged:?} {answer}");
        Ok(untagged)
    }

    /// Appends a message; returns the tagged answer.
    pub(crate) async fn append(&mut self, mailbox: &str, arguments: &str, message: &[u8]) -> anyhow::Result<String> {
        let size = message.len();
        let tag = self
            .send(&format!("APPEND \"{mailbox}\" {arguments}{{{size}+}}"))
            .await?;
        self.client.send([message, b"\r\n"].concat()).await?;
        Ok(self.answer(&tag).await?.1)
    }

    /// Begins to idle.
    pub(crate) async fn idle(&mut self) -> anyhow::Result<()> {
        self.send("IDLE").await?;
        let response = self.response().await?;
        ensure!(response.starts_with('+'), "IDLE: {response}");
        Ok(())
    }

    /// Ends IDLE; returns what was pushed before its end and not yet read.
    pub(crate) async fn done(&mut self) -> anyhow::Result<Vec<String>> {
        self.client.send("DONE\r\n").await?;
        let (untagged, answer) = self.answer(&format!("t{}", self.commands)).await?;
        ensure!(answer.starts_with("OK"), "DONE: {answer}");
        Ok(untagged)
    }

    /// The next response, whatever it is.
    pub(crate) async fn response(&mut self) -> anyhow::Result<String> {
        Ok(printable(&self.client.response().await?))
    }

    /// Reads pushes until one of them is `wanted`; returns those before it.
    pub(crate) async fn pushed(&mut self, wanted: &str) -> anyhow::Result<Vec<String>> {
        let mut before = Vec::new();
        loop {
            let response = self
                .response()
                .await
                .with_context(|| format!("waiting for {wanted:?} after {before:?}"))?;
            if response == wanted {
                return Ok(before);
            }
            before.push(response);
        }
    }
}
