//! What a session tells its client of the selected mailbox without being asked: EXISTS, RECENT, EXPUNGE, FETCH FLAGS.

use super::session::{Failure, Selected, Session};

/// Takes in what has happened and writes it to the output; EXPUNGEs only when the command allows them.
pub(crate) async fn tell(_session: &mut Session, _selected: &mut Selected, _may_expunge: bool) -> Result<(), Failure> {
    todo!()
}
