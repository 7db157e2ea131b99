//! `posthaste domain`.

use clap::{Args, Subcommand};

use super::settings::Settings;
use super::{domain_dns, say, table::Table};
use crate::mail::address::Address;

#[derive(Subcommand)]
pub(super) enum Domain {
    /// Make a domain ours: mail for it is taken in
    Add(Named),
    /// List the domains
    List(List),
    /// Print all records that a domain wants in the DNS
    Dns(Named),
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
            Domain::Dns(Named { domain, settings }) => {
                let config = settings.load()?;
                settings.administer(async |accounts| {
                    let address = Address::new("postmaster", &domain).ok();
                    let name = address.as_ref().and_then(Address::dns_domain);
                    let (Some(address), Some(name)) = (address, name) else {
                        anyhow::bail!("{domain} is no domain");
                    };
                    let ours = accounts
                        .domains()
                        .await?
                        .iter()
                        .any(|known| known.name == address.domain());
                    anyhow::ensure!(ours, "{domain} is no domain of this server: posthaste domain add");
                    say(domain_dns::records(&config, &name)?.trim_end())
                })
            }
            Domain::Remove(Named { domain, settings }) => settings.administer(async |accounts| {
                let name = accounts.remove_domain(&domain).await?;
                say(format_args!("domain {name} removed"))
            }),
        }
    }
}
