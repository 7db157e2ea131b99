//! `posthaste alias`.

use clap::{Args, Subcommand};

use super::settings::Settings;
use super::{administer, say, table::Table};

#[derive(Subcommand)]
pub(super) enum Alias {
    /// Add an alias to one account or several
    Add(Add),
    /// List the aliases
    List(List),
    /// Remove an alias
    Remove(Remove),
}

#[derive(Args)]
pub(super) struct Add {
    /// Such as info@example.org; @example.org takes all mail of the domain that is nobody else's
    alias: String,
    /// The addresses of the accounts that get its mail
    #[arg(required = true, value_name = "ACCOUNT")]
    accounts: Vec<String>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
pub(super) struct Remove {
    /// Its address
    alias: String,
    #[command(flatten)]
    settings: Settings,
}

impl Alias {
    pub(super) fn run(self) -> anyhow::Result<()> {
        administer(async {
            match self {
                Alias::Add(Add {
                    alias,
                    accounts,
                    settings,
                }) => {
                    let alias = settings.accounts().await?.add_alias(&alias, &accounts).await?;
                    say(format_args!("alias {alias} added"))
                }
                Alias::List(List { settings }) => {
                    let mut table = Table::new(["ALIAS", "ACCOUNTS"]);
                    for alias in settings.accounts().await?.aliases().await? {
                        table.row([alias.address, alias.targets.join(" ")]);
                    }
                    say(table)
                }
                Alias::Remove(Remove { alias, settings }) => {
                    let alias = settings.accounts().await?.remove_alias(&alias).await?;
                    say(format_args!("alias {alias} removed"))
                }
            }
        })
    }
}
