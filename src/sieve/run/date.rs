//! Dates (RFC 5260 §4, §5).

use jiff::civil::{DateTime, Weekday};
use jiff::tz::Offset;

use super::Run;
use crate::mail::date::Timestamp;
use crate::sieve::outcome::Why;
use crate::sieve::program::{Index, Text, Zone};

/// From 0000-01-01 to 9999-12-30.
const YEARS: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_128_000;
/// The Modified Julian Day of 1970-01-01.
const EPOCH_DAY: i64 = 40_587;
/// Seconds of a day.
const DAY: i64 = 24 * 60 * 60;

impl Run<'_> {
    /// The part of a date as a text; nothing when there is no such date or part.
    pub(super) fn date(
        &mut self,
        field: Option<&Text>,
        index: Option<Index>,
        zone: &Zone,
        part: &Text,
    ) -> Result<Option<String>, Why> {
        let at = match field {
            None => Some(self.input.now),
            Some(name) => {
                let name = self.expand(name)?;
                let values = self.raw_values(&name, index)?;
                values.first().and_then(|value| date_of(value))
            }
        };
        let zone = match zone {
            Zone::Local => None,
            Zone::Original => Some(at.map_or(0, |at| at.offset_minutes)),
            Zone::Offset(text) => offset(&self.expand(text)?),
        };
        let part = self.expand(part)?.to_ascii_lowercase();
        let Some(at) = at.filter(|at| YEARS.contains(&at.seconds)) else {
            return Ok(None);
        };
        let zone = zone.unwrap_or_else(|| match field {
            None => at.offset_minutes,
            Some(_) => Timestamp::in_local_zone(at.seconds).offset_minutes,
        });
        Ok(date_part(at.seconds, zone, &part))
    }
}

/// The date of a field, which stands behind the last semicolon of a Received field (RFC 5260 §4).
fn date_of(value: &[u8]) -> Option<Timestamp> {
    Timestamp::from_rfc5322(value).or_else(|| {
        let semicolon = memchr::memrchr(b';', value)?;
        Timestamp::from_rfc5322(value.get(semicolon + 1..)?)
    })
}

/// `+0100` in minutes.
fn offset(text: &str) -> Option<i16> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let plain = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: i16 = digits.parse().ok().filter(|_| plain)?;
    (number % 100 < 60 && number < 2400).then_some(sign * (number / 100 * 60 + number % 100))
}

/// RFC 5260 §4.2.
fn date_part(seconds: i64, offset: i16, part: &str) -> Option<String> {
    let local = local(seconds, offset)?;
    let zone = |colon: &str| {
        let sign = if offset < 0 { '-' } else { '+' };
        let minutes = offset.unsigned_abs();
        format!("{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60)
    };
    let (year, month, day) = (local.year(), local.month(), local.day());
    let (hour, minute, second) = (local.hour(), local.minute(), local.second());
    Some(match part {
        "year" => format!("{year:04}"),
        "month" => format!("{month:02}"),
        "day" => format!("{day:02}"),
        "date" => format!("{year:04}-{month:02}-{day:02}"),
        "julian" => {
            let days = seconds.saturating_add(i64::from(offset) * 60).div_euclid(DAY);
            (EPOCH_DAY + days).to_string()
        }
        "hour" => format!("{hour:02}"),
        "minute" => format!("{minute:02}"),
        "second" => format!("{second:02}"),
        "time" => format!("{hour:02}:{minute:02}:{second:02}"),
        "iso8601" => format!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{}",
            zone(":")
        ),
        // With two digits for the day, as for all other parts.
        "std11" => {
            let at = Timestamp {
                seconds,
                offset_minutes: offset,
            };
            at.to_rfc5322()
                .replacen(&format!(", {day} "), &format!(", {day:02} "), 1)
        }
        "zone" => zone(""),
        "weekday" => Weekday::to_sunday_zero_offset(local.weekday()).to_string(),
        _ => return None,
    })
}

/// What a clock in that zone shows.
fn local(seconds: i64, offset: i16) -> Option<DateTime> {
    let seconds = seconds.checked_add(i64::from(offset) * 60)?;
    let moment = jiff::Timestamp::from_second(seconds).ok()?;
    Some(Offset::UTC.to_datetime(moment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_date() {
        for (part, wanted) in [
            ("year", "1997"),
            ("month", "11"),
            ("day", "21"),
            ("date", "1997-11-21"),
            ("julian", "50773"),
            ("hour", "09"),
            ("minute", "55"),
            ("second", "06"),
            ("time", "09:55:06"),
            ("iso8601", "1997-11-21T09:55:06-06:00"),
            ("std11", "Fri, 21 Nov 1997 09:55:06 -0600"),
            ("zone", "-0600"),
            ("weekday", "5"),
        ] {
            assert_eq!(date_part(880_127_706, -360, part).as_deref(), Some(wanted), "{part}");
        }
        let std11 = date_part(1_775_035_800, 120, "std11");
        assert_eq!(std11.as_deref(), Some("Wed, 01 Apr 2026 11:30:00 +0200"));
        assert_eq!(date_part(880_127_706, -360, "century"), None);
        // The day changes with the zone.
        assert_eq!(date_part(880_127_706, 900, "julian").as_deref(), Some("50774"));
    }

    #[test]
    fn zones() {
        for (text, minutes) in [
            ("+0100", Some(60)),
            ("-0330", Some(-210)),
            ("0100", None),
            ("+01:00", None),
            ("+0160", None),
        ] {
            assert_eq!(offset(text), minutes, "{text}");
        }
    }
}
