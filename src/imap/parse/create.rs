//! CREATE (RFC 9051 §6.3.4) with its special use (RFC 6154 §3).

use super::cursor::{Cursor, Fault, Parsed};
use crate::imap::command::CommandBody;
use crate::mail::mailbox_name::SpecialUse;

/// The most attributes in USE.
const MAX_ATTRIBUTES: usize = 10;

/// CREATE. A mailbox has one special use at most here: a second one is as impossible as one that we do not have.
pub(super) fn create(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    let (mailbox, supplied) = super::mailbox::folder(cursor)?;
    let mut uses = Vec::new();
    if cursor.more() {
        cursor.require(b'(', "a parenthesis")?;
        cursor.spaces();
        if !cursor.keyword("USE") {
            return cursor.expected("USE");
        }
        cursor.space()?;
        uses = cursor.list(0..=MAX_ATTRIBUTES, attribute)?;
        cursor.spaces();
        cursor.require(b')', "a closing parenthesis")?;
    }
    uses.dedup();
    match uses.as_slice() {
        [] => Ok(CommandBody::Create {
            mailbox,
            supplied,
            special_use: None,
        }),
        [Some(one)] => Ok(CommandBody::Create {
            mailbox,
            supplied,
            special_use: Some(*one),
        }),
        _ => Err(Fault::UseAttribute),
    }
}

/// `use-attr`; `None` for one that we do not have.
fn attribute(cursor: &mut Cursor<'_>) -> Parsed<Option<SpecialUse>> {
    cursor.require(b'\\', "a special use such as \\Sent")?;
    let name = cursor.atom("the name of a special use")?;
    Ok(SpecialUse::from_attribute(&format!("\\{name}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::dialect::Dialect;
    use crate::imap::parse::tests::{bad, mailbox, same};
    use crate::imap::parse::{ParseError, command};

    #[test]
    fn folders_and_special_uses() {
        let create = |special_use| CommandBody::Create {
            mailbox: mailbox("a/b"),
            supplied: None,
            special_use,
        };
        same(
            &["CREATE a/b", "CREATE a/b/", "create \"a/b/\" ", "CREATE a/b (USE ())"],
            &create(None),
        );
        same(
            &[
                "CREATE a/b (USE (\\Sent))",
                "create a/b/ ( use ( \\sent ) )",
                "CREATE a/b (USE (\\Sent \\SENT))",
            ],
            &create(Some(SpecialUse::Sent)),
        );
        let tag = "t".to_owned();
        for uses in ["\\All", "\\Flagged", "\\Drafts \\Sent", "\\Sent \\All \\Sent"] {
            let refused = command(format!("t CREATE a (USE ({uses}))").as_bytes(), Dialect::Rev1);
            assert_eq!(refused, Err(ParseError::UseAttribute { tag: tag.clone() }), "{uses}");
        }
        bad(&[
            ("CREATE", "CREATE: expected a space, at octet 9"),
            ("CREATE a ()", "CREATE: expected USE, at octet 13"),
            ("CREATE a USE (\\Sent)", "CREATE: expected a parenthesis, at octet 12"),
            ("CREATE a (USE \\Sent)", "CREATE: expected a parenthesis, at octet 17"),
            (
                "CREATE a (USE (Sent))",
                "CREATE: expected a special use such as \\Sent, at octet 18",
            ),
            (
                "CREATE a (USE (\\))",
                "CREATE: expected the name of a special use, at octet 19",
            ),
            (
                "CREATE a (USE (\\Sent)",
                "CREATE: expected a closing parenthesis, at octet 24",
            ),
        ]);
    }
}
