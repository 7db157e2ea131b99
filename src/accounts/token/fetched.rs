//! Public keys that are fetched from the issuer: from its JWK Set (RFC 7517), whose address its OpenID configuration may have
//! to tell first (OpenID Connect Discovery 1.0 §4).
//!
//! Invariants: the issuer is asked at most once in [`AGAIN`], however many tokens come with keys that nobody knows; keys
//! that were fetched stay in use for as long as the issuer gives no others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::OnceCell;

use super::issuer_client::{AskError, IssuerClient};
use super::keys::Key;
use crate::net::http::{Request, Url};

/// After this, keys are fetched again when a token comes: one that was taken back must go some day.
const FRESH: Duration = Duration::from_secs(3600);

/// The least time between two attempts.
const AGAIN: Duration = Duration::from_secs(30);

/// Where the keys are.
pub(super) enum Place {
    /// Here.
    JwkSet(Url),
    /// Where the OpenID configuration of this issuer says.
    Configuration { issuer: String, url: Url },
}

/// Keys with the issuer.
pub(super) struct Fetched {
    client: IssuerClient,
    place: Place,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    keys: Option<Arc<[Key]>>,
    last: Option<Attempt>,
}

/// One attempt, for all who want keys while it counts.
#[derive(Clone)]
struct Attempt {
    begun: Instant,
    /// Empty while it is under way.
    outcome: Arc<OnceCell<Option<Arc<[Key]>>>>,
}

/// What is wanted of an OpenID configuration (OpenID Connect Discovery 1.0 §3).
#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
}

impl Fetched {
    pub(super) fn new(client: IssuerClient, place: Place) -> Fetched {
        Fetched {
            client,
            place,
            known: Mutex::default(),
        }
    }

    /// The keys; fetched if there are none yet, or if they are old. `None` when there have never been any.
    pub(super) async fn keys(&self, now: Instant) -> Option<Arc<[Key]>> {
        let (known, fresh) = {
            let known = self.known();
            let begun = known.last.as_ref().map(|attempt| attempt.begun);
            let fresh = begun.is_some_and(|begun| now.saturating_duration_since(begun) < FRESH);
            (known.keys.clone(), fresh)
        };
        match known {
            Some(keys) if fresh => Some(keys),
            old => self.fetch(now).await.or(old),
        }
    }

    /// What the issuer says now, or said a moment ago; `None` when it says nothing that can be used.
    pub(super) async fn fetch(&self, now: Instant) -> Option<Arc<[Key]>> {
        let attempt = {
            let mut known = self.known();
            match &known.last {
                Some(last) if now.saturating_duration_since(last.begun) < AGAIN => last.clone(),
                _ => {
                    let attempt = Attempt {
                        begun: now,
                        outcome: Arc::default(),
                    };
                    known.last = Some(attempt.clone());
                    attempt
                }
            }
        };
        // When the one who asks goes away, another of those who wait does.
        attempt.outcome.get_or_init(|| self.ask()).await.clone()
    }

    async fn ask(&self) -> Option<Arc<[Key]>> {
        match self.key_set().await {
            Ok(keys) => {
                let mut known = self.known();
                if known.keys.as_ref() != Some(&keys) {
                    tracing::info!(keys = keys.len(), "the issuer's keys were fetched");
                    known.keys = Some(keys.clone());
                }
                Some(keys)
            }
            Err(error) => {
                tracing::warn!(%error, "the issuer's keys cannot be fetched");
                None
            }
        }
    }

    async fn key_set(&self) -> Result<Arc<[Key]>, AskError> {
        let told;
        let url = match &self.place {
            Place::JwkSet(url) => url,
            Place::Configuration { issuer, url } => {
                let text = self.client.ask(Request::get(url)).await?;
                let configuration: Configuration =
                    serde_json::from_slice(&text).map_err(|_| AskError::Content("OpenID configuration"))?;
                // OpenID Connect Discovery 1.0 §4.3.
                if configuration.issuer != *issuer {
                    return Err(AskError::Content("OpenID configuration of this issuer"));
                }
                told = Url::parse(&configuration.jwks_uri)?;
                &told
            }
        };
        let text = self.client.ask(Request::get(url)).await?;
        let text = String::from_utf8(text).map_err(|_| AskError::Content("JWK Set"))?;
        let keys = Key::read_all(&text).map_err(|_| AskError::Content("JWK Set with keys that can be used"))?;
        Ok(keys.into())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::token::issuer_client::tests::{Issuer, client};
    use crate::accounts::token::keys::tests::{ED25519, P256, set};

    const SECOND: Duration = Duration::from_secs(1);

    fn count(keys: Option<Arc<[Key]>>) -> Option<usize> {
        keys.map(|keys| keys.len())
    }

    #[tokio::test]
    async fn many_who_want_keys_ask_once_and_old_keys_stay() {
        let issuer = Issuer::start().await;
        let fetched = Fetched::new(client(), Place::JwkSet(issuer.url("/keys")));
        let start = Instant::now();
        // It is down when the first ones come, and is not asked again at once.
        assert_eq!(count(fetched.keys(start).await), None);
        issuer.says("/keys", 200, &set(&[ED25519]));
        assert_eq!(count(fetched.keys(start + 29 * SECOND).await), None);
        assert_eq!(issuer.asked("/keys"), 1);
        let now = start + 30 * SECOND;
        let (one, two, three) = tokio::join!(fetched.keys(now), fetched.keys(now), fetched.fetch(now));
        assert_eq!([count(one), count(two), count(three)], [Some(1); 3]);
        assert_eq!(issuer.asked("/keys"), 2);

        issuer.says("/keys", 200, &set(&[ED25519, P256]));
        assert_eq!(count(fetched.fetch(now + 29 * SECOND).await), Some(1), "just fetched");
        assert_eq!(count(fetched.fetch(now + 30 * SECOND).await), Some(2));
        for broken in [(500, ""), (200, "{}"), (200, "nonsense"), (302, "")] {
            issuer.says("/keys", broken.0, broken.1);
            let later = now + 2 * FRESH;
            assert_eq!(count(fetched.keys(later).await), Some(2), "{broken:?}");
            assert_eq!(count(fetched.fetch(later + AGAIN).await), None);
        }
        let asked = issuer.asked("/keys");
        assert_eq!(count(fetched.keys(now + 2 * FRESH + AGAIN + SECOND).await), Some(2));
        assert_eq!(issuer.asked("/keys"), asked, "not asked again at once");
    }

    #[tokio::test]
    async fn the_openid_configuration_tells_where_they_are() {
        let issuer = Issuer::start().await;
        let name = issuer.url("").to_string().trim_end_matches('/').to_owned();
        let place = || Place::Configuration {
            issuer: name.clone(),
            url: issuer.url("/.well-known/openid-configuration"),
        };
        issuer.says("/jwks", 200, &set(&[ED25519, P256]));
        for (told, jwks, expected) in [
            (&*name, issuer.url("/jwks").to_string(), Some(2)),
            // Of somebody else, and not asked without TLS.
            ("https://id.example.org", issuer.url("/jwks").to_string(), None),
            (&*name, "http://id.example.org/jwks".to_owned(), None),
            (&*name, "jwks".to_owned(), None),
        ] {
            let text = format!("{{\"issuer\":\"{told}\",\"jwks_uri\":\"{jwks}\",\"x\":1}}");
            issuer.says("/.well-known/openid-configuration", 200, &text);
            let fetched = Fetched::new(client(), place());
            assert_eq!(count(fetched.keys(Instant::now()).await), expected, "{text}");
        }
    }
}
