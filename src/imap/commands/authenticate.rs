//! AUTHENTICATE (RFC 9051 §6.2.2) with the mechanisms PLAIN (RFC 4616) and LOGIN, and with or without an initial response
//! (RFC 4959).

use super::login::{enter, may_log_in};
use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::session::{Session, State};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The longest response taken, in octets of base64: what RFC 4954 §4 wants of SMTP, for IMAP names none.
const MAX_RESPONSE: usize = 12288;

/// Logs in by a SASL exchange.
pub(crate) async fn authenticate(
    session: &mut Session,
    state: &mut State,
    mechanism: &str,
    initial: Option<Vec<u8>>,
) -> Outcome {
    may_log_in(session)?;
    if mechanism.eq_ignore_ascii_case("PLAIN") {
        let response = match initial {
            Some(response) => response,
            None => challenge(session, b"").await?,
        };
        let Some(plain) = Plain::parse(&response) else {
            return Ok(Answer::bad("Not a PLAIN response"));
        };
        if !plain.authorize.is_empty() && plain.authorize != plain.user {
            return Ok(Answer::no(
                Some("AUTHORIZATIONFAILED"),
                "Nobody can act for another here",
            ));
        }
        enter(session, state, plain.user, plain.password).await
    } else if mechanism.eq_ignore_ascii_case("LOGIN") {
        let user = match initial {
            Some(user) => user,
            None => challenge(session, b"Username:").await?,
        };
        let password = challenge(session, b"Password:").await?;
        let (Ok(user), Ok(password)) = (std::str::from_utf8(&user), std::str::from_utf8(&password)) else {
            return Ok(Answer::bad("Not UTF-8"));
        };
        enter(session, state, user, password).await
    } else {
        Ok(Answer::no(Some("CANNOT"), "The mechanisms are PLAIN and LOGIN"))
    }
}

/// Sends a challenge and reads the response to it.
async fn challenge(session: &mut Session, challenge: &[u8]) -> Result<Vec<u8>, Failure> {
    session.output.line(format_args!("+ {}", STANDARD.encode(challenge)));
    session.flush().await?;
    let timeout = session.bounds().timeout;
    let mut line = Vec::new();
    session.connection.read_line(&mut line, MAX_RESPONSE, timeout).await?;
    if line == b"*" {
        return Err(Failure::Answer(Answer::bad("Authentication cancelled")));
    }
    STANDARD
        .decode(&line)
        .map_err(|_| Failure::Answer(Answer::bad("Not base64")))
}

/// A response of PLAIN (RFC 4616 §2): `[authzid] NUL authcid NUL passwd`.
#[derive(PartialEq)]
struct Plain<'a> {
    authorize: &'a str,
    user: &'a str,
    password: &'a str,
}

impl Plain<'_> {
    fn parse(response: &[u8]) -> Option<Plain<'_>> {
        let mut parts = std::str::from_utf8(response).ok()?.split('\0');
        let (authorize, user, password) = (parts.next()?, parts.next()?, parts.next()?);
        (parts.next().is_none() && !user.is_empty() && !password.is_empty()).then_some(Plain {
            authorize,
            user,
            password,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_has_three_parts() {
        let plain = Plain::parse(b"\0tim@example.org\0tanstaaftanstaaf").unwrap();
        assert_eq!(
            (plain.authorize, plain.user, plain.password),
            ("", "tim@example.org", "tanstaaftanstaaf")
        );
        assert_eq!(Plain::parse("a\0bé\0c".as_bytes()).unwrap().user, "bé");
        for response in [&b""[..], b"a", b"\0a", b"\0\0p", b"\0u\0", b"\0u\0p\0", b"\0u\0\xff"] {
            assert!(Plain::parse(response).is_none(), "{response:?}");
        }
    }
}
