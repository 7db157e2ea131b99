//! Sealing what is forwarded (ARC, RFC 8617): what was found out about a message when it came, signed by the domain that
//! forwards it, so that the next server may believe it although it looks different by now.
//!
//! A seal is three fields, a set: the results, a signature of the message, and a signature of all sets. Nothing here
//! verifies: whether the chain so far was right is given.
//!
//! Invariants: a set has the number behind the highest that is there (§5.1); no set after one that says `cv=fail` (§5.1), and
//! none beyond 50 (§4.2.1); behind a chain that fails only the new set is signed (§5.1.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_auth::common::crypto::{Algorithm, DkimKey, SigningKey};
use mail_auth::common::headers::{Writable, Writer};
use mail_auth::dkim::Canonicalization;

use crate::mail::date::Timestamp;
use crate::mail::header::{Field, fields};

/// The most sets of a message (RFC 8617 §4.2.1).
const MAX_SETS: u32 = 50;
/// Characters of a line of base64.
const LINE: usize = 70;
/// What a set signs, each as often as it is there, so that what is seen is what came. Never trace fields or seals (§4.1.2).
const SIGNED: [&str; 20] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Disposition",
    "List-Id",
    "List-Post",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Auto-Submitted",
    "DKIM-Signature",
];
const RESULTS: &str = "ARC-Authentication-Results";
const SIGNATURE: &str = "ARC-Message-Signature";
const SEAL: &str = "ARC-Seal";

/// What was found out about a message when it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// What Authentication-Results says of it (RFC 8601 §2.2), this server's name first.
    pub results: String,
    /// Its chain of seals.
    pub chain: Chain,
}

/// The state of a chain of seals (RFC 8617 §4.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Chain {
    /// There is none.
    None,
    /// All of it is right.
    Pass,
    /// It is not.
    Fail,
    /// It could not be looked at: whoever comes next may.
    Unknown,
}

/// What seals for a domain.
pub(super) struct Sealer {
    pub(super) domain: String,
    pub(super) selector: String,
    pub(super) key: DkimKey,
}

impl Sealer {
    /// The fields to put in front of a whole message, each with its line end; none where there must not be a further set.
    pub(super) fn seal(&self, message: &[u8], seen: &Seen) -> mail_auth::Result<Option<String>> {
        let sets: Vec<Field> = fields(message).filter(is_of_set).collect();
        let Some((instance, verdict)) = next(&sets, seen.chain) else {
            return Ok(None);
        };
        let now = Timestamp::now().seconds;
        let by = format!("a={}; d={};\r\n\ts={}", self.algorithm(), self.domain, self.selector);
        let results = format!("{RESULTS}: i={instance}; {}\r\n", seen.results.trim_ascii());

        let (names, mut signed) = signed_fields(message);
        let body = message.get(body_start(message)..).unwrap_or_default();
        let body = self.key.hash(Canonicalization::Relaxed.canonical_body(body, u64::MAX));
        let begun = format!(
            "{SIGNATURE}: i={instance}; {by}; c=relaxed/relaxed; t={now};\r\n\th={};\r\n\tbh={};\r\n\tb=",
            names.join(":\r\n\t "),
            STANDARD.encode(body.as_ref())
        );
        relaxed(begun.as_bytes(), &mut signed);
        let signature = format!("{begun}{}\r\n", self.sign(&signed)?);

        let mut sealed = Vec::new();
        if verdict == "pass" {
            in_order(&sets).for_each(|field| canonical(field.raw, &mut sealed));
        }
        canonical(results.as_bytes(), &mut sealed);
        canonical(signature.as_bytes(), &mut sealed);
        let begun = format!("{SEAL}: i={instance}; {by}; t={now}; cv={verdict};\r\n\tb=");
        relaxed(begun.as_bytes(), &mut sealed);
        let seal = format!("{begun}{}\r\n", self.sign(&sealed)?);
        Ok(Some(seal + &signature + &results))
    }

    fn algorithm(&self) -> &'static str {
        match self.key.algorithm() {
            Algorithm::Ed25519Sha256 => "ed25519-sha256",
            Algorithm::RsaSha256 | Algorithm::RsaSha1 => "rsa-sha256",
        }
    }

    fn sign(&self, input: &[u8]) -> mail_auth::Result<String> {
        let signature = STANDARD.encode(self.key.sign(Octets(input))?);
        let lines: Vec<_> = signature.as_bytes().chunks(LINE).map(String::from_utf8_lossy).collect();
        Ok(lines.join("\r\n\t "))
    }
}

/// Octets that are signed as they are.
struct Octets<'a>(&'a [u8]);

impl Writable for Octets<'_> {
    fn write(self, writer: &mut impl Writer) {
        writer.write(self.0);
    }
}

fn is_of_set(field: &Field) -> bool {
    [RESULTS, SIGNATURE, SEAL].iter().any(|name| field.is(name))
}

/// The number of the next set, and what it says of those before; `None` if there must not be one.
fn next(sets: &[Field], chain: Chain) -> Option<(u32, &'static str)> {
    if sets.is_empty() {
        return Some((1, "none"));
    }
    let highest = sets.iter().filter_map(instance).max().unwrap_or(0);
    let last = |field: &&Field| field.is(SEAL) && instance(field) == Some(highest);
    let failed = sets.iter().filter(last).any(|seal| {
        let verdict = tag(seal, "cv");
        verdict.is_some_and(|verdict| verdict.eq_ignore_ascii_case("fail"))
    });
    if failed || highest >= MAX_SETS {
        return None;
    }
    match chain {
        Chain::Pass => Some((highest + 1, "pass")),
        // What looks like a chain and is none.
        Chain::Fail | Chain::None => Some((highest + 1, "fail")),
        Chain::Unknown => None,
    }
}

/// RFC 8617 §5.1.1: by number, and in each set the results, the signature, the seal.
fn in_order<'a>(sets: &'a [Field<'a>]) -> impl Iterator<Item = &'a Field<'a>> {
    let rank = |field: &Field| [RESULTS, SIGNATURE, SEAL].iter().position(|name| field.is(name));
    let mut sorted: Vec<&Field> = sets.iter().collect();
    sorted.sort_by_key(|field| (instance(field), rank(field)));
    sorted.into_iter()
}

fn instance(field: &Field) -> Option<u32> {
    tag(field, "i")?.parse().ok()
}

/// The value of a tag (RFC 6376 §3.2), without white space in front and behind.
fn tag(field: &Field, name: &str) -> Option<String> {
    let value = String::from_utf8_lossy(&field.unfolded()).into_owned();
    let tags = value.split(';').filter_map(|tag| tag.split_once('='));
    let mut found = tags.filter(|(tag, _)| tag.trim_ascii() == name);
    found.next().map(|(_, value)| value.trim_ascii().to_owned())
}

/// The fields that are signed, from the last to the first of a name (RFC 6376 §5.4.2), and what is signed of them.
fn signed_fields(message: &[u8]) -> (Vec<&'static str>, Vec<u8>) {
    let (mut names, mut signed) = (Vec::new(), Vec::new());
    for name in SIGNED {
        let of_name: Vec<Field> = fields(message).filter(|field| field.is(name)).collect();
        for field in of_name.iter().rev() {
            names.push(name);
            canonical(field.raw, &mut signed);
        }
    }
    (names, signed)
}

fn body_start(message: &[u8]) -> usize {
    let header: usize = fields(message).map(|field| field.raw.len()).sum();
    match message.get(header..) {
        Some([b'\r', b'\n', ..]) => header + 2,
        Some([b'\n', ..]) => header + 1,
        _ => header,
    }
}

/// A field in relaxed form (RFC 6376 §3.4.2), with its line end.
fn canonical(field: &[u8], out: &mut Vec<u8>) {
    relaxed(field, out);
    out.extend_from_slice(b"\r\n");
}

/// A field in relaxed form without its line end.
fn relaxed(field: &[u8], out: &mut Vec<u8>) {
    let colon = memchr::memchr(b':', field).unwrap_or(field.len());
    let (name, value) = field.split_at(colon);
    out.extend(name.trim_ascii().to_ascii_lowercase());
    out.push(b':');
    let mut words = value
        .get(1..)
        .unwrap_or_default()
        .split(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
        .filter(|word| !word.is_empty());
    if let Some(first) = words.next() {
        out.extend_from_slice(first);
    }
    for word in words {
        out.push(b' ');
        out.extend_from_slice(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_auth::common::crypto::Ed25519Key;
    use mail_auth::dkim::generate::DkimKeyPair;

    const MESSAGE: &str = "From: a@example.net\r\nSubject: hello\r\n\r\nText\r\n";

    fn sealer() -> Sealer {
        let pair = DkimKeyPair::generate_ed25519().unwrap();
        Sealer {
            domain: "example.org".to_owned(),
            selector: "s".to_owned(),
            key: DkimKey::Ed25519(Ed25519Key::from_pkcs8_der(pair.private_key()).unwrap()),
        }
    }

    fn seal(sealer: &Sealer, message: &str, chain: Chain) -> Option<String> {
        let results = "mx.example.org;\r\n\tspf=pass".to_owned();
        sealer.seal(message.as_bytes(), &Seen { results, chain }).unwrap()
    }

    #[test]
    fn numbers_and_verdicts() {
        let sealer = sealer();
        let once = seal(&sealer, MESSAGE, Chain::None).unwrap();
        assert!(
            once.starts_with("ARC-Seal: i=1; a=ed25519-sha256; d=example.org;\r\n\ts=s; t="),
            "{once}"
        );
        assert!(
            once.contains("cv=none;") && once.contains("h=From:\r\n\t Subject;"),
            "{once}"
        );
        assert!(once.ends_with("ARC-Authentication-Results: i=1; mx.example.org;\r\n\tspf=pass\r\n"));
        let message = once + MESSAGE;
        let twice = seal(&sealer, &message, Chain::Pass).unwrap();
        assert!(
            twice.contains("ARC-Seal: i=2;") && twice.contains("cv=pass;"),
            "{twice}"
        );
        // RFC 8617 §5.1: once it has failed nothing is added, and what is not known is left to others.
        let failed = seal(&sealer, &message, Chain::Fail).unwrap();
        assert!(
            failed.contains("ARC-Seal: i=2;") && failed.contains("cv=fail;"),
            "{failed}"
        );
        assert_eq!(seal(&sealer, &(failed + &message), Chain::Fail), None);
        assert_eq!(seal(&sealer, &message, Chain::Unknown), None);
        // Parts of a set are no chain.
        let half = format!("ARC-Seal: i = 7 ; cv=none; b=\r\n{MESSAGE}");
        assert!(seal(&sealer, &half, Chain::None).unwrap().contains("ARC-Seal: i=8;"));
        let full = format!("ARC-Seal: i=50; cv=pass; b=\r\n{MESSAGE}");
        assert_eq!(seal(&sealer, &full, Chain::Pass), None);
    }

    #[test]
    fn relaxed_form() {
        let mut out = Vec::new();
        // RFC 6376 §3.4.5.
        canonical(b"A: X\r\n", &mut out);
        canonical(b"B : Y\t\r\n\tZ  \r\n", &mut out);
        assert_eq!(out, b"a:X\r\nb:Y Z\r\n");
    }
}
