//! NAMESPACE (RFC 9051 §6.3.10, RFC 2342).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::session::Session;
use crate::mail::mailbox_name::MailboxName;

/// One personal namespace without a prefix; none of other users and none shared.
pub(crate) fn namespace(session: &mut Session) -> Outcome {
    let separator = MailboxName::SEPARATOR;
    session
        .output
        .line(format_args!("* NAMESPACE ((\"\" \"{separator}\")) NIL NIL"));
    Ok(Answer::ok("NAMESPACE completed"))
}
