//! AUTH (RFC 4954) with the mechanisms PLAIN (RFC 4616) and LOGIN (which has no standard, and clients that know no other).
//!
//! Passwords live in buffers that are wiped, and appear in no log.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use smtp_proto::{AUTH_LOGIN, AUTH_PLAIN};
use zeroize::Zeroizing;

use crate::accounts::LoginError;
use crate::smtp::Role;
use crate::smtp::reply::Reply;
use crate::smtp::session::{AUTH_LINE, End, Session, State};

/// Failed logins after which the connection is closed (RFC 4954 §4 wants at least 3).
const MAX_FAILED_LOGINS: usize = 3;
/// How long the answer to a failed login is held back.
const FAILED_LOGIN_DELAY: Duration = Duration::from_secs(1);

/// Logs in.
pub(crate) async fn run(session: &mut Session, mechanism: u64, initial: Option<&str>) -> Result<Reply, End> {
    let mechanism = match check(&session.state, mechanism) {
        Ok(mechanism) => mechanism,
        Err(reply) => return Ok(reply),
    };
    let asked = match mechanism {
        Mechanism::Plain => plain(session, initial).await?,
        Mechanism::Login => login(session, initial).await?,
    };
    let credentials = match asked {
        Ok(credentials) => credentials,
        Err(reply) => return Ok(reply),
    };
    let Credentials { login, password } = &credentials;
    let error = match session.smtp.accounts.authenticate(login, password).await {
        Ok(account) => {
            tracing::info!(account = %account.address, "logged in");
            session.state.account = Some(account);
            return Ok(Reply::new(235, "2.7.0", "Authentication successful"));
        }
        Err(error) => error,
    };
    if matches!(error, LoginError::Refused) {
        session.failed_logins += 1;
        tracing::warn!(failed = session.failed_logins, "login failed");
        tokio::time::sleep(FAILED_LOGIN_DELAY).await;
        if session.failed_logins >= MAX_FAILED_LOGINS {
            session.answer_later(&Reply::LOGIN_REFUSED);
            return Ok(Reply::TOO_MANY_LOGINS);
        }
    }
    Ok(Reply::from(error))
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mechanism {
    Plain,
    Login,
}

fn check(state: &State, mechanism: u64) -> Result<Mechanism, Reply> {
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
    match mechanism {
        AUTH_PLAIN => Ok(Mechanism::Plain),
        AUTH_LOGIN => Ok(Mechanism::Login),
        _ => Err(Reply::new(504, "5.5.4", "Mechanisms are PLAIN and LOGIN")),
    }
}

/// What a client presents.
#[derive(PartialEq, Eq)]
struct Credentials {
    login: String,
    password: Zeroizing<String>,
}

/// Keeps the password out of whatever is printed.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}

/// RFC 4616 §2: one response with everything in it.
async fn plain(session: &mut Session, initial: Option<&str>) -> Result<Result<Credentials, Reply>, End> {
    let response = match initial {
        Some(text) => initial_response(text),
        None => ask(session, "").await?,
    };
    Ok(response.and_then(|response| parse_plain(&response)))
}

/// Two questions, whose wording some clients match.
async fn login(session: &mut Session, initial: Option<&str>) -> Result<Result<Credentials, Reply>, End> {
    let login = match initial {
        Some(text) => initial_response(text),
        // "Username:"
        None => ask(session, "VXNlcm5hbWU6").await?,
    };
    let login = match login.and_then(|login| text(&login)) {
        Ok(login) => login,
        Err(reply) => return Ok(Err(reply)),
    };
    // "Password:"
    let password = ask(session, "UGFzc3dvcmQ6").await?;
    Ok(password.and_then(|password| {
        Ok(Credentials {
            login,
            password: Zeroizing::new(text(&password)?),
        })
    }))
}

/// Sends a challenge and reads the response (RFC 4954 §4).
async fn ask(session: &mut Session, challenge: &'static str) -> Result<Result<Zeroizing<Vec<u8>>, Reply>, End> {
    session.answer_now(&Reply::new(334, "", challenge)).await?;
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

/// `[authzid] NUL authcid NUL passwd`. Acting for somebody else is not offered.
fn parse_plain(response: &[u8]) -> Result<Credentials, Reply> {
    let mut parts = response.split(|byte| *byte == 0);
    let (Some(acting), Some(login), Some(password), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(MALFORMED);
    };
    if login.is_empty() || password.is_empty() {
        return Err(MALFORMED);
    }
    if !acting.is_empty() && acting != login {
        return Err(Reply::LOGIN_REFUSED);
    }
    Ok(Credentials {
        login: text(login)?,
        password: Zeroizing::new(text(password)?),
    })
}

fn text(bytes: &[u8]) -> Result<String, Reply> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(MALFORMED),
    }
}

const MALFORMED: Reply = Reply::new(501, "5.5.2", "Malformed authentication response");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_on_submission_only_under_tls_and_only_once() {
        let outcome = |state: &State, mechanism| check(state, mechanism).map_err(|reply| reply.code());
        let mut state = State::new(Role::Receive);
        assert_eq!(outcome(&state, AUTH_PLAIN), Err(503));
        state.role = Role::Submission;
        assert_eq!(outcome(&state, AUTH_PLAIN), Err(538));
        state.require_tls = false;
        assert_eq!(outcome(&state, AUTH_PLAIN), Ok(Mechanism::Plain));
        state.require_tls = true;
        state.tls = true;
        assert_eq!(outcome(&state, AUTH_PLAIN), Ok(Mechanism::Plain));
        assert_eq!(outcome(&state, AUTH_LOGIN), Ok(Mechanism::Login));
        assert_eq!(outcome(&state, smtp_proto::AUTH_CRAM_MD5), Err(504));
        assert_eq!(outcome(&state, 0), Err(504));
    }

    #[test]
    fn plain_responses() {
        let parsed = |response: &[u8]| {
            parse_plain(response)
                .map(|credentials| (credentials.login.clone(), credentials.password.to_string()))
                .map_err(|reply| reply.code())
        };
        let good = Ok(("a@b".to_owned(), "secret".to_owned()));
        assert_eq!(parsed(b"\0a@b\0secret"), good);
        assert_eq!(parsed(b"a@b\0a@b\0secret"), good);
        assert_eq!(parsed(b"c@d\0a@b\0secret"), Err(535));
        for bad in [
            &b""[..],
            b"a",
            b"a\0b",
            b"\0a\0",
            b"\0\0b",
            b"\0a\0b\0c",
            b"\0a\0\xff",
            b"\0a\0b\0",
        ] {
            assert_eq!(parsed(bad), Err(501), "{bad:?}");
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

    #[test]
    fn a_password_is_never_printed() {
        let credentials = parse_plain(b"\0a@b\0secret").unwrap();
        assert!(!format!("{credentials:?}").contains("secret"));
    }
}
