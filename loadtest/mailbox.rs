//! How fast a large mailbox is opened, listed, searched and read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Args;
use tokio::task::JoinSet;

use crate::imap::Imap;
use crate::memory::Memory;
use crate::message::Run;
use crate::progress;
use crate::response::Response;
use crate::stats::Latencies;
use crate::table::{Report, Table, Value};
use crate::target::Target;

/// Messages appended in one flight.
const FLIGHT: usize = 50;

/// Fills a mailbox, then times opening, listing, searching and reading it.
#[derive(Args)]
pub(crate) struct Mailbox {
    /// How many messages the mailbox holds
    #[arg(long, default_value_t = 10_000)]
    messages: usize,
    /// About how many octets each
    #[arg(long, default_value_t = 4096)]
    size: usize,
    /// Its name, if it exists already; what is missing is added, and it stays
    #[arg(long)]
    mailbox: Option<String>,
    /// Over how many connections it is filled
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// How often everything is timed
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// How many messages are read one by one
    #[arg(long, default_value_t = 500)]
    sample: usize,
    /// Do not delete the mailbox afterwards
    #[arg(long)]
    keep: bool,
}

/// What is timed after SELECT, in this order, and what must come.
const COMMANDS: [(&str, Answers); 13] = [
    ("FETCH 1:* (FLAGS)", Answers::All),
    ("UID FETCH 1:* (FLAGS RFC822.SIZE INTERNALDATE)", Answers::All),
    ("FETCH 1:* (ENVELOPE)", Answers::All),
    ("FETCH 1:* (BODYSTRUCTURE)", Answers::All),
    ("UID SEARCH UNSEEN", Answers::Half),
    ("UID SEARCH SUBJECT \"Message 1\"", Answers::Some),
    ("UID SEARCH HEADER X-Load-Id \".77\"", Answers::Some),
    ("UID SEARCH BODY \"order 77 is on\"", Answers::Some),
    ("UID SEARCH TEXT \"nobody wrote this\"", Answers::None),
    ("UID SORT (REVERSE DATE) UTF-8 ALL", Answers::All),
    ("UID SORT (SUBJECT) UTF-8 ALL", Answers::All),
    ("UID THREAD REFERENCES UTF-8 ALL", Answers::All),
    ("UID THREAD ORDEREDSUBJECT UTF-8 ALL", Answers::All),
];

/// How many messages change while a client is away that comes back with QRESYNC (RFC 7162 §3.2.5).
const CHANGES: usize = 100;

/// Everything that is known of a message without its text, for imap-proto to read.
const ALL_ITEMS: &str = "UID FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)";

/// How many messages an answer must name.
#[derive(Clone, Copy)]
enum Answers {
    All,
    /// Every second one was appended as seen.
    Half,
    /// At least one.
    Some,
    None,
}

impl Mailbox {
    pub(crate) async fn run(&self, target: &Arc<Target>) -> Result<Report> {
        let run = Arc::new(Run::new(self.size));
        let name = self.mailbox.clone().unwrap_or_else(|| format!("load-{}", run.name));
        let mut imap = Imap::login(target, target.account(0)).await?;
        if self.mailbox.is_none() {
            imap.command(&format!("CREATE \"{name}\""), |_| ()).await?;
        }
        let there = imap.status(&name).await?.0 as usize;
        ensure!(there <= self.messages, "{name} holds {there} messages already");
        let start = Instant::now();
        self.fill(target, &run, &name, there).await?;
        let filling = start.elapsed().as_secs_f64();
        let memory = target.pid.map(Memory::of).transpose()?;
        let mut timings = Timings::default();
        let bar = progress::bar("timing", self.runs as u64);
        for _ in 0..self.runs.max(1) {
            // A new connection each time, so that no server profits from what this session has asked before.
            let mut reader = Reader(Imap::login(target, target.account(0)).await?);
            self.time(target, &mut reader, &name, &mut timings).await?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        let mut reader = Reader(Imap::login(target, target.account(0)).await?);
        reader.0.open("EXAMINE", &name).await?;
        let strange = reader.strange().await?;

        let mut report = Report::new(format!(
            "mailbox: {} messages of {} octets at {}",
            self.messages, self.size, target.imap.address
        ));
        if self.messages > there {
            let added = self.messages - there;
            report.fact("appended", Value::Count(added as u64));
            report.fact("rate of APPEND", Value::PerSecond(added as f64 / filling));
        }
        if let Some((pid, memory)) = target.pid.zip(memory) {
            memory.tell(&mut report, "memory when filled");
            Memory::of(pid)?.tell(&mut report, "memory after reading");
        }
        report.fact("not read by imap-proto", Value::Count(strange as u64));
        report.losses = std::mem::take(&mut timings.wrong);
        report.tables.extend(timings.tables());
        if self.mailbox.is_none() && !self.keep {
            let start = Instant::now();
            match imap.command(&format!("DELETE \"{name}\""), |_| ()).await {
                Ok(()) => report.fact("DELETE took", Value::Seconds(start.elapsed().as_secs_f64())),
                Err(error) => report.losses.push(format!("the mailbox is not deleted: {error:#}")),
            }
        }
        Ok(report)
    }

    /// Times everything once.
    async fn time(&self, target: &Arc<Target>, reader: &mut Reader, name: &str, timings: &mut Timings) -> Result<()> {
        let start = Instant::now();
        let exists = reader.0.open("SELECT", name).await? as usize;
        timings.step("SELECT", start);
        timings.expect(exists == self.messages, "SELECT", exists);
        for (command, answers) in COMMANDS {
            if !reader.0.offers_command(command) {
                continue;
            }
            let start = Instant::now();
            let found = reader.count(command).await?;
            timings.step(command, start);
            let right = match answers {
                Answers::All => found == self.messages,
                Answers::Half => found == self.messages.div_ceil(2),
                Answers::Some => found > 0,
                Answers::None => found == 0,
            };
            timings.expect(right, command, found);
        }
        let uids = reader.uids().await?;
        self.resync(target, reader, name, &uids, timings).await?;
        let step = (uids.len() / self.sample.max(1)).max(1);
        for uid in uids.into_iter().step_by(step).take(self.sample) {
            let start = Instant::now();
            let found = reader.count(&format!("UID FETCH {uid} (BODY.PEEK[])")).await?;
            timings.reading.add(start, Instant::now());
            timings.expect(found == 1, "BODY.PEEK[]", found);
        }
        Ok(())
    }

    /// Times STATUS from outside the mailbox, and a client that comes back after others changed flags.
    async fn resync(
        &self,
        target: &Arc<Target>,
        reader: &mut Reader,
        name: &str,
        uids: &[u32],
        timings: &mut Timings,
    ) -> Result<()> {
        let mut returning = Reader(Imap::login(target, target.account(0)).await?);
        let start = Instant::now();
        let messages = returning.0.status(name).await?.0 as usize;
        timings.step("STATUS", start);
        timings.expect(messages == self.messages, "STATUS", messages);
        if !returning.0.offers("QRESYNC") {
            return Ok(());
        }
        returning.0.command("ENABLE QRESYNC", |_| ()).await?;
        let known = returning.0.state(name).await?;
        returning.0.command("UNSELECT", |_| ()).await?;
        let step = (uids.len() / CHANGES).max(1);
        let changed: Vec<String> = uids
            .iter()
            .step_by(step)
            .take(CHANGES)
            .map(ToString::to_string)
            .collect();
        let set = changed.join(",");
        // Whichever of the two changes something, as an earlier run left them.
        for sign in ["-", "+"] {
            let store = format!("UID STORE {set} {sign}FLAGS.SILENT (\\Flagged)");
            reader.0.command(&store, |_| ()).await?;
        }
        let start = Instant::now();
        let told = returning
            .count(&format!("SELECT \"{name}\" (QRESYNC ({known}))"))
            .await?;
        timings.step("SELECT (QRESYNC …), 100 changes", start);
        timings.expect(told == changed.len(), "SELECT (QRESYNC …)", told);
        Ok(())
    }

    /// Appends what is missing, over several connections.
    async fn fill(&self, target: &Arc<Target>, run: &Arc<Run>, mailbox: &str, there: usize) -> Result<()> {
        let bar = progress::bar("filling", (self.messages - there) as u64);
        let next = Arc::new(AtomicUsize::new(there));
        let mut fillers = JoinSet::new();
        for _ in 0..self.connections.max(1) {
            let (target, run, next, bar) = (target.clone(), run.clone(), next.clone(), bar.clone());
            let (mailbox, end) = (mailbox.to_owned(), self.messages);
            fillers.spawn(async move {
                let account = target.account(0);
                let mut imap = Imap::login(&target, account).await?;
                loop {
                    let from = next.fetch_add(FLIGHT, Ordering::Relaxed).min(end);
                    let numbers = from..(from + FLIGHT).min(end);
                    if numbers.is_empty() {
                        return anyhow::Ok(());
                    }
                    let message = |number: usize| {
                        let flags = if number.is_multiple_of(2) { "()" } else { "(\\Seen)" };
                        (flags, run.varied(number, &account.address))
                    };
                    imap.append(&mailbox, &numbers.clone().map(message).collect::<Vec<_>>())
                        .await?;
                    bar.inc(numbers.len() as u64);
                }
            });
        }
        while let Some(filler) = fillers.join_next().await {
            filler?.context("filling the mailbox")?;
        }
        bar.finish_and_clear();
        Ok(())
    }
}

/// A client that reads.
struct Reader(Imap);

impl Reader {
    /// Runs a command and counts the messages that its answer names.
    async fn count(&mut self, command: &str) -> Result<usize> {
        let mut count = 0;
        let each = |response: &Response| match response.number("FETCH") {
            Some(_) => count += 1,
            None => count += response.found().or_else(|| response.threaded()).unwrap_or(0),
        };
        self.0.command(command, each).await?;
        Ok(count)
    }

    async fn uids(&mut self) -> Result<Vec<u32>> {
        let mut uids = Vec::new();
        self.0
            .command("UID FETCH 1:* (UID)", |response| {
                uids.extend(response.number_after("UID"))
            })
            .await?;
        Ok(uids)
    }

    /// How many FETCH responses imap-proto, a client's parser, does not understand in full.
    async fn strange(&mut self) -> Result<usize> {
        let mut strange = 0;
        let each = |response: &Response| {
            strange += usize::from(response.number("FETCH").is_some() && !response.is_standard());
        };
        self.0.command(ALL_ITEMS, each).await?;
        Ok(strange)
    }
}

/// What was measured.
#[derive(Default)]
struct Timings {
    /// Milliseconds of each run, by step.
    steps: Vec<(&'static str, Vec<f64>)>,
    reading: Latencies,
    wrong: Vec<String>,
}

impl Timings {
    /// Notes how long a step took.
    fn step(&mut self, name: &'static str, start: Instant) {
        let time = start.elapsed().as_secs_f64() * 1e3;
        match self.steps.iter_mut().find(|(step, _)| *step == name) {
            Some((_, times)) => times.push(time),
            None => self.steps.push((name, vec![time])),
        }
    }

    /// Notes an answer that does not name the messages it should.
    fn expect(&mut self, right: bool, name: &str, found: usize) {
        if !right {
            self.wrong.push(format!("{name}: {found} messages"));
        }
    }

    /// First, median and longest time of each step, and the latencies of reading.
    fn tables(self) -> [Table; 2] {
        let row = |(step, mut times): (&str, Vec<f64>)| {
            let first = times.first().copied();
            times.sort_by(f64::total_cmp);
            let median = times.get(times.len() / 2).copied();
            let value = |time: Option<f64>| time.map_or(Value::None, Value::Milliseconds);
            vec![
                Value::Text(step.to_owned()),
                value(first),
                value(median),
                value(times.last().copied()),
            ]
        };
        let mut latencies = Table::of_latencies();
        latencies.latencies("UID FETCH n (BODY.PEEK[])", &self.reading.sorted());
        let steps = Table {
            columns: vec!["step", "first", "median", "max"],
            rows: self.steps.into_iter().map(row).collect(),
        };
        [steps, latencies]
    }
}
