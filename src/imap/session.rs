//! One IMAP connection: what it is apart from its state, and the states (RFC 9051 §3).

use super::answer::{Answer, AnswerKind, Failure};
use super::capability;
use super::command::SequenceSet;
use super::dialect::Dialect;
use super::framer::{Bounds, Framer};
use super::namespaces::{Access, Namespaces};
use super::notify::Watch;
use super::numbering::SeqNum;
use super::output::Output;
use super::search::context::Contexts;
use super::search::orders::Orders;
use super::search::result::Named;
use super::sequence;
use super::standing::Standing;
use super::switched_off::SwitchedOff;
use crate::accounts::sasl::Mechanism;
use crate::accounts::{Accounts, Origin, Service, SessionSlot};
use crate::config::Config;
use crate::mail::ids::{ModSeq, SessionId, Uid};
use crate::mail::mailbox_name::MailboxName;
use crate::mail::uidset::UidSet;
use crate::mailbox::{Mailboxes, Notice, View};
use crate::net::connection::Connection;
use crate::training::Training;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// What all IMAP sessions of a server share.
pub struct Imap {
    /// Settings.
    pub(crate) config: Arc<Config>,
    /// Who may log in.
    pub(crate) accounts: Accounts,
    /// The mail.
    pub(crate) mailboxes: Mailboxes,
    /// Who learns what is moved into Junk and out of it.
    pub(crate) training: Training,
    /// One for each session that may be compressed.
    pub(crate) compressed: Arc<Semaphore>,
    /// What SORT and THREAD have found lately.
    pub(crate) orders: Arc<Orders>,
    /// What the settings switch off.
    off: SwitchedOff,
    sessions: AtomicU64,
}

impl Imap {
    /// For a server with these settings, accounts and mailboxes.
    pub fn new(config: Arc<Config>, accounts: Accounts, mailboxes: Mailboxes, training: Training) -> Imap {
        let compressed = Arc::new(Semaphore::new(config.imap.max_compressed.min(Semaphore::MAX_PERMITS)));
        Imap {
            compressed,
            orders: Arc::default(),
            off: SwitchedOff::new(config.imap.disable.iter().cloned()),
            config,
            accounts,
            mailboxes,
            training,
            sessions: AtomicU64::new(SessionId::NONE.0),
        }
    }

    /// The number of the next session, never given twice.
    pub(crate) fn next_session(&self) -> SessionId {
        SessionId(self.sessions.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// What a session is apart from its state: handed to every command.
pub(crate) struct Session {
    pub(crate) imap: Arc<Imap>,
    pub(crate) id: SessionId,
    pub(crate) connection: Connection,
    pub(crate) framer: Framer,
    pub(crate) output: Output,
    /// News in `output` whose senders want to know when it has left.
    pub(crate) notices: Vec<Arc<Notice>>,
    /// How long a write may wait for the client.
    pub(crate) write_timeout: Duration,
    /// When a client that has not logged in is sent away; `None` once it has.
    pub(crate) login_deadline: Option<Instant>,
    /// Held once COMPRESS was granted (RFC 4978).
    pub(crate) compressed: Option<OwnedSemaphorePermit>,
    pub(crate) enabled: Enabled,
    /// For the server, and for the account once one is logged in.
    pub(crate) off: SwitchedOff,
}

/// What the client has asked for as long as it is logged in. A new extension that keeps state keeps it here or in [`State`]:
/// UNAUTHENTICATE forgets all of it (RFC 8437 §4.1).
#[derive(Default)]
pub(crate) struct Enabled {
    /// Whether a CONDSTORE-enabling command was seen (RFC 7162 §3.1).
    pub(crate) condstore: bool,
    /// Whether QRESYNC was enabled: expunges are told by VANISHED (RFC 7162 §3.2.3).
    pub(crate) qresync: bool,
    /// Whether UIDONLY was enabled: messages are known by their UIDs alone, in both directions (RFC 9586).
    pub(crate) uid_only: bool,
    /// What NOTIFY asked for; `None` as long as it was not used.
    pub(crate) watch: Option<Box<Watch>>,
    /// Which changes of annotations are told since ENABLE (RFC 5464 §4.1). Once NOTIFY is used, that says what is told.
    pub(crate) annotations: Option<Box<Watch>>,
    /// Which IMAP is read; what is said follows it too ([`Output::speak`]).
    pub(crate) dialect: Dialect,
}

impl Session {
    /// A session that has said nothing yet.
    pub(crate) fn new(imap: Arc<Imap>, connection: Connection) -> Session {
        let settings = &imap.config.imap;
        Session {
            id: imap.next_session(),
            connection,
            framer: Framer::new(),
            output: Output::new(),
            notices: Vec::new(),
            write_timeout: settings.write_timeout.get(),
            login_deadline: Some(Instant::now() + settings.login_timeout.get()),
            compressed: None,
            enabled: Enabled::default(),
            off: imap.off.clone(),
            imap,
        }
    }

    /// Nobody is logged in any more, and nothing that anybody asked for is left (RFC 8437 §3).
    pub(crate) fn forget(&mut self) {
        self.enabled = Enabled::default();
        self.output.speak(Dialect::default());
        self.off = self.imap.off.clone();
        self.compressed = None;
        self.login_deadline = Some(Instant::now() + self.imap.config.imap.login_timeout.get());
    }

    /// Whether the client has enabled IMAP4rev2.
    pub(crate) fn is_rev2(&self) -> bool {
        self.enabled.dialect.is_rev2()
    }

    /// Whether this capability is on.
    pub(crate) fn offers(&self, capability: &str) -> bool {
        !self.off.has(capability)
    }

    /// What bounds the next read from the client.
    pub(crate) fn bounds(&self) -> Bounds {
        let settings = &self.imap.config.imap;
        Bounds {
            command: usize::try_from(settings.max_command.get()).unwrap_or(usize::MAX),
            timeout: match self.login_deadline {
                Some(deadline) => deadline.saturating_duration_since(Instant::now()),
                None => settings.timeout.get(),
            },
            write_timeout: self.write_timeout,
        }
    }

    /// Whether passwords may be sent: encrypted, or where the settings do not insist on that.
    pub(crate) fn may_log_in(&self) -> bool {
        self.connection.tls().is_some() || !self.imap.config.login.require_tls
    }

    /// The mechanisms of AUTHENTICATE; none where passwords may not be sent.
    pub(crate) fn mechanisms(&self) -> Vec<Mechanism> {
        match self.may_log_in() {
            true => {
                let bindings = self.connection.channel_bindings().is_some();
                let offered = self.imap.accounts.mechanisms(bindings);
                offered
                    .filter(|mechanism| self.offers(&capability::announced(*mechanism)))
                    .collect()
            }
            false => Vec::new(),
        }
    }

    /// Where a login comes from.
    pub(crate) fn origin(&self) -> Origin {
        Origin {
            service: Service::Imap,
            address: self.connection.peer().ip(),
        }
    }

    /// What this server can do, as CAPABILITY lists it now.
    pub(crate) fn capabilities(&self) -> String {
        capability::list(capability::Offer {
            start_tls: self.connection.can_start_tls(),
            mechanisms: &self.mechanisms(),
            append_limit: self.append_limit(),
            compress: self.imap.config.imap.max_compressed > 0,
            log_in: self.may_log_in(),
            off: &self.off,
        })
    }

    /// The largest message that APPEND takes, as far as it can be told: a `number` has 32 bits (RFC 7889 §5).
    pub(crate) fn append_limit(&self) -> u32 {
        u32::try_from(self.imap.config.imap.max_append.get()).unwrap_or(u32::MAX)
    }

    /// Writes a tagged answer, or an untagged one when the tag could not be read.
    pub(crate) fn answer(&mut self, tag: Option<&str>, answer: &Answer) {
        let kind = match answer.kind {
            AnswerKind::Ok => "OK",
            AnswerKind::No => "NO",
            AnswerKind::Bad => "BAD",
        };
        let tag = tag.unwrap_or("*");
        match answer.code.as_ref().filter(|code| !self.off.has_code(code)) {
            Some(code) => self.output.line(format_args!("{tag} {kind} [{code}] {}", answer.text)),
            None => self.output.line(format_args!("{tag} {kind} {}", answer.text)),
        }
    }

    /// Begins a FETCH response: UIDFETCH for a client that does not count (RFC 9586 §3.3).
    pub(crate) fn begin_fetch(&mut self, seq: SeqNum, uid: Uid) {
        match self.enabled.uid_only {
            true => self.output.text(format_args!("* {uid} UIDFETCH (")),
            false => self.output.text(format_args!("* {} FETCH (", seq.0)),
        }
    }

    /// Sends what there is, and lets those know whose news it was.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.output.flush(&mut self.connection, self.write_timeout).await?;
        for notice in self.notices.drain(..) {
            notice.told();
        }
        Ok(())
    }

    /// Sends what there is when it is much: for long answers on the way.
    pub(crate) async fn relieve(&mut self) -> io::Result<()> {
        self.output.relieve(&mut self.connection, self.write_timeout).await
    }
}

/// RFC 9051 §3. Each state owns what exists only in it.
pub(crate) enum State {
    NotAuthenticated,
    /// STARTTLS was answered by OK: the handshake comes next, then again [`State::NotAuthenticated`].
    StartTls,
    Authenticated(Login),
    Selected(Login, Selected),
    Logout,
}

impl State {
    /// A mailbox is selected.
    pub(crate) fn select(&mut self, selected: Selected) {
        *self = match std::mem::replace(self, State::Logout) {
            State::Authenticated(login) | State::Selected(login, _) => State::Selected(login, selected),
            other => other,
        };
    }

    /// No mailbox is selected any more; whether one was.
    pub(crate) fn unselect(&mut self) -> bool {
        let was = matches!(self, State::Selected(..));
        *self = match std::mem::replace(self, State::Logout) {
            State::Selected(login, _) => State::Authenticated(login),
            other => other,
        };
        was
    }
}

/// What being logged in gives: the mailboxes that the account may use, and a place among its sessions.
pub(crate) struct Login {
    pub(crate) mailboxes: Box<Namespaces>,
    pub(crate) _slot: SessionSlot,
}

/// The selected mailbox.
pub(crate) struct Selected {
    pub(crate) view: View,
    /// What the session may do in it.
    pub(crate) standing: Box<Standing>,
    /// The messages that `$` names (RFC 5182): as the last SEARCH that saved them found them. Those gone since are left out
    /// when it is resolved.
    pub(crate) saved: UidSet,
    /// Searches whose results are kept up to date.
    pub(crate) contexts: Box<Contexts>,
}

impl Selected {
    /// Just selected: nothing is saved (RFC 5182 §2.1).
    pub(crate) fn new(mut view: View, access: Access, examined: bool) -> Selected {
        Selected {
            standing: Box::new(Standing::new(&mut view, access, examined)),
            view,
            saved: UidSet::new(),
            contexts: Box::default(),
        }
    }

    /// What the client calls it.
    pub(crate) fn name(&self) -> MailboxName {
        self.standing.access.name(&self.view.mailbox().name())
    }

    /// The same, for responses that tell which mailbox they are about.
    pub(crate) fn about(&self) -> Named {
        (self.name(), self.view.mailbox().uid_validity())
    }

    /// Takes note of rights that were given or taken; whether there were such.
    pub(crate) fn note_rights(&mut self) -> bool {
        self.standing.note(&mut self.view)
    }

    /// The UIDs that a set names in this client's picture (`uid`: as UIDs; else as sequence numbers). With sequence numbers,
    /// one beyond the mailbox is an error of the client (RFC 9051 §9, `seq-number`); with UIDs, what is not there is passed
    /// over.
    pub(crate) fn resolve(&self, set: &SequenceSet, uid: bool) -> Result<UidSet, Failure> {
        match (set, uid) {
            (SequenceSet::Ranges(ranges), true) => Ok(sequence::by_uid(self.view.uids(), ranges)),
            (SequenceSet::Ranges(ranges), false) => match sequence::by_number(self.view.uids(), ranges) {
                (uids, true) => Ok(uids),
                (_, false) => Err(Failure::Answer(Answer::bad("There is no message of that number"))),
            },
            (SequenceSet::Saved, _) => Ok(self.saved.intersection(self.view.uids())),
        }
    }

    /// As [`Selected::resolve`], for a question rather than an order: no message has a number beyond the mailbox, so none
    /// matches. Clients put `1:*` to empty mailboxes.
    pub(crate) fn matching(&self, set: &SequenceSet, uid: bool) -> Result<UidSet, Failure> {
        match (set, uid) {
            (SequenceSet::Ranges(ranges), false) => Ok(sequence::by_number(self.view.uids(), ranges).0),
            _ => self.resolve(set, uid),
        }
    }

    /// As [`Selected::matching`], for a question that is asked again later: with UIDs, a range up to `*` holds all that will
    /// come.
    pub(crate) fn lasting(&self, set: &SequenceSet, uid: bool) -> Result<UidSet, Failure> {
        let now = self.matching(set, uid)?;
        Ok(match (set, uid) {
            (SequenceSet::Ranges(ranges), true) => now.union(&sequence::open_ended(ranges)),
            _ => now,
        })
    }

    /// A message's sequence number.
    pub(crate) fn seq(&self, uid: Uid) -> Option<SeqNum> {
        let position = self.view.uids().position(uid)?;
        u32::try_from(position + 1).ok().map(SeqNum)
    }

    /// As UIDs whether they exist or not, none above those that were given out: for what is gone (RFC 7162 §3.2.5.1).
    pub(crate) fn named(&self, set: &SequenceSet) -> UidSet {
        let SequenceSet::Ranges(ranges) = set else {
            return UidSet::new();
        };
        let highest = self.highest_uid();
        match Uid::new(highest) {
            Some(last) => sequence::named(ranges, highest).intersection(&UidSet::range(Uid::MIN, last)),
            None => UidSet::new(),
        }
    }

    /// The highest UID that was given out so far; 0 when there was none.
    pub(crate) fn highest_uid(&self) -> u32 {
        let given = self.view.mailbox().status().uid_next.saturating_sub(1);
        self.view.uids().last().map_or(given, |last| given.max(last.get()))
    }

    /// HIGHESTMODSEQ as this client may be told.
    pub(crate) fn highest_mod_seq(&self) -> ModSeq {
        self.view.told_mod_seq()
    }
}
