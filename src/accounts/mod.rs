//! Who may log in, and whose an address is.

use crate::mail::address::Address;
use crate::mail::ids::AccountId;
use std::path::Path;

/// The accounts database of a data folder. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {}

/// An account: who logs in and owns mailboxes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// Its address, which is also its login name, normalised (lower case, A-labels resolved to U-labels).
    pub address: Address,
}

/// Why a login failed. The client is told the same in the first two cases.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Unknown user or wrong password.
    #[error("authentication failed")]
    Refused,
    /// The database or the hash could not be asked; try again.
    #[error("authentication is unavailable")]
    Unavailable(#[source] anyhow::Error),
}

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
    /// Opens (and creates or migrates) `accounts.db` in the data folder.
    pub async fn open(_data: &Path, _settings: &crate::config::Login) -> anyhow::Result<Accounts> {
        todo!()
    }

    /// Checks a password. Argon2id off the async threads, bounded concurrency, a short-lived cache, and equal time for an
    /// unknown user. `login` is an address (or its local part when the server has one domain) in any case.
    pub async fn authenticate(&self, _login: &str, _password: &str) -> Result<Account, LoginError> {
        todo!()
    }

    /// Whose an address is: account, alias, subaddress, catch-all, in that order. `postmaster` without a domain is ours.
    pub async fn resolve(&self, _address: &Address) -> anyhow::Result<Resolution> {
        todo!()
    }
}
