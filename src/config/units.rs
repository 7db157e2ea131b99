//! Durations and sizes as people write them: `30s`, `2m`, `50MiB`.

use serde::{Deserialize, Deserializer};
use std::fmt;
use std::time::Duration;

/// A length of time: a number with `ms`, `s`, `m`, `h` or `d`.
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
        Some(Period::milliseconds(number.checked_mul(unit)?))
    }
}

impl fmt::Debug for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
        let text = String::deserialize(deserializer)?;
        Period::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format_args!(
                "{text:?} is no duration: write a number with ms, s, m, h or d, such as \"30s\""
            ))
        })
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

    fn parse(text: &str) -> Option<Size> {
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

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(octets) => Ok(Size(octets)),
            Written::Text(text) => Size::parse(&text).ok_or_else(|| {
                serde::de::Error::custom(format_args!(
                    "{text:?} is no size: write a number, alone or with KiB, MiB or GiB, such as \"50MiB\""
                ))
            }),
        }
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
        ] {
            assert_eq!(Period::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Size::parse("50MiB"), Some(Size::mebibytes(50)));
        assert_eq!(Size::parse("17"), Some(Size::octets(17)));
        for wrong in ["", "MiB", "5MB", "-5", "99999999999GiB"] {
            assert_eq!(Size::parse(wrong), None, "{wrong}");
        }
    }
}
