//! A client that comes back and wants to know what has changed meanwhile (QRESYNC, RFC 7162 §3.2.5 and §3.2.6).
//!
//! What the mailbox does not remember any more is answered all the same: then everything that the client may know and that
//! does not exist counts as expunged. That can tell it twice of a message, and never leaves one out.

use super::answer::Failure;
use super::command::Resync;
use super::numbering::{Numbering, Numbers, Pieces, SeqNum};
use super::session::{Selected, Session};
use super::updates;
use crate::mail::ids::Uid;
use crate::mail::uidset::UidSet;

/// How many states are copied at a time.
const STATES: u32 = 4096;

/// Tells what has changed in a mailbox that was just opened: VANISHED (EARLIER), then FETCH. Of another UIDVALIDITY nothing
/// is told; the client sees that in the answers before.
pub(crate) async fn tell(session: &mut Session, selected: &Selected, resync: &Resync) -> Result<(), Failure> {
    if resync.uid_validity != selected.view.mailbox().uid_validity().get() {
        return Ok(());
    }
    let known = match &resync.known {
        Some(set) => selected.named(set),
        None => up_to(selected.highest_uid()),
    };
    let agreed = resync
        .matched
        .as_ref()
        .map_or(0, |(numbers, uids)| agreed(selected.view.uids(), numbers, uids));
    let asked = known.difference(&up_to(agreed));
    vanished(session, selected, resync.mod_seq, asked).await?;
    changed(session, selected, resync.mod_seq, &known).await
}

/// VANISHED (EARLIER) for those of `asked` that were expunged after a MODSEQ. Those of which this session has still to be
/// told are no earlier ones.
pub(crate) async fn vanished(
    session: &mut Session,
    selected: &Selected,
    since: u64,
    asked: UidSet,
) -> Result<(), Failure> {
    let gone = match selected.view.mailbox().vanished_since(since).await? {
        Some(remembered) => remembered.intersection(&asked),
        None => asked,
    };
    updates::vanished(session, "(EARLIER) ", &gone.difference(selected.view.uids())).await
}

/// FETCH for those of `known` that changed after a MODSEQ.
async fn changed(session: &mut Session, selected: &Selected, since: u64, known: &UidSet) -> Result<(), Failure> {
    let mut numbering = Numbering::default();
    for piece in Pieces::new(&known.intersection(selected.view.uids()), STATES) {
        let states = selected.view.mailbox().states(&piece);
        let changed = states.iter().filter(|state| state.mod_seq.get() > since);
        updates::flags_of(session, selected, &mut numbering, changed).await?;
        tokio::task::consume_budget().await;
    }
    Ok(())
}

/// The highest UID of which the client knows under which number it is now: then it knows of all expunges up to there
/// (RFC 7162 §3.2.5.2). 0 when there is none.
fn agreed(picture: &UidSet, numbers: &Numbers, uids: &Numbers) -> u32 {
    let messages = u32::try_from(picture.len()).unwrap_or(u32::MAX);
    let mut numbering = Numbering::default();
    numbers
        .iter()
        .take_while(|number| *number <= messages)
        .zip(uids.iter())
        .filter(|(number, uid)| Uid::new(*uid).and_then(|uid| numbering.of(picture, uid)) == Some(SeqNum(*number)))
        .last()
        .map_or(0, |(_, uid)| uid)
}

/// All UIDs from 1.
fn up_to(last: u32) -> UidSet {
    Uid::new(last).map_or_else(UidSet::new, |last| UidSet::range(Uid::MIN, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(runs: &[(u32, u32)]) -> Numbers {
        let mut numbers = Numbers::default();
        assert!(runs.iter().all(|(first, last)| numbers.push_run(*first, *last)));
        numbers
    }

    /// RFC 7162 §3.2.5.2: only UIDs divisible by three are there; and its example of 4, 8 and 12, 24.
    #[test]
    fn pairs_that_match_tell_how_far_the_client_knows() {
        let threes: UidSet = (1..=10_003u32).filter_map(|number| Uid::new(3 * number)).collect();
        for (sequence, uids, wanted) in [
            (
                vec![(5000, 5000), (7500, 7500)],
                vec![(15000, 15000), (22500, 22500)],
                22500,
            ),
            (
                vec![(5000, 5000), (7500, 7500)],
                vec![(15000, 15000), (22501, 22501)],
                15000,
            ),
            (
                vec![(5000, 5000), (9999, 9999)],
                vec![(14999, 14999), (29997, 29997)],
                29997,
            ),
            (vec![(1, 1), (10_004, u32::MAX)], vec![(3, 3), (40_000, u32::MAX)], 3),
            (vec![(1, u32::MAX)], vec![(3, u32::MAX)], 3),
            (vec![(1, 2)], vec![(4, 5)], 0),
            (vec![(7, 9)], vec![(21, 21)], 21),
        ] {
            assert_eq!(
                agreed(&threes, &numbers(&sequence), &numbers(&uids)),
                wanted,
                "{sequence:?}"
            );
        }
        let eights: UidSet = [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 25]
            .into_iter()
            .filter_map(Uid::new)
            .collect();
        let pairs = (numbers(&[(4, 4), (12, 12)]), numbers(&[(8, 8), (24, 24)]));
        assert_eq!(agreed(&eights, &pairs.0, &pairs.1), 8);
        assert_eq!(agreed(&UidSet::new(), &pairs.0, &pairs.1), 0);
    }
}
