//! IDLE (RFC 2177, RFC 9051 §6.3.13).
//!
//! A client that idles is never logged out by us: its connection is probed at the TCP level, and each heartbeat must be
//! taken within the write timeout, which finds out the dead.

use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::notify;
use crate::imap::session::{Login, Selected, Session};
use crate::imap::updates;
use crate::net::connection::{LineEnd, ReadError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The longest line read while we wait for `DONE`.
const MAX_LINE: usize = 64;

/// As good as for ever.
const NO_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 3600);

enum Event {
    Line(Result<LineEnd, ReadError>),
    Changed,
    Heartbeat,
    Shutdown,
}

/// Tells what happens in the selected mailbox, if there is one, the moment it happens, until the client says `DONE`. Of
/// other mailboxes, and of which there are, nothing is told but what NOTIFY asked for (RFC 5465 §3.1).
pub(crate) async fn idle(
    session: &mut Session,
    login: &Login,
    mut selected: Option<&mut Selected>,
    shutdown: &CancellationToken,
) -> Outcome {
    session.output.line(format_args!("+ idling"));
    let heartbeat = session.imap.config.imap.heartbeat.get();
    let mut next_heartbeat = Instant::now() + heartbeat;
    let mut line = Vec::new();
    loop {
        if let Some(selected) = &mut selected {
            updates::news(session, selected, true).await?;
            if selected.view.is_deleted() {
                return Err(Failure::Bye("The selected mailbox was deleted"));
            }
        }
        notify::tell(session, login, selected.as_deref()).await?;
        session.flush().await?;
        session.connection.rest();
        let event = tokio::select! {
            read = session.connection.read_line(&mut line, MAX_LINE, NO_TIMEOUT) => Event::Line(read),
            () = notify::changed(&mut session.enabled, &mut selected) => Event::Changed,
            () = tokio::time::sleep_until(next_heartbeat) => Event::Heartbeat,
            () = shutdown.cancelled() => Event::Shutdown,
        };
        match event {
            Event::Changed => {}
            Event::Heartbeat => {
                session.output.line(format_args!("* OK Still here"));
                next_heartbeat = Instant::now() + heartbeat;
            }
            Event::Shutdown => return Err(Failure::Bye("Server is shutting down")),
            Event::Line(Ok(_)) if line.eq_ignore_ascii_case(b"DONE") => return Ok(Answer::ok("IDLE completed")),
            Event::Line(Ok(_) | Err(ReadError::LineTooLong)) => return Ok(Answer::bad("Expected DONE")),
            Event::Line(Err(error)) => return Err(error.into()),
        }
    }
}
