//! A client of IMAP (RFC 9051), as far as the load needs one.

use anyhow::{Context, Result, bail, ensure};

use crate::response::{Response, frame};
use crate::target::{Account, Security, Target};
use crate::wire::Wire;

/// A logged in client.
pub(crate) struct Imap {
    wire: Wire,
    commands: u32,
    capabilities: String,
    /// The tag of the IDLE that is running.
    idling: Option<String>,
}

impl Imap {
    /// Connects, encrypts as asked, logs in.
    pub(crate) async fn login(target: &Target, account: &Account) -> Result<Imap> {
        let mut imap = Imap {
            wire: Wire::connect(target, target.imap).await?,
            commands: 0,
            capabilities: String::new(),
            idling: None,
        };
        let greeting = imap.answer().await?;
        ensure!(greeting.data("OK").is_some(), "greeted with {:?}", greeting.text());
        if target.imap.security == Security::Starttls {
            imap.command("STARTTLS", |_| ()).await?;
            imap.wire.start_tls(target).await?;
        }
        let login = format!("LOGIN {} {}", quoted(&account.login)?, quoted(&account.password)?);
        imap.command(&login, |_| ())
            .await
            .with_context(|| format!("login of {}", account.login))?;
        let mut capabilities = String::new();
        imap.command("CAPABILITY", |response| {
            if let Some(list) = response.data("CAPABILITY") {
                capabilities = String::from_utf8_lossy(list).to_ascii_uppercase();
            }
        })
        .await?;
        imap.capabilities = capabilities;
        Ok(imap)
    }

    /// Whether the server offers this.
    pub(crate) fn offers(&self, capability: &str) -> bool {
        self.capabilities
            .split_whitespace()
            .any(|offered| offered == capability)
    }

    /// Whether the server offers what the command needs, if it needs an extension: SORT and THREAD (RFC 5256).
    pub(crate) fn offers_command(&self, command: &str) -> bool {
        let mut words = command.split(' ').skip_while(|word| *word == "UID");
        match words.next() {
            Some("SORT") => self.offers("SORT"),
            Some("THREAD") => words.next().is_some_and(|name| self.offers(&format!("THREAD={name}"))),
            _ => true,
        }
    }

    /// Runs one command; `each` sees its untagged responses. Anything but OK is an error.
    pub(crate) async fn command(&mut self, command: &str, each: impl FnMut(&Response)) -> Result<()> {
        let tag = self.begin(command).await?;
        self.end(&tag, each).await.with_context(|| name(command))
    }

    /// Sends a command without waiting for its end; gives its tag.
    pub(crate) async fn begin(&mut self, command: &str) -> Result<String> {
        let tag = self.tag();
        self.wire.send(format!("{tag} {command}\r\n").as_bytes()).await?;
        Ok(tag)
    }

    /// Reads up to the end of that command.
    pub(crate) async fn end(&mut self, tag: &str, mut each: impl FnMut(&Response)) -> Result<()> {
        loop {
            let response = self.answer().await?;
            match response.status(tag) {
                Some("OK") => return Ok(()),
                Some(_) => bail!("answered {:?}", response.text()),
                None => each(&response),
            }
        }
    }

    /// Opens a mailbox with SELECT or EXAMINE; gives the number of its messages.
    pub(crate) async fn open(&mut self, verb: &str, mailbox: &str) -> Result<u32> {
        let mut exists = None;
        let command = format!("{verb} {}", quoted(mailbox)?);
        self.command(&command, |response| exists = response.number("EXISTS").or(exists))
            .await?;
        exists.with_context(|| format!("{verb} without EXISTS"))
    }

    /// Opens a mailbox; gives what a client keeps for QRESYNC: UIDVALIDITY and HIGHESTMODSEQ (RFC 7162 §3.2.5).
    pub(crate) async fn state(&mut self, mailbox: &str) -> Result<String> {
        let (mut uid_validity, mut mod_seq) = (None, None);
        let command = format!("EXAMINE {}", quoted(mailbox)?);
        self.command(&command, |response| {
            uid_validity = response.number_after("UIDVALIDITY").or(uid_validity);
            mod_seq = response.number_after("HIGHESTMODSEQ").or(mod_seq);
        })
        .await?;
        let known = uid_validity.zip(mod_seq).context("no UIDVALIDITY or HIGHESTMODSEQ")?;
        Ok(format!("{} {}", known.0, known.1))
    }

    /// How many messages a mailbox holds, and its next UID.
    pub(crate) async fn status(&mut self, mailbox: &str) -> Result<(u32, u32)> {
        let mut found = None;
        let command = format!("STATUS {} (MESSAGES UIDNEXT)", quoted(mailbox)?);
        self.command(&command, |response| {
            if response.data("STATUS").is_some() {
                found = response
                    .number_after("MESSAGES")
                    .zip(response.number_after("UIDNEXT"))
                    .or(found);
            }
        })
        .await?;
        found.context("STATUS without MESSAGES and UIDNEXT")
    }

    /// Begins to idle (RFC 2177); `each` sees what arrives before the server agrees.
    pub(crate) async fn idle(&mut self, mut each: impl FnMut(&Response)) -> Result<()> {
        let tag = self.begin("IDLE").await?;
        loop {
            let response = self.answer().await?;
            if response.is_continuation() {
                self.idling = Some(tag);
                return Ok(());
            }
            ensure!(response.status(&tag).is_none(), "IDLE answered {:?}", response.text());
            each(&response);
        }
    }

    /// Ends idling.
    pub(crate) async fn done(&mut self, each: impl FnMut(&Response)) -> Result<()> {
        let tag = self.idling.take().context("not idling")?;
        self.wire.send(b"DONE\r\n").await?;
        self.end(&tag, each).await.context("DONE")
    }

    /// Appends messages, with non-synchronising literals (RFC 7888) in one flight where they are offered.
    pub(crate) async fn append(&mut self, mailbox: &str, messages: &[(&str, Vec<u8>)]) -> Result<()> {
        let plus = self.offers("LITERAL+");
        let mailbox = quoted(mailbox)?;
        let (mut flight, mut tags) = (Vec::new(), Vec::new());
        for (flags, message) in messages {
            let tag = self.tag();
            let mark = if plus { "+" } else { "" };
            flight.extend_from_slice(
                format!("{tag} APPEND {mailbox} {flags} {{{}{mark}}}\r\n", message.len()).as_bytes(),
            );
            if !plus {
                self.wire.send(&flight).await?;
                flight.clear();
                let answer = self.answer().await?;
                ensure!(answer.is_continuation(), "APPEND answered {:?}", answer.text());
            }
            flight.extend_from_slice(message);
            flight.extend_from_slice(b"\r\n");
            if plus {
                tags.push(tag);
            } else {
                self.wire.send(&flight).await?;
                flight.clear();
                self.end(&tag, |_| ()).await.context("APPEND")?;
            }
        }
        self.wire.send(&flight).await?;
        for tag in tags {
            self.end(&tag, |_| ()).await.context("APPEND")?;
        }
        Ok(())
    }

    /// The next response, however long it takes. Cancelled, it loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Response> {
        loop {
            if let Some(response) = self.take()? {
                return Ok(response);
            }
            self.wire.fill().await?;
        }
    }

    /// The next response, within the time an answer may take.
    async fn answer(&mut self) -> Result<Response> {
        loop {
            if let Some(response) = self.take()? {
                return Ok(response);
            }
            self.wire.fill_in_time().await?;
        }
    }

    fn take(&mut self) -> Result<Option<Response>> {
        let length = frame(&self.wire.buffer)?;
        Ok(length.map(|length| Response::new(self.wire.buffer.split_to(length).freeze())))
    }

    fn tag(&mut self) -> String {
        self.commands += 1;
        format!("a{}", self.commands)
    }
}

/// The command without its arguments: they may hold a password.
fn name(command: &str) -> String {
    let words = if command.starts_with("UID ") { 2 } else { 1 };
    command.split(' ').take(words).collect::<Vec<_>>().join(" ")
}

/// As a quoted string (RFC 9051 §4.3).
fn quoted(text: &str) -> Result<String> {
    ensure!(!text.contains(['\r', '\n', '\0']), "{text:?} cannot be quoted");
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}
