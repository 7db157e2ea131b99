//! EHLO and HELO (RFC 5321 §4.1.1.1). Their replies carry no enhanced status codes (RFC 2034 §4).

use crate::smtp::Role;
use crate::smtp::extension::Extension;
use crate::smtp::reply::Reply;
use crate::smtp::session::{Hello, Session};

/// The longest name taken (RFC 5321 §4.5.3.1.2).
const NAME_LIMIT: usize = 255;

/// Says who we are and what we offer; whatever was under way is over (RFC 5321 §4.1.4).
pub(crate) fn run(session: &mut Session, name: &str, extended: bool) -> Reply {
    let name = match check(name) {
        Ok(name) => name,
        Err(reply) => return reply,
    };
    let state = &mut session.state;
    state.tx = None;
    state.hello = Some(Hello { name, extended });
    if state.role == Role::Receive && session.visit.is_none() {
        session.visit = session.smtp.origin.visit(session.connection.peer().ip());
    }
    let config = &session.smtp.config;
    let greeting = Reply::made(250, "", config.hostname.clone());
    match extended {
        true => Extension::lines(&session.state, &config.smtp).fold(greeting, Reply::and),
        false => greeting,
    }
}

/// Takes any name made of the characters of domains and address literals, and underscores, which are seen. Whether it is
/// true is nobody's business here: mail may not be refused for it (RFC 5321 §4.1.4). It goes into Received, so it may hold
/// nothing that means something there.
fn check(name: &str) -> Result<String, Reply> {
    let fits = (1..=NAME_LIMIT).contains(&name.len());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    if fits && name.bytes().all(plain) {
        Ok(name.to_owned())
    } else {
        Err(Reply::new(501, "", "Syntax: EHLO domain or address literal"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_as_they_come_but_for_what_could_forge_a_trace() {
        for good in [
            "a",
            "mail.example.org",
            "[192.0.2.1]",
            "[IPv6:2001:db8::1]",
            "DESKTOP_7",
            "localhost.",
        ] {
            assert_eq!(check(good).as_deref(), Ok(good));
        }
        let long = "a".repeat(256);
        for bad in [
            "",
            "a b",
            "a(b)",
            "a;b",
            "a\tb",
            "a\r\nb",
            "<a>",
            "\"a\"",
            "a\\b",
            "b\u{fc}cher.example",
            &long,
        ] {
            assert_eq!(check(bad).map_err(|reply| reply.code()), Err(501), "{bad}");
        }
    }
}
