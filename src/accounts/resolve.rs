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

/// What an address means to this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Delivered here: the accounts, each once (an alias may have several).
    Local(Vec<Account>),
    /// The domain is ours and has no such address.
    UnknownUser,
    /// The domain is not ours.
    Remote,
}

impl Accounts {
    /// Whose an address is: account, alias, subaddress, catch-all, in that order. `postmaster` that is none of these is
    /// the oldest account of the domain, or else of the server.
    pub async fn resolve(&self, address: &Address) -> anyhow::Result<Resolution> {
        let database = &self.0.database;
        let (local, domain) = (fold(address.local()), address.domain());
        if !database.has_domain(domain).await? {
            return Ok(Resolution::Remote);
        }
        let mut found = self.of_local_part(&local, domain).await?;
        if found.is_empty() {
            found = database.alias_targets(CATCH_ALL, domain).await?;
        }
        if found.is_empty() && local == POSTMASTER {
            found.extend(database.first_account(domain).await?);
        }
        local_or_unknown(&found)
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

fn local_or_unknown(rows: &[AccountRow]) -> anyhow::Result<Resolution> {
    if rows.is_empty() {
        return Ok(Resolution::UnknownUser);
    }
    rows.iter()
        .map(Account::from_row)
        .collect::<Result<_, _>>()
        .map(Resolution::Local)
}
