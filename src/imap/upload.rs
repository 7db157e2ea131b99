//! Messages on their way in: the literals of APPEND and what its URLs name, streamed to the spool one after the other
//! (RFC 9051 §6.3.12, RFC 3502, RFC 4469, RFC 6855 §4). Those that came in a literal for NUL are converted, so that none has
//! to be stored (RFC 3516 §4.4).
//!
//! Nothing is in a mailbox before all of them are whole: a client that vanishes in the middle leaves nothing. Header fields
//! beyond ASCII are taken from any client, though RFC 6855 §4 wants them refused from one that has not enabled UTF8=ACCEPT:
//! old mail is full of them, and must not be lost when it moves here.

use super::answer::{Answer, Failure};
use super::command::{AppendPiece, LiteralPlace};
use super::commands::quota;
use super::fetch::body::{Bytes, PIECE};
use super::framer::Literal;
use super::namespaces::Place;
use super::session::{Login, Selected, Session};
use super::url::{self, MessageUrl};
use crate::mail::date::Timestamp;
use crate::mail::flags::FlagList;
use crate::mail::rights::Rights;
use crate::mail::uidset::UidSet;
use crate::mailbox::{Error, NewMessage, Usage};
use crate::storage::spool::{ConvertError, Incoming};
use std::io;
use std::sync::Arc;

/// The most messages of one command. Each has a file in the spool until all are there.
const MAX_MESSAGES: usize = 1000;

/// What a command may bring, and where to.
pub(crate) struct Terms<'a> {
    pub(crate) place: &'a Place,
    /// So many messages.
    pub(crate) messages: usize,
    /// What goes when they are there, so that the quota has more room for them.
    pub(crate) freed: Usage,
}

impl Terms<'_> {
    /// Of APPEND.
    pub(crate) fn many(place: &Place) -> Terms<'_> {
        Terms {
            place,
            messages: MAX_MESSAGES,
            freed: Usage::default(),
        }
    }
}

/// What has come so far.
struct Upload<'a> {
    login: &'a Login,
    selected: Option<&'a Selected>,
    terms: Terms<'a>,
    whole: Vec<NewMessage>,
    arriving: Option<Arriving>,
}

/// The message that is being received.
struct Arriving {
    incoming: Incoming,
    flags: FlagList,
    date: Option<Timestamp>,
    /// Whether some of it came in a literal that may hold NUL.
    binary: bool,
}

/// Takes all messages of a command, the first of which begins with `pieces`. `literal` is what is announced and still on the
/// wire; it is taken when it is accepted. As long as it is there, the client may not have sent it, and a refusal costs it
/// nothing.
pub(crate) async fn receive(
    session: &mut Session,
    login: &Login,
    selected: Option<&Selected>,
    terms: Terms<'_>,
    mut pieces: Vec<AppendPiece>,
    literal: &mut Option<Literal>,
) -> Result<Vec<NewMessage>, Failure> {
    let mut upload = Upload {
        login,
        selected,
        terms,
        whole: Vec::new(),
        arriving: None,
    };
    loop {
        let mut place = None;
        for piece in pieces {
            match piece {
                AppendPiece::Message { flags, date } => upload.begin(session, flags, date).await?,
                AppendPiece::Url(url) => upload.url(session, &url).await?,
                AppendPiece::Literal(at) => place = Some(at),
            }
        }
        let Some(place) = place else {
            return upload.finish(session).await;
        };
        let taken = upload.literal(session, place, literal).await?;
        let bounds = session.bounds();
        let more = session
            .framer
            .more(
                &mut session.connection,
                &mut session.output,
                bounds,
                session.enabled.dialect,
                place,
            )
            .await?;
        (pieces, *literal) = more?;
        // Not before: what follows the octets belongs to this command, whatever became of them.
        taken?;
    }
}

impl Upload<'_> {
    async fn begin(&mut self, session: &Session, flags: FlagList, date: Option<Timestamp>) -> Result<(), Failure> {
        self.complete(session).await?;
        if self.whole.len() == self.terms.messages {
            return Err(no("LIMIT", "Too many messages in one command"));
        }
        self.arriving = Some(Arriving {
            incoming: session.imap.mailboxes.spool().begin(),
            flags,
            date,
            binary: false,
        });
        Ok(())
    }

    /// The message that arrives is whole.
    async fn complete(&mut self, session: &Session) -> Result<(), Failure> {
        if let Some(arriving) = self.arriving.take() {
            if arriving.incoming.size() == 0 {
                return Err(no("CANNOT", EMPTY));
            }
            let mut spooled = arriving.incoming.finish().await.map_err(storage)?;
            if arriving.binary {
                let limit = session.imap.config.imap.max_append.get();
                let spool = session.imap.mailboxes.spool();
                spooled = spool.without_binary(spooled, limit).await.map_err(unconverted)?;
                // Encoded it takes more room.
                quota::check_room(session, self.terms.place, self.more(spooled.size())).await?;
            }
            self.whole.push(NewMessage {
                spooled,
                // RFC 4314 §4: those that may be set there.
                flags: self.terms.place.rights().permitted(arriving.flags),
                internal_date: arriving.date,
            });
        }
        Ok(())
    }

    async fn finish(mut self, session: &Session) -> Result<Vec<NewMessage>, Failure> {
        self.complete(session).await?;
        Ok(self.whole)
    }

    /// What the account has more with one message of this size beside those that are whole.
    fn more(&self, size: u64) -> Usage {
        let whole: u64 = self.whole.iter().map(|message| message.spooled.size()).sum();
        Usage {
            messages: (self.whole.len() as u64 + 1).saturating_sub(self.terms.freed.messages),
            octets: whole.saturating_add(size).saturating_sub(self.terms.freed.octets),
            mailboxes: 0,
        }
    }

    /// The message that arrives, which has room for so many octets more.
    async fn room(&mut self, session: &Session, octets: u64) -> Result<&mut Arriving, Failure> {
        let Some(arriving) = &self.arriving else {
            return Err(no_message());
        };
        let size = arriving.incoming.size().saturating_add(octets);
        if size > session.imap.config.imap.max_append.get() {
            // RFC 7889 §4, RFC 4469 §4.2.
            return Err(no("TOOBIG", "The message is too large"));
        }
        quota::check_room(session, self.terms.place, self.more(size)).await?;
        self.arriving.as_mut().ok_or_else(no_message)
    }

    /// Adds what a URL names, as FETCH would give it (RFC 4469 §3). \Seen stays as it is.
    async fn url(&mut self, session: &Session, url: &str) -> Result<(), Failure> {
        let bad_url = || {
            let answer = Answer::no(None, "The URL names no message or part here");
            Failure::Answer(answer.with_code(format!("BADURL {}", url::told(url))))
        };
        let selected = self.selected.map(|selected| Arc::clone(selected.view.mailbox()));
        let base = self.selected.map(Selected::name);
        let named = MessageUrl::parse(url, base.as_ref()).ok_or_else(bad_url)?;
        let mailbox = match (&named.mailbox, selected) {
            (Some(name), _) => match Box::pin(self.login.mailboxes.open(name, Rights::READ)).await {
                Err(Error::NotFound | Error::NotPermitted) => return Err(bad_url()),
                opened => opened?.mailbox,
            },
            (None, Some(selected)) => selected,
            (None, None) => return Err(bad_url()),
        };
        if named
            .uid_validity
            .is_some_and(|validity| validity != mailbox.uid_validity().get())
        {
            return Err(bad_url());
        }
        let summaries = mailbox.summaries(&UidSet::range(named.uid, named.uid)).await?;
        let file = mailbox.open_message(named.uid).await?;
        let (Some((_, summary)), Some(file)) = (summaries.first(), file) else {
            return Err(bad_url());
        };
        let bytes = Bytes::of_file(&file, summary, &named.section).await?;
        let (mut at, end) = match bytes.cut(named.section.partial) {
            Bytes::Nothing => return Err(bad_url()),
            Bytes::Held(held) => {
                let arriving = self.room(session, held.len() as u64).await?;
                return arriving.write(&held).await.map_err(storage);
            }
            Bytes::InFile(start, end) => (start, end),
        };
        let arriving = self.room(session, end - at).await?;
        while at < end {
            let piece = file.read(at, PIECE.min(end - at) as usize).await?;
            if piece.is_empty() {
                // The file was cut short by another program.
                return Err(bad_url());
            }
            arriving.write(&piece).await.map_err(storage)?;
            at += piece.len() as u64;
        }
        Ok(())
    }

    /// Takes the octets of the literal; all of them are read even when they are not wanted any more, for what is behind them
    /// is. The outer error is one before the first octet, or the end; the inner one is for when the command has been read.
    async fn literal(
        &mut self,
        session: &mut Session,
        place: LiteralPlace,
        announced: &mut Option<Literal>,
    ) -> Result<Result<(), Failure>, Failure> {
        let Some(literal) = *announced else {
            return Err(Failure::Answer(Answer::bad("The message must be a literal")));
        };
        if literal.size == 0 && matches!(place, LiteralPlace::Message | LiteralPlace::Utf8) {
            // RFC 3502: this is how a client cancels.
            return Err(no("CANNOT", EMPTY));
        }
        let arriving = self.room(session, literal.size).await?;
        arriving.binary |= literal.binary;
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
            nul |= !literal.binary && memchr::memchr(0, piece).is_some();
            if written.is_ok() && !nul {
                written = arriving.write(piece).await;
            }
            session.connection.consume(take);
            left -= take as u64;
        }
        if nul {
            // RFC 9051 §4.3: no NUL in a literal, and we would have to send one back.
            return Ok(Err(no("CANNOT", "The message has a NUL octet")));
        }
        Ok(written.map_err(storage))
    }
}

impl Arriving {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.incoming.write(bytes).await
    }
}

const EMPTY: &str = "A message is not empty";

fn no(code: &str, text: &str) -> Failure {
    Failure::Answer(Answer::no(Some(code), text))
}

fn no_message() -> Failure {
    Failure::Answer(Answer::bad("A message must come first"))
}

fn unconverted(error: ConvertError) -> Failure {
    match error {
        // RFC 3516 §4.4.
        // Of the line ends nobody has asked.
        ConvertError::Nul | ConvertError::LineEnd => no("UNKNOWN-CTE", "The message has NUL outside of binary parts"),
        ConvertError::TooLarge => no("TOOBIG", "The message is too large"),
        ConvertError::Io(error) => storage(error),
    }
}

fn storage(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::NoSpace(error).into(),
        _ => Error::Storage(error.into()).into(),
    }
}
