//! Signing what our users send (RFC 6376), and sealing what is forwarded ([`seal`], RFC 8617), by RSA (RFC 8301: 2,048 bits) and by Ed25519 (RFC 8463): whoever knows the younger
//! of the two believes it, and all others know the elder.
//!
//! Keys are files of a domain ([`keys`]), made and changed by the command line; a running server sees the change at the next
//! message. Signed is what a reader sees, in relaxed form, and that there is no second field of its kind; never `l=`.
//!
//! Invariants: a domain signs only for its own accounts; without keys nothing is signed and nothing is refused.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use mail_auth::AuthenticatedMessage;
use mail_auth::common::crypto::DkimKey;
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::{DkimSigner, Done};
use tokio::sync::Semaphore;

use crate::mail::address::Address;
use crate::storage::dkim_keys::KeyFolder;

use keys::{Algorithm, State};
use seal::{Sealer, Seen};

pub mod keys;
pub mod seal;

/// Messages that are signed at the same time, each in memory.
const MAX_SIGNED: usize = 8;
/// How long after a change keys are not remembered: the clock of a file system has ticks, and two changes within one of them
/// look like one.
const SETTLED: Duration = Duration::from_secs(2);
/// Domains whose keys are remembered; when there are more, all are read again.
const MAX_DOMAINS: usize = 1000;
/// What is signed. A field that stands here twice is signed once more than it is there, so that nobody can add another
/// (RFC 6376 §5.4, §8.15). Fields of mailing lists, which they may add, are not among them.
const SIGNED: [&str; 23] = [
    "From",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Disposition",
    "From",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// Signs for all domains of a data folder. Cheap to clone.
#[derive(Clone)]
pub struct Signers(Arc<Inner>);

struct Inner {
    folder: KeyFolder,
    known: Mutex<HashMap<String, Known>>,
    running: Semaphore,
}

/// What signs and seals for a domain.
#[derive(Default)]
struct Loaded {
    signers: Vec<DkimSigner<DkimKey, Done>>,
    /// One set is one signature: RSA, which all know, if there is such a key.
    sealer: Option<Sealer>,
}

/// The signers of a domain, as its folder was at that time.
#[derive(Clone)]
struct Known {
    changed: SystemTime,
    loaded: Arc<Loaded>,
}

impl Signers {
    /// Reads nothing yet.
    pub fn new(data: &Path) -> Signers {
        Signers(Arc::new(Inner {
            folder: KeyFolder::new(data),
            known: Mutex::default(),
            running: Semaphore::new(MAX_SIGNED),
        }))
    }

    /// Waits for a place among those that are signed, which is to be had before the message is in memory.
    pub async fn place(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        self.0.running.acquire().await.ok()
    }

    /// The signature fields of a domain for a whole message, each with its line end; nothing if it has no keys.
    pub async fn sign(&self, domain: &str, message: Vec<u8>) -> String {
        let (signers, domain) = (self.clone(), domain.to_owned());
        let signing = tokio::task::spawn_blocking(move || {
            let mut fields = String::new();
            for signer in &signers.of(&domain).signers {
                match signer.sign(&message) {
                    Ok(signature) => fields.push_str(&signature.to_header()),
                    Err(error) => tracing::error!(%error, domain, "a message could not be signed"),
                }
            }
            fields
        });
        signing.await.unwrap_or_default()
    }

    /// The same by the first domain that has keys of this one and those that it is in, as far as DMARC takes these for one
    /// (RFC 7489 §3.1.1): a server's own name seldom has keys.
    pub async fn sign_as_part_of(&self, domain: &str, message: Vec<u8>) -> String {
        let mut next = Some(domain);
        while let Some(domain) = next.filter(|domain| domain.contains('.')) {
            if self.has_keys(domain).await {
                return self.sign(domain, message).await;
            }
            next = domain.split_once('.').map(|(_, parent)| parent);
        }
        String::new()
    }

    async fn has_keys(&self, domain: &str) -> bool {
        let (signers, domain) = (self.clone(), domain.to_owned());
        let reading = tokio::task::spawn_blocking(move || !signers.of(&domain).signers.is_empty());
        reading.await.unwrap_or_default()
    }

    /// The seals of a domain for a whole message that it forwards, each field with its line end; nothing if it has no keys.
    pub async fn seal(&self, domain: &str, message: Vec<u8>, seen: Seen) -> String {
        let (signers, domain) = (self.clone(), domain.to_owned());
        let sealing = tokio::task::spawn_blocking(move || {
            let loaded = signers.of(&domain);
            let sealed = loaded.sealer.as_ref().map(|sealer| sealer.seal(&message, &seen));
            sealed.unwrap_or(Ok(None)).unwrap_or_else(|error| {
                tracing::error!(%error, domain, "a message could not be sealed");
                None
            })
        });
        sealing.await.ok().flatten().unwrap_or_default()
    }

    /// The signers of a domain, read again if its folder has changed. Blocking.
    fn of(&self, domain: &str) -> Arc<Loaded> {
        let changed = match self.0.folder.changed(domain) {
            Ok(Some(changed)) => changed,
            Ok(None) => return Arc::default(),
            Err(error) => {
                tracing::error!(%error, domain, "the keys cannot be read: mail is not signed");
                return Arc::default();
            }
        };
        let settled = changed.elapsed().is_ok_and(|age| age >= SETTLED);
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(domain).filter(|found| found.changed == changed) {
            return Arc::clone(&found.loaded);
        }
        let loaded = Arc::new(self.read(domain));
        if !settled {
            return loaded;
        }
        if known.len() >= MAX_DOMAINS {
            known.clear();
        }
        let found = Known {
            changed,
            loaded: Arc::clone(&loaded),
        };
        known.insert(domain.to_owned(), found);
        loaded
    }

    fn read(&self, domain: &str) -> Loaded {
        let keys = match keys::of(&self.0.folder, domain) {
            Ok(keys) => keys,
            Err(error) => {
                tracing::error!(%error, domain, "the keys cannot be read: mail is not signed");
                return Loaded::default();
            }
        };
        let mut loaded = Loaded::default();
        for key in keys.into_iter().filter(|key| key.state == State::Used) {
            match (key.load(), key.load()) {
                (Ok(signing), Ok(sealing)) => {
                    let signer = DkimSigner::from_key(signing).domain(domain).selector(key.selector());
                    loaded.signers.push(signer.headers(SIGNED));
                    if loaded.sealer.is_none() || key.algorithm == Algorithm::Rsa {
                        loaded.sealer = Some(Sealer {
                            domain: domain.to_owned(),
                            selector: key.selector().to_owned(),
                            key: sealing,
                        });
                    }
                }
                (Err(error), _) | (_, Err(error)) => {
                    tracing::error!(%error, domain, selector = key.selector(), "a key cannot be used");
                }
            }
        }
        loaded
    }
}

/// Who a message says has written it: the first address of its From field.
pub fn author(message: &[u8]) -> Option<Address> {
    let parsed = AuthenticatedMessage::parse(message)?;
    Address::parse(parsed.from.first()?).ok()
}

#[cfg(test)]
mod tests;
