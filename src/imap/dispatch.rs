//! Which command may be given in which state, and what every command has in common: CONDSTORE awareness before it, what
//! there is to tell and the tagged answer after it.

use super::answer::{Answer, AnswerKind, Failure, Outcome};
use super::command::{Command, CommandBody, FetchItem, SearchKey, SequenceSet, StatusItem};
use super::commands::*;
use super::framer::Literal;
use super::notify::tell_annotations;
use super::session::{Session, State};
use super::updates;
use crate::net::connection::ReadError;
use std::io;
use tokio_util::sync::CancellationToken;

/// Runs a command and writes all its answers; they leave when the client has pipelined nothing further. `message` is the
/// literal of APPEND, still on the wire.
pub(crate) async fn run(
    session: &mut Session,
    state: &mut State,
    command: Command,
    mut message: Option<Literal>,
    shutdown: &CancellationToken,
) -> Result<AnswerKind, Failure> {
    let Command { tag, body } = command;
    let expunge = may_expunge(&body);
    let removes = removes(&body);
    let answer = match session.off.behind(&body) {
        Some(name) => Answer::bad(&format!("{name} is switched off here")),
        None => {
            prepare(session, state, &body).await?;
            match execute(session, state, &tag, body, &mut message, shutdown).await {
                Err(Failure::Answer(answer)) => answer,
                outcome => outcome?,
            }
        }
    };
    if let Some(message) = message {
        Box::pin(refuse(session, message)).await?;
    }
    if let State::Selected(_, selected) = state {
        match removes {
            true => updates::tell(session, selected, expunge).await?,
            false => updates::news(session, selected, expunge).await?,
        }
        updates::hold_back(session, selected);
    }
    if session.enabled.annotations.is_some() {
        match state {
            State::Authenticated(login) => tell_annotations(session, login, None).await?,
            State::Selected(login, selected) => tell_annotations(session, login, Some(selected)).await?,
            _ => {}
        }
    }
    session.answer(Some(&tag), &answer);
    Ok(answer.kind)
}

/// Lets the message of an APPEND pass that was not taken. One that nobody would read to its end is the end.
async fn refuse(session: &mut Session, message: Literal) -> Result<(), Failure> {
    let bounds = session.bounds();
    let passed = session
        .framer
        .refuse(&mut session.connection, &mut session.output, bounds, message)
        .await;
    match passed {
        Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
            Err(Failure::Bye("A message too large to be skipped"))
        }
        passed => Ok(passed?),
    }
}

/// The table of states and commands (RFC 9051 §6). Futures are boxed, so that a session that idles carries that of IDLE
/// only.
async fn execute(
    session: &mut Session,
    state: &mut State,
    tag: &str,
    body: CommandBody,
    message: &mut Option<Literal>,
    shutdown: &CancellationToken,
) -> Outcome {
    use CommandBody as C;
    use State::{Authenticated, NotAuthenticated, Selected};
    if session.enabled.uid_only && counts(&body) {
        return Ok(Answer::bad("Messages are known by UID only").with_code("UIDREQUIRED".to_owned()));
    }
    match (&mut *state, body) {
        // §6.1: any state
        (_, C::Capability) => capability::capability(session),
        (_, C::Noop) => noop::noop(),
        (_, C::Logout) => logout::logout(session, state),
        (_, C::Id(fields)) => id::id(session, &fields),

        // §6.2: not authenticated
        (NotAuthenticated, C::StartTls) => starttls::starttls(session, state),
        (NotAuthenticated, C::Authenticate { mechanism, initial }) => {
            Box::pin(authenticate::authenticate(session, state, &mechanism, initial)).await
        }
        (NotAuthenticated, C::Login { user, password }) => {
            Box::pin(login::login(session, state, &user, &password)).await
        }
        (NotAuthenticated, _) => Ok(Answer::bad("Log in first")),
        (_, C::StartTls | C::Authenticate { .. } | C::Login { .. }) => Ok(Answer::bad("Already logged in")),

        // §6.3: authenticated, and selected as well
        (_, C::Unauthenticate) => unauthenticate::unauthenticate(session, state),
        (_, C::Compress) => compress::compress(session),
        (Authenticated(login) | Selected(login, _), C::Enable(names)) => enable::enable(session, login, &names),
        (_, C::Select { mailbox, parameters }) => {
            Box::pin(select::select(session, state, mailbox, &parameters, false)).await
        }
        (_, C::Examine { mailbox, parameters }) => {
            Box::pin(select::select(session, state, mailbox, &parameters, true)).await
        }
        (_, C::Delete { mailbox, supplied }) => Box::pin(delete::delete(session, state, mailbox, supplied)).await,
        (
            Authenticated(login) | Selected(login, _),
            C::Create {
                mailbox,
                supplied,
                special_use,
            },
        ) => Box::pin(create::create(session, login, mailbox, supplied, special_use)).await,
        (Authenticated(login) | Selected(login, _), C::Rename { from, to, supplied }) => {
            Box::pin(rename::rename(session, login, from, to, supplied)).await
        }
        (Authenticated(login) | Selected(login, _), C::Subscribe(mailbox)) => {
            Box::pin(subscribe::subscribe(login, mailbox)).await
        }
        (Authenticated(login) | Selected(login, _), C::Unsubscribe(mailbox)) => {
            Box::pin(unsubscribe::unsubscribe(login, mailbox)).await
        }
        (Authenticated(login) | Selected(login, _), C::List(asked)) => {
            Box::pin(list::list(session, login, &asked)).await
        }
        (Authenticated(login) | Selected(login, _), C::Lsub { reference, pattern }) => {
            Box::pin(lsub::lsub(session, login, &reference, &pattern)).await
        }
        (_, C::Namespace) => namespace::namespace(session),
        (Authenticated(login) | Selected(login, _), C::Status { mailbox, items }) => {
            Box::pin(status::status(session, login, mailbox, &items)).await
        }
        (Authenticated(login), C::Append { mailbox, pieces }) => {
            Box::pin(append::append(session, login, None, mailbox, pieces, message)).await
        }
        (Selected(login, selected), C::Append { mailbox, pieces }) => {
            Box::pin(append::append(session, login, Some(selected), mailbox, pieces, message)).await
        }
        (Authenticated(login) | Selected(login, _), C::GetQuota(root)) => {
            Box::pin(quota::get(session, login, &root)).await
        }
        (Authenticated(login) | Selected(login, _), C::GetQuotaRoot(mailbox)) => {
            Box::pin(quota::get_root(session, login, mailbox)).await
        }
        (Authenticated(login) | Selected(login, _), C::SetQuota { root, limits }) => {
            Box::pin(quota::set(session, login, &root, &limits)).await
        }
        (Authenticated(login) | Selected(login, _), C::GetAcl(mailbox)) => {
            Box::pin(acl::get(session, login, mailbox)).await
        }
        (Authenticated(login) | Selected(login, _), C::MyRights(mailbox)) => {
            Box::pin(acl::mine(session, login, mailbox)).await
        }
        (Authenticated(login) | Selected(login, _), C::ListRights { mailbox, identifier }) => {
            Box::pin(acl::list(session, login, mailbox, &identifier)).await
        }
        (
            Authenticated(login) | Selected(login, _),
            C::ChangeAcl {
                mailbox,
                identifier,
                change,
            },
        ) => Box::pin(acl::change(session, login, mailbox, &identifier, change)).await,
        (
            Authenticated(login) | Selected(login, _),
            C::GetMetadata {
                mailbox,
                entries,
                depth,
                max_size,
            },
        ) => Box::pin(metadata::get(session, login, mailbox, &entries, depth, max_size)).await,
        (Authenticated(login) | Selected(login, _), C::SetMetadata { mailbox, entries }) => {
            Box::pin(metadata::set(login, mailbox, entries)).await
        }
        (Authenticated(login), C::Notify(asked)) => Box::pin(notify::notify(session, login, None, asked)).await,
        (Selected(login, selected), C::Notify(asked)) => {
            Box::pin(notify::notify(session, login, Some(selected), asked)).await
        }
        (Authenticated(login), C::Idle) => Box::pin(idle::idle(session, login, None, shutdown)).await,
        (Selected(login, selected), C::Idle) => Box::pin(idle::idle(session, login, Some(selected), shutdown)).await,

        // §6.4: selected
        (Selected(login, selected), C::Check) => Box::pin(check::check(login, selected)).await,
        (Selected(..), C::Close) => Box::pin(close::close(session, state)).await,
        (Selected(..), C::Unselect) => unselect::unselect(state),
        (Selected(_, selected), C::Expunge) => Box::pin(expunge::expunge(session, selected)).await,
        (Selected(_, selected), C::UidExpunge(set)) => Box::pin(expunge::uid_expunge(session, selected, &set)).await,
        (Selected(_, selected), C::Search { uid, search }) => {
            Box::pin(search::search(session, selected, tag, uid, &search)).await
        }
        (Authenticated(login), C::Esearch { sources, search }) => {
            Box::pin(esearch::esearch(session, login, None, tag, &sources, &search)).await
        }
        (Selected(login, selected), C::Esearch { sources, search }) => {
            Box::pin(esearch::esearch(session, login, Some(selected), tag, &sources, &search)).await
        }
        (Selected(_, selected), C::CancelUpdate(tags)) => cancel_update::cancel_update(selected, &tags),
        (Selected(_, selected), C::Sort { uid, criteria, search }) => {
            Box::pin(sort::sort(session, selected, tag, uid, &criteria, &search)).await
        }
        (Selected(_, selected), C::Thread { uid, algorithm, search }) => {
            Box::pin(thread::thread(session, selected, tag, uid, algorithm, &search)).await
        }
        (
            Selected(_, selected),
            C::Fetch {
                uid,
                set,
                items,
                changed_since,
                vanished_since,
                partial,
            },
        ) => {
            let wanted = fetch::Wanted {
                items: &items,
                changed_since,
                vanished_since,
                partial,
            };
            Box::pin(fetch::fetch(session, selected, uid, &set, wanted)).await
        }
        (Selected(_, selected), C::Store(asked)) => Box::pin(store::store(session, selected, &asked)).await,
        (Selected(login, selected), C::Copy { uid, set, mailbox }) => {
            Box::pin(copy::copy(session, login, selected, uid, &set, &mailbox)).await
        }
        (Selected(login, selected), C::Move { uid, set, mailbox }) => {
            Box::pin(move_::move_(session, login, selected, uid, &set, &mailbox)).await
        }
        (Selected(login, selected), C::Replace(asked)) => {
            Box::pin(replace::replace(session, login, selected, asked, message)).await
        }
        (_, _) => Ok(Answer::bad("No mailbox is selected")),
    }
}

/// Whether EXPUNGE may be told with the answers to a command (RFC 9051 §7.5.1): not where the client may have numbers
/// under way that it counted before. UID SEARCH and its kin can have them among their keys (RFC 7162 §3.2.10.2).
fn may_expunge(body: &CommandBody) -> bool {
    match body {
        CommandBody::Fetch { uid, .. } | CommandBody::Store(super::command::Store { uid, .. }) => *uid,
        CommandBody::Search { uid, search }
        | CommandBody::Sort { uid, search, .. }
        | CommandBody::Thread { uid, search, .. } => {
            *uid && !search.key.any(&|key| matches!(key, SearchKey::Sequence(_)))
        }
        CommandBody::Esearch { search, .. } => !search.key.any(&|key| matches!(key, SearchKey::Sequence(_))),
        // Allowed, but Thunderbird asks for the quota between two looks at the mailbox, and an EXPUNGE there makes it give
        // the connection up.
        CommandBody::GetQuota(_) | CommandBody::GetQuotaRoot(_) => false,
        _ => true,
    }
}

/// Whether a command names messages by number, or is answered by such (RFC 9586 §3.2).
fn counts(body: &CommandBody) -> bool {
    match body {
        CommandBody::Fetch { uid, .. }
        | CommandBody::Store(super::command::Store { uid, .. })
        | CommandBody::Copy { uid, .. }
        | CommandBody::Move { uid, .. }
        | CommandBody::Replace(super::command::Replace { uid, .. }) => !uid,
        CommandBody::Search { uid, search }
        | CommandBody::Sort { uid, search, .. }
        | CommandBody::Thread { uid, search, .. } => {
            !uid || search
                .key
                .any(&|key| matches!(key, SearchKey::Sequence(SequenceSet::Ranges(_))))
        }
        CommandBody::Esearch { search, .. } => search
            .key
            .any(&|key| matches!(key, SearchKey::Sequence(SequenceSet::Ranges(_)))),
        CommandBody::Select { parameters, .. } | CommandBody::Examine { parameters, .. } => parameters
            .resync
            .as_ref()
            .is_some_and(|resync| resync.matched.is_some()),
        _ => false,
    }
}

/// Whether EXPUNGE is the answer to the command itself, whatever the client wants to hear (RFC 5465).
fn removes(body: &CommandBody) -> bool {
    matches!(
        body,
        CommandBody::Expunge | CommandBody::UidExpunge(_) | CommandBody::Move { .. }
    )
}

/// What comes before a command in a selected mailbox.
async fn prepare(session: &mut Session, state: &mut State, body: &CommandBody) -> Result<(), Failure> {
    let known = matches!(state, State::Authenticated(_) | State::Selected(..));
    let aware = known && !session.enabled.condstore && session.offers(enable::CONDSTORE) && enables_condstore(body);
    session.enabled.condstore |= aware;
    let State::Selected(_, selected) = state else {
        return Ok(());
    };
    updates::rights(session, selected)?;
    // A client may name a UID that it has learnt on another connection. So arrivals come first, or a MOVE of such a
    // message would say OK and do nothing.
    if names_uids(body) {
        updates::news(session, selected, false).await?;
    }
    // RFC 7162 §3.1. SELECT and EXAMINE tell it of the mailbox that they open.
    if aware && !matches!(body, CommandBody::Select { .. } | CommandBody::Examine { .. }) {
        let highest = selected.highest_mod_seq();
        session
            .output
            .line(format_args!("* OK [HIGHESTMODSEQ {highest}] Highest"));
    }
    Ok(())
}

/// The CONDSTORE-enabling commands (RFC 7162 §3.1) but for ENABLE, which looks at its own arguments.
fn enables_condstore(body: &CommandBody) -> bool {
    match body {
        CommandBody::Select { parameters, .. } | CommandBody::Examine { parameters, .. } => parameters.condstore,
        CommandBody::Enable(names) => names
            .iter()
            .any(|name| [enable::CONDSTORE, enable::QRESYNC].contains(&name.as_str())),
        CommandBody::Status { items, .. } => items.contains(&StatusItem::HighestModSeq),
        CommandBody::List(list) => list
            .return_status
            .as_ref()
            .is_some_and(|items| items.contains(&StatusItem::HighestModSeq)),
        CommandBody::Fetch {
            items, changed_since, ..
        } => changed_since.is_some() || items.contains(&FetchItem::ModSeq),
        CommandBody::Store(store) => store.unchanged_since.is_some(),
        CommandBody::Search { search, .. }
        | CommandBody::Esearch { search, .. }
        | CommandBody::Sort { search, .. }
        | CommandBody::Thread { search, .. } => search.key.any(&|key| matches!(key, SearchKey::ModSeq(_))),
        _ => false,
    }
}

fn names_uids(body: &CommandBody) -> bool {
    matches!(
        body,
        CommandBody::Fetch { uid: true, .. }
            | CommandBody::Copy { uid: true, .. }
            | CommandBody::Move { uid: true, .. }
            | CommandBody::Store(super::command::Store { uid: true, .. })
            | CommandBody::UidExpunge(_)
            | CommandBody::Replace(super::command::Replace { uid: true, .. })
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::command::{Search, SequenceBound, Store};
    use crate::mail::flags::FlagList;
    use crate::mailbox::FlagAction;

    fn commands(uid: bool) -> Vec<CommandBody> {
        let set = SequenceSet::Ranges(vec![(SequenceBound::Number(1), SequenceBound::Last)]);
        vec![
            CommandBody::Fetch {
                uid,
                set: set.clone(),
                items: vec![FetchItem::Flags],
                changed_since: None,
                vanished_since: None,
                partial: None,
            },
            CommandBody::Search {
                uid,
                search: Search {
                    returns: None,
                    charset: None,
                    key: SearchKey::All,
                },
            },
            CommandBody::Store(Store {
                uid,
                set,
                unchanged_since: None,
                action: FlagAction::Add,
                silent: false,
                flags: FlagList::default(),
            }),
        ]
    }

    #[test]
    fn numbers_under_way_forbid_expunge() {
        assert!(commands(false).iter().all(|body| !may_expunge(body)));
        assert!(commands(true).iter().all(may_expunge));
        assert!(may_expunge(&CommandBody::Noop) && may_expunge(&CommandBody::Idle));
    }

    #[test]
    fn mod_seq_anywhere_makes_a_client_aware() {
        let nested = SearchKey::Not(Box::new(SearchKey::And(vec![SearchKey::All, SearchKey::ModSeq(1)])));
        let body = CommandBody::Search {
            uid: true,
            search: Search {
                returns: None,
                charset: None,
                key: nested,
            },
        };
        assert!(enables_condstore(&body));
        assert!(commands(true).iter().all(|body| !enables_condstore(body)));
    }
}
