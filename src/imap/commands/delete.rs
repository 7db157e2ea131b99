//! DELETE (RFC 9051 §6.3.5).

use super::list;
use crate::imap::answer::{Answer, Outcome};
use crate::imap::command::MailboxArgument;
use crate::imap::session::{Session, State};
use crate::mail::rights::Rights;
use crate::mailbox::Error;

/// Deletes a mailbox. When it is the one selected here, no mailbox is selected any more; other sessions that have it
/// selected are sent away (RFC 2180 §3.3).
pub(crate) async fn delete(
    session: &mut Session,
    state: &mut State,
    mailbox: MailboxArgument,
    supplied: Option<String>,
) -> Outcome {
    let (State::Authenticated(login) | State::Selected(login, _)) = &*state else {
        return Ok(Answer::bad("Log in first"));
    };
    let name = mailbox.map_err(Error::from)?;
    let place = login.mailboxes.place(&name).await?;
    place.allows(Rights::DELETE)?;
    place.mailboxes.delete(&place.name).await?;
    list::tell_called_otherwise(session, login, name, supplied).await;
    if matches!(&*state, State::Selected(_, selected) if selected.view.is_deleted()) {
        state.unselect();
        session
            .output
            .line(format_args!("* OK [CLOSED] The selected mailbox is gone"));
    }
    Ok(Answer::ok("DELETE completed"))
}
