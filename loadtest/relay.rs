//! How fast a server takes mail for elsewhere, and how soon it is there.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use tokio::task::JoinSet;

use crate::memory::Memory;
use crate::message::Run;
use crate::progress;
use crate::sink::Sink;
use crate::smtp::{Accepted, Outcome, Smtp};
use crate::stats::Latencies;
use crate::table::{Report, Table, Value};
use crate::target::Target;

/// Submits messages for another server, which this tool plays, and waits until all have arrived there.
#[derive(Args)]
pub(crate) struct Relay {
    /// How many messages
    #[arg(long, default_value_t = 1000)]
    messages: usize,
    /// About how many octets each
    #[arg(long, default_value_t = 4096)]
    size: usize,
    /// Over how many connections at the same time
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Where the other server listens; the server under load must send mail for the recipients here
    #[arg(long, default_value = "127.0.0.1:2526")]
    sink: SocketAddr,
    /// Domains of the recipients; %d stands for a number from 1 to --domains
    #[arg(long, default_value = "sink%d.test")]
    domain: String,
    /// How many different domains
    #[arg(long, default_value_t = 1)]
    domains: usize,
    /// How many milliseconds the other server takes for its answer to a message
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    delay: u64,
    /// How many seconds after the last 250 all must have arrived
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    settle: u64,
}

/// What one sender did.
#[derive(Default)]
struct Sent {
    accepted: Vec<(usize, Accepted)>,
    refused: BTreeMap<String, usize>,
}

impl Relay {
    pub(crate) async fn run(&self, target: &Arc<Target>) -> Result<Report> {
        let sink = Sink::listen(self.sink, Duration::from_millis(self.delay)).await?;
        let memory = target.pid.map(Memory::of).transpose()?;
        let run = Arc::new(Run::new(self.size));
        let start = Instant::now();
        let sent = self.send(target, &run).await?;
        let sending = start.elapsed();
        let count = sent.accepted.len();
        let arrived = tokio::time::timeout(Duration::from_secs(self.settle), sink.wait_for(count));
        let in_time = arrived.await.is_ok();
        let draining = start.elapsed();

        let arrivals = sink.arrivals();
        let (mut missing, mut doubled) = (0, 0);
        let (mut answers, mut journeys) = (Latencies::default(), Latencies::default());
        for (number, accepted) in &sent.accepted {
            answers.add(accepted.dot, accepted.reply);
            match arrivals.get(&run.id(*number)) {
                Some(arrival) => {
                    journeys.add(accepted.dot, arrival.when);
                    doubled += arrival.copies - 1;
                }
                None => missing += 1,
            }
        }
        let mut report = Report::new(format!(
            "relay: {} messages of {} octets over {} connections at {}, for {} domains at {}",
            self.messages, self.size, self.connections, target.smtp.address, self.domains, self.sink
        ));
        report.fact("accepted", Value::Count(count as u64));
        report.fact("rate of 250", Value::PerSecond(count as f64 / sending.as_secs_f64()));
        if in_time {
            report.fact(
                "rate until all arrived",
                Value::PerSecond(count as f64 / draining.as_secs_f64()),
            );
        }
        report.fact("connections to the other server", Value::Count(sink.connections()));
        if let Some((pid, memory)) = target.pid.zip(memory) {
            memory.tell(&mut report, "memory before");
            Memory::of(pid)?.tell(&mut report, "memory after");
        }
        let mut table = Table::of_latencies();
        table.latencies("final dot to 250", &answers.sorted());
        table.latencies("final dot to the other server", &journeys.sorted());
        report.tables.push(table);
        for (reply, count) in &sent.refused {
            report.loss(*count, &format!("messages refused: {reply}"));
        }
        report.loss(missing, "messages accepted and not arrived");
        report.loss(doubled, "messages arrived more than once");
        Ok(report)
    }

    async fn send(&self, target: &Arc<Target>, run: &Arc<Run>) -> Result<Sent> {
        let bar = progress::bar("sending", self.messages as u64);
        let next = Arc::new(AtomicUsize::new(0));
        let mut senders = JoinSet::new();
        for _ in 0..self.connections.clamp(1, self.messages.max(1)) {
            let (target, run, next, bar) = (target.clone(), run.clone(), next.clone(), bar.clone());
            let (end, domain, domains) = (self.messages, self.domain.clone(), self.domains.max(1));
            senders.spawn(async move {
                let account = target.account(0);
                let mut smtp = Smtp::connect(&target, account).await?;
                let mut sent = Sent::default();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= end {
                        smtp.quit().await;
                        return anyhow::Ok(sent);
                    }
                    let domain = domain.replace("%d", &(number % domains + 1).to_string());
                    let to = format!("load{number}@{domain}");
                    match smtp.send(&account.address, &to, &run.plain(number, &to)).await? {
                        Outcome::Accepted(accepted) => sent.accepted.push((number, accepted)),
                        Outcome::Refused(reply) => *sent.refused.entry(reply).or_default() += 1,
                    }
                    bar.inc(1);
                }
            });
        }
        let mut all = Sent::default();
        while let Some(sent) = senders.join_next().await {
            let sent = sent??;
            all.accepted.extend(sent.accepted);
            for (reply, count) in sent.refused {
                *all.refused.entry(reply).or_default() += count;
            }
        }
        bar.finish_and_clear();
        Ok(all)
    }
}
