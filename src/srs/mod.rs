//! The Sender Rewriting Scheme: what is forwarded is sent in the name of a domain of ours, so that SPF lets us, and what comes
//! back finds its way to the true sender.
//!
//! No RFC; as Mail::SRS, libsrs2 and postsrsd have it (M. S. Lewis, "The Sender Rewriting Scheme", 2003). [`form`] knows how
//! such addresses are written; here is what makes them believable: a keyed hash and a day.
//!
//! Invariants: only what this server has made is taken back, and only for so many days; whoever has the secret can make us
//! send reports anywhere, so it stays in its file.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

use crate::mail::address::Address;
use crate::storage::srs_secrets::SecretFile;

use form::Rewritten;

pub mod form;

/// Characters of the hash in an address.
const HASH: usize = 4;
/// Secrets that are believed; older ones are forgotten when a new one comes.
const SECRETS: usize = 3;
const DAY: u64 = 24 * 60 * 60;

/// Rewrites senders, and takes them back. Cheap to clone.
#[derive(Clone)]
pub struct Rewriter(Arc<Inner>);

struct Inner {
    file: SecretFile,
    /// How many days an address is good for.
    days: u16,
    /// One makes the first secret.
    making: Mutex<()>,
}

/// Why an address in the form of a rewritten sender is not taken back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not made here, or changed.
    #[error("not a sender that was rewritten here")]
    Forged,
    /// Made too long ago.
    #[error("a rewritten sender that has expired")]
    Expired,
    /// The secrets cannot be read.
    #[error("the secrets of rewritten senders cannot be read")]
    Unavailable(#[source] io::Error),
}

impl Rewriter {
    /// Reads nothing yet. `expire`: how long a rewritten sender is good for, in whole days.
    pub fn new(data: &Path, expire: Duration) -> Rewriter {
        Rewriter(Arc::new(Inner {
            file: SecretFile::new(data),
            days: (expire.as_secs() / DAY).clamp(1, u64::from(form::DAYS / 2)) as u16,
            making: Mutex::default(),
        }))
    }

    /// The sender as a domain of ours tells it. `None` if that would be too long for an address. Blocking.
    pub fn rewrite(&self, sender: &Address, domain: &str) -> io::Result<Option<Address>> {
        let secrets = self.secrets()?;
        let secret = secrets.first().map_or("", String::as_str);
        let rewritten = Rewritten::of(sender, today());
        let local = rewritten.to_local(&hash(secret, &rewritten));
        Ok(Address::new(&local, domain).ok())
    }

    /// The true sender behind a rewritten one; `None` if it does not look like one. Blocking.
    pub fn restore(&self, address: &Address) -> Result<Option<Address>, Error> {
        let Some((rewritten, given)) = Rewritten::parse(address.local()) else {
            return match form::looks_rewritten(address.local()) {
                true => Err(Error::Forged),
                false => Ok(None),
            };
        };
        let secrets = self.0.file.read().map_err(Error::Unavailable)?;
        // Some servers change the case of what they send back.
        if !secrets
            .iter()
            .any(|secret| given.eq_ignore_ascii_case(&hash(secret, &rewritten)))
        {
            return Err(Error::Forged);
        }
        if rewritten.age(today()).is_some_and(|days| days > self.0.days) {
            return Err(Error::Expired);
        }
        rewritten.sender().map(Some).ok_or(Error::Forged)
    }

    /// From now on another secret; the one before it is believed for what is under way. Blocking.
    pub fn rotate(&self) -> io::Result<()> {
        let _one = self.0.making.lock().unwrap_or_else(PoisonError::into_inner);
        let mut secrets = self.0.file.read()?;
        secrets.insert(0, fresh());
        secrets.truncate(SECRETS);
        self.0.file.write(&secrets)
    }

    /// The secrets; the first is made when there is none.
    fn secrets(&self) -> io::Result<Vec<String>> {
        let secrets = self.0.file.read()?;
        if !secrets.is_empty() {
            return Ok(secrets);
        }
        let _one = self.0.making.lock().unwrap_or_else(PoisonError::into_inner);
        let mut secrets = self.0.file.read()?;
        if secrets.is_empty() {
            secrets.push(fresh());
            self.0.file.write(&secrets)?;
        }
        Ok(secrets)
    }
}

fn fresh() -> String {
    STANDARD.encode(rand::random::<[u8; 24]>())
}

/// The keyed hash of a rewritten sender: of what is hashed in lower case, by HMAC-SHA-1, the first characters in base64.
fn hash(secret: &str, rewritten: &Rewritten) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    for part in rewritten.hashed() {
        context.update(part.to_ascii_lowercase().as_bytes());
    }
    let mut hash = STANDARD.encode(context.sign().as_ref());
    hash.truncate(HASH);
    hash
}

/// Days since 1970.
fn today() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs() / DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    /// Made by Mail::SRS 0.31: secret `secret`, day 20000 (`RA`).
    #[test]
    fn as_another_implementation_hashes() {
        for (rewritten, wanted) in [
            (Rewritten::of(&address("user@example.com"), 20000), ORIGINAL),
            (
                Rewritten::of(&address(&format!("{ORIGINAL}@one.example")), 20000),
                ONCE_MORE,
            ),
        ] {
            assert_eq!(rewritten.to_local(&hash("secret", &rewritten)), wanted);
        }
    }

    const ORIGINAL: &str = "SRS0=SKN5=RA=example.com=user";
    const ONCE_MORE: &str = "SRS1=GIgH=one.example==SKN5=RA=example.com=user";

    #[test]
    fn there_and_back_and_nothing_that_was_not_made_here() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let month = Duration::from_secs(21 * DAY);
        let (ours, theirs) = (Rewriter::new(folder.path(), month), Rewriter::new(other.path(), month));
        for sender in [
            "user@example.com",
            "\"a b\"@example.com",
            "a=b=c@example.com",
            "\u{fc}@b\u{fc}cher.example",
        ] {
            let sender = address(sender);
            let rewritten = ours.rewrite(&sender, "fwd.example").unwrap().unwrap();
            assert_eq!(ours.restore(&rewritten).unwrap(), Some(sender.clone()));
            let lower = Address::new(&rewritten.local().to_lowercase(), "fwd.example").unwrap();
            assert!(ours.restore(&lower).unwrap().is_some(), "{lower}");
            assert!(matches!(theirs.restore(&rewritten), Err(Error::Forged)));
            ours.rotate().unwrap();
            assert_eq!(ours.restore(&rewritten).unwrap(), Some(sender));
            for _ in 0..SECRETS {
                ours.rotate().unwrap();
            }
            assert!(matches!(ours.restore(&rewritten), Err(Error::Forged)));
        }
        // A second forwarder remembers the first only.
        let first = theirs
            .rewrite(&address("user@example.com"), "one.example")
            .unwrap()
            .unwrap();
        let second = ours.rewrite(&first, "two.example").unwrap().unwrap();
        assert!(second.local().starts_with("SRS1="), "{second}");
        let third = theirs.rewrite(&second, "three.example").unwrap().unwrap();
        for (rewriter, address) in [(&ours, &second), (&theirs, &third)] {
            assert_eq!(rewriter.restore(address).unwrap(), Some(first.clone()));
        }
        assert_eq!(ours.restore(&address("alice@example.org")).unwrap(), None);
        for forged in ["SRS0=abcd=AA=example.com=user", "SRS0=x", "srs1-abcd=a==b"] {
            assert!(matches!(
                ours.restore(&Address::new(forged, "fwd.example").unwrap()),
                Err(Error::Forged)
            ));
        }
        let old = Rewritten::of(&address("user@example.com"), today() - 22);
        let local = old.to_local(&hash(&ours.secrets().unwrap()[0], &old));
        let old = Address::new(&local, "fwd.example").unwrap();
        assert!(matches!(ours.restore(&old), Err(Error::Expired)));
    }
}
