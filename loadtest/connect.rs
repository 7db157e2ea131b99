//! How long many clients take to log in and wait, and what one that waits costs in memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::imap::Imap;
use crate::memory::Memory;
use crate::progress;
use crate::stats::Latencies;
use crate::table::{Report, Table, Value};
use crate::target::Target;

/// Opens many connections that log in and wait: how long does it take, and what does one cost in memory?
#[derive(Args)]
pub(crate) struct Connect {
    /// How many connections, spread over the accounts
    #[arg(long, default_value_t = 1000)]
    connections: usize,
    /// How many log in at the same time
    #[arg(long, default_value_t = 16)]
    parallel: usize,
    /// How many seconds all of them stay, before the memory is read
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    hold: u64,
}

/// When one client got where.
struct Steps {
    start: Instant,
    logged_in: Instant,
    idling: Instant,
}

impl Connect {
    pub(crate) async fn run(&self, target: &Arc<Target>) -> Result<Report> {
        let memory = || target.pid.map(Memory::of).transpose();
        let before = memory()?;
        let start = Instant::now();
        let mut opened = self.open(target).await;
        let took = start.elapsed();
        tokio::time::sleep(Duration::from_secs(self.hold)).await;
        let waiting = memory()?;
        let mut closed = 0;
        for (imap, _) in &mut opened.clients {
            closed += usize::from(imap.done(|_| ()).await.is_err());
        }
        let (mut logins, mut idles) = (Latencies::default(), Latencies::default());
        for (_, steps) in &opened.clients {
            logins.add(steps.start, steps.logged_in);
            idles.add(steps.logged_in, steps.idling);
        }
        let count = opened.clients.len();
        drop(opened.clients);
        tokio::time::sleep(Duration::from_secs(1)).await;

        let mut report = Report::new(format!(
            "connect: {} connections to {} accounts at {}",
            self.connections,
            target.accounts.len(),
            target.imap.address
        ));
        report.fact("idling", Value::Count(count as u64));
        report.fact("all within", Value::Seconds(took.as_secs_f64()));
        report.fact("rate", Value::PerSecond(count as f64 / took.as_secs_f64()));
        if let (Some(before), Some(waiting), Some(after)) = (before, waiting, memory()?) {
            before.tell(&mut report, "memory before");
            waiting.tell(&mut report, "memory with all waiting");
            after.tell(&mut report, "memory afterwards");
            let grown = waiting.kibibytes().saturating_sub(before.kibibytes());
            report.fact(
                "memory per connection",
                Value::Kibibytes(grown as f64 / count.max(1) as f64),
            );
        }
        let mut table = Table::of_latencies();
        table.latencies("connect to logged in", &logins.sorted());
        table.latencies("SELECT and IDLE", &idles.sorted());
        report.tables.push(table);
        report.loss(
            self.connections - count,
            &format!("clients could not wait: {}", opened.error),
        );
        report.loss(closed, "clients were cut off while they waited");
        Ok(report)
    }

    async fn open(&self, target: &Arc<Target>) -> Opened {
        let bar = progress::bar("clients log in", self.connections as u64);
        let permits = Arc::new(Semaphore::new(self.parallel.max(1)));
        let mut opening = JoinSet::new();
        for turn in 0..self.connections {
            let (target, permits) = (target.clone(), permits.clone());
            opening.spawn(async move {
                let _permit = permits.acquire_owned().await?;
                let start = Instant::now();
                let mut imap = Imap::login(&target, target.account(turn)).await?;
                let logged_in = Instant::now();
                imap.open("SELECT", "INBOX").await?;
                imap.idle(|_| ()).await?;
                let idling = Instant::now();
                Ok::<_, anyhow::Error>((
                    imap,
                    Steps {
                        start,
                        logged_in,
                        idling,
                    },
                ))
            });
        }
        let mut opened = Opened {
            clients: Vec::new(),
            error: String::new(),
        };
        while let Some(client) = opening.join_next().await {
            match client.map_err(anyhow::Error::from).flatten() {
                Ok(client) => opened.clients.push(client),
                Err(error) => opened.error = format!("{error:#}"),
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        opened
    }
}

/// The clients that got through, and what the last of the others met.
struct Opened {
    clients: Vec<(Imap, Steps)>,
    error: String,
}
