//! The command line. One file for each command or group of commands.
//!
//! Exit codes: 0 done, 1 failed, 2 the settings or the arguments are wrong. No secret is ever taken as an argument:
//! other users of the machine can read those.

mod account;
mod alias;
mod app_password;
mod capability;
mod check;
mod demo;
mod dkim;
mod domain;
mod domain_dns;
mod full_text;
mod health;
mod password;
mod queue;
mod reports;
mod serve;
mod settings;
mod sieve;
mod signals;
mod srs;
mod suppression;
mod table;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::ConfigError;

/// An all-in-one mail server: SMTP in, Maildir on disk, IMAP out, and an instant push to every waiting client.
#[derive(Parser)]
#[command(
    name = "posthaste",
    version,
    about,
    propagate_version = true,
    arg_required_else_help = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the mail server
    Serve(serve::Serve),
    /// Check settings, certificate and data folder without starting
    Check(check::Check),
    /// Ask whether the running server answers
    Health(health::Health),
    /// Run a mail server to try, on loopback, with two accounts and no configuration
    Demo(demo::Demo),
    /// Add, list, remove and change accounts (also while the server runs)
    #[command(subcommand)]
    Account(account::Account),
    /// Add, list and remove domains (also while the server runs)
    #[command(subcommand)]
    Domain(domain::Domain),
    /// Add, list and remove aliases (also while the server runs)
    #[command(subcommand)]
    Alias(alias::Alias),
    /// Make, list, change and delete the keys that mail is signed with (also while the server runs)
    #[command(subcommand)]
    Dkim(dkim::Dkim),
    /// Check Sieve scripts, and look after those of accounts (also while the server runs)
    #[command(subcommand)]
    Sieve(sieve::Sieve),
    /// List what is on its way, tell why it waits, and retry, hold, release or drop it (also while the server runs)
    #[command(subcommand)]
    Queue(queue::Queue),
    /// What other domains are told of their mail and servers, and what they tell of ours (also while the server runs)
    #[command(subcommand)]
    Reports(reports::Reports),
    /// Change the secret of rewritten senders (also while the server runs)
    #[command(subcommand)]
    Srs(srs::Srs),
    /// List, add and remove addresses that mail of an account is not sent to (also while the server runs)
    #[command(subcommand)]
    Suppression(suppression::Suppression),
    /// How much the full-text index holds
    FullText(full_text::FullText),
}

/// Runs the program.
pub fn main() -> ExitCode {
    // Mail, index and accounts are for the eyes of the user that the server runs as.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let done = match Arguments::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Check(check) => check.run(),
        Command::Health(health) => health.run(),
        Command::Demo(demo) => demo.run(),
        Command::Account(account) => account.run(),
        Command::Domain(domain) => domain.run(),
        Command::Alias(alias) => alias.run(),
        Command::Dkim(dkim) => dkim.run(),
        Command::Sieve(sieve) => sieve.run(),
        Command::Queue(queue) => queue.run(),
        Command::Reports(reports) => reports.run(),
        Command::Srs(srs) => srs.run(),
        Command::Suppression(suppression) => suppression.run(),
        Command::FullText(full_text) => full_text.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not `eprintln!`, which panics when nobody reads.
            let _ = writeln!(io::stderr(), "posthaste: {error:#}");
            ExitCode::from(if error.is::<ConfigError>() { 2 } else { 1 })
        }
    }
}

/// Writes a command's answer. When nobody reads any more (`… | head`), that is no failure.
fn say(text: impl std::fmt::Display) -> anyhow::Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
