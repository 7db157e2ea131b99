//! A long queue: what it costs to keep, to begin with at start, to list, and how fast it empties once mail can go.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::memory::Memory;
use crate::message::Run;
use crate::progress;
use crate::sending::Sending;
use crate::sink::{Elsewhere, Sink};
use crate::smtp::Smtp;
use crate::table::{Report, Value};
use crate::target::Target;

/// How long it rests before its memory is told, so that what was just accepted has been tried once.
const REST: Duration = Duration::from_secs(10);
/// How often it is looked whether a server that starts answers.
const LOOK: Duration = Duration::from_millis(2);

/// Fills a queue whose mail can go nowhere, restarts the server, then lets all of it go to a server that this tool plays.
#[derive(Args)]
pub(crate) struct Queue {
    /// How many messages
    #[arg(long, default_value_t = 100_000)]
    messages: usize,
    /// About how many octets each
    #[arg(long, default_value_t = 4096)]
    size: usize,
    /// Over how many connections at the same time it is filled
    #[arg(long, default_value_t = 16)]
    connections: usize,
    #[command(flatten)]
    elsewhere: Elsewhere,
    /// Script that stops, starts, lists and flushes the server under load, as those in loadtest/peers do
    #[arg(long, value_name = "SCRIPT")]
    peer: PathBuf,
    /// Its folder
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// How many seconds all of it may take to arrive
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    settle: u64,
}

impl Queue {
    pub(crate) async fn run(&self, target: &Arc<Target>) -> Result<Report> {
        let mut report = Report::new(format!(
            "queue: {} messages of {} octets for {} domains at {}",
            self.messages, self.size, self.elsewhere.domains, target.smtp.address
        ));
        self.memory().await?.tell(&mut report, "memory before");
        let run = Arc::new(Run::new(self.size));
        let sending = Sending {
            target: target.clone(),
            run: run.clone(),
            messages: self.messages,
            connections: self.connections,
            from: target.account(0).address.clone(),
            to: self.elsewhere.recipients(),
        };
        let start = Instant::now();
        let sent = sending.send().await?;
        let count = sent.accepted.len();
        let rate = |since: Instant| Value::PerSecond(count as f64 / since.elapsed().as_secs_f64());
        report.fact("filled at", rate(start));
        tokio::time::sleep(REST).await;
        self.memory().await?.tell(&mut report, "memory when full");

        report.fact("stopped after", seconds(self.peer("stop").await?.0));
        report.fact("answers after", seconds(self.start(target).await?));
        self.memory().await?.tell(&mut report, "memory after start");
        let (listing, list) = self.peer("list").await?;
        report.fact("listed within", seconds(listing));
        report.fact("lines of the list", Value::Count(list.lines().count() as u64));

        let sink = Sink::listen(self.elsewhere.sink, Duration::ZERO).await?;
        let start = Instant::now();
        self.peer("flush").await?;
        let bar = progress::bar("draining", count as u64);
        let arrived = tokio::time::timeout(Duration::from_secs(self.settle), sink.wait_for(count));
        let in_time = arrived.await.is_ok();
        bar.finish_and_clear();
        report.fact("drained within", seconds(start.elapsed()));
        if in_time {
            report.fact("drained at", rate(start));
        }
        report.fact("connections to the other server", Value::Count(sink.connections()));
        self.memory().await?.tell(&mut report, "memory after all");
        sent.tell_losses(self.messages, &mut report);
        let arrivals = sink.arrivals();
        let copies = |(number, _): &(usize, _)| arrivals.get(&run.id(*number)).map_or(0, |arrival| arrival.copies);
        let copies: Vec<usize> = sent.accepted.iter().map(copies).collect();
        let missing = copies.iter().filter(|copies| **copies == 0).count();
        report.loss(missing, "messages accepted and not arrived");
        let doubled = copies.iter().map(|copies| copies.saturating_sub(1)).sum();
        report.loss(doubled, "messages arrived more than once");
        Ok(report)
    }

    /// Starts the server. How long until it greets.
    async fn start(&self, target: &Target) -> Result<Duration> {
        let start = Instant::now();
        let answers = async {
            while Smtp::greets(target).await.is_err() {
                tokio::time::sleep(LOOK).await;
            }
            Ok(start.elapsed())
        };
        Ok(tokio::try_join!(self.peer("start"), answers)?.1)
    }

    async fn memory(&self) -> Result<Memory> {
        let pid = self.peer("pid").await?.1;
        Memory::of(pid.trim().parse().context("no process id")?)
    }

    /// Has the script do something. How long that took, and what it said.
    async fn peer(&self, verb: &str) -> Result<(Duration, String)> {
        let start = Instant::now();
        let mut command = Command::new(&self.peer);
        command.arg(verb).arg(&self.dir).stderr(Stdio::inherit());
        if verb == "start" {
            // What it starts goes on, and would keep a pipe open.
            command.stdout(Stdio::null());
        }
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = output
            .await?
            .with_context(|| format!("cannot run {}", self.peer.display()))?;
        ensure!(
            output.status.success(),
            "{} {verb}: {}",
            self.peer.display(),
            output.status
        );
        Ok((start.elapsed(), String::from_utf8_lossy(&output.stdout).into_owned()))
    }
}

fn seconds(time: Duration) -> Value {
    Value::Seconds(time.as_secs_f64())
}
