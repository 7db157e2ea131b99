//! LSUB (RFC 3501 §6.3.9).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::hierarchy::Hierarchy;
use crate::imap::pattern::Pattern;
use crate::imap::session::{Login, Session};
use crate::mail::mailbox_name::MailboxName;

/// Tells the subscribed names that match.
pub(crate) async fn lsub(session: &mut Session, login: &Login, reference: &str, pattern: &str) -> Outcome {
    let found = match Pattern::new(reference, pattern) {
        Some(pattern) => Hierarchy::new(login.mailboxes.list().await).lsub(&pattern),
        None => Vec::new(),
    };
    for (name, attribute) in found {
        let output = &mut session.output;
        output.text(format_args!("* LSUB ({attribute}) \"{}\" ", MailboxName::SEPARATOR));
        output.mailbox(name.as_str());
        output.raw(b"\r\n");
        session.relieve().await?;
    }
    Ok(Answer::ok("LSUB completed"))
}
