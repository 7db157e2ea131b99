//! What a sender wants of the way of a message, at every server that it passes: whether it must be encrypted (RFC 8689), what
//! comes first (RFC 6710), by when it is to be there (RFC 2852).

use std::fmt;
use std::str::FromStr;

use super::dsn::InvalidParameter;

/// The longest time of BY in seconds: nine digits (RFC 2852 §4).
const MAX_BY: i64 = 999_999_999;

/// All of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Handling {
    /// Whether it must, or need not, be encrypted.
    pub tls: TlsWish,
    /// MT-PRIORITY.
    pub priority: Priority,
    /// BY.
    pub by: Option<DeliverBy>,
}

/// What a sender says of encryption, in the order of what is wanted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum TlsWish {
    /// `TLS-Required: No`: rather delivered than encrypted as the other domain wants it (RFC 8689 §3).
    Optional,
    /// Nothing.
    #[default]
    Usual,
    /// REQUIRETLS: rather returned than not encrypted, on all of its way (RFC 8689 §2).
    Required,
}

impl TlsWish {
    /// As the queue writes it.
    pub fn word(self) -> &'static str {
        match self {
            TlsWish::Optional => "optional",
            TlsWish::Usual => "",
            TlsWish::Required => "required",
        }
    }
}

impl FromStr for TlsWish {
    type Err = InvalidParameter;

    fn from_str(word: &str) -> Result<TlsWish, InvalidParameter> {
        [TlsWish::Optional, TlsWish::Usual, TlsWish::Required]
            .into_iter()
            .find(|wish| wish.word() == word)
            .ok_or(InvalidParameter)
    }
}

/// How urgent a message is, -9 to 9; the higher go first (RFC 6710 §3). Without MT-PRIORITY it is 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Priority(i8);

impl Priority {
    /// The most urgent.
    pub const HIGHEST: i8 = 9;

    /// From a number.
    pub fn new(number: i64) -> Option<Priority> {
        let number = i8::try_from(number).ok()?;
        (-Priority::HIGHEST..=Priority::HIGHEST)
            .contains(&number)
            .then_some(Priority(number))
    }

    /// Its number.
    pub fn number(self) -> i64 {
        self.0.into()
    }
}

/// `priority-value = (["-"] NZDIGIT) / "0"` (RFC 6710 §6).
impl FromStr for Priority {
    type Err = InvalidParameter;

    fn from_str(value: &str) -> Result<Priority, InvalidParameter> {
        let number = match value.strip_prefix('-').unwrap_or(value).as_bytes() {
            [b'1'..=b'9'] => value.parse().ok(),
            [b'0'] if value == "0" => Some(0),
            _ => None,
        };
        number.and_then(Priority::new).ok_or(InvalidParameter)
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// By when a message is to be in the mailbox (RFC 2852).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeliverBy {
    /// The moment, in milliseconds since 1970.
    pub moment: i64,
    /// What happens then.
    pub mode: ByMode,
    /// T: its sender is told of every server that hands it on.
    pub trace: bool,
}

/// What happens to a message whose time is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ByMode {
    /// N: its sender is told that it takes longer.
    Notify,
    /// R: it is returned.
    Return,
}

impl DeliverBy {
    /// From BY, whose seconds count from `now` (milliseconds since 1970). RFC 2852 §4: `by-time ";" by-mode [by-trace]`; what is
    /// to be returned has time left.
    pub fn parse(value: &str, now: i64) -> Result<DeliverBy, InvalidParameter> {
        let (time, how) = value.split_once(';').ok_or(InvalidParameter)?;
        let digits = time.strip_prefix(['-', '+']).unwrap_or(time);
        if !(1..=9).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidParameter);
        }
        let seconds: i64 = time.parse().map_err(|_| InvalidParameter)?;
        let by = DeliverBy::from_words(now.saturating_add(seconds.saturating_mul(1000)), how)?;
        match by.mode == ByMode::Return && seconds <= 0 {
            true => Err(InvalidParameter),
            false => Ok(by),
        }
    }

    /// From the moment, and mode and trace as they are written.
    pub fn from_words(moment: i64, how: &str) -> Result<DeliverBy, InvalidParameter> {
        let (mode, trace) = match how.to_ascii_uppercase().as_str() {
            "N" => (ByMode::Notify, false),
            "NT" => (ByMode::Notify, true),
            "R" => (ByMode::Return, false),
            "RT" => (ByMode::Return, true),
            _ => return Err(InvalidParameter),
        };
        Ok(DeliverBy { moment, mode, trace })
    }

    /// Mode and trace.
    pub fn words(self) -> &'static str {
        match (self.mode, self.trace) {
            (ByMode::Notify, false) => "N",
            (ByMode::Notify, true) => "NT",
            (ByMode::Return, false) => "R",
            (ByMode::Return, true) => "RT",
        }
    }

    /// The value of BY for the next server: what is left of the time, rounded down (RFC 2852 §4.1.4).
    pub fn left(self, now: i64) -> String {
        format!("{};{}", self.seconds_left(now), self.words())
    }

    /// Seconds that are left; negative when it is late.
    pub fn seconds_left(self, now: i64) -> i64 {
        (self.moment - now).div_euclid(1000).clamp(-MAX_BY, MAX_BY)
    }

    /// Whether its time is over.
    pub fn is_over(self, now: i64) -> bool {
        now >= self.moment
    }

    /// Whether it is to be returned by now.
    pub fn is_to_be_returned(self, now: i64) -> bool {
        self.mode == ByMode::Return && self.is_over(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities() {
        for (text, number) in [("0", Some(0)), ("9", Some(9)), ("-9", Some(-9)), ("-1", Some(-1))] {
            assert_eq!(text.parse().ok().map(Priority::number), number);
        }
        for text in ["", "-", "-0", "+1", "10", "-10", "01", "x", "1 "] {
            assert_eq!(text.parse::<Priority>(), Err(InvalidParameter), "{text}");
        }
        assert!("3".parse::<Priority>().unwrap() > Priority::default());
    }

    #[test]
    fn times() {
        for (text, left) in [
            ("120;R", "120;R"),
            ("+120;nt", "120;NT"),
            ("-5;N", "-5;N"),
            ("0;N", "0;N"),
            ("999999999;RT", "999999999;RT"),
        ] {
            assert_eq!(DeliverBy::parse(text, 7).unwrap().left(7), left);
        }
        for text in [
            "",
            "5",
            ";R",
            "5;",
            "5;X",
            "5;RTT",
            "5;T",
            "0;R",
            "-1;R",
            "1234567890;N",
            "--1;N",
            "1.5;N",
        ] {
            assert_eq!(DeliverBy::parse(text, 7), Err(InvalidParameter), "{text}");
        }
        let by = DeliverBy::parse("10;R", 0).unwrap();
        assert_eq!((by.left(1), by.left(10_001)), ("9;R".to_owned(), "-1;R".to_owned()));
        assert!(!by.is_to_be_returned(9_999) && by.is_to_be_returned(10_000));
    }

    #[test]
    fn wishes() {
        for wish in [TlsWish::Optional, TlsWish::Usual, TlsWish::Required] {
            assert_eq!(wish.word().parse(), Ok(wish));
        }
        assert!(TlsWish::Optional < TlsWish::Usual && TlsWish::Usual < TlsWish::Required);
    }
}
