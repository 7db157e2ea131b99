//! The name of a Sieve script (RFC 5804 §1.6).

use std::fmt;

/// The name of a script: 1 to [`ScriptName::MAX_LENGTH`] octets of UTF-8 without control characters. Compared as it is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScriptName(String);

impl ScriptName {
    /// The longest name: RFC 5804 §1.6 wants 128 characters, which may be so many octets.
    pub const MAX_LENGTH: usize = 512;

    /// A name, unless it is empty, too long, or has characters that none may have.
    pub fn new(name: &str) -> Option<ScriptName> {
        let denied = |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
        let fits = (1..=ScriptName::MAX_LENGTH).contains(&name.len());
        (fits && !name.chars().any(denied)).then(|| ScriptName(name.to_owned()))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ScriptName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
