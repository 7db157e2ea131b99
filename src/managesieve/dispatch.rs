//! The table of states and commands (RFC 5804 §2).

use super::commands;
use super::reply::{Reply, string};
use super::request::{Argument, Request};
use super::session::{Session, State};
use crate::mail::script_name::ScriptName;
use crate::net::connection::ReadError;

/// Runs a command and returns its answer. What is not possible in a state is not looked at any further.
pub(super) async fn run(session: &mut Session, state: &mut State, request: Request) -> Result<Reply, ReadError> {
    let Request { name, arguments } = request;
    let arguments = arguments.as_slice();
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    Ok(match (name.as_str(), &mut *state, arguments) {
        ("CAPABILITY", _, []) => {
            let login = match state {
                State::Authenticated(login) => Some(&*login),
                _ => None,
            };
            return Ok(commands::capability_command(session, login));
        }
        ("NOOP", _, []) => Reply::ok("Done"),
        ("NOOP", _, [Argument::Text(tag)]) => match text(tag) {
            Some(tag) => Reply::ok("Done").code(&format!("TAG {}", string(&tag))),
            None => not_utf8(),
        },
        ("LOGOUT", _, []) => {
            *state = State::Logout;
            Reply::ok("Goodbye")
        }
        ("STARTTLS", State::NotAuthenticated, []) => commands::starttls(session, state),
        ("AUTHENTICATE", State::NotAuthenticated, [Argument::Text(mechanism), rest @ ..]) => {
            let mechanism = String::from_utf8_lossy(mechanism).into_owned();
            match rest {
                [] => commands::authenticate(session, state, &mechanism, None).await?,
                [Argument::Text(initial)] => commands::authenticate(session, state, &mechanism, Some(initial)).await?,
                _ => Reply::bad("AUTHENTICATE has a mechanism and perhaps an initial response"),
            }
        }
        ("UNAUTHENTICATE", State::Authenticated(_), []) => {
            *state = State::NotAuthenticated;
            session.begin_anew();
            tracing::info!("unauthenticated");
            Reply::ok("Log in again")
        }
        ("LISTSCRIPTS", State::Authenticated(login), []) => commands::list_scripts(session, login).await,
        ("HAVESPACE", State::Authenticated(login), [Argument::Text(name), Argument::Number(octets)]) => {
            match script_name(name) {
                Ok(name) => commands::have_space(session, login, &name, *octets).await,
                Err(reply) => reply,
            }
        }
        ("PUTSCRIPT", State::Authenticated(login), [Argument::Text(name), Argument::Text(script)]) => {
            match script_name(name) {
                Ok(name) => commands::put_script(session, login, &name, script.clone()).await,
                Err(reply) => reply,
            }
        }
        ("CHECKSCRIPT", State::Authenticated(_), [Argument::Text(script)]) => {
            commands::check_script(session, script.clone()).await
        }
        // The empty name: no script is active (RFC 5804 §2.8).
        ("SETACTIVE", State::Authenticated(login), [Argument::Text(name)]) if name.is_empty() => {
            commands::set_active(login, None).await
        }
        ("SETACTIVE", State::Authenticated(login), [Argument::Text(name)]) => match script_name(name) {
            Ok(name) => commands::set_active(login, Some(&name)).await,
            Err(reply) => reply,
        },
        ("GETSCRIPT", State::Authenticated(login), [Argument::Text(name)]) => match script_name(name) {
            Ok(name) => commands::get_script(session, login, &name).await,
            Err(reply) => reply,
        },
        ("DELETESCRIPT", State::Authenticated(login), [Argument::Text(name)]) => match script_name(name) {
            Ok(name) => commands::delete_script(login, &name).await,
            Err(reply) => reply,
        },
        ("RENAMESCRIPT", State::Authenticated(login), [Argument::Text(from), Argument::Text(to)]) => {
            match (script_name(from), script_name(to)) {
                (Ok(from), Ok(to)) => commands::rename_script(login, &from, &to).await,
                (Err(reply), _) | (_, Err(reply)) => reply,
            }
        }
        (name, state, _) => wrong(name, state),
    })
}

/// Why a command is none, or none now.
fn wrong(name: &str, state: &State) -> Reply {
    let logged_in = matches!(state, State::Authenticated(_));
    match name {
        "STARTTLS" | "AUTHENTICATE" if logged_in => Reply::bad("You are logged in already"),
        "UNAUTHENTICATE" | "LISTSCRIPTS" | "HAVESPACE" | "PUTSCRIPT" | "CHECKSCRIPT" | "SETACTIVE" | "GETSCRIPT"
        | "DELETESCRIPT" | "RENAMESCRIPT"
            if !logged_in =>
        {
            Reply::bad("Log in first")
        }
        "CAPABILITY" | "NOOP" | "LOGOUT" | "STARTTLS" | "AUTHENTICATE" | "UNAUTHENTICATE" | "LISTSCRIPTS"
        | "HAVESPACE" | "PUTSCRIPT" | "CHECKSCRIPT" | "SETACTIVE" | "GETSCRIPT" | "DELETESCRIPT" | "RENAMESCRIPT" => {
            Reply::bad("These are not the arguments of that command")
        }
        _ => Reply::bad("There is no such command"),
    }
}

/// A script's name, unless none can be called so.
fn script_name(name: &[u8]) -> Result<ScriptName, Reply> {
    let text = std::str::from_utf8(name).map_err(|_| not_utf8())?;
    ScriptName::new(text).ok_or_else(|| Reply::no("No script can have that name"))
}

fn not_utf8() -> Reply {
    Reply::no("Strings are in UTF-8")
}
