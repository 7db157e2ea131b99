//! Channel bindings of TLS: what only the two ends of one connection know, so that a login that names it cannot have
//! been relayed by somebody in the middle (RFC 5056).
//!
//! tls-exporter (RFC 9266) and tls-server-end-point (RFC 5929 §4). Both are given for TLS 1.3 alone: in TLS 1.2 the exporter
//! binds only with an extended master secret (RFC 9266 §4), of which rustls does not tell, and clients would rather choose
//! tls-unique there, for which it has nothing.

use std::sync::Arc;

use ring::digest;

use super::der::{self, Der};

/// The label of RFC 9266 §2.
pub(super) const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// What a connection can be bound to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChannelBindings {
    /// tls-exporter.
    pub exporter: [u8; 32],
    /// tls-server-end-point; `None` where the certificate has a signature for which it is not defined.
    pub server_end_point: Option<Arc<[u8]>>,
}

impl ChannelBindings {
    /// The data of a channel binding type, by its registered name.
    pub fn of_type(&self, name: &str) -> Option<&[u8]> {
        match name {
            "tls-exporter" => Some(&self.exporter),
            "tls-server-end-point" => self.server_end_point.as_deref(),
            _ => None,
        }
    }
}

/// The hash of a certificate (DER), by the hash function of its own signature, but SHA-256 for MD5 and SHA-1 (RFC 5929 §4.1).
pub(super) fn server_end_point(certificate: &[u8]) -> Option<Arc<[u8]>> {
    let algorithm = signature_hash(certificate)?;
    Some(Arc::from(digest::digest(algorithm, certificate).as_ref()))
}

/// `Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signature }` (RFC 5280 §4.1).
fn signature_hash(certificate: &[u8]) -> Option<&'static digest::Algorithm> {
    let mut certificate = Der::new(certificate).enter(der::SEQUENCE)?;
    certificate.skip()?;
    let mut signature = certificate.enter(der::SEQUENCE)?;
    match signature.take(der::OBJECT_IDENTIFIER)? {
        // 1.2.840.113549.1.1: RSA with MD5, SHA-1, SHA-256, SHA-384, SHA-512 (RFC 8017 appendix C).
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, which] => match which {
            4 | 5 | 11 => Some(&digest::SHA256),
            12 => Some(&digest::SHA384),
            13 => Some(&digest::SHA512),
            10 => pss_hash(signature),
            _ => None,
        },
        // 1.2.840.10045.4.1: ECDSA with SHA-1 (RFC 3279 §2.2.3).
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1] => Some(&digest::SHA256),
        // 1.2.840.10045.4.3: ECDSA with SHA-256, SHA-384, SHA-512 (RFC 5758 §3.2).
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, which] => sha2(*which),
        // Ed25519 and Ed448 have no hash function of their own to name.
        _ => None,
    }
}

/// `RSASSA-PSS-params ::= SEQUENCE { hashAlgorithm [0] DEFAULT sha1, … }` (RFC 8017 appendix A.2.3).
fn pss_hash(mut parameters: Der<'_>) -> Option<&'static digest::Algorithm> {
    let mut parameters = parameters.enter(der::SEQUENCE)?;
    let Some(mut explicit) = parameters.enter(0xa0) else {
        return Some(&digest::SHA256);
    };
    match explicit.enter(der::SEQUENCE)?.take(der::OBJECT_IDENTIFIER)? {
        // 1.3.14.3.2.26: SHA-1.
        [0x2b, 14, 3, 2, 26] => Some(&digest::SHA256),
        // 2.16.840.1.101.3.4.2.
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, which] => match which {
            1..=3 => sha2(*which + 1),
            _ => None,
        },
        _ => None,
    }
}

/// SHA-2 as ECDSA's identifiers number it.
fn sha2(which: u8) -> Option<&'static digest::Algorithm> {
    match which {
        2 => Some(&digest::SHA256),
        3 => Some(&digest::SHA384),
        4 => Some(&digest::SHA512),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::der::element;

    const SHA1: &[u8] = &[0x2b, 14, 3, 2, 26];
    const SHA512: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3];

    fn certificate(algorithm: &[u8], parameters: &[u8]) -> Vec<u8> {
        let algorithm = element(der::OBJECT_IDENTIFIER, &[algorithm]);
        let signature = element(der::SEQUENCE, &[&algorithm, parameters]);
        element(
            der::SEQUENCE,
            &[&element(der::SEQUENCE, &[b"names"]), &signature, b"\x03\x01\x00"],
        )
    }

    #[test]
    fn the_hash_is_that_of_the_signature() {
        let rsa = |which| [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, which];
        let pss = |hash: &[u8]| {
            let hash = element(der::SEQUENCE, &[&element(der::OBJECT_IDENTIFIER, &[hash])]);
            element(der::SEQUENCE, &[&element(0xa0, &[&hash])])
        };
        for (algorithm, parameters, octets) in [
            (&rsa(5)[..], vec![5, 0], Some(32)),
            (&rsa(11), vec![5, 0], Some(32)),
            (&rsa(12), vec![5, 0], Some(48)),
            (&rsa(13), vec![5, 0], Some(64)),
            (&rsa(14), vec![5, 0], None),
            (&rsa(10), element(der::SEQUENCE, &[]), Some(32)),
            (&rsa(10), pss(SHA1), Some(32)),
            (&rsa(10), pss(SHA512), Some(64)),
            (&rsa(10), vec![], None),
            (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2], vec![], Some(32)),
            (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3], vec![], Some(48)),
            (&[0x2b, 0x65, 0x70], vec![], None),
        ] {
            let hashed = server_end_point(&certificate(algorithm, &parameters));
            assert_eq!(hashed.map(|hash| hash.len()), octets, "{algorithm:x?} {parameters:x?}");
        }
        assert_eq!(server_end_point(b"no certificate"), None);
    }

    #[test]
    fn types_by_their_names() {
        let bindings = ChannelBindings {
            exporter: [7; 32],
            server_end_point: None,
        };
        assert_eq!(bindings.of_type("tls-exporter"), Some(&[7; 32][..]));
        assert_eq!(bindings.of_type("tls-server-end-point"), None);
        assert_eq!(bindings.of_type("tls-unique"), None);
    }
}
