//! NAMESPACE (RFC 9051 §6.3.10, RFC 2342).

use super::acl;
use crate::imap::answer::{Answer, Outcome};
use crate::imap::session::Session;
use crate::mail::mailbox_name::MailboxName;

/// One personal namespace without a prefix, and that of other users; none shared.
pub(crate) fn namespace(session: &mut Session) -> Outcome {
    let separator = MailboxName::SEPARATOR;
    let output = &mut session.output;
    output.text(format_args!("* NAMESPACE ((\"\" \"{separator}\")) "));
    match session.off.has(acl::ACL) {
        true => output.raw(b"NIL"),
        false => output.text(format_args!(
            "((\"{}{separator}\" \"{separator}\"))",
            MailboxName::OTHER_USERS
        )),
    }
    output.raw(b" NIL\r\n");
    Ok(Answer::ok("NAMESPACE completed"))
}
