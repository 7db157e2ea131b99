//! Threads of the same subject become one: step 5 of REFERENCES (RFC 5256 §3).

use super::tree::Tree;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

impl Tree {
    /// To be called when the top is sorted.
    pub(super) fn gather_subjects(&mut self) {
        let mut table = self.subject_table();
        let mut moved = HashSet::new();
        for root in std::mem::take(&mut self.roots) {
            let head = self.subject(root).and_then(|subject| table.get_mut(&subject));
            let Some(head) = head.filter(|head| **head != root && !moved.contains(&root)) else {
                self.roots.push(root);
                continue;
            };
            match (self.member(*head), self.member(root)) {
                (_, None) => {
                    let children = std::mem::take(&mut self.children[root as usize]);
                    self.children[*head as usize].extend(children);
                }
                (None, Some(_)) => self.children[*head as usize].push(root),
                (Some(first), Some(reply)) if reply.is_reply && !first.is_reply => {
                    self.children[*head as usize].push(root);
                }
                (Some(_), Some(_)) => {
                    moved.insert(*head);
                    *head = self.push_dummy(vec![root, *head]);
                    self.roots.push(*head);
                }
            }
        }
        self.roots.retain(|root| !moved.contains(root));
    }

    /// Under which node the threads of each subject come together (B). That is a dummy when one of them is.
    fn subject_table(&self) -> HashMap<u128, u32> {
        let mut table = HashMap::new();
        for &root in &self.roots {
            let Some(subject) = self.subject(root) else { continue };
            match table.entry(subject) {
                Entry::Vacant(vacant) => {
                    vacant.insert(root);
                }
                Entry::Occupied(mut head) => {
                    let better = match (self.member(*head.get()), self.member(root)) {
                        (None, _) => false,
                        (Some(_), None) => true,
                        (Some(head), Some(root)) => head.is_reply && !root.is_reply,
                    };
                    if better {
                        head.insert(root);
                    }
                }
            }
        }
        table
    }
}
