//! SCRAM as a client (RFC 5802, RFC 7677): the other side learns that we know the password, never the password, and has to
//! show that it knows it, too.
//!
//! No I/O, and the nonce comes from outside. Invariant: what a server says costs bounded work.

use std::num::NonZeroU32;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::{digest, hmac, pbkdf2};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::accounts::sasl::prepare;

/// How often a password may have to be hashed: less is too easy to guess from (RFC 5802 §5.1), more is an attack.
const ITERATIONS: std::ops::RangeInclusive<u32> = 4096..=2_000_000;

/// The hash functions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hash {
    Sha256,
    /// What SCRAM makes of it is not broken, and some servers have nothing better.
    Sha1,
}

/// To what the login is bound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Binding {
    /// Nothing, for our part.
    None,
    /// Nothing, for the server seems to know of none: if it does, somebody has changed what it offers (RFC 5802 §6).
    NotOffered,
    /// This connection, by tls-exporter (RFC 9266).
    Exporter([u8; 32]),
}

/// Why the exchange cannot go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum ScramError {
    /// Not a message of the grammar, or not an answer to ours.
    #[error("the server's part of SCRAM cannot be understood")]
    Malformed,
    /// [`ITERATIONS`]
    #[error("the server wants the password hashed too seldom or too often")]
    Iterations,
    /// It does not know the password, and is not who it should be.
    #[error("the server has not proved that it knows the password")]
    NotProved,
}

/// An exchange that waits for the server's first message.
pub(super) struct Begun {
    hash: Hash,
    /// What `c=` repeats.
    channel: Vec<u8>,
    bare: String,
    nonce: String,
}

/// What the server's last message must be.
pub(super) struct Expected(String);

impl Begun {
    /// With the first message. `nonce`: printable, without comma, new each time.
    pub(super) fn new(hash: Hash, binding: &Binding, user: &str, nonce: &str) -> (Begun, String) {
        let (header, data) = match binding {
            Binding::None => ("n,,", &[][..]),
            Binding::NotOffered => ("y,,", &[][..]),
            Binding::Exporter(data) => ("p=tls-exporter,,", &data[..]),
        };
        let name = prepare::name(user).replace('=', "=3D").replace(',', "=2C");
        let bare = format!("n={name},r={nonce}");
        let message = format!("{header}{bare}");
        let begun = Begun {
            hash,
            channel: [header.as_bytes(), data].concat(),
            bare,
            nonce: nonce.to_owned(),
        };
        (begun, message)
    }

    /// The last message, for the server's first. Hashes for as long as the server wants: blocking.
    pub(super) fn answer(self, first: &str, password: &str) -> Result<(Expected, String), ScramError> {
        let mut attributes = first.split(',');
        let mut attribute = |name| attributes.next().and_then(|part| part.strip_prefix(name));
        let (Some(nonce), Some(salt), Some(count)) = (attribute("r="), attribute("s="), attribute("i=")) else {
            return Err(ScramError::Malformed);
        };
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(ScramError::Malformed);
        }
        let salt = BASE64_STANDARD.decode(salt).map_err(|_| ScramError::Malformed)?;
        let count: u32 = count.parse().map_err(|_| ScramError::Malformed)?;
        let iterations = NonZeroU32::new(count).filter(|count| ITERATIONS.contains(&count.get()));
        let salted = self
            .hash
            .salted(password, &salt, iterations.ok_or(ScramError::Iterations)?);
        let unproven = format!("c={},r={nonce}", BASE64_STANDARD.encode(&self.channel));
        let message = format!("{},{first},{unproven}", self.bare);
        let client = self.hash.keyed(&salted, b"Client Key");
        let signature = self.hash.keyed(&self.hash.of(&client), message.as_bytes());
        let proof: Vec<u8> = client.iter().zip(&signature).map(|(one, other)| one ^ other).collect();
        let server = self.hash.keyed(&salted, b"Server Key");
        let expected = self.hash.keyed(&server, message.as_bytes());
        Ok((
            Expected(format!("v={}", BASE64_STANDARD.encode(expected))),
            format!("{unproven},p={}", BASE64_STANDARD.encode(proof)),
        ))
    }
}

impl Expected {
    /// Whether the server's last message is it.
    pub(super) fn check(&self, last: &str) -> Result<(), ScramError> {
        let verifier = last.split(',').next().unwrap_or_default();
        match bool::from(verifier.as_bytes().ct_eq(self.0.as_bytes())) {
            true => Ok(()),
            false => Err(ScramError::NotProved),
        }
    }
}

impl Hash {
    fn salted(self, password: &str, salt: &[u8], iterations: NonZeroU32) -> Zeroizing<Vec<u8>> {
        let (algorithm, length) = match self {
            Hash::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, digest::SHA256_OUTPUT_LEN),
            Hash::Sha1 => (pbkdf2::PBKDF2_HMAC_SHA1, digest::SHA1_OUTPUT_LEN),
        };
        let mut salted = Zeroizing::new(vec![0; length]);
        let password = prepare::password(password);
        pbkdf2::derive(algorithm, iterations, salt, password.as_bytes(), &mut salted);
        salted
    }

    fn keyed(self, key: &[u8], value: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Hash::Sha256 => hmac::HMAC_SHA256,
            Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), value).as_ref().to_vec()
    }

    fn of(self, value: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Hash::Sha256 => &digest::SHA256,
            Hash::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        };
        digest::digest(algorithm, value).as_ref().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5802 §5 and RFC 7677 §3.
    #[test]
    fn the_examples_of_the_standards() {
        for (hash, nonce, first, last, verifier) in [
            (
                Hash::Sha1,
                "fyko+d2lbbFgONRv9qkxdawL",
                "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
                "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
                "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
            ),
            (
                Hash::Sha256,
                "rOprNGfwEbeRWgbNEkqO",
                "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
                "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
                "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
            ),
        ] {
            let (begun, message) = Begun::new(hash, &Binding::None, "user", nonce);
            assert_eq!(message, format!("n,,n=user,r={nonce}"));
            let (expected, answer) = begun.answer(first, "pencil").unwrap();
            assert_eq!(answer, last);
            assert_eq!(expected.check(verifier), Ok(()));
            assert_eq!(expected.check("v=AAAA"), Err(ScramError::NotProved));
            assert_eq!(expected.check("e=other-error"), Err(ScramError::NotProved));
        }
    }

    #[test]
    fn names_bindings_and_what_servers_may_not_want() {
        let begin = |binding| Begun::new(Hash::Sha256, &binding, "a,b=c", "n").1;
        assert_eq!(begin(Binding::NotOffered), "y,,n=a=2Cb=3Dc,r=n");
        assert_eq!(begin(Binding::Exporter([7; 32])), "p=tls-exporter,,n=a=2Cb=3Dc,r=n");
        for (first, error) in [
            ("", ScramError::Malformed),
            ("r=n,s=AAAA,i=4096", ScramError::Malformed),
            ("r=x1,s=AAAA,i=4096", ScramError::Malformed),
            ("m=x,r=n1,s=AAAA,i=4096", ScramError::Malformed),
            ("r=n1,s=?,i=4096", ScramError::Malformed),
            ("r=n1,s=AAAA,i=x", ScramError::Malformed),
            ("r=n1,s=AAAA,i=0", ScramError::Iterations),
            ("r=n1,s=AAAA,i=4095", ScramError::Iterations),
            ("r=n1,s=AAAA,i=4000000000", ScramError::Iterations),
        ] {
            let (begun, _) = Begun::new(Hash::Sha256, &Binding::None, "a", "n");
            assert_eq!(begun.answer(first, "x").map(drop), Err(error), "{first}");
        }
    }
}
