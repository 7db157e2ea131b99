//! LOGIN and AUTHENTICATE (RFC 9051 §6.2.2, §6.2.3).

use super::cursor::{Cursor, Fault, Parsed};
use crate::imap::command::CommandBody;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// LOGIN.
pub(super) fn login(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    cursor.space()?;
    let user = cursor.text("a user name")?;
    cursor.space()?;
    let password = cursor.text("a password")?;
    Ok(CommandBody::Login { user, password })
}

/// AUTHENTICATE, with the initial response of SASL-IR, if there is one: `=` is an empty one (RFC 4959 §3).
pub(super) fn authenticate(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    cursor.space()?;
    let mechanism = cursor.atom("the name of a mechanism")?.to_ascii_uppercase();
    let initial = if cursor.more() { Some(initial(cursor)?) } else { None };
    Ok(CommandBody::Authenticate { mechanism, initial })
}

fn initial(cursor: &mut Cursor<'_>) -> Parsed<Vec<u8>> {
    let start = cursor.position();
    match cursor.take_while(|byte| byte != b' ') {
        b"=" => Ok(Vec::new()),
        encoded => STANDARD
            .decode(encoded)
            .map_err(|_| Fault::bad("an initial response that is not base64", start)),
    }
}
