//! LISTSCRIPTS and GETSCRIPT (RFC 5804 §2.7, §2.9).

use crate::mail::script_name::ScriptName;
use crate::managesieve::reply::{Reply, string};
use crate::managesieve::session::{Login, Session};

/// A line for each script.
pub(in crate::managesieve) async fn list_scripts(session: &mut Session, login: &Login) -> Reply {
    let scripts = match login.scripts.list().await {
        Ok(scripts) => scripts,
        Err(error) => return error.into(),
    };
    for script in scripts {
        let name = string(script.name.as_str());
        match script.active {
            true => session.line(&format!("{name} ACTIVE")),
            false => session.line(&name),
        }
    }
    Reply::ok("These are all scripts")
}

/// The text, as it was stored.
pub(in crate::managesieve) async fn get_script(session: &mut Session, login: &Login, name: &ScriptName) -> Reply {
    match login.scripts.get(name).await {
        Ok(Ok(text)) => {
            session.line(&format!("{{{}}}", text.len()));
            session.output.extend_from_slice(&text);
            session.line("");
            Reply::ok("This is the script")
        }
        Ok(Err(error)) => error.into(),
        Err(error) => error.into(),
    }
}
