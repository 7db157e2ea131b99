//! A client that loses its connection at any moment and comes back by QRESYNC has the truth, whatever others did before and
//! after, and whatever it was told by halves (RFC 7162 §3.2 and §6).

use std::collections::BTreeMap;

use anyhow::{Context, ensure};

use crate::client::{Imap, message};
use crate::picture::{Dice, value};
use crate::server::TestServer;

/// How often the client comes back.
const VISITS: usize = 60;
/// Commands of a visit, the client's and those of another one.
const STEPS: usize = 12;

#[tokio::test]
async fn a_client_that_comes_back_has_the_truth() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    let mut other = server.select("alice", "INBOX").await?;
    for number in 0..12 {
        other
            .append("INBOX", "", message(&number.to_string()).as_bytes())
            .await?;
    }
    let mut dice = Dice(20_140_501);
    let mut cache = Cache::default();
    for visit in 0..VISITS {
        let mut imap = server.imap("alice").await?;
        imap.ok("ENABLE QRESYNC").await?;
        cache.open(&mut imap, &mut dice).await?;
        let truth = truth(&mut server.select("alice", "INBOX").await?).await?;
        ensure!(
            cache.flags == truth,
            "visit {visit}: {:?} is not {truth:?}",
            cache.flags
        );
        for _ in 0..STEPS {
            if dice.below(2) == 0 {
                disturb(&mut other, &mut dice).await?;
            } else if let Some(command) = cache.command(&mut dice) {
                cache.run(&mut imap, &command).await.with_context(|| command.clone())?;
            }
        }
        imap.client.vanish(dice.below(2) == 0)?;
    }
    Ok(())
}

/// The UIDs that there are, and their flags.
async fn truth(imap: &mut Imap) -> anyhow::Result<BTreeMap<u32, Vec<String>>> {
    let responses = imap.ok("UID FETCH 1:* (FLAGS)").await?;
    Ok(responses.iter().filter_map(|response| fetched(response)).collect())
}

/// Another client does something. What it names may be gone.
async fn disturb(other: &mut Imap, dice: &mut Dice) -> anyhow::Result<()> {
    let uids: Vec<u32> = truth(other).await?.into_keys().collect();
    if uids.len() < 6 {
        other.append("INBOX", "", message("one more").as_bytes()).await?;
        return Ok(());
    }
    let uid = uids[dice.below(uids.len())];
    match dice.below(6) {
        0 => {
            other.append("INBOX", "(\\Flagged)", message("new").as_bytes()).await?;
        }
        1 => {
            other.ok(&format!("UID MOVE {uid} Trash")).await?;
        }
        2 | 3 => {
            other.ok(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)")).await?;
            other.ok(&format!("UID EXPUNGE {uid}")).await?;
        }
        _ => {
            let flag = ["\\Seen", "\\Flagged", "$Label1"][dice.below(3)];
            let sign = ["+", "-"][dice.below(2)];
            other
                .ok(&format!("UID STORE {uid} {sign}FLAGS.SILENT ({flag})"))
                .await?;
        }
    }
    Ok(())
}

/// What the client keeps from one visit to the next.
#[derive(Default)]
struct Cache {
    uid_validity: u64,
    mod_seq: u64,
    flags: BTreeMap<u32, Vec<String>>,
    /// How many messages there are, as this visit was told.
    exists: usize,
    /// Up to here it has all messages. Of what came later it may have some only.
    complete: u32,
}

impl Cache {
    /// Opens the mailbox with what is known of it, in one of the ways that there are to say that.
    async fn open(&mut self, imap: &mut Imap, dice: &mut Dice) -> anyhow::Result<()> {
        let uids: Vec<String> = self
            .flags
            .range(..=self.complete)
            .map(|(uid, _)| uid.to_string())
            .collect();
        let way = if self.mod_seq == 0 || uids.is_empty() {
            0
        } else {
            dice.below(4)
        };
        let pairs = |step: usize| {
            let known = uids.iter().enumerate().skip(step - 1).step_by(step);
            let (numbers, uids): (Vec<_>, Vec<_>) = known.map(|(at, uid)| ((at + 1).to_string(), uid.clone())).unzip();
            format!(" ({} {})", numbers.join(","), uids.join(","))
        };
        let known = match way {
            0 => String::new(),
            1 => format!(" 1:{}", self.complete),
            2 => pairs(1),
            _ => pairs(uids.len().min(3)),
        };
        let (uid_validity, mod_seq) = (self.uid_validity.max(1), self.mod_seq);
        // Sometimes from before all that is remembered: then all that could be gone is told.
        let mod_seq = if dice.below(5) == 0 { 0 } else { mod_seq };
        self.exists = 0;
        self.run(
            imap,
            &format!("SELECT INBOX (QRESYNC ({uid_validity} {mod_seq}{known}))"),
        )
        .await?;
        // An arrival is told by EXISTS alone, so whoever has heard of later changes asks for what is new (RFC 4549 §4.3.1). What
        // came lately and was not named may have gone again.
        if way == 1 {
            self.flags.split_off(&(self.complete + 1));
        }
        self.run(imap, &format!("UID FETCH {}:* (FLAGS)", self.complete + 1))
            .await?;
        self.complete = self.flags.keys().last().copied().unwrap_or(0);
        Ok(())
    }

    /// Some command that makes sense.
    fn command(&self, dice: &mut Dice) -> Option<String> {
        let uids: Vec<&u32> = self.flags.keys().collect();
        if self.exists == 0 || uids.is_empty() {
            return None;
        }
        let number = dice.below(self.exists) + 1;
        let uid = uids[dice.below(uids.len())];
        Some(match dice.below(9) {
            0 => "NOOP".to_owned(),
            1 => format!("FETCH {number}:* (UID FLAGS MODSEQ)"),
            2 => format!("UID FETCH {uid}:* (FLAGS MODSEQ)"),
            3 | 4 => format!("STORE {number} +FLAGS (\\Answered)"),
            5 => format!("STORE {number} -FLAGS.SILENT (\\Answered)"),
            6 => format!("UID STORE {uid} +FLAGS (\\Deleted)"),
            7 => "EXPUNGE".to_owned(),
            _ => format!("UID FETCH 1:* (FLAGS) (CHANGEDSINCE {} VANISHED)", self.mod_seq.max(1)),
        })
    }

    /// Takes in what a command is answered with, and where the client then is in the history (RFC 7162 §6).
    async fn run(&mut self, imap: &mut Imap, command: &str) -> anyhow::Result<()> {
        let (untagged, answer) = imap.command(command).await?;
        ensure!(answer.starts_with("OK"), "{answer}");
        let silent = command.contains("SILENT");
        let (mut said, mut seen) = (None, 0);
        for response in untagged.iter().chain([&answer]) {
            said = value(response, "[HIGHESTMODSEQ ", &[']']).or(said);
            seen = value(response, "MODSEQ (", &[')'])
                .map_or(Ok(seen), str::parse)?
                .max(seen);
            if let Some(uid_validity) = value(response, "[UIDVALIDITY ", &[']']) {
                self.uid_validity = uid_validity.parse()?;
            }
            if let Some(exists) = response.strip_suffix(" EXISTS") {
                self.exists = exists.trim_start_matches("* ").parse()?;
            }
            if let Some(uids) = response.strip_prefix("* VANISHED (EARLIER) ") {
                numbers(uids)?.iter().for_each(|uid| drop(self.flags.remove(uid)));
            } else if let Some(uids) = response.strip_prefix("* VANISHED ") {
                let uids = numbers(uids)?;
                self.exists = self
                    .exists
                    .checked_sub(uids.len())
                    .context("more gone than there were")?;
                uids.iter().for_each(|uid| drop(self.flags.remove(uid)));
            }
            if let Some((uid, flags)) = fetched(response) {
                self.flags.insert(uid, flags);
            } else if silent
                && response.contains(" FETCH ")
                && let Some(uid) = value(response, "UID ", &[' ', ')'])
                && let Some(flags) = self.flags.get_mut(&uid.parse()?)
            {
                flags.retain(|flag| flag != "\\Answered");
            }
        }
        self.mod_seq = match said {
            Some(said) => said.parse()?,
            None => self.mod_seq.max(seen),
        };
        Ok(())
    }
}

/// The UID and the flags, without \Recent, of a FETCH response that tells both.
fn fetched(response: &str) -> Option<(u32, Vec<String>)> {
    let uid = value(response, "UID ", &[' ', ')'])?.parse().ok()?;
    let flags = value(response, "FLAGS (", &[')'])?.split_whitespace();
    Some((
        uid,
        flags.filter(|flag| *flag != "\\Recent").map(str::to_owned).collect(),
    ))
}

/// The numbers of a set.
fn numbers(set: &str) -> anyhow::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for range in set.split(',') {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        numbers.extend(first.parse::<u32>()?..=last.parse()?);
    }
    Ok(numbers)
}
