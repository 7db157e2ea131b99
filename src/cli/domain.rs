//! `posthaste domain`.

use clap::{Args, Subcommand};

use super::settings::Settings;
use super::{administer, say, table::Table};

#[derive(Subcommand)]
pub(super) enum Domain {
    /// Make a domain ours: mail for it is taken in
    Add(Named),
    /// List the domains
    List(List),
    /// Remove a domain that has neither accounts nor aliases
    Remove(Named),
}

#[derive(Args)]
pub(super) struct Named {
    /// Such as example.org
    domain: String,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    settings: Settings,
}

impl Domain {
    pub(super) fn run(self) -> anyhow::Result<()> {
        administer(async {
            match self {
                Domain::Add(Named { domain, settings }) => {
                    let name = settings.accounts().await?.add_domain(&domain).await?;
                    say(format_args!("domain {name} added"))
                }
                Domain::List(List { settings }) => {
                    let mut table = Table::new(["DOMAIN", "ACCOUNTS", "ALIASES"]);
                    for domain in settings.accounts().await?.domains().await? {
                        table.row([domain.name, domain.accounts.to_string(), domain.aliases.to_string()]);
                    }
                    say(table)
                }
                Domain::Remove(Named { domain, settings }) => {
                    let name = settings.accounts().await?.remove_domain(&domain).await?;
                    say(format_args!("domain {name} removed"))
                }
            }
        })
    }
}
