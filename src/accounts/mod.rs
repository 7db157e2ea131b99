//! Who may log in, and whose an address is.
//!
//! Addresses of ours are compared without regard to case, the local part included (RFC 5321 §2.4 leaves that to the
//! host the address belongs to). Nothing but passwords that were just right is remembered: what the command line
//! changes in the database is true for the running server at once.

mod administration;
mod app_password;
mod attempts;
mod connections;
mod login;
mod names;
mod password;
mod quota;
mod remembered;
mod resolve;
pub mod sasl;
mod secret;
mod slots;
mod suppression;
mod token;

use std::path::Path;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

use crate::mail::address::Address;
use crate::mail::ids::AccountId;
use crate::storage::accounts::{AccountRow, Database};

use attempts::Attempts;
use connections::Connections;
use password::Hasher;
use remembered::Remembered;
use secret::Secret;
use token::Issuer;

pub use administration::{Alias, Domain, Error, Listed};
pub use app_password::{AppPassword, Scope};
pub use connections::{ConnectionSlot, SessionSlot, TooManySessions};
pub use login::{ComeBack, LoginError, Origin, Service};
pub use resolve::{Forwarding, Resolution};
pub use suppression::Suppression;

/// The accounts database of a data folder. Cheap to clone.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    secret: Secret,
    database: Database,
    hasher: Hasher,
    remembered: Remembered,
    issuer: Option<Issuer>,
    attempts: Attempts,
    connections: Connections,
}

/// An account: who logs in and owns mailboxes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// Its address, which is also its login name, normalised (lower case, A-labels resolved to U-labels).
    pub address: Address,
}

impl Accounts {
    /// Opens (and creates or migrates) `accounts.db` in the data folder.
    pub async fn open(data: &Path, settings: &crate::config::Login) -> anyhow::Result<Accounts> {
        let issuer = Issuer::load(&settings.oauth)?;
        let database = Database::open(data).await?;
        Ok(Accounts(Arc::new(Inner {
            secret: Secret::load(&database).await?,
            issuer,
            attempts: Attempts::new(settings),
            connections: Connections::new(settings),
            database,
            hasher: Hasher::new(settings.concurrent_hashes),
            remembered: Remembered::new(settings.cache.get()),
        })))
    }

    /// Whether the issuer of tokens in the settings, if there is one, has keys that can be used.
    pub fn check_issuer(settings: &crate::config::Oauth) -> anyhow::Result<()> {
        Issuer::load(settings)?;
        Ok(())
    }

    /// Closes the database, after running queries have ended.
    pub async fn close(&self) {
        self.0.database.close().await;
    }
}

impl Account {
    fn from_row(row: &AccountRow) -> anyhow::Result<Account> {
        Ok(Account {
            id: AccountId(row.id),
            address: Address::new(&row.local, &row.domain)?,
        })
    }
}

/// The local part as ours are compared and stored: in one case, and composed, for some systems write `o` and its dots apart (RFC
/// 6532 §3.1 recommends NFC).
fn fold(local: &str) -> String {
    local.to_lowercase().nfc().collect()
}
