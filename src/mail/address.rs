//! Mail addresses (RFC 5321 §4.1.2, RFC 6531 §3.3).
//!
//! An [`Address`] is always one that SMTP can carry: the grammar is applied where a text comes in, and nowhere else.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// The longest local part in octets, unquoted. RFC 5321 §4.5.3.1.1 wants 64 at least, and no limit where there need not be
/// one: senders that forwarders have rewritten (SRS) hold a whole address.
const MAX_LOCAL: usize = 180;

/// The longest domain in octets (RFC 5321 §4.5.3.1.2).
const MAX_DOMAIN: usize = 255;

/// A mailbox address: local part and domain, each checked, quotes taken off the local part, domain in lower-case U-labels
/// (or an address literal with its brackets). Compared and hashed as normalised by [`Address::parse`]; the local part keeps its case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Address {
    local: String,
    domain: String,
}

/// Why a text is no address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a mail address")]
pub struct InvalidAddress;

impl Address {
    /// From `local@domain`, with or without quotes around the local part.
    pub fn parse(text: &str) -> Result<Address, InvalidAddress> {
        let (local, domain) = if let Some(quoted) = text.strip_prefix('"') {
            let (local, rest) = quoted_string(quoted).ok_or(InvalidAddress)?;
            (local, rest.strip_prefix('@').ok_or(InvalidAddress)?)
        } else {
            let (local, domain) = text.split_once('@').ok_or(InvalidAddress)?;
            if !is_dot_string(local) {
                return Err(InvalidAddress);
            }
            (local.to_owned(), domain)
        };
        Address::new(&local, domain)
    }

    /// From a local part without quotes and a domain or address literal.
    pub fn new(local: &str, domain: &str) -> Result<Address, InvalidAddress> {
        // Empty is in the grammar, as `""`, but names nobody, and `"" @ domain` is how some would store a whole domain.
        if local.is_empty() || local.len() > MAX_LOCAL || local.chars().any(char::is_control) {
            return Err(InvalidAddress);
        }
        let domain = match domain.strip_prefix('[') {
            Some(literal) => normalise_literal(literal.strip_suffix(']').ok_or(InvalidAddress)?)?,
            None => normalise_domain(domain)?,
        };
        Ok(Address {
            local: local.to_owned(),
            domain,
        })
    }

    /// The local part, unquoted.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The domain, normalised.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The domain as the DNS knows it, in A-labels; `None` for an address literal.
    pub fn dns_domain(&self) -> Option<String> {
        match self.domain.starts_with('[') {
            true => None,
            false => to_a_labels(&self.domain).ok().map(Into::into),
        }
    }

    /// As [`fmt::Display`] with the domain in A-labels, for a peer or a message without SMTPUTF8; `None` when the local
    /// part is not ASCII, which only SMTPUTF8 can carry (RFC 6531 §3.2).
    pub fn to_ascii(&self) -> Option<String> {
        let domain = match self.domain.starts_with('[') {
            true => self.domain.as_str().into(),
            false => to_a_labels(&self.domain).ok()?,
        };
        self.local
            .is_ascii()
            .then(|| format!("{}@{domain}", Local(&self.local)))
    }
}

/// With quotes around the local part where it needs them.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", Local(&self.local), self.domain)
    }
}

/// A domain in the one form in which we compare domains: lower case, A-labels resolved to U-labels. Not an address literal.
pub fn normalise_domain(domain: &str) -> Result<String, InvalidAddress> {
    if domain.len() > MAX_DOMAIN {
        return Err(InvalidAddress);
    }
    // Both ways: to A-labels for the limits of the DNS on labels and name, back for the form we keep.
    let ascii = to_a_labels(domain)?;
    let (unicode, valid) = Uts46::new().to_unicode(ascii.as_bytes(), DENIED, Hyphens::CheckFirstLast);
    match valid {
        Ok(()) if unicode.len() <= MAX_DOMAIN => Ok(unicode.into_owned()),
        _ => Err(InvalidAddress),
    }
}

/// A domain as the DNS has it: lower case A-labels. Not an address literal.
pub fn domain_in_ascii(domain: &str) -> Result<String, InvalidAddress> {
    to_a_labels(domain).map(std::borrow::Cow::into_owned)
}

/// ASCII that no label may have: all but letters, digits, hyphens and, beyond RFC 5321, the underscore, which the DNS allows
/// (RFC 2181 §11) and domains that send mail do have.
const DENIED: AsciiDenyList = AsciiDenyList::new(true, "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~");

fn to_a_labels(domain: &str) -> Result<std::borrow::Cow<'_, str>, InvalidAddress> {
    Uts46::new()
        .to_ascii(domain.as_bytes(), DENIED, Hyphens::CheckFirstLast, DnsLength::Verify)
        .map_err(|_| InvalidAddress)
}

/// RFC 5321 §4.1.3. `General-address-literal` has no registered tag besides IPv6.
fn normalise_literal(literal: &str) -> Result<String, InvalidAddress> {
    match literal.split_at_checked(5) {
        Some((tag, address)) if tag.eq_ignore_ascii_case("IPv6:") => {
            address.parse::<Ipv6Addr>().map(|address| format!("[IPv6:{address}]"))
        }
        _ => literal.parse::<Ipv4Addr>().map(|address| format!("[{address}]")),
    }
    .map_err(|_| InvalidAddress)
}

/// A local part as it is written: `Dot-string` if it can be, else `Quoted-string`.
struct Local<'a>(&'a str);

impl fmt::Display for Local<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_string(self.0) {
            return f.write_str(self.0);
        }
        f.write_str("\"")?;
        for character in self.0.chars() {
            if matches!(character, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{character}")?;
        }
        f.write_str("\"")
    }
}

/// `Dot-string = Atom *("." Atom)`, with all beyond ASCII as `atext` (RFC 6531 §3.3).
fn is_dot_string(text: &str) -> bool {
    let atext = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii();
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(atext))
}

/// What is behind an opening quote up to the closing one, unquoted, and the rest behind it.
fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut content = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((content, &text[index + 1..])),
            // quoted-pairSMTP = %d92 %d32-126
            '\\' => content.push(characters.next().map(|(_, c)| c).filter(|c| matches!(c, ' '..='~'))?),
            _ => content.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_and_how_they_are_written() {
        for (text, local, domain, written) in [
            ("jones@Xyz.COM", "jones", "xyz.com", "jones@xyz.com"),
            (
                "O'Neil+tag=1@a-b.example",
                "O'Neil+tag=1",
                "a-b.example",
                "O'Neil+tag=1@a-b.example",
            ),
            ("\"a b\"@c.example", "a b", "c.example", "\"a b\"@c.example"),
            ("\"a@b\"@c.example", "a@b", "c.example", "\"a@b\"@c.example"),
            ("\"plain\"@c.example", "plain", "c.example", "plain@c.example"),
            (
                "\"a\\\"\\b\\\\\"@c.example",
                "a\"b\\",
                "c.example",
                "\"a\\\"b\\\\\"@c.example",
            ),
            ("\".a..b\"@c.example", ".a..b", "c.example", "\".a..b\"@c.example"),
            ("a@[192.0.2.1]", "a", "[192.0.2.1]", "a@[192.0.2.1]"),
            (
                "a@[ipv6:2001:DB8::0:1]",
                "a",
                "[IPv6:2001:db8::1]",
                "a@[IPv6:2001:db8::1]",
            ),
            ("a@localhost", "a", "localhost", "a@localhost"),
            ("a@em_1.example", "a", "em_1.example", "a@em_1.example"),
            ("a@r3---sn.example", "a", "r3---sn.example", "a@r3---sn.example"),
            (
                "Dörte@Sörensen.example",
                "Dörte",
                "sörensen.example",
                "Dörte@sörensen.example",
            ),
            (
                "a@xn--srensen-90a.example",
                "a",
                "sörensen.example",
                "a@sörensen.example",
            ),
            ("用户@例子.广告", "用户", "例子.广告", "用户@例子.广告"),
            ("\"用 户\"@例子.广告", "用 户", "例子.广告", "\"用 户\"@例子.广告"),
        ] {
            let address = Address::parse(text).expect(text);
            assert_eq!(
                (address.local(), address.domain(), &*address.to_string()),
                (local, domain, written)
            );
            assert_eq!(Address::parse(written).as_ref(), Ok(&address));
            assert_eq!(Address::new(local, domain), Ok(address));
        }
    }

    #[test]
    fn what_is_no_address() {
        let long = format!("{}@example.org", "a".repeat(181));
        let label = format!("a@{}.example", "b".repeat(64));
        let domain = format!("a@{}example", "b.".repeat(125));
        for text in [
            "",
            "a",
            "@",
            "a@",
            "@b",
            "a@b@c",
            ".a@b",
            "a.@b",
            "a..b@c",
            "a b@c",
            "<a@b>",
            "a@b.",
            "a@.b",
            "a@b..c",
            "a@b c",
            "a@-b",
            "a@b-",
            "a@b\r\n",
            "a\r@b",
            "a\0@b",
            "\"a\r\n\"@b",
            "\"a\0\"@b",
            "\"\\\r\"@b",
            "\"a@b",
            "\"a\"b@c",
            "\"\"@b",
            "\"a\"",
            "a@[1.2.3]",
            "a@[1.2.3.4",
            "a@[1.2.3.400]",
            "a@[IPv6:1.2.3.4]",
            "a@[x:y]",
            "a@[]",
            "a@xn--a",
            "a\u{85}@b",
            "a@\u{202e}b",
            &long,
            &label,
            &domain,
        ] {
            assert_eq!(Address::parse(text), Err(InvalidAddress), "{text:?}");
        }
        assert!(Address::new("", "example.org").is_err() && Address::new("a\n", "example.org").is_err());
        assert!(normalise_domain("[192.0.2.1]").is_err());
        assert!(Address::parse(&long[1..]).is_ok());
    }

    #[test]
    fn without_smtputf8() {
        for (text, wanted) in [
            ("\"a b\"@Sörensen.example", Some("\"a b\"@xn--srensen-90a.example")),
            ("a@[192.0.2.1]", Some("a@[192.0.2.1]")),
            ("ü@example.org", None),
        ] {
            assert_eq!(Address::parse(text).unwrap().to_ascii().as_deref(), wanted);
        }
    }

    proptest! {
        #[test]
        fn any_local_part_survives_writing(local in "[ -~äß漢]{1,16}") {
            let address = Address::new(&local, "example.org").unwrap();
            prop_assert_eq!(Address::parse(&address.to_string()), Ok(address));
        }

        #[test]
        fn any_text_can_be_read(text: String, like in "[a-z\"\\\\@.\\[\\]:äX-]{0,30}") {
            let _ = Address::parse(&text);
            if let Ok(address) = Address::parse(&like) {
                prop_assert_eq!(Address::parse(&address.to_string()), Ok(address));
            }
        }
    }
}
