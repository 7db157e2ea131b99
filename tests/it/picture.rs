//! Several sessions change one mailbox at the same time, in random order, and each keeps the picture that a client keeps: how
//! many messages there are, which is which, and their flags, from nothing but what it is told (RFC 3501 §5.2, §7.4.1).
//! No number may ever mean another message than the client thinks, and in the end all pictures are the same.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};

use crate::client::{Imap, message};
use crate::server::TestServer;

/// Sessions at the same time.
const SESSIONS: u64 = 5;
/// Commands of each.
const STEPS: usize = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_client_is_told_the_truth() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    let mut running = Vec::new();
    for number in 0..SESSIONS {
        let picture = Picture::new(server.select("alice", "INBOX").await?, number % 2 == 0).await?;
        running.push(tokio::spawn(run(picture, Dice(0x9e37_79b9 + number))));
    }
    let mut pictures = Vec::new();
    for session in running {
        pictures.push(session.await??);
    }
    let fresh = Picture::new(server.select("alice", "INBOX").await?, false).await?;
    for (number, picture) in pictures.iter_mut().enumerate() {
        picture.run("NOOP").await?;
        let untold = picture
            .messages
            .iter()
            .flatten()
            .find(|uid| !fresh.flags.contains_key(uid));
        ensure!(untold.is_none(), "session {number}: {untold:?} is gone");
        for uid in picture.messages.iter().flatten() {
            let (told, truth) = (picture.flags.get(uid), fresh.flags.get(uid));
            ensure!(
                told.is_none() || told == truth,
                "session {number}: {uid} is {truth:?}, told {told:?}"
            );
        }
        picture.run("FETCH 1:* (UID)").await?;
        ensure!(
            picture.messages == fresh.messages,
            "session {number} sees other messages"
        );
    }
    Ok(())
}

async fn run(mut picture: Picture, mut dice: Dice) -> anyhow::Result<Picture> {
    for _ in 0..STEPS {
        let command = picture.next(&mut dice);
        picture
            .run(&command)
            .await
            .with_context(|| picture.imap_log(&command))?;
    }
    Ok(picture)
}

/// What a client knows of its selected mailbox.
struct Picture {
    imap: Imap,
    /// The UID of each message, in order, as far as it was told.
    messages: Vec<Option<u32>>,
    /// The flags last told, without \Recent.
    flags: BTreeMap<u32, Vec<String>>,
}

impl Picture {
    async fn new(mut imap: Imap, condstore: bool) -> anyhow::Result<Picture> {
        if condstore {
            imap.ok("ENABLE CONDSTORE").await?;
        }
        let mut picture = Picture {
            imap,
            messages: Vec::new(),
            flags: BTreeMap::new(),
        };
        // SELECT again, for what it tells.
        picture.run("SELECT INBOX").await?;
        if !picture.messages.is_empty() {
            picture.run("FETCH 1:* (UID FLAGS)").await?;
        }
        Ok(picture)
    }

    /// Some command that makes sense with what is known.
    fn next(&self, dice: &mut Dice) -> String {
        let count = self.messages.len();
        let known: Vec<u32> = self.messages.iter().copied().flatten().collect();
        if count < 4 {
            return "APPEND".to_owned();
        }
        if known.is_empty() {
            return "FETCH 1:* (UID FLAGS)".to_owned();
        }
        let number = dice.below(count) + 1;
        let range = format!("{number}:{}", dice.below(count) + 1);
        let uid = known[dice.below(known.len())];
        let flag = ["\\Deleted", "\\Deleted", "\\Seen", "\\Flagged", "$Label1"][dice.below(5)];
        let sign = ["+", "-"][dice.below(2)];
        match dice.below(12) {
            0 => "APPEND".to_owned(),
            1 => "NOOP".to_owned(),
            2 => "IDLE".to_owned(),
            3 => "EXPUNGE".to_owned(),
            4 => format!("UID EXPUNGE {uid}"),
            5 => format!("STORE {range} {sign}FLAGS ({flag})"),
            6 => format!("UID STORE {uid} {sign}FLAGS ({flag})"),
            7 => format!("FETCH {range} (UID FLAGS)"),
            8 => format!("UID FETCH {uid}:* (FLAGS)"),
            9 => format!("COPY {number} INBOX"),
            10 => format!("UID MOVE {uid} Trash"),
            _ => format!("SEARCH {range} UNSEEN"),
        }
    }

    async fn run(&mut self, command: &str) -> anyhow::Result<()> {
        let (untagged, answer) = match command {
            "APPEND" => {
                let text = message("picture");
                let tag = self
                    .imap
                    .send(&format!("APPEND INBOX {{{}+}}\r\n{text}", text.len()))
                    .await?;
                self.imap.answer(&tag).await?
            }
            "IDLE" => {
                let tag = self.imap.send("IDLE").await?;
                self.imap.client.send("DONE\r\n").await?;
                self.imap.answer(&tag).await?
            }
            command => self.imap.command(command).await?,
        };
        ensure!(answer.starts_with("OK"), "{answer}");
        // Numbers are under way with these (RFC 3501 §7.4.1).
        let counts = ["FETCH", "STORE", "SEARCH"]
            .iter()
            .any(|name| command.starts_with(name));
        for response in &untagged {
            ensure!(!(counts && response.ends_with(" EXPUNGE")), "{response}");
            self.take(response).with_context(|| response.clone())?;
        }
        Ok(())
    }

    /// Does what a client does with an untagged response.
    fn take(&mut self, response: &str) -> anyhow::Result<()> {
        let mut words = response.splitn(4, ' ').skip(1);
        let (Some(number), kind, rest) = (
            words.next().and_then(|word| word.parse::<usize>().ok()),
            words.next(),
            words.next(),
        ) else {
            return Ok(());
        };
        match kind {
            Some("EXISTS") => {
                ensure!(number >= self.messages.len(), "EXISTS takes messages away");
                self.messages.resize(number, None);
            }
            Some("EXPUNGE") => {
                ensure!((1..=self.messages.len()).contains(&number), "there is no such message");
                self.messages.remove(number - 1);
            }
            Some("FETCH") => {
                let rest = rest.context("an empty FETCH")?;
                let message = self.messages.get_mut(number - 1).context("there is no such message")?;
                if let Some(uid) = value(rest, "UID ", &[' ', ')']) {
                    let uid = uid.parse()?;
                    ensure!(message.is_none_or(|known| known == uid), "this was {message:?}");
                    *message = Some(uid);
                }
                if let (Some(uid), Some(flags)) = (*message, value(rest, "FLAGS (", &[')'])) {
                    let flags = flags.split_whitespace().filter(|flag| *flag != "\\Recent");
                    self.flags.insert(uid, flags.map(str::to_owned).collect());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn imap_log(&self, command: &str) -> String {
        format!("{command}, knowing {:?}", self.messages)
    }
}

/// What follows `name` in a response, up to one of `ends`.
pub(crate) fn value<'a>(response: &'a str, name: &str, ends: &[char]) -> Option<&'a str> {
    let (_, value) = response.split_once(name)?;
    value.split(ends).next()
}

/// Numbers that are the same in every run (splitmix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// One below the bound.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}
