//! What is found out about a complete message from another server goes in front of it, or makes a refusal of it.
//!
//! RFC 7372 and RFC 7505 §4.2 (status codes), RFC 8601 (the fields).

use super::reply::Reply;
use super::session::{Session, Transaction};
use crate::config::Action;
use crate::dkim::seal::{Chain, Seen};
use crate::origin::findings::{Outcome, Policy};
use crate::origin::{Inquiry, Judgement, Kind, Peer, Reason};
use crate::storage::reports::ReportStore;
use crate::storage::spool::Incoming;

/// Begins to ask, when a transaction of another server begins.
pub(crate) fn begin(session: &Session, tx: &Transaction) -> Option<Inquiry> {
    let hello = session.state.hello.as_ref()?;
    let peer = Peer {
        address: session.connection.peer().ip(),
        hello: hello.name.clone(),
        reverse_path: tx.envelope.reverse_path.clone(),
    };
    session.smtp.origin.begin(peer, session.visit.as_ref())
}

/// Refuses a recipient for what can be known before the message is there.
pub(crate) async fn may_reach(tx: &mut Transaction, recipient: &str) -> Result<(), Reply> {
    let Some(inquiry) = &mut tx.inquiry else {
        return Ok(());
    };
    match inquiry.refuses(recipient).await {
        None => Ok(()),
        Some((action, reason)) => {
            let reply = refusal(action, &reason);
            tracing::info!(
                sender = %tx.envelope.reverse_path,
                recipient,
                code = reply.code(),
                reason = %reason,
                "recipient refused"
            );
            Err(reply)
        }
    }
}

/// Whether this network and this sender may send one message more within the hour.
pub(crate) fn may_send(session: &Session, tx: &Transaction) -> Result<(), Reply> {
    let (origin, address) = (&session.smtp.origin, session.connection.peer().ip());
    let sender = tx.envelope.reverse_path.to_string();
    // Reports have no sender.
    let allowed =
        origin.allows(Kind::Messages, address) && (sender.is_empty() || origin.allows_sender(address, &sender));
    match allowed {
        true => Ok(()),
        false => {
            tracing::info!(sender, "refused: too many messages within the hour");
            Err(Reply::TOO_MUCH)
        }
    }
}

/// Whether this network may ask for one recipient more within the hour.
pub(crate) fn may_address(session: &Session) -> Result<(), Reply> {
    match session
        .smtp
        .origin
        .allows(Kind::Recipients, session.connection.peer().ip())
    {
        true => Ok(()),
        false => Err(Reply::TOO_MUCH),
    }
}

/// A recipient does not exist: a stranger waits for the answer, and one who tries too many is turned away.
pub(crate) async fn unknown_recipient(session: &Session, reply: Reply) -> Reply {
    let (origin, address) = (&session.smtp.origin, session.connection.peer().ip());
    let allowed = origin.allows(Kind::Unknown, address);
    origin.delay(address).await;
    match allowed {
        true => reply,
        false => {
            tracing::info!("closed: too many unknown recipients from one network within the hour");
            Reply::TOO_MANY_UNKNOWN
        }
    }
}

/// What was found out about a message that may pass.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// Whether it goes to Junk.
    pub(crate) junk: bool,
    /// Fields that go in front of it. The last is the verdict, if it is junk.
    pub(crate) fields: String,
    /// Whether it is from a stranger, and was judged at all.
    pub(crate) stranger: bool,
    /// The client's name, if it has one that leads back to it.
    pub(crate) client_name: Option<String>,
    /// What a seal tells of it if it is forwarded (RFC 8617).
    pub(crate) found: Option<Seen>,
}

/// Judges the message, or refuses it.
pub(crate) async fn pass(reports: &ReportStore, tx: &mut Transaction, message: &Incoming) -> Result<Judged, Reply> {
    let Some(inquiry) = tx.inquiry.take() else {
        return Ok(Judged::default());
    };
    let recipients: Vec<String> = tx.envelope.recipients.iter().map(|to| to.path.to_string()).collect();
    let content = message.content().await?;
    let Judgement {
        action,
        reason,
        fields,
        client_name,
        seen,
        results,
        chain,
    } = inquiry.judge(content, &recipients).await;
    if let Some(seen) = seen {
        reports.note(seen);
    }
    if let Some(reason) = reason
        && action > Action::Junk
    {
        return Err(refusal(action, &reason));
    }
    Ok(Judged {
        junk: action == Action::Junk,
        fields,
        stranger: true,
        client_name,
        found: Some(Seen {
            results,
            chain: match chain {
                Outcome::None => Chain::None,
                Outcome::Pass => Chain::Pass,
                Outcome::TempError => Chain::Unknown,
                _ => Chain::Fail,
            },
        }),
    })
}

/// The reply to a message refused for this reason.
fn refusal(action: Action, reason: &Reason) -> Reply {
    let (permanent, temporary, text) = match reason {
        Reason::SpfFail => (
            "5.7.23",
            "4.7.23",
            "The sender's domain does not let your server send for it (SPF)",
        ),
        Reason::Dmarc(Policy::Reject) => ("5.7.1", "4.7.1", "Refused as the author's domain wants it (DMARC)"),
        Reason::Dmarc(_) => ("5.7.1", "4.7.1", "Not proven to be from the author's domain (DMARC)"),
        Reason::UnclearAuthor => ("5.7.1", "4.7.1", "One From field with authors of one domain is wanted"),
        Reason::TemporaryError => ("5.7.24", "4.7.24", "The sender cannot be checked, try again later"),
        Reason::NoReverseName => ("5.7.25", "4.7.25", "Your address has no name that leads back to it"),
        Reason::FalseGreeting => ("5.7.1", "4.7.1", "Your EHLO has a name that is not yours"),
        Reason::NullMx => ("5.7.27", "4.7.27", "The sender's domain takes no mail"),
        Reason::NoMx => ("5.1.8", "4.1.8", "The sender's domain has no mail server"),
        Reason::Greylisted => ("5.7.1", "4.7.1", "Not seen before: try again in some minutes"),
        Reason::Listed(zone) => {
            let text = format!("Your address is listed by {zone}");
            return match action {
                Action::Reject => Reply::made(550, "5.7.1", text),
                _ => Reply::made(451, "4.7.1", text),
            };
        }
    };
    match action {
        Action::Reject => Reply::new(550, permanent, text),
        _ => Reply::new(451, temporary, text),
    }
}
