//! The date forms of mail, on one type: [`Timestamp`], seconds since 1970 with the offset it was written in.
//!
//! RFC 5322 §3.3 and §4.3 (the Date field), RFC 9051 §9 (`date-time`). What is no date is `None`; a moment outside of the
//! years 0 to 9999, which no mail format can write, is written as the nearest that can.

use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

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
        let now = jiff::Timestamp::now();
        Timestamp {
            seconds: now.as_second(),
            offset_minutes: (TimeZone::system().to_offset(now).seconds() / 60) as i16,
        }
    }

    /// A moment, in this machine's zone.
    pub fn in_local_zone(seconds: i64) -> Timestamp {
        let offset = jiff::Timestamp::from_second(seconds)
            .map_or(0, |moment| TimeZone::system().to_offset(moment).seconds() / 60);
        Timestamp {
            seconds,
            offset_minutes: offset as i16,
        }
    }

    /// From a Date field's value (RFC 5322 §3.3), obsolete forms (§4.3) and common mistakes included: the parts are known
    /// by their looks rather than their places, a weekday is not held against the date, and a zone that is missing or
    /// unknown is UTC.
    pub fn from_rfc5322(value: &[u8]) -> Option<Timestamp> {
        let mut day = None;
        let mut month = None;
        let mut year = None;
        let mut time = None;
        let mut offset = None;
        let text = without_comments(value)?;
        // Obsolete syntax has white space around the colons of a time.
        let text = text.split(':').map(str::trim).collect::<Vec<_>>().join(":");
        for word in text.split(|c: char| c.is_ascii_whitespace() || c == ',') {
            if word.contains(':') {
                time = time.or(Some(time_of_day(word)?));
            } else if let Some(minutes) = numeric_offset(word) {
                offset = offset.or(Some(minutes));
            } else {
                // `21-Nov-1997` is three words to us.
                for word in word.split('-').filter(|word| !word.is_empty()) {
                    if let Some(number) = month_number(word) {
                        month = month.or(Some(number));
                    } else if word.bytes().all(|byte| byte.is_ascii_digit()) {
                        match day {
                            None => day = Some(number(word)?),
                            Some(_) => year = year.or(Some(full_year(word)?)),
                        }
                    } else if time.is_some() {
                        offset = offset.or(named_offset(word));
                    }
                }
            }
        }
        let (hour, minute, second) = time.unwrap_or_default();
        let date = (year?, month?, day?);
        Timestamp::at(date, (hour, minute, second), offset.unwrap_or(0))
    }

    /// From `1997-11-21T09:55:06-06:00`, as the Internet writes dates (RFC 3339). UTC whatever zone it is written in.
    pub fn from_rfc3339(text: &str) -> Option<Timestamp> {
        let moment: jiff::Timestamp = text.parse().ok()?;
        Some(Timestamp {
            seconds: moment.as_second(),
            offset_minutes: 0,
        })
    }

    /// `1997-11-21T15:55:06Z` (RFC 3339).
    pub fn to_rfc3339(self) -> String {
        jiff::Timestamp::from_second(self.seconds).map_or_else(|_| String::new(), |moment| moment.to_string())
    }

    /// `Fri, 21 Nov 1997 09:55:06 -0600` (RFC 5322 §3.3).
    pub fn to_rfc5322(self) -> String {
        let local = self.local();
        format!(
            "{}, {} {} {:04} {:02}:{:02}:{:02} {}",
            WEEKDAYS[local.weekday().to_sunday_zero_offset() as usize % 7],
            local.day(),
            month_name(local),
            local.year(),
            local.hour(),
            local.minute(),
            local.second(),
            self.zone(),
        )
    }

    /// From ` 1-Jul-1996 02:44:25 -0700`, without the quotes (RFC 9051 §9, `date-time`).
    pub fn from_internal_date(text: &str) -> Option<Timestamp> {
        let bytes = text.as_bytes();
        // Fixed places, so that only one spelling is right; the day alone may have a space for its first digit.
        if bytes.len() != 26
            || !bytes.is_ascii()
            || (bytes[2], bytes[6], bytes[11], bytes[20]) != (b'-', b'-', b' ', b' ')
        {
            return None;
        }
        let day = number(text[..2].strip_prefix(' ').unwrap_or(&text[..2]))?;
        let month = month_number(&text[3..6])?;
        let year = number(&text[7..11])?;
        let time = &text[12..20];
        if time.split(':').any(|part| part.len() != 2) {
            return None;
        }
        Timestamp::at((year, month, day), time_of_day(time)?, numeric_offset(&text[21..])?)
    }

    /// As INTERNALDATE is written, without the quotes; the day padded to two places by a space (RFC 9051 §9, `date-time`).
    pub fn to_internal_date(self) -> String {
        let local = self.local();
        format!(
            "{:2}-{}-{:04} {:02}:{:02}:{:02} {}",
            local.day(),
            month_name(local),
            local.year(),
            local.hour(),
            local.minute(),
            local.second(),
            self.zone(),
        )
    }

    /// The moment at which a clock in that zone shows that; `None` when there is no such day or time.
    fn at((year, month, day): (i16, i8, i8), (hour, minute, second): (i8, i8, i8), offset: i16) -> Option<Timestamp> {
        // A leap second (RFC 5322 §3.3 allows 60) is the last of its minute for us.
        let local = DateTime::new(year, month, day, hour, minute, second.min(59), 0).ok()?;
        let seconds = Offset::UTC.to_timestamp(local).ok()?.as_second();
        (second <= 60 && (0..=9999).contains(&year)).then_some(Timestamp {
            seconds: seconds - i64::from(offset) * 60,
            offset_minutes: offset,
        })
    }

    /// What a clock in its zone shows.
    fn local(self) -> DateTime {
        let seconds = self.seconds.saturating_add(i64::from(self.offset()) * 60);
        let moment = jiff::Timestamp::from_second(seconds.clamp(YEAR_0, YEAR_9999)).unwrap_or_default();
        Offset::UTC.to_datetime(moment)
    }

    /// The offset within what four digits can say.
    fn offset(self) -> i16 {
        self.offset_minutes.clamp(-MAX_OFFSET, MAX_OFFSET)
    }

    /// `-0700`
    fn zone(self) -> String {
        let offset = self.offset();
        let sign = if offset < 0 { '-' } else { '+' };
        format!("{sign}{:02}{:02}", offset.abs() / 60, offset.abs() % 60)
    }
}

/// 0000-01-01 00:00:00.
const YEAR_0: i64 = -62_167_219_200;
/// 9999-12-30 00:00:00: the day before the last, for the moment's type ends within that.
const YEAR_9999: i64 = 253_402_128_000;
/// 99 hours and 59 minutes.
const MAX_OFFSET: i16 = 5_999;

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The text with a space for each comment (RFC 5322 §3.2.2, nested ones too); `None` when it is not ASCII outside of them.
fn without_comments(value: &[u8]) -> Option<String> {
    let mut text = String::new();
    let mut depth = 0_usize;
    let mut quoted = false;
    for &byte in value {
        match byte {
            _ if quoted => quoted = false,
            b'\\' if depth > 0 => quoted = true,
            b'(' => depth += 1,
            b')' if depth > 0 => {
                depth -= 1;
                text.push(' ');
            }
            _ if depth > 0 => {}
            _ if byte.is_ascii() => text.push(byte as char),
            _ => return None,
        }
    }
    Some(text)
}

fn month_name(date: DateTime) -> &'static str {
    MONTHS[(date.month() as usize).saturating_sub(1) % 12]
}

/// By the first three letters, for some write the month in full.
fn month_number(word: &str) -> Option<i8> {
    let start = word.get(..3)?;
    let index = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(start))?;
    word.bytes()
        .all(|byte| byte.is_ascii_alphabetic())
        .then_some(index as i8 + 1)
}

/// Two or three digits as RFC 5322 §4.3 reads them.
fn full_year(word: &str) -> Option<i16> {
    let year: i16 = number(word)?;
    Some(match word.len() {
        ..=2 if year < 50 => year + 2000,
        ..=3 => year + 1900,
        _ => year,
    })
}

/// `9:55` or `09:55:06`.
fn time_of_day(word: &str) -> Option<(i8, i8, i8)> {
    let mut parts = word.split(':');
    let hour = number(parts.next()?)?;
    let minute = number(parts.next()?)?;
    let second = parts.next().map_or(Some(0), number)?;
    parts.next().is_none().then_some((hour, minute, second))
}

/// `-0700`, also behind a name as in `GMT-0700`.
fn numeric_offset(word: &str) -> Option<i16> {
    let word = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let (sign, digits) = match word.as_bytes() {
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.len() == 4)?;
    let (hours, minutes): (i16, i16) = (number(&digits[..2])?, number(&digits[2..])?);
    (minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// The zone names of RFC 5322 §4.3. Others, the military letters among them, count as UTC there.
fn named_offset(word: &str) -> Option<i16> {
    const HOURS: [(&str, i16); 8] = [
        ("EST", -5),
        ("EDT", -4),
        ("CST", -6),
        ("CDT", -5),
        ("MST", -7),
        ("MDT", -6),
        ("PST", -8),
        ("PDT", -7),
    ];
    let known = HOURS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
    known.map(|(_, hours)| hours * 60)
}

/// Decimal digits and nothing else, of a number that fits.
fn number<T: FromStr>(digits: &str) -> Option<T> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn date_fields_as_they_come() {
        for (value, wanted) in [
            // RFC 5322 Appendix A
            ("Fri, 21 Nov 1997 09:55:06 -0600", Some((880_127_706, -360))),
            ("21 Nov 97 09:55:06 GMT", Some((880_106_106, 0))),
            (
                "Fri, 21 Nov 1997 09(comment):   55  :  06 -0600",
                Some((880_127_706, -360)),
            ),
            (
                "Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)",
                Some((-27_723_480, -210)),
            ),
            // weekday missing or wrong, seconds missing, one digit
            ("1 Jul 1996 2:44 -0700", Some((836_214_240, -420))),
            ("Mon, 21 Nov 1997 09:55:06 -0600", Some((880_127_706, -360))),
            ("Friday, 21 November 1997 09:55:06 -0600", Some((880_127_706, -360))),
            // years
            ("1 Jan 00 00:00:00 +0000", Some((946_684_800, 0))),
            ("1 Jan 49 00:00:00 +0000", Some((2_493_072_000, 0))),
            ("1 Jan 50 00:00:00 +0000", Some((-631_152_000, 0))),
            ("1 Jan 100 00:00:00 +0000", Some((946_684_800, 0))),
            // zones
            ("1 Jan 2000 00:00:00 EST", Some((946_702_800, -300))),
            ("1 Jan 2000 00:00:00 pdt", Some((946_710_000, -420))),
            ("1 Jan 2000 00:00:00 Z", Some((946_684_800, 0))),
            ("1 Jan 2000 00:00:00 A", Some((946_684_800, 0))),
            ("1 Jan 2000 00:00:00 -0000", Some((946_684_800, 0))),
            ("1 Jan 2000 00:00:00", Some((946_684_800, 0))),
            ("1 Jan 2000 00:00:00 GMT+0100", Some((946_681_200, 60))),
            ("1 Jan 2000 00:00:00 +0100 (CET (sic) \\)", Some((946_681_200, 60))),
            // other orders and hyphens
            ("Sat Jan  1 00:00:00 2000", Some((946_684_800, 0))),
            ("1-Jan-2000 00:00:00 +0000", Some((946_684_800, 0))),
            ("Sat, 1 Jan 2000", Some((946_684_800, 0))),
            // a leap second, and what is no date
            ("31 Dec 1998 23:59:60 +0000", Some((915_148_799, 0))),
            ("31 Feb 2000 00:00:00 +0000", None),
            ("1 Jan 2000 24:00:00 +0000", None),
            ("1 Jan 2000 00:00:61 +0000", None),
            ("1 Jan 2000 256:00:00 +0000", None),
            ("257 Jan 2000 00:00:00 +0000", None),
            ("1 Jan 99999 00:00:00 +0000", None),
            ("1 Foo 2000 00:00:00 +0000", None),
            ("2000-01-01T00:00:00Z", None),
            ("yesterday", None),
            ("", None),
        ] {
            let read = Timestamp::from_rfc5322(value.as_bytes());
            assert_eq!(read.map(|at| (at.seconds, at.offset_minutes)), wanted, "{value}");
        }
        assert_eq!(Timestamp::from_rfc5322("1 Jän 2000".as_bytes()), None);
    }

    #[test]
    fn internal_dates() {
        for text in [
            "17-Jul-1996 02:44:25 -0700",
            " 1-Jan-2000 00:00:00 +0000",
            "31-Dec-1969 23:59:59 +1400",
        ] {
            assert_eq!(Timestamp::from_internal_date(text).unwrap().to_internal_date(), text);
        }
        assert_eq!(
            Timestamp::from_internal_date("01-Jan-2000 00:00:00 +0000")
                .unwrap()
                .to_internal_date(),
            " 1-Jan-2000 00:00:00 +0000"
        );
        for text in [
            "",
            "1-Jan-2000 00:00:00 +0000",
            "  -Jan-2000 00:00:00 +0000",
            "30-Feb-2000 00:00:00 +0000",
            "17-Jul-1996 02:44:25 -070",
            "17-Jul-1996 02:44:25  0700",
            "17-Jul-1996 02:44:25 -0760",
            "17-Jul-1996 2:44:025 -0700",
            "17-Jul-1996T02:44:25 -0700",
            "17-Jül-1996 02:44:25 -070",
        ] {
            assert_eq!(Timestamp::from_internal_date(text), None, "{text}");
        }
    }

    #[test]
    fn written_as_the_rfc_does() {
        let at = Timestamp {
            seconds: 880_127_706,
            offset_minutes: -360,
        };
        assert_eq!(at.to_rfc5322(), "Fri, 21 Nov 1997 09:55:06 -0600");
        assert_eq!(
            Timestamp { seconds: 0, ..at }.to_rfc5322(),
            "Wed, 31 Dec 1969 18:00:00 -0600"
        );
        assert!(
            (Timestamp::now().seconds
                - Timestamp::from_rfc5322(Timestamp::now().to_rfc5322().as_bytes())
                    .unwrap()
                    .seconds)
                .abs()
                < 60
        );
    }

    proptest! {
        #[test]
        fn any_number_can_be_written(seconds: i64, offset_minutes: i16) {
            let at = Timestamp { seconds, offset_minutes };
            prop_assert_eq!(at.to_internal_date().len(), 26);
            prop_assert!(Timestamp::from_internal_date(&at.to_internal_date()).is_some());
            prop_assert!(Timestamp::from_rfc5322(at.to_rfc5322().as_bytes()).is_some());
        }

        #[test]
        fn what_is_written_is_read(seconds in 0..250_000_000_000_i64, offset_minutes in -5_999..=5_999_i16) {
            let at = Timestamp { seconds, offset_minutes };
            prop_assert_eq!(Timestamp::from_internal_date(&at.to_internal_date()), Some(at));
            prop_assert_eq!(Timestamp::from_rfc5322(at.to_rfc5322().as_bytes()), Some(at));
        }

        #[test]
        fn any_bytes_can_be_read(value: Vec<u8>, text: String, like in "[0-9 :A-Za-z+(),-]{0,40}") {
            let _ = Timestamp::from_rfc5322(&value);
            let _ = Timestamp::from_rfc5322(like.as_bytes());
            let _ = Timestamp::from_internal_date(&text);
        }
    }
}
