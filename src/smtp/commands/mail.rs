//! MAIL (RFC 5321 §4.1.1.2): begins a mail transaction.

use crate::accounts::{Account, Resolution};
use crate::mail::envelope::{Envelope, ReversePath};
use crate::smtp::Role;
use crate::smtp::judgement;
use crate::smtp::reply::Reply;
use crate::smtp::request::Parameters;
use crate::smtp::session::{Session, State, Transaction};

/// Begins a transaction, if this client may write as this sender.
pub(crate) async fn run(session: &mut Session, path: &str, parameters: Parameters) -> Reply {
    let limit = session.smtp.config.smtp.max_message_size.get();
    let envelope = match check(&session.state, limit, path, parameters) {
        Ok(envelope) => envelope,
        Err(reply) => return reply,
    };
    if let Some(account) = &session.state.account
        && let Err(reply) = may_write_as(session, account, &envelope.reverse_path).await
    {
        return reply;
    }
    let mut tx = Transaction {
        envelope,
        routes: Vec::new(),
        binary: parameters.binary,
        chunks: None,
        inquiry: None,
    };
    if session.state.role == Role::Receive {
        if let Err(reply) = judgement::may_send(session, &tx) {
            return reply;
        }
        tx.inquiry = judgement::begin(session, &tx);
    }
    session.state.tx = Some(tx);
    Reply::new(250, "2.1.0", "Sender OK")
}

fn check(state: &State, max_message_size: u64, path: &str, parameters: Parameters) -> Result<Envelope, Reply> {
    // RFC 4954 §5: only where AUTH is spoken.
    if parameters.auth && state.role != Role::Submission {
        return Err(Reply::UNSUPPORTED_PARAMETER);
    }
    let reverse_path = ReversePath::parse(path).map_err(|_| Reply::new(501, "5.1.7", "Malformed sender address"))?;
    if !path.is_ascii() && !parameters.smtputf8 {
        return Err(Reply::NEEDS_SMTPUTF8);
    }
    // RFC 1870 §6.1: better now than after the message.
    if parameters.size.is_some_and(|size| size > max_message_size) {
        return Err(Reply::TOO_LARGE);
    }
    Ok(Envelope {
        body: parameters.body,
        smtputf8: parameters.smtputf8,
        declared_size: parameters.size,
        ..Envelope::new(reverse_path)
    })
}

/// RFC 6409 §6.1: an account writes as itself, its aliases and subaddresses, and sends notifications (RFC 8098 §3,
/// `<>`); nobody else's name is lent.
async fn may_write_as(session: &Session, account: &Account, sender: &ReversePath) -> Result<(), Reply> {
    let ReversePath::Address(address) = sender else {
        return Ok(());
    };
    match session.smtp.accounts.resolve(address).await {
        Ok(Resolution::Local(accounts)) if accounts.iter().any(|owner| owner.id == account.id) => Ok(()),
        Ok(_) => {
            tracing::info!(account = %account.address, sender = %address, "refused: not this account's address");
            Err(Reply::new(550, "5.7.1", "This account may not send as this address"))
        }
        Err(cause) => Err(Reply::from(crate::delivery::Error::Unavailable(cause))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(role: Role, path: &str, parameters: Parameters) -> Result<String, u16> {
        check(&State::new(role), 1000, path, parameters)
            .map(|envelope| envelope.reverse_path.to_string())
            .map_err(|reply| reply.code())
    }

    #[test]
    fn senders_and_parameters() {
        let none = Parameters::NONE;
        let size = |size| Parameters {
            size: Some(size),
            ..none
        };
        let utf8 = Parameters { smtputf8: true, ..none };
        let auth = Parameters { auth: true, ..none };
        use Role::{Receive, Submission};
        for (role, path, parameters, outcome) in [
            (Receive, "", none, Ok("")),
            (Receive, "a@example.org", none, Ok("a@example.org")),
            (Receive, "\"a b\"@example.org", none, Ok("\"a b\"@example.org")),
            (Receive, "a@[192.0.2.1]", none, Ok("a@[192.0.2.1]")),
            (Receive, "a@example.org", size(1000), Ok("a@example.org")),
            (Receive, "a@example.org", size(1001), Err(552)),
            (Receive, "a@example.org", auth, Err(555)),
            (Submission, "a@example.org", auth, Ok("a@example.org")),
            (Receive, "\u{e9}@example.org", utf8, Ok("\u{e9}@example.org")),
            (Receive, "\u{e9}@example.org", none, Err(553)),
            (Receive, "a", none, Err(501)),
            (Receive, "a@", none, Err(501)),
            (Receive, "a b@example.org", none, Err(501)),
            (Receive, "a@example.org>", none, Err(501)),
            (Receive, "a@exam(ple.org", none, Err(501)),
        ] {
            let outcome = outcome.map(str::to_owned);
            assert_eq!(judge(role, path, parameters), outcome, "{path}");
        }
    }
}
