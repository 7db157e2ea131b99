//! Access control lists (RFC 4314): rights, whom they are given to, and how they add up. Pure.

use super::address::Address;
use super::flags::{FlagList, Flags};
use std::collections::BTreeMap;
use std::fmt;

/// A set of rights (RFC 4314 §2.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rights(u16);

/// Why a text is no set of rights.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidRights {
    /// RFC 4314 §2: for compatibility there are none.
    #[error("rights are lower-case letters")]
    UpperCase,
    /// Not one of ours.
    #[error("there is no such right")]
    Unknown,
}

impl Rights {
    /// None.
    pub const NONE: Rights = Rights(0);
    /// `l`: the mailbox is seen.
    pub const LOOKUP: Rights = Rights(1);
    /// `r`: its messages are read.
    pub const READ: Rights = Rights(2);
    /// `s`: \Seen is changed.
    pub const SEEN: Rights = Rights(4);
    /// `w`: flags but for \Seen and \Deleted are changed.
    pub const WRITE: Rights = Rights(8);
    /// `i`: messages are put into it.
    pub const INSERT: Rights = Rights(16);
    /// `p`: mail may be sent to it. Not IMAP's business: nothing asks for it.
    pub const POST: Rights = Rights(32);
    /// `k`: mailboxes are made below it.
    pub const CREATE: Rights = Rights(64);
    /// `x`: it is deleted or renamed.
    pub const DELETE: Rights = Rights(128);
    /// `t`: \Deleted is changed.
    pub const MARK_DELETED: Rights = Rights(256);
    /// `e`: what is \Deleted is expunged.
    pub const EXPUNGE: Rights = Rights(512);
    /// `a`: who has which rights is read and changed.
    pub const ADMINISTER: Rights = Rights(1024);
    /// All of them.
    pub const ALL: Rights = Rights(2047);
    /// What the owner of a mailbox cannot lose: whoever can see and administer it can get all the rest back.
    pub const OF_OWNER: Rights = Rights::LOOKUP.union(Rights::ADMINISTER);
    /// One of these makes a selected mailbox one that can be written to (RFC 4314 §5.2). All flags are shared here.
    pub const CHANGES: Rights = Rights::FLAGS.union(Rights::INSERT).union(Rights::EXPUNGE);
    /// Those by which flags are changed.
    pub const FLAGS: Rights = Rights::SEEN.union(Rights::WRITE).union(Rights::MARK_DELETED);
    /// One of these, with [`Rights::LOOKUP`], lets annotations be read (RFC 5464 §3.3).
    pub const ANNOTATIONS: Rights = Rights(2 | 4 | 8 | 16 | 32);
    /// One of these lets the rights one has be asked for (RFC 4314 §4, MYRIGHTS).
    pub const ANY: Rights = Rights(1 | 2 | 16 | 64 | 128 | 1024);

    /// Each with its letter, in the order in which they are told. The last two are the obsolete ones of RFC 2086, which stand
    /// for several: `c` of who may create and delete mailboxes, `d` of who may delete messages (RFC 4314 §2.1.1).
    pub const LETTERS: [(Rights, char); 13] = [
        (Rights::LOOKUP, 'l'),
        (Rights::READ, 'r'),
        (Rights::SEEN, 's'),
        (Rights::WRITE, 'w'),
        (Rights::INSERT, 'i'),
        (Rights::POST, 'p'),
        (Rights::CREATE, 'k'),
        (Rights::DELETE, 'x'),
        (Rights::MARK_DELETED, 't'),
        (Rights::EXPUNGE, 'e'),
        (Rights::CREATE.union(Rights::DELETE), 'c'),
        (Rights::MARK_DELETED.union(Rights::EXPUNGE), 'd'),
        (Rights::ADMINISTER, 'a'),
    ];

    /// From its letters.
    pub fn parse(text: &str) -> Result<Rights, InvalidRights> {
        let mut rights = Rights::NONE;
        for letter in text.chars() {
            let known = Rights::LETTERS.iter().find(|(_, known)| *known == letter);
            rights = match known {
                Some((right, _)) => rights.union(*right),
                None if letter.is_ascii_uppercase() => return Err(InvalidRights::UpperCase),
                None => return Err(InvalidRights::Unknown),
            };
        }
        Ok(rights)
    }

    /// The letters without the obsolete ones, which would mean more than there is when they are read again.
    pub fn letters(self) -> String {
        let own = Rights::LETTERS.iter().filter(|(right, _)| right.0.is_power_of_two());
        own.filter(|(right, _)| self.contains(*right))
            .map(|(_, letter)| letter)
            .collect()
    }

    /// Whether all of `other` are among them.
    pub const fn contains(self, other: Rights) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether one of `other` is among them.
    pub const fn intersects(self, other: Rights) -> bool {
        self.0 & other.0 != 0
    }

    /// Both together.
    pub const fn union(self, other: Rights) -> Rights {
        Rights(self.0 | other.0)
    }

    /// These without `other`.
    pub const fn without(self, other: Rights) -> Rights {
        Rights(self.0 & !other.0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The system flags that they let somebody change; keywords go with [`Rights::WRITE`] (RFC 4314 §4).
    pub fn flags(self) -> Flags {
        let known = Flags::NAMES.iter().map(|(flag, _)| *flag);
        known
            .filter(|flag| self.contains(Rights::needed_for(*flag)))
            .fold(Flags::NONE, Flags::union)
    }

    /// Of flags that are to be set or cleared, those that they let somebody change.
    pub fn permitted(self, list: FlagList) -> FlagList {
        FlagList {
            flags: list.flags.without(list.flags.without(self.flags())),
            keywords: match self.contains(Rights::WRITE) {
                true => list.keywords,
                false => Vec::new(),
            },
        }
    }

    fn needed_for(flag: Flags) -> Rights {
        match flag {
            Flags::SEEN => Rights::SEEN,
            Flags::DELETED => Rights::MARK_DELETED,
            _ => Rights::WRITE,
        }
    }
}

/// As MYRIGHTS and ACL tell them: an obsolete one is told with any of those that it stands for (RFC 4314 §2.1.1).
impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = Rights::LETTERS.iter().filter(|(right, _)| self.intersects(*right));
        told.map(|(_, letter)| letter)
            .try_for_each(|letter| write!(f, "{letter}"))
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rights({self})")
    }
}

/// Who has rights.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Who {
    /// The account that has the mailbox, whatever it is called.
    Owner,
    /// Everybody who can log in.
    Anyone,
    /// An account, by its own address.
    Account(Address),
}

/// An identifier of a list (RFC 4314 §2): of whom rights are given to, or, with a dash in front, taken from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Identifier {
    /// Who is meant.
    pub who: Who,
    /// Whether these are rights that they do not have, whatever else the list says.
    pub negative: bool,
}

/// What SETACL does to the rights of an identifier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum RightsChange {
    Set(Rights),
    Add(Rights),
    Remove(Rights),
}

/// The access control list of a mailbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acl(BTreeMap<Identifier, Rights>);

/// Of a mailbox that nobody has shared: its owner's alone.
impl Default for Acl {
    fn default() -> Acl {
        let owner = Identifier {
            who: Who::Owner,
            negative: false,
        };
        Acl(BTreeMap::from([(owner, Rights::ALL)]))
    }
}

impl Acl {
    /// The most identifiers in a list.
    pub const MAX_IDENTIFIERS: usize = 1000;

    /// The rights of somebody: what is given to them and to everybody, without what is taken from either.
    pub fn rights(&self, who: &Who) -> Rights {
        let of = |negative| {
            let one = |who: &Who| {
                let who = who.clone();
                self.0.get(&Identifier { who, negative }).copied().unwrap_or_default()
            };
            one(who).union(one(&Who::Anyone))
        };
        let rights = of(false).without(of(true));
        match who {
            Who::Owner => rights.union(Rights::OF_OWNER),
            _ => rights,
        }
    }

    /// Changes what an identifier has. One that has nothing leaves the list; `false`: the list is full.
    pub fn change(&mut self, identifier: Identifier, change: RightsChange) -> bool {
        let now = self.0.get(&identifier).copied().unwrap_or_default();
        let mut rights = match change {
            RightsChange::Set(rights) => rights,
            RightsChange::Add(rights) => now.union(rights),
            RightsChange::Remove(rights) => now.without(rights),
        };
        if identifier.who == Who::Owner {
            rights = match identifier.negative {
                true => rights.without(Rights::OF_OWNER),
                false => rights.union(Rights::OF_OWNER),
            };
        }
        if rights.is_empty() {
            self.0.remove(&identifier);
        } else if self.0.len() < Acl::MAX_IDENTIFIERS || self.0.contains_key(&identifier) {
            self.0.insert(identifier, rights);
        } else {
            return false;
        }
        true
    }

    /// Takes an identifier off the list.
    pub fn remove(&mut self, identifier: &Identifier) {
        self.0.remove(identifier);
    }

    /// What the list says, the owner first.
    pub fn iter(&self) -> impl Iterator<Item = (&Identifier, Rights)> {
        self.0.iter().map(|(identifier, rights)| (identifier, *rights))
    }

    /// To whom but the owner something is given.
    pub fn shared_with(&self) -> impl Iterator<Item = &Who> {
        let given = self.0.keys().filter(|identifier| !identifier.negative);
        given
            .map(|identifier| &identifier.who)
            .filter(|who| **who != Who::Owner)
    }
}

/// For lists that are read: the same identifier counts once.
impl FromIterator<(Identifier, Rights)> for Acl {
    fn from_iter<I: IntoIterator<Item = (Identifier, Rights)>>(list: I) -> Acl {
        Acl(list.into_iter().take(Acl::MAX_IDENTIFIERS).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::flags::Keyword;

    fn rights(letters: &str) -> Rights {
        Rights::parse(letters).unwrap()
    }

    fn account(name: &str) -> Who {
        Who::Account(Address::new(name, "example.org").unwrap())
    }

    fn given(who: Who) -> Identifier {
        Identifier { who, negative: false }
    }

    fn taken(who: Who) -> Identifier {
        Identifier { who, negative: true }
    }

    #[test]
    fn letters_there_and_back() {
        for (written, told) in [
            ("", ""),
            ("lrs", "lrs"),
            ("rwipslxetad", "lrswipxtecda"),
            ("c", "kxc"),
            ("d", "ted"),
            ("x", "xc"),
            ("e", "ed"),
            // RFC 4314 §2.1.1: "lrswida", and "lrswikda".
            ("lrswida", "lrswiteda"),
            ("lrswikda", "lrswiktecda"),
            ("lrswipkxtea", "lrswipkxtecda"),
        ] {
            assert_eq!(rights(written).to_string(), told, "{written}");
            assert_eq!(rights(&rights(written).letters()), rights(written), "{written}");
        }
        assert_eq!(rights("lrswipkxtea"), Rights::ALL);
        // RFC 4314 §3.1.
        assert_eq!(Rights::parse("lrQswicda"), Err(InvalidRights::UpperCase));
        assert_eq!(Rights::parse("lrqswicda"), Err(InvalidRights::Unknown));
        assert_eq!(Rights::parse("l0"), Err(InvalidRights::Unknown));
    }

    #[test]
    fn rights_add_up_and_the_owner_cannot_lose_all() {
        let mut acl = Acl::default();
        let (fred, chris) = (account("fred"), account("chris"));
        assert_eq!(acl.rights(&Who::Owner), Rights::ALL);
        assert_eq!(acl.rights(&fred), Rights::NONE);
        assert!(acl.change(given(Who::Anyone), RightsChange::Set(rights("lr"))));
        assert!(acl.change(given(fred.clone()), RightsChange::Set(rights("swi"))));
        assert!(acl.change(taken(fred.clone()), RightsChange::Set(rights("w"))));
        assert!(acl.change(taken(Who::Anyone), RightsChange::Set(rights("e"))));
        assert_eq!(acl.rights(&fred), rights("lrsi"));
        assert_eq!(acl.rights(&chris), rights("lr"));
        assert_eq!(acl.rights(&Who::Owner), Rights::ALL.without(rights("e")));
        acl.remove(&given(fred.clone()));
        assert_eq!(acl.rights(&fred), rights("lr"));
        acl.remove(&given(Who::Owner));
        assert!(acl.change(taken(Who::Owner), RightsChange::Set(Rights::ALL)));
        assert_eq!(acl.rights(&Who::Owner), rights("la"));
        assert_eq!(acl.shared_with().collect::<Vec<_>>(), [&Who::Anyone]);
    }

    #[test]
    fn changes_replace_add_and_remove() {
        let mut acl = Acl::default();
        let chris = given(account("chris"));
        let of = |acl: &Acl| acl.iter().find(|(who, _)| **who == chris).map(|(_, rights)| rights);
        // RFC 4314 §3.1.
        acl.change(chris.clone(), RightsChange::Set(rights("lrswi")));
        acl.change(chris.clone(), RightsChange::Add(rights("cda")));
        assert_eq!(of(&acl), Some(rights("lrswicdakxet")));
        acl.change(chris.clone(), RightsChange::Remove(rights("swd")));
        assert_eq!(of(&acl), Some(rights("lrikxa")));
        acl.change(chris.clone(), RightsChange::Set(Rights::NONE));
        assert_eq!(of(&acl), None);
        acl.change(given(Who::Owner), RightsChange::Set(rights("r")));
        assert_eq!(acl.rights(&Who::Owner), rights("lra"));
        for number in 0..Acl::MAX_IDENTIFIERS {
            acl.change(given(account(&format!("u{number}"))), RightsChange::Set(rights("l")));
        }
        assert!(!acl.change(chris.clone(), RightsChange::Set(rights("l"))));
        assert!(acl.change(given(account("u7")), RightsChange::Set(rights("lr"))));
        assert_eq!(acl.iter().count(), Acl::MAX_IDENTIFIERS);
    }

    #[test]
    fn flags_go_with_their_rights() {
        let list = || FlagList {
            flags: Flags::SEEN.union(Flags::DELETED).union(Flags::DRAFT),
            keywords: vec![Keyword::new("$Label1").unwrap()],
        };
        for (letters, flags, keywords) in [
            ("lr", Flags::NONE, 0),
            ("s", Flags::SEEN, 0),
            ("t", Flags::DELETED, 0),
            ("w", Flags::DRAFT, 1),
            ("stw", list().flags, 1),
        ] {
            let kept = rights(letters).permitted(list());
            assert_eq!((kept.flags, kept.keywords.len()), (flags, keywords), "{letters}");
        }
        assert!(rights("lri").intersects(Rights::CHANGES) && !rights("lrpkxa").intersects(Rights::CHANGES));
    }
}
