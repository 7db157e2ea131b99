//! `posthaste account capability`.

use clap::{Args, Subcommand};

use super::settings::Settings;
use super::{say, table::Table};
use crate::imap;

#[derive(Args)]
pub(super) struct Capability {
    /// The account's address
    address: String,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Announce it no longer to this account, and refuse what it brings; from the next login on
    Disable(Named),
    /// Switch it on again
    Enable(Named),
    /// List those that are switched off
    List(List),
}

#[derive(Args)]
struct Named {
    /// Its name as CAPABILITY announces it, such as MOVE
    name: String,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    settings: Settings,
}

impl Capability {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let address = self.address;
        match self.action {
            Action::Disable(Named { name, settings }) => {
                let name = imap::capability_named(&name)?;
                settings.administer(async |accounts| {
                    let account = accounts.set_capability(&address, &name.to_uppercase(), false).await?;
                    say(format_args!("{name} is switched off for {}", account.address))
                })
            }
            Action::Enable(Named { name, settings }) => settings.administer(async |accounts| {
                // Not looked up: one that a former version had may be switched on, too.
                let name = name.to_uppercase();
                let account = accounts.set_capability(&address, &name, true).await?;
                say(format_args!("{name} is not switched off for {}", account.address))
            }),
            Action::List(List { settings }) => settings.administer(async |accounts| {
                let account = accounts.find(&address).await?;
                let mut table = Table::new(["SWITCHED OFF"]);
                for name in accounts.disabled_capabilities(&account).await? {
                    table.row([name]);
                }
                say(table)
            }),
        }
    }
}
