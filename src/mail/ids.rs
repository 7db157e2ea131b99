//! Identifiers of IMAP and of our own tables, as distinct types.
//!
//! RFC 9051 §2.3.1.1 (UID, UIDVALIDITY) and RFC 7162 §3.1 (MODSEQ). Sequence numbers are not here: they belong to
//! one session's picture of a mailbox and exist only under `imap/`.

use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};

/// A message's unique identifier within one mailbox (RFC 9051 §2.3.1.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Uid(NonZeroU32);

impl Uid {
    /// The first UID of an empty mailbox.
    pub const MIN: Uid = Uid(NonZeroU32::MIN);
    /// The highest UID there can be.
    pub const MAX: Uid = Uid(NonZeroU32::MAX);

    /// A UID, unless the number is 0.
    pub fn new(value: u32) -> Option<Uid> {
        NonZeroU32::new(value).map(Uid)
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0.get()
    }

    /// The UID after this one, or nothing when the mailbox has used them all.
    pub fn next(self) -> Option<Uid> {
        self.0.checked_add(1).map(Uid)
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The unique identifier validity value of a mailbox (RFC 9051 §2.3.1.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UidValidity(NonZeroU32);

impl UidValidity {
    /// The lowest there is.
    pub const MIN: UidValidity = UidValidity(NonZeroU32::MIN);

    /// A UIDVALIDITY, unless the number is 0.
    pub fn new(value: u32) -> Option<UidValidity> {
        NonZeroU32::new(value).map(UidValidity)
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for UidValidity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A modification sequence number: the position of one Change in the history of its mailbox (RFC 7162 §3.1).
///
/// It fits in 63 bits, as RFC 7162 §7 wants.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ModSeq(NonZeroU64);

impl ModSeq {
    /// The MODSEQ of a mailbox in which nothing has happened yet.
    pub const MIN: ModSeq = ModSeq(NonZeroU64::MIN);

    /// A MODSEQ, unless the number is 0 or needs more than 63 bits.
    pub fn new(value: u64) -> Option<ModSeq> {
        if value > i64::MAX as u64 {
            return None;
        }
        NonZeroU64::new(value).map(ModSeq)
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0.get()
    }

    /// The MODSEQ of the Change after this one.
    pub fn next(self) -> ModSeq {
        ModSeq(self.0.saturating_add(1))
    }
}

impl fmt::Display for ModSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An account, as the accounts database numbers it. Never given twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AccountId(pub i64);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A mailbox, as the index numbers it. Means nothing after the index was rebuilt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MailboxId(pub i64);

/// One IMAP session (or any other author of changes), so that it can tell its own changes from those of others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SessionId(pub u64);

impl SessionId {
    /// The author of changes that no session made: a delivery, another program's work in the Maildir.
    pub const NONE: SessionId = SessionId(0);
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A message on its way: as Received, the log, the reply to its sender and the queue name it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct QueueId(pub u64);

impl QueueId {
    /// One that was never given: the time in milliseconds, and 20 bits of chance behind it.
    pub fn fresh() -> QueueId {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let milliseconds = now.map_or(0, |since| since.as_millis() as u64) & 0x7ff_ffff_ffff;
        QueueId(milliseconds << 20 | u64::from(rand::random::<u32>() >> 12))
    }

    /// From how it is written.
    pub fn parse(text: &str) -> Option<QueueId> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits.then(|| u64::from_str_radix(text, 16).ok())?.map(QueueId)
    }
}

/// Sixteen hexadecimal digits.
impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
