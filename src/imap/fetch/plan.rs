//! What a FETCH needs, decided once for all its messages.

use super::structure::Form;
use crate::imap::command::{BinarySection, BodySection, FetchItem, SectionText};
use crate::mail::ids::ModSeq;
use crate::mail::summary::CACHED_FIELDS;

/// The items in the order of the answer, and what they take.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    /// What each message is answered with.
    pub(crate) items: Vec<Item<'a>>,
    /// Whether the state alone does not suffice.
    pub(crate) needs_summary: bool,
    /// Whether every message's file is opened.
    pub(crate) needs_file: bool,
    /// Whether previews are told, and then whether only where that takes no time.
    pub(crate) lazy_previews: Option<bool>,
    /// Whether to set \Seen: a body section was asked for without PEEK, and \Seen may be set (RFC 4314 §4).
    pub(crate) sets_seen: bool,
    /// Only messages changed after this (RFC 7162 §3.1.4.1).
    pub(crate) changed_since: Option<ModSeq>,
}

/// One item of the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Item<'a> {
    /// FLAGS
    Flags,
    /// UID
    Uid,
    /// INTERNALDATE
    InternalDate,
    /// SAVEDATE
    SaveDate,
    /// EMAILID
    EmailId,
    /// THREADID
    ThreadId,
    /// RFC822.SIZE
    Size,
    /// MODSEQ
    ModSeq,
    /// PREVIEW
    Preview,
    /// ENVELOPE
    Envelope,
    /// BODY or BODYSTRUCTURE
    Structure(Form),
    /// All of the message, for which its structure need not be known.
    Whole(&'a BodySection),
    /// Bytes of the message.
    Section(&'a BodySection),
    /// Header fields that the index keeps: no need of the file, unless the summary is not complete.
    CachedFields(&'a BodySection),
    /// Bytes of a part, decoded.
    Binary(&'a BinarySection),
    /// How many these are.
    BinarySize(&'a [u32]),
}

impl<'a> Plan<'a> {
    /// For the items as the client wrote them. `uid`: as UID FETCH, which implies the UID item (RFC 3501 §6.4.8), as
    /// CHANGEDSINCE implies MODSEQ. `may_see`: whether \Seen may be set.
    pub(crate) fn new(wanted: &'a [FetchItem], uid: bool, changed_since: Option<ModSeq>, may_see: bool) -> Plan<'a> {
        let mut items: Vec<Item<'a>> = Vec::with_capacity(wanted.len());
        // PREVIEW with and without LAZY is one item.
        for item in wanted.iter().map(Item::new) {
            if item != Item::Preview || !items.contains(&item) {
                items.push(item);
            }
        }
        let previews = wanted.iter().filter_map(|item| match item {
            FetchItem::Preview { lazy } => Some(*lazy),
            _ => None,
        });
        if uid && !items.contains(&Item::Uid) {
            items.insert(0, Item::Uid);
        }
        if changed_since.is_some() && !items.contains(&Item::ModSeq) {
            items.push(Item::ModSeq);
        }
        let needs_summary = items.iter().any(|item| item.needs_summary());
        let sets_seen = may_see
            && wanted.iter().any(|item| match item {
                FetchItem::BodySection(section) => !section.peek,
                FetchItem::Binary(section) => !section.peek,
                _ => false,
            });
        Plan {
            needs_file: items.iter().any(|item| {
                matches!(
                    item,
                    Item::Whole(_) | Item::Section(_) | Item::Binary(_) | Item::BinarySize(_)
                )
            }),
            items,
            needs_summary,
            lazy_previews: previews.reduce(|one, other| one && other),
            sets_seen,
            changed_since,
        }
    }
}

impl<'a> Item<'a> {
    fn new(wanted: &'a FetchItem) -> Item<'a> {
        match wanted {
            FetchItem::Flags => Item::Flags,
            FetchItem::Uid => Item::Uid,
            FetchItem::InternalDate => Item::InternalDate,
            FetchItem::SaveDate => Item::SaveDate,
            FetchItem::EmailId => Item::EmailId,
            FetchItem::ThreadId => Item::ThreadId,
            FetchItem::ModSeq => Item::ModSeq,
            FetchItem::Rfc822Size => Item::Size,
            FetchItem::Preview { .. } => Item::Preview,
            FetchItem::Envelope => Item::Envelope,
            FetchItem::Body => Item::Structure(Form::Basic),
            FetchItem::BodyStructure => Item::Structure(Form::Extended),
            FetchItem::BodySection(section) if only_cached_fields(section) => Item::CachedFields(section),
            FetchItem::BodySection(section) if section.part.is_empty() && section.text == SectionText::All => {
                Item::Whole(section)
            }
            FetchItem::BodySection(section) => Item::Section(section),
            FetchItem::Binary(section) => Item::Binary(section),
            FetchItem::BinarySize(part) => Item::BinarySize(part),
        }
    }

    fn needs_summary(self) -> bool {
        !matches!(
            self,
            Item::Flags | Item::Uid | Item::InternalDate | Item::SaveDate | Item::Size | Item::ModSeq | Item::Whole(_)
        )
    }
}

/// HEADER.FIELDS of the message itself, with no field that the index does not keep.
fn only_cached_fields(section: &BodySection) -> bool {
    let SectionText::HeaderFields(names) = &section.text else {
        return false;
    };
    section.part.is_empty()
        && names
            .iter()
            .all(|name| CACHED_FIELDS.iter().any(|cached| cached.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::command::SectionName;

    fn section(text: SectionText, part: Vec<u32>, peek: bool) -> FetchItem {
        FetchItem::BodySection(BodySection {
            name: SectionName::Body,
            part,
            text,
            partial: None,
            peek,
        })
    }

    fn fields(names: &[&str]) -> SectionText {
        SectionText::HeaderFields(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn state_alone_suffices_for_the_polling_of_flags() {
        let wanted = [FetchItem::Flags];
        let plan = Plan::new(&wanted, true, ModSeq::new(7), true);
        assert_eq!(plan.items, [Item::Uid, Item::Flags, Item::ModSeq]);
        assert!(!plan.needs_summary && !plan.sets_seen);
        let wanted = [FetchItem::Uid, FetchItem::Flags];
        assert_eq!(Plan::new(&wanted, true, None, false).items, [Item::Uid, Item::Flags]);
    }

    #[test]
    fn what_a_client_lists_comes_from_the_index() {
        for (text, part, cached) in [
            (fields(&["From", "SUBJECT"]), vec![], true),
            (fields(&["From", "X-Rare"]), vec![], false),
            (fields(&["From"]), vec![1], false),
            (SectionText::Header, vec![], false),
        ] {
            let wanted = [section(text, part, true)];
            let plan = Plan::new(&wanted, false, None, true);
            assert!(plan.needs_summary && !plan.sets_seen);
            assert_eq!(matches!(plan.items[..], [Item::CachedFields(_)]), cached);
        }
    }

    #[test]
    fn reading_sets_seen_unless_peeked_or_not_allowed() {
        let wanted = [section(SectionText::Text, vec![], false)];
        assert!(Plan::new(&wanted, false, None, true).sets_seen);
        assert!(!Plan::new(&wanted, false, None, false).sets_seen);
    }
}
