//! Access tokens of an issuer that is asked: for its keys, or about each token.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use posthaste::config::Oauth;
use posthaste::net::http::Url;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::client::{Imap, Smtp, printable};
use crate::server::TestServer;

/// An issuer on loopback.
struct Issuer {
    address: SocketAddr,
    pages: Arc<Mutex<Pages>>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Pages {
    /// What is said at a path.
    answers: HashMap<String, Value>,
    /// What was asked: path, credentials and body.
    asked: Vec<(String, String, String)>,
}

impl Issuer {
    async fn start() -> anyhow::Result<Issuer> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let pages: Arc<Mutex<Pages>> = Arc::default();
        let served = pages.clone();
        let serving = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let pages = served.clone();
                tokio::spawn(async move {
                    let answer = service_fn(move |request| answer(pages.clone(), request));
                    let http = hyper::server::conn::http1::Builder::new();
                    let _ = http.serve_connection(TokioIo::new(tcp), answer).await;
                });
            }
        });
        Ok(Issuer {
            address,
            pages,
            serving,
        })
    }

    fn name(&self) -> String {
        format!("http://{}", self.address)
    }

    fn url(&self, path: &str) -> Option<Url> {
        Url::parse(&(self.name() + path)).ok()
    }

    fn says(&self, path: &str, answer: Value) {
        self.pages.lock().unwrap().answers.insert(path.to_owned(), answer);
    }

    fn asked(&self) -> Vec<(String, String, String)> {
        std::mem::take(&mut self.pages.lock().unwrap().asked)
    }

    /// Settings for a server that takes its tokens.
    fn settings(&self) -> Oauth {
        Oauth {
            issuer: Some(self.name()),
            audience: vec!["posthaste".to_owned()],
            ..Oauth::default()
        }
    }

    /// What a token of this account says.
    fn claims(&self, account: &str) -> Value {
        json!({ "iss": self.name(), "aud": "posthaste", "exp": 4_102_444_800_u64, "email": account })
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(pages: Arc<Mutex<Pages>>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let credentials = request
        .headers()
        .get("authorization")
        .map_or("", |value| value.to_str().unwrap());
    let credentials = credentials.to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let mut pages = pages.lock().unwrap();
    let answer = pages.answers.get(&path).map(Value::to_string);
    pages
        .asked
        .push((path, credentials, String::from_utf8(body.to_vec()).unwrap()));
    let mut response = Response::new(Full::from(answer.clone().unwrap_or_default()));
    if answer.is_none() {
        *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
    }
    Ok(response)
}

/// A key of the issuer.
struct Key {
    name: &'static str,
    pair: Ed25519KeyPair,
}

impl Key {
    fn new(name: &'static str, seed: u8) -> Key {
        Key {
            name,
            pair: Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap(),
        }
    }

    fn jwk(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.pair.public_key());
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.name, "x": x })
    }

    fn token(&self, claims: &Value) -> String {
        let header = json!({ "alg": "EdDSA", "kid": self.name });
        let [header, claims] = [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

/// The tagged answer to OAUTHBEARER with this token, without its tag.
async fn log_in(server: &TestServer, token: &str) -> anyhow::Result<String> {
    let mut client = Imap::greeted(server.connect("imap").await?).await?.client;
    let response = STANDARD.encode(format!("n,,\u{1}auth=Bearer {token}\u{1}\u{1}"));
    client
        .send(format!("a AUTHENTICATE OAUTHBEARER {response}\r\n"))
        .await?;
    let mut line = printable(&client.line().await?);
    if line.starts_with("+ ") {
        client.send("AQ==\r\n").await?;
        line = printable(&client.line().await?);
    }
    Ok(line["a ".len()..].to_owned())
}

async fn server(settings: Oauth) -> anyhow::Result<TestServer> {
    TestServer::with(|config| {
        config.login.oauth = settings;
        config.login.max_failures = 3;
    })
    .await
}

#[tokio::test]
async fn keys_are_found_by_the_name_of_the_issuer() -> anyhow::Result<()> {
    let issuer = Issuer::start().await?;
    let server = server(issuer.settings()).await?;
    let (old, new) = (Key::new("old", 1), Key::new("new", 2));
    let token = |key: &Key| key.token(&issuer.claims("alice@example.org"));
    // It is down: that says nothing of the token.
    let answer = log_in(&server, &token(&old)).await?;
    assert!(answer.starts_with("NO [UNAVAILABLE]"), "{answer}");
    let asked = issuer.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].0, "/.well-known/openid-configuration");

    let told = json!({ "issuer": issuer.name(), "jwks_uri": format!("{}/jwks", issuer.name()) });
    issuer.says("/.well-known/openid-configuration", told);
    issuer.says("/jwks", json!({ "keys": [old.jwk()] }));
    let mut second = server_with_keys(&issuer, None).await?;
    assert!(log_in(&second, &token(&old)).await?.starts_with("OK"));
    assert_eq!(issuer.asked().len(), 2);
    assert!(log_in(&second, &token(&old)).await?.starts_with("OK"));
    // A key that nobody knows: it was fetched just now, and is not fetched again at once.
    assert!(
        log_in(&second, &token(&new))
            .await?
            .starts_with("NO [AUTHENTICATIONFAILED]")
    );
    assert_eq!(issuer.asked().len(), 0);
    second.stop().await;

    let third = server_with_keys(&issuer, issuer.url("/jwks")).await?;
    issuer.says("/jwks", json!({ "keys": [old.jwk(), new.jwk()] }));
    assert!(log_in(&third, &token(&new)).await?.starts_with("OK"));
    let asked: Vec<_> = issuer.asked().into_iter().map(|asked| asked.0).collect();
    assert_eq!(asked, ["/jwks"]);
    Ok(())
}

async fn server_with_keys(issuer: &Issuer, jwks: Option<Url>) -> anyhow::Result<TestServer> {
    server(Oauth {
        jwks,
        ..issuer.settings()
    })
    .await
}

#[tokio::test]
async fn opaque_tokens_are_asked_about() -> anyhow::Result<()> {
    let issuer = Issuer::start().await?;
    let server = server(Oauth {
        introspection: issuer.url("/introspect"),
        client_id: Some("posthaste".to_owned()),
        client_secret: Some("s3cret".to_owned().into()),
        claim: "username".to_owned(),
        ..issuer.settings()
    })
    .await?;
    let unavailable = log_in(&server, "mF_9.B5f-4.1JqM").await?;
    assert!(unavailable.starts_with("NO [UNAVAILABLE]"), "{unavailable}");

    let good = json!({ "active": true, "username": "alice", "aud": ["posthaste"], "scope": "mail" });
    issuer.says("/introspect", good.clone());
    issuer.asked();
    assert!(log_in(&server, "mF_9.B5f-4.1JqN").await?.starts_with("OK"));
    assert!(log_in(&server, "mF_9.B5f-4.1JqN").await?.starts_with("OK"));
    let asked = issuer.asked();
    assert_eq!(asked.len(), 1, "one question in a while");
    let (path, credentials, form) = &asked[0];
    assert_eq!(path, "/introspect");
    assert_eq!(*credentials, format!("Basic {}", STANDARD.encode("posthaste:s3cret")));
    assert_eq!(form, "token=mF_9.B5f-4.1JqN&token_type_hint=access_token");

    // The same on submission.
    let mut smtp = Smtp::greeted(server.connect("submissions").await?).await?;
    let response = STANDARD.encode("user=alice\u{1}auth=Bearer mF_9.B5f-4.1JqN\u{1}\u{1}");
    smtp.command(&format!("AUTH XOAUTH2 {response}"), "235 ").await?;

    for refused in [
        json!({ "active": false }),
        json!({ "active": true, "username": "alice", "aud": "other" }),
        json!({ "active": true, "username": "nobody", "aud": "posthaste" }),
    ] {
        issuer.says("/introspect", refused.clone());
        let answer = log_in(&server, &format!("token-{}", refused["aud"])).await?;
        assert!(answer.starts_with("NO [AUTHENTICATIONFAILED]"), "{refused}: {answer}");
    }
    Ok(())
}
