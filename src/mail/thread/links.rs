//! Who is whose reply: step 1 of REFERENCES (RFC 5256 §3), message after message.

use super::Member;
use super::tree::Tree;
use std::collections::HashMap;

/// How many ancestors are looked at to see that a link makes no loop. Beyond it there is none, and the link is not made.
const MAX_WALK: usize = 4096;

/// Messages that are there, and "dummies" that others only refer to.
#[derive(Debug, Default)]
pub(super) struct Links {
    nodes: Vec<Node>,
    by_id: HashMap<u128, u32>,
    members: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Node {
    parent: Option<u32>,
    /// Which of the messages it is; `None` for a dummy.
    member: Option<u32>,
    /// Whether it may have children.
    has_children: bool,
}

impl Links {
    /// The next message, with its identifier and those that it refers to.
    pub(super) fn add(&mut self, id: Option<u128>, references: &[u128]) {
        // (A)
        let mut parent = None;
        for reference in references {
            let node = self.node(*reference);
            if let Some(parent) = parent
                && self.nodes[node as usize].parent.is_none()
            {
                self.link(parent, node);
            }
            parent = Some(node);
        }
        // (B)
        let own = id.map(|id| self.node(id));
        // Without an identifier, or with that of an earlier message, it gets one that nobody refers to.
        let own = match own.filter(|node| self.nodes[*node as usize].member.is_none()) {
            Some(own) => own,
            None => self.push(),
        };
        self.nodes[own as usize].member = Some(self.members);
        self.nodes[own as usize].parent = None;
        self.members += 1;
        if let Some(parent) = parent {
            self.link(parent, own);
        }
    }

    fn node(&mut self, id: u128) -> u32 {
        if let Some(node) = self.by_id.get(&id) {
            return *node;
        }
        let node = self.push();
        self.by_id.insert(id, node);
        node
    }

    fn push(&mut self) -> u32 {
        self.nodes.push(Node::default());
        (self.nodes.len() - 1) as u32
    }

    /// Makes a link unless it would make a loop.
    fn link(&mut self, parent: u32, child: u32) {
        if !self.is_below(parent, child) {
            self.nodes[child as usize].parent = Some(parent);
            self.nodes[parent as usize].has_children = true;
        }
    }

    /// Whether `node` is `ancestor` or comes, as far as is looked, below it.
    fn is_below(&self, node: u32, ancestor: u32) -> bool {
        if node == ancestor {
            return true;
        }
        if !self.nodes[ancestor as usize].has_children {
            return false;
        }
        let mut above = self.nodes[node as usize].parent;
        for _ in 0..MAX_WALK {
            match above {
                None => return false,
                Some(node) if node == ancestor => return true,
                Some(node) => above = self.nodes[node as usize].parent,
            }
        }
        true
    }

    /// Steps 2 and 3: the messages without the dummies, but for those at the top that hold several of them together.
    pub(super) fn tree(&self, members: Vec<Member>) -> Tree {
        let mut tree = Tree::new(members);
        let mut anchors: Vec<Option<Anchor>> = vec![None; self.nodes.len()];
        let mut dummies: HashMap<u32, Vec<u32>> = HashMap::new();
        for node in &self.nodes {
            let Some(member) = node.member else { continue };
            match node.parent.map(|parent| self.anchor(parent, &mut anchors)) {
                None => tree.roots.push(member),
                Some(Anchor::Member(parent)) => tree.children[parent as usize].push(member),
                Some(Anchor::Top(dummy)) => dummies.entry(dummy).or_default().push(member),
            }
        }
        for children in dummies.into_values() {
            match children.as_slice() {
                [only] => tree.roots.push(*only),
                _ => {
                    let dummy = tree.push_dummy(children);
                    tree.roots.push(dummy);
                }
            }
        }
        tree
    }

    /// What is found from `node` upwards. Each dummy is passed once in all.
    fn anchor(&self, node: u32, anchors: &mut [Option<Anchor>]) -> Anchor {
        let mut passed = Vec::new();
        let mut at = node;
        let found = loop {
            if let Some(known) = anchors[at as usize] {
                break known;
            }
            let Node { parent, member, .. } = self.nodes[at as usize];
            if let Some(member) = member {
                break Anchor::Member(member);
            }
            passed.push(at);
            match parent {
                Some(parent) => at = parent,
                None => break Anchor::Top(at),
            }
        };
        for node in passed {
            anchors[node as usize] = Some(found);
        }
        found
    }
}

/// What a message hangs on.
#[derive(Clone, Copy, Debug)]
enum Anchor {
    /// The nearest message above it.
    Member(u32),
    /// The highest dummy, when there are only dummies.
    Top(u32),
}
