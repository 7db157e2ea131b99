//! STARTTLS (RFC 3207).

use crate::smtp::extension::Extension;
use crate::smtp::reply::Reply;
use crate::smtp::session::{End, Session, State};

/// Encrypts the connection. Then the session begins anew (RFC 3207 §4.2): nothing that was said in plain text counts, and
/// nothing that was sent in plain text behind the command is taken.
pub(crate) async fn run(session: &mut Session) -> Result<Option<Reply>, End> {
    if let Err(reply) = check(&session.state) {
        return Ok(Some(reply));
    }
    session
        .answer_now(&Reply::new(220, "2.0.0", "Ready to start TLS"))
        .await?;
    let timeout = session.timeout();
    if let Err(error) = session.connection.start_tls(timeout).await {
        tracing::info!(%error, "TLS handshake failed");
        return Err(End::Gone);
    }
    session.encrypted();
    Ok(None)
}

fn check(state: &State) -> Result<(), Reply> {
    if state.tls {
        Err(Reply::new(503, "5.5.1", "TLS is on already"))
    } else if Extension::StartTls.is_offered(state) {
        Ok(())
    } else {
        Err(Reply::NOT_IMPLEMENTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::Role;

    #[test]
    fn once_and_only_where_offered() {
        let mut state = State::new(Role::Receive);
        assert_eq!(check(&state).map_err(|reply| reply.code()), Err(502));
        state.can_start_tls = true;
        assert_eq!(check(&state), Ok(()));
        state.tls = true;
        assert_eq!(check(&state).map_err(|reply| reply.code()), Err(503));
    }
}
