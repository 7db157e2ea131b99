//! GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208), and the question whether there is room for more.
//!
//! An account has one quota root, the empty name, for all its mailboxes. Its limits are set by the command line.

use crate::config::{Quota, Size};
use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::command::MailboxArgument;
use crate::imap::output::Output;
use crate::imap::session::{Login, Session};
use crate::mail::mailbox_name::MailboxName;
use crate::mailbox::{Error, Usage};
use std::collections::BTreeSet;

/// The name of the one quota root.
const ROOT: &str = "";

/// Tells limits and usage of a quota root.
pub(crate) async fn get(session: &mut Session, login: &Login, root: &str) -> Outcome {
    if root != ROOT {
        return Ok(Answer::no(Some("NONEXISTENT"), "There is no such quota root"));
    }
    let quota = limits(session, login).await?;
    response(&mut session.output, &login.mailboxes.usage(), &quota);
    Ok(Answer::ok("GETQUOTA completed"))
}

/// Tells the quota root of a mailbox, which need not exist (RFC 9208 §4.1.2).
pub(crate) async fn get_root(session: &mut Session, login: &Login, mailbox: MailboxArgument) -> Outcome {
    let name = mailbox.map_err(Error::from)?;
    let quota = limits(session, login).await?;
    let output = &mut session.output;
    output.raw(b"* QUOTAROOT ");
    output.mailbox(name.as_str());
    output.raw(b" ");
    output.string(ROOT.as_bytes());
    output.raw(b"\r\n");
    response(output, &login.mailboxes.usage(), &quota);
    Ok(Answer::ok("GETQUOTAROOT completed"))
}

/// QUOTASET is not offered: nobody who can log in may change limits.
pub(crate) fn set() -> Outcome {
    Ok(Answer::no(
        Some("NOPERM"),
        "Only the server's administrator sets limits",
    ))
}

/// Fails with OVERQUOTA when the account has no room for so much more (RFC 9208 §4.3.1).
pub(crate) async fn check_room(session: &Session, login: &Login, more: Usage) -> Result<(), Failure> {
    let quota = limits(session, login).await?;
    match login.mailboxes.usage().has_room(&more, &quota) {
        true => Ok(()),
        false => Err(Failure::Answer(Answer::no(Some("OVERQUOTA"), "The quota is used up"))),
    }
}

/// How many of a mailbox and the levels above it are not there.
pub(crate) fn missing(login: &Login, name: &MailboxName) -> u64 {
    let list = login.mailboxes.list();
    let there: BTreeSet<&MailboxName> = list.iter().filter(|info| info.exists).map(|info| &info.name).collect();
    let levels = std::iter::successors(Some(name.clone()), MailboxName::parent);
    levels.filter(|level| !there.contains(level)).count() as u64
}

async fn limits(session: &Session, login: &Login) -> Result<Quota, Failure> {
    let imap = &session.imap;
    let quota = imap.accounts.quota(login.account, &imap.config.quota).await;
    quota.map_err(|cause| Error::Storage(cause).into())
}

/// What is not limited is not named (RFC 9208 §4.2.1).
fn response(output: &mut Output, usage: &Usage, quota: &Quota) {
    let storage = quota.storage.map(Size::get);
    let resources = [
        storage.map(|limit| ("STORAGE", usage.octets.div_ceil(1024), limit / 1024)),
        quota.messages.map(|limit| ("MESSAGE", usage.messages, limit)),
        quota.mailboxes.map(|limit| ("MAILBOX", usage.mailboxes, limit)),
    ];
    output.raw(b"* QUOTA ");
    output.string(ROOT.as_bytes());
    output.raw(b" (");
    for (index, (name, used, limit)) in resources.into_iter().flatten().enumerate() {
        let separator = if index > 0 { " " } else { "" };
        // A `number64` has 63 bits.
        let limit = limit.min(i64::MAX as u64);
        output.text(format_args!("{separator}{name} {used} {limit}"));
    }
    output.raw(b")\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_is_told_in_units_of_1024_octets() {
        let usage = Usage {
            messages: 42,
            octets: 10 * 1024 - 1,
            mailboxes: 6,
        };
        let told = |quota: &Quota| {
            let mut output = Output::new();
            response(&mut output, &usage, quota);
            String::from_utf8(output.written().to_vec()).unwrap()
        };
        let mut quota = Quota {
            storage: Some(Size::kibibytes(512)),
            ..Quota::default()
        };
        // RFC 9208 §4.2.1.
        assert_eq!(told(&quota), "* QUOTA \"\" (STORAGE 10 512)\r\n");
        quota.messages = Some(1000);
        quota.mailboxes = Some(u64::MAX);
        assert_eq!(
            told(&quota),
            "* QUOTA \"\" (STORAGE 10 512 MESSAGE 42 1000 MAILBOX 6 9223372036854775807)\r\n"
        );
        assert_eq!(told(&Quota::default()), "* QUOTA \"\" ()\r\n");
    }
}
