//! Asking the issuer about a token (RFC 7662): for tokens that only it understands, or that it may take back.
//!
//! Invariants: of a token only a digest is kept; what is remembered is bounded in number and in time, and a good answer
//! never outlives the token; one question at a time about one token; a failure is no answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::Unverified;
use super::issuer_client::{AskError, IssuerClient};
use super::jwt::{Claims, Rules, TokenError};
use crate::config::Oauth;
use crate::net::http::{Request, Url, encoded};

/// Tokens of which something is remembered; beyond that each login asks.
const MAX_REMEMBERED: usize = 10_000;

/// Questions at the same time; more wait for their turn, but not for longer than for an answer.
const MAX_ASKING: usize = 32;

/// How long a refusal counts: the token may become good (RFC 7662 §4 leaves that to us), and who tries again and again must
/// not ask each time.
const REFUSED: Duration = Duration::from_secs(5);

/// How long it is believed that the issuer cannot be asked.
const FAILED: Duration = Duration::from_secs(1);

/// Where to ask, and what was told.
pub(super) struct Introspection {
    client: IssuerClient,
    url: Url,
    /// The value of Authorization.
    credentials: Option<Zeroizing<String>>,
    /// How long a good answer counts.
    period: Duration,
    asking: Semaphore,
    answers: Mutex<HashMap<[u8; 32], Entry>>,
}

/// Empty while the issuer is asked.
type Entry = Arc<OnceCell<Remembered>>;

struct Remembered {
    answer: Answer,
    until: Instant,
}

#[derive(Clone)]
enum Answer {
    Address(String),
    Refused(TokenError),
    Failed,
}

impl Introspection {
    pub(super) fn new(client: IssuerClient, url: Url, settings: &Oauth) -> Introspection {
        let secret = settings.client_secret.as_ref().map(|secret| secret.reveal());
        let credentials = secret.map(|secret| match &settings.client_id {
            // RFC 6749 §2.3.1.
            Some(id) => {
                let pair = Zeroizing::new(format!("{}:{}", encoded(id), encoded(secret)));
                format!("Basic {}", STANDARD.encode(pair.as_bytes()))
            }
            // RFC 7662 §2.1.
            None => format!("Bearer {secret}"),
        });
        Introspection {
            client,
            url,
            credentials: credentials.map(Zeroizing::new),
            period: settings.cache.get(),
            asking: Semaphore::new(MAX_ASKING),
            answers: Mutex::default(),
        }
    }

    /// The address that a token is for. `unix` is the time in seconds since 1970, `now` the same by the other clock.
    pub(super) async fn verify(
        &self,
        token: &str,
        rules: &Rules,
        unix: f64,
        now: Instant,
    ) -> Result<String, Unverified> {
        let entry = self.entry(token, now);
        let ask = async {
            let (answer, period) = match self.ask(token).await {
                Ok(claims) => match rules.check(&claims, unix) {
                    Ok(address) => (
                        Answer::Address(address.to_owned()),
                        self.period.min(rest(&claims, unix)),
                    ),
                    Err(reason) => (Answer::Refused(reason), REFUSED),
                },
                Err(error) => {
                    tracing::error!(%error, "the issuer cannot be asked about a token");
                    (Answer::Failed, FAILED)
                }
            };
            let until = now + period;
            Remembered { answer, until }
        };
        match entry.get_or_init(|| ask).await.answer.clone() {
            Answer::Address(address) => Ok(address),
            Answer::Refused(reason) => Err(Unverified::Refused(reason)),
            Answer::Failed => Err(Unverified::Unavailable),
        }
    }

    /// RFC 7662 §2.
    async fn ask(&self, token: &str) -> Result<Claims, AskError> {
        let turn = timeout(self.client.time(), self.asking.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err(AskError::TooBusy);
        };
        let form = [("token", token), ("token_type_hint", "access_token")];
        let credentials = self.credentials.as_ref().map(|value| value.as_str());
        let request = Request::post(&self.url, &form).authorization(credentials);
        let text = self.client.ask(request).await?;
        serde_json::from_slice(&text).map_err(|_| AskError::Content("introspection response"))
    }

    /// What is remembered of a token, or is being asked.
    fn entry(&self, token: &str, now: Instant) -> Entry {
        let mut key = [0; 32];
        key.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        let counts = |entry: &Entry| entry.get().is_none_or(|told| told.until > now);
        let mut answers = self.answers();
        if let Some(entry) = answers.get(&key).filter(|entry| counts(entry)) {
            return entry.clone();
        }
        if answers.len() >= MAX_REMEMBERED {
            // Left are those that count, and those that are being asked: others hold them too.
            answers.retain(|_, entry| match entry.initialized() {
                true => counts(entry),
                false => Arc::strong_count(entry) > 1,
            });
        }
        let entry = Entry::default();
        if answers.len() < MAX_REMEMBERED {
            answers.insert(key, entry.clone());
        }
        entry
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<[u8; 32], Entry>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long the token lives still, as far as the issuer says.
fn rest(claims: &Claims, unix: f64) -> Duration {
    let end = claims.get("exp").and_then(serde_json::Value::as_f64);
    end.map_or(Duration::MAX, |end| {
        Duration::try_from_secs_f64((end - unix).max(0.0)).unwrap_or(Duration::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::token::issuer_client::tests::{Issuer, client};
    use crate::config::Period;

    const UNIX: f64 = 1_000_000.0;
    const SECOND: Duration = Duration::from_secs(1);

    fn settings() -> Oauth {
        Oauth {
            issuer: Some("https://id.example.org".to_owned()),
            client_id: Some("mail server".to_owned()),
            client_secret: Some("p:w".to_owned().into()),
            cache: Period::seconds(60),
            ..Oauth::default()
        }
    }

    fn rules() -> Rules {
        Rules {
            asked: true,
            ..Rules::new("https://id.example.org".to_owned(), &settings())
        }
    }

    const GOOD: &str = r#"{"active":true,"email":"alice@example.org"}"#;

    #[tokio::test]
    async fn a_token_is_asked_about_once_in_a_while() {
        let issuer = Issuer::start().await;
        issuer.says("/ask", 200, GOOD);
        let asking = Introspection::new(client(), issuer.url("/ask"), &settings());
        let (rules, now) = (rules(), Instant::now());
        let verify = |token: &'static str, at: Duration| asking.verify(token, &rules, UNIX, now + at);
        let (a, b, c) = tokio::join!(
            verify("2Yotn+", SECOND),
            verify("2Yotn+", SECOND),
            verify("2Yotn+", SECOND)
        );
        for one in [a, b, c] {
            assert_eq!(one.unwrap(), "alice@example.org");
        }
        assert_eq!(issuer.asked("/ask"), 1);
        let request = issuer.last("/ask");
        assert!(request.starts_with("POST /ask HTTP/1.1\r\n"), "{request}");
        assert!(
            request.ends_with("\r\n\r\ntoken=2Yotn%2B&token_type_hint=access_token"),
            "{request}"
        );
        let basic = STANDARD.encode("mail+server:p%3Aw");
        assert!(
            request.contains(&format!("authorization: Basic {basic}\r\n")),
            "{request}"
        );
        verify("2Yotn+", 60 * SECOND).await.unwrap();
        verify("other", SECOND).await.unwrap();
        assert_eq!(issuer.asked("/ask"), 2);
        issuer.says("/ask", 200, r#"{"active":false}"#);
        assert!(matches!(
            verify("2Yotn+", 61 * SECOND).await,
            Err(Unverified::Refused(TokenError::Inactive))
        ));
        assert!(verify("2Yotn+", 65 * SECOND).await.is_err());
        assert_eq!(issuer.asked("/ask"), 3, "a refusal counts for a moment");
        issuer.says("/ask", 200, GOOD);
        assert!(verify("2Yotn+", 66 * SECOND).await.is_ok());
    }

    #[tokio::test]
    async fn an_answer_does_not_outlive_its_token() {
        let issuer = Issuer::start().await;
        issuer.says(
            "/ask",
            200,
            r#"{"active":true,"email":"alice@example.org","exp":1000010}"#,
        );
        let asking = Introspection::new(client(), issuer.url("/ask"), &settings());
        let (rules, now) = (rules(), Instant::now());
        asking.verify("x", &rules, UNIX, now).await.unwrap();
        asking.verify("x", &rules, UNIX + 9.0, now + 9 * SECOND).await.unwrap();
        assert_eq!(issuer.asked("/ask"), 1);
        let late = asking.verify("x", &rules, UNIX + 200.0, now + 200 * SECOND).await;
        assert!(matches!(late, Err(Unverified::Refused(TokenError::Expired))));
    }

    /// An issuer that is down must not make programs forget their tokens.
    #[tokio::test]
    async fn a_failure_is_no_refusal() {
        let issuer = Issuer::start().await;
        let mut settings = settings();
        settings.client_id = None;
        let asking = Introspection::new(client(), issuer.url("/ask"), &settings);
        let (rules, now) = (rules(), Instant::now());
        for (at, (status, text)) in [(401, ""), (500, ""), (302, ""), (200, "nonsense"), (200, "[]")]
            .into_iter()
            .enumerate()
        {
            issuer.says("/ask", status, text);
            let at = now + (2 * at as u32) * SECOND;
            let failed = asking.verify("x", &rules, UNIX, at).await;
            assert!(matches!(failed, Err(Unverified::Unavailable)), "{status} {text}");
        }
        assert!(issuer.last("/ask").contains("authorization: Bearer p:w\r\n"));
    }

    #[tokio::test]
    async fn what_is_remembered_is_bounded() {
        let issuer = Issuer::start().await;
        let asking = Introspection::new(client(), issuer.url("/ask"), &settings());
        let now = Instant::now();
        for number in 0..MAX_REMEMBERED + 10 {
            let _ = asking.entry(&number.to_string(), now);
        }
        assert!(asking.answers().len() <= MAX_REMEMBERED);
    }
}
