//! LIST (RFC 9051 §6.3.9) with LIST-EXTENDED (RFC 5258), LIST-STATUS (RFC 5819), LIST-METADATA (RFC 9590),
//! LIST-MYRIGHTS (RFC 8440) and SPECIAL-USE (RFC 6154).

use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::command::{List, StatusItem};
use crate::imap::commands::{acl, metadata, status};
use crate::imap::hierarchy::{Hierarchy, Line, MAX_PATTERNS};
use crate::imap::session::{Login, Session};
use crate::mail::mailbox_name::MailboxName;
use crate::mail::rights::Rights;
use crate::mailbox::Error;

/// Tells the names that match.
pub(crate) async fn list(session: &mut Session, login: &Login, list: &List) -> Outcome {
    if list.select_recursive_match && !list.select_subscribed {
        // RFC 5258 §3.1.
        return Ok(Answer::bad("RECURSIVEMATCH needs a selection option"));
    }
    if list.patterns.len() > MAX_PATTERNS {
        return Ok(Answer::no(Some("LIMIT"), "Too many patterns"));
    }
    if !list.extended && list.patterns.iter().all(String::is_empty) {
        // What separates levels, and the root of the reference: the prefix of its namespace.
        let separator = MailboxName::SEPARATOR;
        let others = format!("{}{separator}", MailboxName::OTHER_USERS);
        let root = match list.reference.starts_with(&others) && session.offers(acl::ACL) {
            true => &*others,
            false => "",
        };
        session
            .output
            .line(format_args!("* LIST (\\Noselect) \"{separator}\" \"{root}\""));
        return Ok(Answer::ok("LIST completed"));
    }
    for mut line in Hierarchy::new(login.mailboxes.list().await).list(list).await {
        match &list.return_status {
            Some(items) if line.is_selected && line.rights.contains(Rights::READ) => {
                with_status(session, login, &mut line, items).await?
            }
            _ => write(session, &line),
        }
        if list.return_my_rights && line.is_selected {
            acl::my_rights(&mut session.output, &line.name, line.rights);
        }
        if let Some(entries) = list.return_metadata.as_ref().filter(|_| line.is_selected) {
            metadata::list(session, login, &line.name, entries).await?;
        }
        session.relieve().await?;
    }
    Ok(Answer::ok("LIST completed"))
}

/// A name with its status. One that has gone meanwhile has none and cannot be selected; when there is another problem the
/// name comes alone (RFC 5819 §2).
async fn with_status(
    session: &mut Session,
    login: &Login,
    line: &mut Line,
    items: &[StatusItem],
) -> Result<(), Failure> {
    match Box::pin(login.mailboxes.open(&line.name, Rights::READ)).await {
        Ok(found) => {
            write(session, line);
            status::write(session, line.name.as_str(), items, &found.mailbox.status());
        }
        Err(Error::NotFound | Error::NotPermitted) => {
            line.attributes.push("\\Noselect");
            write(session, line);
        }
        Err(error) => {
            // Logs the cause.
            let _ = Failure::from(error);
            write(session, line);
        }
    }
    Ok(())
}

/// In IMAP4rev2, what a mailbox is called now that a client called otherwise when it created, renamed or deleted it
/// (RFC 9051 §6.3.9.7).
pub(crate) async fn tell_called_otherwise(
    session: &mut Session,
    login: &Login,
    name: MailboxName,
    supplied: Option<String>,
) {
    if supplied.is_some() && session.is_rev2() {
        let hierarchy = Hierarchy::new(login.mailboxes.list().await);
        write(session, &hierarchy.line(name, supplied));
    }
}

/// One LIST response.
pub(crate) fn write(session: &mut Session, line: &Line) {
    let shown = |attribute: &&&str| !session.off.has_attribute(attribute);
    let attributes: Vec<&str> = line.attributes.iter().filter(shown).copied().collect();
    let output = &mut session.output;
    output.text(format_args!(
        "* LIST ({}) \"{}\" ",
        attributes.join(" "),
        MailboxName::SEPARATOR
    ));
    output.mailbox(line.name.as_str());
    if line.child_info {
        output.raw(b" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
    }
    if let Some(old_name) = &line.old_name {
        output.raw(b" (\"OLDNAME\" (");
        output.mailbox(old_name);
        output.raw(b"))");
    }
    output.raw(b"\r\n");
}
