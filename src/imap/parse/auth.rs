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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::parse::tests::{bad, same};

    #[test]
    fn initial_responses() {
        let plain = |initial: Option<&[u8]>| CommandBody::Authenticate {
            mechanism: "PLAIN".to_owned(),
            initial: initial.map(<[u8]>::to_vec),
        };
        same(&["AUTHENTICATE PLAIN", "authenticate plain "], &plain(None));
        same(&["AUTHENTICATE PLAIN ="], &plain(Some(b"")));
        same(
            &["AUTHENTICATE PLAIN AGEAYg==", "Authenticate Plain  AGEAYg== "],
            &plain(Some(b"\0a\0b")),
        );
        bad(&[
            ("AUTHENTICATE", "AUTHENTICATE: expected a space, at octet 15"),
            (
                "AUTHENTICATE \"PLAIN\"",
                "AUTHENTICATE: expected the name of a mechanism, at octet 16",
            ),
            (
                "AUTHENTICATE PLAIN AGEAYg",
                "AUTHENTICATE: an initial response that is not base64, at octet 22",
            ),
            (
                "AUTHENTICATE PLAIN AGE*",
                "AUTHENTICATE: an initial response that is not base64, at octet 22",
            ),
            (
                "AUTHENTICATE PLAIN ==",
                "AUTHENTICATE: an initial response that is not base64, at octet 22",
            ),
            (
                "AUTHENTICATE PLAIN = =",
                "AUTHENTICATE: expected the end of the command, at octet 24",
            ),
        ]);
    }
}
