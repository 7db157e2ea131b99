//! The life of one connection: greeting, commands one after the other, goodbye.

use super::answer::{Answer, AnswerKind, Failure};
use super::dispatch;
use super::framer::Frame;
use super::notify;
use super::parse::ParseError;
use super::session::{Imap, Session, State};
use crate::mail::uidset::UidSet;
use crate::net::connection::{Connection, ReadError};
use std::io;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// What a client is told when its address has no place left (RFC 9051 §7.1.5).
const TOO_MANY_CONNECTIONS: &[u8] = b"* BYE [LIMIT] Too many connections from your address: close some, or have \
    login.max_connections_per_address raised\r\n";

/// Serves one connection until it ends or `shutdown` is cancelled (then: BYE).
pub async fn serve(imap: Arc<Imap>, mut connection: Connection, shutdown: CancellationToken) {
    let peer = connection.peer();
    let Some(_slot) = imap.accounts.connected(peer.ip()).await else {
        tracing::warn!(%peer, "connection refused: too many from one address");
        let timeout = imap.config.imap.write_timeout.get();
        let _ = connection.write(TOO_MANY_CONNECTIONS, timeout).await;
        return connection.close().await;
    };
    let session = Session::new(imap, connection);
    let span = tracing::info_span!(
        "imap",
        session = session.id.0,
        peer = %session.connection.peer(),
        account = tracing::field::Empty,
    );
    // Boxed: the tasks around this one carry a pointer only.
    Box::pin(live(session, shutdown).instrument(span)).await;
}

async fn live(mut session: Session, shutdown: CancellationToken) {
    let reason = match converse(&mut session, &shutdown).await {
        Ok(()) | Err(Failure::Answer(_)) => "logged out",
        Err(Failure::Bye(text)) => {
            session.output.line(format_args!("* BYE {text}"));
            let _ = session.flush().await;
            text
        }
        Err(Failure::Disconnected(error)) if error.kind() == io::ErrorKind::TimedOut => "the client does not read",
        Err(Failure::Disconnected(error)) => {
            tracing::debug!(%error, "disconnected");
            "disconnected"
        }
    };
    // Whoever only knocks is no news.
    match session.login_deadline {
        Some(_) => tracing::debug!(reason, "session ended"),
        None => tracing::info!(reason, "session ended"),
    }
    // Closing takes a moment, and nobody needs the slot any more.
    session.compressed = None;
    session.connection.close().await;
}

/// Commands one after the other until LOGOUT. What is pipelined waits in the connection's buffer, and the answers to it
/// leave together.
async fn converse(session: &mut Session, shutdown: &CancellationToken) -> Result<(), Failure> {
    greet(session);
    let mut state = State::NotAuthenticated;
    let mut errors = 0;
    loop {
        // Before the select: a write that is dropped half done would spoil the BYE. The framer sends the rest.
        if session.connection.buffered().is_empty() || !session.notices.is_empty() {
            session.flush().await?;
        }
        if session.enabled.watch.is_some() && session.connection.buffered().is_empty() {
            // Boxed, like everything that a session which idles must not carry.
            Box::pin(notify::until_command(session, &mut state, shutdown)).await?;
        }
        let frame = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Err(Failure::Bye("Server is shutting down")),
            frame = next(session) => frame,
        };
        let answered = match frame {
            Ok(Frame::Command(command)) => dispatch::run(session, &mut state, command, None, shutdown).await?,
            Ok(Frame::Append(command, message)) => {
                dispatch::run(session, &mut state, command, Some(message), shutdown).await?
            }
            Ok(Frame::Invalid(error)) => refuse(session, &mut state, error)?,
            Err(ReadError::LineTooLong) => {
                session.answer(None, &Answer::bad("Command too long"));
                AnswerKind::Bad
            }
            Err(error) => return Err(error.into()),
        };
        errors = match answered {
            AnswerKind::Bad => errors + 1,
            _ => 0,
        };
        match &state {
            State::Logout => return Ok(session.flush().await?),
            State::StartTls => {
                start_tls(session).await?;
                state = State::NotAuthenticated;
            }
            // RFC 2180 §3.3. In another session's DELETE the mailbox went away; a client that waits for news of it would
            // wait for ever, and its sequence numbers mean nothing.
            State::Selected(_, selected) if selected.view.is_deleted() => {
                return Err(Failure::Bye("The selected mailbox was deleted"));
            }
            _ if session.compressed.is_some() != session.connection.is_compressed() => {
                session.flush().await?;
                session.connection.compress(session.compressed.is_some());
            }
            _ if errors >= session.imap.config.imap.max_errors => {
                return Err(Failure::Bye("Too many commands that are none"));
            }
            _ => {}
        }
    }
}

/// RFC 9051 §7.1.1; the capabilities spare the client a command.
fn greet(session: &mut Session) {
    let capabilities = session.capabilities();
    let host = &session.imap.config.hostname;
    session.output.line(format_args!(
        "* OK [CAPABILITY {capabilities}] {host} IMAP server ready"
    ));
}

async fn next(session: &mut Session) -> Result<Frame, ReadError> {
    let bounds = session.bounds();
    session
        .framer
        .next(
            &mut session.connection,
            &mut session.output,
            bounds,
            session.enabled.dialect,
        )
        .await
}

fn refuse(session: &mut Session, state: &mut State, error: ParseError) -> Result<AnswerKind, Failure> {
    if let (State::Selected(_, selected), ParseError::BadCharset { saving: true, .. }) = (state, &error) {
        selected.saved = UidSet::new();
    }
    let tag = match &error {
        ParseError::Bad { tag, .. } => tag.clone(),
        ParseError::BadCharset { tag, .. } | ParseError::UseAttribute { tag } => Some(tag.clone()),
        ParseError::Hopeless { .. } => None,
    };
    match Failure::from(error) {
        Failure::Answer(answer) => {
            session.answer(tag.as_deref(), &answer);
            Ok(answer.kind)
        }
        failure => Err(failure),
    }
}

/// The handshake behind the OK of STARTTLS. Nothing of what came before it is remembered (RFC 9051 §6.2.1).
async fn start_tls(session: &mut Session) -> Result<(), Failure> {
    session.flush().await?;
    let timeout = session.bounds().timeout;
    Box::pin(session.connection.start_tls(timeout)).await?;
    session.framer = super::framer::Framer::new();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::commands::idle::idle;
    use crate::imap::session::{Login, Selected};

    fn size_of_future<A, B, F>(_: impl Fn(A, B) -> F) -> usize {
        size_of::<F>()
    }

    /// Ten thousand clients idle at the same time: what a session carries is this and a few buffers. The futures of other
    /// commands are on the heap while they run.
    #[test]
    fn a_session_that_idles_is_small() {
        let life = size_of_future(live);
        let idling = size_of_future(
            |session: &'static mut Session, (login, selected): (&'static Login, Option<&'static mut Selected>)| {
                idle(session, login, selected, Box::leak(Box::new(CancellationToken::new())))
            },
        );
        assert!(life <= 3072 && idling <= 1024, "{life} and {idling} octets");
    }
}
