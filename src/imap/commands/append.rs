//! APPEND (RFC 9051 §6.3.12, RFC 3502, RFC 4469, RFC 4315 §3).

use super::copy::target;
use crate::imap::answer::{Answer, Outcome};
use crate::imap::command::{AppendPiece, MailboxArgument};
use crate::imap::framer::Literal;
use crate::imap::namespaces::Opened;
use crate::imap::session::{Login, Selected, Session};
use crate::imap::upload::{self, Terms};
use crate::mail::uidset::UidSet;
use crate::mailbox::Appended;

/// Adds messages, all or none. `selected` is what URLs may be relative to. `literal` is the first one's, still on the wire.
pub(crate) async fn append(
    session: &mut Session,
    login: &Login,
    selected: Option<&mut Selected>,
    mailbox: MailboxArgument,
    pieces: Vec<AppendPiece>,
    literal: &mut Option<Literal>,
) -> Outcome {
    let Opened { place, mailbox } = target(login, &mailbox).await?;
    let terms = Terms::many(&place);
    let messages = upload::receive(session, login, selected.as_deref(), terms, pieces, literal).await?;
    let appended = mailbox.append(session.id, messages).await?;
    Ok(Answer::ok("APPEND completed").with_code(append_uid(&appended)))
}

/// `APPENDUID validity uids`. The UIDs of one APPEND ascend, so a set names them in the order of the messages
/// (RFC 4315 §3).
pub(super) fn append_uid(appended: &Appended) -> String {
    let uids: UidSet = appended.uids.iter().copied().collect();
    format!("APPENDUID {} {uids}", appended.uid_validity)
}
