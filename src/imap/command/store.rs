//! What STORE asks for.

use super::SequenceSet;
use crate::mail::flags::FlagList;
use crate::mailbox::FlagAction;

/// STORE.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Store {
    pub uid: bool,
    pub set: SequenceSet,
    /// 0 is allowed here (RFC 7162 §3.1.3), hence not a `ModSeq`.
    pub unchanged_since: Option<u64>,
    pub action: FlagAction,
    pub silent: bool,
    pub flags: FlagList,
}
