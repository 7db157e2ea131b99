//! AUTH (RFC 4954) with the mechanisms of `accounts::sasl`.
//!
//! Passwords live in buffers that are wiped, and appear in no log.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::accounts::sasl::{ExchangeError, Mechanism, Step};
use crate::accounts::{Account, LoginError, Origin, Service};
use crate::smtp::Role;
use crate::smtp::reply::Reply;
use crate::smtp::session::{AUTH_LINE, End, Session, State};

/// Failed logins after which the connection is closed (RFC 4954 §4 wants at least 3).
const MAX_FAILED_LOGINS: usize = 3;

/// Logs in.
pub(crate) async fn run(session: &mut Session, mechanism: &str, initial: Option<&str>) -> Result<Reply, End> {
    let mechanism = match check(&session.state, mechanism) {
        Ok(mechanism) => mechanism,
        Err(reply) => return Ok(reply),
    };
    let mut response = match initial.map(initial_response).transpose() {
        Ok(response) => response,
        Err(reply) => return Ok(reply),
    };
    let bindings = match session.state.mechanisms.contains(&Mechanism::ScramSha256Plus) {
        true => session.connection.channel_bindings(),
        false => None,
    };
    let origin = Origin {
        service: Service::Submission,
        address: session.connection.peer().ip(),
    };
    let mut exchange = session.smtp.accounts.exchange(mechanism, origin, bindings);
    loop {
        match exchange
            .step(response.as_ref().map(|response| response.as_slice()))
            .await
        {
            Ok(Step::Challenge(message)) => match ask(session, &message).await? {
                Ok(told) => response = Some(told),
                Err(reply) => return Ok(reply),
            },
            Ok(Step::Account(account)) => return Ok(enter(session, origin, account, mechanism).await),
            Err(ExchangeError::Malformed) => return Ok(MALFORMED),
            Err(ExchangeError::Channel(text)) => return Ok(Reply::new(535, "5.7.8", text)),
            Err(ExchangeError::Login(error)) => return Ok(refuse(session, error).await),
        }
    }
}

fn check(state: &State, mechanism: &str) -> Result<Mechanism, Reply> {
    if state.role != Role::Submission {
        return Err(Reply::new(503, "5.5.1", "Log in on the submission port"));
    }
    if state.account.is_some() {
        return Err(Reply::new(503, "5.5.1", "Logged in already"));
    }
    if state.needs_tls() {
        return Err(Reply::new(
            538,
            "5.7.11",
            "Encryption required for requested authentication mechanism",
        ));
    }
    let offered = &state.mechanisms;
    Mechanism::named(mechanism)
        .filter(|mechanism| offered.contains(mechanism))
        .ok_or_else(|| {
            let names: Vec<_> = offered.iter().map(|mechanism| mechanism.name()).collect();
            Reply::made(504, "5.5.4", format!("The mechanisms are {}", names.join(", ")))
        })
}

/// Takes a place among the account's sessions.
async fn enter(session: &mut Session, origin: Origin, account: Account, mechanism: Mechanism) -> Reply {
    match session.smtp.accounts.session(origin, &account).await {
        Ok(slot) => {
            tracing::info!(account = %account.address, "logged in");
            session.state.account = Some(account);
            session.state.mechanism = Some(mechanism);
            session.state.slot = Some(slot);
            Reply::new(235, "2.7.0", "Authentication successful")
        }
        Err(full) => Reply::made(421, "4.7.0", full.to_string()),
    }
}

/// The reply to who is not let in. Whoever errs too often is shown out.
async fn refuse(session: &mut Session, error: LoginError) -> Reply {
    let failed = matches!(error, LoginError::Refused(_) | LoginError::Blocked(_));
    tokio::time::sleep(error.delay()).await;
    let reply = Reply::from(error);
    if failed {
        session.failed_logins += 1;
        tracing::warn!(failed = session.failed_logins, "login failed");
        if session.failed_logins >= MAX_FAILED_LOGINS {
            session.answer_later(&reply);
            return Reply::TOO_MANY_LOGINS;
        }
    }
    reply
}

/// Sends a challenge and reads the response (RFC 4954 §4).
async fn ask(session: &mut Session, challenge: &[u8]) -> Result<Result<Zeroizing<Vec<u8>>, Reply>, End> {
    let challenge = Reply::made(334, "", STANDARD.encode(challenge));
    session.answer_now(&challenge).await?;
    let mut line = Zeroizing::new(Vec::new());
    Ok(match session.read_line(&mut line, AUTH_LINE).await? {
        Ok(()) if line.as_slice() == b"*" => Err(Reply::new(501, "5.7.0", "Authentication cancelled")),
        Ok(()) => decode(&line),
        Err(reply) if reply == Reply::LINE_TOO_LONG => Err(Reply::LOGIN_TOO_LONG),
        Err(reply) => Err(reply),
    })
}

/// RFC 4954 §4: an empty initial response is written as `=`.
fn initial_response(text: &str) -> Result<Zeroizing<Vec<u8>>, Reply> {
    decode(if text == "=" { "" } else { text }.as_bytes())
}

fn decode(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, Reply> {
    match STANDARD.decode(text) {
        Ok(bytes) => Ok(Zeroizing::new(bytes)),
        Err(_) => Err(MALFORMED),
    }
}

const MALFORMED: Reply = Reply::new(501, "5.5.2", "Malformed authentication response");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_on_submission_only_under_tls_and_only_what_is_offered() {
        let outcome = |state: &State, mechanism| check(state, mechanism).map_err(|reply| reply.code());
        let mut state = State::new(Role::Receive);
        state.mechanisms = vec![Mechanism::ScramSha256, Mechanism::Plain];
        assert_eq!(outcome(&state, "PLAIN"), Err(503));
        state.role = Role::Submission;
        assert_eq!(outcome(&state, "PLAIN"), Err(538));
        state.require_tls = false;
        assert_eq!(outcome(&state, "PLAIN"), Ok(Mechanism::Plain));
        state.require_tls = true;
        state.tls = true;
        assert_eq!(outcome(&state, "plain"), Ok(Mechanism::Plain));
        assert_eq!(outcome(&state, "SCRAM-SHA-256"), Ok(Mechanism::ScramSha256));
        for other in ["SCRAM-SHA-256-PLUS", "LOGIN", "CRAM-MD5", ""] {
            assert_eq!(outcome(&state, other), Err(504), "{other}");
        }
    }

    #[test]
    fn base64_is_taken_strictly() {
        assert_eq!(initial_response("=").as_deref(), Ok(&Vec::new()));
        assert_eq!(initial_response("YWI=").as_deref(), Ok(&b"ab".to_vec()));
        for bad in ["YWI", "YW I=", "Y", "====", "\u{e9}"] {
            assert_eq!(
                initial_response(bad).map_err(|reply| reply.code()).err(),
                Some(501),
                "{bad}"
            );
        }
    }
}
