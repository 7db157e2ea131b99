//! Messages on their way in: the literals of APPEND, streamed to the spool one after the other (RFC 9051 §6.3.12,
//! RFC 3502).
//!
//! Nothing is in a mailbox before all of them are whole: a client that vanishes in the middle leaves nothing.

use super::answer::{Answer, Failure};
use super::command::AppendPiece;
use super::commands::quota;
use super::framer::Literal;
use super::session::{Login, Session};
use crate::mail::date::Timestamp;
use crate::mail::flags::FlagList;
use crate::mailbox::{Error, NewMessage, Usage};
use crate::storage::spool::Incoming;
use std::io;

/// The most messages of one command. Each has a file in the spool until all are there.
const MAX_MESSAGES: usize = 1000;

/// What has come so far.
#[derive(Default)]
struct Upload {
    whole: Vec<NewMessage>,
    arriving: Option<Arriving>,
}

/// The message that is being received.
struct Arriving {
    incoming: Incoming,
    flags: FlagList,
    date: Option<Timestamp>,
}

/// Takes all messages of a command, the first of which begins with `pieces`. `literal` is what is announced and still on the
/// wire; it is taken when it is accepted. As long as it is there, the client may not have sent it, and a refusal costs it
/// nothing.
pub(crate) async fn receive(
    session: &mut Session,
    login: &Login,
    mut pieces: Vec<AppendPiece>,
    literal: &mut Option<Literal>,
) -> Result<Vec<NewMessage>, Failure> {
    let mut upload = Upload::default();
    loop {
        let mut place = None;
        for piece in pieces {
            match piece {
                AppendPiece::Message { flags, date } => upload.begin(session, flags, date).await?,
                AppendPiece::Literal(at) => place = Some(at),
            }
        }
        let Some(place) = place else {
            return upload.finish().await;
        };
        let taken = upload.literal(session, login, literal).await?;
        let bounds = session.bounds();
        let more = session
            .framer
            .more(
                &mut session.connection,
                &mut session.output,
                bounds,
                session.enabled.utf8,
                place,
            )
            .await?;
        (pieces, *literal) = more?;
        // Not before: what follows the octets belongs to this command, whatever became of them.
        taken?;
    }
}

impl Upload {
    async fn begin(&mut self, session: &Session, flags: FlagList, date: Option<Timestamp>) -> Result<(), Failure> {
        self.complete().await?;
        if self.whole.len() == MAX_MESSAGES {
            return Err(no("LIMIT", "Too many messages in one command"));
        }
        self.arriving = Some(Arriving {
            incoming: session.imap.mailboxes.spool().begin(),
            flags,
            date,
        });
        Ok(())
    }

    /// The message that arrives is whole.
    async fn complete(&mut self) -> Result<(), Failure> {
        if let Some(arriving) = self.arriving.take() {
            if arriving.incoming.size() == 0 {
                return Err(no("CANNOT", EMPTY));
            }
            self.whole.push(NewMessage {
                spooled: arriving.incoming.finish().await.map_err(storage)?,
                flags: arriving.flags,
                internal_date: arriving.date,
            });
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<Vec<NewMessage>, Failure> {
        self.complete().await?;
        Ok(self.whole)
    }

    /// Takes the octets of the literal; all of them are read even when they are not wanted any more, for what is behind them
    /// is. The outer error is one before the first octet, or the end; the inner one is for when the command has been read.
    async fn literal(
        &mut self,
        session: &mut Session,
        login: &Login,
        announced: &mut Option<Literal>,
    ) -> Result<Result<(), Failure>, Failure> {
        let (Some(literal), Some(arriving)) = (*announced, &mut self.arriving) else {
            return Err(Failure::Answer(Answer::bad("The message must be a literal")));
        };
        if arriving.incoming.size().saturating_add(literal.size) > session.imap.config.imap.max_append.get() {
            // RFC 7889 §4, RFC 4469 §4.2.
            return Err(no("TOOBIG", "The message is too large"));
        }
        if literal.size == 0 {
            // RFC 3502: this is how a client cancels.
            return Err(no("CANNOT", EMPTY));
        }
        let whole: u64 = self.whole.iter().map(|message| message.spooled.size()).sum();
        let more = Usage {
            messages: self.whole.len() as u64 + 1,
            octets: whole + arriving.incoming.size() + literal.size,
            mailboxes: 0,
        };
        quota::check_room(session, login, more).await?;
        *announced = None;
        let bounds = session.bounds();
        session
            .framer
            .accept(&mut session.connection, &mut session.output, bounds, literal)
            .await?;
        let mut written = Ok(());
        let mut nul = false;
        let mut left = literal.size;
        while left > 0 {
            let arrived = session.connection.fill(bounds.timeout).await?;
            let take = arrived.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let piece = arrived.get(..take).unwrap_or_default();
            nul |= memchr::memchr(0, piece).is_some();
            if written.is_ok() && !nul {
                written = arriving.incoming.write(piece).await;
            }
            session.connection.consume(take);
            left -= take as u64;
        }
        if nul && literal.binary {
            // RFC 3516 §4.4: what holds NUL would have to be stored in another encoding.
            return Ok(Err(no("UNKNOWN-CTE", "Messages with NUL are not stored; use base64")));
        }
        if nul {
            // RFC 9051 §4.3: no NUL in a literal, and we would have to send one back.
            return Ok(Err(no("CANNOT", "The message has a NUL octet")));
        }
        Ok(written.map_err(storage))
    }
}

const EMPTY: &str = "A message is not empty";

fn no(code: &str, text: &str) -> Failure {
    Failure::Answer(Answer::no(Some(code), text))
}

fn storage(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::NoSpace(error).into(),
        _ => Error::Storage(error.into()).into(),
    }
}
