//! A complete message from another server is shown to the filters, which may change, suspect or refuse it.

use super::reply::Reply;
use super::session::{Session, Transaction};
use crate::config::Action;
use crate::mail::ids::QueueId;
use crate::milter::Letter;
use crate::storage::spool::Incoming;

/// Fields in front that are ours already: Received.
const OWN_FIELDS: usize = 1;

/// Whether it is junk; or the refusal. The message is what the filters have made of it.
pub(crate) async fn pass(
    session: &Session,
    tx: &Transaction,
    id: QueueId,
    message: &mut Incoming,
) -> Result<bool, Reply> {
    let milters = &session.smtp.milters;
    if !milters.are_there() {
        return Ok(false);
    }
    let letter = Letter {
        hostname: &session.smtp.config.hostname,
        client: session.connection.peer(),
        hello: session.state.hello.as_ref().map_or("", |hello| &hello.name),
        id: id.to_string(),
        sender: tx.envelope.reverse_path.to_string(),
        recipients: tx.envelope.recipients.iter().map(|to| to.path.to_string()).collect(),
    };
    let _place = milters.place().await;
    let content = message.content().await?;
    let decision = milters.judge(&letter, content, OWN_FIELDS).await;
    match decision.action {
        Action::Reject => return Err(Reply::new(550, "5.7.1", "Refused by a filter")),
        Action::Tempfail => return Err(Reply::new(451, "4.7.1", "Put off by a filter, try again later")),
        Action::Accept | Action::Junk => {}
    }
    if let Some(changed) = decision.message {
        let mut anew = session.smtp.delivery.begin();
        anew.write(&changed).await?;
        *message = anew;
    }
    Ok(decision.action == Action::Junk)
}
