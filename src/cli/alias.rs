//! `posthaste alias`.

use clap::{Args, Subcommand};

use super::settings::Settings;
use super::{say, table::Table};

#[derive(Subcommand)]
pub(super) enum Alias {
    /// Add an alias that leads to one address or several: accounts, other aliases, addresses elsewhere
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
    /// The addresses that get its mail: accounts and aliases of this server, or addresses elsewhere, to which it is forwarded
    #[arg(required = true, value_name = "ADDRESS")]
    targets: Vec<String>,
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
        match self {
            Alias::Add(Add {
                alias,
                targets,
                settings,
            }) => settings.administer(async |accounts| {
                let alias = accounts.add_alias(&alias, &targets).await?;
                say(format_args!("alias {alias} added"))
            }),
            Alias::List(List { settings }) => settings.administer(async |accounts| {
                let mut table = Table::new(["ALIAS", "LEADS TO"]);
                for alias in accounts.aliases().await? {
                    table.row([alias.address, alias.targets.join(" ")]);
                }
                say(table)
            }),
            Alias::Remove(Remove { alias, settings }) => settings.administer(async |accounts| {
                let alias = accounts.remove_alias(&alias).await?;
                say(format_args!("alias {alias} removed"))
            }),
        }
    }
}
