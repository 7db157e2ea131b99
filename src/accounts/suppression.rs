//! Addresses that an account's mail is not sent to: because its owner, or whoever looks after the server, does not want it, or
//! because the other server said that there is no such address. Those of an alias are for what it forwards.

use std::time::Duration;

use super::administration::Error;
use super::names::{alias_address, domain_name, written};
use super::resolve::without_detail;
use super::{Accounts, fold};
use crate::mail::address::Address;
use crate::mail::date::Timestamp;
use crate::mail::ids::AccountId;
use crate::storage::accounts::SuppressionRow;

/// The longest reason that is kept, in octets.
const MAX_REASON: usize = 300;

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// An address, or `@` and a domain.
    pub address: String,
    /// Whether it is there because mail to it failed.
    pub failed: bool,
    /// Why, in words, which may be those of another server.
    pub reason: String,
    /// Since when, in seconds since 1970.
    pub added: i64,
    /// Until when, if it ends by itself.
    pub expires: Option<i64>,
}

impl Accounts {
    /// Why mail of an account or alias is not sent to an address, if it is so.
    pub async fn suppressed(&self, owner: &Address, to: &Address) -> anyhow::Result<Option<Suppression>> {
        let local = fold(owner.local());
        let base = written(without_detail(&local), owner.domain());
        // What its catch-all forwards is forwarded by a domain.
        let owners = [
            &*written(&local, owner.domain()),
            &*base,
            &*format!("@{}", owner.domain()),
        ];
        let address = written(&fold(to.local()), to.domain());
        let row = self
            .0
            .database
            .suppression(owners, &address, &format!("@{}", to.domain()))
            .await?;
        Ok(row.map(Suppression::from))
    }

    /// The list of an account or alias.
    pub async fn suppressions(&self, owner: &str) -> Result<Vec<Suppression>, Error> {
        let owner = self.owner(owner).await?;
        let rows = self.0.database.suppressions(&owner).await?;
        Ok(rows.into_iter().map(Suppression::from).collect())
    }

    /// Puts an address, or a domain (`@example.net`), on the list of an account or alias. Returns it as written.
    pub async fn suppress(
        &self,
        owner: &str,
        address: &str,
        reason: &str,
        expire: Option<Duration>,
    ) -> Result<String, Error> {
        let (owner, address) = (self.owner(owner).await?, listed(address)?);
        self.put(owner, &address, false, reason, expire).await?;
        Ok(address)
    }

    /// The other server says that an address to which an account's mail went does not exist.
    pub async fn suppress_failed(
        &self,
        account: AccountId,
        to: &Address,
        reason: &str,
        expire: Duration,
    ) -> Result<(), Error> {
        let address = written(&fold(to.local()), to.domain());
        match self.0.database.owner(account.0).await? {
            Some(owner) => self.put(owner, &address, true, reason, Some(expire)).await,
            None => Ok(()),
        }
    }

    /// Takes an address or domain off the list, or all of them. How many there were.
    pub async fn unsuppress(&self, owner: &str, address: Option<&str>) -> Result<u64, Error> {
        let owner = self.owner(owner).await?;
        let address = address.map(listed).transpose()?;
        Ok(self.0.database.unsuppress(&owner, address.as_deref()).await?)
    }

    async fn put(
        &self,
        owner: String,
        address: &str,
        failed: bool,
        reason: &str,
        expire: Option<Duration>,
    ) -> Result<(), Error> {
        let added = Timestamp::now().seconds;
        let mut reason: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        while reason.len() > MAX_REASON {
            reason.pop();
        }
        let row = SuppressionRow {
            owner,
            address: address.to_owned(),
            failed,
            reason,
            added,
            expires: expire.map(|expire| added.saturating_add(expire.as_secs() as i64)),
        };
        Ok(self.0.database.suppress(&row).await?)
    }

    /// An account or alias of ours, as written.
    async fn owner(&self, owner: &str) -> Result<String, Error> {
        let (local, domain) = alias_address(owner)?;
        let mut changes = self.0.database.change().await?;
        let there =
            changes.account(&local, &domain).await?.is_some() || changes.alias(&local, &domain).await?.is_some();
        match there {
            true => Ok(written(&local, &domain)),
            false => Err(Error::UnknownAccount(written(&local, &domain))),
        }
    }
}

impl From<SuppressionRow> for Suppression {
    fn from(row: SuppressionRow) -> Suppression {
        Suppression {
            address: row.address,
            failed: row.failed,
            reason: row.reason,
            added: row.added,
            expires: row.expires,
        }
    }
}

/// An address or domain as a list has it.
fn listed(text: &str) -> Result<String, Error> {
    match text.trim().strip_prefix('@') {
        Some(domain) => Ok(format!("@{}", domain_name(domain)?)),
        None => {
            let address = Address::parse(text.trim()).map_err(|_| Error::InvalidAddress(text.to_owned()))?;
            Ok(written(&fold(address.local()), address.domain()))
        }
    }
}
