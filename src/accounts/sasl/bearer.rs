//! OAUTHBEARER (RFC 7628), and XOAUTH2, which came before it and is described by Google.
//!
//! Both carry a token in one response. A failure is told in JSON, and the client answers to that before the exchange ends.

use serde_json::json;
use zeroize::Zeroizing;

/// What a client presents.
#[derive(PartialEq, Eq)]
pub(crate) struct Bearer {
    /// Whose mail it wants; empty when the token says it all.
    pub(crate) name: String,
    /// The token; empty from a client that wants to learn which it should get (RFC 7628 §4.3).
    pub(crate) token: Zeroizing<String>,
}

/// Keeps the token out of whatever is printed.
impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bearer")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Bearer {
    /// A response of OAUTHBEARER (RFC 7628 §3.1): `gs2-header kvsep *kvpair kvsep`. Where the client thinks it is connected
    /// to (`host`, `port`) is passed over: a server has more names than it knows, and the token's audience says for whom
    /// it is.
    pub(crate) fn oauthbearer(response: &[u8]) -> Option<Bearer> {
        let (header, pairs) = std::str::from_utf8(response).ok()?.split_once(SEPARATOR)?;
        let mut header = header.split(',');
        let (flag, name) = (header.next()?, header.next()?);
        if !matches!(flag, "n" | "y") || header.next() != Some("") || header.next().is_some() {
            return None;
        }
        let name = match name {
            "" => String::new(),
            name => super::scram::sasl_name(name.strip_prefix("a=")?)?,
        };
        let token = token(pairs)?;
        Some(Bearer { name, token })
    }

    /// A response of XOAUTH2: `user=` name kvsep `auth=Bearer ` token kvsep kvsep.
    pub(crate) fn xoauth2(response: &[u8]) -> Option<Bearer> {
        let (user, pairs) = std::str::from_utf8(response).ok()?.split_once(SEPARATOR)?;
        let name = user.strip_prefix("user=").filter(|name| !name.is_empty())?.to_owned();
        let token = token(pairs)?;
        Some(Bearer { name, token })
    }
}

/// `kvsep` (RFC 7628 §3.1).
const SEPARATOR: char = '\u{1}';

/// The token in `*kvpair kvsep`. Pairs that are not known are passed over.
fn token(pairs: &str) -> Option<Zeroizing<String>> {
    let pairs = pairs.strip_suffix("\u{1}\u{1}")?;
    let mut pairs = pairs.split(SEPARATOR).filter_map(|pair| pair.split_once('='));
    let (_, auth) = pairs.find(|(key, _)| *key == "auth")?;
    if auth.is_empty() {
        return Some(Zeroizing::default());
    }
    let (scheme, token) = auth.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("Bearer")
        .then(|| Zeroizing::new(token.trim().to_owned()))
}

/// What a client that was refused may want to know.
#[derive(Default, Clone, Debug)]
pub(crate) struct Hint {
    /// The scope that a token needs.
    pub(crate) scope: Option<String>,
    /// Where to find out how to get one.
    pub(crate) discovery: Option<String>,
}

impl Hint {
    /// RFC 7628 §3.2.2.
    pub(crate) fn oauthbearer(&self) -> Vec<u8> {
        let mut error = json!({ "status": "invalid_token" });
        if let Some(scope) = &self.scope {
            error["scope"] = json!(scope);
        }
        if let Some(discovery) = &self.discovery {
            error["openid-configuration"] = json!(discovery);
        }
        error.to_string().into_bytes()
    }

    /// As Google's server says it.
    pub(crate) fn xoauth2(&self) -> Vec<u8> {
        let scope = self.scope.as_deref().unwrap_or_default();
        let error = json!({ "status": "401", "schemes": "bearer", "scope": scope });
        error.to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bearer: Option<Bearer>) -> Option<(String, String)> {
        bearer.map(|bearer| (bearer.name.clone(), bearer.token.to_string()))
    }

    /// RFC 7628 §4.1 and §4.3, and Google's example.
    #[test]
    fn the_examples() {
        let token = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";
        let given =
            format!("n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer {token}\x01\x01");
        let expected = Some(("user@example.com".to_owned(), token.to_owned()));
        assert_eq!(read(Bearer::oauthbearer(given.as_bytes())), expected);
        let asking = b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=\x01\x01";
        assert_eq!(
            read(Bearer::oauthbearer(asking)),
            Some(("user@example.com".to_owned(), String::new()))
        );
        let given = b"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4\x01\x01";
        assert_eq!(
            read(Bearer::xoauth2(given)),
            Some(("someuser@example.com".to_owned(), "ya29.vF9dft4".to_owned()))
        );
        assert!(!format!("{:?}", Bearer::xoauth2(given)).contains("ya29"));
    }

    #[test]
    fn what_is_none_is_refused() {
        for given in [
            "",
            "\u{1}",
            "n,,",
            "n,,\u{1}",
            "n,,\u{1}auth=Bearer x\u{1}",
            "n,,\u{1}auth=Basic x\u{1}\u{1}",
            "n,,\u{1}auth=x\u{1}\u{1}",
            "n,,\u{1}host=x\u{1}\u{1}",
            "p=tls-exporter,,\u{1}auth=Bearer x\u{1}\u{1}",
            "n\u{1}auth=Bearer x\u{1}\u{1}",
            "n,a=\u{1}auth=Bearer x\u{1}\u{1}",
            "n,b=c,\u{1}auth=Bearer x\u{1}\u{1}",
            "n,,,\u{1}auth=Bearer x\u{1}\u{1}",
        ] {
            assert_eq!(Bearer::oauthbearer(given.as_bytes()), None, "{given:?}");
        }
        for given in [
            "",
            "user=\u{1}auth=Bearer x\u{1}\u{1}",
            "auth=Bearer x\u{1}\u{1}",
            "user=a\u{1}auth=Bearer x",
        ] {
            assert_eq!(Bearer::xoauth2(given.as_bytes()), None, "{given:?}");
        }
        assert_eq!(
            read(Bearer::oauthbearer(b"y,,\x01auth=bearer  x\x01\x01")),
            Some((String::new(), "x".to_owned()))
        );
    }

    #[test]
    fn failures_are_told_in_json() {
        let hint = Hint {
            scope: Some("mail".to_owned()),
            discovery: Some("https://id.example.org/.well-known/openid-configuration".to_owned()),
        };
        let told: serde_json::Value = serde_json::from_slice(&hint.oauthbearer()).unwrap();
        assert_eq!(told["status"], "invalid_token");
        assert_eq!(told["scope"], "mail");
        assert_eq!(
            told["openid-configuration"],
            "https://id.example.org/.well-known/openid-configuration"
        );
        assert_eq!(Hint::default().oauthbearer(), br#"{"status":"invalid_token"}"#);
        let told: serde_json::Value = serde_json::from_slice(&hint.xoauth2()).unwrap();
        assert_eq!((&told["status"], &told["scope"]), (&json!("401"), &json!("mail")));
    }
}
