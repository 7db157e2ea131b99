//! Running a transcript: the sessions, what each of them is to say next, and what it must hear.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use anyhow::{Context, anyhow, bail, ensure};
use figment::Figment;
use figment::providers::{Format, Toml};
use posthaste::config::Config;

use super::pattern::{Text, Variables};
use super::script::{Script, Step};
use crate::client::{Client, Imap, ManageSieve, Smtp, printable};
use crate::server::{DOMAIN, PASSWORD, TestServer};

/// How much of the dialog a failure shows.
const SHOWN: usize = 40;
/// And of each thing said and heard.
const SHOWN_SAID: usize = 300;
const SHOWN_HEARD: usize = 2000;

/// Plays it from the beginning to its first mistake.
pub(super) async fn play(script: Script) -> anyhow::Result<()> {
    let settings = script.settings.clone();
    let server = TestServer::with(|config| overlay(config, &settings)).await?;
    let mut stage = Stage {
        server,
        sessions: HashMap::new(),
        appending: HashMap::new(),
        variables: Variables::new(),
        dialog: Vec::new(),
    };
    let mut steps = script.steps.iter().peekable();
    while let Some((number, step)) = steps.next() {
        // An unordered group ends where its session hears something else.
        let mut group = Vec::new();
        if let Step::Unordered(session, text) = step {
            group.push(text);
            while let Some((_, Step::Unordered(_, text))) =
                steps.next_if(|(_, next)| matches!(next, Step::Unordered(of, _) if of == session))
            {
                group.push(text);
            }
        }
        let result = match step {
            Step::Unordered(session, _) => stage.hear_all(session, group).await,
            // What a client says without hearing in between leaves in one write.
            Step::Client(session, text) => {
                let more =
                    matches!(steps.peek(), Some((_, Step::Client(next, _) | Step::Raw(next, _))) if next == session);
                stage.say(session, text, b"\r\n", more).await
            }
            Step::Raw(session, text) => stage.say(session, text, b"", false).await,
            Step::Skip(session) => match steps.next() {
                Some((_, Step::Server(of, text))) if of == session => stage.hear_until(session, text).await,
                _ => Err(anyhow!(
                    "`S: ...` must be followed by what it leads to, in the same session"
                )),
            },
            step => stage.act(step).await,
        };
        result.map_err(|error| stage.explain(&script.name, *number, error))?;
    }
    stage.nothing_left().map_err(|error| {
        stage.explain(
            &script.name,
            script.steps.last().map_or(0, |(number, _)| *number),
            error,
        )
    })?;
    stage.server.stop().await;
    Ok(())
}

/// Settings of `CONFIG` lines over those of the test server.
fn overlay(config: &mut Config, settings: &str) {
    if settings.is_empty() {
        return;
    }
    let kept = (
        config.data.clone(),
        config.hostname.clone(),
        config.listen.clone(),
        config.login.clone(),
    );
    let wanted = Figment::from(Toml::string(settings));
    *config = wanted.extract().expect("CONFIG lines are settings in TOML");
    (config.data, config.hostname, config.listen) = (kept.0, kept.1, kept.2);
    if !wanted.contains("login.require_tls") {
        config.login.require_tls = kept.3.require_tls;
    }
}

struct Stage {
    server: TestServer,
    sessions: HashMap<String, Session>,
    /// For `MAILBOX` and `APPEND`: a session of each account that is not in the transcript.
    appending: HashMap<String, Imap>,
    variables: Variables,
    dialog: Vec<String>,
}

struct Session {
    client: Client,
    /// Whether it reads responses that may hold literals, or lines as in SMTP.
    literals: bool,
    /// Said, and waiting to leave with what is said next.
    pending: Vec<u8>,
}

impl Stage {
    async fn act(&mut self, step: &Step) -> anyhow::Result<()> {
        match step {
            Step::Server(session, text) => self.hear(session, text).await,
            Step::Connect(session, service) => {
                let client = self.server.connect(service).await?;
                self.join(session, service, client)
            }
            Step::Open {
                session,
                service,
                account,
                mailbox,
            } => {
                let client = self.open(service, account.as_deref(), mailbox.as_deref()).await?;
                self.join(session, service, client)
            }
            Step::Tls(session) => self.session(session)?.client.start_tls().await,
            Step::Deflate(session) => self.session(session)?.client.deflate(),
            Step::Plain(session) => {
                self.session(session)?.client.inflate();
                Ok(())
            }
            Step::Vanish(session, reset) => {
                let gone = self
                    .sessions
                    .remove(session)
                    .with_context(|| format!("no session [{session}]"))?;
                gone.client.vanish(*reset)
            }
            Step::End(session) => {
                self.session(session)?.client.end().await?;
                self.sessions.remove(session);
                Ok(())
            }
            Step::Mailbox(account, name) => {
                let command = format!("CREATE \"{name}\"");
                self.appending(account).await?.ok(&command).await.map(|_| ())
            }
            Step::Append(account, mailbox, before, message) => {
                let answer = self.appending(account).await?.append(mailbox, before, message).await?;
                ensure!(answer.starts_with("OK"), "APPEND: {answer}");
                Ok(())
            }
            Step::Deliver(account, message) => {
                let mut smtp = self.server.smtp().await?;
                smtp.deliver(&[account], message).await?;
                smtp.quit().await
            }
            Step::Alias(address, targets) => {
                let targets: Vec<String> = targets.iter().map(|target| format!("{target}@{DOMAIN}")).collect();
                self.server.server().accounts().add_alias(address, &targets).await?;
                Ok(())
            }
            Step::Administrator(account) => {
                let address = format!("{account}@{DOMAIN}");
                self.server
                    .server()
                    .accounts()
                    .set_administrator(&address, true)
                    .await?;
                Ok(())
            }
            Step::Restart => {
                self.appending.clear();
                self.server.restart(|_| ()).await
            }
            Step::Client(..) | Step::Raw(..) | Step::Unordered(..) | Step::Skip(_) => bail!("not an act"),
        }
    }

    /// A connection past its greeting and, if asked for, its login.
    async fn open(&self, service: &str, account: Option<&str>, mailbox: Option<&str>) -> anyhow::Result<Client> {
        let client = self.server.connect(service).await?;
        if service.starts_with("imap") {
            let mut imap = Imap::greeted(client).await?;
            if let Some(account) = account {
                imap.ok(&format!("LOGIN {account}@{DOMAIN} \"{PASSWORD}\"")).await?;
            }
            if let Some(mailbox) = mailbox {
                imap.ok(&format!("SELECT \"{mailbox}\"")).await?;
            }
            return Ok(imap.client);
        }
        if service == "managesieve" {
            let mut sieve = ManageSieve::greeted(client).await?;
            if let Some(account) = account {
                sieve.log_in(account).await?;
            }
            return Ok(sieve.client);
        }
        let mut smtp = Smtp::greeted(client).await?;
        if let Some(account) = account {
            use base64::Engine;
            let response = format!("\0{account}@{DOMAIN}\0{PASSWORD}");
            let response = base64::engine::general_purpose::STANDARD.encode(response);
            smtp.command(&format!("AUTH PLAIN {response}"), "235").await?;
        }
        Ok(smtp.client)
    }

    fn join(&mut self, session: &str, service: &str, client: Client) -> anyhow::Result<()> {
        let entered = Session {
            client,
            literals: service.starts_with("imap") || service == "managesieve",
            pending: Vec::new(),
        };
        match self.sessions.entry(session.to_owned()) {
            Entry::Occupied(_) => bail!("there is a session [{session}] already"),
            Entry::Vacant(place) => {
                place.insert(entered);
                Ok(())
            }
        }
    }

    fn session(&mut self, session: &str) -> anyhow::Result<&mut Session> {
        self.sessions
            .get_mut(session)
            .with_context(|| format!("no session [{session}]; open it with IMAP[{session}], SMTP[{session}], …"))
    }

    async fn appending(&mut self, account: &str) -> anyhow::Result<&mut Imap> {
        if !self.appending.contains_key(account) {
            let imap = self.server.imap(account).await?;
            self.appending.insert(account.to_owned(), imap);
        }
        self.appending.get_mut(account).context("just opened")
    }

    async fn say(&mut self, session: &str, text: &Text, end: &[u8], more: bool) -> anyhow::Result<()> {
        let writes = text.to_send(&self.variables)?;
        let waits = writes.len() - 1;
        for (index, write) in writes.into_iter().enumerate() {
            self.note("C", session, &write);
            let speaker = self.session(session)?;
            speaker.pending.extend_from_slice(&write);
            if index < waits {
                speaker.flush().await?;
                let response = speaker.hear().await?;
                self.note("S", session, &response);
                ensure!(
                    response.starts_with(b"+"),
                    "expected a continuation request (`+ …`) for the literal"
                );
            }
        }
        let speaker = self.session(session)?;
        speaker.pending.extend_from_slice(end);
        if !more {
            speaker.flush().await?;
        }
        Ok(())
    }

    async fn hear(&mut self, session: &str, expected: &Text) -> anyhow::Result<()> {
        let response = self.next(session).await?;
        ensure!(
            expected.matches(&response, &mut self.variables)?,
            "something else was said"
        );
        Ok(())
    }

    async fn hear_until(&mut self, session: &str, expected: &Text) -> anyhow::Result<()> {
        loop {
            let response = self.next(session).await?;
            if expected.matches(&response, &mut self.variables)? {
                return Ok(());
            }
        }
    }

    /// Each of the group once, in any order.
    async fn hear_all(&mut self, session: &str, mut group: Vec<&Text>) -> anyhow::Result<()> {
        while !group.is_empty() {
            let response = self.next(session).await?;
            let mut found = None;
            for (index, expected) in group.iter().enumerate() {
                if expected.matches(&response, &mut self.variables)? {
                    found = Some(index);
                    break;
                }
            }
            let found = found.with_context(|| format!("not among the {} that are still to come", group.len()))?;
            group.remove(found);
        }
        Ok(())
    }

    async fn next(&mut self, session: &str) -> anyhow::Result<Vec<u8>> {
        let response = self.session(session)?.hear().await?;
        self.note("S", session, &response);
        Ok(response)
    }

    fn note(&mut self, who: &str, session: &str, bytes: &[u8]) {
        let mut text: String = printable(bytes);
        let shown = if who == "C" { SHOWN_SAID } else { SHOWN_HEARD };
        if let Some((at, _)) = text.char_indices().nth(shown) {
            text.truncate(at);
            text.push('…');
        }
        let session = match session {
            "" => String::new(),
            session => format!("[{session}]"),
        };
        self.dialog
            .push(format!("{who}{session}: {}", text.replace("\r\n", "\n    | ")));
    }

    /// At the end nobody may have been told what the transcript does not say.
    fn nothing_left(&mut self) -> anyhow::Result<()> {
        for (session, speaker) in &mut self.sessions {
            let unread = printable(speaker.client.unread());
            ensure!(
                unread.is_empty(),
                "at the end [{session}] has been told more: {unread:?}"
            );
        }
        Ok(())
    }

    fn explain(&self, name: &str, number: usize, error: anyhow::Error) -> anyhow::Error {
        let from = self.dialog.len().saturating_sub(SHOWN);
        let dialog = self.dialog[from..].join("\n    ");
        anyhow!("tests/transcripts/{name}:{number}: {error:#}\n    {dialog}")
    }
}

impl Session {
    async fn flush(&mut self) -> anyhow::Result<()> {
        let pending = std::mem::take(&mut self.pending);
        self.client.send(pending).await
    }

    async fn hear(&mut self) -> anyhow::Result<Vec<u8>> {
        match self.literals {
            true => self.client.response().await,
            false => self.client.line().await,
        }
    }
}
