//! The days of dates, for the keys that compare them.

use crate::mail::date::Timestamp;

/// From one day to another, days since 1970-01-01, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Days {
    first: i32,
    last: i32,
}

impl Days {
    /// Each day before that one.
    pub(super) fn before(day: i32) -> Days {
        Days {
            first: i32::MIN,
            last: day.saturating_sub(1),
        }
    }

    /// That day.
    pub(super) fn on(day: i32) -> Days {
        Days { first: day, last: day }
    }

    /// That day and each after it.
    pub(super) fn since(day: i32) -> Days {
        Days {
            first: day,
            last: i32::MAX,
        }
    }

    /// The day in the date's own zone: "disregarding time and timezone" (RFC 3501 §6.4.4).
    pub(super) fn contain(self, date: Timestamp) -> bool {
        let local = date.seconds.saturating_add(i64::from(date.offset_minutes) * 60);
        let day = local.div_euclid(24 * 60 * 60);
        i64::from(self.first) <= day && day <= i64::from(self.last)
    }
}
