//! PUTSCRIPT, CHECKSCRIPT and HAVESPACE (RFC 5804 §2.5, §2.6, §2.12): what may be stored, and storing it.

use crate::mail::script_name::ScriptName;
use crate::managesieve::reply::{Reply, Status};
use crate::managesieve::session::{Login, Session};
use crate::sieve::{Problem, Script};

/// Stores a script that compiles, in place of one of that name, active or not.
pub(in crate::managesieve) async fn put_script(
    session: &Session,
    login: &Login,
    name: &ScriptName,
    text: Vec<u8>,
) -> Reply {
    let warnings = match compile(text.clone()).await {
        Ok(warnings) => warnings,
        Err(reply) => return reply,
    };
    match login.scripts.put(name, text, session.quota()).await {
        Ok(Ok(())) => {
            tracing::info!(script = %name, "script stored");
            fine(&warnings)
        }
        Ok(Err(error)) => error.into(),
        Err(error) => error.into(),
    }
}

/// Only tells what PUTSCRIPT would say of the script.
pub(in crate::managesieve) async fn check_script(session: &Session, text: Vec<u8>) -> Reply {
    if text.len() as u64 > session.quota().octets {
        return crate::mailbox::ScriptError::TooLarge.into();
    }
    match compile(text).await {
        Ok(warnings) => fine(&warnings),
        Err(reply) => reply,
    }
}

/// Only tells whether there is room.
pub(in crate::managesieve) async fn have_space(
    session: &Session,
    login: &Login,
    name: &ScriptName,
    octets: u64,
) -> Reply {
    match login.scripts.has_room(name, octets, session.quota()).await {
        Ok(Ok(())) => Reply::ok("There is room"),
        Ok(Err(error)) => error.into(),
        Err(error) => error.into(),
    }
}

/// The warnings of a script that compiles. A large one takes a moment.
pub(super) async fn compile(text: Vec<u8>) -> Result<Vec<Problem>, Reply> {
    let compiled = tokio::task::spawn_blocking(move || match Script::compile(&text) {
        Ok(script) => Ok(script.warnings().to_vec()),
        Err(problems) => Err(problems),
    });
    match compiled.await {
        Ok(Ok(warnings)) => Ok(warnings),
        Ok(Err(problems)) => Err(Reply::problems(Status::No, &problems)),
        Err(_) => Err(Reply::no("The script cannot be checked now").code("TRYLATER")),
    }
}

fn fine(warnings: &[Problem]) -> Reply {
    match warnings {
        [] => Reply::ok("The script is in order"),
        some => Reply::problems(Status::Ok, some).code("WARNINGS"),
    }
}
