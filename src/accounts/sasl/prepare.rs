//! SASLprep (RFC 4013): one form for what can be typed in several ways.

use std::borrow::Cow;

use zeroize::Zeroizing;

/// A password in the form that it is hashed in, when it is set and when it is checked (RFC 4616 §2, RFC 5802 §2.2). What
/// SASLprep does not allow stays as it is: an unusual password that is always sent alike still works.
pub(crate) fn password(given: &str) -> Zeroizing<String> {
    Zeroizing::new(match stringprep::saslprep(given) {
        Ok(prepared) if !prepared.is_empty() => prepared.into_owned(),
        _ => given.to_owned(),
    })
}

/// A user name as it is looked up (RFC 5802 §5.1).
pub(crate) fn name(given: &str) -> Cow<'_, str> {
    stringprep::saslprep(given).unwrap_or(Cow::Borrowed(given))
}

/// An identifier of an access control list (RFC 4314 §3); `None` when SASLprep does not allow it or leaves nothing of it.
pub(crate) fn identifier(given: &str) -> Option<String> {
    let prepared = stringprep::saslprep(given).ok()?;
    (!prepared.is_empty()).then(|| prepared.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4013 §3.
    #[test]
    fn the_examples_of_the_standard() {
        for (given, prepared) in [
            ("I\u{ad}X", "IX"),
            ("user", "user"),
            ("USER", "USER"),
            ("\u{aa}", "a"),
            ("\u{2168}", "IX"),
            // A non-ASCII space is a space; what is prohibited is left alone.
            ("a\u{a0}b", "a b"),
            ("\u{7}", "\u{7}"),
            ("\u{627}1", "\u{627}1"),
        ] {
            assert_eq!(*password(given), prepared, "{given:?}");
            assert_eq!(name(given), prepared, "{given:?}");
        }
        assert_eq!(identifier("I\u{ad}X").as_deref(), Some("IX"));
        assert_eq!(identifier("\u{7}"), None);
        assert_eq!(identifier("\u{ad}"), None);
        // Of this nothing would be left.
        assert_eq!(*password("\u{ad}"), "\u{ad}");
    }
}
