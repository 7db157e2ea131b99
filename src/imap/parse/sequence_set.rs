//! Sequence sets and UID sets (RFC 9051 §9, `sequence-set`).

use super::cursor::{Cursor, Fault, Parsed};
use crate::imap::command::{SequenceBound, SequenceSet};

/// The most ranges of a set. Clients that name each message of a large mailbox send some 20,000.
const MAX_RANGES: usize = 100_000;

/// `SP sequence-set`.
pub(super) fn argument(cursor: &mut Cursor<'_>) -> Parsed<SequenceSet> {
    cursor.space()?;
    sequence_set(cursor)
}

/// `sequence-set`. `$` (RFC 5182) is not announced and no set yet.
pub(super) fn sequence_set(cursor: &mut Cursor<'_>) -> Parsed<SequenceSet> {
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

/// `seq-number`.
fn bound(cursor: &mut Cursor<'_>) -> Parsed<SequenceBound> {
    match cursor.peek() {
        Some(b'*') => {
            cursor.skip(b'*');
            Ok(SequenceBound::Last)
        }
        Some(b'0'..=b'9') => cursor.nz_number().map(SequenceBound::Number),
        Some(b'$') => Err(Fault::bad("saved search results are not supported", cursor.position())),
        _ => cursor.expected("a message number or *"),
    }
}
