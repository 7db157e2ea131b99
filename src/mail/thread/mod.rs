//! Messages in threads (RFC 5256 §3): ORDEREDSUBJECT, REFERENCES, and REFS of draft-ietf-morg-inthread, which is REFERENCES
//! without regard to subjects, the threads in the order of their latest messages.
//!
//! Neither subjects nor identifiers are kept, only digests of them: a message costs some hundred octets. Nothing recurses,
//! for a thread can be as deep as a mailbox is large.

mod links;
mod subjects;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use tree::Threads;

use super::base_subject::BaseSubject;
use super::collation::casemap;
use links::Links;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use tree::Tree;

/// Collects the messages to be threaded.
#[derive(Debug, Default)]
pub(crate) struct Threader {
    members: Vec<Member>,
    links: Links,
    digester: Digester,
}

/// A message.
#[derive(Clone, Copy, Debug)]
struct Member {
    uid: u32,
    /// The sent date (RFC 5256 §2.2), in seconds since 1970.
    sent: i64,
    /// Of the base subject; `None` when that is empty.
    subject: Option<u128>,
    is_reply: bool,
}

impl Threader {
    /// Takes in a message; they come in the order of the mailbox. `id` and `references` are as
    /// [`message_ids`](super::message_id::message_ids) gives them.
    pub(crate) fn add(
        &mut self,
        uid: u32,
        sent: i64,
        subject: &BaseSubject,
        id: Option<&[u8]>,
        references: &[Vec<u8>],
    ) {
        let digest = |bytes: &[u8]| self.digester.digest(bytes);
        let references: Vec<u128> = references.iter().map(|reference| digest(reference)).collect();
        self.links.add(id.map(digest), &references);
        let mut mapped = Vec::new();
        casemap(&subject.text, &mut mapped);
        self.members.push(Member {
            uid,
            sent,
            subject: (!mapped.is_empty()).then(|| digest(&mapped)),
            is_reply: subject.is_reply,
        });
    }

    /// ORDEREDSUBJECT: the first message of each subject, and the others as its children, all by sent date.
    pub(crate) fn ordered_subject(self) -> Threads {
        let mut tree = Tree::new(self.members);
        let mut first_of: HashMap<Option<u128>, u32> = HashMap::new();
        for node in tree.by_date() {
            match first_of.entry(tree.subject(node)) {
                std::collections::hash_map::Entry::Vacant(first) => {
                    first.insert(node);
                    tree.roots.push(node);
                }
                std::collections::hash_map::Entry::Occupied(first) => tree.children[*first.get() as usize].push(node),
            }
        }
        tree.into()
    }

    /// REFERENCES.
    pub(crate) fn references(self) -> Threads {
        let mut tree = self.links.tree(self.members);
        tree.sort_roots();
        tree.gather_subjects();
        tree.sort_children();
        tree.sort_roots();
        tree.into()
    }

    /// REFS.
    pub(crate) fn refs(self) -> Threads {
        let mut tree = self.links.tree(self.members);
        tree.sort_children();
        tree.sort_roots_by_latest();
        tree.into()
    }
}

/// Makes digests that nobody outside can foresee, wide enough for no two to be the same.
#[derive(Debug, Default)]
struct Digester(RandomState, RandomState);

impl Digester {
    fn digest(&self, bytes: &[u8]) -> u128 {
        u128::from(self.0.hash_one(bytes)) << 64 | u128::from(self.1.hash_one(bytes))
    }
}
