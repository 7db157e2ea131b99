//! How fast a server takes mail for elsewhere, and how soon it is there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;

use crate::memory::Memory;
use crate::message::Run;
use crate::sending::Sending;
use crate::sink::{Elsewhere, Sink};
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
    #[command(flatten)]
    elsewhere: Elsewhere,
    /// How many milliseconds the other server takes for its answer to a message
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    delay: u64,
    /// How many seconds after the last 250 all must have arrived
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    settle: u64,
}

impl Relay {
    pub(crate) async fn run(&self, target: &Arc<Target>) -> Result<Report> {
        let sink = Sink::listen(self.elsewhere.sink, Duration::from_millis(self.delay)).await?;
        let memory = target.pid.map(Memory::of).transpose()?;
        let run = Arc::new(Run::new(self.size));
        let start = Instant::now();
        let sending = Sending {
            target: target.clone(),
            run: run.clone(),
            messages: self.messages,
            connections: self.connections,
            from: target.account(0).address.clone(),
            to: self.elsewhere.recipients(),
        };
        let sent = sending.send().await?;
        let sending = start.elapsed();
        let count = sent.accepted.len();
        let arrived = tokio::time::timeout(Duration::from_secs(self.settle), sink.wait_for(count));
        let in_time = arrived.await.is_ok();
        let draining = start.elapsed();

        let arrivals = sink.arrivals();
        let (mut missing, mut doubled) = (0, 0);
        let mut journeys = Latencies::default();
        for (number, accepted) in &sent.accepted {
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
            self.messages,
            self.size,
            self.connections,
            target.smtp.address,
            self.elsewhere.domains,
            self.elsewhere.sink
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
        table.latencies("final dot to 250", &sent.latencies().sorted());
        table.latencies("final dot to the other server", &journeys.sorted());
        report.tables.push(table);
        sent.tell_losses(self.messages, &mut report);
        report.loss(missing, "messages accepted and not arrived");
        report.loss(doubled, "messages arrived more than once");
        Ok(report)
    }
}
