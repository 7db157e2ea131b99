//! Logging in: by a password, by the proof that one is known, or by a token.
//!
//! Invariants: an unknown user costs the same time and the same work as a wrong password; what is answered never tells
//! the two apart; a password is never logged and never kept in clear.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::attempts::{Verdict, shortened};
use super::password::{NOBODY, Queue, TooBusy};
use super::sasl::prepare;
use super::sasl::scram::{Keys, Proof};
use super::token::Unverified;
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
    /// To change the rules for mail.
    ManageSieve,
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
    /// Unknown user, wrong password, or no right to log in. The answer is to be held back for so long.
    #[error("authentication failed")]
    Refused(Duration),
    /// Too many logins have failed, and nothing was looked at; it ends after so long.
    #[error("too many failed logins")]
    Blocked(Duration),
    /// Right, but nobody may act for another here.
    #[error("not allowed to act for another")]
    NotAuthorized,
    /// The database or the hash could not be asked; try again.
    #[error("authentication is unavailable")]
    Unavailable(#[source] anyhow::Error),
}

impl LoginError {
    /// A refusal that nobody counts.
    pub(super) const REFUSED: LoginError = LoginError::Refused(Duration::from_secs(1));

    /// How long the answer is to be held back, so that guessing is slow on each connection. Nobody else waits.
    pub fn delay(&self) -> Duration {
        match self {
            LoginError::Refused(delay) => *delay,
            LoginError::Blocked(_) => Duration::from_secs(1),
            LoginError::NotAuthorized | LoginError::Unavailable(_) => Duration::ZERO,
        }
    }
}

/// In words for the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ComeBack(pub Duration);

impl std::fmt::Display for ComeBack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.as_secs().div_ceil(60) {
            0 | 1 => f.write_str("Too many failed logins, try again in a minute"),
            minutes => write!(f, "Too many failed logins, try again in {minutes} minutes"),
        }
    }
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
    pub(super) row: Option<AccountRow>,
}

impl Named {
    /// The account of this name, if there is one.
    pub(super) fn account(&self) -> anyhow::Result<Option<Account>> {
        self.row.as_ref().map(Account::from_row).transpose()
    }
}

impl Accounts {
    /// Checks a password, or an app password. Argon2id off the async threads, bounded concurrency, a short-lived cache,
    /// and equal time for an unknown user. `login` is an address of the account (or its local part when the server has
    /// one domain), however it is written.
    pub async fn authenticate(&self, origin: Origin, login: &str, password: &str) -> Result<Account, LoginError> {
        let named = self.named_by(login).await?;
        let password = prepare::password(password);
        if let Some(row) = &named.row
            && self.is_app_password(origin, row, &password).await?
        {
            return self.settle(origin, named, true, None);
        }
        let (stored, enabled) = match &named.row {
            Some(row) => (row.password.clone(), row.enabled),
            None => (NOBODY.to_owned(), false),
        };
        let words = [&*named.name, &*stored, &*password];
        let shown = [&*stored, &*password, if enabled { "enabled" } else { "" }];
        let attempts = &self.0.attempts;
        // What is known to be right is never turned away, whatever others do.
        let right = match self.0.remembered.knows(&words) {
            true => true,
            false => match attempts.judge(Instant::now(), origin.address, &named.name, Some(&shown)) {
                Verdict::Blocked(end) => return Err(LoginError::Blocked(end)),
                Verdict::KnownWrong => false,
                Verdict::Look { acquainted } => {
                    let queue = Queue::of(acquainted, origin.address, &named.name);
                    let verify = async {
                        let turn = self.0.hasher.turn(queue).await?;
                        // Others who guess at the same time may have failed meanwhile.
                        match attempts.judge(Instant::now(), origin.address, &named.name, Some(&shown)) {
                            Verdict::Blocked(end) => Err(LoginError::Blocked(end)),
                            _ => Ok(self.0.hasher.verify(turn, &stored, &password).await?),
                        }
                    };
                    // One hash for all who ask the same at the same time, and none for who asks again soon.
                    self.0.remembered.check(&words, verify).await?
                }
            },
        };
        if let (true, Some(row)) = (right, &named.row)
            && row.stored_key.is_none()
        {
            self.complete(row, &named.name, &password).await;
        }
        self.settle(origin, named, right, Some(&shown))
    }

    /// Checks that the client knows the password, or an app password (RFC 5802 §3). Returns the server's last message, too.
    pub(super) async fn prove(
        &self,
        origin: Origin,
        named: Named,
        proof: &Proof,
    ) -> Result<(Account, String), LoginError> {
        if let Verdict::Blocked(end) = self.0.attempts.judge(Instant::now(), origin.address, &named.name, None) {
            return Err(LoginError::Blocked(end));
        }
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
        let account = self.settle(origin, named, told.is_some(), None)?;
        Ok((account, told.unwrap_or_default()))
    }

    /// Checks an access token. `login` is whose mail is wanted; empty when that is for the token to say.
    pub(super) async fn bear(&self, origin: Origin, login: &str, token: &str) -> Result<Account, LoginError> {
        let Some(issuer) = &self.0.issuer else {
            return Err(LoginError::REFUSED);
        };
        let name = self.named_by(login).await?.name;
        let attempts = &self.0.attempts;
        // Who makes the issuer be asked again and again is slowed down and turned away like one who guesses passwords.
        if issuer.is_asked()
            && let Verdict::Blocked(end) = attempts.judge(Instant::now(), origin.address, &name, None)
        {
            return Err(LoginError::Blocked(end));
        }
        let address = match issuer.verify(token).await {
            Ok(address) => address,
            Err(Unverified::Refused(reason)) => {
                tracing::info!(%reason, "token refused");
                return Err(match issuer.is_asked() {
                    true => LoginError::Refused(attempts.failed(Instant::now(), origin.address, &name, Some(&[token]))),
                    false => LoginError::REFUSED,
                });
            }
            Err(cause @ Unverified::Unavailable) => return Err(LoginError::Unavailable(cause.into())),
        };
        let named = self.named_by(&address).await?;
        let account = match &named.row {
            Some(row) if row.enabled => Account::from_row(row).map_err(LoginError::Unavailable)?,
            _ => return Err(LoginError::REFUSED),
        };
        self.acts_for(&account, login).await?;
        attempts.succeeded(Instant::now(), origin.address, &named.name);
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

    /// Lets them in, if what they have shown is `right`, and they may log in; and takes note of it.
    fn settle(&self, origin: Origin, named: Named, right: bool, shown: Option<&[&str]>) -> Result<Account, LoginError> {
        let attempts = &self.0.attempts;
        match &named.row {
            Some(row) if right && row.enabled => {
                attempts.succeeded(Instant::now(), origin.address, &named.name);
                Account::from_row(row).map_err(LoginError::Unavailable)
            }
            _ => {
                tracing::info!(name = ?shortened(&named.name), "login refused");
                Err(LoginError::Refused(attempts.failed(
                    Instant::now(),
                    origin.address,
                    &named.name,
                    shown,
                )))
            }
        }
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
