//! Which IMAP a client speaks: IMAP4rev1 until it enables more (RFC 9051 appendix A, RFC 6855 §3).

/// What was enabled. Each is more than the one before it, and there is no way back but UNAUTHENTICATE.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Dialect {
    /// RFC 3501: strings of 7 bits, mailbox names in modified UTF-7.
    #[default]
    Rev1,
    /// The same with UTF8=ACCEPT (RFC 6855): strings and mailbox names in UTF-8, and SEARCH has no CHARSET.
    Utf8,
    /// RFC 9051: UTF-8, ESEARCH instead of SEARCH, a LIST with SELECT, and nothing is recent.
    Rev2,
}

impl Dialect {
    /// Whether quoted strings and mailbox names are UTF-8.
    pub(crate) fn is_utf8(self) -> bool {
        self >= Dialect::Utf8
    }

    /// Whether answers are those of RFC 9051 where they differ from RFC 3501.
    pub(crate) fn is_rev2(self) -> bool {
        self == Dialect::Rev2
    }
}
