//! `posthaste sieve`: the scripts of accounts, also while the server runs.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};

use super::settings::Settings;
use super::{say, table::Table};
use crate::accounts::Accounts;
use crate::config::Config;
use crate::mail::address::Address;
use crate::mail::date::Timestamp;
use crate::mail::envelope::ReversePath;
use crate::mail::mailbox_name::MailboxName;
use crate::mail::mime::{MimeLimits, Scanner};
use crate::mail::script_name::ScriptName;
use crate::mailbox::{ScriptError, ScriptQuota, Scripts};
use crate::sieve::{Input, KnownMailbox, Memory, Message, Script};

#[derive(Subcommand)]
pub(super) enum Sieve {
    /// Say what is wrong with a script in a file
    Check {
        /// The file
        file: PathBuf,
    },
    /// Say what a script would do with a message, and do nothing
    Try(Try),
    /// Store a script for an account, in place of one of that name
    Put {
        /// The file
        file: PathBuf,
        /// Make it the active one, too
        #[arg(long)]
        activate: bool,
        #[command(flatten)]
        named: Named,
    },
    /// List the scripts of an account
    List {
        /// The account's address
        address: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Print a script of an account
    Show(Named),
    /// Make a script the one that is run
    Activate(Named),
    /// Run no script for an account any more
    Deactivate {
        /// The account's address
        address: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Delete a script that is not active
    Delete(Named),
}

#[derive(Args)]
pub(super) struct Named {
    /// The account's address
    address: String,
    /// The script's name
    #[arg(value_parser = name)]
    name: ScriptName,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
pub(super) struct Try {
    /// The script's file
    file: PathBuf,
    /// The message's file
    message: PathBuf,
    /// Who sent it, in the envelope
    #[arg(long, value_name = "ADDRESS", default_value = "")]
    from: String,
    /// To whom it came
    #[arg(long, value_name = "ADDRESS", default_value = "nobody@localhost")]
    to: String,
    /// A mailbox that exists, besides INBOX; may be given several times
    #[arg(long, value_name = "NAME")]
    mailbox: Vec<String>,
}

impl Sieve {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self {
            Sieve::Check { file } => {
                let script = compiled(&read(&file)?)?;
                for warning in script.warnings() {
                    say(format_args!("warning: {warning}"))?;
                }
                say("the script is in order")
            }
            Sieve::Try(attempt) => attempt.run(),
            Sieve::Put { file, activate, named } => {
                let Named {
                    address,
                    name,
                    settings,
                } = named;
                let text = read(&file)?;
                compiled(&text)?;
                with_scripts(&settings, &address, async |scripts, config| {
                    let quota = ScriptQuota {
                        scripts: config.sieve.max_scripts,
                        octets: config.sieve.max_script_size.get(),
                    };
                    scripts.put(&name, text, quota).await??;
                    if activate {
                        scripts.activate(Some(&name)).await??;
                    }
                    let what = if activate { "stored and active" } else { "stored" };
                    say(format_args!("{name} is {what}"))
                })
            }
            Sieve::List { address, settings } => with_scripts(&settings, &address, async |scripts, _| {
                let mut table = Table::new(["ACTIVE", "OCTETS", "NAME"]);
                for script in scripts.list().await? {
                    let active = if script.active { "active" } else { "" };
                    table.row([active.to_owned(), script.size.to_string(), script.name.to_string()]);
                }
                say(table)
            }),
            Sieve::Show(Named {
                address,
                name,
                settings,
            }) => with_scripts(&settings, &address, async |scripts, _| {
                let text = scripts.get(&name).await??;
                say(String::from_utf8_lossy(&text).trim_end())
            }),
            Sieve::Activate(Named {
                address,
                name,
                settings,
            }) => with_scripts(&settings, &address, async |scripts, _| {
                compiled(&scripts.get(&name).await??)?;
                scripts.activate(Some(&name)).await??;
                say(format_args!("{name} is active"))
            }),
            Sieve::Deactivate { address, settings } => with_scripts(&settings, &address, async |scripts, _| {
                scripts.activate(None).await??;
                say("no script is active")
            }),
            Sieve::Delete(Named {
                address,
                name,
                settings,
            }) => with_scripts(&settings, &address, async |scripts, _| {
                match scripts.delete(&name).await? {
                    Err(ScriptError::Active) => bail!("the script is active; posthaste sieve deactivate {address}"),
                    deleted => {
                        deleted?;
                        say(format_args!("{name} is deleted"))
                    }
                }
            }),
        }
    }
}

impl Try {
    fn run(self) -> anyhow::Result<()> {
        let script = compiled(&read(&self.file)?)?;
        let message = read(&self.message)?;
        let mut scanner = Scanner::new(MimeLimits::default());
        scanner.feed(&message);
        let summary = scanner.finish();
        let to = Address::parse(&self.to).with_context(|| self.to.clone())?;
        let known = self.mailbox.iter().map(|name| {
            let name = MailboxName::new(name).with_context(|| name.clone())?;
            anyhow::Ok(KnownMailbox {
                name,
                special_use: None,
            })
        });
        let known: Vec<KnownMailbox> = known.collect::<Result<_, _>>()?;
        let outcome = script.run(&Input {
            message: Message {
                bytes: &message,
                size: message.len() as u64,
                summary: &summary,
            },
            reverse_path: &ReversePath::parse(&self.from).with_context(|| self.from.clone())?,
            forward_paths: std::slice::from_ref(&to),
            addresses: std::slice::from_ref(&to),
            mailboxes: &known,
            now: Timestamp::now(),
            memory: &Memory::new(),
        });
        if let Some(failure) = outcome.failure {
            bail!("the script fails, and the message is kept: {failure}");
        }
        for action in &outcome.actions {
            say(action)?;
        }
        match outcome.actions.as_slice() {
            [] => say("discard"),
            _ => Ok(()),
        }
    }
}

/// Works on the scripts of an account that exists.
fn with_scripts(
    settings: &Settings,
    address: &str,
    work: impl AsyncFnOnce(Scripts, &Config) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let config = settings.load()?;
    settings.administer(async |accounts: &Accounts| {
        let account = accounts.find(address).await?;
        let scripts = Scripts::of_account(&config.data, &account.address);
        work(scripts, &config).await
    })
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| file.display().to_string())
}

/// A script that is in order, or all that is wrong with it.
fn compiled(text: &[u8]) -> anyhow::Result<Script> {
    Script::compile(text).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow!("the script is not in order: {}", lines.join("; "))
    })
}

fn name(text: &str) -> Result<ScriptName, String> {
    ScriptName::new(text).ok_or_else(|| "no script can have that name".to_owned())
}
