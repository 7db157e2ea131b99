//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677), the server's side.
//!
//! No I/O and no randomness of its own: a [`First`] is read from the client's first message, becomes a [`Challenged`] with
//! what the server says to it, and that one judges the client's last message. Neither an error nor the time it takes
//! tells whose name it was.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};
use std::num::NonZeroU32;
use subtle::ConstantTimeEq;

use crate::net::binding::ChannelBindings;

/// How often the password is hashed. RFC 7677 §4 wants at least 4096; every client computes it at every login. It is part of
/// what is stored: with another number, all keys would have to be made anew.
pub(crate) const ITERATIONS: NonZeroU32 = NonZeroU32::new(10_000).unwrap();
/// The longest nonce of a client, in octets: real ones have 16 to 64.
const MAX_NONCE: usize = 512;

/// Octets of salt.
pub(crate) type Salt = [u8; 16];
/// What SHA-256 makes.
type Hash = [u8; 32];

/// What is stored of a password (RFC 5802 §3): enough to check it, too little to log in with.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) stored: Hash,
    pub(crate) server: Hash,
}

impl Keys {
    /// Of a password in its prepared form. Takes some milliseconds of a core.
    pub(crate) fn derive(password: &str, salt: &[u8], iterations: NonZeroU32) -> Keys {
        let mut salted: Hash = [0; 32];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            iterations,
            salt,
            password.as_bytes(),
            &mut salted,
        );
        Keys {
            stored: sha256(&keyed(&salted, b"Client Key")),
            server: keyed(&salted, b"Server Key"),
        }
    }

    /// As stored in the database; `None` for what is none.
    pub(crate) fn read(stored: &[u8], server: &[u8]) -> Option<Keys> {
        Some(Keys {
            stored: stored.try_into().ok()?,
            server: server.try_into().ok()?,
        })
    }

    /// Keys that no password has.
    pub(crate) fn of_nobody() -> Keys {
        Keys {
            stored: rand::random(),
            server: rand::random(),
        }
    }
}

/// Why an exchange fails before any proof was looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ScramError {
    /// Not a message of the grammar (RFC 5802 §7).
    Malformed,
    /// An extension that the client insists on (RFC 5802 §5.1, `m`).
    Extension,
    /// The channel binding is not as it has to be; in words for the client.
    Channel(&'static str),
}

impl ScramError {
    /// RFC 5802 §6: the client knows channel bindings and was told that we do not. Somebody in between may have
    /// taken the names of our mechanisms away.
    const DOWNGRADED: ScramError =
        ScramError::Channel("This connection can be bound to: SCRAM-SHA-256-PLUS is offered, and was not chosen");
    /// The flag of the message and the name of the mechanism contradict each other, or it is a type that we do not have.
    const UNSUPPORTED: ScramError = ScramError::Channel(
        "The channel binding is not supported: it is tls-exporter or tls-server-end-point, with PLUS",
    );
    /// The client sees another end of the channel: somebody is in between.
    const OTHER_CHANNEL: ScramError = ScramError::Channel("The channel bindings do not match");
}

/// The client's first message.
#[derive(Debug)]
pub(crate) struct First {
    /// Who it says it is.
    pub(crate) name: String,
    /// Whom it wants to act for; empty for itself.
    pub(crate) authorize: String,
    /// What the last message must repeat: GS2 header and channel binding (RFC 5802 §5.1, `c`).
    channel: Vec<u8>,
    /// The message without the GS2 header.
    bare: String,
    nonce: String,
}

impl First {
    /// Reads `gs2-header client-first-message-bare`. `plus` says which mechanism was named, and `bindings` what this
    /// connection can be bound to: `None` where SCRAM-SHA-256-PLUS is not offered.
    pub(crate) fn read(message: &[u8], plus: bool, bindings: Option<&ChannelBindings>) -> Result<First, ScramError> {
        let message = std::str::from_utf8(message).map_err(|_| ScramError::Malformed)?;
        let mut parts = message.splitn(3, ',');
        let (Some(flag), Some(authorize), Some(bare)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(ScramError::Malformed);
        };
        let data = match (flag, flag.strip_prefix("p="), plus) {
            ("n", ..) if !plus => &[],
            ("y", ..) if !plus && bindings.is_some() => return Err(ScramError::DOWNGRADED),
            ("y", ..) if !plus => &[],
            (_, Some(name), true) => bindings
                .and_then(|bindings| bindings.of_type(name))
                .ok_or(ScramError::UNSUPPORTED)?,
            ("n" | "y", ..) | (_, Some(_), false) => return Err(ScramError::UNSUPPORTED),
            _ => return Err(ScramError::Malformed),
        };
        let authorize = match authorize {
            "" => String::new(),
            given => given
                .strip_prefix("a=")
                .and_then(sasl_name)
                .ok_or(ScramError::Malformed)?,
        };
        let header = &message[..message.len() - bare.len()];
        if bare.starts_with("m=") {
            return Err(ScramError::Extension);
        }
        let mut attributes = bare.split(',');
        let name = attributes.next().and_then(|part| part.strip_prefix("n="));
        let nonce = attributes.next().and_then(|part| part.strip_prefix("r="));
        let (Some(name), Some(nonce)) = (name.and_then(sasl_name), nonce) else {
            return Err(ScramError::Malformed);
        };
        let printable = |byte: u8| matches!(byte, 0x21..=0x7e);
        if !(1..=MAX_NONCE).contains(&nonce.len()) || !nonce.bytes().all(printable) {
            return Err(ScramError::Malformed);
        }
        Ok(First {
            name,
            authorize,
            channel: [header.as_bytes(), data].concat(),
            bare: bare.to_owned(),
            nonce: nonce.to_owned(),
        })
    }

    /// The server's first message. `nonce` is ours, printable and without comma; it is to be new each time.
    pub(crate) fn challenge(self, nonce: &str, salt: &[u8], iterations: NonZeroU32) -> (Challenged, String) {
        let nonce = self.nonce + nonce;
        let message = format!("r={nonce},s={},i={iterations}", STANDARD.encode(salt));
        let challenged = Challenged {
            begun: format!("{},{message},", self.bare),
            channel: self.channel,
            nonce,
        };
        (challenged, message)
    }
}

/// An exchange that waits for the client's last message.
pub(crate) struct Challenged {
    channel: Vec<u8>,
    nonce: String,
    /// AuthMessage (RFC 5802 §3) as far as it is known.
    begun: String,
}

impl Challenged {
    /// Reads the client's last message: `c=…,r=…[,extensions],p=…`.
    pub(crate) fn read(self, message: &[u8]) -> Result<Proof, ScramError> {
        let message = std::str::from_utf8(message).map_err(|_| ScramError::Malformed)?;
        let (unproven, proof) = message.rsplit_once(",p=").ok_or(ScramError::Malformed)?;
        let mut attributes = unproven.split(',');
        let channel = attributes.next().and_then(|part| part.strip_prefix("c="));
        let nonce = attributes.next().and_then(|part| part.strip_prefix("r="));
        let (Some(channel), Some(nonce)) = (channel, nonce) else {
            return Err(ScramError::Malformed);
        };
        let proof = STANDARD
            .decode(proof)
            .ok()
            .and_then(|proof| Hash::try_from(proof).ok())
            .ok_or(ScramError::Malformed)?;
        if STANDARD.decode(channel).ok().as_ref() != Some(&self.channel) {
            return Err(ScramError::OTHER_CHANNEL);
        }
        if nonce != self.nonce {
            return Err(ScramError::Malformed);
        }
        Ok(Proof {
            message: self.begun + unproven,
            proof,
        })
    }
}

/// The client's proof that it knows a password.
pub(crate) struct Proof {
    /// AuthMessage.
    message: String,
    proof: Hash,
}

impl Proof {
    /// Whether it is one for these keys; then the server's last message, its own proof (RFC 5802 §3).
    pub(crate) fn verify(&self, keys: &Keys) -> Option<String> {
        let signature = keyed(&keys.stored, self.message.as_bytes());
        let mut client = self.proof;
        for (octet, signed) in client.iter_mut().zip(signature) {
            *octet ^= signed;
        }
        let right = bool::from(sha256(&client).ct_eq(&keys.stored));
        let signature = keyed(&keys.server, self.message.as_bytes());
        right.then(|| format!("v={}", STANDARD.encode(signature)))
    }
}

/// A name in which `,` and `=` are written as `=2C` and `=3D` (RFC 5802 §5.1).
pub(super) fn sasl_name(text: &str) -> Option<String> {
    let mut name = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escaped)) = rest.split_once('=') {
        name.push_str(plain);
        let (code, behind) = escaped.split_at_checked(2)?;
        name.push(match code {
            "2C" => ',',
            "3D" => '=',
            _ => return None,
        });
        rest = behind;
    }
    name.push_str(rest);
    (!name.is_empty() && !name.contains('\0')).then_some(name)
}

fn sha256(value: &[u8]) -> Hash {
    octets(digest::digest(&digest::SHA256, value).as_ref())
}

fn keyed(key: &[u8], value: &[u8]) -> Hash {
    octets(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), value).as_ref())
}

fn octets(value: &[u8]) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(value);
    hash
}

#[cfg(test)]
mod tests;
