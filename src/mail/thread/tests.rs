//! Threads of small mailboxes, and what holds for any.

use super::*;
use crate::mail::message_id::message_ids;
use proptest::prelude::*;

/// A message: sent date, subject, identifier, references.
type Mail<'a> = (i64, &'a str, &'a str, &'a str);

fn threader(mailbox: &[Mail<'_>]) -> Threader {
    let mut threader = Threader::default();
    for (index, (sent, subject, id, references)) in mailbox.iter().enumerate() {
        let bracketed = |ids: &str| ids.split(' ').map(|id| format!("<{id}@x>")).collect::<String>();
        let references = match *references {
            "" => Vec::new(),
            references => message_ids(bracketed(references).as_bytes()),
        };
        let id = message_ids(bracketed(id).as_bytes()).pop();
        let subject = BaseSubject::of(subject);
        threader.add(index as u32 + 1, *sent, &subject, id.as_deref(), &references);
    }
    threader
}

/// As THREAD writes them.
fn written(threads: &Threads) -> String {
    fn node(threads: &Threads, at: u32, into: &mut String) {
        let uid = threads.uid(at).map(|uid| uid.to_string()).unwrap_or_default();
        into.push_str(&uid);
        match threads.children(at) {
            [] => {}
            [only] => {
                into.push(' ');
                node(threads, *only, into);
            }
            several => {
                if !uid.is_empty() {
                    into.push(' ');
                }
                several.iter().for_each(|child| thread(threads, *child, into));
            }
        }
    }
    fn thread(threads: &Threads, root: u32, into: &mut String) {
        into.push('(');
        node(threads, root, into);
        into.push(')');
    }
    let mut written = String::new();
    threads
        .roots()
        .iter()
        .for_each(|root| thread(threads, *root, &mut written));
    written
}

#[test]
fn ordered_subject() {
    for (mailbox, wanted) in [
        (&[][..], ""),
        (
            &[(5, "a", "1", ""), (3, "b", "2", ""), (4, "Re: A", "3", "")],
            "(2)(3 1)",
        ),
        (
            &[
                (1, "a", "1", ""),
                (2, "a", "2", "1"),
                (4, "Fwd: a", "3", "2"),
                (3, "a (fwd)", "4", ""),
            ],
            "(1 (2)(4)(3))",
        ),
        // Without a subject is a subject, too; equal dates as in the mailbox.
        (&[(1, "", "1", ""), (1, "x", "2", ""), (1, "Re:", "3", "")], "(1 3)(2)"),
    ] {
        assert_eq!(written(&threader(mailbox).ordered_subject()), wanted, "{mailbox:?}");
    }
}

#[test]
fn references() {
    for (mailbox, wanted) in [
        (&[][..], ""),
        // A conversation, in any order.
        (
            &[(1, "a", "1", ""), (2, "Re: a", "2", "1"), (3, "Re: a", "3", "1 2")],
            "(1 2 3)",
        ),
        (
            &[(3, "Re: a", "3", "1 2"), (2, "Re: a", "2", "1"), (1, "a", "1", "")],
            "(3 2 1)",
        ),
        (
            &[
                (1, "a", "1", ""),
                (4, "b", "2", "1"),
                (3, "c", "3", "1"),
                (5, "d", "4", "1 3"),
            ],
            "(1 (3 4)(2))",
        ),
        // One that is missing: in the middle its children move up, at the top it holds several together.
        (
            &[(1, "a", "1", ""), (3, "b", "3", "1 2"), (2, "c", "4", "1 2")],
            "(1 (3)(2))",
        ),
        (&[(3, "b", "2", "1"), (2, "c", "3", "1")], "((2)(1))"),
        (&[(3, "b", "2", "1")], "(1)"),
        (
            &[(3, "b", "2", "0 1"), (2, "c", "3", "0 1"), (1, "d", "4", "0")],
            "((3)(2)(1))",
        ),
        // A parent that is known stays (A); but that of the message itself is right (B).
        (
            &[(1, "a", "1", ""), (2, "b", "2", "1"), (3, "c", "3", "9 2")],
            "(1 2 3)",
        ),
        (
            &[(1, "a", "1", ""), (3, "c", "3", "1 2"), (2, "b", "2", "")],
            "(1)(3 2)",
        ),
        (
            &[(1, "a", "1", ""), (3, "c", "3", "1 2"), (2, "b", "2", "1")],
            "(1 3 2)",
        ),
        // Loops.
        (&[(1, "a", "1", "1")], "(1)"),
        (&[(1, "a", "1", "2"), (2, "b", "2", "1")], "(2 1)"),
        (
            &[(1, "a", "1", "2 3"), (2, "b", "2", "3 1"), (3, "c", "3", "1 2")],
            "(2 3 1)",
        ),
        // The same identifier twice: the first is meant.
        (&[(1, "a", "1", ""), (2, "b", "1", ""), (3, "c", "2", "1")], "(1 3)(2)"),
    ] {
        assert_eq!(written(&threader(mailbox).references()), wanted, "{mailbox:?}");
    }
}

#[test]
fn threads_of_one_subject_come_together() {
    for (mailbox, wanted) in [
        // A reply without references belongs to its original.
        (&[(1, "a", "1", ""), (2, "Re: A", "2", "")][..], "(1 2)"),
        (&[(1, "Re: a", "1", ""), (2, "a", "2", "")], "(2 1)"),
        // Originals, or replies, are siblings.
        (&[(1, "a", "1", ""), (2, "a", "2", "")], "((1)(2))"),
        (&[(1, "Re: a", "1", ""), (2, "Fwd: a", "2", "")], "((1)(2))"),
        (
            &[(1, "a", "1", ""), (2, "a", "2", ""), (3, "Re: a", "3", "")],
            "((1)(2)(3))",
        ),
        (
            &[(1, "Re: a", "1", ""), (2, "Re: a", "2", ""), (3, "a", "3", "")],
            "(3 (1)(2))",
        ),
        // With a dummy, whichever comes first.
        (
            &[(1, "a", "1", ""), (2, "a", "2", "9"), (3, "a", "3", "9")],
            "((1)(2)(3))",
        ),
        (
            &[(4, "a", "1", ""), (2, "a", "2", "9"), (3, "a", "3", "9")],
            "((2)(3)(1))",
        ),
        (
            &[
                (1, "a", "1", "8"),
                (2, "x", "2", "8"),
                (3, "a", "3", "9"),
                (4, "y", "4", "9"),
            ],
            "((1)(2)(3)(4))",
        ),
        // Not without a subject.
        (&[(1, "", "1", ""), (2, "Re:", "2", "")], "(1)(2)"),
        // The thread is where its first message is.
        (
            &[(2, "a", "1", ""), (3, "b", "2", ""), (1, "Re: a", "3", "")],
            "(1 3)(2)",
        ),
    ] {
        assert_eq!(written(&threader(mailbox).references()), wanted, "{mailbox:?}");
    }
}

#[test]
fn refs() {
    for (mailbox, wanted) in [
        (&[(1, "a", "1", ""), (2, "Re: a", "2", "")][..], "(1)(2)"),
        // By the latest message.
        (
            &[(1, "a", "1", ""), (2, "b", "2", ""), (3, "Re: a", "3", "1")],
            "(2)(1 3)",
        ),
        (
            &[(4, "a", "1", "9"), (3, "b", "2", ""), (2, "c", "3", "9")],
            "(2)((3)(1))",
        ),
    ] {
        assert_eq!(written(&threader(mailbox).refs()), wanted, "{mailbox:?}");
    }
}

#[test]
fn a_thread_may_be_as_deep_as_the_mailbox_is_large() {
    const DEEP: u32 = 20_000;
    for ascending in [true, false] {
        let mut threader = Threader::default();
        let id = |number: u32| number.to_be_bytes();
        for index in 0..DEEP {
            let number = if ascending { index + 1 } else { DEEP - index };
            let references = [id(number - 1).to_vec()];
            threader.add(
                index + 1,
                i64::from(number),
                &BaseSubject::default(),
                Some(&id(number)),
                &references,
            );
        }
        let threads = threader.references();
        let (mut at, mut depth) = (threads.roots()[0], 1);
        while let [only] = threads.children(at) {
            (at, depth) = (*only, depth + 1);
        }
        assert_eq!((threads.roots().len(), depth), (1, DEEP));
    }
}

fn mailbox() -> impl Strategy<Value = Vec<(i64, String, String, String)>> {
    let mail = (0i64..6, "(Re: )?[ab]?", "[0-9]", "([0-9]( [0-9]){0,3})?");
    prop::collection::vec(mail, 0..14)
}

proptest! {
    #[test]
    fn every_message_is_in_one_thread(mailbox in mailbox()) {
        let mails: Vec<Mail<'_>> = mailbox.iter().map(|(sent, subject, id, references)| {
            (*sent, subject.as_str(), id.as_str(), references.as_str())
        }).collect();
        for threads in [
            threader(&mails).ordered_subject(),
            threader(&mails).references(),
            threader(&mails).refs(),
        ] {
            let mut seen: Vec<u32> = Vec::new();
            let mut below: Vec<u32> = threads.roots().to_vec();
            while let Some(node) = below.pop() {
                let children = threads.children(node);
                // A dummy is at the top and holds several together.
                let at_top = threads.roots().contains(&node);
                prop_assert!(threads.uid(node).is_some() || (at_top && children.len() > 1));
                let dates: Vec<i64> = children.iter().map(|child| mails[*child as usize].0).collect();
                prop_assert!(dates.is_sorted());
                seen.extend(threads.uid(node));
                below.extend(children);
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (1..=mails.len() as u32).collect::<Vec<_>>());
        }
    }
}
