//! Putting a message in another's place (RFC 8508), in one transaction: there is no moment at which both are there, or neither.

use super::append::{Filing, entry_of, file};
use super::error::{Error, Result, blocking};
use super::expunge::remove_files;
use super::mailbox::{Mailbox, Writing, later, write_both};
use super::message::NewMessage;
use super::state::{Step, learn};
use super::{Appended, append};
use crate::mail::ids::{SessionId, Uid};
use crate::mail::uidset::UidSet;
use crate::storage::database::StoreError;
use crate::storage::index::SummarySource;
use crate::storage::maildir::name;
use std::sync::Arc;

impl Mailbox {
    /// Appends a message to `target` and removes the one of that UID here. A message that is not there any more is an error
    /// and nothing happens.
    pub async fn replace(
        self: &Arc<Self>,
        session: SessionId,
        uid: Uid,
        message: NewMessage,
        target: &Arc<Mailbox>,
    ) -> Result<Appended> {
        let (source, target) = (Arc::clone(self), Arc::clone(target));
        self.to_the_end(async move {
            let (mut from, mut to) = write_both(&source, &target).await?;
            replace(&source, from.as_deref_mut(), &target, &mut to, session, uid, message).await
        })
        .await
    }
}

/// `from` is what the source's write lock guards, when that is not the target's own.
async fn replace(
    source: &Arc<Mailbox>,
    from: Option<&mut Writing>,
    target: &Arc<Mailbox>,
    to: &mut Writing,
    session: SessionId,
    uid: Uid,
    message: NewMessage,
) -> Result<Appended> {
    let (source_folder, target_folder) = (source.place().folder, target.place().folder);
    let old = {
        let state = source.state();
        match state.find(uid) {
            Some(entry) if !state.deleted => entry.path.to_string(),
            _ => return Err(Error::NotFound),
        }
    };
    let mut keywords = to.control.keywords.clone();
    let (mut arrive, entry) = {
        let state = target.state();
        if state.deleted {
            return Err(Error::NotFound);
        }
        let new_uid = Uid::new(state.uid_next).ok_or(Error::Limit(append::NO_UIDS))?;
        let (bits, _) = learn(&mut keywords, &message.flags, || state.used_keywords());
        let arrive = target.commit(&state, to, 1);
        let entry = entry_of(&message, new_uid, bits, arrive.mod_seq, session, None);
        (arrive, entry)
    };
    arrive.uid_next = entry.uid.next().map_or(0, Uid::get);
    let bytes = message.spooled.summary().encode();
    arrive.put = vec![(entry.clone(), SummarySource::Bytes(bytes.into()))];
    let mut depart = {
        let state = source.state();
        match &from {
            Some(writing) => source.commit(&state, writing, 1),
            None => source.commit(&state, to, 2),
        }
    };
    if from.is_none() {
        depart.uid_next = arrive.uid_next;
    }
    depart.remove = vec![uid];
    depart.doom = vec![name::base(&old).to_owned()];
    let highest = later(arrive.mod_seq, u64::from(from.is_none()));
    target.reach(to, entry.uid.get(), highest, &keywords).await?;
    if let Some(writing) = from {
        let table = writing.control.keywords.clone();
        let uid = depart.uid_next.saturating_sub(1);
        source.reach(writing, uid, depart.mod_seq, &table).await?;
    }
    let filing = Filing::new(&message, &entry);
    let filed_in = target_folder.clone();
    let paths = blocking(move || file(&filed_in, vec![filing])).await?;
    target.state().uid_next = arrive.uid_next;
    if let Err(error) = source.shared.index.commit(vec![arrive, depart]).await {
        if !matches!(error, StoreError::Failed(_)) {
            remove_files(target_folder, paths).await;
        }
        source.suspect_all();
        target.suspect_all();
        return Err(error.into());
    }
    let new_uid = entry.uid;
    let arrived = Step::Arrived(vec![entry]);
    let expunged = Step::Expunged(UidSet::range(uid, uid));
    let notice = {
        let mut state = target.state();
        state.set_keywords(&keywords);
        let notice = state.apply(session, arrived);
        // Within one mailbox nobody sees both: the state is not unlocked in between.
        if source.id == target.id {
            state.apply(session, expunged);
        } else {
            drop(state);
            source.state().apply(session, expunged);
        }
        notice
    };
    remove_files(source_folder, vec![old]).await;
    let notice = notice.ok_or_else(|| Error::Storage(anyhow::anyhow!("an arrival without a notice")))?;
    Ok(Appended {
        uid_validity: target.uid_validity(),
        uids: vec![new_uid],
        notice,
    })
}
