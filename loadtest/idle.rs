//! How soon waiting clients are told of a delivery, and whether all are.
//!
//! Each account has one sender, which waits for a 250 before it sends the next message. So the k-th message accepted is
//! the one that made the count grow to k more than it was, and every EXISTS can be held against the 250 it belongs to.
//! Nothing else may deliver to the accounts meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use indicatif::ProgressBar;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::idler::{End, Habit, Idler, Seen};
use crate::memory::Memory;
use crate::message::Run;
use crate::progress;
use crate::smtp::{Accepted, Outcome, Smtp};
use crate::stats::Latencies;
use crate::table::{Report, Table, Value};
use crate::target::Target;

/// Clients that log in at the same time.
const LOGINS: usize = 16;

/// Delivers messages while many clients wait in IDLE: how soon is each told, and is none forgotten?
#[derive(Args)]
pub(crate) struct Idle {
    /// How many clients wait and read, spread over the accounts
    #[arg(long, default_value_t = 100)]
    idlers: usize,
    /// How many more wait but read nothing until the end
    #[arg(long, default_value_t = 0)]
    slow: usize,
    /// How many more vanish now and then, and come back
    #[arg(long, default_value_t = 0)]
    leaving: usize,
    /// How many seconds those stay, on average
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    stay: u64,
    /// After how many seconds a client ends IDLE and begins it anew
    #[arg(long, value_name = "SECONDS", default_value_t = 1500)]
    renew: u64,
    /// How many messages
    #[arg(long, default_value_t = 200)]
    messages: usize,
    /// How many in a second, all accounts together; 0 for as many as are taken
    #[arg(long, default_value_t = 10.0)]
    rate: f64,
    /// About how many octets each
    #[arg(long, default_value_t = 4096)]
    size: usize,
    /// Envelope sender
    #[arg(long, default_value = "load@loadtest.invalid")]
    from: String,
    /// How many seconds after the last 250 a client may still be told
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    grace: u64,
}

/// What was delivered to one account, in order.
#[derive(Default)]
struct Delivered {
    accepted: Vec<Accepted>,
    refused: usize,
    error: Option<String>,
}

impl Idle {
    pub(crate) async fn run(&self, target: &Arc<Target>) -> Result<Report> {
        let memory = target.pid.map(Memory::of).transpose()?;
        let idlers = self.start(target).await?;
        let idling = target.pid.map(Memory::of).transpose()?;
        for idler in &idlers {
            let first = idlers.iter().find(|other| other.account == idler.account);
            let agreed = first.is_some_and(|first| first.base == idler.base);
            ensure!(
                agreed,
                "something else delivers to {}",
                target.account(idler.account).login
            );
        }
        let (announce, ending) = watch::channel(None);
        let mut watching = JoinSet::new();
        for idler in idlers {
            watching.spawn(idler.watch(ending.clone()));
        }
        let start = Instant::now();
        let delivered = self.deliver(target).await?;
        let sending = start.elapsed();
        let count = |delivered: &Delivered| u32::try_from(delivered.accepted.len()).unwrap_or(u32::MAX);
        announce.send_replace(Some(Arc::new(End {
            delivered: delivered.iter().map(count).collect(),
            deadline: Instant::now() + Duration::from_secs(self.grace),
        })));
        let watched = watching.join_all().await;

        let mut report = Report::new(format!(
            "idle: {} clients ({} more slow, {} more leaving) on {} accounts at {}",
            self.idlers,
            self.slow,
            self.leaving,
            target.accounts.len(),
            target.imap.address
        ));
        let accepted = delivered
            .iter()
            .map(|delivered| delivered.accepted.len())
            .sum::<usize>();
        report.fact("delivered", Value::Count(accepted as u64));
        report.fact("rate", Value::PerSecond(accepted as f64 / sending.as_secs_f64()));
        if let Some((pid, (memory, idling))) = target.pid.zip(memory.zip(idling)) {
            memory.tell(&mut report, "memory before");
            idling.tell(&mut report, "memory with the clients");
            Memory::of(pid)?.tell(&mut report, "memory afterwards");
        }
        report.loss(
            delivered.iter().map(|delivered| delivered.refused).sum(),
            "messages refused",
        );
        for delivered in &delivered {
            report
                .losses
                .extend(delivered.error.iter().map(|error| format!("delivery ended: {error}")));
        }
        judge(&mut report, &delivered, &watched);
        Ok(report)
    }

    /// Logs all clients in, and has them idle.
    async fn start(&self, target: &Arc<Target>) -> Result<Vec<Idler>> {
        let habits = [
            (self.idlers, Habit::Steady(Duration::from_secs(self.renew.max(1)))),
            (self.slow, Habit::Slow),
            (self.leaving, Habit::Leaving(Duration::from_secs(self.stay.max(1)))),
        ];
        let habits = habits
            .into_iter()
            .flat_map(|(count, habit)| std::iter::repeat_n(habit, count));
        let permits = Arc::new(Semaphore::new(LOGINS));
        let bar = progress::bar("clients log in", (self.idlers + self.slow + self.leaving) as u64);
        let mut starting = JoinSet::new();
        for (turn, habit) in habits.enumerate() {
            let (target, permits) = (target.clone(), permits.clone());
            let account = turn % target.accounts.len();
            starting.spawn(async move {
                let _permit = permits.acquire_owned().await?;
                Idler::start(target, account, habit).await
            });
        }
        let mut idlers = Vec::new();
        while let Some(idler) = starting.join_next().await {
            idlers.push(idler??);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(idlers)
    }

    async fn deliver(&self, target: &Arc<Target>) -> Result<Vec<Delivered>> {
        let run = Arc::new(Run::new(self.size));
        let bar = progress::bar("delivering", self.messages as u64);
        let accounts = target.accounts.len();
        let start = Instant::now();
        let mut senders = JoinSet::new();
        for account in 0..accounts {
            let interval = if self.rate > 0.0 { 1.0 / self.rate } else { 0.0 };
            let sender = Sender {
                target: target.clone(),
                run: run.clone(),
                from: self.from.clone(),
                turns: (account..self.messages).step_by(accounts).collect(),
                start,
                interval,
                bar: bar.clone(),
            };
            senders.spawn(async move { (account, sender.send().await) });
        }
        let mut delivered = senders.join_all().await;
        delivered.sort_by_key(|(account, _)| *account);
        bar.finish_and_clear();
        Ok(delivered.into_iter().map(|(_, delivered)| delivered).collect())
    }
}

/// Holds what every client was told against what was delivered.
fn judge(report: &mut Report, delivered: &[Delivered], watched: &[(Idler, Seen)]) {
    let (mut from_reply, mut from_dot) = (Latencies::default(), Latencies::default());
    let (mut told, mut missed, mut behind, mut returns) = (0, 0, 0, 0);
    for (idler, seen) in watched {
        let deliveries = &delivered[idler.account].accepted;
        let last = seen.sightings.last().map_or(idler.base, |(_, count)| *count);
        returns += seen.returns;
        if let Some(error) = &seen.error {
            report.losses.push(format!("a client ended: {error}"));
        }
        if !matches!(idler.habit, Habit::Steady(_)) {
            behind += usize::from((last as usize) < idler.base as usize + deliveries.len());
            continue;
        }
        let mut sightings = seen.sightings.iter().peekable();
        for (place, accepted) in deliveries.iter().enumerate() {
            let count = idler.base as usize + place + 1;
            while sightings.next_if(|(_, seen)| (*seen as usize) < count).is_some() {}
            match sightings.peek() {
                Some((at, _)) => {
                    told += 1;
                    from_reply.add(accepted.reply, *at);
                    from_dot.add(accepted.dot, *at);
                }
                None => missed += 1,
            }
        }
    }
    report.fact("told", Value::Count(told));
    report.fact("missed", Value::Count(missed as u64));
    if returns > 0 {
        report.fact("clients came back", Value::Count(returns as u64));
    }
    report.loss(missed, "deliveries that a waiting client was not told of");
    report.loss(
        behind,
        "slow or leaving clients that do not know of all messages in the end",
    );
    let mut table = Table::of_latencies();
    table.latencies("250 to EXISTS", &from_reply.sorted());
    table.latencies("final dot to EXISTS", &from_dot.sorted());
    let mut replies = Latencies::default();
    for accepted in delivered.iter().flat_map(|delivered| &delivered.accepted) {
        replies.add(accepted.dot, accepted.reply);
    }
    table.latencies("final dot to 250", &replies.sorted());
    report.tables.push(table);
}

/// Delivers to one account, one message after the other, each when it is due.
struct Sender {
    target: Arc<Target>,
    run: Arc<Run>,
    from: String,
    /// The places of this account's messages among all.
    turns: Vec<usize>,
    start: Instant,
    /// Seconds between two messages, all accounts together.
    interval: f64,
    bar: ProgressBar,
}

impl Sender {
    async fn send(self) -> Delivered {
        let mut delivered = Delivered::default();
        let ended = self.all(&mut delivered).await;
        delivered.error = ended.err().map(|error| format!("{error:#}"));
        delivered
    }

    async fn all(&self, delivered: &mut Delivered) -> Result<()> {
        let Some(first) = self.turns.first() else {
            return Ok(());
        };
        let account = self.target.account(*first);
        let mut smtp = Smtp::connect(&self.target, account).await?;
        for turn in &self.turns {
            let due = self.start + Duration::from_secs_f64(self.interval * *turn as f64);
            tokio::time::sleep_until(due.into()).await;
            let message = self.run.plain(*turn, &account.address);
            match smtp.send(&self.from, &account.address, &message).await? {
                Outcome::Accepted(accepted) => delivered.accepted.push(accepted),
                Outcome::Refused(_) => delivered.refused += 1,
            }
            self.bar.inc(1);
        }
        smtp.quit().await;
        Ok(())
    }
}
