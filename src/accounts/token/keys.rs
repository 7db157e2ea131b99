//! The public keys that tokens are signed with: a JWK Set (RFC 7517) or PEM (RFC 7468, `SubjectPublicKeyInfo`).
//!
//! RS256, ES256 (RFC 7518 §3) and EdDSA with Ed25519 (RFC 8037). What a set has of other kinds is passed over.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;

use crate::net::der::{self, Der};

/// A public key, with the one algorithm that it is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Key {
    /// Its name in the set (`kid`).
    pub(crate) id: Option<String>,
    value: Value,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Value {
    /// Modulus and exponent, big-endian without leading zeros.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point of P-256, uncompressed.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// Why a text holds no keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("neither a JWK Set nor PEM with a public key that can be used (RSA of 2048 bits or more, P-256 or Ed25519)")]
pub(crate) struct NoKeys;

impl Key {
    /// All that can be used of a JWK Set or of PEM text; at least one.
    pub(crate) fn read_all(text: &str) -> Result<Vec<Key>, NoKeys> {
        let keys: Vec<Key> = match serde_json::from_str::<Set>(text) {
            Ok(set) => set.keys.into_iter().filter_map(Key::from_jwk).collect(),
            Err(_) => pem(text).iter().filter_map(|der| Key::from_spki(der)).collect(),
        };
        if keys.is_empty() { Err(NoKeys) } else { Ok(keys) }
    }

    /// The name of its algorithm in a token (`alg`).
    pub(crate) fn algorithm(&self) -> &'static str {
        match self.value {
            Value::Rsa { .. } => "RS256",
            Value::P256(_) => "ES256",
            Value::Ed25519(_) => "EdDSA",
        }
    }

    /// Whether it is the key of this signature.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.value {
            Value::Rsa { n, e } => {
                let algorithm = &signature::RSA_PKCS1_2048_8192_SHA256;
                RsaPublicKeyComponents { n, e }.verify(algorithm, message, signature)
            }
            Value::P256(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Value::Ed25519(key) => UnparsedPublicKey::new(&signature::ED25519, key).verify(message, signature),
        }
        .is_ok()
    }

    fn from_jwk(jwk: Jwk) -> Option<Key> {
        if jwk.usage.is_some_and(|usage| usage != "sig") {
            return None;
        }
        let octets = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
        let value = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => rsa(&octets(jwk.n)?, &octets(jwk.e)?)?,
            ("EC", Some("P-256")) => p256([&[4][..], &octets(jwk.x)?, &octets(jwk.y)?].concat())?,
            ("OKP", Some("Ed25519")) => ed25519(octets(jwk.x)?)?,
            _ => return None,
        };
        let key = Key { id: jwk.kid, value };
        jwk.alg.is_none_or(|alg| alg == key.algorithm()).then_some(key)
    }

    /// `SubjectPublicKeyInfo ::= SEQUENCE { algorithm, subjectPublicKey BIT STRING }` (RFC 5280 §4.1.2.7).
    fn from_spki(info: &[u8]) -> Option<Key> {
        let mut info = Der::new(info).enter(der::SEQUENCE)?;
        let mut algorithm = info.enter(der::SEQUENCE)?;
        let kind = algorithm.take(der::OBJECT_IDENTIFIER)?;
        let (&[0], key) = info.take(der::BIT_STRING)?.split_first_chunk::<1>()? else {
            return None;
        };
        let value = match kind {
            // 1.2.840.113549.1.1.1: rsaEncryption (RFC 8017 appendix A.1).
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1] => {
                let mut parts = Der::new(key).enter(der::SEQUENCE)?;
                rsa(parts.take(der::INTEGER)?, parts.take(der::INTEGER)?)?
            }
            // 1.2.840.10045.2.1 with 1.2.840.10045.3.1.7: a point of P-256 (RFC 5480 §2.1).
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1] => match algorithm.take(der::OBJECT_IDENTIFIER)? {
                [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7] => p256(key.to_vec())?,
                _ => return None,
            },
            // 1.3.101.112: Ed25519 (RFC 8410 §3).
            [0x2b, 0x65, 0x70] => ed25519(key.to_vec())?,
            _ => return None,
        };
        Some(Key { id: None, value })
    }
}

/// Smaller keys are refused by whoever verifies, so they are none.
const MIN_MODULUS: usize = 2048 / 8;

fn rsa(n: &[u8], e: &[u8]) -> Option<Value> {
    let trim = |number: &[u8]| -> Vec<u8> {
        let zeros = number.iter().take_while(|octet| **octet == 0).count();
        number.get(zeros..).unwrap_or_default().to_vec()
    };
    let (n, e) = (trim(n), trim(e));
    (n.len() >= MIN_MODULUS && !e.is_empty()).then_some(Value::Rsa { n, e })
}

fn p256(point: Vec<u8>) -> Option<Value> {
    (point.len() == 65 && point.first() == Some(&4)).then_some(Value::P256(point))
}

fn ed25519(key: Vec<u8>) -> Option<Value> {
    (key.len() == 32).then_some(Value::Ed25519(key))
}

/// RFC 7517 §5.
#[derive(Deserialize)]
struct Set {
    keys: Vec<Jwk>,
}

/// RFC 7517 §4, RFC 7518 §6.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The contents of the `PUBLIC KEY` blocks of a PEM text (RFC 7468 §13).
fn pem(text: &str) -> Vec<Vec<u8>> {
    text.split("-----BEGIN PUBLIC KEY-----")
        .skip(1)
        .filter_map(|block| {
            let (body, _) = block.split_once("-----END PUBLIC KEY-----")?;
            let body: String = body.split_whitespace().collect();
            STANDARD.decode(body).ok()
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// RFC 7515 appendix A.2.
    pub(crate) const RSA: &str = r#"{"kty":"RSA","kid":"rsa","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#;
    /// RFC 7515 appendix A.3.
    pub(crate) const P256: &str = r#"{"kty":"EC","kid":"ec","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    /// RFC 8037 appendix A.2.
    pub(crate) const ED25519: &str =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    /// A JWK Set of these keys.
    pub(crate) fn set(keys: &[&str]) -> String {
        format!("{{\"keys\":[{}]}}", keys.join(","))
    }

    #[test]
    fn sets_and_what_they_have_of_other_kinds() {
        let others = [
            r#"{"kty":"oct","k":"AAAA"}"#,
            r#"{"kty":"EC","crv":"P-521","x":"AA","y":"AA"}"#,
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#,
            r#"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#,
            r#"{"kty":"RSA"}"#,
            r#"{"kty":"OKP","crv":"Ed25519","use":"enc","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            r#"{"kty":"OKP","crv":"Ed25519","alg":"RS256","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        ];
        let keys = Key::read_all(&set(&[&[RSA, P256, ED25519][..], &others].concat())).unwrap();
        let algorithms: Vec<_> = keys.iter().map(Key::algorithm).collect();
        assert_eq!(algorithms, ["RS256", "ES256", "EdDSA"]);
        assert_eq!(keys[0].id.as_deref(), Some("rsa"));
        assert_eq!(Key::read_all(&set(&others)), Err(NoKeys));
        for none in ["", "{}", "nonsense", "-----BEGIN PUBLIC KEY-----", "{\"keys\":[]}"] {
            assert_eq!(Key::read_all(none), Err(NoKeys), "{none}");
        }
    }

    /// The same keys in the other form.
    #[test]
    fn pem_of_each_kind() {
        let keys = Key::read_all(&set(&[RSA, P256, ED25519])).unwrap();
        let block = |info: &[u8]| {
            format!(
                "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
                STANDARD.encode(info)
            )
        };
        let info = |algorithm: &[&[u8]], key: &[u8]| {
            let algorithm: Vec<_> = algorithm
                .iter()
                .map(|id| der::element(der::OBJECT_IDENTIFIER, &[id]))
                .collect();
            let algorithm = der::element(der::SEQUENCE, &[&algorithm.concat()]);
            der::element(
                der::SEQUENCE,
                &[&algorithm, &der::element(der::BIT_STRING, &[&[0], key])],
            )
        };
        let text: String = keys
            .iter()
            .map(|key| match &key.value {
                Value::Rsa { n, e } => {
                    let n = der::element(der::INTEGER, &[&[0], n]);
                    let key = der::element(der::SEQUENCE, &[&n, &der::element(der::INTEGER, &[e])]);
                    block(&info(&[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]], &key))
                }
                Value::P256(point) => block(&info(
                    &[
                        &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1],
                        &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
                    ],
                    point,
                )),
                Value::Ed25519(key) => block(&info(&[&[0x2b, 0x65, 0x70]], key)),
            })
            .collect();
        let read = Key::read_all(&text).unwrap();
        let values = |keys: &[Key]| -> Vec<_> { keys.iter().map(|key| key.value.clone()).collect() };
        assert_eq!(values(&read), values(&keys));
    }
}
