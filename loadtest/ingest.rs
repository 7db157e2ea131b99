//! How fast a server takes mail, and whether it keeps what it took.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use indicatif::ProgressBar;
use tokio::task::JoinSet;

use crate::memory::Memory;
use crate::message::Run;
use crate::smtp::{Outcome, Smtp};
use crate::stats::Latencies;
use crate::table::{Report, Table, Value};
use crate::target::Target;
use crate::{progress, verify};

/// Connections that one sender may lose before it gives up.
const MAX_BROKEN: usize = 10;

/// Sends messages over several SMTP connections, then looks for every acknowledged one over IMAP.
#[derive(Args)]
pub(crate) struct Ingest {
    /// How many messages
    #[arg(long, default_value_t = 1000)]
    messages: usize,
    /// About how many octets each
    #[arg(long, default_value_t = 4096)]
    size: usize,
    /// Over how many connections at the same time
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Envelope sender
    #[arg(long, default_value = "load@loadtest.invalid")]
    from: String,
    /// How many seconds a server that delivers after its 250 is given to do so
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    settle: u64,
    /// How many of the messages are compared octet by octet
    #[arg(long, value_name = "MESSAGES", default_value_t = 100)]
    compare: usize,
    /// Do not look for the messages: for servers without IMAP
    #[arg(long)]
    no_verify: bool,
}

/// What one sender did.
#[derive(Default)]
struct Sent {
    accepted: Vec<usize>,
    latencies: Latencies,
    refused: BTreeMap<String, usize>,
    /// Connections that broke, each with a message whose fate is unknown.
    broken: usize,
    error: Option<String>,
}

impl Ingest {
    pub(crate) async fn run(&self, target: &Arc<Target>) -> Result<Report> {
        let mut before = if self.no_verify {
            Vec::new()
        } else {
            verify::before(target).await?
        };
        let memory = target.pid.map(Memory::of).transpose()?;
        let run = Arc::new(Run::new(self.size));
        let start = Instant::now();
        let mut sent = self.send(target, &run).await?;
        let sending = start.elapsed();
        sent.accepted.sort_unstable();
        let mut accepted = vec![Vec::new(); target.accounts.len()];
        for number in &sent.accepted {
            accepted[number % target.accounts.len()].push(*number);
        }
        verify::settle(&mut before, &accepted, Duration::from_secs(self.settle)).await?;
        let settled = start.elapsed();

        let mut report = Report::new(format!(
            "ingest: {} messages of {} octets over {} connections to {} accounts at {}",
            self.messages,
            self.size,
            self.connections,
            target.accounts.len(),
            target.smtp.address
        ));
        let count = sent.accepted.len();
        report.fact("accepted", Value::Count(count as u64));
        report.fact("rate of 250", Value::PerSecond(count as f64 / sending.as_secs_f64()));
        if !self.no_verify {
            report.fact(
                "rate until readable",
                Value::PerSecond(count as f64 / settled.as_secs_f64()),
            );
        }
        report.fact("sending took", Value::Seconds(sending.as_secs_f64()));
        if let Some((pid, memory)) = target.pid.zip(memory) {
            memory.tell(&mut report, "memory before");
            Memory::of(pid)?.tell(&mut report, "memory after");
        }
        let mut table = Table::of_latencies();
        table.latencies("final dot to 250", &sent.latencies.sorted());
        report.tables.push(table);
        for (reply, count) in &sent.refused {
            report.loss(*count, &format!("messages refused: {reply}"));
        }
        report.loss(
            sent.broken,
            &format!("connections broken: {}", sent.error.unwrap_or_default()),
        );
        let unsent = self.messages - count - sent.refused.values().sum::<usize>() - sent.broken;
        report.loss(unsent, "messages not sent");
        if !self.no_verify {
            let findings = verify::after(target, &mut before, &accepted, &run, self.compare).await?;
            report.fact("compared", Value::Count(findings.compared as u64));
            if findings.unanswered > 0 {
                report.fact("delivered without 250", Value::Count(findings.unanswered as u64));
            }
            report.loss(findings.lost, "messages acknowledged and not found");
            report.loss(findings.doubled, "messages found more than once");
            report.loss(findings.altered, "messages not as they were sent");
        }
        Ok(report)
    }

    async fn send(&self, target: &Arc<Target>, run: &Arc<Run>) -> Result<Sent> {
        let bar = progress::bar("sending", self.messages as u64);
        let next = Arc::new(AtomicUsize::new(0));
        let mut senders = JoinSet::new();
        for _ in 0..self.connections.clamp(1, self.messages.max(1)) {
            let sender = Sender {
                target: target.clone(),
                run: run.clone(),
                from: self.from.clone(),
                next: next.clone(),
                end: self.messages,
                bar: bar.clone(),
            };
            senders.spawn(sender.send());
        }
        let mut all = Sent::default();
        while let Some(sent) = senders.join_next().await {
            let sent = sent?;
            all.accepted.extend(sent.accepted);
            all.latencies.extend(sent.latencies);
            all.broken += sent.broken;
            all.error = all.error.or(sent.error);
            for (reply, count) in sent.refused {
                *all.refused.entry(reply).or_default() += count;
            }
        }
        bar.finish_and_clear();
        Ok(all)
    }
}

/// One connection after the other, taking the next message as long as there is one.
struct Sender {
    target: Arc<Target>,
    run: Arc<Run>,
    from: String,
    next: Arc<AtomicUsize>,
    end: usize,
    bar: ProgressBar,
}

impl Sender {
    async fn send(self) -> Sent {
        let mut sent = Sent::default();
        while sent.broken < MAX_BROKEN {
            match self.one_connection(&mut sent).await {
                Ok(()) => break,
                Err(error) => {
                    sent.broken += 1;
                    sent.error = Some(format!("{error:#}"));
                }
            }
        }
        sent
    }

    async fn one_connection(&self, sent: &mut Sent) -> Result<()> {
        let mut smtp = Smtp::connect(&self.target, self.target.account(0)).await?;
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.end {
                smtp.quit().await;
                return Ok(());
            }
            let to = &self.target.account(number).address;
            match smtp.send(&self.from, to, &self.run.plain(number, to)).await? {
                Outcome::Accepted(accepted) => {
                    sent.accepted.push(number);
                    sent.latencies.add(accepted.dot, accepted.reply);
                }
                Outcome::Refused(reply) => *sent.refused.entry(reply).or_default() += 1,
            }
            self.bar.inc(1);
        }
    }
}
