//! Reading a transcript file into its steps.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use super::pattern::{Body, Text};

/// A transcript file.
pub(super) struct Script {
    /// Its path below `tests/transcripts`, for messages.
    pub(super) name: String,
    /// `CONFIG` lines: settings in TOML.
    pub(super) settings: String,
    /// Where `@file` is.
    pub(super) messages: PathBuf,
    /// The rest, with line numbers.
    pub(super) steps: Vec<(usize, Step)>,
}

/// One line of a transcript. The first string is the session.
#[derive(Debug)]
pub(super) enum Step {
    /// `C:` a line that the client sends, with the CRLF.
    Client(String, Text),
    /// `R:` raw bytes that the client sends.
    Raw(String, Text),
    /// `S:` the next response.
    Server(String, Text),
    /// `U:` one of a group of responses that come in any order.
    Unordered(String, Text),
    /// `S: ...` responses up to the one that the next `S:` names.
    Skip(String),
    /// `CONNECT` without reading the greeting.
    Connect(String, String),
    /// `IMAP`, `SMTP` and so on: a connection past its greeting, perhaps logged in, perhaps with a mailbox selected.
    Open {
        session: String,
        service: String,
        account: Option<String>,
        mailbox: Option<String>,
    },
    /// `TLS`: the handshake after STARTTLS.
    Tls(String),
    /// `DEFLATE`: compressed from here on, after COMPRESS.
    Deflate(String),
    /// `PLAIN`: no more, after UNAUTHENTICATE.
    Plain(String),
    /// `CLOSE` or, with true, `RESET`: the client is gone without a goodbye.
    Vanish(String, bool),
    /// `END`: the server closes the connection and says nothing more.
    End(String),
    /// `MAILBOX account name`.
    Mailbox(String, String),
    /// `APPEND account mailbox file [(flags)] ["date"]`: account, mailbox, what comes before the literal, message.
    Append(String, String, String, Vec<u8>),
    /// `DELIVER account file`: by SMTP.
    Deliver(String, Vec<u8>),
    /// `ALIAS address account…`.
    Alias(String, Vec<String>),
    /// May set the quotas of all.
    Administrator(String),
    /// `RESTART`: the server is stopped in order and started again on the same data.
    Restart,
}

/// Reads a file. The error names its line.
pub(super) fn read(file: &Path, messages: &Path) -> anyhow::Result<Script> {
    let name = file
        .components()
        .rev()
        .take(2)
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .reduce(|name, folder| format!("{folder}/{name}"))
        .unwrap_or_default();
    let text = std::fs::read_to_string(file).with_context(|| name.clone())?;
    let mut script = Script {
        name,
        settings: String::new(),
        messages: messages.to_owned(),
        steps: Vec::new(),
    };
    let mut lines = Lines {
        lines: text.lines().collect(),
        next: 0,
    };
    while let Some(line) = lines.take() {
        let number = lines.next;
        script
            .line(line, &mut lines)
            .with_context(|| format!("{}:{number}: {line}", script.name))?;
    }
    ensure!(!script.steps.is_empty(), "{}: nothing happens in it", script.name);
    Ok(script)
}

struct Lines<'a> {
    lines: Vec<&'a str>,
    next: usize,
}

impl<'a> Lines<'a> {
    fn take(&mut self) -> Option<&'a str> {
        let line = self.lines.get(self.next)?;
        self.next += 1;
        Some(line)
    }

    /// The `|` lines that follow, with CRLF.
    fn body(&mut self) -> String {
        let mut body = String::new();
        while let Some(line) = self.lines.get(self.next).and_then(|line| line.strip_prefix('|')) {
            body.push_str(line.strip_prefix(' ').unwrap_or(line));
            body.push_str("\r\n");
            self.next += 1;
        }
        body
    }
}

impl Script {
    fn line(&mut self, line: &str, lines: &mut Lines<'_>) -> anyhow::Result<()> {
        let number = lines.next;
        if line.trim().is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if let Some(setting) = line.strip_prefix("CONFIG ") {
            ensure!(self.steps.is_empty(), "CONFIG comes before everything else");
            self.settings.push_str(setting);
            self.settings.push('\n');
            return Ok(());
        }
        let step = match said(line) {
            Some((who, session, text)) => self.said(who, session, text, lines)?,
            None => self.directive(line)?,
        };
        self.steps.push((number, step));
        Ok(())
    }

    fn said(&self, who: char, session: &str, text: &str, lines: &mut Lines<'_>) -> anyhow::Result<Step> {
        let session = session.to_owned();
        if who == 'S' && text == "..." {
            return Ok(Step::Skip(session));
        }
        let text = Text::parse(text, &mut |content| match content.strip_prefix('@') {
            Some(file) => Ok(Body::File(message(&self.messages, file)?)),
            None => Ok(Body::Lines(lines.body())),
        })?;
        Ok(match who {
            'C' => Step::Client(session, text),
            'R' => Step::Raw(session, text),
            'U' => Step::Unordered(session, text),
            _ => Step::Server(session, text),
        })
    }

    fn directive(&self, line: &str) -> anyhow::Result<Step> {
        let (word, arguments) = line.split_once(' ').unwrap_or((line, ""));
        let (word, session) = match word.strip_suffix(']').and_then(|word| word.split_once('[')) {
            Some((word, session)) => (word, session.to_owned()),
            None => (word, String::new()),
        };
        let words = words(arguments)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Ok(match (word, words.as_slice()) {
            ("CONNECT", [service]) => Step::Connect(session, (*service).to_owned()),
            ("IMAP" | "IMAPS" | "SMTP" | "SUBMISSION" | "SUBMISSIONS" | "MANAGESIEVE", rest) if rest.len() <= 2 => {
                Step::Open {
                    session,
                    service: word.to_lowercase(),
                    account: rest.first().map(|&account| account.to_owned()),
                    mailbox: rest.get(1).map(|&mailbox| mailbox.to_owned()),
                }
            }
            ("TLS", []) => Step::Tls(session),
            ("DEFLATE", []) => Step::Deflate(session),
            ("PLAIN", []) => Step::Plain(session),
            ("CLOSE", []) => Step::Vanish(session, false),
            ("RESET", []) => Step::Vanish(session, true),
            ("END", []) => Step::End(session),
            ("MAILBOX", [account, name]) => Step::Mailbox((*account).to_owned(), (*name).to_owned()),
            ("APPEND", [account, mailbox, file, rest @ ..]) => {
                let before = rest.iter().map(|word| match word.starts_with('(') {
                    true => format!("{word} "),
                    false => format!("\"{word}\" "),
                });
                let message = message(&self.messages, file)?;
                Step::Append((*account).to_owned(), (*mailbox).to_owned(), before.collect(), message)
            }
            ("DELIVER", [account, file]) => Step::Deliver((*account).to_owned(), message(&self.messages, file)?),
            ("ALIAS", [address, targets @ ..]) => Step::Alias(
                (*address).to_owned(),
                targets.iter().map(|&target| target.to_owned()).collect(),
            ),
            ("ADMIN", [account]) => Step::Administrator((*account).to_owned()),
            ("RESTART", []) => Step::Restart,
            _ => bail!("neither said by anybody nor a directive"),
        })
    }
}

/// `C[alice]: text`, `C: text` or `C1: text`: who, session, text.
fn said(line: &str) -> Option<(char, &str, &str)> {
    let who = line.chars().next().filter(|who| "CRSU".contains(*who))?;
    let (session, text) = line[1..].split_once(':')?;
    let session = match session.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        None if session.bytes().all(|byte| byte.is_ascii_digit()) => session,
        None => return None,
    };
    Some((who, session, text.strip_prefix(' ').unwrap_or(text)))
}

/// Words, of which one may be in quotes or parentheses (these stay).
fn words(text: &str) -> anyhow::Result<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (word, after) = if let Some(quoted) = rest.strip_prefix('"') {
            let (word, after) = quoted.split_once('"').context("a quote without its twin")?;
            (word.to_owned(), after)
        } else if rest.starts_with('(') {
            let end = rest.find(')').context("( without )")? + 1;
            (rest[..end].to_owned(), &rest[end..])
        } else {
            let end = rest.find(' ').unwrap_or(rest.len());
            (rest[..end].to_owned(), &rest[end..])
        };
        words.push(word);
        rest = after.trim_start();
    }
    Ok(words)
}

/// A message file, with CRLF line ends.
fn message(folder: &Path, file: &str) -> anyhow::Result<Vec<u8>> {
    let path = folder.join(file);
    let bytes = std::fs::read(&path).with_context(|| format!("messages/{file}"))?;
    let mut message = Vec::with_capacity(bytes.len() + bytes.len() / 20);
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(line) if !line.ends_with(b"\r") => message.extend([line, b"\r\n"].concat()),
            _ => message.extend_from_slice(line),
        }
    }
    Ok(message)
}
