//! How much comes from where within an hour. In memory, bounded, forgotten when the server ends. What time it is, is given.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use std::net::IpAddr;

use crate::config;
use crate::net::network::network;

/// The time in which is counted.
const HOUR: Duration = Duration::from_secs(3600);
/// Entries. When they are as many, what is over goes, and if that does not help, all of it: a limit then begins anew.
const MAX_ENTRIES: usize = 100_000;

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// Connections.
    Connections,
    /// Messages begun.
    Messages,
    /// Recipients asked for.
    Recipients,
    /// Recipients asked for that do not exist.
    Unknown,
}

/// From whom.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Who {
    Network(IpAddr),
    Sender(String),
}

/// All counters.
pub(super) struct Rates {
    connections: u32,
    messages: u32,
    recipients: u32,
    unknown: u32,
    per_sender: u32,
    counters: Mutex<HashMap<(Kind, Who), Counter>>,
}

#[derive(Clone, Copy)]
struct Counter {
    count: u32,
    until: Instant,
}

impl Rates {
    pub(super) fn new(settings: &config::Origin) -> Rates {
        let limit = |limit: usize| match u32::try_from(limit) {
            Ok(0) | Err(_) => u32::MAX,
            Ok(limit) => limit,
        };
        Rates {
            connections: limit(settings.max_connections),
            messages: limit(settings.max_messages),
            recipients: limit(settings.max_recipients),
            unknown: limit(settings.max_unknown_recipients),
            per_sender: limit(settings.max_messages_per_sender),
            counters: Mutex::default(),
        }
    }

    /// Counts one more of a network. False if it is one too many.
    pub(super) fn count(&self, now: Instant, kind: Kind, address: IpAddr) -> bool {
        let limit = match kind {
            Kind::Connections => self.connections,
            Kind::Messages => self.messages,
            Kind::Recipients => self.recipients,
            Kind::Unknown => self.unknown,
        };
        self.add(now, (kind, Who::Network(network(address))), limit)
    }

    /// Counts one more message of a sender. False if it is one too many.
    pub(super) fn count_sender(&self, now: Instant, sender: &str) -> bool {
        self.add(
            now,
            (Kind::Messages, Who::Sender(sender.to_lowercase())),
            self.per_sender,
        )
    }

    fn add(&self, now: Instant, key: (Kind, Who), limit: u32) -> bool {
        if limit == u32::MAX {
            return true;
        }
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        if counters.len() >= MAX_ENTRIES {
            counters.retain(|_, counter| counter.until > now);
            if counters.len() >= MAX_ENTRIES {
                counters.clear();
            }
        }
        let fresh = Counter {
            count: 0,
            until: now + HOUR,
        };
        let counter = counters.entry(key).or_insert(fresh);
        if counter.until <= now {
            *counter = fresh;
        }
        counter.count = counter.count.saturating_add(1);
        counter.count <= limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_until_the_hour_is_over() {
        let rates = Rates::new(&config::Origin {
            max_messages: 2,
            max_messages_per_sender: 1,
            max_recipients: 0,
            ..config::Origin::default()
        });
        let (now, address) = (Instant::now(), "2001:db8::1".parse().unwrap());
        let (beside, elsewhere) = ("2001:db8::2".parse().unwrap(), "2001:db8:1::1".parse().unwrap());
        assert!(rates.count(now, Kind::Messages, address));
        assert!(rates.count(now, Kind::Messages, beside));
        assert!(!rates.count(now, Kind::Messages, address));
        assert!(rates.count(now, Kind::Messages, elsewhere));
        assert!(rates.count(now, Kind::Unknown, address));
        assert!(rates.count(now + HOUR, Kind::Messages, address));
        assert!((0..100).all(|_| rates.count(now, Kind::Recipients, address)));
        assert!(rates.count_sender(now, "A@example.net"));
        assert!(!rates.count_sender(now, "a@example.net"));
    }
}
