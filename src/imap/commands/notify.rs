//! NOTIFY (RFC 5465 §3.1).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::command::Notify;
use crate::imap::notify::{self, Watch};
use crate::imap::session::{Login, Selected, Session};
use crate::imap::updates;

/// What BADEVENT lists (RFC 5465 §3.1).
const EVENTS: &str = "BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange \
                      ServerMetadataChange)";

/// Replaces what the client is told without asking. SET is a NOOP as well, and what has happened until then is told whatever
/// was watched before.
pub(crate) async fn notify(
    session: &mut Session,
    login: &Login,
    selected: Option<&mut Selected>,
    asked: Option<Notify>,
) -> Outcome {
    let Some(asked) = asked else {
        session.enabled.watch = Some(Box::new(Watch::nothing()));
        return Ok(Answer::ok("NOTIFY completed"));
    };
    if asked.unsupported {
        return Ok(Answer::no(Some(EVENTS), "There is no such event"));
    }
    let status = asked.status;
    // Listens from here on, so that nothing falls between what is told now and later.
    let watch = Watch::new(asked, &login.mailboxes).await;
    let mut selected = selected;
    if let Some(selected) = &mut selected {
        session.enabled.watch = None;
        updates::tell(session, selected, true).await?;
    }
    notify::tell_inaccessible(session, login, &watch).await?;
    if status {
        notify::tell_watched(session, login, selected.as_deref(), &watch).await?;
    }
    session.enabled.watch = Some(Box::new(watch));
    Ok(Answer::ok("NOTIFY completed"))
}
