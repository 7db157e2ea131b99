//! BDAT (RFC 3030 §2): a message in chunks of a size that is told beforehand.
//!
//! Invariants: a chunk is read to its end whatever becomes of it, so that nothing of a message is ever taken for a
//! command; a chunk that is refused ends the transaction, and those behind it have none to belong to.

use crate::mail::line_ends::LineEnds;
use crate::smtp::arrival::Arrival;
use crate::smtp::reply::Reply;
use crate::smtp::session::{End, Session, Transaction};

/// What of a message has come in chunks.
#[derive(Debug)]
pub(crate) struct Chunks {
    arrival: Arrival,
    /// Those of text; what is binary has none, and is judged once its parts are encoded.
    lines: Option<LineEnds>,
}

/// Takes a chunk, and with the last one delivers the message.
pub(crate) async fn run(session: &mut Session, size: u64, last: bool) -> Result<Reply, End> {
    let Some(mut tx) = session.state.tx.take_if(|tx| !tx.routes.is_empty()) else {
        session.state.tx = None;
        discard(session, size).await?;
        return Ok(session.state.no_recipients());
    };
    let mut chunks = match tx.chunks.take() {
        Some(chunks) => chunks,
        None => Chunks::new(session, &tx).await,
    };
    chunks.receive(session, size).await?;
    if last {
        return Ok(chunks.end().await.deliver(session, tx).await);
    }
    if let Some(refusal) = chunks.arrival.refusal() {
        tracing::info!(code = refusal.code(), "chunk refused");
        return Ok(refusal.clone());
    }
    tx.chunks = Some(chunks);
    session.state.tx = Some(tx);
    Ok(Reply::made(250, "2.0.0", format!("{size} octets received")))
}

/// Reads the chunk of a BDAT that was refused.
pub(crate) async fn discard(session: &mut Session, mut size: u64) -> Result<(), End> {
    while size > 0 {
        let available = session.fill().await?.len();
        let used = within(available, size);
        session.connection.consume(used);
        size -= used as u64;
    }
    Ok(())
}

impl Chunks {
    async fn new(session: &Session, tx: &Transaction) -> Chunks {
        Chunks {
            arrival: Arrival::new(session, tx).await,
            lines: (!tx.binary).then(LineEnds::default),
        }
    }

    /// Reads one chunk from the connection.
    async fn receive(&mut self, session: &mut Session, mut size: u64) -> Result<(), End> {
        while size > 0 {
            let input = session.fill().await?;
            let used = within(input.len(), size);
            let text = input.get(..used).unwrap_or_default();
            if let Some(lines) = &mut self.lines {
                lines.see(text);
                if lines.malformed() {
                    self.arrival.refuse(Reply::LINE_ENDS);
                }
            }
            self.arrival.take(text).await;
            session.connection.consume(used);
            size -= used as u64;
        }
        Ok(())
    }

    /// The message is complete, its last line too: DATA always has that line's end.
    async fn end(mut self) -> Arrival {
        match self.lines {
            Some(lines) if lines.in_line() => self.arrival.take(b"\r\n").await,
            Some(lines) if lines.cut_off() => self.arrival.refuse(Reply::LINE_ENDS),
            _ => {}
        }
        self.arrival
    }
}

/// How many of the octets that are there belong to a chunk with so many to come.
fn within(available: usize, size: u64) -> usize {
    usize::try_from(size).map_or(available, |size| size.min(available))
}
