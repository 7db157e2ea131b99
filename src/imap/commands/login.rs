//! LOGIN (RFC 9051 §6.2.3), and what it has in common with AUTHENTICATE: how a login ends.

use super::acl;
use crate::accounts::{Account, ComeBack, LoginError};
use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::namespaces::Namespaces;
use crate::imap::session::{Login, Session, State};

/// Logs in by name and password.
pub(crate) async fn login(session: &mut Session, state: &mut State, user: &str, password: &str) -> Outcome {
    may_log_in(session)?;
    match session
        .imap
        .accounts
        .authenticate(session.origin(), user, password)
        .await
    {
        Ok(account) => enter(session, state, account).await,
        Err(error) => refuse(error).await,
    }
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

/// Takes a place among the account's sessions, and opens its mailboxes.
pub(super) async fn enter(session: &mut Session, state: &mut State, account: Account) -> Outcome {
    let slot = match session.imap.accounts.session(session.origin(), &account).await {
        Ok(slot) => slot,
        Err(full) => return Ok(Answer::no(Some("LIMIT"), &full.to_string())),
    };
    let off = match session.imap.accounts.disabled_capabilities(&account).await {
        Ok(off) => off,
        Err(cause) => return refuse(cause).await,
    };
    let own = session.imap.mailboxes.account(&account.address).await?;
    tracing::Span::current().record("account", tracing::field::display(&account.address));
    tracing::info!(encrypted = session.connection.tls().is_some(), "logged in");
    session.login_deadline = None;
    session.off = session.off.and(off);
    let imap = &session.imap;
    let mailboxes = Namespaces::new(
        imap.accounts.clone(),
        imap.mailboxes.clone(),
        session.id,
        account,
        own,
        session.offers(acl::ACL),
    );
    *state = State::Authenticated(Login {
        mailboxes: Box::new(mailboxes),
        _slot: slot,
    });
    let code = format!("CAPABILITY {}", session.capabilities());
    Ok(Answer::ok("Logged in").with_code(code))
}

/// The answer to who is not let in. It is the same for a wrong name and a wrong password.
pub(super) async fn refuse(error: LoginError) -> Outcome {
    tokio::time::sleep(error.delay()).await;
    Ok(match error {
        LoginError::Refused(_) => Answer::no(Some("AUTHENTICATIONFAILED"), "Wrong name or password"),
        LoginError::Blocked(end) => Answer::no(Some("LIMIT"), &ComeBack(end).to_string()),
        LoginError::NotAuthorized => Answer::no(Some("AUTHORIZATIONFAILED"), "Nobody can act for another here"),
        LoginError::Unavailable(cause) => {
            tracing::error!(cause = format_args!("{cause:#}"), "cannot check passwords");
            Answer::no(Some("UNAVAILABLE"), "Passwords cannot be checked now; try again later")
        }
    })
}
