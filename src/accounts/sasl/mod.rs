//! SASL (RFC 4422): the mechanisms, and one exchange of any of them.
//!
//! What the messages mean is pure and stands in a file for each mechanism; [`Exchange`] is their order, and asks who may log
//! in. How messages are written on the wire is for the protocols: they know nothing of mechanisms but their names.

use rand::distr::{Alphanumeric, SampleString};

use super::login::{LoginError, Named, Origin};
use super::{Account, Accounts};
use crate::net::binding::ChannelBindings;
use crate::storage::accounts::DatabaseError;

use bearer::Bearer;
use plain::Plain;
use scram::{Challenged, First, ITERATIONS, ScramError};

pub(super) mod bearer;
pub(super) mod plain;
pub(crate) mod prepare;
pub(super) mod scram;

/// Letters of the server's nonce: 142 bits.
const NONCE: usize = 24;

/// A mechanism, as registered with IANA.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mechanism {
    /// RFC 5802, RFC 7677, bound to the TLS connection.
    ScramSha256Plus,
    /// RFC 5802, RFC 7677.
    ScramSha256,
    /// RFC 7628.
    OAuthBearer,
    /// As Google has it.
    XOAuth2,
    /// RFC 4616.
    Plain,
    /// Without a standard, for clients that know no other.
    Login,
}

impl Mechanism {
    /// All of them, the strongest first.
    pub const ALL: [Mechanism; 6] = [
        Mechanism::ScramSha256Plus,
        Mechanism::ScramSha256,
        Mechanism::OAuthBearer,
        Mechanism::XOAuth2,
        Mechanism::Plain,
        Mechanism::Login,
    ];

    /// Its registered name.
    pub fn name(self) -> &'static str {
        match self {
            Mechanism::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::OAuthBearer => "OAUTHBEARER",
            Mechanism::XOAuth2 => "XOAUTH2",
            Mechanism::Plain => "PLAIN",
            Mechanism::Login => "LOGIN",
        }
    }

    /// The one of this name, in any case.
    pub fn named(name: &str) -> Option<Mechanism> {
        Mechanism::ALL
            .into_iter()
            .find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }
}

/// What comes next in an exchange.
#[derive(Debug)]
pub enum Step {
    /// Say this to the client, and give the answer to [`Exchange::step`].
    Challenge(Vec<u8>),
    /// They are in.
    Account(Account),
}

/// Why an exchange failed.
#[derive(Debug)]
pub enum ExchangeError {
    /// The response is none of the mechanism.
    Malformed,
    /// A channel binding that does not fit; in words for the client.
    Channel(&'static str),
    /// Not let in.
    Login(LoginError),
}

impl From<LoginError> for ExchangeError {
    fn from(error: LoginError) -> ExchangeError {
        ExchangeError::Login(error)
    }
}

impl From<DatabaseError> for ExchangeError {
    fn from(error: DatabaseError) -> ExchangeError {
        ExchangeError::Login(error.into())
    }
}

impl From<ScramError> for ExchangeError {
    fn from(error: ScramError) -> ExchangeError {
        match error {
            ScramError::Malformed | ScramError::Extension => ExchangeError::Malformed,
            ScramError::Channel(text) => ExchangeError::Channel(text),
        }
    }
}

/// One exchange, from the choice of the mechanism to its outcome.
pub struct Exchange {
    accounts: Accounts,
    origin: Origin,
    state: State,
}

/// What the next response is.
enum State {
    Plain,
    /// LOGIN: the name.
    Name,
    /// LOGIN: the password.
    Password(String),
    /// SCRAM: the client's first message.
    First {
        plus: bool,
        bindings: Option<ChannelBindings>,
    },
    /// SCRAM: the client's last message.
    Last {
        challenged: Challenged,
        named: Named,
        authorize: String,
    },
    OAuthBearer,
    XOAuth2,
    /// Nothing: the client has been told all (RFC 4422 §3.6), and this is the outcome.
    Told(Result<Account, LoginError>),
}

impl Accounts {
    /// The mechanisms that work, the strongest first; `bindings`: whether the connection can be bound to.
    pub fn mechanisms(&self, bindings: bool) -> impl Iterator<Item = Mechanism> {
        let tokens = self.0.issuer.is_some();
        Mechanism::ALL.into_iter().filter(move |mechanism| match mechanism {
            Mechanism::ScramSha256Plus => bindings,
            Mechanism::OAuthBearer | Mechanism::XOAuth2 => tokens,
            Mechanism::ScramSha256 | Mechanism::Plain | Mechanism::Login => true,
        })
    }

    /// Begins an exchange. `bindings` are those of the connection where SCRAM-SHA-256-PLUS is offered to this client.
    pub fn exchange(&self, mechanism: Mechanism, origin: Origin, bindings: Option<ChannelBindings>) -> Exchange {
        let state = match mechanism {
            Mechanism::ScramSha256Plus => State::First { plus: true, bindings },
            Mechanism::ScramSha256 => State::First { plus: false, bindings },
            Mechanism::OAuthBearer => State::OAuthBearer,
            Mechanism::XOAuth2 => State::XOAuth2,
            Mechanism::Plain => State::Plain,
            Mechanism::Login => State::Name,
        };
        Exchange {
            accounts: self.clone(),
            origin,
            state,
        }
    }
}

impl Exchange {
    /// Takes the client's next response; `None` when it has sent no initial one. After an error the exchange is over.
    pub async fn step(&mut self, response: Option<&[u8]>) -> Result<Step, ExchangeError> {
        let Some(response) = response else {
            return Ok(Step::Challenge(match self.state {
                State::Name => plain::USER_NAME.to_vec(),
                _ => Vec::new(),
            }));
        };
        let accounts = &self.accounts;
        match std::mem::replace(&mut self.state, State::Told(Err(LoginError::REFUSED))) {
            State::Plain => {
                let plain = Plain::parse(response).ok_or(ExchangeError::Malformed)?;
                let account = accounts.authenticate(self.origin, &plain.name, &plain.password).await?;
                accounts.acts_for(&account, &plain.authorize).await?;
                Ok(Step::Account(account))
            }
            State::Name => {
                let name = std::str::from_utf8(response).map_err(|_| ExchangeError::Malformed)?;
                self.state = State::Password(name.to_owned());
                Ok(Step::Challenge(plain::PASSWORD.to_vec()))
            }
            State::Password(name) => {
                let password = std::str::from_utf8(response).map_err(|_| ExchangeError::Malformed)?;
                let account = accounts.authenticate(self.origin, &name, password).await?;
                Ok(Step::Account(account))
            }
            State::First { plus, bindings } => {
                let first = First::read(response, plus, bindings.as_ref())?;
                let named = accounts.named_by(&first.name).await?;
                let nonce = Alphanumeric.sample_string(&mut rand::rng(), NONCE);
                let salt = accounts.0.secret.salt(&named.name);
                let authorize = first.authorize.clone();
                let (challenged, message) = first.challenge(&nonce, &salt, ITERATIONS);
                self.state = State::Last {
                    challenged,
                    named,
                    authorize,
                };
                Ok(Step::Challenge(message.into_bytes()))
            }
            State::Last {
                challenged,
                named,
                authorize,
            } => {
                let proof = challenged.read(response)?;
                let (account, message) = accounts.prove(self.origin, named, &proof).await?;
                accounts.acts_for(&account, &authorize).await?;
                self.state = State::Told(Ok(account));
                Ok(Step::Challenge(message.into_bytes()))
            }
            State::OAuthBearer => {
                let bearer = Bearer::oauthbearer(response).ok_or(ExchangeError::Malformed)?;
                self.bear(bearer, bearer::Hint::oauthbearer).await
            }
            State::XOAuth2 => {
                let bearer = Bearer::xoauth2(response).ok_or(ExchangeError::Malformed)?;
                self.bear(bearer, bearer::Hint::xoauth2).await
            }
            State::Told(outcome) => Ok(Step::Account(outcome?)),
        }
    }

    /// Tokens: a refusal is told in a challenge, and the response to that says nothing (RFC 7628 §3.2.3).
    async fn bear(&mut self, bearer: Bearer, told: fn(&bearer::Hint) -> Vec<u8>) -> Result<Step, ExchangeError> {
        let asks = bearer.token.is_empty();
        let outcome = match asks {
            true => Err(LoginError::REFUSED),
            false => self.accounts.bear(self.origin, &bearer.name, &bearer.token).await,
        };
        match (outcome, &self.accounts.0.issuer) {
            (Ok(account), _) => Ok(Step::Account(account)),
            // The token may be good: a client that is told otherwise throws it away.
            (Err(error @ LoginError::Unavailable(_)), _) => Err(error.into()),
            (Err(error), Some(issuer)) => {
                self.state = State::Told(Err(error));
                Ok(Step::Challenge(told(issuer.hint())))
            }
            (Err(error), None) => Err(error.into()),
        }
    }
}
