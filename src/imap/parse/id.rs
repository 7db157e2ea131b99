//! ID (RFC 2971).

use super::cursor::{Cursor, Parsed};
use crate::imap::command::CommandBody;
use std::borrow::Cow;

/// The most fields that a client may send (RFC 2971 §3.3).
const MAX_FIELDS: usize = 30;

/// ID: what the client says of itself, which may be nothing. Only ever looked at by people, so that octets that are not
/// UTF-8 are replaced rather than refused: some clients give up when ID fails.
pub(super) fn id(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    cursor.space()?;
    if cursor.keyword("NIL") {
        return Ok(CommandBody::Id(Vec::new()));
    }
    let fields = cursor.list(0..=MAX_FIELDS, |cursor| {
        let name = readable(cursor.astring("the name of a field")?);
        cursor.space()?;
        Ok((name, cursor.nstring("a string or NIL")?.map(readable)))
    })?;
    Ok(CommandBody::Id(fields))
}

fn readable(octets: Cow<'_, [u8]>) -> String {
    String::from_utf8_lossy(&octets).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::dialect::Dialect;
    use crate::imap::parse::tests::{bad, body, same};

    #[test]
    fn fields() {
        same(&["ID NIL", "id nil ", "ID ()", "ID ( )"], &CommandBody::Id(Vec::new()));
        same(
            &[
                "ID (\"name\" \"a b\" \"os\" NIL)",
                "ID ({4}\r\nname \"a b\" os nil)",
                "ID ( \"name\"  {3+}\r\na b \"os\" NIL )",
            ],
            &CommandBody::Id(vec![
                ("name".to_owned(), Some("a b".to_owned())),
                ("os".to_owned(), None),
            ]),
        );
        let latin1 = super::super::command(b"t ID (\"name\" \"M\xfcll\")", Dialect::Rev1)
            .unwrap()
            .body;
        assert_eq!(latin1, body("ID (\"name\" \"M\u{fffd}ll\")"));
        let many = format!("ID ({}a b)", "a \"b\" ".repeat(MAX_FIELDS));
        bad(&[
            ("ID", "ID: expected a space, at octet 5"),
            ("ID \"name\"", "ID: expected a parenthesis, at octet 6"),
            ("ID (\"name\")", "ID: expected a space, at octet 13"),
            ("ID (\"name\" x)", "ID: expected a string or NIL, at octet 14"),
            (
                "ID (\"name\" \"x\"",
                "ID: expected a space or a closing parenthesis, at octet 17",
            ),
            (
                "ID (\"name\" \"x\"\"os\" NIL)",
                "ID: expected a space or a closing parenthesis, at octet 17",
            ),
            (&many, "ID: more than 30 in a list, at octet 187"),
        ]);
    }
}
