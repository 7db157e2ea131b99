//! How SORT sorts and THREAD threads (RFC 5256).

/// A criterion of SORT (RFC 5256 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortCriterion {
    /// REVERSE was in front of it.
    pub reverse: bool,
    /// What is compared.
    pub key: SortKey,
}

/// What SORT compares (RFC 5256 §3, RFC 5957 §4, RFC 6203 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SortKey {
    Arrival,
    Cc,
    Date,
    From,
    Size,
    Subject,
    To,
    DisplayFrom,
    DisplayTo,
    /// The most relevant first; only together with a FUZZY key.
    Relevancy,
}

/// How THREAD threads (RFC 5256 §3; REFS: draft-ietf-morg-inthread).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ThreadAlgorithm {
    OrderedSubject,
    References,
    Refs,
}
