//! Messages that were seen before (RFC 7352), and how the memory is addressed.

use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};

use super::Run;
use crate::mail::encoded_word::plain;
use crate::sieve::outcome::Why;
use crate::sieve::program::{Duplicate, DuplicateId};

impl Run<'_> {
    /// Whether a message of that identity was seen. This one is noted, for when the script succeeds (RFC 7352 §3).
    pub(super) fn duplicate(&mut self, test: &Duplicate) -> Result<bool, Why> {
        let id = match &test.id {
            DuplicateId::Unique(text) => self.expand(text)?,
            DuplicateId::Field(name) => {
                let name = self.expand(name)?;
                match self.raw_values(&name, None)?.first() {
                    Some(value) => plain(value),
                    None => return Ok(false),
                }
            }
        };
        let handle = match &test.handle {
            Some(text) => self.expand(text)?,
            None => String::new(),
        };
        let key = key("duplicate", &[&handle, &id]);
        let seen = self.remembers(&key);
        if !seen || test.last {
            self.remember(key, test.seconds);
        }
        Ok(seen)
    }

    /// Whether an earlier run noted this key, and it is not too long ago.
    pub(super) fn remembers(&self, key: &str) -> bool {
        let until = self.input.memory.get(key);
        until.is_some_and(|until| *until > self.input.now.seconds)
    }

    /// Notes a key for later runs.
    pub(super) fn remember(&mut self, key: String, seconds: u64) {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        self.remember
            .insert(key, self.input.now.seconds.saturating_add(seconds));
    }
}

/// A key of the memory: of equal length whatever goes into it.
pub(super) fn key(kind: &str, parts: &[&str]) -> String {
    let mut digest = Blake2b::<U16>::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let mut key = format!("{kind} ");
    for byte in digest.finalize() {
        key.push_str(&format!("{byte:02x}"));
    }
    key
}
