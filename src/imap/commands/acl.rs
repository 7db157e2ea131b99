//! GETACL, SETACL, DELETEACL, LISTRIGHTS and MYRIGHTS (RFC 4314 §3).

use crate::accounts::sasl::prepare;
use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::command::MailboxArgument;
use crate::imap::namespaces::Place;
use crate::imap::output::Output;
use crate::imap::session::{Login, Session};
use crate::mail::address::Address;
use crate::mail::mailbox_name::MailboxName;
use crate::mail::rights::{Acl, Identifier, Rights, RightsChange, Who};
use crate::mailbox::Error;

/// The capability that brings rights, and mailboxes of other users.
pub(crate) const ACL: &str = "ACL";

/// Everybody who can log in (RFC 4314 §2).
const ANYONE: &str = "anyone";

/// Tells who may do what with a mailbox.
pub(crate) async fn get(session: &mut Session, login: &Login, mailbox: MailboxArgument) -> Outcome {
    let (name, place) = administered(login, mailbox).await?;
    let list = place.mailboxes.acl(&place.name)?;
    write(&mut session.output, &name, &list, place.mailboxes.owner());
    Ok(Answer::ok("GETACL completed"))
}

/// Changes what somebody may do with a mailbox (SETACL), or takes somebody off its list (`None`, DELETEACL).
pub(crate) async fn change(
    session: &Session,
    login: &Login,
    mailbox: MailboxArgument,
    identifier: &str,
    change: Option<RightsChange>,
) -> Outcome {
    let (_, place) = administered(login, mailbox).await?;
    let identifier = match named(session, &place, identifier).await? {
        Named::Known(identifier) => identifier,
        // An account that was deleted can be taken off.
        Named::Unknown(identifier) if change.is_none() => identifier,
        Named::Unknown(_) | Named::Nobody => return Err(no_account()),
    };
    place.mailboxes.change_acl(&place.name, identifier, change).await?;
    Ok(Answer::ok(match change {
        Some(_) => "SETACL completed",
        None => "DELETEACL completed",
    }))
}

/// Tells what can be given to somebody: first what they always have, then what can be given one by one. The identifier is told as
/// the client wrote it (RFC 4314 §3.4).
pub(crate) async fn list(session: &mut Session, login: &Login, mailbox: MailboxArgument, identifier: &str) -> Outcome {
    let (name, place) = administered(login, mailbox).await?;
    let required = match named(session, &place, identifier).await? {
        Named::Known(Identifier {
            who: Who::Owner,
            negative: false,
        }) => Rights::OF_OWNER,
        Named::Known(_) | Named::Unknown(_) => Rights::NONE,
        Named::Nobody => return Err(no_account()),
    };
    let output = &mut session.output;
    output.raw(b"* LISTRIGHTS ");
    output.mailbox(name.as_str());
    output.raw(b" ");
    output.astring(identifier.as_bytes());
    match required.is_empty() {
        true => output.raw(b" \"\""),
        false => output.text(format_args!(" {required}")),
    }
    let optional = Rights::LETTERS.iter().filter(|(right, _)| !required.contains(*right));
    for (_, letter) in optional {
        output.text(format_args!(" {letter}"));
    }
    output.raw(b"\r\n");
    Ok(Answer::ok("LISTRIGHTS completed"))
}

/// Tells what the client may do with a mailbox.
pub(crate) async fn mine(session: &mut Session, login: &Login, mailbox: MailboxArgument) -> Outcome {
    let name = mailbox.map_err(Error::from)?;
    let rights = login.mailboxes.place(&name).await?.rights();
    if !rights.intersects(Rights::ANY) {
        return Err(Error::NotFound.into());
    }
    my_rights(&mut session.output, &name, rights);
    Ok(Answer::ok("MYRIGHTS completed"))
}

/// One MYRIGHTS response (RFC 4314 §3.8).
pub(crate) fn my_rights(output: &mut Output, name: &MailboxName, rights: Rights) {
    output.raw(b"* MYRIGHTS ");
    output.mailbox(name.as_str());
    output.text(format_args!(" {rights}\r\n"));
}

/// A mailbox whose list the client may read and change (RFC 4314 §4).
async fn administered(login: &Login, mailbox: MailboxArgument) -> Result<(MailboxName, Place), Failure> {
    let name = mailbox.map_err(Error::from)?;
    let place = login.mailboxes.place(&name).await?;
    place.allows(Rights::ADMINISTER)?;
    Ok((name, place))
}

/// Whom an identifier means.
enum Named {
    Known(Identifier),
    /// An address that no account has.
    Unknown(Identifier),
    /// There are no groups.
    Nobody,
}

/// Reads an identifier, in whatever way an account is written (RFC 4314 §3).
async fn named(session: &Session, place: &Place, identifier: &str) -> Result<Named, Failure> {
    let prepared = prepare::identifier(identifier).unwrap_or_default();
    let (negative, name) = match prepared.strip_prefix('-') {
        Some(name) => (true, name),
        None => (false, &*prepared),
    };
    if name.is_empty() {
        return Err(Failure::Answer(Answer::bad("That cannot be an identifier")));
    }
    let identifier = |who| Identifier { who, negative };
    if name.eq_ignore_ascii_case(ANYONE) {
        return Ok(Named::Known(identifier(Who::Anyone)));
    }
    let account = session
        .imap
        .accounts
        .account_named(name)
        .await
        .map_err(Error::Storage)?;
    Ok(match account {
        Some(account) if account.address == *place.mailboxes.owner() => Named::Known(identifier(Who::Owner)),
        Some(account) => Named::Known(identifier(Who::Account(account.address))),
        None => match Address::parse(&name.to_lowercase()) {
            Ok(address) => Named::Unknown(identifier(Who::Account(address))),
            Err(_) => Named::Nobody,
        },
    })
}

fn no_account() -> Failure {
    Failure::Answer(Answer::no(Some("CANNOT"), "There is no such account here"))
}

/// An ACL response (RFC 4314 §3.6).
fn write(output: &mut Output, name: &MailboxName, list: &Acl, owner: &Address) {
    output.raw(b"* ACL ");
    output.mailbox(name.as_str());
    for (Identifier { who, negative }, rights) in list.iter() {
        let dash = if *negative { "-" } else { "" };
        let identifier = match who {
            Who::Owner => format!("{dash}{owner}"),
            Who::Anyone => format!("{dash}{ANYONE}"),
            Who::Account(address) => format!("{dash}{address}"),
        };
        output.raw(b" ");
        output.astring(identifier.as_bytes());
        output.text(format_args!(" {rights}"));
    }
    output.raw(b"\r\n");
}
