//! MAIL (RFC 5321 §4.1.1.2): begins a mail transaction.

use std::time::Duration;

use crate::accounts::Account;
use crate::mail::date::Timestamp;
use crate::mail::envelope::{Envelope, ReversePath};
use crate::mail::handling::{ByMode, DeliverBy, Handling, Priority, TlsWish};
use crate::smtp::Role;
use crate::smtp::extension::{Extension, MIN_BY_TIME};
use crate::smtp::judgement;
use crate::smtp::reply::Reply;
use crate::smtp::request::{Hold, Parameters};
use crate::smtp::session::{Session, State, Transaction};

/// Begins a transaction, if this client may write as this sender.
pub(crate) async fn run(session: &mut Session, path: &str, parameters: Parameters) -> Reply {
    let limit = session.smtp.config.smtp.max_message_size.get();
    let longest = session.smtp.config.smtp.max_hold.get();
    let (binary, wanted) = (parameters.binary, parameters.priority);
    let envelope = match check(&session.state, limit, longest, path, parameters) {
        Ok(envelope) => envelope,
        Err(reply) => return reply,
    };
    if let Some(account) = &session.state.account {
        if let Err(reply) = may_write_as(session, account, &envelope.reverse_path).await {
            return reply;
        }
        if let Err(reached) = session.smtp.allowances.check(account.id, 1, 0) {
            tracing::warn!(account = %account.address, %reached, "refused: too much mail from this account");
            return Reply::made(450, "4.7.1", reached.to_string());
        }
    }
    let mut tx = Transaction {
        envelope,
        routes: Vec::new(),
        binary,
        chunks: None,
        waiting: None,
        inquiry: None,
    };
    if session.state.role == Role::Receive {
        if let Err(reply) = judgement::may_send(session, &tx) {
            return reply;
        }
        tx.inquiry = judgement::begin(session, &tx);
    }
    let priority = tx.envelope.handling.priority;
    session.state.tx = Some(tx);
    match wanted.is_some_and(|wanted| wanted != priority) {
        // RFC 6710 §4.1.
        true => Reply::made(
            250,
            "2.3.6",
            format!("{priority} is the new priority assigned to the message"),
        ),
        false => Reply::new(250, "2.1.0", "Sender OK"),
    }
}

fn check(
    state: &State,
    max_message_size: u64,
    max_hold: Duration,
    path: &str,
    parameters: Parameters,
) -> Result<Envelope, Reply> {
    // RFC 4954 §5: only where AUTH is spoken.
    if parameters.auth && state.role != Role::Submission {
        return Err(Reply::UNSUPPORTED_PARAMETER);
    }
    let asks_for_dsn = parameters.ret.is_some() || parameters.envelope_id.is_some();
    if asks_for_dsn && !Extension::Dsn.is_offered(state) {
        return Err(Reply::UNSUPPORTED_PARAMETER);
    }
    let hold_until = match parameters.hold {
        None => None,
        Some(hold) if Extension::FutureRelease.is_offered(state) && !max_hold.is_zero() => {
            Some(hold_until(hold, max_hold)?)
        }
        Some(_) => return Err(Reply::UNSUPPORTED_PARAMETER),
    };
    let handling = Handling {
        tls: match parameters.requiretls {
            false => TlsWish::Usual,
            true if Extension::RequireTls.is_offered(state) => TlsWish::Required,
            true => return Err(Reply::UNSUPPORTED_PARAMETER),
        },
        priority: priority(state, parameters.priority.unwrap_or_default()),
        by: match parameters.by {
            Some(by) => Some(deliver_by(state, by, hold_until)?),
            None => None,
        },
    };
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
        ret: parameters.ret,
        envelope_id: parameters.envelope_id,
        hold_until,
        handling,
        ..Envelope::new(reverse_path)
    })
}

/// When a message is released, in milliseconds since 1970 (RFC 4865 §4). A time that is over is none to wait for.
fn hold_until(hold: Hold, longest: Duration) -> Result<i64, Reply> {
    let now = Timestamp::now().seconds;
    let until = match hold {
        Hold::For(seconds) => now.saturating_add_unsigned(seconds),
        Hold::Until(moment) => moment,
    };
    match until.saturating_sub(now) > longest.as_secs() as i64 {
        true => Err(Reply::new(501, "5.5.4", "That is too far in the future")),
        false => Ok(until.saturating_mul(1000)),
    }
}

/// Only those whom we know may go before others (RFC 6710 §5, §9): our users, and the MTA in front.
fn priority(state: &State, wanted: Priority) -> Priority {
    match state.role == Role::Lmtp || state.account.is_some() {
        true => wanted,
        false => wanted.min(Priority::default()),
    }
}

/// RFC 2852 §4: what cannot be in time is refused at once, also because its time is over before it is released (RFC 4865).
fn deliver_by(state: &State, by: DeliverBy, hold_until: Option<i64>) -> Result<DeliverBy, Reply> {
    if !Extension::DeliverBy.is_offered(state) {
        return Err(Reply::UNSUPPORTED_PARAMETER);
    }
    if hold_until.is_some_and(|until| by.moment <= until) {
        return Err(Reply::new(501, "5.5.4", "BY is over before the message is released"));
    }
    let left = by.seconds_left(Timestamp::now().seconds.saturating_mul(1000));
    match by.mode == ByMode::Return && left < MIN_BY_TIME {
        true => Err(Reply::made(
            550,
            "5.4.7",
            format!("Within less than {MIN_BY_TIME} seconds nothing is promised"),
        )),
        false => Ok(by),
    }
}

/// RFC 6409 §6.1: an account writes as itself, its aliases and subaddresses, and sends notifications (RFC 8098 §3,
/// `<>`); nobody else's name is lent.
async fn may_write_as(session: &Session, account: &Account, sender: &ReversePath) -> Result<(), Reply> {
    let ReversePath::Address(address) = sender else {
        return Ok(());
    };
    match session.smtp.accounts.resolve(address).await {
        Ok(owners) if owners.accounts().iter().any(|owner| owner.id == account.id) => Ok(()),
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
        check(&State::new(role), 1000, Duration::from_secs(60), path, parameters)
            .map(|envelope| envelope.reverse_path.to_string())
            .map_err(|reply| reply.code())
    }

    #[test]
    fn senders_and_parameters() {
        const NONE: Parameters = Parameters::NONE;
        let size = |size| Parameters {
            size: Some(size),
            ..NONE
        };
        let utf8 = Parameters { smtputf8: true, ..NONE };
        let auth = Parameters { auth: true, ..NONE };
        let ret = || Parameters {
            ret: Some(crate::mail::dsn::Return::Full),
            ..NONE
        };
        let hold = |hold| Parameters {
            hold: Some(hold),
            ..NONE
        };
        let now = Timestamp::now().seconds;
        let longest = Duration::from_secs(60);
        assert!(hold_until(Hold::For(60), longest).unwrap() >= (now + 60) * 1000);
        assert_eq!(hold_until(Hold::Until(now - 5), longest), Ok((now - 5) * 1000));
        assert!(hold_until(Hold::For(61), longest).is_err() && hold_until(Hold::Until(now + 99), longest).is_err());
        use Role::{Lmtp, Receive, Submission};
        for (role, path, parameters, outcome) in [
            (Receive, "", NONE, Ok("")),
            (Receive, "a@example.org", NONE, Ok("a@example.org")),
            (Receive, "\"a b\"@example.org", NONE, Ok("\"a b\"@example.org")),
            (Receive, "a@[192.0.2.1]", NONE, Ok("a@[192.0.2.1]")),
            (Receive, "a@example.org", size(1000), Ok("a@example.org")),
            (Receive, "a@example.org", size(1001), Err(552)),
            (Receive, "a@example.org", auth.clone(), Err(555)),
            (Submission, "a@example.org", auth, Ok("a@example.org")),
            (Receive, "\u{e9}@example.org", utf8, Ok("\u{e9}@example.org")),
            (Receive, "\u{e9}@example.org", NONE, Err(553)),
            (Receive, "a", NONE, Err(501)),
            (Receive, "a@", NONE, Err(501)),
            (Receive, "a b@example.org", NONE, Err(501)),
            (Receive, "a@example.org>", NONE, Err(501)),
            (Receive, "a@exam(ple.org", NONE, Err(501)),
            (Receive, "a@example.org", ret(), Ok("a@example.org")),
            (Lmtp, "a@example.org", ret(), Err(555)),
            // Not logged in.
            (Submission, "a@example.org", hold(Hold::For(1)), Err(555)),
        ] {
            let outcome = outcome.map(str::to_owned);
            assert_eq!(judge(role, path, parameters), outcome, "{path}");
        }
    }
}
