//! AUTHENTICATE (RFC 9051 §6.2.2) with the mechanisms of `accounts::sasl`, and with or without an initial response
//! (RFC 4959).

use super::login::{enter, may_log_in, refuse};
use crate::accounts::sasl::{ExchangeError, Mechanism, Step};
use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::session::{Session, State};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

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
    let offered = session.mechanisms();
    let Some(mechanism) = Mechanism::named(mechanism).filter(|mechanism| offered.contains(mechanism)) else {
        let names: Vec<_> = offered.iter().map(|mechanism| mechanism.name()).collect();
        let text = format!("The mechanisms are {}", names.join(", "));
        return Ok(Answer::no(Some("CANNOT"), &text));
    };
    let bindings = match offered.contains(&Mechanism::ScramSha256Plus) {
        true => session.connection.channel_bindings(),
        false => None,
    };
    let mut exchange = session.imap.accounts.exchange(mechanism, session.origin(), bindings);
    let mut response = initial.map(Zeroizing::new);
    loop {
        match exchange
            .step(response.as_ref().map(|response| response.as_slice()))
            .await
        {
            Ok(Step::Challenge(message)) => response = Some(challenge(session, &message).await?),
            Ok(Step::Account(account)) => return enter(session, state, account).await,
            Err(ExchangeError::Malformed) => {
                return Ok(Answer::bad(&format!("Not a response of {}", mechanism.name())));
            }
            Err(ExchangeError::Channel(text)) => return Ok(Answer::no(Some("AUTHENTICATIONFAILED"), text)),
            Err(ExchangeError::Login(error)) => return refuse(error).await,
        }
    }
}

/// Sends a challenge and reads the response to it.
async fn challenge(session: &mut Session, challenge: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failure> {
    session.output.line(format_args!("+ {}", STANDARD.encode(challenge)));
    session.flush().await?;
    let timeout = session.bounds().timeout;
    let mut line = Zeroizing::new(Vec::new());
    session.connection.read_line(&mut line, MAX_RESPONSE, timeout).await?;
    if line.as_slice() == b"*" {
        return Err(Failure::Answer(Answer::bad("Authentication cancelled")));
    }
    match STANDARD.decode(&*line) {
        Ok(response) => Ok(Zeroizing::new(response)),
        Err(_) => Err(Failure::Answer(Answer::bad("Not base64"))),
    }
}
