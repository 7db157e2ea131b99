//! SETACTIVE, DELETESCRIPT and RENAMESCRIPT (RFC 5804 §2.8, §2.10, §2.11).

use super::put_script::compile;
use crate::mail::script_name::ScriptName;
use crate::mailbox::{self, ScriptError};
use crate::managesieve::reply::Reply;
use crate::managesieve::session::Login;

/// Makes a script the one that is run, or none. One that somebody has broken by hand is not taken.
pub(in crate::managesieve) async fn set_active(login: &Login, name: Option<&ScriptName>) -> Reply {
    if let Some(name) = name {
        let text = match login.scripts.get(name).await {
            Ok(Ok(text)) => text,
            Ok(Err(error)) => return error.into(),
            Err(error) => return error.into(),
        };
        if let Err(reply) = compile(text).await {
            return reply;
        }
    }
    let active = login.scripts.activate(name).await;
    match name {
        Some(name) => answer(active, "script activated", name, "The script is active"),
        None => match active {
            Ok(_) => Reply::ok("No script is active"),
            Err(error) => error.into(),
        },
    }
}

/// Deletes a script that is not active.
pub(in crate::managesieve) async fn delete_script(login: &Login, name: &ScriptName) -> Reply {
    let deleted = login.scripts.delete(name).await;
    answer(deleted, "script deleted", name, "The script is deleted")
}

/// Gives a script another name.
pub(in crate::managesieve) async fn rename_script(login: &Login, from: &ScriptName, to: &ScriptName) -> Reply {
    let renamed = login.scripts.rename(from, to).await;
    answer(renamed, "script renamed", from, "The script is renamed")
}

fn answer(changed: mailbox::Result<Result<(), ScriptError>>, what: &str, name: &ScriptName, text: &str) -> Reply {
    match changed {
        Ok(Ok(())) => {
            tracing::info!(script = %name, "{what}");
            Reply::ok(text)
        }
        Ok(Err(error)) => error.into(),
        Err(error) => error.into(),
    }
}
