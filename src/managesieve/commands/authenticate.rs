//! AUTHENTICATE (RFC 5804 §2.1) with the mechanisms of `accounts::sasl`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::accounts::sasl::{ExchangeError, Mechanism, Step};
use crate::accounts::{Account, ComeBack, LoginError};
use crate::managesieve::reply::Reply;
use crate::managesieve::request::{Argument, Request, RequestError};
use crate::managesieve::session::{Login, Session, State};
use crate::net::connection::ReadError;

/// Failed logins after which the connection is closed.
const MAX_FAILED_LOGINS: usize = 3;

/// Logs in by a SASL exchange.
pub(in crate::managesieve) async fn authenticate(
    session: &mut Session,
    state: &mut State,
    mechanism: &str,
    initial: Option<&[u8]>,
) -> Result<Reply, ReadError> {
    if !session.may_log_in() {
        return Ok(Reply::no("Passwords are taken over TLS only: use STARTTLS first").code("ENCRYPT-NEEDED"));
    }
    let offered = session.mechanisms();
    let Some(mechanism) = Mechanism::named(mechanism).filter(|mechanism| offered.contains(mechanism)) else {
        let names: Vec<_> = offered.iter().map(|mechanism| mechanism.name()).collect();
        return Ok(Reply::no(&format!("The mechanisms are {}", names.join(", "))));
    };
    let bindings = match offered.contains(&Mechanism::ScramSha256Plus) {
        true => session.connection.channel_bindings(),
        false => None,
    };
    let mut exchange = session.shared.accounts.exchange(mechanism, session.origin(), bindings);
    let mut response = match initial.map(decode).transpose() {
        Ok(response) => response,
        Err(reply) => return Ok(reply),
    };
    loop {
        match exchange
            .step(response.as_ref().map(|response| response.as_slice()))
            .await
        {
            Ok(Step::Challenge(message)) => match challenge(session, &message).await? {
                Ok(told) => response = Some(told),
                Err(reply) => return Ok(reply),
            },
            Ok(Step::Account(account)) => return Ok(enter(session, state, account).await),
            Err(ExchangeError::Malformed) => {
                return Ok(Reply::no(&format!("Not a response of {}", mechanism.name())));
            }
            Err(ExchangeError::Channel(text)) => return Ok(Reply::no(text)),
            Err(ExchangeError::Login(error)) => return Ok(refuse(session, error).await),
        }
    }
}

/// Sends a challenge and reads the response to it, both of them strings.
async fn challenge(session: &mut Session, challenge: &[u8]) -> Result<Result<Zeroizing<Vec<u8>>, Reply>, ReadError> {
    let line = format!("\"{}\"", STANDARD.encode(challenge));
    session.line(&line);
    session.flush().await?;
    let bounds = session.bounds();
    let request = match Request::read(&mut session.connection, bounds).await {
        Ok(request) => request,
        Err(RequestError::Read(error)) => return Err(error),
        Err(_) => return Ok(Err(Reply::bad("Not a response"))),
    };
    Ok(match (request.name.as_str(), request.arguments.as_slice()) {
        ("", [Argument::Text(text)]) if text == b"*" => Err(Reply::no("Authentication cancelled")),
        ("", [Argument::Text(text)]) => decode(text),
        ("*", []) => Err(Reply::no("Authentication cancelled")),
        _ => Err(Reply::bad("A response is a string in base64")),
    })
}

fn decode(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, Reply> {
    // An empty initial response may be written as in other protocols.
    let text = if text == b"=" { &[][..] } else { text };
    match STANDARD.decode(text) {
        Ok(response) => Ok(Zeroizing::new(response)),
        Err(_) => Err(Reply::no("Not base64")),
    }
}

/// Takes a place among the account's sessions.
async fn enter(session: &mut Session, state: &mut State, account: Account) -> Reply {
    let slot = match session.shared.accounts.session(session.origin(), &account).await {
        Ok(slot) => slot,
        Err(full) => return Reply::no(&full.to_string()).code("TRYLATER"),
    };
    let scripts = match session.shared.mailboxes.account(&account.address).await {
        Ok(mailboxes) => mailboxes.scripts().clone(),
        Err(error) => return error.into(),
    };
    tracing::Span::current().record("account", tracing::field::display(&account.address));
    tracing::info!(encrypted = session.connection.tls().is_some(), "logged in");
    session.login_deadline = None;
    *state = State::Authenticated(Login {
        account,
        scripts,
        _slot: slot,
    });
    Reply::ok("Logged in")
}

/// The answer to who is not let in; the same for a wrong name and a wrong password. Whoever errs too often is shown out.
async fn refuse(session: &mut Session, error: LoginError) -> Reply {
    tokio::time::sleep(error.delay()).await;
    let failed = matches!(error, LoginError::Refused(_) | LoginError::Blocked(_));
    session.failed_logins += usize::from(failed);
    if session.failed_logins >= MAX_FAILED_LOGINS {
        return Reply::bye("Too many failed logins");
    }
    match error {
        LoginError::Refused(_) => Reply::no("Wrong name or password"),
        LoginError::Blocked(end) => Reply::no(&ComeBack(end).to_string()).code("TRYLATER"),
        LoginError::NotAuthorized => Reply::no("Nobody can act for another here"),
        LoginError::Unavailable(cause) => {
            tracing::error!(cause = format_args!("{cause:#}"), "cannot check passwords");
            Reply::no("Passwords cannot be checked now; try again later").code("TRYLATER")
        }
    }
}
