//! Logging in to another server (RFC 4954): by the best of what it offers, SCRAM bound to the connection first, a password
//! in the clear (that is, under TLS or as the settings allow) last.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rand::distr::{Alphanumeric, SampleString};
use zeroize::Zeroizing;

use super::client::{Client, Stage, Trouble, accepted};
use super::reply::Reply;
use super::scram::{Begun, Binding, Hash, ScramError};

/// Characters of a nonce.
const NONCE: usize = 24;

/// Name and password at another server.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    /// The name.
    pub(super) user: String,
    /// The password.
    pub(super) password: String,
}

/// The mechanisms, best first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mechanism {
    Scram(Hash, bool),
    Plain,
    Login,
}

impl Mechanism {
    const ALL: [Mechanism; 5] = [
        Mechanism::Scram(Hash::Sha256, true),
        Mechanism::Scram(Hash::Sha256, false),
        Mechanism::Scram(Hash::Sha1, false),
        Mechanism::Plain,
        Mechanism::Login,
    ];

    fn name(self) -> &'static str {
        match self {
            Mechanism::Scram(Hash::Sha256, true) => "SCRAM-SHA-256-PLUS",
            Mechanism::Scram(Hash::Sha256, false) => "SCRAM-SHA-256",
            Mechanism::Scram(Hash::Sha1, true) => "SCRAM-SHA-1-PLUS",
            Mechanism::Scram(Hash::Sha1, false) => "SCRAM-SHA-1",
            Mechanism::Plain => "PLAIN",
            Mechanism::Login => "LOGIN",
        }
    }
}

impl Client {
    /// Logs in. A mechanism that the server offers and then does not want, before it was told anything of a password, is
    /// passed over.
    pub(super) async fn auth(&mut self, credentials: &Credentials) -> Result<(), Trouble> {
        let exporter = self.connection.channel_bindings().map(|bindings| bindings.exporter);
        let offered: Vec<Mechanism> = Mechanism::ALL
            .into_iter()
            .filter(|mechanism| exporter.is_some() || !matches!(mechanism, Mechanism::Scram(_, true)))
            .filter(|mechanism| self.offered.auth.iter().any(|offered| offered == mechanism.name()))
            .collect();
        for mechanism in &offered {
            let Mechanism::Scram(hash, plus) = *mechanism else {
                break;
            };
            let binding = match (exporter, plus) {
                (Some(exporter), true) => Binding::Exporter(exporter),
                // It has PLUS, with other bindings than ours.
                (Some(_), false) if self.offered.auth.iter().any(|offered| offered.ends_with("-PLUS")) => Binding::None,
                (Some(_), false) => Binding::NotOffered,
                (None, _) => Binding::None,
            };
            if self.scram(mechanism.name(), hash, &binding, credentials).await? {
                return Ok(());
            }
        }
        match offered.contains(&Mechanism::Login) && !offered.contains(&Mechanism::Plain) {
            true => self.login(credentials).await,
            false => self.plain(credentials).await,
        }
    }

    /// Whether the server wanted this mechanism at all.
    async fn scram(
        &mut self,
        name: &str,
        hash: Hash,
        binding: &Binding,
        credentials: &Credentials,
    ) -> Result<bool, Trouble> {
        let nonce = Alphanumeric.sample_string(&mut rand::rng(), NONCE);
        let (begun, message) = Begun::new(hash, binding, &credentials.user, &nonce);
        let first = self
            .ask(Stage::Auth, &format!("AUTH {name} {}", BASE64_STANDARD.encode(message)))
            .await?;
        if first.is_permanent() && !self.broken {
            return Ok(false);
        }
        let first = self.challenge(first)?;
        let password = Zeroizing::new(credentials.password.clone());
        let hashed = tokio::task::spawn_blocking(move || begun.answer(&first, &password)).await;
        let (expected, answer) = match hashed.unwrap_or(Err(ScramError::Malformed)) {
            Ok(answered) => answered,
            Err(error) => return Err(self.give_up(error).await),
        };
        let last = self.ask(Stage::Auth, &BASE64_STANDARD.encode(answer)).await?;
        let last = self.challenge(last)?;
        if let Err(error) = expected.check(&last) {
            return Err(self.give_up(error).await);
        }
        let reply = self.ask(Stage::Auth, "").await?;
        accepted(Stage::Auth, reply).map(|_| true)
    }

    /// What a 334 says.
    fn challenge(&mut self, reply: Reply) -> Result<String, Trouble> {
        if reply.code != 334 {
            // Success without the server's own proof is none.
            self.broken |= reply.is_positive();
            return Err(match reply.is_positive() {
                true => Trouble::Scram(ScramError::NotProved),
                false => Trouble::Refused(Stage::Auth, reply),
            });
        }
        let text = BASE64_STANDARD.decode(reply.lines.concat()).ok();
        let text = text.and_then(|text| String::from_utf8(text).ok());
        text.ok_or_else(|| {
            self.broken = true;
            Trouble::Scram(ScramError::Malformed)
        })
    }

    /// RFC 4954 §4: `*` ends an exchange.
    async fn give_up(&mut self, error: ScramError) -> Trouble {
        let _ = self.ask(Stage::Auth, "*").await;
        self.broken = true;
        Trouble::Scram(error)
    }

    async fn plain(&mut self, Credentials { user, password }: &Credentials) -> Result<(), Trouble> {
        let response = BASE64_STANDARD.encode(format!("\0{user}\0{password}"));
        let reply = self.ask(Stage::Auth, &format!("AUTH PLAIN {response}")).await?;
        accepted(Stage::Auth, reply).map(drop)
    }

    async fn login(&mut self, Credentials { user, password }: &Credentials) -> Result<(), Trouble> {
        for line in ["AUTH LOGIN".to_owned(), BASE64_STANDARD.encode(user)] {
            let reply = self.ask(Stage::Auth, &line).await?;
            if reply.code != 334 {
                return Err(Trouble::Refused(Stage::Auth, reply));
            }
        }
        let reply = self.ask(Stage::Auth, &BASE64_STANDARD.encode(password)).await?;
        accepted(Stage::Auth, reply).map(drop)
    }
}
