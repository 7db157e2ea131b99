//! Several sessions change one mailbox at the same time, in random order, and each keeps the picture that a client keeps: how
//! many messages there are, which is which, and their flags, from nothing but what it is told (RFC 3501 §5.2, §7.4.1).
//! No number may ever mean another message than the client thinks, and in the end all pictures are the same.
//!
//! They are clients of every kind: with CONDSTORE, with QRESYNC, which leaves and comes back with what it knows (RFC 7162
//! §3.2.5), with IMAP4rev2, without numbers (RFC 9586), and with NOTIFY (RFC 5465).

use std::collections::{BTreeMap, VecDeque};

use anyhow::{Context, ensure};

use crate::client::{Imap, message};
use crate::server::TestServer;

/// Sessions at the same time.
const SESSIONS: [Kind; 8] = [
    Kind::Plain,
    Kind::Plain,
    Kind::Condstore,
    Kind::Qresync,
    Kind::Qresync,
    Kind::Rev2,
    Kind::UidOnly,
    Kind::Notify,
];
/// Commands of each.
const STEPS: usize = 150;

/// What a client asks for before it begins.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Plain,
    Condstore,
    Qresync,
    Rev2,
    UidOnly,
    Notify,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_client_is_told_the_truth() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    let mut running = Vec::new();
    for (number, kind) in SESSIONS.into_iter().enumerate() {
        let picture = Picture::new(server.imap("alice").await?, kind).await?;
        running.push(tokio::spawn(run(picture, Dice(0x9e37_79b9 + number as u64))));
    }
    let mut pictures = Vec::new();
    for session in running {
        pictures.push(session.await??);
    }
    let fresh = Picture::new(server.imap("alice").await?, Kind::Plain).await?;
    for picture in &mut pictures {
        let kind = picture.kind;
        picture.run("NOOP").await?;
        let untold = picture
            .messages
            .iter()
            .flatten()
            .find(|uid| !fresh.flags.contains_key(uid));
        ensure!(untold.is_none(), "{kind:?}: {untold:?} is gone");
        for uid in picture.messages.iter().flatten() {
            let (told, truth) = (picture.flags.get(uid), fresh.flags.get(uid));
            ensure!(
                told.is_none() || told == truth,
                "{kind:?}: {uid} is {truth:?}, told {told:?}"
            );
        }
        picture.run(kind.all()).await?;
        ensure!(picture.messages == fresh.messages, "{kind:?} sees other messages");
    }
    Ok(())
}

async fn run(mut picture: Picture, mut dice: Dice) -> anyhow::Result<Picture> {
    for _ in 0..STEPS {
        let command = picture.next(&mut dice);
        picture.run(&command).await.with_context(|| picture.log(&command))?;
    }
    Ok(picture)
}

impl Kind {
    /// The command that asks for all messages.
    fn all(self) -> &'static str {
        match self {
            Kind::UidOnly => "UID FETCH 1:* (FLAGS)",
            _ => "FETCH 1:* (UID FLAGS)",
        }
    }
}

/// What a client knows of its selected mailbox.
struct Picture {
    kind: Kind,
    imap: Imap,
    /// The UID of each message, in order, as far as it was told.
    messages: Vec<Option<u32>>,
    /// The flags last told, without \Recent.
    flags: BTreeMap<u32, Vec<String>>,
    uid_validity: u32,
    /// The highest MODSEQ told.
    mod_seq: u64,
    /// What was said lately.
    dialog: VecDeque<String>,
}

impl Picture {
    async fn new(mut imap: Imap, kind: Kind) -> anyhow::Result<Picture> {
        let asked = match kind {
            Kind::Plain => "NOOP",
            Kind::Condstore => "ENABLE CONDSTORE",
            Kind::Qresync => "ENABLE QRESYNC",
            Kind::Rev2 => "ENABLE IMAP4rev2",
            Kind::UidOnly => "ENABLE UIDONLY",
            Kind::Notify => {
                "NOTIFY SET (SELECTED-DELAYED (MessageNew (UID FLAGS) MessageExpunge FlagChange)) \
                 (PERSONAL (MessageNew MessageExpunge))"
            }
        };
        imap.ok(asked).await?;
        let mut picture = Picture {
            kind,
            imap,
            messages: Vec::new(),
            flags: BTreeMap::new(),
            uid_validity: 0,
            mod_seq: 0,
            dialog: VecDeque::new(),
        };
        picture.run("SELECT INBOX").await?;
        if !picture.messages.is_empty() {
            picture.run(kind.all()).await?;
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
            return self.kind.all().to_owned();
        }
        let number = dice.below(count) + 1;
        let range = format!("{number}:{}", dice.below(count) + 1);
        let uid = known[dice.below(known.len())];
        let flag = ["\\Deleted", "\\Deleted", "\\Seen", "\\Flagged", "$Label1"][dice.below(5)];
        let sign = ["+", "-"][dice.below(2)];
        let by_uid = dice.below(2) == 0 || self.kind == Kind::UidOnly;
        let (prefix, one, some) = match by_uid {
            true => ("UID ", uid.to_string(), format!("{uid}:*")),
            false => ("", number.to_string(), range.clone()),
        };
        match dice.below(14) {
            0 => "APPEND".to_owned(),
            1 => "NOOP".to_owned(),
            2 => "IDLE".to_owned(),
            3 => "EXPUNGE".to_owned(),
            4 => format!("UID EXPUNGE {uid}"),
            5 => format!("{prefix}STORE {some} {sign}FLAGS ({flag})"),
            6 => format!("{prefix}STORE {one} {sign}FLAGS ({flag})"),
            7 => format!("{prefix}FETCH {some} (UID FLAGS)"),
            8 => format!("{prefix}COPY {one} INBOX"),
            9 => format!("{prefix}MOVE {one} Trash"),
            10 => format!("{prefix}MOVE {one} INBOX"),
            11 => format!("{prefix}REPLACE {one} INBOX"),
            12 if self.kind == Kind::Qresync => "RESYNC".to_owned(),
            12 if self.kind == Kind::Condstore => {
                let since = self.mod_seq.saturating_sub(dice.below(20) as u64);
                format!("{prefix}STORE {some} (UNCHANGEDSINCE {since}) {sign}FLAGS ({flag})")
            }
            _ if by_uid => format!("UID SEARCH UID {some} UNSEEN"),
            _ => format!("SEARCH {some} UNSEEN"),
        }
    }

    async fn run(&mut self, command: &str) -> anyhow::Result<()> {
        if command == "RESYNC" {
            return self.resync().await;
        }
        let (untagged, answer) = self.say(command).await?;
        // Another was faster: there is nothing to be replaced.
        let gone = command.contains("REPLACE") && answer.starts_with("NO ");
        ensure!(answer.starts_with("OK") || gone, "{answer}");
        // Numbers are under way with these (RFC 3501 §7.4.1).
        let counts = ["FETCH", "STORE", "SEARCH"]
            .iter()
            .any(|name| command.starts_with(name));
        for response in &untagged {
            let expunge = response.ends_with(" EXPUNGE") || response.starts_with("* VANISHED");
            ensure!(!(counts && expunge), "{response}");
            self.take(response).with_context(|| response.clone())?;
        }
        self.take_code(&answer)
    }

    async fn say(&mut self, command: &str) -> anyhow::Result<(Vec<String>, String)> {
        let text = message("picture");
        let tag = match command {
            "IDLE" => {
                let tag = self.imap.send("IDLE").await?;
                self.imap.client.send("DONE\r\n").await?;
                tag
            }
            "APPEND" => {
                let command = format!("APPEND INBOX {{{}+}}\r\n{text}", text.len());
                self.imap.send(&command).await?
            }
            _ if command.contains("REPLACE") => {
                let command = format!("{command} {{{}+}}\r\n{text}", text.len());
                self.imap.send(&command).await?
            }
            _ => self.imap.send(command).await?,
        };
        let (untagged, answer) = self.imap.answer(&tag).await?;
        if self.dialog.len() == 10 {
            self.dialog.pop_front();
        }
        self.dialog
            .push_back(format!("{command}\n{}\n{answer}", untagged.join("\n")));
        Ok((untagged, answer))
    }

    /// Leaves the mailbox and comes back with what is known (RFC 7162 §3.2.5).
    async fn resync(&mut self) -> anyhow::Result<()> {
        // Whatever is still unknown after this is behind all that is known.
        for command in [self.kind.all(), "NOOP", "UNSELECT"] {
            Box::pin(self.run(command)).await?;
        }
        let command = format!("SELECT INBOX (QRESYNC ({} {}))", self.uid_validity, self.mod_seq);
        let (untagged, answer) = self.say(&command).await?;
        ensure!(answer.starts_with("OK"), "{answer}");
        // What it says of the time before comes first; what has happened since then, as always.
        let mut responses = untagged.iter().peekable();
        let mut exists = None;
        while let Some(response) = responses.next_if(|response| exists.is_none() || response.starts_with("* OK ")) {
            match value(response, "* ", &[' ']).and_then(|number| number.parse().ok()) {
                Some(number) if response.ends_with(" EXISTS") => exists = Some(number),
                _ => self.take(response)?,
            }
            responses.next_if(|response| response.ends_with(" RECENT"));
        }
        let exists: usize = exists.context("no EXISTS")?;
        self.messages.retain(Option::is_some);
        if let Some(set) = responses
            .next_if(|response| response.starts_with("* VANISHED (EARLIER) "))
            .and_then(|response| response.rsplit(' ').next())
        {
            let set = uids(set)?;
            self.messages.retain(|uid| uid.is_none_or(|uid| !set.contains(&uid)));
        }
        ensure!(exists >= self.messages.len(), "{exists} messages");
        self.messages.resize(exists, None);
        for response in responses {
            self.take(response).with_context(|| response.clone())?;
        }
        Ok(())
    }

    /// Does what a client does with an untagged response.
    fn take(&mut self, response: &str) -> anyhow::Result<()> {
        if let Some(set) = response.strip_prefix("* VANISHED ") {
            for uid in uids(set)? {
                let place = self.place(uid).context("it was not there")?;
                self.messages.remove(place);
            }
            return Ok(());
        }
        let mut words = response.splitn(4, ' ').skip(1);
        let (Some(number), kind, rest) = (
            words.next().and_then(|word| word.parse::<usize>().ok()),
            words.next(),
            words.next(),
        ) else {
            return self.take_code(response.trim_start_matches("* "));
        };
        match kind {
            Some("EXISTS") => {
                ensure!(number >= self.messages.len(), "EXISTS takes messages away");
                self.messages.resize(number, None);
            }
            Some("EXPUNGE") => {
                ensure!((1..=self.messages.len()).contains(&number), "there is no such message");
                ensure!(
                    !matches!(self.kind, Kind::Qresync | Kind::UidOnly),
                    "VANISHED was wanted"
                );
                self.messages.remove(number - 1);
            }
            Some("FETCH") => {
                ensure!(self.kind != Kind::UidOnly, "UIDFETCH was wanted");
                let rest = rest.context("an empty FETCH")?;
                let message = self.messages.get_mut(number - 1).context("there is no such message")?;
                if let Some(uid) = value(rest, "UID ", &[' ', ')']) {
                    let uid = uid.parse()?;
                    ensure!(message.is_none_or(|known| known == uid), "this was {message:?}");
                    *message = Some(uid);
                }
                if let Some(uid) = *message {
                    self.learn(uid, rest)?;
                }
            }
            Some("UIDFETCH") => {
                let uid = u32::try_from(number)?;
                let place = self.place(uid).context("there is no such message")?;
                self.messages[place] = Some(uid);
                // Where the unknown ones are is of no matter here.
                self.messages.sort_by_key(|message| message.unwrap_or(u32::MAX));
                self.learn(uid, rest.context("an empty UIDFETCH")?)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// What FETCH says of a message.
    fn learn(&mut self, uid: u32, items: &str) -> anyhow::Result<()> {
        if let Some(flags) = value(items, "FLAGS (", &[')']) {
            let flags = flags.split_whitespace().filter(|flag| *flag != "\\Recent");
            self.flags.insert(uid, flags.map(str::to_owned).collect());
        }
        if let Some(mod_seq) = value(items, "MODSEQ (", &[')']) {
            self.mod_seq = self.mod_seq.max(mod_seq.parse()?);
        }
        Ok(())
    }

    /// What a response code says.
    fn take_code(&mut self, response: &str) -> anyhow::Result<()> {
        if let Some(mod_seq) = value(response, "[HIGHESTMODSEQ ", &[']']) {
            self.mod_seq = self.mod_seq.max(mod_seq.parse()?);
        }
        if let Some(uid_validity) = value(response, "[UIDVALIDITY ", &[']']) {
            self.uid_validity = uid_validity.parse()?;
        }
        Ok(())
    }

    /// Where a message is, or where an unknown one may be: UIDs ascend.
    fn place(&self, uid: u32) -> Option<usize> {
        let known = self.messages.iter().position(|message| *message == Some(uid));
        known.or_else(|| {
            if self.kind == Kind::UidOnly {
                return self.messages.iter().position(Option::is_none);
            }
            let behind = self
                .messages
                .iter()
                .position(|message| message.is_some_and(|other| other > uid));
            let before = behind.unwrap_or(self.messages.len()).checked_sub(1)?;
            self.messages[before].is_none().then_some(before)
        })
    }

    fn log(&self, command: &str) -> String {
        let dialog: Vec<&str> = self.dialog.iter().map(String::as_str).collect();
        format!(
            "{:?}: {command}, knowing {:?}, after\n{}",
            self.kind,
            self.messages,
            dialog.join("\n")
        )
    }
}

/// The UIDs of a set.
fn uids(set: &str) -> anyhow::Result<Vec<u32>> {
    let mut uids = Vec::new();
    for range in set.split(',') {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        uids.extend(first.parse::<u32>()?..=last.parse()?);
    }
    Ok(uids)
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
