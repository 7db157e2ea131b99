//! APPEND (RFC 9051 §6.3.12, RFC 4315 §3).
//!
//! The message goes to the spool in pieces as it arrives, and to the mailbox when it is whole: a client that vanishes in
//! the middle leaves nothing.

use super::copy::target;
use super::quota;
use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::command::MailboxArgument;
use crate::imap::framer::Literal;
use crate::imap::session::{Login, Session};
use crate::mail::date::Timestamp;
use crate::mail::flags::FlagList;
use crate::mailbox::{Error, NewMessage, Usage};
use crate::storage::spool::Incoming;
use std::io;

/// Adds a message. `message` is taken when it is accepted; as long as it is there, the client may not have sent it, and a
/// refusal costs it nothing.
pub(crate) async fn append(
    session: &mut Session,
    login: &Login,
    mailbox: MailboxArgument,
    flags: FlagList,
    date: Option<Timestamp>,
    message: &mut Option<Literal>,
) -> Outcome {
    let Some(literal) = *message else {
        return Ok(Answer::bad("The message must be a literal"));
    };
    let target = target(login, &mailbox).await?;
    if literal.size > session.imap.config.imap.max_append.get() {
        // RFC 7889 §4, RFC 4469 §4.2.
        return Ok(Answer::no(Some("TOOBIG"), "The message is too large"));
    }
    if literal.size == 0 {
        return Ok(Answer::no(Some("CANNOT"), "A message is not empty"));
    }
    let more = Usage {
        messages: 1,
        octets: literal.size,
        mailboxes: 0,
    };
    quota::check_room(session, login, more).await?;
    *message = None;
    let incoming = receive(session, literal).await?;
    let spooled = incoming.finish().await.map_err(storage)?;
    let message = NewMessage {
        spooled,
        flags,
        internal_date: date,
    };
    let appended = target.append(session.id, vec![message]).await?;
    let answer = Answer::ok("APPEND completed");
    Ok(match appended.uids.as_slice() {
        [uid] => answer.with_code(format!("APPENDUID {} {uid}", appended.uid_validity)),
        _ => answer,
    })
}

/// Reads the message and the end of the command. All of it is read even when it is not wanted any more, for the command
/// behind it is.
async fn receive(session: &mut Session, literal: Literal) -> Result<Incoming, Failure> {
    let bounds = session.bounds();
    session
        .framer
        .accept(&mut session.connection, &mut session.output, bounds, literal)
        .await?;
    let mut incoming = session.imap.mailboxes.spool().begin();
    let mut written = Ok(());
    let mut nul = false;
    let mut left = literal.size;
    while left > 0 {
        let arrived = session.connection.fill(bounds.timeout).await?;
        let take = arrived.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let piece = arrived.get(..take).unwrap_or_default();
        nul |= memchr::memchr(0, piece).is_some();
        if written.is_ok() && !nul {
            written = incoming.write(piece).await;
        }
        session.connection.consume(take);
        left -= take as u64;
    }
    let end = session
        .framer
        .end(&mut session.connection, &mut session.output, bounds)
        .await?;
    end?;
    if nul {
        // RFC 9051 §4.3: no NUL in a literal, and we would have to send one back.
        return Err(Failure::Answer(Answer::no(
            Some("CANNOT"),
            "The message has a NUL octet",
        )));
    }
    written.map_err(storage)?;
    Ok(incoming)
}

fn storage(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::NoSpace(error).into(),
        _ => Error::Storage(error.into()).into(),
    }
}
