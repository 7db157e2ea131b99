//! The keys of a domain, and their life: made, announced in the DNS, used, replaced, retired (RFC 6376 §3.6.1, RFC 8463 §4).
//!
//! A domain's first keys are used at once. Later ones wait until they are in the DNS; then they are used, and those before
//! stay published until the mail that they signed has arrived.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_auth::common::crypto::{DkimKey, Ed25519Key, RsaKey};
use mail_auth::dkim::generate::DkimKeyPair;

use crate::mail::date::Timestamp;
use crate::storage::dkim_keys::{KeyFile, KeyFolder};

/// Bits of an RSA key (RFC 8301 §3.2: 1,024 at least, 2,048 should be).
const RSA_BITS: usize = 2048;
/// Characters of a line of PEM text (RFC 7468 §2).
const PEM_LINE: usize = 64;
/// The longest string of a TXT record (RFC 1035 §3.3.14).
const TXT_STRING: usize = 255;
/// What stands before an RSA public key of so many bits in the form that the DNS has (SubjectPublicKeyInfo, RFC 3279 §2.3.1).
const RSA_PREFIX: [u8; 24] = [
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    0x03, 0x82, 0x01, 0x0f, 0x00,
];
/// How long an RSA public key of so many bits with the usual exponent is by itself.
const RSA_PUBLIC: usize = 270;

/// A key of a domain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key {
    /// Where it is in its life.
    pub state: State,
    /// What kind it is.
    pub algorithm: Algorithm,
    file: KeyFile,
}

/// Where a key is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Made, and perhaps not in the DNS yet.
    Waiting,
    /// Mail is signed with it.
    Used,
    /// Replaced by another.
    Replaced,
}

/// The kinds of keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// rsa-sha256
    Rsa,
    /// ed25519-sha256 (RFC 8463)
    Ed25519,
}

/// Why a key could not be made, changed or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file holds no key.
    #[error("not a key: {0}")]
    NoKey(String),
    /// It has keys already.
    #[error("the domain has keys already: `posthaste dkim rotate` makes new ones")]
    AlreadyThere,
    /// It has no keys yet.
    #[error("the domain has no keys yet: `posthaste dkim create` makes them")]
    NotThere,
}

impl State {
    /// The word in the file's name and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Used => "used",
            State::Replaced => "replaced",
        }
    }
}

impl Algorithm {
    /// As tables say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Rsa => "rsa-sha256",
            Algorithm::Ed25519 => "ed25519-sha256",
        }
    }
}

/// The keys of a domain. Blocking.
pub fn of(folder: &KeyFolder, domain: &str) -> io::Result<Vec<Key>> {
    let keys = folder.keys(domain)?.into_iter();
    Ok(keys.filter_map(Key::from_file).collect())
}

/// Makes the first keys of a domain, which are used at once.
pub fn create(folder: &KeyFolder, domain: &str) -> Result<Vec<Key>, Error> {
    match of(folder, domain)?.is_empty() {
        true => make(folder, domain, State::Used),
        false => Err(Error::AlreadyThere),
    }
}

/// Makes keys that wait; or, when some wait already, begins to use these.
pub fn rotate(folder: &KeyFolder, domain: &str) -> Result<Vec<Key>, Error> {
    let keys = of(folder, domain)?;
    if keys.is_empty() {
        return Err(Error::NotThere);
    }
    if !keys.iter().any(|key| key.state == State::Waiting) {
        return make(folder, domain, State::Waiting);
    }
    // New ones first: at no time there are none.
    for key in keys.iter().filter(|key| key.state == State::Waiting) {
        folder.change(domain, &key.file, State::Used.as_str())?;
    }
    for key in keys.iter().filter(|key| key.state == State::Used) {
        folder.change(domain, &key.file, State::Replaced.as_str())?;
    }
    Ok(of(folder, domain)?)
}

/// Deletes the keys that were replaced; these were they.
pub fn retire(folder: &KeyFolder, domain: &str) -> Result<Vec<Key>, Error> {
    let mut keys = of(folder, domain)?;
    keys.retain(|key| key.state == State::Replaced);
    for key in &keys {
        folder.remove(domain, &key.file)?;
    }
    Ok(keys)
}

fn make(folder: &KeyFolder, domain: &str, state: State) -> Result<Vec<Key>, Error> {
    let day: String = Timestamp::now()
        .to_rfc5322()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let taken = folder.keys(domain)?;
    let mut made = Vec::new();
    for (algorithm, letter) in [(Algorithm::Rsa, 'r'), (Algorithm::Ed25519, 'e')] {
        let pair = match algorithm {
            Algorithm::Rsa => DkimKeyPair::generate_rsa(RSA_BITS),
            Algorithm::Ed25519 => DkimKeyPair::generate_ed25519(),
        };
        let pair = pair.map_err(|error| Error::NoKey(error.to_string()))?;
        let label = match algorithm {
            Algorithm::Rsa => "RSA PRIVATE KEY",
            Algorithm::Ed25519 => "PRIVATE KEY",
        };
        let name = |number: usize| format!("{}{letter}{number}", stem(&day));
        let free = (1..)
            .map(name)
            .find(|name| taken.iter().all(|key| key.selector != *name));
        let file = KeyFile {
            selector: free.unwrap_or_default(),
            state: state.as_str().to_owned(),
            pem: to_pem(label, pair.private_key()),
        };
        folder.add(domain, &file)?;
        made.push(Key { state, algorithm, file });
    }
    Ok(made)
}

/// The part of a selector that says when it was made, such as `25nov2026`, from `Wed25Nov2026…`.
fn stem(day: &str) -> String {
    let rest = day.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let digits = rest.chars().take_while(char::is_ascii_digit).count();
    rest.chars()
        .take(digits + 3 + 4)
        .collect::<String>()
        .to_ascii_lowercase()
}

impl Key {
    fn from_file(file: KeyFile) -> Option<Key> {
        let all = [State::Waiting, State::Used, State::Replaced];
        let state = all.into_iter().find(|state| state.as_str() == file.state)?;
        let algorithm = match file.pem.starts_with("-----BEGIN RSA PRIVATE KEY-----") {
            true => Algorithm::Rsa,
            false => Algorithm::Ed25519,
        };
        Some(Key { state, algorithm, file })
    }

    /// Its name in the DNS.
    pub fn selector(&self) -> &str {
        &self.file.selector
    }

    /// Ready to sign.
    pub fn load(&self) -> Result<DkimKey, Error> {
        let der = from_pem(&self.file.pem).ok_or_else(|| Error::NoKey("no PEM text".to_owned()))?;
        let no_key = |error: mail_auth::Error| Error::NoKey(error.to_string());
        match self.algorithm {
            #[expect(deprecated, reason = "the newer way takes a type of a crate that only net/ names")]
            Algorithm::Rsa => RsaKey::from_der(&der).map(DkimKey::Rsa).map_err(no_key),
            Algorithm::Ed25519 => Ed25519Key::from_pkcs8_der(&der).map(DkimKey::Ed25519).map_err(no_key),
        }
    }

    /// The text of its TXT record (RFC 6376 §3.6.1).
    pub fn record(&self) -> Result<String, Error> {
        Ok(match self.load()? {
            DkimKey::Rsa(key) => {
                let public = key.public_key();
                let whole = match public.len() {
                    RSA_PUBLIC => [&RSA_PREFIX[..], &public].concat(),
                    _ => public,
                };
                format!("v=DKIM1; k=rsa; p={}", STANDARD.encode(whole))
            }
            DkimKey::Ed25519(key) => format!("v=DKIM1; k=ed25519; p={}", STANDARD.encode(key.public_key())),
        })
    }

    /// Its TXT record as a zone file has it, cut into strings.
    pub fn zone_line(&self, domain: &str) -> Result<String, Error> {
        let record = self.record()?;
        let strings: Vec<String> = record
            .as_bytes()
            .chunks(TXT_STRING)
            .map(|piece| format!("\"{}\"", String::from_utf8_lossy(piece)))
            .collect();
        Ok(format!(
            "{}._domainkey.{domain}. IN TXT ({})",
            self.selector(),
            strings.join(" ")
        ))
    }
}

fn to_pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(PEM_LINE).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn from_pem(text: &str) -> Option<Vec<u8>> {
    let text: String = text
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .map(str::trim)
        .collect();
    STANDARD.decode(text).ok().filter(|der| !der.is_empty())
}
