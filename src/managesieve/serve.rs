//! The life of one connection: greeting, commands one after the other, goodbye.

use std::io;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::reply::{Reply, Status};
use super::request::{Request, RequestError};
use super::session::{ManageSieve, Session, State, WRITE_TIMEOUT};
use super::{commands, dispatch};
use crate::net::connection::{Connection, ReadError};

/// What a client is told when its address has no place left.
const TOO_MANY_CONNECTIONS: &[u8] = b"BYE (TRYLATER) \"Too many connections from your address\"\r\n";
/// Output beyond which pipelined commands wait until it was sent.
const OUTPUT: usize = 64 * 1024;

/// Serves one connection until it ends or `shutdown` is cancelled (then: BYE).
pub async fn serve(shared: Arc<ManageSieve>, mut connection: Connection, shutdown: CancellationToken) {
    let peer = connection.peer();
    let Some(_slot) = shared.accounts.connected(peer.ip()).await else {
        tracing::warn!(%peer, "connection refused: too many from one address");
        let _ = connection.write(TOO_MANY_CONNECTIONS, WRITE_TIMEOUT).await;
        return connection.close().await;
    };
    let span = tracing::info_span!("managesieve", %peer, account = tracing::field::Empty);
    let session = Session::new(shared, connection);
    Box::pin(live(session, shutdown).instrument(span)).await;
}

async fn live(mut session: Session, shutdown: CancellationToken) {
    let ended = converse(&mut session, &shutdown).await;
    if let Err(Some(bye)) = &ended {
        session.answer(bye);
        let _ = session.flush().await;
    }
    tracing::debug!("session ended");
    session.connection.close().await;
}

/// Until LOGOUT, or until there is nobody to talk to; with a goodbye if there is one to be said.
async fn converse(session: &mut Session, shutdown: &CancellationToken) -> Result<(), Option<Reply>> {
    commands::capability(session, None);
    let mut state = State::NotAuthenticated;
    let mut errors = 0;
    loop {
        if session.connection.buffered().is_empty() || session.output.len() > OUTPUT {
            session.flush().await.map_err(gone)?;
        }
        let bounds = session.bounds();
        let request = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Err(Some(Reply::bye("Server is shutting down").code("TRYLATER"))),
            request = Request::read(&mut session.connection, bounds) => request,
        };
        let reply = match request {
            Ok(request) => dispatch::run(session, &mut state, request).await.map_err(end)?,
            Err(RequestError::Bad(text)) => Reply::bad(text),
            Err(RequestError::TooLarge) => Reply::no("That is too large").code("QUOTA/MAXSIZE"),
            Err(RequestError::Hopeless) => return Err(Some(Reply::bye("That is far too large").code("QUOTA/MAXSIZE"))),
            Err(RequestError::Read(error)) => return Err(end(error)),
        };
        session.answer(&reply);
        errors = match reply.status {
            Status::Bad => errors + 1,
            _ => 0,
        };
        match &state {
            _ if reply.status == Status::Bye => return session.flush().await.map_err(gone),
            State::Logout => return session.flush().await.map_err(gone),
            State::StartTls => {
                start_tls(session).await.map_err(gone)?;
                state = State::NotAuthenticated;
            }
            _ if errors >= session.settings().max_errors => {
                return Err(Some(Reply::bye("Too many commands that are none")));
            }
            _ => {}
        }
    }
}

/// The handshake behind the OK of STARTTLS, and the capabilities that hold then (RFC 5804 §2.2).
async fn start_tls(session: &mut Session) -> io::Result<()> {
    session.flush().await?;
    let timeout = session.bounds().timeout;
    Box::pin(session.connection.start_tls(timeout)).await?;
    commands::capability(session, None);
    Ok(())
}

/// What is said to a connection that ends so.
fn end(error: ReadError) -> Option<Reply> {
    match error {
        ReadError::TimedOut => Some(Reply::bye("You have said nothing for too long")),
        ReadError::Closed | ReadError::LineTooLong | ReadError::Io(_) => None,
    }
}

fn gone(_: io::Error) -> Option<Reply> {
    None
}
