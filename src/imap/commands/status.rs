//! STATUS (RFC 9051 §6.3.11, RFC 7162 §3.1.7, RFC 7889 §3.1, RFC 8438, RFC 8474 §4.3, RFC 9208 §4.1.4).

use crate::imap::answer::{Answer, Outcome};
use crate::imap::command::{MailboxArgument, StatusItem};
use crate::imap::object_id::ObjectId;
use crate::imap::output::Output;
use crate::imap::session::{Login, Session};
use crate::mail::rights::Rights;
use crate::mailbox::{Error, MailboxStatus};

/// Tells of a mailbox without selecting it.
pub(crate) async fn status(
    session: &mut Session,
    login: &Login,
    mailbox: MailboxArgument,
    items: &[StatusItem],
) -> Outcome {
    let name = mailbox.map_err(Error::from)?;
    let opened = login.mailboxes.open(&name, Rights::READ).await?;
    write(session, name.as_str(), items, &opened.mailbox.status());
    Ok(Answer::ok("STATUS completed"))
}

/// One STATUS response (RFC 9051 §7.3.4).
pub(crate) fn write(session: &mut Session, name: &str, items: &[StatusItem], status: &MailboxStatus) {
    let append_limit = session.append_limit();
    response(&mut session.output, name, items, status, append_limit);
}

fn response(output: &mut Output, name: &str, items: &[StatusItem], status: &MailboxStatus, append_limit: u32) {
    output.raw(b"* STATUS ");
    output.mailbox(name);
    output.raw(b" (");
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            output.raw(b" ");
        }
        match item {
            StatusItem::Messages => output.text(format_args!("MESSAGES {}", status.messages)),
            StatusItem::Recent => output.text(format_args!("RECENT {}", status.recent)),
            StatusItem::UidNext => output.text(format_args!("UIDNEXT {}", status.uid_next)),
            StatusItem::UidValidity => output.text(format_args!("UIDVALIDITY {}", status.uid_validity)),
            StatusItem::Unseen => output.text(format_args!("UNSEEN {}", status.unseen)),
            StatusItem::Deleted => output.text(format_args!("DELETED {}", status.deleted)),
            StatusItem::DeletedStorage => output.text(format_args!("DELETED-STORAGE {}", status.deleted_size)),
            StatusItem::Size => output.text(format_args!("SIZE {}", status.size)),
            StatusItem::AppendLimit => output.text(format_args!("APPENDLIMIT {append_limit}")),
            StatusItem::MailboxId => {
                output.text(format_args!("MAILBOXID ({})", ObjectId::Mailbox(status.object_id)));
            }
            StatusItem::HighestModSeq => output.text(format_args!("HIGHESTMODSEQ {}", status.highest_mod_seq)),
        }
    }
    output.raw(b")\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::ids::{ModSeq, UidValidity};

    #[test]
    fn items_in_the_order_asked_for() {
        let status = MailboxStatus {
            messages: 231,
            recent: 1,
            unseen: 5,
            deleted: 2,
            uid_next: 44292,
            uid_validity: UidValidity::new(7).unwrap(),
            highest_mod_seq: ModSeq::MIN,
            size: 1 << 40,
            deleted_size: 7,
            object_id: 1,
        };
        let items = [
            StatusItem::UidNext,
            StatusItem::Messages,
            StatusItem::Size,
            StatusItem::HighestModSeq,
            StatusItem::AppendLimit,
            StatusItem::DeletedStorage,
        ];
        let mut output = Output::new();
        response(&mut output, "Entwürfe", &items, &status, 1000);
        assert_eq!(
            output.written(),
            b"* STATUS \"Entw&APw-rfe\" (UIDNEXT 44292 MESSAGES 231 SIZE 1099511627776 HIGHESTMODSEQ 1 APPENDLIMIT 1000 \
            DELETED-STORAGE 7)\r\n"
        );
    }
}
