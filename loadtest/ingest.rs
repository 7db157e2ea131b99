//! How fast a server takes mail, and whether it keeps what it took.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;

use crate::memory::Memory;
use crate::message::Run;
use crate::sending::Sending;
use crate::table::{Report, Table, Value};
use crate::target::Target;
use crate::verify;

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
        let accounts = target.clone();
        let sending = Sending {
            target: target.clone(),
            run: run.clone(),
            messages: self.messages,
            connections: self.connections,
            from: self.from.clone(),
            to: move |number| accounts.account(number).address.clone(),
        };
        let sent = sending.send().await?;
        let sending = start.elapsed();
        let mut numbers: Vec<usize> = sent.accepted.iter().map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        let mut accepted = vec![Vec::new(); target.accounts.len()];
        for number in numbers {
            accepted[number % target.accounts.len()].push(number);
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
        table.latencies("final dot to 250", &sent.latencies().sorted());
        report.tables.push(table);
        sent.tell_losses(self.messages, &mut report);
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
}
