//! LOGIN (RFC 9051 §6.2.3), and the check of a password that AUTHENTICATE shares.

use crate::accounts::LoginError;
use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::session::{Login, Session, State};
use std::time::Duration;

/// How long a wrong password is left unanswered, so that guessing on one connection is slow. Nobody else waits.
const REFUSAL_DELAY: Duration = Duration::from_secs(1);

/// How much of a name that was refused goes to the log.
const LOGGED_NAME: usize = 64;

/// Logs in by name and password.
pub(crate) async fn login(session: &mut Session, state: &mut State, user: &str, password: &str) -> Outcome {
    may_log_in(session)?;
    enter(session, state, user, password).await
}

/// Whether a password may be sent at all; if not, nothing of it is looked at (RFC 9051 §6.2.3, RFC 5530 §3).
pub(super) fn may_log_in(session: &Session) -> Result<(), Failure> {
    match session.may_log_in() {
        true => Ok(()),
        false => Err(Failure::Answer(Answer::no(
            Some("PRIVACYREQUIRED"),
            "Passwords are taken over TLS only: use STARTTLS first",
        ))),
    }
}

/// Checks the password and opens the account's mailboxes. The answer is the same for a wrong name and a wrong password.
pub(super) async fn enter(session: &mut Session, state: &mut State, user: &str, password: &str) -> Outcome {
    let account = match session.imap.accounts.authenticate(user, password).await {
        Ok(account) => account,
        Err(LoginError::Refused) => {
            let name: String = user.chars().take(LOGGED_NAME).collect();
            tracing::info!(?name, "login refused");
            tokio::time::sleep(REFUSAL_DELAY).await;
            return Ok(Answer::no(Some("AUTHENTICATIONFAILED"), "Wrong name or password"));
        }
        Err(LoginError::Unavailable(cause)) => {
            tracing::error!(cause = format_args!("{cause:#}"), "cannot check passwords");
            return Ok(Answer::no(
                Some("UNAVAILABLE"),
                "Passwords cannot be checked now; try again later",
            ));
        }
    };
    let mailboxes = session.imap.mailboxes.account(&account.address).await?;
    tracing::Span::current().record("account", tracing::field::display(&account.address));
    tracing::info!(encrypted = session.connection.tls().is_some(), "logged in");
    session.login_deadline = None;
    *state = State::Authenticated(Login { mailboxes });
    let code = format!("CAPABILITY {}", session.capabilities());
    Ok(Answer::ok("Logged in").with_code(code))
}
