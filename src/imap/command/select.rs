//! The parameters of SELECT and EXAMINE.

use super::SequenceSet;
use crate::imap::numbering::Numbers;

/// The parameters of SELECT and EXAMINE (RFC 4466 §2.1).
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SelectParameters {
    /// CONDSTORE (RFC 7162 §3.1.8).
    pub condstore: bool,
    /// QRESYNC (RFC 7162 §3.2.5).
    pub resync: Option<Box<Resync>>,
    /// The name as it was written, when the mailbox is called otherwise: `inbox`.
    pub supplied: Option<String>,
}

/// What a client remembers of a mailbox when it comes back (RFC 7162 §3.2.5).
#[derive(Clone, Debug, PartialEq)]
pub struct Resync {
    /// UIDVALIDITY; of another one all that follows means nothing.
    pub uid_validity: u32,
    /// HIGHESTMODSEQ. The grammar forbids 0, and clients send it.
    pub mod_seq: u64,
    /// The UIDs it has, without `*`; all that were ever given out when it does not say.
    pub known: Option<SequenceSet>,
    /// Sequence numbers and their UIDs, pair by pair (RFC 7162 §3.2.5.2).
    pub(crate) matched: Option<(Numbers, Numbers)>,
}
