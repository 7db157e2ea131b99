//! JSON Web Tokens: signature (RFC 7515) and claims (RFC 7519 §4.1), as RFC 8725 wants them checked.
//!
//! Pure: the time is given. The algorithm is the key's, never the token's choice.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::keys::Key;
use crate::config::Oauth;

/// What a token says.
pub(super) type Claims = Map<String, Value>;

/// Why a token is not taken. For the log: the client learns that it was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("not a signed JSON Web Token")]
    Malformed,
    #[error("no configured key has made its signature")]
    Signature,
    #[error("not active, says the issuer")]
    Inactive,
    #[error("another issuer's (iss)")]
    Issuer,
    #[error("for somebody else (aud)")]
    Audience,
    #[error("expired, or without an end (exp)")]
    Expired,
    #[error("not valid yet (nbf)")]
    TooEarly,
    #[error("without the scope that is wanted")]
    Scope,
    #[error("without the claim that names the account")]
    NoAddress,
    #[error("of an address that is not verified")]
    Unverified,
}

/// What a token must be like.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) issuer: String,
    /// One of these.
    pub(super) audience: Vec<String>,
    /// The claim with the account's address.
    pub(super) claim: String,
    pub(super) scope: Option<String>,
    /// How far clocks may be apart, in seconds.
    pub(super) leeway: f64,
    /// Whether the claims are what the issuer says of a token (RFC 7662 §2.2), instead of the token's own: then it need not
    /// say whose and until when it is, and for whom only if that is wanted.
    pub(super) asked: bool,
}

/// RFC 7515 §4.1.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood: there are none.
    crit: Option<Value>,
}

/// The claims of a token (RFC 7515 §5.2, compact serialization) that one of the keys has signed.
pub(super) fn verify(token: &str, keys: &[Key]) -> Result<Claims, TokenError> {
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
    let decode = |text| URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError::Malformed);
    let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
    let header: Header = serde_json::from_slice(&header).map_err(|_| TokenError::Malformed)?;
    if header.crit.is_some() {
        return Err(TokenError::Malformed);
    }
    let fits = |key: &&Key| {
        let named = match (&header.kid, &key.id) {
            (Some(wanted), Some(id)) => wanted == id,
            _ => true,
        };
        named && key.algorithm() == header.alg
    };
    if !keys
        .iter()
        .filter(fits)
        .any(|key| key.verifies(signed.as_bytes(), &signature))
    {
        return Err(TokenError::Signature);
    }
    serde_json::from_slice(&payload).map_err(|_| TokenError::Malformed)
}

/// Whether the token names one of the keys as its own.
pub(super) fn names_one_of(token: &str, keys: &[Key]) -> bool {
    let header = token
        .split('.')
        .next()
        .and_then(|header| URL_SAFE_NO_PAD.decode(header).ok());
    let header: Option<Header> = header.and_then(|header| serde_json::from_slice(&header).ok());
    let name = header.and_then(|header| header.kid);
    name.is_some() && keys.iter().any(|key| key.id == name)
}

impl Rules {
    /// As the settings say, for tokens that speak for themselves.
    pub(super) fn new(issuer: String, settings: &Oauth) -> Rules {
        Rules {
            issuer,
            audience: settings.audience.clone(),
            claim: settings.claim.clone(),
            scope: settings.scope.clone(),
            leeway: settings.leeway.get().as_secs_f64(),
            asked: false,
        }
    }

    /// The address in claims that fulfil all of it at this time, in seconds since 1970.
    pub(super) fn check<'a>(&self, claims: &'a Claims, now: f64) -> Result<&'a str, TokenError> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let number = |name: &str| claims.get(name).and_then(Value::as_f64);
        let is_left_out = |name: &str| self.asked && claims.get(name).is_none();
        if self.asked && claims.get("active") != Some(&Value::Bool(true)) {
            return Err(TokenError::Inactive);
        }
        if text("iss") != Some(&self.issuer) && !is_left_out("iss") {
            return Err(TokenError::Issuer);
        }
        let mut audience = match claims.get("aud") {
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(one)) => vec![one.as_str()],
            _ => Vec::new(),
        }
        .into_iter();
        let anybody = self.asked && self.audience.is_empty();
        if !anybody && !audience.any(|one| self.audience.iter().any(|ours| ours == one)) {
            return Err(TokenError::Audience);
        }
        if number("exp").is_none_or(|end| now >= end + self.leeway) && !is_left_out("exp") {
            return Err(TokenError::Expired);
        }
        let too_early = |beginning: f64| now < beginning - self.leeway;
        match claims.get("nbf") {
            Some(beginning) if beginning.as_f64().is_none_or(too_early) => return Err(TokenError::TooEarly),
            _ => {}
        }
        if let Some(wanted) = &self.scope
            && !scopes(claims).any(|scope| scope == wanted)
        {
            return Err(TokenError::Scope);
        }
        let address = text(&self.claim).filter(|address| !address.is_empty());
        let address = address.ok_or(TokenError::NoAddress)?;
        // OpenID Connect Core 1.0 §5.1: whoever it belongs to may not be whom the token is for.
        if self.claim == "email" && claims.get("email_verified").is_some_and(is_false) {
            return Err(TokenError::Unverified);
        }
        Ok(address)
    }
}

/// Some issuers write it as text.
fn is_false(value: &Value) -> bool {
    *value == Value::Bool(false) || value.as_str() == Some("false")
}

/// RFC 9068 §2.2.3: `scope`, separated by spaces; some issuers say `scp`, some as a list.
fn scopes(claims: &Claims) -> impl Iterator<Item = &str> {
    ["scope", "scp"]
        .into_iter()
        .filter_map(|name| claims.get(name))
        .flat_map(|value| match value {
            Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
            Value::String(text) => text.split(' ').collect(),
            _ => Vec::new(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::token::keys::tests::{ED25519, P256, RSA, set};
    use serde_json::json;

    /// The payload of RFC 7515 appendices A.2 and A.3: `iss` is "joe", `exp` 1300819380.
    const PAYLOAD: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const RS256: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    const ES256: &str = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

    fn keys() -> Vec<Key> {
        Key::read_all(&set(&[RSA, P256, ED25519])).unwrap()
    }

    /// RFC 7515 appendices A.2 and A.3, RFC 8037 appendix A.4.
    #[test]
    fn the_examples_of_the_standards() {
        let header = |text: &str| URL_SAFE_NO_PAD.encode(text);
        for (algorithm, signature) in [("RS256", RS256), ("ES256", ES256)] {
            let header = header(&format!("{{\"alg\":\"{algorithm}\"}}"));
            let claims = verify(&format!("{header}.{PAYLOAD}.{signature}"), &keys()).unwrap();
            assert_eq!(claims["iss"], "joe");
            assert_eq!(claims["exp"], 1_300_819_380);
        }
        // Its payload is no JSON, but only behind a good signature is that looked at.
        let signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        assert_eq!(verify(signed, &keys()), Err(TokenError::Malformed));
        let other = signed.replace("Ed", "ed").replace(".RX", ".RY");
        assert_eq!(verify(&other, &keys()), Err(TokenError::Signature));
    }

    #[test]
    fn the_key_says_which_algorithm_and_a_token_which_key() {
        let token = |header: &str, signature: &str| format!("{}.{PAYLOAD}.{signature}", URL_SAFE_NO_PAD.encode(header));
        for (header, signature) in [
            (r#"{"alg":"none"}"#, ""),
            (r#"{"alg":"HS256"}"#, ES256),
            (r#"{"alg":"RS256"}"#, ES256),
            (r#"{"alg":"ES256","kid":"rsa"}"#, ES256),
        ] {
            let verified = verify(&token(header, signature), &keys());
            assert_eq!(verified, Err(TokenError::Signature), "{header}");
        }
        for (header, signature) in [
            (r#"{"alg":"ES256","crit":["x"],"x":1}"#, ES256),
            ("{}", ES256),
            ("", ES256),
            (r#"{"alg":"ES256"}"#, "not base64!"),
        ] {
            let verified = verify(&token(header, signature), &keys());
            assert_eq!(verified, Err(TokenError::Malformed), "{header}");
        }
        for none in ["", ".", "..", "a.b", "a.b.c.d", "\u{e9}.\u{e9}.\u{e9}"] {
            assert_eq!(verify(none, &keys()), Err(TokenError::Malformed), "{none}");
        }
    }

    #[test]
    fn each_rule_has_its_error() {
        let rules = Rules {
            issuer: "https://id.example.org".to_owned(),
            audience: vec!["posthaste".to_owned(), "mail".to_owned()],
            claim: "email".to_owned(),
            scope: Some("mail".to_owned()),
            leeway: 10.0,
            asked: false,
        };
        let good = json!({
            "iss": "https://id.example.org", "aud": ["x", "mail"], "exp": 1000, "nbf": 900, "scope": "openid mail",
            "email": "alice@example.org",
        });
        let check = |change: Value| {
            let mut claims = good.as_object().unwrap().clone();
            for (name, value) in change.as_object().unwrap() {
                claims.insert(name.clone(), value.clone());
            }
            claims.retain(|_, value| !value.is_null());
            rules.check(&claims, 950.0).map(str::to_owned)
        };
        let alice = Ok("alice@example.org".to_owned());
        assert_eq!(check(json!({})), alice);
        for right in [
            json!({"aud": "posthaste"}),
            json!({"exp": 940.5}),
            json!({"nbf": 960}),
            json!({"nbf": null}),
            json!({"scope": null, "scp": ["mail"]}),
            json!({"email_verified": true}),
        ] {
            assert_eq!(check(right.clone()), alice, "{right}");
        }
        for (wrong, error) in [
            (json!({"iss": null}), TokenError::Issuer),
            (json!({"iss": "https://id.example.org/"}), TokenError::Issuer),
            (json!({"aud": null}), TokenError::Audience),
            (json!({"aud": "postHaste"}), TokenError::Audience),
            (json!({"aud": []}), TokenError::Audience),
            (json!({"exp": null}), TokenError::Expired),
            (json!({"exp": "1000"}), TokenError::Expired),
            (json!({"exp": 940}), TokenError::Expired),
            (json!({"nbf": 961}), TokenError::TooEarly),
            (json!({"nbf": "soon"}), TokenError::TooEarly),
            (json!({"scope": "email"}), TokenError::Scope),
            (json!({"scope": "mailing"}), TokenError::Scope),
            (json!({"email": null}), TokenError::NoAddress),
            (json!({"email": ""}), TokenError::NoAddress),
            (json!({"email": ["alice@example.org"]}), TokenError::NoAddress),
            (json!({"email_verified": false}), TokenError::Unverified),
            (json!({"email_verified": "false"}), TokenError::Unverified),
        ] {
            assert_eq!(check(wrong.clone()), Err(error), "{wrong}");
        }
    }

    /// RFC 7662 §2.2.
    #[test]
    fn what_an_issuer_says_of_a_token() {
        let settings = Oauth {
            claim: "username".to_owned(),
            ..Oauth::default()
        };
        let mut rules = Rules {
            asked: true,
            ..Rules::new("https://id.example.org".to_owned(), &settings)
        };
        let check = |rules: &Rules, claims: Value| rules.check(claims.as_object().unwrap(), 950.0).map(str::to_owned);
        let jdoe = Ok("jdoe".to_owned());
        assert_eq!(check(&rules, json!({"active": true, "username": "jdoe"})), jdoe);
        let all = json!({
            "active": true, "client_id": "l238j323ds-23ij4", "username": "jdoe", "scope": "read write", "exp": 1000,
            "sub": "Z5O3upPC88QrAjx00dis", "aud": "posthaste", "iss": "https://id.example.org", "iat": 900,
        });
        assert_eq!(check(&rules, all.clone()), jdoe);
        rules.audience.push("posthaste".to_owned());
        assert_eq!(check(&rules, all), jdoe);
        for (wrong, error) in [
            (json!({"active": false}), TokenError::Inactive),
            (json!({"username": "jdoe", "aud": "posthaste"}), TokenError::Inactive),
            (json!({"active": "true", "username": "jdoe"}), TokenError::Inactive),
            (json!({"active": true, "username": "jdoe"}), TokenError::Audience),
            (
                json!({"active": true, "aud": "posthaste", "iss": "x"}),
                TokenError::Issuer,
            ),
            (
                json!({"active": true, "aud": "posthaste", "exp": 10}),
                TokenError::Expired,
            ),
            (json!({"active": true, "aud": "posthaste"}), TokenError::NoAddress),
        ] {
            assert_eq!(check(&rules, wrong.clone()), Err(error), "{wrong}");
        }
    }
}
