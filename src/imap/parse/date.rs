//! Dates as arguments (RFC 9051 §9, `date` and `date-time`).

use super::cursor::{Cursor, Fault, Parsed};
use crate::mail::date::Timestamp;
use jiff::civil::Date;

const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

/// `date`, quoted or not, as days since 1970-01-01. The day has one digit or two, or is padded by a space within quotes.
pub(super) fn date(cursor: &mut Cursor<'_>) -> Parsed<i32> {
    let start = cursor.position();
    let quoted = cursor.skip(b'"');
    if quoted {
        cursor.spaces();
    }
    let days = days(cursor);
    let closed = !quoted || cursor.skip(b'"');
    days.filter(|_| closed)
        .ok_or_else(|| Fault::bad("expected a date such as 1-Feb-1994", start))
}

fn days(cursor: &mut Cursor<'_>) -> Option<i32> {
    let day = digits(cursor, 1..=2)?;
    cursor.skip(b'-').then_some(())?;
    let name = cursor.take(3)?;
    let month = MONTHS.iter().position(|month| name.eq_ignore_ascii_case(*month))? + 1;
    cursor.skip(b'-').then_some(())?;
    let year = digits(cursor, 4..=4)?;
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let epoch = Date::new(1970, 1, 1).ok()?;
    i32::try_from(date.duration_since(epoch).as_hours() / 24).ok()
}

/// A number of so many digits.
fn digits(cursor: &mut Cursor<'_>, count: std::ops::RangeInclusive<usize>) -> Option<i16> {
    let digits = cursor.take_while(|byte| byte.is_ascii_digit());
    let number = std::str::from_utf8(digits)
        .ok()
        .filter(|digits| count.contains(&digits.len()))?;
    number.parse().ok()
}

/// `date-time`, quoted. A day of one digit is taken without the space in front of it, too.
pub(super) fn date_time(cursor: &mut Cursor<'_>) -> Parsed<Timestamp> {
    let start = cursor.position();
    cursor.require(b'"', "a date")?;
    let text = cursor.take_while(|byte| matches!(byte, b' '..=b'~') && byte != b'"');
    cursor.require(b'"', "a quote")?;
    let text = String::from_utf8_lossy(text);
    Timestamp::from_internal_date(&text)
        .or_else(|| Timestamp::from_internal_date(&format!(" {text}")))
        .ok_or_else(|| Fault::bad("expected a date such as \"17-Jul-1996 02:44:25 -0700\"", start))
}

#[cfg(test)]
mod tests {
    use crate::imap::command::{CommandBody, Search, SearchKey};
    use crate::imap::parse::tests::{bad, same};

    #[test]
    fn days() {
        for (written, days) in [
            ("1-Jan-1970", 0),
            ("01-JAN-1970", 0),
            ("\"1-jan-1970\"", 0),
            ("\" 1-Jan-1970\"", 0),
            ("31-Dec-1969", -1),
            ("1-Feb-1994", 8797),
            ("\"29-Feb-2000\"", 11016),
            ("31-Dec-9999", 2_932_896),
        ] {
            let wanted = CommandBody::Search {
                uid: false,
                search: Search {
                    returns: None,
                    charset: None,
                    key: SearchKey::On(days),
                },
            };
            same(&[&format!("SEARCH ON {written}")], &wanted);
        }
    }

    #[test]
    fn what_is_no_date() {
        for written in [
            "",
            "1",
            "1-Feb",
            "1-Feb-94",
            "1-Feb-19940",
            "001-Feb-1994",
            "0-Feb-1994",
            "30-Feb-1994",
            "29-Feb-1900",
            "1-February-1994",
            "1-02-1994",
            "1994-02-01",
            "1 Feb 1994",
            "\"1-Feb-1994",
            "-1-Feb-1994",
            "Feb-1-1994",
            "{10}\r\n1-Feb-1994",
        ] {
            let line = format!("SEARCH SENTON {written}");
            bad(&[(&line, "SEARCH: expected a date such as 1-Feb-1994, at octet 17")]);
        }
        bad(&[(
            "SEARCH ON 1-Feb-1994\"",
            "SEARCH: expected the end of the command, at octet 23",
        )]);
    }
}
