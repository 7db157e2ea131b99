//! COMPRESS (RFC 4978 §5).

use super::cursor::{Cursor, Fault, Parsed};
use crate::imap::command::CommandBody;

/// COMPRESS with the one mechanism there is.
pub(super) fn compress(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    cursor.space()?;
    let start = cursor.position();
    match cursor.atom("a mechanism")?.eq_ignore_ascii_case("DEFLATE") {
        true => Ok(CommandBody::Compress),
        false => Err(Fault::bad("the mechanism is DEFLATE", start)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::parse::tests::{bad, same};

    #[test]
    fn one_mechanism() {
        same(&["COMPRESS DEFLATE", "compress  deflate "], &CommandBody::Compress);
        bad(&[
            ("COMPRESS", "COMPRESS: expected a space, at octet 11"),
            ("COMPRESS LZ4", "COMPRESS: the mechanism is DEFLATE, at octet 12"),
            (
                "COMPRESS DEFLATE 9",
                "COMPRESS: expected the end of the command, at octet 20",
            ),
        ]);
    }
}
