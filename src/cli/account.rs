//! `posthaste account`.

use clap::{Args, Subcommand, ValueEnum};

use super::app_password::AppPassword;
use super::capability::Capability;
use super::password::{Given, NewPassword};
use super::settings::Settings;
use super::{say, table::Table};
use crate::config::{self, Size};
use crate::storage::maildir::tree::Tree;

#[derive(Subcommand)]
pub(super) enum Account {
    /// Add an account; its domain must have been added
    Add(WithPassword),
    /// List the accounts
    List(List),
    /// Remove an account; its mail stays on disk
    Remove(Named),
    /// Give an account another password
    Password(WithPassword),
    /// Let an account log in again
    Enable(Named),
    /// Let an account no longer log in; it still gets mail
    Disable(Named),
    /// Add, list and remove app passwords: one for each program, so that one can be taken back without the others
    #[command(subcommand)]
    AppPassword(AppPassword),
    /// Switch a capability of IMAP off for an account: some programs break on what they should not read
    Capability(Capability),
    /// Tell or change how much an account may hold
    Quota(Quota),
    /// Tell or change whether an account is an administrator, who may set the quotas of all by IMAP
    Admin(Admin),
}

#[derive(Args)]
pub(super) struct Admin {
    /// Its address
    address: String,
    /// Whether it is to be one
    state: Option<Switch>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Args)]
pub(super) struct WithPassword {
    /// Its address, such as alice@example.org
    address: String,
    #[command(flatten)]
    password: NewPassword,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
pub(super) struct Named {
    /// Its address
    address: String,
    #[command(flatten)]
    settings: Settings,
}

/// Limits given replace all that the account had; what is not named is not limited.
#[derive(Args)]
pub(super) struct Quota {
    /// Its address
    address: String,
    /// Octets of all its messages, such as 5GiB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    storage: Option<Size>,
    /// Messages
    #[arg(long, value_name = "NUMBER")]
    messages: Option<u64>,
    /// Mailboxes
    #[arg(long, value_name = "NUMBER")]
    mailboxes: Option<u64>,
    /// No limits, whatever the settings say
    #[arg(long, conflicts_with_all = ["storage", "messages", "mailboxes"])]
    none: bool,
    /// What the settings say, as for every account that has no quota of its own
    #[arg(long, conflicts_with_all = ["storage", "messages", "mailboxes", "none"])]
    usual: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Account {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self {
            Account::Add(WithPassword {
                address,
                password,
                settings,
            }) => settings.administer(async |accounts| {
                accounts.check_new(&address).await?;
                let password = password.obtain(&address).await?;
                let account = accounts.add(&address, password.text()).await?;
                say(format_args!("account {} added{}", account.address, told(&password)))
            }),
            Account::List(List { settings }) => settings.administer(async |accounts| {
                let mut table = Table::new(["ACCOUNT", "LOGIN"]);
                for listed in accounts.list().await? {
                    let login = if listed.enabled { "enabled" } else { "disabled" };
                    table.row([listed.account.address.to_string(), login.to_owned()]);
                }
                say(table)
            }),
            Account::Remove(Named { address, settings }) => {
                let mail = settings.load()?.data.join("mail");
                settings.administer(async |accounts| {
                    let account = accounts.remove(&address).await?;
                    let tree = Tree::of_account(&mail, &account.address);
                    let (address, root) = (account.address, tree.root().display());
                    say(format_args!("account {address} removed; its mail stays in {root}"))
                })
            }
            Account::Password(WithPassword {
                address,
                password,
                settings,
            }) => settings.administer(async |accounts| {
                accounts.find(&address).await?;
                let password = password.obtain(&address).await?;
                let account = accounts.set_password(&address, password.text()).await?;
                say(format_args!(
                    "password of {} changed{}",
                    account.address,
                    told(&password)
                ))
            }),
            Account::Enable(Named { address, settings }) => settings.administer(async |accounts| {
                let account = accounts.set_enabled(&address, true).await?;
                say(format_args!("account {} may log in", account.address))
            }),
            Account::Disable(Named { address, settings }) => settings.administer(async |accounts| {
                let account = accounts.set_enabled(&address, false).await?;
                say(format_args!("account {} may no longer log in", account.address))
            }),
            Account::AppPassword(app_password) => app_password.run(),
            Account::Capability(capability) => capability.run(),
            Account::Quota(quota) => quota.run(),
            Account::Admin(Admin {
                address,
                state,
                settings,
            }) => settings.administer(async |accounts| {
                if let Some(state) = state {
                    accounts.set_administrator(&address, state == Switch::On).await?;
                }
                let account = accounts.find(&address).await?;
                let what = match accounts.is_administrator(account.id).await? {
                    true => "an",
                    false => "no",
                };
                say(format_args!("account {} is {what} administrator", account.address))
            }),
        }
    }
}

impl Quota {
    fn run(self) -> anyhow::Result<()> {
        let usual = self.settings.load()?.quota;
        let given = config::Quota {
            storage: self.storage,
            messages: self.messages,
            mailboxes: self.mailboxes,
        };
        self.settings.administer(async |accounts| {
            if self.usual {
                accounts.set_quota(&self.address, None).await?;
            } else if self.none || given != config::Quota::default() {
                accounts.set_quota(&self.address, Some(given)).await?;
            }
            let account = accounts.find(&self.address).await?;
            let quota = accounts.quota(account.id, &usual).await?;
            say(format_args!("account {} may hold {}", account.address, limits(&quota)))
        })
    }
}

fn limits(quota: &config::Quota) -> String {
    let limits = [
        quota.storage.map(|size| format!("{size} of mail")),
        quota.messages.map(|messages| format!("{messages} messages")),
        quota.mailboxes.map(|mailboxes| format!("{mailboxes} mailboxes")),
    ];
    let limits: Vec<String> = limits.into_iter().flatten().collect();
    match limits.is_empty() {
        true => "as much as there is room for".to_owned(),
        false => limits.join(", "),
    }
}

fn size(text: &str) -> Result<Size, &'static str> {
    Size::parse(text).ok_or("a number, alone or with KiB, MiB or GiB, is wanted")
}

/// A password that was made up here has to be told once.
fn told(password: &Given) -> String {
    match password {
        Given::Generated(text) => format!("; its password is {}", text.as_str()),
        Given::Entered(_) => String::new(),
    }
}
