//! FETCH and UID FETCH (RFC 3501 §6.4.5, RFC 7162 §3.1.4, §3.2.6, RFC 8970, RFC 9394 §3.3).
//!
//! Works in pieces of the set: the state of a piece comes from memory, its summaries with one query, and only body sections
//! open files. Everything leaves while it is made, so that neither `FETCH 1:* (FLAGS)` of a large mailbox nor one huge
//! message piles up in memory.

use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::command::{FetchItem, PartialRange, SequenceSet};
use crate::imap::fetch::ahead::Ahead;
use crate::imap::fetch::binary::Encoded;
use crate::imap::fetch::body::{Bytes, broken};
use crate::imap::fetch::plan::{Item, Plan};
use crate::imap::fetch::previews::Previews;
use crate::imap::fetch::structure::Form;
use crate::imap::fetch::{envelope, items, label, structure};
use crate::imap::numbering::{Numbering, Pieces, SeqNum};
use crate::imap::object_id::ObjectId;
use crate::imap::resync;
use crate::imap::session::{Selected, Session};
use crate::imap::summaries::Summaries;
use crate::mail::flags::{FlagList, Flags, KeywordTable};
use crate::mail::ids::ModSeq;
use crate::mail::rights::Rights;
use crate::mail::summary::Summary;
use crate::mail::uidset::UidSet;
use crate::mailbox::{FlagAction, Mailbox, MessageFile, MessageState};
use std::sync::Arc;

/// How many states are copied at a time when nothing else is wanted.
const STATES: u32 = 4096;

/// How many messages are marked \Seen with one change, ahead of their bodies: what a client that vanishes has not read
/// and finds marked all the same.
const BODIES: u32 = 64;

/// What is asked of the messages named.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) items: &'a [FetchItem],
    /// Only those changed after this.
    pub(crate) changed_since: Option<ModSeq>,
    /// Also which have gone since then, 0 included.
    pub(crate) vanished_since: Option<u64>,
    /// Only these of them, before it is asked whether they have changed (RFC 9394 §3.4).
    pub(crate) partial: Option<PartialRange>,
}

/// Answers with the items of each message named that still exists.
pub(crate) async fn fetch(
    session: &mut Session,
    selected: &mut Selected,
    uid: bool,
    set: &SequenceSet,
    wanted: Wanted<'_>,
) -> Outcome {
    if wanted.vanished_since.is_some() && !session.enabled.qresync {
        return Ok(Answer::bad("QRESYNC has to be enabled first"));
    }
    let mut uids = selected.resolve(set, uid)?;
    if let Some(range) = wanted.partial {
        uids = uids.slice(range.of(uids.len()));
    }
    if let Some(since) = wanted.vanished_since {
        // In front of all FETCH responses (RFC 7162 §3.2.6).
        let named = selected.named(set);
        Box::pin(resync::vanished(session, selected, since, named)).await?;
    }
    let plan = Plan::new(
        wanted.items,
        uid && !session.enabled.uid_only,
        wanted.changed_since,
        selected.standing.rights().contains(Rights::SEEN),
    );
    // Boxed: a session that only idles must not carry the state of a FETCH.
    let missed = Box::pin(run(session, selected, &plan, &uids)).await?;
    if missed.encoding {
        // RFC 3516 §4.3. All other messages were answered.
        return Ok(Answer::no(
            Some("UNKNOWN-CTE"),
            "The encoding of a part is not known; fetch it by BODY",
        ));
    }
    let answer = Answer::ok("FETCH completed");
    // RFC 2180 §4.1, RFC 5530 §3: the client may still name messages whose EXPUNGE it has not been told, for none may
    // be told while FETCH runs. They are left out. With UIDs that is the ordinary case and needs no code.
    Ok(match missed.gone && !uid {
        true => answer.with_code("EXPUNGEISSUED".to_owned()),
        false => answer,
    })
}

/// Tells of messages that have just arrived what the client asked for (RFC 5465 §5.2).
pub(crate) async fn announce(
    session: &mut Session,
    selected: &Selected,
    arrived: &UidSet,
    items: &[FetchItem],
) -> Result<(), Failure> {
    let mut items = items.to_vec();
    // RFC 7162 §3.2.3: who enabled QRESYNC is told UID and MODSEQ in any case.
    if session.enabled.qresync && !items.contains(&FetchItem::ModSeq) {
        items.push(FetchItem::ModSeq);
    }
    // RFC 9051 §7.5.2: IMAP4rev2 is told the UID with everything that it did not ask for.
    let uid = (session.enabled.qresync || session.is_rev2()) && !session.enabled.uid_only;
    let plan = Plan::new(&items, uid, None, selected.standing.rights().contains(Rights::SEEN));
    run(session, selected, &plan, arrived).await.map(drop)
}

/// Why messages were left out.
#[derive(Default)]
struct Missed {
    /// Some are gone.
    gone: bool,
    /// Some have a part to decode whose encoding is not known.
    encoding: bool,
}

async fn run(session: &mut Session, selected: &Selected, plan: &Plan<'_>, uids: &UidSet) -> Result<Missed, Failure> {
    let mailbox = Arc::clone(selected.view.mailbox());
    let mut numbering = Numbering::default();
    let mut missed = Missed::default();
    let mut previews = plan.lazy_previews.map(|lazy| Previews::new(uids, lazy));
    for piece in Pieces::new(uids, if plan.sets_seen { BODIES } else { STATES }) {
        let mut states = mailbox.states(&piece);
        missed.gone |= states.len() < piece.len();
        if let Some(since) = plan.changed_since {
            states.retain(|state| state.mod_seq > since);
        }
        let newly_seen = match plan.sets_seen {
            true => set_seen(session, &mailbox, &mut states).await,
            false => UidSet::new(),
        };
        let keywords = mailbox.keywords();
        let mut summaries = match plan.needs_summary {
            true => Summaries::new(&states.iter().map(|state| state.uid).collect()),
            false => Summaries::new(&UidSet::new()),
        };
        let mut files = Ahead::new(&mailbox, if plan.needs_file { &states } else { &[] });
        for state in &states {
            let Some(seq) = numbering.of(selected.view.uids(), state.uid) else {
                continue;
            };
            let summary = summaries.of(&mailbox, state.uid).await?;
            let mut message = Message {
                seq,
                state,
                summary: summary.as_deref(),
                recent: selected.view.is_recent(state.uid),
                keywords: &keywords,
                newly_seen: newly_seen.contains(state.uid),
                preview: None,
            };
            if message.has_unknown_encoding(plan) {
                missed.encoding = true;
                continue;
            }
            missed.gone |= !message.answer(session, &mut files, plan, previews.as_mut()).await?;
            session
                .output
                .relieve(&mut session.connection, session.write_timeout)
                .await?;
        }
        tokio::task::consume_budget().await;
    }
    if let Some(previews) = &mut previews {
        previews.keep(&mailbox);
    }
    Ok(missed)
}

/// Sets \Seen on those that lack it and brings their states up to date; returns which. Reading goes on when that fails:
/// a full disk must not hide the mail. The cause is logged by the mapping.
async fn set_seen(session: &Session, mailbox: &Arc<Mailbox>, states: &mut [MessageState]) -> UidSet {
    let unseen: UidSet = states
        .iter()
        .filter(|state| !state.flags.contains(Flags::SEEN))
        .map(|state| state.uid)
        .collect();
    if unseen.is_empty() {
        return unseen;
    }
    let seen = FlagList::system(Flags::SEEN);
    let stored = match mailbox.store(session.id, &unseen, FlagAction::Add, seen, None).await {
        Ok(stored) => stored,
        Err(error) => {
            let _ = Failure::from(error);
            return UidSet::new();
        }
    };
    for now in &stored.messages {
        if let Ok(index) = states.binary_search_by_key(&now.uid, |state| state.uid) {
            states[index] = *now;
        }
    }
    stored.changed
}

/// A message that is being answered.
struct Message<'a> {
    seq: SeqNum,
    state: &'a MessageState,
    /// There when the plan needs it, unless the message is gone.
    summary: Option<&'a Summary>,
    recent: bool,
    keywords: &'a KeywordTable,
    /// Whether this FETCH has set \Seen: then FLAGS are told too (RFC 3501 §6.4.5).
    newly_seen: bool,
    /// There when one is told, and is not NIL.
    preview: Option<String>,
}

impl Message<'_> {
    /// Writes the response; `false` when the message is gone and nothing was written.
    async fn answer(
        &mut self,
        session: &mut Session,
        files: &mut Ahead<'_>,
        plan: &Plan<'_>,
        previews: Option<&mut Previews>,
    ) -> Result<bool, Failure> {
        if plan.needs_summary && self.summary.is_none() {
            return Ok(false);
        }
        let mut file = None;
        if plan.items.iter().any(|item| self.needs_file(item)) {
            file = files.open(self.state.uid).await?;
            if file.is_none() {
                return Ok(false);
            }
        }
        if let (Some(previews), Some(summary)) = (previews, self.summary) {
            let mailbox = files.mailbox();
            self.preview = previews.known(mailbox, self.state.uid).await?;
            if self.preview.is_none() && previews.may_make() {
                let own = match &file {
                    Some(_) => None,
                    None => mailbox.open_message(self.state.uid).await?,
                };
                let Some(file) = file.as_ref().or(own.as_ref()) else {
                    return Ok(false);
                };
                self.preview = Some(previews.make(mailbox, self.state.uid, summary, file).await?);
            }
        }
        session.begin_fetch(self.seq, self.state.uid);
        for (index, item) in plan.items.iter().enumerate() {
            if index > 0 {
                session.output.raw(b" ");
            }
            self.item(session, file.as_ref(), item).await?;
        }
        if self.newly_seen {
            self.flags(session, plan);
        }
        session.output.raw(b")\r\n");
        Ok(true)
    }

    /// Whether a part is to be decoded that cannot be.
    fn has_unknown_encoding(&self, plan: &Plan<'_>) -> bool {
        let Some(summary) = self.summary else { return false };
        plan.items.iter().any(|item| match item {
            Item::Binary(section) => Encoded::find(summary, &section.part).is_err(),
            Item::BinarySize(part) => Encoded::find(summary, part).is_err(),
            _ => false,
        })
    }

    fn needs_file(&self, item: &Item<'_>) -> bool {
        match item {
            Item::Whole(_) | Item::Section(_) | Item::Binary(_) | Item::BinarySize(_) => true,
            Item::CachedFields(_) => self.summary.is_some_and(|summary| summary.truncated),
            _ => false,
        }
    }

    async fn item(&self, session: &mut Session, file: Option<&MessageFile>, item: &Item<'_>) -> Result<(), Failure> {
        let output = &mut session.output;
        match (item, self.summary) {
            (Item::Flags, _) => items::flags(output, self.state, self.recent, self.keywords),
            (Item::Uid, _) => output.text(format_args!("UID {}", self.state.uid)),
            (Item::InternalDate, _) => items::internal_date(output, self.state.internal_date),
            (Item::SaveDate, _) => items::save_date(output, self.state.save_date),
            (Item::Size, _) => output.text(format_args!("RFC822.SIZE {}", self.state.size)),
            (Item::ModSeq, _) => items::mod_seq(output, self.state.mod_seq),
            (Item::EmailId, Some(summary)) => output.text(format_args!("EMAILID ({})", ObjectId::email(summary))),
            (Item::ThreadId, Some(summary)) => output.text(format_args!("THREADID ({})", ObjectId::thread(summary))),
            (Item::Preview, _) => {
                output.raw(b"PREVIEW ");
                output.nstring(self.preview.as_ref().map(String::as_bytes));
            }
            (Item::Envelope, Some(summary)) => {
                output.raw(b"ENVELOPE ");
                envelope::write(output, &summary.envelope);
            }
            (Item::Structure(form), Some(summary)) => {
                output.raw(match form {
                    Form::Basic => b"BODY ",
                    Form::Extended => b"BODYSTRUCTURE ",
                });
                structure::write(output, &summary.root, *form);
            }
            (Item::Section(section) | Item::CachedFields(section), Some(summary)) => {
                let bytes = match file {
                    Some(file) if self.needs_file(item) => {
                        Bytes::of_file(file, summary, section).await.map_err(broken)?
                    }
                    _ => Bytes::of_cached_fields(summary, section),
                };
                label::write(&mut session.output, section);
                session.output.raw(b" ");
                bytes.write(session, file, section).await?;
            }
            (Item::Whole(section), _) => {
                label::write(output, section);
                output.raw(b" ");
                let bytes = file.map_or(Bytes::Nothing, Bytes::of_whole);
                bytes.write(session, file, section).await?;
            }
            (Item::Binary(section), Some(summary)) => {
                label::binary(output, section);
                output.raw(b" ");
                match (Encoded::find(summary, &section.part), file) {
                    (Ok(Some(part)), Some(file)) => part.write(session, file, section.partial).await?,
                    _ => output.raw(b"NIL"),
                }
            }
            (Item::BinarySize(part), Some(summary)) => {
                let size = match (Encoded::find(summary, part), file) {
                    (Ok(Some(found)), Some(file)) => found.size(file).await.map_err(broken)?,
                    // What is not there has the size of NIL.
                    _ => 0,
                };
                label::binary_size(&mut session.output, part);
                session.output.text(format_args!(" {size}"));
            }
            // Not reached: the caller has seen to it that there is a summary when an item needs one.
            (_, None) => {}
        }
        Ok(())
    }

    /// What the client did not ask for but has to be told; with UID and MODSEQ for one that wants these (RFC 7162 §3.2.4).
    fn flags(&self, session: &mut Session, plan: &Plan<'_>) {
        let output = &mut session.output;
        if !plan.items.contains(&Item::Flags) {
            output.raw(b" ");
            items::flags(output, self.state, self.recent, self.keywords);
        }
        if session.enabled.condstore && !session.enabled.uid_only && !plan.items.contains(&Item::Uid) {
            output.text(format_args!(" UID {}", self.state.uid));
        }
        if session.enabled.condstore && !plan.items.contains(&Item::ModSeq) {
            output.raw(b" ");
            items::mod_seq(output, self.state.mod_seq);
        }
    }
}
