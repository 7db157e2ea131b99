//! `loadtest`: puts load on any SMTP and IMAP server, by host and port, and tells what a client sees.
//!
//! It judges from outside: it shares no code with the server, keeps its own count of what was acknowledged, and looks
//! for it again over IMAP. Exit status: 0 when all is well, 1 when something was lost, refused or missed, 2 when the run
//! could not be made. `loadtest/README.md` has commands to paste.

mod connect;
mod idle;
mod idler;
mod imap;
mod ingest;
mod mailbox;
mod memory;
mod message;
mod progress;
mod queue;
mod relay;
mod response;
mod sending;
mod sink;
mod smtp;
mod stats;
mod table;
mod target;
mod verify;
mod wire;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::table::Report;
use crate::target::{Options, Target};

/// Puts load on any SMTP and IMAP server, and checks that nothing is lost.
#[derive(Parser)]
#[command(name = "loadtest", version, max_term_width = 110)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    workload: Workload,
}

#[derive(Subcommand)]
enum Workload {
    /// Sends messages over several SMTP connections, then looks for every acknowledged one over IMAP.
    Ingest(ingest::Ingest),
    /// Delivers messages while many clients wait in IDLE: how soon is each told, and is none forgotten?
    Idle(idle::Idle),
    /// Fills a mailbox, then times opening, listing, searching and reading it.
    Mailbox(mailbox::Mailbox),
    /// Submits messages for another server, which this tool plays, and waits until all have arrived there.
    Relay(relay::Relay),
    /// Fills a queue whose mail can go nowhere, restarts the server, then lets all of it go.
    Queue(queue::Queue),
    /// Opens many connections that log in and wait: how long does it take, and what does one cost in memory?
    Connect(connect::Connect),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(report) if report.losses.is_empty() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            eprintln!("loadtest: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: &Arguments) -> Result<Report> {
    allow_descriptors();
    let target = Target::resolve(&arguments.options).await?;
    let limit = Duration::from_secs(arguments.options.limit);
    let workload = async {
        match &arguments.workload {
            Workload::Ingest(ingest) => ingest.run(&target).await,
            Workload::Idle(idle) => idle.run(&target).await,
            Workload::Mailbox(mailbox) => mailbox.run(&target).await,
            Workload::Relay(relay) => relay.run(&target).await,
            Workload::Queue(queue) => queue.run(&target).await,
            Workload::Connect(connect) => connect.run(&target).await,
        }
    };
    let report = tokio::time::timeout(limit, workload)
        .await
        .with_context(|| format!("not done within {} seconds (--limit)", limit.as_secs()))??;
    print!("{report}");
    if let Some(file) = &arguments.options.json {
        let json = serde_json::to_string_pretty(&report)?;
        std::fs::write(file, json + "\n").with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(report)
}

/// Takes as many file descriptors as the system allows: thousands of connections need more than the usual 1,024.
fn allow_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Refused: the first connection that finds none left says so.
    let _ = setrlimit(Resource::Nofile, limit);
}
