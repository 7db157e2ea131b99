//! `posthaste account app-password`.

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::settings::Settings;
use super::{say, table::Table};
use crate::accounts;

#[derive(Subcommand)]
pub(super) enum AppPassword {
    /// Make an app password and print it, once
    Add(Add),
    /// List the app passwords of an account, and when they were last used
    List(List),
    /// Take an app password back
    Remove(Remove),
}

#[derive(Args)]
pub(super) struct Add {
    /// The account's address
    address: String,
    /// What to call it, such as the program that will use it
    name: String,
    /// What it may be used for
    #[arg(long, value_enum, default_value_t = Scope::Both)]
    scope: Scope,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
pub(super) struct List {
    /// The account's address
    address: String,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
pub(super) struct Remove {
    /// The account's address
    address: String,
    /// What it was called
    name: String,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Clone, Copy, ValueEnum)]
enum Scope {
    /// Reading mail
    Imap,
    /// Sending mail
    Smtp,
    /// Changing rules for mail (ManageSieve)
    Sieve,
    /// Reading and sending mail, and changing rules
    Both,
}

impl AppPassword {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self {
            AppPassword::Add(Add {
                address,
                name,
                scope,
                settings,
            }) => settings.administer(async |accounts| {
                let scope = match scope {
                    Scope::Imap => accounts::Scope::Imap,
                    Scope::Smtp => accounts::Scope::Smtp,
                    Scope::Sieve => accounts::Scope::Sieve,
                    Scope::Both => accounts::Scope::Both,
                };
                let (account, password) = accounts.add_app_password(&address, &name, scope).await?;
                say(format_args!(
                    "app password of {} added; it is {}",
                    account.address,
                    password.as_str()
                ))
            }),
            AppPassword::List(List { address, settings }) => settings.administer(async |accounts| {
                let mut table = Table::new(["NAME", "SCOPE", "MADE", "LAST USED", "FROM"]);
                for listed in accounts.app_passwords(&address).await? {
                    let (used, from) = match listed.used {
                        Some((used, from)) => (date(used), from),
                        None => ("never".to_owned(), String::new()),
                    };
                    let scope = listed.scope.as_str().to_owned();
                    table.row([listed.name, scope, date(listed.created), used, from]);
                }
                say(table)
            }),
            AppPassword::Remove(Remove {
                address,
                name,
                settings,
            }) => settings.administer(async |accounts| {
                let account = accounts.remove_app_password(&address, &name).await?;
                say(format_args!("app password of {} removed", account.address))
            }),
        }
    }
}

/// Seconds since 1970 as people and programs read them.
fn date(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}
