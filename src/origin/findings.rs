//! What was found out about a message, in the words of RFC 8601 §2.7. Nothing here judges.

use std::fmt;

/// What one method says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Outcome {
    /// Proven.
    Pass,
    /// Disproven.
    Fail,
    /// SPF: disproven, but the domain is not sure of it.
    SoftFail,
    /// Neither.
    Neutral,
    /// Correct, but not good enough for us.
    Policy,
    /// There is nothing to go by.
    #[default]
    None,
    /// Not known for the time being.
    TempError,
    /// What there is to go by is wrong.
    PermError,
}

impl Outcome {
    /// The word of RFC 8601.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Fail => "fail",
            Outcome::SoftFail => "softfail",
            Outcome::Neutral => "neutral",
            Outcome::Policy => "policy",
            Outcome::None => "none",
            Outcome::TempError => "temperror",
            Outcome::PermError => "permerror",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// SPF of one identity (RFC 7208 §2.3, §2.4).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Spf {
    /// What it says.
    pub outcome: Outcome,
    /// The domain that was asked, as A-labels; empty if there was none.
    pub domain: String,
}

/// One DKIM signature (RFC 6376).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Dkim {
    /// What it says.
    pub outcome: Outcome,
    /// Why, if it is not right.
    pub reason: Option<String>,
    /// Who signed (`d=`).
    pub domain: String,
    /// By which key (`s=`).
    pub selector: String,
    /// How (`a=`).
    pub algorithm: &'static str,
    /// The first octets of the signature (`b=`, RFC 6008), which tell several of one domain apart.
    pub mark: String,
}

/// The chain of seals (RFC 8617).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Arc {
    /// Whether all of them are right.
    pub outcome: Outcome,
    /// Who sealed last.
    pub sealer: String,
    /// Whether the last sealer says that DMARC was content when the message came to it.
    pub vouched: bool,
}

/// What the author's domain wants (RFC 7489).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Dmarc {
    /// Whether the author's domain is proven.
    pub outcome: Outcome,
    /// The author's domain; empty if the message names none.
    pub domain: String,
    /// What it asks for when it is not proven.
    pub policy: Policy,
    /// Whether SPF proves a domain of the author's organisation.
    pub by_spf: bool,
    /// Whether a signature does.
    pub by_dkim: bool,
    /// Where that is published, if reports of it are wanted.
    pub published: Option<Published>,
}

/// A record of DMARC that asks for aggregate reports.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Published {
    /// The domain that has it: the author's, or one above.
    pub domain: String,
    /// What it says, as reports keep it.
    pub policy: String,
}

/// A domain's wish for what is not proven to be from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Policy {
    /// Nothing.
    #[default]
    None,
    /// To be suspicious.
    Quarantine,
    /// To refuse.
    Reject,
}

impl Policy {
    /// The word of RFC 7489.
    pub fn as_str(self) -> &'static str {
        match self {
            Policy::None => "none",
            Policy::Quarantine => "quarantine",
            Policy::Reject => "reject",
        }
    }
}

/// Whether the client's address has a name that leads back to it (RFC 8601 §3).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reverse {
    /// What was found.
    pub outcome: Outcome,
    /// The name that leads back.
    pub name: Option<String>,
}

/// Whether a report could reach the sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reachable {
    /// Its domain takes mail, or the path is null, or it is not known.
    #[default]
    Perhaps,
    /// Its domain says that it takes none (RFC 7505).
    NullMx,
    /// Its domain is not there, or has no server.
    No,
}

/// What can be known before the message is there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Client {
    /// Whether the client hides behind a gateway: then its address says nothing.
    pub hidden: bool,
    /// SPF of the name in EHLO.
    pub hello: Spf,
    /// SPF of the reverse-path, or again of the name in EHLO if that is null.
    pub mail_from: Spf,
    /// The client's name.
    pub reverse: Reverse,
    /// Whether the name in EHLO is ours, or an address that is not the client's.
    pub false_greeting: bool,
    /// Whether the sender can be written to.
    pub reachable: Reachable,
    /// Numbers of the blocklists that have the client's address.
    pub listed: Vec<usize>,
}

/// All of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Findings {
    /// What was known before.
    pub client: Client,
    /// Its signatures, in the order of the header.
    pub dkim: Vec<Dkim>,
    /// Its chain of seals.
    pub arc: Arc,
    /// What its author's domain wants.
    pub dmarc: Dmarc,
    /// Whether it does not name one author's domain.
    pub unclear_author: bool,
}
