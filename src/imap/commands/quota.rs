//! GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208), and the question whether there is room for more.
//!
//! An account has one quota root for all its mailboxes: the empty name, or its address. What others put into its mailboxes
//! counts as its own; those who may read one of them may ask for the root by the address. Administrators may ask for all, and
//! set them.

use crate::config::{Quota, Size};
use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::command::MailboxArgument;
use crate::imap::namespaces::{Access, Place};
use crate::imap::output::Output;
use crate::imap::session::{Login, Session};
use crate::mail::ids::AccountId;
use crate::mail::mailbox_name::MailboxName;
use crate::mail::rights::Rights;
use crate::mailbox::{AccountMailboxes, Error, Usage};
use crate::storage::accounts::DatabaseError;
use std::collections::BTreeSet;

/// The name of an account's own quota root.
const ROOT: &str = "";

/// Tells limits and usage of a quota root.
pub(crate) async fn get(session: &mut Session, login: &Login, root: &str) -> Outcome {
    let Some(owner) = owner(session, login, root).await? else {
        return Ok(no_root());
    };
    owner.tell(session, root).await?;
    Ok(Answer::ok("GETQUOTA completed"))
}

/// Tells the quota root of a mailbox, which need not exist if it would be one's own (RFC 9208 §4.1.2, §6).
pub(crate) async fn get_root(session: &mut Session, login: &Login, mailbox: MailboxArgument) -> Outcome {
    let name = mailbox.map_err(Error::from)?;
    let place = login.mailboxes.place(&name).await?;
    let root = match &place.access {
        Access::Unlimited | Access::Owner => ROOT.to_owned(),
        Access::Other { owner, .. } => {
            place.allows(Rights::READ)?;
            owner.to_string()
        }
    };
    let output = &mut session.output;
    output.raw(b"* QUOTAROOT ");
    output.mailbox(name.as_str());
    output.raw(b" ");
    output.string(root.as_bytes());
    output.raw(b"\r\n");
    let owner = Owner {
        account: place.account,
        mailboxes: place.mailboxes,
    };
    owner.tell(session, &root).await?;
    Ok(Answer::ok("GETQUOTAROOT completed"))
}

/// Sets the limits of a quota root, for administrators only: what is not named is not limited any more (RFC 9208 §4.1.3).
pub(crate) async fn set(session: &mut Session, login: &Login, root: &str, limits: &[(String, u64)]) -> Outcome {
    let accounts = &session.imap.accounts;
    let user = login.mailboxes.user().id;
    if !accounts.is_administrator(user).await.map_err(storage)? {
        return Ok(Answer::no(
            Some("NOPERM"),
            "Only the server's administrators set limits",
        ));
    }
    let mut quota = Quota::default();
    for (resource, limit) in limits {
        match resource.as_str() {
            "STORAGE" => quota.storage = Some(Size::octets(limit.saturating_mul(1024))),
            "MESSAGE" => quota.messages = Some(*limit),
            "MAILBOX" => quota.mailboxes = Some(*limit),
            _ => {
                return Ok(Answer::no(
                    Some("CANNOT"),
                    "Limited are STORAGE, MESSAGE and MAILBOX only",
                ));
            }
        }
    }
    let Some(owner) = owner(session, login, root).await? else {
        return Ok(no_root());
    };
    let set = session.imap.accounts.set_quota_of(owner.account, Some(quota)).await;
    set.map_err(storage)?;
    tracing::info!(by = %user.0, account = %owner.account.0, "quota set");
    owner.tell(session, root).await?;
    Ok(Answer::ok("SETQUOTA completed"))
}

/// Whose a quota root is.
struct Owner {
    account: AccountId,
    mailboxes: AccountMailboxes,
}

impl Owner {
    async fn tell(&self, session: &mut Session, root: &str) -> Result<(), Failure> {
        let quota = limits(session, self.account).await?;
        response(&mut session.output, root, &self.mailboxes.usage(), &quota);
        Ok(())
    }
}

/// The owner of a root that this account may know of.
async fn owner(session: &Session, login: &Login, root: &str) -> Result<Option<Owner>, Failure> {
    let own = || Owner {
        account: login.mailboxes.user().id,
        mailboxes: login.mailboxes.own().clone(),
    };
    if root == ROOT {
        return Ok(Some(own()));
    }
    let accounts = &session.imap.accounts;
    let Some(account) = accounts.quota_owner(root).await.map_err(Error::Storage)? else {
        return Ok(None);
    };
    let user = login.mailboxes.user().id;
    if account.id == user {
        return Ok(Some(own()));
    }
    let may_know = accounts.is_administrator(user).await.map_err(storage)?
        || login.mailboxes.reads_some_of(&account.address).await?;
    if !may_know {
        return Ok(None);
    }
    Ok(Some(Owner {
        account: account.id,
        mailboxes: session.imap.mailboxes.account(&account.address).await?,
    }))
}

fn no_root() -> Answer {
    Answer::no(Some("NONEXISTENT"), "There is no such quota root")
}

fn storage(cause: DatabaseError) -> Error {
    Error::Storage(cause.into())
}

/// Fails with OVERQUOTA when the account that has a place has no room for so much more (RFC 9208 §4.3.1).
pub(crate) async fn check_room(session: &Session, place: &Place, more: Usage) -> Result<(), Failure> {
    let quota = limits(session, place.account).await?;
    match place.mailboxes.usage().has_room(&more, &quota) {
        true => Ok(()),
        false => Err(Failure::Answer(Answer::no(Some("OVERQUOTA"), "The quota is used up"))),
    }
}

/// How many of a mailbox and the levels above it are not there.
pub(crate) fn missing(mailboxes: &AccountMailboxes, name: &MailboxName) -> u64 {
    let list = mailboxes.list();
    let there: BTreeSet<&MailboxName> = list.iter().filter(|info| info.exists).map(|info| &info.name).collect();
    let levels = std::iter::successors(Some(name.clone()), MailboxName::parent);
    levels.filter(|level| !there.contains(level)).count() as u64
}

async fn limits(session: &Session, account: AccountId) -> Result<Quota, Failure> {
    let imap = &session.imap;
    let quota = imap.accounts.quota(account, &imap.config.quota).await;
    quota.map_err(|cause| Error::Storage(cause).into())
}

/// What is not limited is not named (RFC 9208 §4.2.1).
fn response(output: &mut Output, root: &str, usage: &Usage, quota: &Quota) {
    let storage = quota.storage.map(Size::get);
    let resources = [
        storage.map(|limit| ("STORAGE", usage.octets.div_ceil(1024), limit / 1024)),
        quota.messages.map(|limit| ("MESSAGE", usage.messages, limit)),
        quota.mailboxes.map(|limit| ("MAILBOX", usage.mailboxes, limit)),
    ];
    output.raw(b"* QUOTA ");
    output.string(root.as_bytes());
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
            response(&mut output, ROOT, &usage, quota);
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
