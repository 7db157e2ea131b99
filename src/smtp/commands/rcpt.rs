//! RCPT (RFC 5321 §4.1.1.3): one recipient more.

use crate::accounts::Account;
use crate::delivery::{self, Resolved, Route};
use crate::mail::envelope::{ForwardPath, Recipient, ReversePath};
use crate::smtp::extension::Extension;
use crate::smtp::judgement;
use crate::smtp::reply::Reply;
use crate::smtp::request::RcptParameters;
use crate::smtp::session::{Session, Transaction};
use crate::smtp::{Role, Smtp};

/// Adds a recipient to the transaction. Whoever is not served is refused here, where the client can tell its user, and
/// never by a bounce later.
pub(crate) async fn run(session: &mut Session, path: &str, parameters: RcptParameters) -> Reply {
    if parameters != RcptParameters::default() && !Extension::Dsn.is_offered(&session.state) {
        return Reply::UNSUPPORTED_PARAMETER;
    }
    if session.state.role == Role::Receive
        && let Err(reply) = judgement::may_address(session)
    {
        return reply;
    }
    let (smtp, role) = (&session.smtp, session.state.role);
    let Some(tx) = &mut session.state.tx else {
        return Reply::SAY_MAIL;
    };
    let path = match check(tx, smtp.config.smtp.max_recipients, path) {
        Ok(path) => path,
        Err(reply) => return reply,
    };
    if let Some(account) = &session.state.account {
        let recipients = tx.envelope.recipients.len() as u64 + 1;
        if let Err(reached) = smtp.allowances.check(account.id, 0, recipients) {
            tracing::warn!(account = %account.address, %reached, "refused: too much mail from this account");
            return Reply::made(452, "4.7.1", reached.to_string());
        }
    }
    if let (Some(account), ForwardPath::Address(to)) = (&session.state.account, &path) {
        match smtp.accounts.suppressed(&account.address, to).await {
            Ok(None) => {}
            Ok(Some(found)) => {
                tracing::info!(recipient = %path, account = %account.address, "recipient refused: on the suppression list");
                return suppressed(found.failed).of_recipient();
            }
            Err(cause) => return Reply::from(delivery::Error::Unavailable(cause)),
        }
    }
    let is_report = tx.envelope.reverse_path == ReversePath::Null;
    let route = match smtp.delivery.resolve(&path).await {
        // Nobody sends mail through us who was not written to: what comes back is a report, and has no sender.
        Ok(Resolved::To(Route::Returned(_))) if !is_report => {
            tracing::info!(recipient = %path, code = 550, "recipient refused");
            return Reply::new(550, "5.7.1", "This address takes nothing but reports, from <>").of_recipient();
        }
        Ok(Resolved::To(route)) => route,
        Ok(Resolved::Remote) if role == Role::Submission => {
            if let Err(reply) = may_wait(smtp, session.state.account.as_ref(), tx).await {
                return reply;
            }
            return remote(tx, recipient(path, parameters));
        }
        refused => {
            let reply = match refused {
                Err(error) => Reply::from(error),
                Ok(Resolved::Remote) => Reply::new(550, "5.7.1", "Relaying denied"),
                Ok(Resolved::Circular) => Reply::new(554, "5.4.6", "This alias leads back to itself"),
                Ok(Resolved::Suppressed) => Reply::new(550, "5.7.1", "This alias sends its mail to nobody any more"),
                Ok(Resolved::Forged) => Reply::new(550, "5.1.1", "Not a return address of this server, or expired"),
                Ok(_) => Reply::new(550, "5.1.1", "No such mailbox here"),
            }
            .of_recipient();
            tracing::info!(recipient = %path, code = reply.code(), "recipient refused");
            return match role {
                Role::Receive if reply.is_permanent() => judgement::unknown_recipient(session, reply).await,
                _ => reply,
            };
        }
    };
    if let Err(reply) = judgement::may_reach(tx, &path.to_string()).await {
        return reply.of_recipient();
    }
    // Without SIZE, whoever has room for an octet is asked again when the message is there.
    let octets = tx.envelope.declared_size.unwrap_or(0).max(1);
    for account in route.accounts() {
        let reply = match smtp.delivery.has_room(account, octets).await {
            Ok(true) => continue,
            Ok(false) => Reply::MAILBOX_FULL,
            Err(error) => Reply::from(error),
        };
        tracing::info!(recipient = %path, account = %account.address, code = reply.code(), "recipient refused");
        return reply;
    }
    tx.routes.push(route);
    tx.envelope.recipients.push(recipient(path, parameters));
    Reply::new(250, "2.1.5", "Recipient OK")
}

/// Why, and what to do about it.
fn suppressed(failed: bool) -> Reply {
    let undo = "To undo it: posthaste suppression remove";
    match failed {
        true => Reply::new(550, "5.1.1", "Its server has said that there is no such address").and(undo),
        false => Reply::new(550, "5.7.1", "This account writes to this address no more").and(undo),
    }
}

fn check(tx: &Transaction, max_recipients: usize, path: &str) -> Result<ForwardPath, Reply> {
    let forward_path = ForwardPath::parse(path).map_err(|_| Reply::new(501, "5.1.3", "Malformed recipient address"))?;
    if !path.is_ascii() && !tx.envelope.smtputf8 {
        return Err(Reply::NEEDS_SMTPUTF8);
    }
    // RFC 5321 §4.5.3.1.10: the client sends to those accepted so far, and to the rest in a further transaction.
    if tx.envelope.recipients.len() >= max_recipients {
        return Err(Reply::new(452, "4.5.3", "Too many recipients"));
    }
    Ok(forward_path)
}

/// Whether the account may have mail for one recipient more in the queue. Asked once for a message.
async fn may_wait(smtp: &Smtp, account: Option<&Account>, tx: &mut Transaction) -> Result<(), Reply> {
    let (most, Some(account)) = (smtp.config.smtp.max_queued_recipients, account) else {
        return Ok(());
    };
    if most == 0 {
        return Ok(());
    }
    let waiting = match tx.waiting {
        Some(waiting) => waiting,
        None => *tx.waiting.insert(smtp.delivery.waiting_of(account, most).await?),
    };
    let elsewhere = tx.routes.iter().filter(|route| matches!(route, Route::Remote(_)));
    if waiting + elsewhere.count() as u64 >= most {
        tracing::warn!(account = %account.address, waiting, "refused: too much of this account waits in the queue");
        let text = format!("No more than {most} recipients may wait for your mail, try again later");
        return Err(Reply::made(452, "4.7.1", text));
    }
    Ok(())
}

/// One of our users writes to somebody on another server.
fn remote(tx: &mut Transaction, recipient: Recipient) -> Reply {
    let ForwardPath::Address(address) = &recipient.path else {
        return Reply::new(550, "5.1.1", "No such mailbox here").of_recipient();
    };
    tx.routes.push(Route::Remote(address.clone()));
    tx.envelope.recipients.push(recipient);
    Reply::new(250, "2.1.5", "Recipient OK")
}

fn recipient(path: ForwardPath, parameters: RcptParameters) -> Recipient {
    Recipient {
        path,
        notify: parameters.notify,
        original: parameters.original,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::envelope::Envelope;

    #[test]
    fn recipients_and_how_many() {
        let mut tx = Transaction {
            envelope: Envelope::new(ReversePath::Null),
            routes: Vec::new(),
            binary: false,
            chunks: None,
            waiting: None,
            inquiry: None,
        };
        let judge = |tx: &Transaction, path: &str| {
            check(tx, 2, path)
                .map(|path| path.to_string())
                .map_err(|reply| reply.code())
        };
        for good in ["a@example.org", "\"a b\"@example.org", "a@[IPv6:::1]", "postmaster"] {
            assert_eq!(judge(&tx, good), Ok(good.to_owned()));
        }
        // RFC 5321 Appendix C: a source route is taken and ignored.
        assert_eq!(
            judge(&tx, "@a.example,@b.example:c@d.example"),
            Ok("c@d.example".to_owned())
        );
        for bad in ["", "a", "a@b@c", "@b", "a@b c"] {
            assert_eq!(judge(&tx, bad), Err(501), "{bad}");
        }
        assert_eq!(judge(&tx, "\u{e9}@example.org"), Err(553));
        tx.envelope.smtputf8 = true;
        assert_eq!(judge(&tx, "\u{e9}@example.org"), Ok("\u{e9}@example.org".to_owned()));
        for _ in 0..2 {
            tx.envelope
                .recipients
                .push(ForwardPath::parse("a@example.org").unwrap().into());
        }
        assert_eq!(judge(&tx, "a@example.org"), Err(452));
    }
}
