//! Settings of logging in, by password or by token.

use std::path::PathBuf;

use serde::Deserialize;

use super::{Period, Secret};
use crate::net::http::Url;

/// Logging in, by IMAP or submission.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Login {
    /// Password hashes computed at the same time; each takes about 19 MiB while it runs.
    pub concurrent_hashes: usize,
    /// How long a password that was right is remembered (as a keyed digest in memory), so that a client that opens ten
    /// connections costs one hash.
    pub cache: Period,
    /// Whether LOGIN and AUTH are refused on unencrypted connections. Loopback is no exception.
    pub require_tls: bool,
    /// Sessions of one account at the same time, of IMAP and of submission each.
    pub max_connections_per_account: usize,
    /// Connections from one address at the same time (of IPv6: one /64). Private and loopback addresses are not counted:
    /// behind a gateway are many.
    pub max_connections_per_address: usize,
    /// How long a session past the limit of its account waits for another one to end, before it is refused; "0s" for not
    /// at all.
    pub connection_wait: Period,
    /// Failed logins of one account from one address, after which it is turned away there; 0 for no limit.
    pub max_failures: usize,
    /// Failed logins from one address, after which it is turned away; 0 for no limit. Never one from which somebody logs in,
    /// nor a private one.
    pub max_failures_per_address: usize,
    /// Failed logins of one account from anywhere, after which it is turned away from where it has not logged in before;
    /// 0 for no limit.
    pub max_failures_per_account: usize,
    /// How long failed logins are remembered, and those with too many of them turned away.
    pub block: Period,
    /// Logging in by access tokens (OAUTHBEARER, RFC 7628, and XOAUTH2) of one issuer: JSON Web Tokens, verified with its
    /// public keys, or tokens of any kind, about which it is asked. Switched off without an issuer.
    pub oauth: Oauth,
}

impl Default for Login {
    fn default() -> Login {
        Login {
            concurrent_hashes: 2,
            cache: Period::seconds(60),
            require_tls: true,
            max_connections_per_account: 500,
            max_connections_per_address: 1000,
            connection_wait: Period::seconds(2),
            max_failures: 10,
            max_failures_per_address: 30,
            max_failures_per_account: 100,
            block: Period::seconds(15 * 60),
            oauth: Oauth::default(),
        }
    }
}

/// Logging in by access tokens: whose, and how they are verified.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Oauth {
    /// Whose tokens are taken: what their claim `iss` says.
    pub issuer: Option<String>,
    /// For whom tokens must be made: one of these in the claim `aud`. May be left out with `introspection`.
    pub audience: Vec<String>,
    /// Where the issuer's public keys are: its JWK Set. Without keys from anywhere, and without `introspection`, its OpenID
    /// configuration says where.
    pub jwks: Option<Url>,
    /// File with the issuer's public keys: a JWK Set, or PEM. RS256, ES256 and EdDSA. Read again when it changes.
    pub keys: Option<PathBuf>,
    /// The issuer's public key as PEM text, instead of a file.
    pub public_key: Option<String>,
    /// Where the issuer is asked about each token (RFC 7662), instead of verifying it with keys.
    pub introspection: Option<Url>,
    /// As whom this server asks there.
    pub client_id: Option<String>,
    /// The secret of `client_id`; without that, a token with which this server asks.
    pub client_secret: Option<Secret>,
    /// How long what the issuer said of a good token is believed, so that a client that opens ten connections asks once.
    pub cache: Period,
    /// How long the issuer may take for an answer.
    pub timeout: Period,
    /// PEM file with authorities that the issuer's certificate may be from, beside those that the system trusts.
    pub authorities: Option<PathBuf>,
    /// The claim with the address of the account.
    pub claim: String,
    /// A scope that tokens must have; clients without one are told.
    pub scope: Option<String>,
    /// Where clients that are refused learn how to get a token: the address of the issuer's OpenID configuration, if that is
    /// not where the issuer's name leads to.
    pub discovery: Option<Url>,
    /// How far the issuer's clock may be from ours.
    pub leeway: Period,
}

impl Default for Oauth {
    fn default() -> Oauth {
        Oauth {
            issuer: None,
            audience: Vec::new(),
            jwks: None,
            keys: None,
            public_key: None,
            introspection: None,
            client_id: None,
            client_secret: None,
            cache: Period::seconds(60),
            timeout: Period::seconds(5),
            authorities: None,
            claim: "email".to_owned(),
            scope: None,
            discovery: None,
            leeway: Period::seconds(60),
        }
    }
}

impl Oauth {
    /// The address of the issuer's OpenID configuration: as it is set, or where the issuer's name leads to (OpenID Connect
    /// Discovery 1.0 §4). `None` where nobody could be asked safely.
    pub fn configuration(&self) -> Option<Url> {
        let found = || {
            let issuer = self.issuer.as_deref()?;
            let text = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
            Url::parse(&text).ok()
        };
        self.discovery.clone().or_else(found).filter(Url::is_safe)
    }
}
