//! What STATUS asks for.

/// An item of STATUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum StatusItem {
    Messages,
    Recent,
    UidNext,
    UidValidity,
    Unseen,
    Deleted,
    /// RFC 9208 §4.1.4.
    DeletedStorage,
    Size,
    HighestModSeq,
    /// RFC 7889 §3.1.
    AppendLimit,
    /// RFC 8474 §4.3.
    MailboxId,
}
