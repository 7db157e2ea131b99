//! `posthaste domain`.

use clap::{Args, Subcommand};

use super::settings::Settings;
use super::{say, table::Table};

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
        match self {
            Domain::Add(Named { domain, settings }) => settings.administer(async |accounts| {
                let name = accounts.add_domain(&domain).await?;
                say(format_args!("domain {name} added"))
            }),
            Domain::List(List { settings }) => settings.administer(async |accounts| {
                let mut table = Table::new(["DOMAIN", "ACCOUNTS", "ALIASES"]);
                for domain in accounts.domains().await? {
                    table.row([domain.name, domain.accounts.to_string(), domain.aliases.to_string()]);
                }
                say(table)
            }),
            Domain::Remove(Named { domain, settings }) => settings.administer(async |accounts| {
                let name = accounts.remove_domain(&domain).await?;
                say(format_args!("domain {name} removed"))
            }),
        }
    }
}
