//! The date forms of mail, on one type: [`Timestamp`], seconds since 1970 with the offset it was written in.

/// A moment with the offset in which it was written or is to be shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp {
    /// Seconds since 1970-01-01 00:00 UTC.
    pub seconds: i64,
    /// Minutes east of UTC.
    pub offset_minutes: i16,
}
