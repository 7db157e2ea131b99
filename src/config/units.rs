//! Durations and sizes as people write them: `30s`, `2m`, `50MiB`.

use std::fmt;
use std::time::Duration;

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// The longest period, so that adding it to a moment is always possible.
const LONGEST: Period = Period::seconds(365 * 24 * 60 * 60);

/// A length of time: a number with `ms`, `s`, `m`, `h` or `d`; a year at most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(Duration);

impl Period {
    /// So many seconds.
    pub const fn seconds(seconds: u64) -> Period {
        Period(Duration::from_secs(seconds))
    }

    /// So many milliseconds.
    pub const fn milliseconds(milliseconds: u64) -> Period {
        Period(Duration::from_millis(milliseconds))
    }

    /// As the standard library wants it.
    pub const fn get(self) -> Duration {
        self.0
    }

    fn parse(text: &str) -> Option<Period> {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = text[..digits].parse().ok()?;
        let unit = match text[digits..].trim() {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        let period = Period::milliseconds(number.checked_mul(unit)?);
        (period <= LONGEST).then_some(period)
    }
}

impl fmt::Debug for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
        deserializer.deserialize_any(PeriodVisitor)
    }
}

struct PeriodVisitor;

impl Visitor<'_> for PeriodVisitor {
    type Value = Period;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration: a number with ms, s, m, h or d, such as \"30s\"; 365d at most")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Period, E> {
        Period::parse(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// A number of octets: a number alone or with `KiB`, `MiB` or `GiB`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Size(u64);

impl Size {
    /// So many octets.
    pub const fn octets(octets: u64) -> Size {
        Size(octets)
    }

    /// So many times 1024 octets.
    pub const fn kibibytes(number: u64) -> Size {
        Size(number << 10)
    }

    /// So many times 1024 KiB.
    pub const fn mebibytes(number: u64) -> Size {
        Size(number << 20)
    }

    /// The octets.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// From what people write; `None` when it is no size.
    pub fn parse(text: &str) -> Option<Size> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let number: u64 = text[..digits].parse().ok()?;
        let unit: u64 = match text[digits..].trim() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        number.checked_mul(unit).map(Size)
    }
}

/// In the largest unit that needs no fraction.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shift, unit) = match self.0.trailing_zeros() {
            _ if self.0 == 0 => (0, ""),
            30.. => (30, "GiB"),
            20.. => (20, "MiB"),
            10.. => (10, "KiB"),
            _ => (0, ""),
        };
        write!(f, "{}{unit}", self.0 >> shift)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }
}

struct SizeVisitor;

impl Visitor<'_> for SizeVisitor {
    type Value = Size;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size: a number, alone or with KiB, MiB or GiB, such as \"50MiB\"")
    }

    fn visit_u64<E: de::Error>(self, octets: u64) -> Result<Size, E> {
        Ok(Size(octets))
    }

    fn visit_i64<E: de::Error>(self, octets: i64) -> Result<Size, E> {
        let size = u64::try_from(octets).map(Size);
        size.map_err(|_| E::invalid_value(Unexpected::Signed(octets), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
        Size::parse(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// A word that is told to nobody but to whom it is for.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// For whom it is for.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Secret {
        Secret(secret)
    }
}

/// Keeps it out of whatever is printed.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_write_them() {
        assert_eq!(Period::parse("30s"), Some(Period::seconds(30)));
        assert_eq!(Period::parse("2 m"), Some(Period::seconds(120)));
        assert_eq!(Period::parse("150ms"), Some(Period::milliseconds(150)));
        for wrong in [
            "",
            "30",
            "s",
            "-1s",
            "1.5h",
            "99999999999999999999s",
            "18446744073709551615d",
            "366d",
        ] {
            assert_eq!(Period::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Size::parse("50MiB"), Some(Size::mebibytes(50)));
        assert_eq!(Size::parse("17"), Some(Size::octets(17)));
        for text in ["0", "17", "3KiB", "50MiB", "5GiB", "1025KiB"] {
            assert_eq!(Size::parse(text).unwrap().to_string(), text);
        }
        for wrong in ["", "MiB", "5MB", "-5", "99999999999GiB"] {
            assert_eq!(Size::parse(wrong), None, "{wrong}");
        }
    }
}
