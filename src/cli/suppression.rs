//! `posthaste suppression`.

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::settings::Settings;
use super::{say, table::Table};

#[derive(Subcommand)]
pub(super) enum Suppression {
    /// List the addresses that mail of an account is not sent to
    List(List),
    /// Send no more mail of an account, or forwarded by an alias, to an address or domain
    Add(Add),
    /// Send it again
    Remove(Remove),
}

#[derive(Args)]
pub(super) struct List {
    /// The account's address, or an alias
    account: String,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
pub(super) struct Add {
    /// The account's address, or an alias
    account: String,
    /// Such as old@example.net, or @example.net for all of a domain
    address: String,
    /// For whoever reads the list
    #[arg(long, default_value = "")]
    reason: String,
    /// After so many days it is forgotten
    #[arg(long, value_name = "DAYS")]
    days: Option<u32>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
pub(super) struct Remove {
    /// The account's address, or an alias
    account: String,
    /// As it was added; all if it is left out
    address: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

impl Suppression {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self {
            Suppression::List(List { account, settings }) => settings.administer(async |accounts| {
                let mut table = Table::new(["ADDRESS", "SINCE", "UNTIL", "WHY"]);
                for entry in accounts.suppressions(&account).await? {
                    table.row([
                        entry.address,
                        day(entry.added),
                        entry.expires.map_or_else(|| "-".to_owned(), day),
                        match (entry.failed, entry.reason.is_empty()) {
                            (true, _) => format!("failed: {}", entry.reason),
                            (false, false) => entry.reason,
                            (false, true) => "-".to_owned(),
                        },
                    ]);
                }
                say(table)
            }),
            Suppression::Add(Add {
                account,
                address,
                reason,
                days,
                settings,
            }) => settings.administer(async |accounts| {
                let expire = days.map(|days| std::time::Duration::from_secs(u64::from(days) * 24 * 3600));
                let address = accounts.suppress(&account, &address, &reason, expire).await?;
                say(format_args!("no more mail of {account} is sent to {address}"))
            }),
            Suppression::Remove(Remove {
                account,
                address,
                settings,
            }) => {
                settings.administer(
                    async |accounts| match accounts.unsuppress(&account, address.as_deref()).await? {
                        0 => anyhow::bail!("nothing of that is on the list of {account}"),
                        removed => say(format_args!("removed: {removed}")),
                    },
                )
            }
        }
    }
}

fn day(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or_default();
    time.strftime("%Y-%m-%d").to_string()
}
