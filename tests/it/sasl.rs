//! SCRAM-SHA-256 with and without channel binding, by a client that computes its side.

use std::num::NonZeroU32;

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use posthaste::accounts::Scope;
use ring::{digest, hmac, pbkdf2};
use sqlx::{Connection, SqliteConnection};

use crate::client::{Client, Imap, Smtp, printable};
use crate::server::{PASSWORD, TestServer};

/// What the client's nonce is.
const NONCE: &str = "fyko+d2lbbFgONRv9qkxdawL";

/// A client's side of an exchange (RFC 5802 §3).
struct Scram {
    /// The GS2 header, and the channel binding behind it.
    header: String,
    binding: Vec<u8>,
    name: String,
    password: String,
    /// What the server must prove at the end.
    verifier: String,
}

impl Scram {
    fn new(name: &str, password: &str) -> Scram {
        Scram {
            header: "n,,".to_owned(),
            binding: Vec::new(),
            name: name.to_owned(),
            password: password.to_owned(),
            verifier: String::new(),
        }
    }

    fn bound(mut self, kind: &str, binding: &[u8]) -> Scram {
        self.header = format!("p={kind},,");
        self.binding = binding.to_vec();
        self
    }

    fn first(&self) -> String {
        STANDARD.encode(format!("{}n={},r={NONCE}", self.header, self.name))
    }

    /// The last message, as the answer to the server's first.
    fn last(&mut self, challenge: &str) -> anyhow::Result<String> {
        let challenge = String::from_utf8(STANDARD.decode(challenge)?)?;
        let part = |key: &str| {
            let found = challenge.split(',').find_map(|part| part.strip_prefix(key));
            found.with_context(|| format!("no {key} in {challenge}"))
        };
        let (nonce, salt, iterations) = (part("r=")?, STANDARD.decode(part("s=")?)?, part("i=")?.parse()?);
        ensure!(
            nonce.starts_with(NONCE) && nonce.len() > NONCE.len() + 16,
            "{challenge}"
        );
        let mut salted = [0; 32];
        let iterations: NonZeroU32 = iterations;
        let password = self.password.as_bytes();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, password, &mut salted);

        let channel = STANDARD.encode([self.header.as_bytes(), &self.binding].concat());
        let unproven = format!("c={channel},r={nonce}");
        let message = format!("n={},r={NONCE},{challenge},{unproven}", self.name);
        let key = keyed(&salted, b"Client Key");
        let stored = digest::digest(&digest::SHA256, &key);
        let signature = keyed(stored.as_ref(), message.as_bytes());
        let proof: Vec<u8> = key.iter().zip(signature).map(|(key, signed)| key ^ signed).collect();
        let server = keyed(&keyed(&salted, b"Server Key"), message.as_bytes());
        self.verifier = STANDARD.encode(format!("v={}", STANDARD.encode(server)));
        Ok(STANDARD.encode(format!("{unproven},p={}", STANDARD.encode(proof))))
    }
}

fn keyed(key: &[u8], value: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), value)
        .as_ref()
        .to_vec()
}

/// Runs an exchange on a greeted IMAP connection; the tagged answer without its tag.
async fn authenticate(client: &mut Client, mechanism: &str, scram: &mut Scram) -> anyhow::Result<String> {
    client
        .send(format!("a AUTHENTICATE {mechanism} {}\r\n", scram.first()))
        .await?;
    let challenge = printable(&client.line().await?);
    let Some(challenge) = challenge.strip_prefix("+ ") else {
        return Ok(challenge["a ".len()..].to_owned());
    };
    let last = scram.last(challenge)?;
    client.send(format!("{last}\r\n")).await?;
    let line = printable(&client.line().await?);
    if let Some(told) = line.strip_prefix("+ ") {
        ensure!(told == scram.verifier, "the server does not know the password: {told}");
        client.send("\r\n").await?;
        let line = printable(&client.line().await?);
        ensure!(line.starts_with("a OK"), "{line}");
        return Ok(line["a ".len()..].to_owned());
    }
    Ok(line["a ".len()..].to_owned())
}

async fn greeted(server: &TestServer, service: &str) -> anyhow::Result<Client> {
    Ok(Imap::greeted(server.connect(service).await?).await?.client)
}

#[tokio::test]
async fn a_proof_lets_in_and_the_server_proves_itself() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    let log_in = async |name: &str, password: &str| {
        let mut client = greeted(&server, "imap").await?;
        authenticate(&mut client, "SCRAM-SHA-256", &mut Scram::new(name, password)).await
    };
    for name in ["alice@example.org", "ALICE", "alice+tag@example.org", "\u{ff21}lice"] {
        let answer = log_in(name, PASSWORD).await?;
        assert!(answer.starts_with("OK [CAPABILITY "), "{name}: {answer}");
    }
    let refused = "NO [AUTHENTICATIONFAILED] Wrong name or password";
    assert_eq!(log_in("alice", "Correct horse").await?, refused);
    assert_eq!(log_in("nobody@example.org", PASSWORD).await?, refused);

    // A password in another form is the same (RFC 4013), and the new one counts at once.
    let accounts = server.server().accounts();
    accounts.set_password("bob@example.org", "pa\u{df}wort IX").await?;
    assert!(log_in("bob", "pa\u{df}wort IX").await?.starts_with("OK"));
    assert_eq!(log_in("bob", PASSWORD).await?, refused);
    accounts.set_password("bob@example.org", "\u{2168}").await?;
    assert!(log_in("bob", "IX").await?.starts_with("OK"));
    accounts.set_enabled("bob@example.org", false).await?;
    assert_eq!(log_in("bob", "IX").await?, refused);
    Ok(())
}

#[tokio::test]
async fn a_login_is_bound_to_its_channel() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    for (service, begin) in [("imaps", false), ("imap", true)] {
        for kind in ["tls-exporter", "tls-server-end-point"] {
            for right in [true, false] {
                let mut client = greeted(&server, service).await?;
                if begin {
                    client.send("t STARTTLS\r\n").await?;
                    client.line().await?;
                    client.start_tls().await?;
                }
                let mut binding = match kind {
                    "tls-exporter" => client.exporter()?,
                    _ => digest::digest(&digest::SHA256, &client.certificate()?)
                        .as_ref()
                        .to_vec(),
                };
                binding[0] ^= u8::from(!right);
                let mut scram = Scram::new("alice", PASSWORD).bound(kind, &binding);
                let answer = authenticate(&mut client, "SCRAM-SHA-256-PLUS", &mut scram).await?;
                let expected = match right {
                    true => "OK [CAPABILITY ",
                    false => "NO [AUTHENTICATIONFAILED] The channel bindings do not match",
                };
                assert!(answer.starts_with(expected), "{service} {kind} {right}: {answer}");
            }
        }
    }
    Ok(())
}

/// In TLS 1.2 there is nothing that every client could be bound to (RFC 9266 §4), so nothing is offered.
#[tokio::test]
async fn tls_1_2_offers_no_binding() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    let mut client = Client::connect(server.address("imaps")?).await?;
    client.start_tls_of(&[&rustls::version::TLS12]).await?;
    let greeting = printable(&client.line().await?);
    assert!(
        greeting.contains(" AUTH=SCRAM-SHA-256 ") && !greeting.contains("-PLUS"),
        "{greeting}"
    );
    let mut scram = Scram::new("alice", PASSWORD);
    scram.header = "y,,".to_owned();
    let answer = authenticate(&mut client, "SCRAM-SHA-256", &mut scram).await?;
    assert!(answer.starts_with("OK"), "{answer}");
    Ok(())
}

/// Accounts that are older than SCRAM get its keys from the first login that shows the password.
#[tokio::test]
async fn an_old_account_is_completed() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    let file = server.data().join("accounts.db");
    let mut database = SqliteConnection::connect(&format!("sqlite:{}", file.display())).await?;
    sqlx::query("update accounts set stored_key = null, server_key = null")
        .execute(&mut database)
        .await?;
    let log_in = async || {
        let mut client = greeted(&server, "imap").await?;
        authenticate(&mut client, "SCRAM-SHA-256", &mut Scram::new("alice", PASSWORD)).await
    };
    assert!(log_in().await?.starts_with("NO [AUTHENTICATIONFAILED]"));
    server.imap("alice").await?;
    assert!(log_in().await?.starts_with("OK"));
    Ok(())
}

#[tokio::test]
async fn on_submission_as_well() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    let mut smtp = Smtp::greeted(server.connect("submissions").await?).await?;
    let mut scram = Scram::new("alice", PASSWORD).bound("tls-exporter", &smtp.client.exporter()?);
    let first = format!("AUTH SCRAM-SHA-256-PLUS {}", scram.first());
    let challenge = smtp.command(&first, "334 ").await?;
    let told = smtp.command(&scram.last(&challenge["334 ".len()..])?, "334 ").await?;
    assert_eq!(told["334 ".len()..], scram.verifier);
    smtp.command("", "235 2.7.0").await?;
    smtp.command("MAIL FROM:<alice@example.org>", "250").await?;
    Ok(())
}

#[tokio::test]
async fn an_app_password_can_be_proven_within_its_scope() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    let accounts = server.server().accounts();
    let (_, reading) = accounts
        .add_app_password("alice@example.org", "phone", Scope::Imap)
        .await?;
    let (_, sending) = accounts
        .add_app_password("alice@example.org", "printer", Scope::Smtp)
        .await?;
    for (password, expected) in [(&reading, "OK"), (&sending, "NO [AUTHENTICATIONFAILED]")] {
        let mut client = greeted(&server, "imap").await?;
        let answer = authenticate(&mut client, "SCRAM-SHA-256", &mut Scram::new("alice", password)).await?;
        assert!(answer.starts_with(expected), "{answer}");
    }
    let listed = accounts.app_passwords("alice@example.org").await?;
    let used: Vec<_> = listed.iter().map(|one| one.used.is_some()).collect();
    assert_eq!(used, [true, false]);
    Ok(())
}

/// What the server asks of a name tells nothing about it, and stays the same.
#[tokio::test]
async fn nobody_is_asked_like_anybody() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    let asked = async |name: &str| -> anyhow::Result<String> {
        let mut client = greeted(&server, "imap").await?;
        let first = Scram::new(name, "").first();
        client.send(format!("a AUTHENTICATE SCRAM-SHA-256 {first}\r\n")).await?;
        let challenge = printable(&client.line().await?);
        let challenge = String::from_utf8(STANDARD.decode(challenge.trim_start_matches("+ "))?)?;
        Ok(challenge.split_once(',').context("no salt")?.1.to_owned())
    };
    let nobody = asked("nobody@example.org").await?;
    assert_eq!(nobody.len(), asked("alice@example.org").await?.len());
    for name in ["nobody", "NOBODY@example.org", "nobody+x@example.org"] {
        assert_eq!(asked(name).await?, nobody, "{name}");
    }
    assert_ne!(asked("nobody2@example.org").await?, nobody);
    server.server().accounts().add("nobody@example.org", PASSWORD).await?;
    assert_eq!(asked("nobody@example.org").await?, nobody, "it exists now");
    Ok(())
}
