//! Failed logins: they slow down, and then whoever guesses is turned away for a while.
//!
//! Three things are counted: failures of one name from one network, of one network, and of one name. Each has a limit, and
//! whoever is at a limit is told so without anything being looked at, so that guessing costs the server nothing.
//!
//! Nobody is turned away for what another does. A network from which somebody logs in is not turned away as a whole, nor is
//! one with a private address, which may be a gateway that all clients come through; and whoever has logged in before gets
//! in while others guess at the same name, from elsewhere or through the same gateway. The same wrong password counts once,
//! for that is a program that has not been told of a new one.
//!
//! Names that are nobody's are counted like any other: nobody learns from this which those are. All of it is in memory,
//! bounded, and forgotten when the server ends. What time it is, is given.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::config::Login;
use crate::net::network::{is_private, network};

/// Failures that are answered after a second; each further one takes twice as long.
const PATIENCE: u32 = 3;
/// The longest that an answer is held back: less than a server takes to shut down.
const MAX_DELAY: Duration = Duration::from_secs(8);
/// How long it is remembered who has logged in from where.
const ACQUAINTANCE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Entries of each table. When one is full, the older half goes.
const MAX_ENTRIES: usize = 50_000;

/// What happens to be known of failed logins.
pub(super) struct Attempts {
    per_name_here: u32,
    per_network: u32,
    per_name: u32,
    block: Duration,
    /// Keys that nobody can guess, so that nobody can aim at another's entry.
    hasher: RandomState,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    here: HashMap<(IpAddr, Name), Tally>,
    networks: HashMap<IpAddr, Tally>,
    names: HashMap<Name, Tally>,
    /// Who has logged in from where, and until when that is remembered.
    acquainted: HashMap<IpAddr, HashMap<Name, Instant>>,
    /// Whether the log has explained what a gateway does.
    explained: bool,
}

/// The hash of a name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Name(u64);

/// Failures, and until when they are remembered.
#[derive(Clone, Copy)]
struct Tally {
    failures: u32,
    /// The password that failed last, as a hash.
    last: u64,
    until: Instant,
}

/// What is to be done with a login.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// Look at it. `acquainted`: the name has logged in from this network before, and nobody guesses at it from there.
    Look { acquainted: bool },
    /// The very same has failed before, and nothing has changed.
    KnownWrong,
    /// Turn it away; not for longer than this.
    Blocked(Duration),
}

impl Attempts {
    pub(super) fn new(settings: &Login) -> Attempts {
        let limit = |limit: usize| match u32::try_from(limit) {
            Ok(0) | Err(_) => u32::MAX,
            Ok(limit) => limit,
        };
        Attempts {
            per_name_here: limit(settings.max_failures),
            per_network: limit(settings.max_failures_per_address),
            per_name: limit(settings.max_failures_per_account),
            block: settings.block.get(),
            hasher: RandomState::new(),
            book: Mutex::default(),
        }
    }

    /// What to do with a login of this name, before anything is looked at. `shown` is what it shows, with what that is
    /// compared to.
    pub(super) fn judge(&self, now: Instant, address: IpAddr, name: &str, shown: Option<&[&str]>) -> Verdict {
        let (network, name) = (network(address), self.name(name));
        let book = self.book();
        let tally = book.here.get(&(network, name)).filter(|tally| tally.until > now);
        let acquainted = book.acquainted_with(network, name, now);
        let full = |tally: Option<&Tally>, limit| {
            let tally = tally.filter(|tally| tally.until > now && tally.failures >= limit)?;
            Some(Verdict::Blocked(tally.until - now))
        };
        let here = full(tally, self.per_name_here);
        // Through a gateway come those who guess and those who know, and only slowness tells them apart.
        if let Some(blocked) = here
            && !(acquainted && is_private(address))
        {
            return blocked;
        }
        if !acquainted {
            let of_all = full(book.names.get(&name), self.per_name);
            let of_network = match self.may_block(&book, address, now) {
                true => full(book.networks.get(&network), self.per_network),
                false => None,
            };
            if let Some(blocked) = of_all.or(of_network) {
                return blocked;
            }
        }
        match (tally, shown) {
            (Some(tally), Some(shown)) if tally.last == self.fingerprint(shown) => Verdict::KnownWrong,
            _ => Verdict::Look {
                acquainted: acquainted && here.is_none(),
            },
        }
    }

    /// A login failed. How long the answer is to be held back.
    pub(super) fn failed(&self, now: Instant, address: IpAddr, name: &str, shown: Option<&[&str]>) -> Duration {
        let (network, key) = (network(address), self.name(name));
        let last = shown.map_or(0, |shown| self.fingerprint(shown));
        let mut book = self.book();
        let again = shown.is_some()
            && book
                .here
                .get(&(network, key))
                .is_some_and(|tally| tally.until > now && tally.last == last);
        if again {
            return self.delay(book.here.get(&(network, key)));
        }
        let until = now + self.block;
        let here = count(&mut book.here, (network, key), last, now, until);
        let of_network = count(&mut book.networks, network, 0, now, until);
        let of_name = count(&mut book.names, key, 0, now, until);
        let may_block = self.may_block(&book, address, now);
        if here == self.per_name_here {
            tracing::warn!(%address, name = ?shortened(name), "too many failed logins of one name from one address: turned away");
        }
        if of_name == self.per_name {
            tracing::warn!(
                name = ?shortened(name),
                "too many failed logins of one name: it is turned away where it has not logged in from before"
            );
        }
        if of_network == self.per_network {
            match may_block {
                true => tracing::warn!(%address, "too many failed logins from one address: turned away"),
                false => self.explain(&mut book, address),
            }
        }
        let slowest = match may_block {
            true => book.networks.get(&network),
            false => book.here.get(&(network, key)),
        };
        self.delay(slowest)
    }

    /// A login succeeded.
    pub(super) fn succeeded(&self, now: Instant, address: IpAddr, name: &str) {
        let (network, name) = (network(address), self.name(name));
        let mut book = self.book();
        book.here.remove(&(network, name));
        make_room(&mut book.acquainted, |names| names.values().max().copied(), now);
        let names = book.acquainted.entry(network).or_default();
        make_room(names, |until| Some(*until), now);
        names.insert(name, now + ACQUAINTANCE);
    }

    /// Whether a network may be turned away as a whole.
    fn may_block(&self, book: &Book, address: IpAddr, now: Instant) -> bool {
        let known = book.acquainted.get(&network(address));
        !is_private(address) && !known.is_some_and(|names| names.values().any(|until| *until > now))
    }

    /// Tells once what a gateway does, and what to do about it.
    fn explain(&self, book: &mut Book, address: IpAddr) {
        if is_private(address) && !std::mem::replace(&mut book.explained, true) {
            tracing::warn!(
                %address,
                "many failed logins from a private address, which is not turned away: if all clients seem to come from \
                 it, it is a gateway's (docs/container.md, \"Addresses of clients\"), and guessing is only slowed down \
                 for each name"
            );
        }
    }

    fn delay(&self, tally: Option<&Tally>) -> Duration {
        let failures = tally.map_or(1, |tally| tally.failures);
        let doublings = failures.saturating_sub(PATIENCE).min(10);
        Duration::from_secs(1 << doublings).min(MAX_DELAY)
    }

    fn name(&self, name: &str) -> Name {
        Name(self.hasher.hash_one(name))
    }

    /// Never 0, which stands for none.
    fn fingerprint(&self, shown: &[&str]) -> u64 {
        self.hasher.hash_one(shown) | 1
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn acquainted_with(&self, network: IpAddr, name: Name, now: Instant) -> bool {
        let known = self.acquainted.get(&network).and_then(|names| names.get(&name));
        known.is_some_and(|until| *until > now)
    }
}

/// Counts one more; how many there are.
fn count<K: Hash + Eq>(table: &mut HashMap<K, Tally>, key: K, last: u64, now: Instant, until: Instant) -> u32 {
    make_room(table, |tally| Some(tally.until), now);
    let tally = table.entry(key).or_insert(Tally {
        failures: 0,
        last,
        until,
    });
    if tally.until <= now {
        tally.failures = 0;
    }
    tally.failures = tally.failures.saturating_add(1);
    tally.last = last;
    tally.until = until;
    tally.failures
}

/// Lets what is over go from a full table, or else the half of it that would be over first.
fn make_room<K: Hash + Eq, V>(table: &mut HashMap<K, V>, until: impl Fn(&V) -> Option<Instant>, now: Instant) {
    if table.len() < MAX_ENTRIES {
        return;
    }
    table.retain(|_, value| until(value).is_some_and(|until| until > now));
    if table.len() >= MAX_ENTRIES {
        let mut ends: Vec<_> = table.values().filter_map(&until).collect();
        ends.sort_unstable();
        let middle = ends.get(ends.len() / 2).copied();
        table.retain(|_, value| until(value) > middle);
    }
}

/// A name as it goes to the log: one that is none may be anything, a novel too.
pub(super) fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}

#[cfg(test)]
mod tests;
