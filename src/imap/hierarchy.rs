//! The tree of an account's mailboxes as LIST shows it: what exists, what is only a level above something, who has
//! children (RFC 9051 §6.3.9, RFC 5258, RFC 6154).

use super::command::List;
use super::pattern::Pattern;
use crate::mail::mailbox_name::{MailboxName, SpecialUse};
use crate::mail::rights::Rights;
use crate::mailbox::MailboxInfo;
use std::collections::BTreeMap;

/// Patterns of one LIST. More than any client sends, and few enough that they cannot keep us busy.
pub(crate) const MAX_PATTERNS: usize = 32;

/// There may be something of that name, and nothing of it is told (RFC 5465 §8).
pub(crate) const NO_ACCESS: &str = "\\NoAccess";

/// Names matched before others get their turn.
const NAMES_AT_A_TIME: usize = 16;

/// All names of an account, INBOX first.
pub(crate) struct Hierarchy {
    nodes: BTreeMap<Position, Node>,
}

/// INBOX before all others.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    other: bool,
    name: MailboxName,
}

impl Position {
    fn of(name: &MailboxName) -> Position {
        Position {
            other: !name.is_inbox(),
            name: name.clone(),
        }
    }
}

#[derive(Default)]
struct Node {
    exists: bool,
    subscribed: bool,
    special_use: Option<SpecialUse>,
    rights: Rights,
    /// Something below it exists. A name that is only subscribed makes no level above it.
    has_children: bool,
    /// Something below it meets the selection criteria of LIST.
    selected_below: bool,
    /// So does something that the patterns do not match.
    hidden_below: bool,
}

/// One LIST response.
#[derive(Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) name: MailboxName,
    pub(crate) attributes: Vec<&'static str>,
    /// CHILDINFO ("SUBSCRIBED") (RFC 5258 §3.5).
    pub(crate) child_info: bool,
    /// Whether it is a mailbox that is listed for itself: then STATUS, METADATA and MYRIGHTS may be asked for (RFC 5819 §2,
    /// RFC 8440 §4).
    pub(crate) is_selected: bool,
    /// What the client may do with it.
    pub(crate) rights: Rights,
    /// OLDNAME: what it was called before (RFC 5465 §5.4), or was called by the client (RFC 9051 §6.3.2).
    pub(crate) old_name: Option<String>,
}

impl Hierarchy {
    /// From what the account has, with the levels above that are no mailboxes themselves.
    pub(crate) fn new(mailboxes: Vec<MailboxInfo>) -> Hierarchy {
        let mut nodes: BTreeMap<Position, Node> = BTreeMap::new();
        for info in mailboxes {
            if info.exists {
                for ancestor in ancestors(&info.name) {
                    nodes.entry(Position::of(&ancestor)).or_default().has_children = true;
                }
            }
            let node = nodes.entry(Position::of(&info.name)).or_default();
            node.exists |= info.exists;
            node.subscribed |= info.subscribed;
            node.special_use = info.special_use.or(node.special_use);
            node.rights = node.rights.union(info.rights);
        }
        Hierarchy { nodes }
    }

    /// What LIST answers, in order. A name that matches several patterns comes once (RFC 5258 §3).
    pub(crate) async fn list(mut self, list: &List) -> Vec<Line> {
        let patterns: Vec<Pattern> = list
            .patterns
            .iter()
            // RFC 5258 §3: the empty one is passed over, whatever the reference.
            .filter(|pattern| !pattern.is_empty())
            .filter_map(|pattern| Pattern::new(&list.reference, pattern))
            .collect();
        let mut matching = Vec::new();
        let mut hidden = Vec::new();
        for (index, (position, node)) in self.nodes.iter().enumerate() {
            let matches = |pattern: &&Pattern| pattern.matches(position.name.as_str());
            let is_matched = patterns.iter().any(|pattern| matches(&pattern));
            // RFC 5258 §3: a name that is no mailbox is not listed for itself.
            let is_level_only = !node.exists && !list.select_subscribed;
            let level_is_asked_for = || patterns.iter().filter(matches).any(Pattern::asks_for_levels);
            if is_matched && (!is_level_only || level_is_asked_for()) {
                matching.push(position.name.clone());
            }
            if list.select_recursive_match && node.is_selected(list) {
                hidden.push((position.name.clone(), !is_matched));
            }
            if index % NAMES_AT_A_TIME == 0 {
                tokio::task::yield_now().await;
            }
        }
        for (name, is_hidden) in hidden {
            for ancestor in ancestors(&name) {
                let position = Position::of(&ancestor);
                // A level above a name that is only subscribed has no node yet.
                if !self.nodes.contains_key(&position)
                    && patterns.iter().any(|pattern| pattern.matches(ancestor.as_str()))
                {
                    matching.push(ancestor.clone());
                }
                let node = self.nodes.entry(position).or_default();
                node.selected_below = true;
                node.hidden_below |= is_hidden;
            }
        }
        let mut positions: Vec<Position> = matching.iter().map(Position::of).collect();
        positions.sort_unstable();
        let lines = positions.into_iter().filter_map(|position| {
            let node = self.nodes.get(&position)?;
            node.line(position.name, list)
        });
        lines.collect()
    }

    /// A name as it is now, whether there is anything of that name or not (RFC 5465 §5.4, §5.5, RFC 9051 §6.3.2).
    pub(crate) fn line(&self, name: MailboxName, old_name: Option<String>) -> Line {
        let told = List {
            extended: true,
            return_subscribed: true,
            ..List::default()
        };
        let nothing = Node::default();
        let node = self.nodes.get(&Position::of(&name)).unwrap_or(&nothing);
        let mut attributes = node.attributes(&told);
        if !node.is_in_tree() && name.in_other_users().is_some() {
            // Deleted, or no longer shared: the client cannot tell (RFC 5465 §5.9).
            attributes.push(NO_ACCESS);
        }
        Line {
            attributes,
            name,
            child_info: false,
            is_selected: false,
            rights: node.rights,
            old_name,
        }
    }

    /// What LSUB answers: subscribed names, and for `%` the levels above them with \Noselect, which here says that they
    /// are not subscribed themselves (RFC 3501 §6.3.9).
    pub(crate) fn lsub(&self, pattern: &Pattern) -> Vec<(MailboxName, &'static str)> {
        let mut found: BTreeMap<Position, &'static str> = BTreeMap::new();
        for (position, _) in self.nodes.iter().filter(|(_, node)| node.subscribed) {
            if pattern.asks_for_levels() {
                for ancestor in ancestors(&position.name) {
                    if pattern.matches(ancestor.as_str()) {
                        found.entry(Position::of(&ancestor)).or_insert("\\Noselect");
                    }
                }
            }
            if pattern.matches(position.name.as_str()) {
                found.insert(Position::of(&position.name), "");
            }
        }
        found
            .into_iter()
            .map(|(position, attribute)| (position.name, attribute))
            .collect()
    }
}

impl Node {
    /// Whether it is a name of the tree at all: a mailbox, or a level above one.
    fn is_in_tree(&self) -> bool {
        self.exists || self.has_children
    }

    /// Whether it meets the selection criteria (RFC 5258 §3.1, RFC 6154 §2).
    fn is_selected(&self, list: &List) -> bool {
        let kind = match list.select_subscribed {
            true => self.subscribed,
            false => self.is_in_tree(),
        };
        kind && (!list.select_special_use || self.special_use.is_some())
    }

    /// Its response, if it has one: when it meets the criteria itself, or when something does that would not be seen
    /// otherwise (RFC 5258 §3.3, §3.5).
    fn line(&self, name: MailboxName, list: &List) -> Option<Line> {
        let selected = self.is_selected(list);
        if !selected && !self.hidden_below {
            return None;
        }
        Some(Line {
            name,
            attributes: self.attributes(list),
            child_info: self.selected_below,
            is_selected: selected && self.exists,
            rights: self.rights,
            old_name: None,
        })
    }

    fn attributes(&self, list: &List) -> Vec<&'static str> {
        let mut attributes = Vec::new();
        if !self.exists {
            attributes.push("\\NonExistent");
        }
        // Implied by the other, which clients that know no more than RFC 3501 (§7.2.2) do not know.
        if !self.exists && !list.extended {
            attributes.push("\\Noselect");
        }
        if (list.select_subscribed || list.return_subscribed) && self.subscribed {
            attributes.push("\\Subscribed");
        }
        attributes.push(match self.has_children {
            true => "\\HasChildren",
            false => "\\HasNoChildren",
        });
        // In plain LIST too, where macOS looks for them (RFC 6154 §2 allows it).
        attributes.extend(self.special_use.map(SpecialUse::attribute));
        attributes
    }
}

/// The names above a name, the nearest first.
fn ancestors(name: &MailboxName) -> impl Iterator<Item = MailboxName> {
    std::iter::successors(name.parent(), MailboxName::parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(name: &str, exists: bool, subscribed: bool, special_use: Option<SpecialUse>) -> MailboxInfo {
        MailboxInfo {
            name: MailboxName::new(name).unwrap(),
            special_use,
            subscribed,
            exists,
            rights: Rights::ALL,
        }
    }

    /// The hierarchy of RFC 5258 §5, example 2, with a mailbox whose parent does not exist and one with a use.
    fn fruit() -> Hierarchy {
        Hierarchy::new(vec![
            info("INBOX", true, true, None),
            info("Fruit", true, false, None),
            info("Fruit/Apple", true, false, None),
            info("Fruit/Banana", true, true, None),
            info("Fruit/Peach", false, true, None),
            info("Sent", true, false, Some(SpecialUse::Sent)),
            info("Tofu", true, false, None),
            info("Vegetable", true, true, None),
            info("Vegetable/Broccoli", true, true, None),
            info("Vegetable/Corn", true, false, None),
            info("gone/deep/Leaf", true, false, None),
            info("lost/Leaf", false, true, None),
        ])
    }

    fn plain(pattern: &str) -> List {
        List {
            patterns: vec![pattern.to_owned()],
            ..List::default()
        }
    }

    async fn lines(list: List) -> Vec<String> {
        let lines = fruit().list(&list).await;
        let text = |line: &Line| {
            let child_info = if line.child_info { " CHILDINFO" } else { "" };
            format!("{} ({}){child_info}", line.name, line.attributes.join(" "))
        };
        lines.iter().map(text).collect()
    }

    #[tokio::test]
    async fn plain_list_shows_the_tree() {
        assert_eq!(
            lines(plain("%")).await,
            [
                r"INBOX (\HasNoChildren)",
                r"Fruit (\HasChildren)",
                r"Sent (\HasNoChildren \Sent)",
                r"Tofu (\HasNoChildren)",
                r"Vegetable (\HasChildren)",
                r"gone (\NonExistent \Noselect \HasChildren)",
            ]
        );
        assert_eq!(lines(plain("gone*")).await, [r"gone/deep/Leaf (\HasNoChildren)"]);
        assert!(lines(plain("")).await.is_empty());
    }

    #[tokio::test]
    async fn subscribed_lists_what_is_subscribed_and_nothing_else() {
        let list = List {
            select_subscribed: true,
            ..plain("*")
        };
        assert_eq!(
            lines(list).await,
            [
                r"INBOX (\Subscribed \HasNoChildren)",
                r"Fruit/Banana (\Subscribed \HasNoChildren)",
                r"Fruit/Peach (\NonExistent \Noselect \Subscribed \HasNoChildren)",
                r"Vegetable (\Subscribed \HasChildren)",
                r"Vegetable/Broccoli (\Subscribed \HasNoChildren)",
                r"lost/Leaf (\NonExistent \Noselect \Subscribed \HasNoChildren)",
            ]
        );
    }

    #[tokio::test]
    async fn recursive_match_shows_parents_of_what_is_hidden() {
        let list = |pattern| List {
            select_subscribed: true,
            select_recursive_match: true,
            ..plain(pattern)
        };
        assert_eq!(
            lines(list("%")).await,
            [
                r"INBOX (\Subscribed \HasNoChildren)",
                r"Fruit (\HasChildren) CHILDINFO",
                r"Vegetable (\Subscribed \HasChildren) CHILDINFO",
                r"lost (\NonExistent \Noselect \HasNoChildren) CHILDINFO",
            ]
        );
        // RFC 5258 §3.5: redundant where the child is listed too.
        let all = lines(list("*")).await;
        assert!(
            !all.iter()
                .any(|line| line.starts_with("Fruit (") || line.starts_with("lost ("))
        );
        assert!(all.contains(&r"Vegetable (\Subscribed \HasChildren) CHILDINFO".to_owned()));
    }

    #[tokio::test]
    async fn return_options_add_no_names() {
        let list = List {
            return_subscribed: true,
            patterns: vec!["fruit/%".to_owned(), "Fruit/%".to_owned(), "Fruit/A*".to_owned()],
            ..List::default()
        };
        assert_eq!(
            lines(list).await,
            [
                r"Fruit/Apple (\HasNoChildren)",
                r"Fruit/Banana (\Subscribed \HasNoChildren)"
            ]
        );
        let special = List {
            select_special_use: true,
            ..plain("*")
        };
        assert_eq!(lines(special).await, [r"Sent (\HasNoChildren \Sent)"]);
    }

    #[test]
    fn lsub_shows_levels_for_percent_only() {
        let lsub = |pattern| {
            let found = fruit().lsub(&Pattern::new("", pattern).unwrap());
            found
                .iter()
                .map(|(name, attribute)| format!("{name} {attribute}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            lsub("%"),
            [r"INBOX ", r"Fruit \Noselect", r"Vegetable ", r"lost \Noselect"]
        );
        assert_eq!(
            lsub("*"),
            [
                "INBOX ",
                "Fruit/Banana ",
                "Fruit/Peach ",
                "Vegetable ",
                "Vegetable/Broccoli ",
                "lost/Leaf "
            ]
        );
    }
}
