//! `posthaste dkim`.

use clap::{Args, Subcommand};

use super::settings::Settings;
use super::{say, table::Table};
use crate::dkim::keys::{self, Key, State};
use crate::mail::address::Address;
use crate::storage::dkim_keys::KeyFolder;

#[derive(Subcommand)]
pub(super) enum Dkim {
    /// Make the first keys of a domain, and print the DNS records that announce them
    Create(Named),
    /// List keys; of one domain with their DNS records
    List(List),
    /// Make new keys; when their records are in the DNS, run it again to sign with them
    Rotate(Named),
    /// Delete keys that were replaced, some days later
    Retire(Named),
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
    /// Such as example.org; all if it is left out
    domain: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

impl Dkim {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self {
            Dkim::Create(named) => {
                let (folder, domain) = named.ours()?;
                let made = keys::create(&folder, &domain)?;
                say(format_args!(
                    "Mail of {domain} is signed from now on. Put these records into the DNS:\n"
                ))?;
                announce(&domain, &made)
            }
            Dkim::List(List { domain: None, settings }) => {
                let folder = KeyFolder::new(&settings.load()?.data);
                let mut table = Table::new(["DOMAIN", "SELECTOR", "ALGORITHM", "STATE"]);
                for domain in folder.domains()? {
                    for key in keys::of(&folder, &domain)? {
                        table.row([
                            domain.clone(),
                            key.selector().to_owned(),
                            key.algorithm.as_str().to_owned(),
                            key.state.as_str().to_owned(),
                        ]);
                    }
                }
                say(table)
            }
            Dkim::List(List {
                domain: Some(domain),
                settings,
            }) => {
                let (folder, domain) = (KeyFolder::new(&settings.load()?.data), dns_name(&domain)?);
                for key in keys::of(&folder, &domain)? {
                    say(format_args!("; {}, {}", key.algorithm.as_str(), key.state.as_str()))?;
                    say(key.zone_line(&domain)?)?;
                }
                Ok(())
            }
            Dkim::Rotate(named) => {
                let (folder, domain) = named.ours()?;
                let all = keys::rotate(&folder, &domain)?;
                let waiting: Vec<Key> = all.iter().filter(|key| key.state == State::Waiting).cloned().collect();
                if waiting.is_empty() {
                    return say(format_args!(
                        "Mail of {domain} is signed with the new keys from now on. Leave the records of the old ones in the \
                         DNS for a week, then: posthaste dkim retire {domain}"
                    ));
                }
                say(format_args!(
                    "Put these records into the DNS. When they can be looked up everywhere, run this again to sign with \
                     them:\n"
                ))?;
                announce(&domain, &waiting)
            }
            Dkim::Retire(named) => {
                let (folder, domain) = named.ours()?;
                let retired = keys::retire(&folder, &domain)?;
                for key in &retired {
                    say(format_args!(
                        "{} deleted: {}._domainkey.{domain} can go from the DNS",
                        key.selector(),
                        key.selector()
                    ))?;
                }
                match retired.is_empty() {
                    true => say("no keys were replaced"),
                    false => Ok(()),
                }
            }
        }
    }
}

impl Named {
    /// The keys' folder, and the domain as the DNS has it, if it is one of ours.
    fn ours(&self) -> anyhow::Result<(KeyFolder, String)> {
        let name = dns_name(&self.domain)?;
        let mut ours = false;
        self.settings.administer(async |accounts| {
            let domains = accounts.domains().await?;
            ours = domains
                .iter()
                .any(|domain| dns_name(&domain.name).is_ok_and(|other| other == name));
            Ok(())
        })?;
        anyhow::ensure!(
            ours,
            "{} is no domain of this server: posthaste domain add",
            self.domain
        );
        Ok((KeyFolder::new(&self.settings.load()?.data), name))
    }
}

fn announce(domain: &str, keys: &[Key]) -> anyhow::Result<()> {
    for key in keys {
        say(key.zone_line(domain)?)?;
    }
    Ok(())
}

/// In A-labels and lower case.
fn dns_name(domain: &str) -> anyhow::Result<String> {
    let of_it = Address::new("postmaster", domain)
        .ok()
        .and_then(|address| address.dns_domain());
    of_it.ok_or_else(|| anyhow::anyhow!("{domain} is no domain"))
}
