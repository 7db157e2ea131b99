//! Results that are kept up to date (UPDATE of CONTEXT=SEARCH and CONTEXT=SORT, RFC 5267 §4.3).
//!
//! A context knows which messages its client has been told of, and in which order. When messages change it asks again, of
//! these alone, and tells the difference. Nothing is asked while nothing changes, but for OLDER and YOUNGER, whose results
//! change by themselves: those are looked at again now and then (RFC 5032 §2).

use super::matching::find_among;
use super::query::{Query, Terms};
use super::result::{Named, begin_extended};
use super::sorted::{Row, sorted};
use super::tell::Asked;
use crate::imap::answer::Failure;
use crate::imap::command::{SearchKey, SequenceSet, SortCriterion, SortKey};
use crate::imap::numbering::{Numbers, Positions};
use crate::imap::output::Output;
use crate::imap::progress::Progress;
use crate::imap::session::{Selected, Session};
use crate::mail::date::Timestamp;
use crate::mail::flags::KeywordTable;
use crate::mail::ids::Uid;
use crate::mail::uidset::UidSet;
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::Instant;

/// Contexts of one session.
const MAX_CONTEXTS: usize = 16;
/// Octets that all sorted ones of a session keep.
const MAX_ROWS: usize = 16 * 1024 * 1024;
/// How old results that depend on the time of day get.
const AGE: Duration = Duration::from_secs(60);

/// The contexts of a session in its selected mailbox.
#[derive(Default)]
pub(crate) struct Contexts {
    list: Vec<Context>,
    /// The messages that they have been asked about.
    picture: UidSet,
}

/// The searching command whose results are kept up to date.
struct Context {
    tag: String,
    uid: bool,
    names_mailbox: bool,
    key: SearchKey,
    /// What the sets of the key name, in the order in which they are met: message numbers mean what they did when the
    /// command was given (RFC 5267 §4.3).
    sets: Vec<UidSet>,
    query: Query,
    order: Order,
    /// When it was asked about all messages.
    asked: Instant,
}

/// What the client knows of the results.
pub(crate) enum Order {
    /// As in the mailbox.
    Mailbox(UidSet),
    /// Sorted.
    Sorted {
        criteria: Vec<SortCriterion>,
        rows: Vec<Row>,
    },
}

impl Contexts {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether a command with this tag is kept up to date.
    pub(crate) fn has(&self, tag: &str) -> bool {
        self.list.iter().any(|context| context.tag == tag)
    }

    /// Whether one more is possible.
    pub(crate) fn has_room(&self, order: &Order) -> bool {
        let octets: usize = self.list.iter().map(|context| context.order.octets()).sum();
        self.list.len() < MAX_CONTEXTS && (octets + order.octets() <= MAX_ROWS || matches!(order, Order::Mailbox(_)))
    }

    /// No longer keeps that one up to date.
    pub(crate) fn cancel(&mut self, tag: &str) {
        self.list.retain(|context| context.tag != tag);
    }
}

/// Keeps the results of a command up to date from now on.
pub(crate) fn begin(selected: &mut Selected, asked: &Asked<'_>, order: Order) -> Result<(), Failure> {
    let keywords = selected.view.mailbox().keywords();
    let sets = RefCell::new(Vec::new());
    let terms = Terms {
        keywords: &keywords,
        now: 0,
        resolve: |set: &SequenceSet, uid| {
            let resolved = selected.lasting(set, uid)?;
            sets.borrow_mut().push(resolved);
            Ok::<_, Failure>(UidSet::new())
        },
    };
    let key = &asked.search.key;
    Query::new(key, &terms)?;
    let sets = sets.into_inner();
    let context = Context {
        query: query(key, &sets, &keywords),
        tag: asked.tag.to_owned(),
        uid: asked.uid,
        names_mailbox: asked.names_mailbox,
        key: key.clone(),
        sets,
        order,
        asked: Instant::now(),
    };
    if selected.contexts.is_empty() {
        selected.contexts.picture = selected.view.uids().clone();
    }
    selected.contexts.list.push(context);
    Ok(())
}

fn query(key: &SearchKey, sets: &[UidSet], keywords: &KeywordTable) -> Query {
    let next = Cell::new(0);
    let terms = Terms {
        keywords,
        now: Timestamp::now().seconds,
        resolve: |_: &SequenceSet, _| {
            let index = next.replace(next.get() + 1);
            Ok::<_, Infallible>(sets.get(index).cloned().unwrap_or_default())
        },
    };
    let Ok(query) = Query::new(key, &terms);
    query
}

/// Tells which results are about to be expunged: in front of the EXPUNGEs, while their numbers mean something
/// (RFC 5267 §4.3.4). `gone`: each with its position before, descending.
pub(crate) fn expunged(session: &mut Session, selected: &mut Selected, gone: &[(usize, Uid)]) {
    let uids: UidSet = gone.iter().rev().map(|(_, uid)| *uid).collect();
    let number = |uid: u32| {
        let found = gone.binary_search_by(|(_, other)| uid.cmp(&other.get())).ok();
        found.and_then(|index| u32::try_from(gone[index].0 + 1).ok())
    };
    let named = selected.about();
    for context in &mut selected.contexts.list {
        let removed = context.order.remove(&uids);
        context.write(&mut session.output, &named, "REMOVEFROM", &removed, number);
    }
    selected.contexts.picture = selected.contexts.picture.difference(&uids);
}

/// Tells what has changed of the results, after the client knows all messages. `flags`: those whose flags have changed.
pub(crate) async fn follow(
    session: &mut Session,
    selected: &mut Selected,
    flags: UidSet,
    keywords_changed: bool,
) -> Result<(), Failure> {
    // Taken out, for they ask the mailbox that they are part of.
    let mut contexts = std::mem::take(&mut selected.contexts);
    let picture = selected.view.uids().clone();
    let changed = picture.difference(&contexts.picture).union(&flags);
    contexts.picture = picture;
    let mut kept = Vec::with_capacity(contexts.list.len());
    for mut context in contexts.list {
        if keywords_changed || context.is_timed() {
            context.query = query(&context.key, &context.sets, &selected.view.mailbox().keywords());
        }
        let old = context.is_timed() && context.asked.elapsed() >= AGE;
        let about = if old { &contexts.picture } else { &changed };
        if old {
            context.asked = Instant::now();
        }
        match context.ask(session, selected, about).await {
            Ok(()) => kept.push(context),
            Err(Failure::Answer(_)) => refuse(&mut session.output, &context.tag),
            Err(failure) => return Err(failure),
        }
    }
    contexts.list = kept;
    selected.contexts = contexts;
    Ok(())
}

/// The results of a command are not, or no longer, kept up to date (RFC 5267 §4.3.1).
pub(crate) fn refuse(output: &mut Output, tag: &str) {
    output.line(format_args!(
        "* NO [NOUPDATE \"{tag}\"] The results are not kept up to date"
    ));
}

impl Context {
    /// Whether its results change by themselves.
    fn is_timed(&self) -> bool {
        self.key
            .any(&|key| matches!(key, SearchKey::Older(_) | SearchKey::Younger(_)))
    }

    /// Asks about these messages and tells the difference.
    async fn ask(&mut self, session: &mut Session, selected: &Selected, about: &UidSet) -> Result<(), Failure> {
        if about.is_empty() {
            return Ok(());
        }
        let by_relevancy = |criterion: &SortCriterion| criterion.key == SortKey::Relevancy;
        let scored = matches!(&self.order, Order::Sorted { criteria, .. } if criteria.iter().any(by_relevancy));
        let mut found = find_among(selected, &self.query, about, scored, &Progress::default()).await?;
        let removed = self.order.remove(&about.difference(&found.uids));
        found.uids = found.uids.difference(&self.order.among(&found.uids));
        let added = match &mut self.order {
            Order::Mailbox(uids) => {
                uids.extend(&found.uids);
                whole(&found.uids)
            }
            Order::Sorted { criteria, rows } => {
                let new = sorted(selected, criteria, &found).await?;
                insert(rows, new)
            }
        };
        let positions = Positions::new(selected.view.uids());
        let (output, named) = (&mut session.output, &selected.about());
        self.write(output, named, "REMOVEFROM", &removed, |uid| positions.of(uid));
        self.write(output, named, "ADDTO", &added, |uid| positions.of(uid));
        Ok(())
    }

    /// One ESEARCH response with pairs of a position, or 0, and the results that are taken from there or come there.
    fn write(
        &self,
        output: &mut Output,
        named: &Named,
        item: &str,
        pairs: &[(usize, Vec<u32>)],
        number: impl Fn(u32) -> Option<u32>,
    ) {
        if pairs.is_empty() {
            return;
        }
        begin_extended(output, &self.tag, self.names_mailbox.then_some(named), self.uid);
        output.text(format_args!(" {item} ("));
        for (index, (position, uids)) in pairs.iter().enumerate() {
            let numbers: Numbers = match self.uid {
                true => uids.iter().copied().collect(),
                false => uids.iter().filter_map(|uid| number(*uid)).collect(),
            };
            let space = if index > 0 { " " } else { "" };
            output.text(format_args!("{space}{position} {numbers}"));
        }
        output.raw(b")\r\n");
    }
}

impl Order {
    fn octets(&self) -> usize {
        match self {
            Order::Mailbox(_) => 0,
            Order::Sorted { rows, .. } => rows.iter().map(|row| row.key.len() + size_of::<Row>()).sum(),
        }
    }

    /// Those of `uids` that are among the results.
    fn among(&self, uids: &UidSet) -> UidSet {
        match self {
            Order::Mailbox(results) => results.intersection(uids),
            Order::Sorted { rows, .. } => {
                let named = rows.iter().filter_map(|row| Uid::new(row.uid));
                named.filter(|uid| uids.contains(*uid)).collect()
            }
        }
    }

    /// Takes messages out; what is told of that.
    fn remove(&mut self, gone: &UidSet) -> Vec<(usize, Vec<u32>)> {
        match self {
            Order::Mailbox(uids) => {
                let removed = uids.intersection(gone);
                *uids = uids.difference(gone);
                whole(&removed)
            }
            Order::Sorted { rows, .. } => {
                let is_gone = |row: &Row| Uid::new(row.uid).is_some_and(|uid| gone.contains(uid));
                let mut pairs = stretches(rows, is_gone);
                // From behind, so that no position is moved by what is taken out before.
                pairs.reverse();
                rows.retain(|row| !is_gone(row));
                pairs
            }
        }
    }
}

/// In the order of the mailbox, positions need not be told (RFC 5267 §4.3.3).
fn whole(uids: &UidSet) -> Vec<(usize, Vec<u32>)> {
    match uids.is_empty() {
        true => Vec::new(),
        false => vec![(0, uids.iter().map(Uid::get).collect())],
    }
}

/// Puts rows in their places; what is told of that. From the front, so that each position is right once those before it
/// are filled.
fn insert(rows: &mut Vec<Row>, new: Vec<Row>) -> Vec<(usize, Vec<u32>)> {
    let mut added: Vec<u32> = new.iter().map(|row| row.uid).collect();
    added.sort_unstable();
    rows.extend(new);
    rows.sort();
    stretches(rows, |row| added.binary_search(&row.uid).is_ok())
}

/// The stretches of rows of a kind, each with its first position, counted from 1.
fn stretches(rows: &[Row], kind: impl Fn(&Row) -> bool) -> Vec<(usize, Vec<u32>)> {
    let mut stretches: Vec<(usize, Vec<u32>)> = Vec::new();
    let mut last = None;
    for (index, row) in rows.iter().enumerate().filter(|(_, row)| kind(row)) {
        match stretches.last_mut().filter(|_| last == index.checked_sub(1)) {
            Some((_, uids)) if index > 0 => uids.push(row.uid),
            _ => stretches.push((index + 1, vec![row.uid])),
        }
        last = Some(index);
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(key: u8, uid: u32) -> Row {
        Row {
            key: [key].into(),
            uid,
            score: 1,
        }
    }

    /// What a client does that hears of `pairs` (RFC 5267 §4.3.3, §4.3.4).
    fn apply(results: &mut Vec<u32>, add: bool, pairs: &[(usize, Vec<u32>)]) {
        for (position, uids) in pairs {
            let at = position - 1;
            match add {
                true => drop(results.splice(at..at, uids.iter().copied())),
                false => assert_eq!(results.drain(at..at + uids.len()).collect::<Vec<_>>(), *uids),
            }
        }
    }

    #[test]
    fn neighbours_are_told_together() {
        let rows: Vec<Row> = [(1, 7), (2, 3), (3, 9), (4, 4), (5, 1)]
            .map(|(key, uid)| row(key, uid))
            .into();
        assert_eq!(stretches(&rows, |row| row.uid < 5), [(2, vec![3]), (4, vec![4, 1])]);
        assert_eq!(stretches(&rows, |row| row.uid == 7), [(1, vec![7])]);
        assert_eq!(stretches(&rows, |_| true), [(1, vec![7, 3, 9, 4, 1])]);
        assert!(stretches(&rows, |_| false).is_empty());
    }

    proptest! {
        #[test]
        fn a_client_that_follows_has_the_order(
            keys in prop::collection::vec(0u8..6, 1..40),
            steps in prop::collection::vec(prop::collection::btree_set(0usize..40, 0..8), 0..8),
        ) {
            let mut order = Order::Sorted { criteria: Vec::new(), rows: Vec::new() };
            let mut client = Vec::new();
            for step in steps {
                let members = order.among(&UidSet::range(Uid::MIN, Uid::MAX));
                let named = step.iter().filter(|index| **index < keys.len());
                let (out, new): (Vec<u32>, Vec<u32>) = named
                    .map(|index| *index as u32 + 1)
                    .partition(|uid| members.contains(Uid::new(*uid).unwrap()));
                let removed = order.remove(&out.into_iter().filter_map(Uid::new).collect());
                apply(&mut client, false, &removed);
                let Order::Sorted { rows, .. } = &mut order else { unreachable!() };
                let mut new: Vec<Row> = new.iter().map(|uid| row(keys[*uid as usize - 1], *uid)).collect();
                new.sort();
                let added = insert(rows, new);
                apply(&mut client, true, &added);
                prop_assert!(rows.is_sorted());
                prop_assert_eq!(&client, &rows.iter().map(|row| row.uid).collect::<Vec<_>>());
            }
        }
    }
}
