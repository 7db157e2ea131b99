//! Threads as a tree, while they are made and when they are.

use super::Member;

/// The messages, each with its children. Nodes are numbered: messages in the order of the mailbox, then dummies, which hold
/// together what has no common ancestor in the mailbox, and which are never anywhere but at the top.
#[derive(Debug)]
pub(super) struct Tree {
    members: Vec<Member>,
    pub(super) roots: Vec<u32>,
    pub(super) children: Vec<Vec<u32>>,
}

impl Tree {
    /// No message is anywhere yet.
    pub(super) fn new(members: Vec<Member>) -> Tree {
        Tree {
            children: vec![Vec::new(); members.len()],
            roots: Vec::new(),
            members,
        }
    }

    /// A dummy with these children, at no place yet.
    pub(super) fn push_dummy(&mut self, children: Vec<u32>) -> u32 {
        self.children.push(children);
        (self.children.len() - 1) as u32
    }

    /// The message of a node.
    pub(super) fn member(&self, node: u32) -> Option<&Member> {
        self.members.get(node as usize)
    }

    /// The message of a node, or the first child of a dummy.
    fn first(&self, node: u32) -> Option<u32> {
        match self.member(node) {
            Some(_) => Some(node),
            None => self.children.get(node as usize)?.first().copied(),
        }
    }

    /// Its subject (step 5.B.i).
    pub(super) fn subject(&self, node: u32) -> Option<u128> {
        self.member(self.first(node)?)?.subject
    }

    /// By sent date, then as in the mailbox; a dummy by its first child.
    fn date(&self, node: u32) -> (i64, u32) {
        let first = self.first(node).unwrap_or(node);
        (self.member(first).map_or(0, |member| member.sent), first)
    }

    /// All messages by sent date.
    pub(super) fn by_date(&self) -> Vec<u32> {
        let mut nodes: Vec<u32> = (0..self.members.len() as u32).collect();
        nodes.sort_unstable_by_key(|node| self.date(*node));
        nodes
    }

    /// Step 6, the children.
    pub(super) fn sort_children(&mut self) {
        for node in 0..self.children.len() {
            self.sort_children_of(node);
        }
    }

    fn sort_children_of(&mut self, node: usize) {
        // Taken out, for their dates are asked of the whole.
        let mut children = std::mem::take(&mut self.children[node]);
        children.sort_unstable_by_key(|child| self.date(*child));
        self.children[node] = children;
    }

    /// Step 4: those at the top, and the children of the dummies among them.
    pub(super) fn sort_roots(&mut self) {
        for dummy in self.members.len()..self.children.len() {
            self.sort_children_of(dummy);
        }
        let mut roots = std::mem::take(&mut self.roots);
        roots.sort_unstable_by_key(|root| self.date(*root));
        self.roots = roots;
    }

    /// Those at the top by the latest message below each, then as in the mailbox.
    pub(super) fn sort_roots_by_latest(&mut self) {
        let mut roots = std::mem::take(&mut self.roots);
        roots.sort_by_cached_key(|root| (self.latest(*root), self.first(*root)));
        self.roots = roots;
    }

    fn latest(&self, root: u32) -> i64 {
        let mut latest = i64::MIN;
        let mut below = vec![root];
        while let Some(node) = below.pop() {
            latest = latest.max(self.member(node).map_or(latest, |member| member.sent));
            below.extend(&self.children[node as usize]);
        }
        latest
    }
}

/// Threads that are made.
#[derive(Clone, Debug)]
pub(crate) struct Threads {
    uids: Vec<u32>,
    roots: Vec<u32>,
    children: Vec<Vec<u32>>,
}

impl From<Tree> for Threads {
    fn from(tree: Tree) -> Threads {
        Threads {
            uids: tree.members.iter().map(|member| member.uid).collect(),
            roots: tree.roots,
            children: tree.children,
        }
    }
}

impl Threads {
    /// The nodes at the top.
    pub(crate) fn roots(&self) -> &[u32] {
        &self.roots
    }

    /// The nodes below one.
    pub(crate) fn children(&self, node: u32) -> &[u32] {
        self.children.get(node as usize).map_or(&[], Vec::as_slice)
    }

    /// The message of a node; `None` when it only holds others together.
    pub(crate) fn uid(&self, node: u32) -> Option<u32> {
        self.uids.get(node as usize).copied()
    }
}
