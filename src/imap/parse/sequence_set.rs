//! Sequence sets and UID sets (RFC 9051 §9, `sequence-set`).

use super::cursor::{Cursor, Fault, Parsed};
use crate::imap::command::{SequenceBound, SequenceSet};
use crate::imap::numbering::Numbers;

/// The most ranges of a set. Clients that name each message of a large mailbox send some 20,000.
const MAX_RANGES: usize = 100_000;

/// `SP sequence-set`.
pub(super) fn argument(cursor: &mut Cursor<'_>) -> Parsed<SequenceSet> {
    cursor.space()?;
    sequence_set(cursor)
}

/// `sequence-set`, or `$` alone (RFC 5182 §3).
pub(super) fn sequence_set(cursor: &mut Cursor<'_>) -> Parsed<SequenceSet> {
    if cursor.skip(b'$') {
        return Ok(SequenceSet::Saved);
    }
    let mut ranges = Vec::new();
    loop {
        let first = bound(cursor)?;
        let last = if cursor.skip(b':') { bound(cursor)? } else { first };
        if ranges.len() == MAX_RANGES {
            return Err(Fault::bad(
                format!("more than {MAX_RANGES} ranges in a set"),
                cursor.position(),
            ));
        }
        ranges.push((first, last));
        if !cursor.skip(b',') {
            return Ok(SequenceSet::Ranges(ranges));
        }
    }
}

/// `sequence-set` in which `*` is not allowed: what a client remembers.
pub(super) fn without_last(cursor: &mut Cursor<'_>) -> Parsed<SequenceSet> {
    let start = cursor.position();
    let set = sequence_set(cursor)?;
    match &set {
        SequenceSet::Ranges(ranges) if ranges.iter().all(|(a, b)| ![*a, *b].contains(&SequenceBound::Last)) => Ok(set),
        _ => Err(Fault::bad("* is not allowed here", start)),
    }
}

/// The same in ascending order.
pub(super) fn ascending(cursor: &mut Cursor<'_>) -> Parsed<Numbers> {
    let start = cursor.position();
    let mut numbers = Numbers::default();
    let SequenceSet::Ranges(ranges) = without_last(cursor)? else {
        return Err(Fault::bad("expected numbers", start));
    };
    for range in ranges {
        let is_next = match range {
            (SequenceBound::Number(first), SequenceBound::Number(last)) => numbers.push_run(first, last),
            _ => false,
        };
        if !is_next {
            return Err(Fault::bad("expected numbers in ascending order", start));
        }
    }
    Ok(numbers)
}

/// `seq-number`.
fn bound(cursor: &mut Cursor<'_>) -> Parsed<SequenceBound> {
    match cursor.peek() {
        Some(b'*') => {
            cursor.skip(b'*');
            Ok(SequenceBound::Last)
        }
        Some(b'0'..=b'9') => cursor.nz_number().map(SequenceBound::Number),
        _ => cursor.expected("a message number or *"),
    }
}

#[cfg(test)]
mod tests {
    use crate::imap::command::{CommandBody, SequenceSet};
    use crate::imap::parse::tests::{bad, same, set};

    #[test]
    fn sets() {
        for (written, ranges) in [
            ("1", &[(1, 1)][..]),
            ("*", &[(0, 0)]),
            ("4294967295", &[(u32::MAX, u32::MAX)]),
            ("2:4", &[(2, 4)]),
            ("4:2", &[(4, 2)]),
            ("1:*", &[(1, 0)]),
            ("*:4,5:7", &[(0, 4), (5, 7)]),
            ("2,4:7,9,12:*", &[(2, 2), (4, 7), (9, 9), (12, 0)]),
            ("007", &[(7, 7)]),
            ("1,1,1:1", &[(1, 1), (1, 1), (1, 1)]),
        ] {
            same(
                &[&format!("UID EXPUNGE {written}")],
                &CommandBody::UidExpunge(set(ranges)),
            );
        }
        same(&["UID EXPUNGE $"], &CommandBody::UidExpunge(SequenceSet::Saved));
    }

    #[test]
    fn what_is_no_set() {
        let many = format!("UID EXPUNGE {}1", "1,".repeat(super::MAX_RANGES));
        bad(&[
            ("UID EXPUNGE", "UID EXPUNGE: expected a space, at octet 14"),
            ("UID EXPUNGE 0", "UID EXPUNGE: 0 is not allowed, at octet 15"),
            ("UID EXPUNGE 1:0", "UID EXPUNGE: 0 is not allowed, at octet 17"),
            (
                "UID EXPUNGE 4294967296",
                "UID EXPUNGE: a number above 4294967295, at octet 15",
            ),
            (
                "UID EXPUNGE 1,",
                "UID EXPUNGE: expected a message number or *, at octet 17",
            ),
            (
                "UID EXPUNGE ,1",
                "UID EXPUNGE: expected a message number or *, at octet 15",
            ),
            (
                "UID EXPUNGE 1:",
                "UID EXPUNGE: expected a message number or *, at octet 17",
            ),
            (
                "UID EXPUNGE 1:2:3",
                "UID EXPUNGE: expected the end of the command, at octet 18",
            ),
            (
                "UID EXPUNGE 1, 2",
                "UID EXPUNGE: expected a message number or *, at octet 17",
            ),
            (
                "UID EXPUNGE -1",
                "UID EXPUNGE: expected a message number or *, at octet 15",
            ),
            (
                "UID EXPUNGE \"1\"",
                "UID EXPUNGE: expected a message number or *, at octet 15",
            ),
            (
                "UID EXPUNGE 1,$",
                "UID EXPUNGE: expected a message number or *, at octet 17",
            ),
            (
                "UID EXPUNGE $:1",
                "UID EXPUNGE: expected the end of the command, at octet 16",
            ),
            (&many, "UID EXPUNGE: more than 100000 ranges in a set, at octet 200016"),
        ]);
    }
}
