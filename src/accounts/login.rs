//! Logging in.
//!
//! Invariants: an unknown user costs the same time and the same work as a wrong password; what is answered never tells
//! the two apart; a password is never logged and never kept in clear.

use zeroize::Zeroizing;

use super::password::{NOBODY, TooBusy};
use super::{Account, Accounts, fold};
use crate::mail::address::Address;
use crate::storage::accounts::{AccountRow, DatabaseError};

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

impl Accounts {
    /// Checks a password. Argon2id off the async threads, bounded concurrency, a short-lived cache, and equal time for an
    /// unknown user. `login` is an address (or its local part when the server has one domain) in any case.
    pub async fn authenticate(&self, login: &str, password: &str) -> Result<Account, LoginError> {
        let login = login.trim();
        let row = self
            .account_of(login)
            .await
            .map_err(|cause| LoginError::Unavailable(cause.into()))?;
        let (name, stored) = match &row {
            Some(row) => (format!("{}@{}", row.local, row.domain), row.password.as_str()),
            None => (fold(login), NOBODY),
        };
        let right = self
            .is_right(&name, stored, password)
            .await
            .map_err(|cause| LoginError::Unavailable(cause.into()))?;
        match row {
            Some(row) if right && row.enabled => Account::from_row(&row).map_err(LoginError::Unavailable),
            _ => Err(LoginError::Refused),
        }
    }

    /// Whose login name it is.
    async fn account_of(&self, login: &str) -> Result<Option<AccountRow>, DatabaseError> {
        let database = &self.0.database;
        let address = if login.contains('@') {
            Address::parse(login)
        } else {
            match database.only_domain().await? {
                Some(domain) => Address::new(login, &domain),
                None => return Ok(None),
            }
        };
        match address {
            Ok(address) => database.account(&fold(address.local()), address.domain()).await,
            Err(_) => Ok(None),
        }
    }

    /// One hash for all who ask the same at the same time, and none for who asks again soon.
    async fn is_right(&self, name: &str, stored: &str, password: &str) -> Result<bool, TooBusy> {
        let verify = async {
            let password = Zeroizing::new(password.to_owned());
            self.0.hasher.verify(stored.to_owned(), password).await
        };
        self.0.remembered.check(&[name, stored, password], verify).await
    }
}
