//! How many connections an account and an address may have at the same time. Generous: a session that idles costs next to
//! nothing, and families have many devices behind one address.
//!
//! Invariants: a connection that finds no place disturbs none that has one; a place is given back however its
//! connection ends.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::login::{Origin, Service};
use super::slots::{Slot, Slots};
use super::{Account, Accounts};
use crate::config::Login;
use crate::mail::ids::AccountId;
use crate::net::network::{is_private, network};

/// An account through one door: what is sent is not counted with what is read.
type Key = (Service, AccountId);

/// Who waits for a place does so for a moment only, and is a connection that is counted elsewhere.
const QUEUE: usize = 1000;

/// The places of a server.
pub(super) struct Connections {
    accounts: Slots<Key>,
    addresses: Slots<IpAddr>,
    from: From,
    each: usize,
    wait: Duration,
}

/// How many sessions of an account are from where.
type From = Arc<Mutex<HashMap<Key, HashMap<IpAddr, usize>>>>;

impl Connections {
    pub(super) fn new(settings: &Login) -> Connections {
        Connections {
            accounts: Slots::new(settings.max_connections_per_account, QUEUE),
            addresses: Slots::new(settings.max_connections_per_address, 0),
            from: From::default(),
            each: settings.max_connections_per_account,
            wait: settings.connection_wait.get(),
        }
    }
}

/// A connection's place among those of its address, for as long as this lives.
pub struct ConnectionSlot(#[allow(dead_code)] Option<Slot<IpAddr>>);

/// A session's place among those of its account, for as long as this lives.
pub struct SessionSlot {
    key: Key,
    address: IpAddr,
    from: From,
    _slot: Slot<Key>,
}

/// An account has all the sessions that it may have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TooManySessions {
    /// How many that is.
    pub limit: usize,
    /// Where most of them are from, and how many.
    pub most: Option<(IpAddr, usize)>,
}

/// In words for its owner: how many, from where, and what to do.
impl fmt::Display for TooManySessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} connections of this account are open", self.limit)?;
        if let Some((address, count)) = self.most {
            write!(f, ", {count} of them from {address}")?;
        }
        write!(
            f,
            ": close a mail program there, or have login.max_connections_per_account raised"
        )
    }
}

impl Accounts {
    /// A place for a connection from this address. Private and loopback addresses are not counted: a gateway's is
    /// everybody's. `None`: there is none.
    pub async fn connected(&self, address: IpAddr) -> Option<ConnectionSlot> {
        if is_private(address) {
            return Some(ConnectionSlot(None));
        }
        let slot = self
            .0
            .connections
            .addresses
            .take(network(address), Duration::ZERO)
            .await?;
        Some(ConnectionSlot(Some(slot)))
    }

    /// A place for a session of this account, waited for a moment if need be.
    pub async fn session(&self, origin: Origin, account: &Account) -> Result<SessionSlot, TooManySessions> {
        let Connections {
            accounts,
            from,
            each,
            wait,
            ..
        } = &self.0.connections;
        let key = (origin.service, account.id);
        let Some(slot) = accounts.take(key, *wait).await else {
            let most = lock(from)
                .get(&key)
                .and_then(|from| from.iter().max_by_key(|(_, count)| **count))
                .map(|(address, count)| (*address, *count));
            tracing::warn!(account = %account.address, limit = each, ?most, "too many connections of one account");
            return Err(TooManySessions { limit: *each, most });
        };
        *lock(from).entry(key).or_default().entry(origin.address).or_default() += 1;
        Ok(SessionSlot {
            key,
            address: origin.address,
            from: from.clone(),
            _slot: slot,
        })
    }
}

impl Drop for SessionSlot {
    fn drop(&mut self) {
        let mut all = lock(&self.from);
        let Some(from) = all.get_mut(&self.key) else { return };
        if let Some(count) = from.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                from.remove(&self.address);
            }
        }
        if from.is_empty() {
            all.remove(&self.key);
        }
    }
}

impl fmt::Debug for SessionSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionSlot").field(&self.key).finish()
    }
}

fn lock(from: &From) -> MutexGuard<'_, HashMap<Key, HashMap<IpAddr, usize>>> {
    from.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Period;

    async fn accounts() -> (tempfile::TempDir, Accounts, Account) {
        let folder = tempfile::tempdir().unwrap();
        let settings = Login {
            max_connections_per_account: 3,
            max_connections_per_address: 2,
            connection_wait: Period::seconds(0),
            ..Login::default()
        };
        let accounts = Accounts::open(folder.path(), &settings).await.unwrap();
        accounts.add_domain("example.org").await.unwrap();
        let account = accounts.add("alice@example.org", "x").await.unwrap();
        (folder, accounts, account)
    }

    fn from(address: &str, service: Service) -> Origin {
        Origin {
            service,
            address: address.parse().unwrap(),
        }
    }

    #[tokio::test]
    async fn who_comes_too_late_learns_from_where_the_others_are() {
        let (_folder, accounts, alice) = accounts().await;
        let here = from("192.0.2.1", Service::Imap);
        let one = accounts.session(here, &alice).await.unwrap();
        let _two = accounts.session(here, &alice).await.unwrap();
        let _three = accounts
            .session(from("192.0.2.2", Service::Imap), &alice)
            .await
            .unwrap();
        let error = accounts.session(here, &alice).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "3 connections of this account are open, 2 of them from 192.0.2.1: close a mail program there, or have \
             login.max_connections_per_account raised"
        );
        // Sending is another matter.
        let sending = accounts.session(from("192.0.2.1", Service::Submission), &alice).await;
        drop(one);
        let again = accounts.session(here, &alice).await;
        assert!(again.is_ok() && sending.is_ok());
        drop((again, sending, _two, _three));
        assert!(lock(&accounts.0.connections.from).is_empty());
    }

    #[tokio::test]
    async fn an_address_has_its_own_limit_unless_it_may_be_everybodys() {
        let (_folder, accounts, _) = accounts().await;
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let one = accounts.connected(address("2001:db8::1")).await;
        let two = accounts.connected(address("2001:db8::2")).await;
        assert!(one.is_some() && two.is_some());
        assert!(accounts.connected(address("2001:db8::3")).await.is_none());
        assert!(accounts.connected(address("2001:db8:0:1::3")).await.is_some());
        drop(one);
        assert!(accounts.connected(address("2001:db8::3")).await.is_some());
        let mut inside = Vec::new();
        for _ in 0..10 {
            inside.push(accounts.connected(address("172.17.0.1")).await.unwrap());
        }
    }
}
