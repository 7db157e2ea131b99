//! Flags and keywords of a message (RFC 9051 §2.3.2).
//!
//! System flags are a set of bits. A keyword is a name; each mailbox has a table of at most
//! [`KeywordTable::CAPACITY`] names, and a message holds bits into that table, because a Maildir file name has one
//! lower-case letter for each keyword. `$Forwarded` is a system bit here, for Maildir has the letter `P` (passed) for it.

use std::fmt;

/// The flags that have a letter of their own in a Maildir file name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(u8);

impl Flags {
    /// No flag.
    pub const NONE: Flags = Flags(0);
    /// `\Answered`, Maildir `R`.
    pub const ANSWERED: Flags = Flags(1);
    /// `\Flagged`, Maildir `F`.
    pub const FLAGGED: Flags = Flags(2);
    /// `\Deleted`, Maildir `T`.
    pub const DELETED: Flags = Flags(4);
    /// `\Seen`, Maildir `S`.
    pub const SEEN: Flags = Flags(8);
    /// `\Draft`, Maildir `D`.
    pub const DRAFT: Flags = Flags(16);
    /// `$Forwarded` (RFC 5788 registry), Maildir `P`.
    pub const FORWARDED: Flags = Flags(32);

    /// Each flag with its IMAP name, in the order in which we print them.
    pub const NAMES: [(Flags, &'static str); 6] = [
        (Flags::ANSWERED, "\\Answered"),
        (Flags::FLAGGED, "\\Flagged"),
        (Flags::DELETED, "\\Deleted"),
        (Flags::SEEN, "\\Seen"),
        (Flags::DRAFT, "\\Draft"),
        (Flags::FORWARDED, "$Forwarded"),
    ];

    /// From the number that the index stores; unknown bits are dropped.
    pub fn from_bits(bits: u8) -> Flags {
        Flags(bits & 63)
    }

    /// The number that the index stores.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Whether all of `other` are set.
    pub fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    pub fn union(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// This set without `other`.
    pub fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }

    /// Whether no flag is set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The flag of that IMAP name, in any case.
    pub fn from_name(name: &str) -> Option<Flags> {
        Flags::NAMES
            .iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(name))
            .map(|(flag, _)| *flag)
    }

    /// The IMAP names of the flags set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Flags::NAMES
            .iter()
            .filter(move |(flag, _)| self.contains(*flag))
            .map(|(_, name)| *name)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// A keyword's name: a non-empty atom without `\` in front (RFC 9051 §9, `flag-keyword`). Compared without case.
#[derive(Clone, Debug)]
pub struct Keyword(String);

impl Keyword {
    /// The longest name taken. Longer ones would bloat every FLAGS line.
    pub const MAX_LENGTH: usize = 128;

    /// A keyword, unless the name is not an atom, is a system flag or is too long.
    pub fn new(name: &str) -> Option<Keyword> {
        let atom = !name.is_empty()
            && name.len() <= Keyword::MAX_LENGTH
            && name
                .bytes()
                .all(|b| b.is_ascii_graphic() && !b"(){%*\"\\]".contains(&b));
        (atom && Flags::from_name(name).is_none()).then(|| Keyword(name.to_owned()))
    }

    /// The name as first written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Keyword) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Keyword {}

/// Which of a mailbox's keywords a message has: bits into the mailbox's [`KeywordTable`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Keywords(pub u32);

impl Keywords {
    /// No keyword.
    pub const NONE: Keywords = Keywords(0);

    /// Whether all of `other` are set.
    pub fn contains(self, other: Keywords) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    pub fn union(self, other: Keywords) -> Keywords {
        Keywords(self.0 | other.0)
    }

    /// This set without `other`.
    pub fn without(self, other: Keywords) -> Keywords {
        Keywords(self.0 & !other.0)
    }
}

/// A mailbox's keywords: slot `n` belongs to the Maildir letter `a` + n. A slot may be free.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeywordTable {
    slots: Vec<Option<Keyword>>,
}

impl KeywordTable {
    /// One for each lower-case letter.
    pub const CAPACITY: usize = 26;

    /// The bit of a keyword that the table has.
    pub fn find(&self, keyword: &Keyword) -> Option<Keywords> {
        self.slots
            .iter()
            .position(|slot| slot.as_ref() == Some(keyword))
            .map(|index| Keywords(1 << index))
    }

    /// Puts a keyword in the first free slot; `None` when all are taken.
    pub fn insert(&mut self, keyword: &Keyword) -> Option<Keywords> {
        if let Some(bit) = self.find(keyword) {
            return Some(bit);
        }
        let index = match self.slots.iter().position(Option::is_none) {
            Some(index) => index,
            None if self.slots.len() < KeywordTable::CAPACITY => {
                self.slots.push(None);
                self.slots.len() - 1
            }
            None => return None,
        };
        self.slots[index] = Some(keyword.clone());
        Some(Keywords(1 << index))
    }

    /// Sets slot `index`, as read from disk. Out of range is ignored.
    pub fn set(&mut self, index: usize, keyword: Keyword) {
        if index < KeywordTable::CAPACITY {
            if self.slots.len() <= index {
                self.slots.resize(index + 1, None);
            }
            self.slots[index] = Some(keyword);
        }
    }

    /// Frees the slots that no message uses.
    pub fn retain(&mut self, used: Keywords) {
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if used.0 & (1 << index) == 0 {
                *slot = None;
            }
        }
    }

    /// Whether a further keyword finds a slot.
    pub fn has_room(&self) -> bool {
        self.slots.len() < KeywordTable::CAPACITY || self.slots.iter().any(Option::is_none)
    }

    /// The slots in use, each with its index.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Keyword)> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(index, slot)| slot.as_ref().map(|keyword| (index, keyword)))
    }

    /// The names of the bits set.
    pub fn names(&self, set: Keywords) -> impl Iterator<Item = &str> {
        self.iter()
            .filter(move |(index, _)| set.0 & (1 << index) != 0)
            .map(|(_, keyword)| keyword.as_str())
    }
}

/// Flags by name, as a client gives them: not yet resolved against a mailbox's table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlagList {
    /// The system flags.
    pub flags: Flags,
    /// The keywords, each once.
    pub keywords: Vec<Keyword>,
}

impl FlagList {
    /// System flags alone.
    pub fn system(flags: Flags) -> FlagList {
        FlagList {
            flags,
            keywords: Vec::new(),
        }
    }

    /// Adds a flag by its IMAP name. `\Recent` is ignored, for no client can set it (RFC 3501 §2.3.2); `false` when
    /// the name is no flag.
    pub fn insert(&mut self, name: &str) -> bool {
        if let Some(flag) = Flags::from_name(name) {
            self.flags = self.flags.union(flag);
        } else if name.eq_ignore_ascii_case("\\Recent") {
        } else if let Some(keyword) = Keyword::new(name) {
            if !self.keywords.contains(&keyword) {
                self.keywords.push(keyword);
            }
        } else {
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_refuses_and_a_freed_slot_is_taken_again() {
        let mut table = KeywordTable::default();
        for index in 0..KeywordTable::CAPACITY {
            assert_eq!(
                table.insert(&Keyword::new(&format!("k{index}")).unwrap()),
                Some(Keywords(1 << index))
            );
        }
        let late = Keyword::new("late").unwrap();
        assert_eq!(table.insert(&late), None);
        assert!(!table.has_room());
        table.retain(Keywords(!4));
        assert_eq!(table.insert(&late), Some(Keywords(4)));
        assert_eq!(table.names(Keywords(6)).collect::<Vec<_>>(), ["k1", "late"]);
    }

    #[test]
    fn names_are_atoms_and_case_does_not_count() {
        assert!(Keyword::new("a b").is_none());
        assert!(Keyword::new("\\Weird").is_none());
        assert!(Keyword::new("$forwarded").is_none());
        assert_eq!(Keyword::new("Junk"), Keyword::new("JUNK"));
        let mut list = FlagList::default();
        assert!(list.insert("\\seen") && list.insert("$Label1") && list.insert("$LABEL1") && list.insert("\\Recent"));
        assert!(!list.insert("\\Foo"));
        assert_eq!((list.flags, list.keywords.len()), (Flags::SEEN, 1));
    }
}
