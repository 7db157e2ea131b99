//! Addresses that took no connection a moment ago, so that a thousand messages for a host that is down do not wait for it a
//! thousand times.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Addresses that are remembered.
const MAX: usize = 10_000;

/// The addresses, until when they are not tried, and why.
#[derive(Debug)]
pub(super) struct Unreachable {
    rest: Duration,
    known: Mutex<HashMap<SocketAddr, (Instant, String)>>,
}

impl Unreachable {
    /// Each for so long.
    pub(super) fn new(rest: Duration) -> Unreachable {
        Unreachable {
            rest,
            known: Mutex::default(),
        }
    }

    /// Why an address is not tried now.
    pub(super) fn why(&self, address: SocketAddr) -> Option<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, cause) = known.get(&address)?;
        (*until > Instant::now()).then(|| cause.clone())
    }

    /// An address took no connection.
    pub(super) fn note(&self, address: SocketAddr, cause: String) {
        let now = Instant::now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX {
            known.retain(|_, (until, _)| *until > now);
        }
        if known.len() < MAX {
            known.insert(address, (now + self.rest, cause));
        }
    }
}
