//! CAPABILITY (RFC 5804 §1.7, §2.4), which is the greeting as well.

use crate::managesieve::reply::{Reply, string};
use crate::managesieve::session::{Login, Session};
use crate::sieve;

/// Says what this server can do now, with an OK behind it.
pub(in crate::managesieve) fn capability(session: &mut Session, login: Option<&Login>) {
    let reply = capability_command(session, login);
    session.answer(&reply);
}

/// The same without the OK, which is the answer to the command.
pub(in crate::managesieve) fn capability_command(session: &mut Session, login: Option<&Login>) -> Reply {
    let mechanisms: Vec<&str> = session.mechanisms().iter().map(|mechanism| mechanism.name()).collect();
    session.line("\"IMPLEMENTATION\" \"Posthaste\"");
    let line = format!("\"SIEVE\" {}", string(&sieve::CAPABILITIES.join(" ")));
    session.line(&line);
    let line = format!("\"SASL\" {}", string(&mechanisms.join(" ")));
    session.line(&line);
    if session.connection.can_start_tls() {
        session.line("\"STARTTLS\"");
    }
    let line = format!("\"MAXREDIRECTS\" \"{}\"", sieve::limits::REDIRECTS);
    session.line(&line);
    session.line("\"UNAUTHENTICATE\"");
    if let Some(login) = login {
        let line = format!("\"OWNER\" {}", string(&login.account.address.to_string()));
        session.line(&line);
    }
    session.line("\"VERSION\" \"1.0\"");
    Reply::ok("ManageSieve server ready")
}
