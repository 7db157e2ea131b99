//! What delivery status notifications are asked for by: NOTIFY, RET, ENVID and ORCPT (RFC 3461), and the status codes that
//! they tell (RFC 3463).

use std::fmt;
use std::str::FromStr;

/// The longest ENVID (RFC 3461 §4.4).
const MAX_ENVID: usize = 100;
/// The longest ORCPT (RFC 3461 §4.2).
const MAX_ORCPT: usize = 500;

/// Of what a sender wants to be told about one recipient (RFC 3461 §4.1). All `false` is NEVER.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Notify {
    /// SUCCESS: that it was delivered.
    pub success: bool,
    /// FAILURE: that it cannot be.
    pub failure: bool,
    /// DELAY: that it takes long.
    pub delay: bool,
}

/// A parameter that is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a parameter of RFC 3461")]
pub struct InvalidParameter;

impl Notify {
    /// NEVER.
    pub const NEVER: Notify = Notify {
        success: false,
        failure: false,
        delay: false,
    };
    /// What holds where nothing was asked for: FAILURE must be told, DELAY may be (RFC 3461 §4.1).
    pub const USUAL: Notify = Notify {
        success: false,
        failure: true,
        delay: true,
    };
}

/// `NEVER`, or a list of the others. Nothing twice, in any case.
impl FromStr for Notify {
    type Err = InvalidParameter;

    fn from_str(value: &str) -> Result<Notify, InvalidParameter> {
        if value.eq_ignore_ascii_case("NEVER") {
            return Ok(Notify::NEVER);
        }
        let mut notify = Notify::NEVER;
        for word in value.split(',') {
            let wanted = match word.to_ascii_uppercase().as_str() {
                "SUCCESS" => &mut notify.success,
                "FAILURE" => &mut notify.failure,
                "DELAY" => &mut notify.delay,
                _ => return Err(InvalidParameter),
            };
            if std::mem::replace(wanted, true) {
                return Err(InvalidParameter);
            }
        }
        Ok(notify)
    }
}

impl fmt::Display for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            (self.success, "SUCCESS"),
            (self.failure, "FAILURE"),
            (self.delay, "DELAY"),
        ];
        let words: Vec<&str> = words
            .iter()
            .filter(|(wanted, _)| *wanted)
            .map(|(_, word)| *word)
            .collect();
        match words.is_empty() {
            true => f.write_str("NEVER"),
            false => f.write_str(&words.join(",")),
        }
    }
}

/// How much of the message comes back with a failure (RFC 3461 §4.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Return {
    /// FULL: all of it.
    Full,
    /// HDRS: its header.
    Headers,
}

impl FromStr for Return {
    type Err = InvalidParameter;

    fn from_str(value: &str) -> Result<Return, InvalidParameter> {
        match value.to_ascii_uppercase().as_str() {
            "FULL" => Ok(Return::Full),
            "HDRS" => Ok(Return::Headers),
            _ => Err(InvalidParameter),
        }
    }
}

impl fmt::Display for Return {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Return::Full => "FULL",
            Return::Headers => "HDRS",
        })
    }
}

/// An envelope identifier, kept as it came: xtext (RFC 3461 §4.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EnvelopeId(String);

impl EnvelopeId {
    /// What the sender called it.
    pub fn decoded(&self) -> String {
        // It was decoded when it came in.
        decode_xtext(&self.0).unwrap_or_default()
    }
}

impl FromStr for EnvelopeId {
    type Err = InvalidParameter;

    fn from_str(value: &str) -> Result<EnvelopeId, InvalidParameter> {
        let decoded = decode_xtext(value).ok_or(InvalidParameter)?;
        let printable = decoded.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        match (1..=MAX_ENVID).contains(&value.len()) && printable {
            true => Ok(EnvelopeId(value.to_owned())),
            false => Err(InvalidParameter),
        }
    }
}

/// As ENVID takes it.
impl fmt::Display for EnvelopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whom the sender wrote to, kept as it came: `addr-type ";" xtext` (RFC 3461 §4.2), or with `utf-8` one of the encodings
/// of RFC 6533 §3.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OriginalRecipient(String);

impl OriginalRecipient {
    /// `addr-type ";" address`, as the field Original-Recipient has it (RFC 3464 §2.3.1).
    pub fn decoded(&self) -> String {
        let (kind, address) = self.0.split_once(';').unwrap_or(("rfc822", &self.0));
        format!("{kind};{}", decode_orcpt(kind, address).unwrap_or_default())
    }
}

impl FromStr for OriginalRecipient {
    type Err = InvalidParameter;

    fn from_str(value: &str) -> Result<OriginalRecipient, InvalidParameter> {
        let (kind, address) = value.split_once(';').ok_or(InvalidParameter)?;
        let atom = |byte: u8| byte.is_ascii_alphanumeric() || b"-_+.".contains(&byte);
        let decoded = decode_orcpt(kind, address).ok_or(InvalidParameter)?;
        let fits = value.len() <= MAX_ORCPT && !kind.is_empty() && !decoded.is_empty();
        match fits && kind.bytes().all(atom) && !decoded.chars().any(char::is_control) {
            true => Ok(OriginalRecipient(value.to_owned())),
            false => Err(InvalidParameter),
        }
    }
}

/// As ORCPT takes it.
impl fmt::Display for OriginalRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The address of an ORCPT. RFC 6533 §3: with `utf-8`, `\x{HEX}` stands for what ASCII cannot, and UTF-8 may stand as it is.
fn decode_orcpt(kind: &str, address: &str) -> Option<String> {
    if !kind.eq_ignore_ascii_case("utf-8") {
        return decode_xtext(address);
    }
    let mut decoded = String::with_capacity(address.len());
    let mut rest = address;
    while let Some((plain, escaped)) = rest.split_once("\\x{") {
        let (hex, behind) = escaped.split_once('}')?;
        decoded.push_str(plain);
        decoded.push(char::from_u32(u32::from_str_radix(hex, 16).ok()?)?);
        rest = behind;
    }
    decoded.push_str(rest);
    Some(decoded)
}

/// Text as xtext: `+` and two hexadecimal digits for all that cannot stand in a parameter (RFC 3461 §4).
pub fn encode_xtext(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'!'..=b'~' if byte != b'+' && byte != b'=' => encoded.push(byte as char),
            _ => encoded.push_str(&format!("+{byte:02X}")),
        }
    }
    encoded
}

/// From xtext; `None` when it is none, or no text.
pub fn decode_xtext(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => {
                let digit = |byte: Option<u8>| byte.filter(|byte| !byte.is_ascii_lowercase());
                let high = (digit(bytes.next())? as char).to_digit(16)?;
                let low = (digit(bytes.next())? as char).to_digit(16)?;
                decoded.push((high * 16 + low) as u8);
            }
            b'=' => return None,
            b'!'..=b'~' => decoded.push(byte),
            _ => return None,
        }
    }
    String::from_utf8(decoded).ok()
}

/// An enhanced status code (RFC 3463 §2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status {
    /// 2, 4 or 5.
    pub class: u8,
    /// What it is about.
    pub subject: u16,
    /// What of that.
    pub detail: u16,
}

impl Status {
    /// A status code.
    pub const fn new(class: u8, subject: u16, detail: u16) -> Status {
        Status { class, subject, detail }
    }

    /// Where nothing more is known than the first digit of a reply: `x.0.0`.
    pub fn of_reply(code: u16) -> Status {
        Status::new(
            match code {
                200..300 => 2,
                500..600 => 5,
                _ => 4,
            },
            0,
            0,
        )
    }
}

impl FromStr for Status {
    type Err = InvalidParameter;

    fn from_str(text: &str) -> Result<Status, InvalidParameter> {
        let number = |part: Option<&str>| {
            let part = part.filter(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
            part.and_then(|part| part.parse().ok()).ok_or(InvalidParameter)
        };
        let mut parts = text.split('.');
        let class = number(parts.next())?;
        let (subject, detail) = (number(parts.next())?, number(parts.next())?);
        match (class, parts.next()) {
            (2 | 4 | 5, None) => Ok(Status::new(class as u8, subject, detail)),
            _ => Err(InvalidParameter),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn notify_is_never_or_a_list() {
        for (text, written) in [
            ("NEVER", Some("NEVER")),
            ("never", Some("NEVER")),
            ("SUCCESS", Some("SUCCESS")),
            ("delay,FAILURE", Some("FAILURE,DELAY")),
            ("SUCCESS,FAILURE,DELAY", Some("SUCCESS,FAILURE,DELAY")),
            ("", None),
            ("NEVER,SUCCESS", None),
            ("SUCCESS,NEVER", None),
            ("SUCCESS,SUCCESS", None),
            ("SUCCESS,", None),
            ("ALWAYS", None),
        ] {
            let notify = text.parse::<Notify>().ok();
            assert_eq!(notify.map(|notify| notify.to_string()).as_deref(), written, "{text}");
        }
    }

    #[test]
    fn original_recipients() {
        for (text, decoded) in [
            ("rfc822;Bob@Example.COM", Some("rfc822;Bob@Example.COM")),
            // RFC 3461 §5.2.6 and §10.
            ("rfc822;Carol@Ivory.EDU", Some("rfc822;Carol@Ivory.EDU")),
            ("rfc822;+40ZIG", Some("rfc822;@ZIG")),
            ("x400;/c+3Dus/", Some("x400;/c=us/")),
            ("utf-8;Dörte@x.example", Some("utf-8;Dörte@x.example")),
            ("utf-8;D\\x{F6}rte@x.example", Some("utf-8;Dörte@x.example")),
            ("rfc822;", None),
            (";a", None),
            ("a@b", None),
            ("rfc822;a=b", None),
            ("rfc822;+0Aa", None),
            ("rfc822;a+4", None),
            ("rfc822;ö", None),
            ("utf-8;\\x{D800}", None),
            ("utf-8;\\x{A}", None),
        ] {
            let parsed = text.parse::<OriginalRecipient>().ok();
            assert_eq!(
                parsed.as_ref().map(OriginalRecipient::decoded).as_deref(),
                decoded,
                "{text}"
            );
            assert!(parsed.is_none_or(|parsed| parsed.to_string() == text));
        }
        assert!(
            format!("rfc822;{}", "a".repeat(500))
                .parse::<OriginalRecipient>()
                .is_err()
        );
    }

    #[test]
    fn envelope_identifiers() {
        assert_eq!("QQ314159".parse::<EnvelopeId>().unwrap().decoded(), "QQ314159");
        assert_eq!("a+20b".parse::<EnvelopeId>().unwrap().decoded(), "a b");
        let long = "a".repeat(101);
        for text in ["", "a b", "a+0Ab", "+C3+B6", long.as_str()] {
            assert_eq!(text.parse::<EnvelopeId>(), Err(InvalidParameter), "{text}");
        }
    }

    #[test]
    fn status_codes() {
        for text in ["2.0.0", "5.1.1", "4.4.7", "5.7.999"] {
            assert_eq!(text.parse::<Status>().unwrap().to_string(), text);
        }
        for text in ["", "5.1", "5.1.1.1", "3.0.0", "5.1.1000", "5.x.1", "5.+1.1", "55.1.1"] {
            assert_eq!(text.parse::<Status>(), Err(InvalidParameter), "{text}");
        }
        assert_eq!(Status::of_reply(550).to_string(), "5.0.0");
    }

    proptest! {
        #[test]
        fn xtext_keeps_any_text(text: String) {
            let encoded = encode_xtext(&text);
            prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'='));
            prop_assert_eq!(decode_xtext(&encoded), Some(text));
        }

        #[test]
        fn any_parameter_can_be_read(text in "(rfc822;|utf-8;)?[ -~ö]{0,20}") {
            let _ = text.parse::<Notify>();
            let _ = text.parse::<EnvelopeId>();
            let _ = text.parse::<OriginalRecipient>().map(|parsed| parsed.decoded());
        }
    }
}
