//! What an account may hold, and who may set it.

use super::administration::account;
use super::{Account, Accounts, Error};
use crate::config::{Quota, Size};
use crate::mail::ids::AccountId;
use crate::storage::accounts::{DatabaseError, QuotaRow};

impl Accounts {
    /// An account's quota: its own, or else the usual one of the settings.
    pub async fn quota(&self, account: AccountId, usual: &Quota) -> anyhow::Result<Quota> {
        Ok(self.own_quota(account).await?.unwrap_or(*usual))
    }

    /// The quota that was set for this account, if one was.
    pub async fn own_quota(&self, account: AccountId) -> Result<Option<Quota>, DatabaseError> {
        let row = self.0.database.quota(account.0).await?;
        Ok(row.map(|row| Quota {
            storage: row.storage.map(|octets| Size::octets(octets as u64)),
            messages: row.messages.map(|messages| messages as u64),
            mailboxes: row.mailboxes.map(|mailboxes| mailboxes as u64),
        }))
    }

    /// Whose quota a name means that somebody writes: an account's, by any of its login names.
    pub async fn quota_owner(&self, name: &str) -> anyhow::Result<Option<Account>> {
        let named = self.named_by(name).await?;
        named.account()
    }

    /// Whether an account may set the quotas of all.
    pub async fn is_administrator(&self, account: AccountId) -> Result<bool, DatabaseError> {
        self.0.database.is_administrator(account.0).await
    }

    /// Lets an account set the quotas of all, or no longer. True for the running server at once.
    pub async fn set_administrator(&self, address: &str, on: bool) -> Result<Account, Error> {
        let mut changes = self.0.database.change().await?;
        let account = account(&mut changes, address).await?;
        changes.put_administrator(account.id.0, on).await?;
        changes.commit().await?;
        Ok(account)
    }

    /// Gives an account a quota of its own, or takes that away. True for the running server at once; nothing is deleted
    /// when an account holds more already.
    pub async fn set_quota(&self, address: &str, quota: Option<Quota>) -> Result<Account, Error> {
        let account = self.find(address).await?;
        self.set_quota_of(account.id, quota).await?;
        Ok(account)
    }

    /// The same, for an account that is known.
    pub async fn set_quota_of(&self, account: AccountId, quota: Option<Quota>) -> Result<(), DatabaseError> {
        let mut changes = self.0.database.change().await?;
        match quota {
            Some(quota) => changes.put_quota(account.0, row(&quota)).await?,
            None => changes.delete_quota(account.0).await?,
        }
        changes.commit().await
    }
}

/// A limit beyond what the database can hold is none that anybody reaches.
fn row(quota: &Quota) -> QuotaRow {
    let number = |number| i64::try_from(number).unwrap_or(i64::MAX);
    QuotaRow {
        storage: quota.storage.map(|size| number(size.get())),
        messages: quota.messages.map(number),
        mailboxes: quota.mailboxes.map(number),
    }
}
