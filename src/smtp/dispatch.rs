//! Which command is legal when, in one table, and who runs it.

use super::Role;
use super::commands::{auth, bdat, data, ehlo, help, mail, noop, quit, rcpt, rset, starttls, vrfy};
use super::reply::Reply;
use super::request::{Request, is_bdat};
use super::session::{COMMAND_LINE, End, Session, State};

/// Runs the command on this line. No reply: the command has answered itself.
pub(crate) async fn dispatch(session: &mut Session, line: &[u8]) -> Result<Option<Reply>, End> {
    let parsed = match std::str::from_utf8(line) {
        Err(_) => Err(Reply::NOT_UTF8),
        Ok(line) if line.len() > COMMAND_LINE && !is_auth(line) => Err(Reply::LINE_TOO_LONG),
        Ok(line) => Request::parse(line),
    };
    let request = match parsed {
        Ok(request) => request,
        Err(reply) => return Ok(Some(refuse(line, reply))),
    };
    let verb = request.verb();
    if let Err(reply) = legal(&session.state, &request) {
        tracing::debug!(verb, code = reply.code(), "command refused");
        // RFC 3030 §2: its chunk comes all the same.
        if let Request::Bdat(size, _) = request {
            bdat::discard(session, size).await?;
        }
        return Ok(Some(reply));
    }
    let reply = match request {
        Request::Ehlo(name) => ehlo::run(session, name, true),
        Request::Helo(name) => ehlo::run(session, name, false),
        Request::Lhlo(name) => ehlo::run(session, name, true),
        Request::Mail(path, parameters) => mail::run(session, path, parameters).await,
        Request::Rcpt(path, parameters) => rcpt::run(session, path, parameters).await,
        Request::Data => data::run(session).await?,
        Request::Bdat(size, last) => bdat::run(session, size, last).await?,
        Request::Rset => rset::run(&mut session.state),
        Request::Noop => noop::run(),
        Request::Vrfy => vrfy::run(),
        Request::Help => help::run(session.state.role),
        Request::Quit => quit::run(),
        Request::Auth(mechanism, initial) => auth::run(session, mechanism, initial).await?,
        Request::StartTls => return starttls::run(session).await,
        Request::NotImplemented => Reply::NOT_IMPLEMENTED,
    };
    tracing::debug!(verb, code = reply.code(), "command");
    Ok(Some(reply))
}

/// The reply to a line that is no command. What follows a BDAT that cannot be read is perhaps a chunk, which must never be
/// taken for commands: there the session ends.
pub(crate) fn refuse(line: &[u8], reply: Reply) -> Reply {
    tracing::debug!(code = reply.code(), "no command");
    match is_bdat(line) {
        true => Reply::LOST_CHUNK,
        false => reply,
    }
}

/// The table (RFC 5321 §4.1.4; RFC 6409 §4.3 and RFC 4954 §6 for the submission ports).
fn legal(state: &State, request: &Request<'_>) -> Result<(), Reply> {
    match request {
        // RFC 2033 §4.1: LMTP has a greeting of its own, so that neither protocol is taken for the other.
        Request::Ehlo(_) | Request::Helo(_) if state.role == Role::Lmtp => Err(Reply::SAY_LHLO),
        Request::Lhlo(_) if state.role != Role::Lmtp => Err(Reply::NOT_IMPLEMENTED),
        Request::Ehlo(_)
        | Request::Helo(_)
        | Request::Lhlo(_)
        | Request::Noop
        | Request::Rset
        | Request::Help
        | Request::Quit
        | Request::StartTls
        | Request::NotImplemented => Ok(()),
        // VRFY needs no greeting (RFC 5321 §4.1.4), but strangers learn nothing on a submission port.
        Request::Vrfy => logged_in(state),
        Request::Auth(..) => greeted(state).and(outside_transaction(state)),
        Request::Mail(..) => greeted(state).and(logged_in(state)).and(outside_transaction(state)),
        Request::Rcpt(..) => greeted(state)
            .and(logged_in(state))
            .and(in_transaction(state))
            .and(before_chunks(state)),
        Request::Data => greeted(state)
            .and(logged_in(state))
            .and(in_transaction(state))
            .and(before_chunks(state))
            .and(of_lines(state)),
        Request::Bdat(..) => greeted(state).and(logged_in(state)).and(in_transaction(state)),
    }
}

fn greeted(state: &State) -> Result<(), Reply> {
    match (&state.hello, state.role) {
        (Some(_), _) => Ok(()),
        (None, Role::Receive | Role::Submission) => Err(Reply::SAY_HELLO),
        (None, Role::Lmtp) => Err(Reply::new(503, "5.5.1", "Send LHLO first")),
    }
}

fn logged_in(state: &State) -> Result<(), Reply> {
    match (state.role, &state.account) {
        (Role::Receive | Role::Lmtp, _) | (_, Some(_)) => Ok(()),
        (Role::Submission, None) if state.needs_tls() => Err(Reply::NEEDS_TLS),
        (Role::Submission, None) => Err(Reply::NEEDS_LOGIN),
    }
}

fn in_transaction(state: &State) -> Result<(), Reply> {
    state.tx.as_ref().map(|_| ()).ok_or(Reply::SAY_MAIL)
}

/// RFC 3030 §2: a message comes by BDAT or by DATA, and its recipients come before it.
fn before_chunks(state: &State) -> Result<(), Reply> {
    match state.tx.as_ref().and_then(|tx| tx.chunks.as_ref()) {
        None => Ok(()),
        Some(_) => Err(Reply::MIXED),
    }
}

/// RFC 3030 §3: what is binary has no lines, and none with only a dot.
fn of_lines(state: &State) -> Result<(), Reply> {
    match state.tx.as_ref().is_some_and(|tx| tx.binary) {
        true => Err(Reply::NEEDS_BDAT),
        false => Ok(()),
    }
}

fn outside_transaction(state: &State) -> Result<(), Reply> {
    match state.tx {
        None => Ok(()),
        Some(_) => Err(Reply::NOT_NOW),
    }
}

/// Whether the line may be as long as RFC 4954 §4 allows.
fn is_auth(line: &str) -> bool {
    line.get(..5).is_some_and(|verb| verb.eq_ignore_ascii_case("AUTH "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Account;
    use crate::mail::address::Address;
    use crate::mail::envelope::{Envelope, ReversePath};
    use crate::mail::ids::AccountId;
    use crate::smtp::request::{Parameters, RcptParameters};
    use crate::smtp::session::{Hello, Transaction};

    fn state(role: Role, tls: bool) -> State {
        State {
            tls,
            ..State::new(role)
        }
    }

    fn greeted(mut state: State) -> State {
        state.hello = Some(Hello {
            name: "client.example".to_owned(),
            extended: true,
        });
        state
    }

    fn logged_in(mut state: State) -> State {
        state.account = Some(Account {
            id: AccountId(1),
            address: Address::parse("alice@example.org").unwrap(),
        });
        state
    }

    fn in_transaction(mut state: State) -> State {
        state.tx = Some(Transaction {
            envelope: Envelope::new(ReversePath::Null),
            routes: Vec::new(),
            binary: false,
            chunks: None,
            waiting: None,
            inquiry: None,
        });
        state
    }

    /// 0 stands for legal.
    #[test]
    fn which_command_is_legal_when() {
        use Role::{Receive, Submission};
        let columns = [
            state(Receive, false),
            greeted(state(Receive, false)),
            in_transaction(greeted(state(Receive, false))),
            state(Submission, false),
            greeted(state(Submission, false)),
            greeted(state(Submission, true)),
            logged_in(greeted(state(Submission, true))),
            in_transaction(logged_in(greeted(state(Submission, true)))),
        ];
        let mail = Request::Mail("", Parameters::NONE);
        for (request, row) in [
            (Request::Ehlo("x"), [0; 8]),
            (Request::Helo("x"), [0; 8]),
            (Request::Lhlo("x"), [502; 8]),
            (Request::Noop, [0; 8]),
            (Request::Rset, [0; 8]),
            (Request::Help, [0; 8]),
            (Request::Quit, [0; 8]),
            (Request::StartTls, [0; 8]),
            (Request::NotImplemented, [0; 8]),
            (Request::Vrfy, [0, 0, 0, 530, 530, 530, 0, 0]),
            (Request::Auth("PLAIN", None), [503, 0, 503, 503, 0, 0, 0, 503]),
            (mail, [503, 0, 503, 503, 530, 530, 0, 503]),
            (
                Request::Rcpt("a@b", RcptParameters::default()),
                [503, 503, 0, 503, 530, 530, 503, 0],
            ),
            (Request::Data, [503, 503, 0, 503, 530, 530, 503, 0]),
            (Request::Bdat(1, true), [503, 503, 0, 503, 530, 530, 503, 0]),
        ] {
            let codes = columns
                .each_ref()
                .map(|state| legal(state, &request).map_or_else(|reply| reply.code(), |()| 0));
            assert_eq!(codes, row, "{request:?}");
        }
        let lmtp = state(Role::Lmtp, false);
        assert_eq!(legal(&lmtp, &Request::Lhlo("x")), Ok(()));
        assert_eq!(legal(&lmtp, &Request::Ehlo("x")), Err(Reply::SAY_LHLO));
        assert_eq!(legal(&lmtp, &Request::Helo("x")), Err(Reply::SAY_LHLO));
        assert_eq!(legal(&columns[4], &Request::Data), Err(Reply::NEEDS_TLS));
        assert_eq!(legal(&columns[5], &Request::Data), Err(Reply::NEEDS_LOGIN));
    }
}
