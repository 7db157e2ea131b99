//! The date forms of mail, on one type: [`Timestamp`], seconds since 1970 with the offset it was written in.

/// A moment with the offset in which it was written or is to be shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp {
    /// Seconds since 1970-01-01 00:00 UTC.
    pub seconds: i64,
    /// Minutes east of UTC.
    pub offset_minutes: i16,
}

impl Timestamp {
    /// Now, in this machine's zone.
    pub fn now() -> Timestamp {
        todo!()
    }

    /// From a Date field's value (RFC 5322 §3.3), obsolete forms and common mistakes included.
    pub fn from_rfc5322(_value: &[u8]) -> Option<Timestamp> {
        todo!()
    }

    /// `Fri, 21 Nov 1997 09:55:06 -0600` (RFC 5322 §3.3).
    pub fn to_rfc5322(self) -> String {
        todo!()
    }

    /// From ` 1-Jul-1996 02:44:25 -0700`, without the quotes (RFC 9051 §9, `date-time`).
    pub fn from_internal_date(_text: &str) -> Option<Timestamp> {
        todo!()
    }

    /// As INTERNALDATE is written, without the quotes; the day padded to two places by a space (RFC 9051 §9, `date-time`).
    pub fn to_internal_date(self) -> String {
        todo!()
    }
}
