//! The SMTP envelope (RFC 5321 §2.3.1). The IMAP ENVELOPE is [`super::summary::MessageEnvelope`].

use super::address::{Address, InvalidAddress};
use super::dsn::{EnvelopeId, Notify, OriginalRecipient, Return};
use super::handling::Handling;
use std::fmt;

/// Who sent a message, to whom it goes, and what MAIL said of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Envelope {
    /// MAIL FROM: whom failures are reported to.
    pub reverse_path: ReversePath,
    /// RCPT TO, those accepted, in order.
    pub recipients: Vec<Recipient>,
    /// BODY (RFC 6152).
    pub body: BodyType,
    /// SMTPUTF8 was given: addresses and header fields may be UTF-8 (RFC 6531 §3.4).
    pub smtputf8: bool,
    /// SIZE: octets as the client declared them, not as they came (RFC 1870).
    pub declared_size: Option<u64>,
    /// RET: how much of the message a report of its failure returns (RFC 3461 §4.3).
    pub ret: Option<Return>,
    /// ENVID: what its sender calls it (RFC 3461 §4.4).
    pub envelope_id: Option<EnvelopeId>,
    /// HOLDFOR and HOLDUNTIL: before this moment, in milliseconds since 1970, it is not delivered (RFC 4865).
    pub hold_until: Option<i64>,
    /// REQUIRETLS, MT-PRIORITY and BY.
    pub handling: Handling,
}

/// RCPT: to whom, and of what its sender wants to be told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recipient {
    /// To whom.
    pub path: ForwardPath,
    /// NOTIFY (RFC 3461 §4.1).
    pub notify: Option<Notify>,
    /// ORCPT (RFC 3461 §4.2).
    pub original: Option<OriginalRecipient>,
}

impl From<ForwardPath> for Recipient {
    /// As after an RCPT without parameters.
    fn from(path: ForwardPath) -> Recipient {
        Recipient {
            path,
            notify: None,
            original: None,
        }
    }
}

impl Envelope {
    /// As after a MAIL without parameters.
    pub fn new(reverse_path: ReversePath) -> Envelope {
        Envelope {
            reverse_path,
            recipients: Vec::new(),
            body: BodyType::SevenBit,
            smtputf8: false,
            declared_size: None,
            ret: None,
            envelope_id: None,
            hold_until: None,
            handling: Handling::default(),
        }
    }
}

/// What the client said of the octets of a message (RFC 6152 §2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BodyType {
    /// 7BIT, also when nothing was said.
    SevenBit,
    /// 8BITMIME
    EightBitMime,
}

/// The sender of the envelope.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ReversePath {
    /// `<>`: a report, which must never cause another (RFC 5321 §4.5.5).
    Null,
    /// Where failures go.
    Address(Address),
}

impl ReversePath {
    /// From what stands between the angle brackets.
    pub fn parse(path: &str) -> Result<ReversePath, InvalidAddress> {
        match path {
            "" => Ok(ReversePath::Null),
            _ => mailbox(path).map(ReversePath::Address),
        }
    }

    /// The address, if it is not the null path.
    pub fn address(&self) -> Option<&Address> {
        match self {
            ReversePath::Null => None,
            ReversePath::Address(address) => Some(address),
        }
    }
}

/// What stands between the angle brackets: nothing for the null path.
impl fmt::Display for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReversePath::Null => Ok(()),
            ReversePath::Address(address) => address.fmt(f),
        }
    }
}

/// A recipient of the envelope.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ForwardPath {
    /// A mailbox somewhere.
    Address(Address),
    /// `<Postmaster>` without a domain, in any case: whoever looks after this server (RFC 5321 §4.1.1.3, §4.5.1).
    Postmaster,
}

impl ForwardPath {
    /// From what stands between the angle brackets.
    pub fn parse(path: &str) -> Result<ForwardPath, InvalidAddress> {
        if path.eq_ignore_ascii_case("postmaster") {
            return Ok(ForwardPath::Postmaster);
        }
        mailbox(path).map(ForwardPath::Address)
    }
}

/// What stands between the angle brackets.
impl fmt::Display for ForwardPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ForwardPath::Address(address) => address.fmt(f),
            ForwardPath::Postmaster => f.write_str("postmaster"),
        }
    }
}

/// `[ A-d-l ":" ] Mailbox`: a source route is read and dropped (RFC 5321 §4.1.1.3, Appendix C).
fn mailbox(path: &str) -> Result<Address, InvalidAddress> {
    match path.strip_prefix('@') {
        Some(route) => Address::parse(route.split_once(':').ok_or(InvalidAddress)?.1),
        None => Address::parse(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reverse_paths() {
        assert_eq!(ReversePath::parse(""), Ok(ReversePath::Null));
        let path = ReversePath::parse("@one.example,@two.example:a@B.example").unwrap();
        assert_eq!(path.address().unwrap().to_string(), "a@b.example");
        assert_eq!(format!("<{path}> <{}>", ReversePath::Null), "<a@b.example> <>");
        for path in [" ", "postmaster", "<>", "@one.example", "@one.example:"] {
            assert_eq!(ReversePath::parse(path), Err(InvalidAddress), "{path:?}");
        }
    }

    #[test]
    fn forward_paths() {
        assert_eq!(ForwardPath::parse("PostMaster"), Ok(ForwardPath::Postmaster));
        let path = ForwardPath::parse("postmaster@example.org").unwrap();
        assert_eq!(
            path,
            ForwardPath::Address(Address::new("postmaster", "example.org").unwrap())
        );
        for path in ["", "root", "\"postmaster\"", "a@"] {
            assert_eq!(ForwardPath::parse(path), Err(InvalidAddress), "{path:?}");
        }
    }
}
