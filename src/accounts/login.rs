//! Logging in: by a password, by the proof that one is known, or by a token.
//!
//! Invariants: an unknown user costs the same time and the same work as a wrong password; what is answered never tells
//! the two apart; a password is never logged and never kept in clear.

use std::net::IpAddr;

use super::password::{NOBODY, TooBusy};
use super::sasl::prepare;
use super::sasl::scram::{Keys, Proof};
use super::{Account, Accounts, fold};
use crate::mail::address::Address;
use crate::storage::accounts::{AccountRow, DatabaseError, PasswordRow};

/// Through which door somebody logs in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Service {
    /// To read mail.
    Imap,
    /// To send mail.
    Submission,
}

/// Where a login comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The door.
    pub service: Service,
    /// The client's address.
    pub address: IpAddr,
}

/// Why a login failed. The client learns no more than that.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Unknown user, wrong password, or no right to log in.
    #[error("authentication failed")]
    Refused,
    /// Right, but nobody may act for another here.
    #[error("not allowed to act for another")]
    NotAuthorized,
    /// The database or the hash could not be asked; try again.
    #[error("authentication is unavailable")]
    Unavailable(#[source] anyhow::Error),
}

impl From<DatabaseError> for LoginError {
    fn from(cause: DatabaseError) -> LoginError {
        LoginError::Unavailable(cause.into())
    }
}

impl From<TooBusy> for LoginError {
    fn from(cause: TooBusy) -> LoginError {
        LoginError::Unavailable(cause.into())
    }
}

/// Whom a login name means.
pub(super) struct Named {
    /// The account's own name, or what an account of this name would be called.
    pub(super) name: String,
    row: Option<AccountRow>,
}

impl Accounts {
    /// Checks a password, or an app password. Argon2id off the async threads, bounded concurrency, a short-lived cache,
    /// and equal time for an unknown user. `login` is an address of the account (or its local part when the server has
    /// one domain), however it is written.
    pub async fn authenticate(&self, origin: Origin, login: &str, password: &str) -> Result<Account, LoginError> {
        let named = self.named_by(login).await?;
        let password = prepare::password(password);
        let right = match &named.row {
            Some(row) if self.is_app_password(origin, row, &password).await? => true,
            Some(row) => {
                let right = self.is_right(&named.name, &row.password, &password).await?;
                if right && row.stored_key.is_none() {
                    self.complete(row, &named.name, &password).await;
                }
                right
            }
            None => self.is_right(&named.name, NOBODY, &password).await?,
        };
        named.enter(right)
    }

    /// Checks that the client knows the password, or an app password (RFC 5802 §3). Returns the server's last message, too.
    pub(super) async fn prove(
        &self,
        origin: Origin,
        named: Named,
        proof: &Proof,
    ) -> Result<(Account, String), LoginError> {
        // Somebody has to be compared with.
        let mut told = proof.verify(&Keys::of_nobody());
        if let Some(row) = &named.row {
            let own = row.stored_key.as_deref().zip(row.server_key.as_deref());
            let own = own.and_then(|(stored, server)| Keys::read(stored, server));
            told = told.or(own.and_then(|keys| proof.verify(&keys)));
            if told.is_none() {
                told = self.proves_app_password(origin, row, proof).await?;
            }
        }
        let account = named.enter(told.is_some())?;
        Ok((account, told.unwrap_or_default()))
    }

    /// Checks an access token. `login` is whose mail is wanted; empty when that is for the token to say.
    pub(super) async fn bear(&self, login: &str, token: &str) -> Result<Account, LoginError> {
        let Some(issuer) = &self.0.issuer else {
            return Err(LoginError::Refused);
        };
        let address = match issuer.verify(token) {
            Ok(address) => address,
            Err(reason) => {
                tracing::info!(%reason, "token refused");
                return Err(LoginError::Refused);
            }
        };
        let account = self.named_by(&address).await?.enter(true)?;
        self.acts_for(&account, login).await?;
        Ok(account)
    }

    /// Whether whom an account wants to act for is itself. An empty name means that, too.
    pub(super) async fn acts_for(&self, account: &Account, name: &str) -> Result<(), LoginError> {
        if name.is_empty() {
            return Ok(());
        }
        match self.named_by(name).await?.row {
            Some(row) if row.id == account.id.0 => Ok(()),
            _ => Err(LoginError::NotAuthorized),
        }
    }

    /// Whose login name it is: an account's address in any case, with or without a detail (RFC 5233), an alias of one
    /// account, or the local part of these where the server has one domain. The catch-all is nobody's name.
    pub(super) async fn named_by(&self, login: &str) -> Result<Named, DatabaseError> {
        let login = prepare::name(login.trim());
        let database = &self.0.database;
        let address = if login.contains('@') {
            Address::parse(&login).ok()
        } else {
            let domain = database.only_domain().await?;
            domain.and_then(|domain| Address::new(&login, &domain).ok())
        };
        let Some(address) = address else {
            let name = fold(&login);
            return Ok(Named { name, row: None });
        };
        let (local, domain) = (fold(address.local()), address.domain());
        let mut found = self.of_local_part(&local, domain).await?;
        let row = if found.len() == 1 { found.pop() } else { None };
        let name = match &row {
            Some(row) => format!("{}@{}", row.local, row.domain),
            None => format!("{}@{domain}", super::resolve::without_detail(&local)),
        };
        Ok(Named { name, row })
    }

    /// One hash for all who ask the same at the same time, and none for who asks again soon.
    async fn is_right(&self, name: &str, stored: &str, password: &str) -> Result<bool, TooBusy> {
        let verify = self.0.hasher.verify(stored, password);
        self.0.remembered.check(&[name, stored, password], verify).await
    }

    /// Adds the keys of SCRAM to a password that is older than these.
    async fn complete(&self, row: &AccountRow, name: &str, password: &str) {
        let salt = self.0.secret.salt(name);
        let keys = Keys::derive(password, &salt, super::sasl::scram::ITERATIONS);
        let password = PasswordRow {
            hash: row.password.clone(),
            stored_key: keys.stored.to_vec(),
            server_key: keys.server.to_vec(),
        };
        if let Err(cause) = self.0.database.complete_password(row.id, &password).await {
            tracing::warn!(%cause, "keys of SCRAM not stored");
        }
    }
}

impl Named {
    /// Lets them in, if what they have shown is `right`, and they may log in.
    fn enter(self, right: bool) -> Result<Account, LoginError> {
        match self.row {
            Some(row) if right && row.enabled => Account::from_row(&row).map_err(LoginError::Unavailable),
            _ => Err(LoginError::Refused),
        }
    }
}
