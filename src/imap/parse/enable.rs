//! ENABLE (RFC 5161, RFC 9051 §6.3.1).

use super::cursor::{Cursor, Fault, Parsed};
use crate::imap::command::CommandBody;

/// The most capabilities named at once.
const MAX_CAPABILITIES: usize = 100;

/// ENABLE: the names in upper case.
pub(super) fn enable(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    cursor.space()?;
    let mut names = vec![cursor.atom("a capability")?.to_ascii_uppercase()];
    while cursor.more() {
        if names.len() == MAX_CAPABILITIES {
            return Err(Fault::bad(
                format!("more than {MAX_CAPABILITIES} capabilities"),
                cursor.position(),
            ));
        }
        names.push(cursor.atom("a capability")?.to_ascii_uppercase());
    }
    Ok(CommandBody::Enable(names))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::parse::tests::{bad, same};

    #[test]
    fn capabilities() {
        same(
            &["ENABLE CONDSTORE UTF8=ACCEPT", "enable Condstore  utf8=accept "],
            &CommandBody::Enable(vec!["CONDSTORE".to_owned(), "UTF8=ACCEPT".to_owned()]),
        );
        let many = format!("ENABLE{}", " X".repeat(MAX_CAPABILITIES + 1));
        bad(&[
            ("ENABLE", "ENABLE: expected a space, at octet 9"),
            ("ENABLE ", "ENABLE: expected a capability, at octet 10"),
            ("ENABLE \"CONDSTORE\"", "ENABLE: expected a capability, at octet 10"),
            ("ENABLE A (B)", "ENABLE: expected a capability, at octet 12"),
            (&many, "ENABLE: more than 100 capabilities, at octet 210"),
        ]);
    }
}
