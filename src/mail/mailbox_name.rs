//! The name of a mailbox, with the rules of RFC 9051 §5.1 applied once.

use super::address::Address;
use std::fmt;

/// A mailbox name in UTF-8, its levels separated by [`MailboxName::SEPARATOR`].
///
/// `INBOX` in any case is the one INBOX, also as the first level of a longer name. No level is empty, `.` or `..`; no
/// character is a control character. How it is written on the wire (modified UTF-7) is `imap/`'s business, how on
/// disk (Maildir++) `storage/maildir/`'s.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MailboxName(String);

/// Why a text is no mailbox name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidMailboxName {
    /// The empty name, or an empty level (`a//b`, a separator in front or behind).
    #[error("a mailbox name has no empty level")]
    EmptyLevel,
    /// `.` or `..` as a level.
    #[error("`.` and `..` are no mailbox names")]
    Dots,
    /// NUL, another control character, or U+2028/U+2029 (RFC 5198 §2).
    #[error("a mailbox name has no control characters")]
    Control,
    /// A new name in another form than NFC (RFC 5198 §3). Names that are there already may have any.
    #[error("a new mailbox name is in Unicode Normalization Form C")]
    NotComposed,
    /// Longer than [`MailboxName::MAX_LENGTH`] bytes.
    #[error("the mailbox name is too long")]
    TooLong,
    /// Deeper than [`MailboxName::MAX_LEVELS`] levels.
    #[error("the mailbox name has too many levels")]
    TooDeep,
}

impl MailboxName {
    /// Between the levels of a name.
    pub const SEPARATOR: char = '/';
    /// The longest name in bytes. A Maildir++ folder is one directory name of at most 255 bytes, in modified UTF-7.
    pub const MAX_LENGTH: usize = 200;
    /// The most levels.
    pub const MAX_LEVELS: usize = 20;
    /// The level above the mailboxes of other users (RFC 2342 §4): below it comes the owner's address, and below that the name
    /// by which the owner knows the mailbox.
    pub const OTHER_USERS: &str = "Other Users";
    /// How much longer a name may be that has these levels in front: an address of 64 and 255 octets, `@` and separators.
    const OWNER_LENGTH: usize = MailboxName::OTHER_USERS.len() + 64 + 255 + 3;
    /// The longest name there is in bytes, those of other users' mailboxes included.
    pub const LONGEST: usize = MailboxName::MAX_LENGTH + MailboxName::OWNER_LENGTH;

    /// A name from its UTF-8 form. A single separator at the end, as CREATE may carry (RFC 9051 §6.3.4), must have
    /// been taken off by the caller.
    pub fn new(name: &str) -> Result<MailboxName, InvalidMailboxName> {
        let (more_octets, more_levels) = match below_other_users(name) {
            Some(_) => (MailboxName::OWNER_LENGTH, 2),
            None => (0, 0),
        };
        if name.len() > MailboxName::MAX_LENGTH + more_octets {
            return Err(InvalidMailboxName::TooLong);
        }
        if name
            .chars()
            .any(|c| c.is_control() || c == '\u{2028}' || c == '\u{2029}')
        {
            return Err(InvalidMailboxName::Control);
        }
        let mut levels = 0;
        for level in name.split(MailboxName::SEPARATOR) {
            match level {
                "" => return Err(InvalidMailboxName::EmptyLevel),
                "." | ".." => return Err(InvalidMailboxName::Dots),
                _ => levels += 1,
            }
        }
        if levels > MailboxName::MAX_LEVELS + more_levels {
            return Err(InvalidMailboxName::TooDeep);
        }
        let (first, rest) = match name.split_once(MailboxName::SEPARATOR) {
            Some((first, rest)) => (first, Some(rest)),
            None => (name, None),
        };
        Ok(match (first.eq_ignore_ascii_case("INBOX"), rest) {
            (true, None) => MailboxName::inbox(),
            (true, Some(rest)) => MailboxName(format!("INBOX{}{rest}", MailboxName::SEPARATOR)),
            (false, _) => MailboxName(name.to_owned()),
        })
    }

    /// The INBOX.
    pub fn inbox() -> MailboxName {
        MailboxName("INBOX".to_owned())
    }

    /// Whether it is the INBOX.
    pub fn is_inbox(&self) -> bool {
        self.0 == "INBOX"
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What others call a mailbox of this owner.
    pub fn of_other_user(owner: &Address, name: &MailboxName) -> MailboxName {
        let separator = MailboxName::SEPARATOR;
        MailboxName(format!(
            "{}{separator}{owner}{separator}{}",
            MailboxName::OTHER_USERS,
            name.0
        ))
    }

    /// The owner's level and the name behind it, of a name below [`MailboxName::OTHER_USERS`].
    pub fn in_other_users(&self) -> Option<(&str, Option<&str>)> {
        let below = below_other_users(&self.0)?;
        Some(match below.split_once(MailboxName::SEPARATOR) {
            Some((owner, name)) => (owner, Some(name)),
            None => (below, None),
        })
    }

    /// The levels from the top.
    pub fn levels(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split(MailboxName::SEPARATOR)
    }

    /// The name one level up.
    pub fn parent(&self) -> Option<MailboxName> {
        self.0
            .rsplit_once(MailboxName::SEPARATOR)
            .map(|(parent, _)| MailboxName(parent.to_owned()))
    }

    /// Whether this name lies anywhere below `ancestor`.
    pub fn is_below(&self, ancestor: &MailboxName) -> bool {
        self.0
            .strip_prefix(&ancestor.0)
            .is_some_and(|rest| rest.starts_with(MailboxName::SEPARATOR))
    }

    /// This name, which lies below `from`, as it is after `from` was renamed to `to`.
    pub fn rebased(&self, from: &MailboxName, to: &MailboxName) -> Result<MailboxName, InvalidMailboxName> {
        let rest = self.0.strip_prefix(&from.0).unwrap_or("");
        MailboxName::new(&format!("{}{rest}", to.0))
    }
}

fn below_other_users(name: &str) -> Option<&str> {
    name.strip_prefix(MailboxName::OTHER_USERS)?
        .strip_prefix(MailboxName::SEPARATOR)
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a mailbox is for (RFC 6154 §2, RFC 8457 §3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SpecialUse {
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Important` (RFC 8457 §3)
    Important,
    /// `\Junk`
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
}

impl SpecialUse {
    /// All of them.
    pub const ALL: [SpecialUse; 6] = [
        SpecialUse::Archive,
        SpecialUse::Drafts,
        SpecialUse::Important,
        SpecialUse::Junk,
        SpecialUse::Sent,
        SpecialUse::Trash,
    ];

    /// The attribute as LIST prints it.
    pub fn attribute(self) -> &'static str {
        match self {
            SpecialUse::Archive => "\\Archive",
            SpecialUse::Drafts => "\\Drafts",
            SpecialUse::Important => "\\Important",
            SpecialUse::Junk => "\\Junk",
            SpecialUse::Sent => "\\Sent",
            SpecialUse::Trash => "\\Trash",
        }
    }

    /// From the attribute, in any case.
    pub fn from_attribute(name: &str) -> Option<SpecialUse> {
        SpecialUse::ALL
            .into_iter()
            .find(|special| special.attribute().eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inbox_has_one_spelling() {
        assert!(MailboxName::new("iNbOx").unwrap().is_inbox());
        assert_eq!(MailboxName::new("inbox/Lists").unwrap().as_str(), "INBOX/Lists");
        assert_eq!(MailboxName::new("inboxes").unwrap().as_str(), "inboxes");
    }

    #[test]
    fn what_is_no_name() {
        use InvalidMailboxName::*;
        for (name, why) in [
            ("", EmptyLevel),
            ("/a", EmptyLevel),
            ("a//b", EmptyLevel),
            ("../x", Dots),
            ("a/./b", Dots),
            ("a\0b", Control),
            ("a\u{7f}", Control),
        ] {
            assert_eq!(MailboxName::new(name), Err(why), "{name:?}");
        }
        assert_eq!(MailboxName::new(&"x".repeat(201)), Err(TooLong));
        assert_eq!(MailboxName::new(&["x"; 21].join("/")), Err(TooDeep));
    }

    #[test]
    fn names_of_others() {
        let owner = Address::new("bob", "example.org").unwrap();
        for name in ["INBOX", "Lists/rust", &"x".repeat(200), &["x"; 20].join("/")] {
            let mine = MailboxName::new(name).unwrap();
            let theirs = MailboxName::of_other_user(&owner, &mine);
            assert_eq!(MailboxName::new(theirs.as_str()), Ok(theirs.clone()), "{name}");
            assert_eq!(theirs.in_other_users(), Some(("bob@example.org", Some(name))));
            assert_eq!(mine.in_other_users(), None);
        }
        let name = |name| MailboxName::new(name).unwrap();
        assert_eq!(name("Other Users").in_other_users(), None);
        assert_eq!(name("Other Users/x").in_other_users(), Some(("x", None)));
        assert_eq!(
            MailboxName::new(&format!("Other Users/{}", "x".repeat(600))),
            Err(InvalidMailboxName::TooLong)
        );
    }

    #[test]
    fn below_and_rebased() {
        let (a, b) = (MailboxName::new("a").unwrap(), MailboxName::new("z/y").unwrap());
        let child = MailboxName::new("a/b/c").unwrap();
        assert!(child.is_below(&a) && !MailboxName::new("ab").unwrap().is_below(&a) && !a.is_below(&a));
        assert_eq!(child.rebased(&a, &b).unwrap().as_str(), "z/y/b/c");
    }
}
