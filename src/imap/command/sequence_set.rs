//! Sequence sets and UID sets.

/// One end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequenceBound {
    /// A number, never 0.
    Number(u32),
    /// `*`: the highest in the mailbox.
    Last,
}

/// A sequence set or UID set as written (RFC 9051 §9, `sequence-set`): ranges may be reversed and overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SequenceSet {
    /// Ranges.
    Ranges(Vec<(SequenceBound, SequenceBound)>),
    /// `$`, the saved result (RFC 5182).
    Saved,
}
