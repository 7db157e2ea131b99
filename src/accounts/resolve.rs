//! Whose an address is.

use super::{Account, Accounts, fold};
use crate::mail::address::Address;
use crate::storage::accounts::{AccountRow, DatabaseError};

/// Separates the local part of an account or alias from a detail that its owner chooses (RFC 5233).
const DETAIL: char = '+';
/// The local part of the catch-all in the database.
pub(super) const CATCH_ALL: &str = "";
/// Every domain has it (RFC 5321 §4.5.1).
const POSTMASTER: &str = "postmaster";

/// Names that are followed from one alias to the next.
const MAX_NAMES: usize = 100;

/// What an address means to this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Delivered here: the accounts, each once (an alias may have several).
    Local(Vec<Account>),
    /// An alias that leads to addresses elsewhere.
    Forwarded(Forwarding),
    /// The domain is ours and has no such address.
    UnknownUser,
    /// An alias that leads to other aliases, and these back to it.
    Circular,
    /// The domain is not ours.
    Remote,
}

/// What an alias leads to, if it is not only to accounts. There is at least one address elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarding {
    /// The address of ours that leads there.
    pub by: Address,
    /// The accounts that get a copy, each once.
    pub accounts: Vec<Account>,
    /// The addresses elsewhere, each once.
    pub addresses: Vec<Address>,
}

/// What one name leads to, before that is looked at in turn.
struct Found {
    accounts: Vec<AccountRow>,
    forwards: Vec<String>,
}

impl Resolution {
    /// The accounts that it stands for, whoever else there is.
    pub fn accounts(&self) -> &[Account] {
        match self {
            Resolution::Local(accounts) => accounts,
            Resolution::Forwarded(forwarding) => &forwarding.accounts,
            Resolution::UnknownUser | Resolution::Circular | Resolution::Remote => &[],
        }
    }
}

impl Accounts {
    /// Whose an address is: account, alias, subaddress, catch-all, in that order. `postmaster` that is none of these is
    /// the oldest account of the domain, or else of the server. Aliases of aliases are followed to their ends.
    pub async fn resolve(&self, address: &Address) -> anyhow::Result<Resolution> {
        if !self.is_ours(address.domain()).await? {
            return Ok(Resolution::Remote);
        }
        let (mut accounts, mut addresses) = (Vec::<Account>::new(), Vec::new());
        let (mut waiting, mut seen, mut again) = (vec![address.clone()], Vec::new(), false);
        while let Some(next) = waiting.pop() {
            // What an alias leads to may have become ours, or an alias, since.
            if !self.is_ours(next.domain()).await? {
                if !addresses.contains(&next) {
                    addresses.push(next);
                }
                continue;
            }
            let name = (fold(next.local()), next.domain().to_owned());
            if seen.contains(&name) || seen.len() >= MAX_NAMES {
                again = true;
                continue;
            }
            let found = self.found(&name.0, &name.1).await?;
            seen.push(name);
            for row in &found.accounts {
                let account = Account::from_row(row)?;
                if !accounts.iter().any(|known| known.id == account.id) {
                    accounts.push(account);
                }
            }
            // The last is taken first.
            waiting.extend(found.forwards.iter().rev().filter_map(|text| Address::parse(text).ok()));
        }
        Ok(match (accounts.is_empty(), addresses.is_empty()) {
            (true, true) if again => Resolution::Circular,
            (true, true) => Resolution::UnknownUser,
            (false, true) => Resolution::Local(accounts),
            (_, false) => Resolution::Forwarded(Forwarding {
                by: Address::new(&fold(address.local()), address.domain())?,
                accounts,
                addresses,
            }),
        })
    }

    /// Whether a domain is ours.
    pub async fn is_ours(&self, domain: &str) -> anyhow::Result<bool> {
        Ok(self.0.database.has_domain(domain).await?)
    }

    /// What a name of a domain of ours leads to.
    async fn found(&self, local: &str, domain: &str) -> anyhow::Result<Found> {
        let database = &self.0.database;
        for name in [local, without_detail(local), CATCH_ALL] {
            // Nobody writes the catch-all's name, but `+detail` alone would become it.
            let accounts = match name == CATCH_ALL {
                true => database.alias_targets(CATCH_ALL, domain).await?,
                false => self.named(name, domain).await?,
            };
            let forwards = database.alias_forwards(name, domain).await?;
            if !accounts.is_empty() || !forwards.is_empty() {
                return Ok(Found { accounts, forwards });
            }
        }
        let accounts = match local == POSTMASTER {
            true => database.first_account(domain).await?.into_iter().collect(),
            false => Vec::new(),
        };
        Ok(Found {
            accounts,
            forwards: Vec::new(),
        })
    }

    /// The account of exactly this address, as accounts are called.
    pub async fn account(&self, address: &Address) -> anyhow::Result<Option<Account>> {
        let row = self.0.database.account(address.local(), address.domain()).await?;
        row.as_ref().map(Account::from_row).transpose()
    }

    /// The account that somebody means who writes a login name, however it is written: an alias of one account, another case,
    /// with a detail.
    pub async fn account_named(&self, login: &str) -> anyhow::Result<Option<Account>> {
        let named = self.named_by(login).await?;
        named.row.as_ref().map(Account::from_row).transpose()
    }

    /// Whose `<postmaster>` without a domain is (RFC 5321 §4.1.1.3): the postmaster of the domain of the oldest account.
    pub async fn postmaster(&self) -> anyhow::Result<Resolution> {
        match self.0.database.first_account("").await? {
            Some(first) => self.resolve(&Address::new(POSTMASTER, &first.domain)?).await,
            None => Ok(Resolution::UnknownUser),
        }
    }

    /// The account or alias of this name, or else of its part before the detail.
    pub(super) async fn of_local_part(&self, local: &str, domain: &str) -> Result<Vec<AccountRow>, DatabaseError> {
        let found = self.named(local, domain).await?;
        match without_detail(local) {
            base if found.is_empty() && base != local => self.named(base, domain).await,
            _ => Ok(found),
        }
    }

    /// The account or alias of exactly this name.
    async fn named(&self, local: &str, domain: &str) -> Result<Vec<AccountRow>, DatabaseError> {
        // Nobody writes the catch-all's name, but `+detail` alone would become it.
        if local == CATCH_ALL {
            return Ok(Vec::new());
        }
        match self.0.database.account(local, domain).await? {
            Some(account) => Ok(vec![account]),
            None => self.0.database.alias_targets(local, domain).await,
        }
    }
}

/// The part of a local part before the detail.
pub(super) fn without_detail(local: &str) -> &str {
    local.split_once(DETAIL).map_or(local, |(base, _detail)| base)
}
