//! PLAIN (RFC 4616), and LOGIN, which has no standard.

use zeroize::Zeroizing;

/// The questions of LOGIN, whose wording some clients match.
pub(crate) const USER_NAME: &[u8] = b"Username:";
/// See [`USER_NAME`].
pub(crate) const PASSWORD: &[u8] = b"Password:";

/// What a client presents.
#[derive(PartialEq, Eq)]
pub(crate) struct Plain {
    /// Whom it wants to act for; empty for itself.
    pub(crate) authorize: String,
    /// Who it is.
    pub(crate) name: String,
    pub(crate) password: Zeroizing<String>,
}

impl Plain {
    /// A response (RFC 4616 §2): `[authzid] NUL authcid NUL passwd`. `None` if it is none.
    pub(crate) fn parse(response: &[u8]) -> Option<Plain> {
        let mut parts = std::str::from_utf8(response).ok()?.split('\0');
        let (authorize, name, password) = (parts.next()?, parts.next()?, parts.next()?);
        (parts.next().is_none() && !name.is_empty() && !password.is_empty()).then(|| Plain {
            authorize: authorize.to_owned(),
            name: name.to_owned(),
            password: Zeroizing::new(password.to_owned()),
        })
    }
}

/// Keeps the password out of whatever is printed.
impl std::fmt::Debug for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plain")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4616 §4, and what is none.
    #[test]
    fn three_parts_and_two_of_them_not_empty() {
        let plain = Plain::parse(b"\0tim\0tanstaaftanstaaf").unwrap();
        assert_eq!(
            (&*plain.authorize, &*plain.name, &**plain.password),
            ("", "tim", "tanstaaftanstaaf")
        );
        let plain = Plain::parse(b"Ursel\0Kurt\0xipj3plmq").unwrap();
        assert_eq!(
            (&*plain.authorize, &*plain.name, &**plain.password),
            ("Ursel", "Kurt", "xipj3plmq")
        );
        assert_eq!(Plain::parse("a\0bé\0c".as_bytes()).unwrap().name, "bé");
        for response in [
            &b""[..],
            b"a",
            b"a\0b",
            b"\0a",
            b"\0\0p",
            b"\0u\0",
            b"\0u\0p\0",
            b"\0u\0p\0q",
            b"\0u\0\xff",
        ] {
            assert_eq!(Plain::parse(response), None, "{response:?}");
        }
        assert!(!format!("{plain:?}").contains("xipj3plmq"));
    }
}
