//! Access tokens of one issuer (RFC 6750): JSON Web Tokens, verified here with its public keys, or tokens of any kind, about
//! which it is asked (RFC 7662).

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::sasl::bearer::Hint;
use crate::config::Oauth;
use crate::net::http::Client;
use crate::net::roots::{Roots, RootsError};

use fetched::{Fetched, Place};
use introspection::Introspection;
use issuer_client::IssuerClient;
use jwt::{Rules, TokenError};
use key_source::{KeySource, KeysError};

mod fetched;
mod introspection;
mod issuer_client;
mod jwt;
mod key_source;
mod keys;

/// Whose tokens are taken.
pub(super) struct Issuer {
    rules: Rules,
    way: Way,
    hint: Hint,
}

/// How tokens are verified.
enum Way {
    Keys(KeySource),
    Asked(Box<Introspection>),
}

/// Why an issuer's tokens cannot be taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum IssuerError {
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error("oauth.authorities: {0}")]
    Roots(#[from] RootsError),
}

/// Why a token is not taken now.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unverified {
    /// It is not good.
    #[error(transparent)]
    Refused(#[from] TokenError),
    /// The issuer has to be asked, and cannot be. The log says why.
    #[error("the issuer of tokens cannot be asked")]
    Unavailable,
}

impl Issuer {
    /// As the settings say; `None` when they name none.
    pub(super) fn load(settings: &Oauth) -> Result<Option<Issuer>, IssuerError> {
        let Some(issuer) = settings.issuer.clone() else {
            return Ok(None);
        };
        let client = || {
            let http = Client::new(&Roots::trusted(settings.authorities.as_deref())?)?;
            Ok::<_, IssuerError>(IssuerClient::new(http, settings.timeout.get()))
        };
        let way = match settings {
            Oauth {
                public_key: Some(pem), ..
            } => Way::Keys(KeySource::given(pem)?),
            Oauth { keys: Some(path), .. } => Way::Keys(KeySource::file(path)?),
            Oauth {
                introspection: Some(url),
                ..
            } => Way::Asked(Box::new(Introspection::new(client()?, url.clone(), settings))),
            _ => {
                let issuer = issuer.clone();
                let configuration = || settings.configuration().map(|url| Place::Configuration { issuer, url });
                let place = settings.jwks.clone().map(Place::JwkSet).or_else(configuration);
                // The settings are checked before anybody uses them.
                let Some(place) = place else {
                    return Ok(None);
                };
                Way::Keys(KeySource::Fetched(Fetched::new(client()?, place)))
            }
        };
        Ok(Some(Issuer {
            rules: Rules {
                asked: matches!(way, Way::Asked(_)),
                ..Rules::new(issuer, settings)
            },
            way,
            hint: Hint {
                scope: settings.scope.clone(),
                discovery: settings.discovery.as_ref().map(ToString::to_string),
            },
        }))
    }

    /// The address that a token is for. May read a small file, or ask the issuer.
    pub(super) async fn verify(&self, token: &str) -> Result<String, Unverified> {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (unix, now) = (unix.as_secs_f64(), Instant::now());
        let keys = match &self.way {
            Way::Asked(introspection) => return introspection.verify(token, &self.rules, unix, now).await,
            Way::Keys(keys) => keys,
        };
        let known = keys.keys(now).await.ok_or(Unverified::Unavailable)?;
        let claims = match jwt::verify(token, &known) {
            // Perhaps by a key that is new.
            Err(TokenError::Signature) if !jwt::names_one_of(token, &known) => match keys.newer(now).await {
                Some(newer) => jwt::verify(token, &newer)?,
                None => return Err(TokenError::Signature.into()),
            },
            verified => verified?,
        };
        Ok(self.rules.check(&claims, unix).map(str::to_owned)?)
    }

    /// What a client that was refused may want to know.
    pub(super) fn hint(&self) -> &Hint {
        &self.hint
    }

    /// Whether a token costs more than a look at its signature.
    pub(super) fn is_asked(&self) -> bool {
        self.rules.asked
    }
}
