//! Telling senders: which outcomes are reported, and reports as further entries of the queue.
//!
//! RFC 3461 §5.2 and §6. Invariants: nothing is ever told to the null reverse-path (RFC 5321 §4.5.5), and a report has it;
//! the file of a report is on disk before the row that makes it true. Its signature is in the row, as fields in front.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use super::entry::LATE;
use super::report::{Action, Report, Told};
use super::{Answer, Destination, Entry, NewEntry, Outcome, Queue, Recipient, Result, blocking, now};
use crate::config;
use crate::mail::address::Address;
use crate::mail::date::Timestamp;
use crate::mail::dsn::{EnvelopeId, Notify, Return, Status};
use crate::mail::envelope::ReversePath;
use crate::mail::handling::{ByMode, Handling, TlsWish};
use crate::mail::ids::QueueId;
use crate::storage::queue::{EntryRow, Files, NewRows, RecipientRow};

/// The most of a header that comes back, in octets.
const MAX_HEADER: u64 = 256 * 1024;
/// Where attempts end for want of time (RFC 3463 §3.5).
const EXPIRED: Status = Status::new(4, 4, 7);

/// The message that a report is about.
#[derive(Clone)]
struct Subject {
    to: Address,
    arrived: i64,
    envelope_id: Option<EnvelopeId>,
    ret: Option<Return>,
    smtputf8: bool,
    handling: Handling,
    file: PathBuf,
    skip: u64,
    header: Vec<u8>,
}

/// What is to be told of an outcome, if anything is.
pub(super) fn told(
    settings: &config::Queue,
    entry: &Entry,
    recipient: &Recipient,
    outcome: &Outcome,
    now: i64,
) -> Option<Told> {
    let wanted = recipient.notify.unwrap_or(Notify::USUAL);
    let about = |action, answer: &Answer| {
        Some(Told {
            action,
            address: recipient.address.clone(),
            original: recipient.original.clone(),
            answer: answer.clone(),
            tried: now,
            until: (action == Action::Delayed).then_some(entry.expires),
        })
    };
    match outcome {
        Outcome::Delivered(answer) if wanted.success => about(Action::Delivered, answer),
        Outcome::Relayed { answer, dsn: false, .. } if wanted.success => about(Action::Relayed, answer),
        Outcome::Relayed { answer, deliver_by, .. } if is_traced(entry, *deliver_by) && wanted != Notify::NEVER => {
            about(Action::Relayed, answer)
        }
        Outcome::Failed(answer) if wanted.failure => about(Action::Failed, answer),
        Outcome::Deferred { answer, .. } if now >= entry.expires && wanted.failure => {
            let mut told = about(Action::Failed, answer)?;
            told.answer.status = match entry.handling.by {
                Some(by) if by.is_to_be_returned(now) => LATE,
                _ => EXPIRED,
            };
            Some(told)
        }
        Outcome::Deferred { answer, .. } if is_delay_due(settings, entry, recipient, now) && wanted.delay => {
            let mut told = about(Action::Delayed, answer)?;
            if entry.handling.by.is_some_and(|by| by.is_over(now)) {
                told.answer.status = EXPIRED;
            }
            Some(told)
        }
        _ => None,
    }
}

/// Whether the sender of a message with BY is told that another server has it: when that was wanted, or when the server does
/// not keep the time, so that nobody tells of it later (RFC 2852 §4.1.4).
fn is_traced(entry: &Entry, keeps_time: bool) -> bool {
    entry.handling.by.is_some_and(|by| by.trace || !keeps_time)
}

/// Whether it takes so long that the sender is told, if it was not: longer than BY wants (RFC 2852 §4.1.3), or than we
/// think right. Without either and without NOTIFY only our own users are.
pub(super) fn is_delay_due(settings: &config::Queue, entry: &Entry, recipient: &Recipient, now: i64) -> bool {
    if let Some(by) = entry.handling.by.filter(|by| by.mode == ByMode::Notify) {
        return by.is_over(now) && !recipient.row.delay_told;
    }
    let patience = settings.delay_notice.get().as_millis() as i64;
    let asked = recipient.notify.is_some() || entry.account.is_some();
    // Mail that was held on purpose is late from its release on.
    let since = entry.expires - settings.expire.get().as_millis() as i64;
    asked && patience > 0 && !recipient.row.delay_told && now - since.max(entry.arrived) >= patience
}

impl Queue {
    /// Tells the sender of a message that these aliases have sent it on (RFC 3461 §5.2.7.3), like
    /// [`Queue::tell_delivered`].
    pub async fn tell_expanded(&self, message: &NewEntry) -> Result<()> {
        self.tell(message, Action::Expanded).await
    }

    /// Tells the sender of a message that it is in these mailboxes: for recipients that never came into the queue. Which of
    /// them asked for it is looked at here. Durable when it returns.
    pub async fn tell_delivered(&self, message: &NewEntry) -> Result<()> {
        self.tell(message, Action::Delivered).await
    }

    async fn tell(&self, message: &NewEntry, action: Action) -> Result<()> {
        let now = now();
        let told = message.recipients.iter().filter_map(|recipient| {
            recipient.notify.filter(|notify| notify.success)?;
            Some(Told {
                action,
                address: recipient.address.clone(),
                original: recipient.original.clone(),
                answer: Answer::new(None, Status::new(2, 1, 5), ""),
                tried: now,
                until: None,
            })
        });
        let told: Vec<Told> = told.collect();
        let ReversePath::Address(to) = &message.reverse_path else {
            return Ok(());
        };
        let subject = Subject {
            to: to.clone(),
            arrived: now,
            envelope_id: message.envelope_id.clone(),
            ret: message.ret,
            smtputf8: message.smtputf8,
            handling: message.handling,
            file: message.message.path().clone(),
            skip: message.skip,
            header: message.header.clone(),
        };
        let rows = self.write_reports(subject, told).await?;
        if !rows.is_empty() {
            self.0.store.put(rows.clone()).await?;
            self.arrived(&rows);
        }
        Ok(())
    }

    /// Makes the reports of what became of recipients of an entry: their files are on disk, their rows are to be written.
    pub(super) async fn reports(&self, entry: &Entry, told: Vec<Told>) -> io::Result<Vec<NewRows>> {
        let ReversePath::Address(to) = &entry.reverse_path else {
            for told in told {
                tracing::warn!(id = %entry.id, to = %told.address, "failed, and nobody is to be told");
            }
            return Ok(Vec::new());
        };
        let subject = Subject {
            to: to.clone(),
            arrived: entry.arrived,
            envelope_id: entry.envelope_id.clone(),
            ret: entry.ret,
            smtputf8: entry.smtputf8,
            handling: entry.handling,
            file: self.0.store.files().path(entry.id),
            skip: entry.skip,
            header: entry.header.clone(),
        };
        self.write_reports(subject, told).await
    }

    /// One report for failures, one for delays, one for successes.
    async fn write_reports(&self, subject: Subject, told: Vec<Told>) -> io::Result<Vec<NewRows>> {
        let mut groups: [Vec<Told>; 3] = Default::default();
        for told in told {
            let [failed, delayed, done] = &mut groups;
            match told.action {
                Action::Failed => failed.push(told),
                Action::Delayed => delayed.push(told),
                Action::Delivered | Action::Expanded | Action::Relayed => done.push(told),
            }
        }
        groups[2].sort_by_key(|told| told.action);
        let (files, hostname) = (self.0.store.files().clone(), self.0.hostname.clone());
        let expire = self.0.settings.expire.get().as_millis() as i64;
        let mut written = blocking(move || {
            let mut rows = Vec::new();
            for told in groups.iter().filter(|told| !told.is_empty()) {
                match write_report(&files, &hostname, &subject, told, expire) {
                    Ok(row) => rows.push(row),
                    Err(error) => {
                        remove_reports(&files, &rows);
                        return Err(error);
                    }
                }
            }
            Ok(rows)
        })
        .await?;
        if let Some(sign) = self.0.sign.get() {
            for row in &mut written {
                let file = self.0.store.files().path(QueueId(row.entry.id as u64));
                row.entry.header = sign(file, row.entry.skip as u64).await.into_bytes();
            }
        }
        Ok(written)
    }
}

/// Removes the files of reports whose rows were not written.
pub(super) fn remove_reports(files: &Files, rows: &[NewRows]) {
    for row in rows {
        files.remove(QueueId(row.entry.id as u64));
    }
}

/// Writes one report. Blocking.
fn write_report(files: &Files, hostname: &str, about: &Subject, told: &[Told], expire: i64) -> io::Result<NewRows> {
    let (id, now) = (QueueId::fresh(), now());
    // RFC 3461 §4.3: what was delivered, or may be yet, need not come back.
    // RFC 8689 §5: nor what must not be seen on its way.
    let required = about.handling.tls == TlsWish::Required;
    let full = about.ret == Some(Return::Full) && !required && told.iter().all(|told| told.action == Action::Failed);
    let unique = format!("{id}.{:016x}", rand::random::<u64>());
    let report = Report {
        hostname,
        to: &about.to,
        now: Timestamp::now(),
        arrived: about.arrived,
        deliver_by: about.handling.by.map(|by| by.moment),
        envelope_id: about.envelope_id.as_ref(),
        utf8: about.smtputf8,
        full,
        told,
        unique: &unique,
    };
    let (head, skip) = report.head();
    let tail = report.tail();
    let original = original(about, full)?;
    let size = files.write(id, head.as_bytes().chain(original).chain(tail.as_bytes()))?;
    let recipient = RecipientRow {
        address: about.to.to_string(),
        destination: Destination::Local.as_row().to_owned(),
        notify: Some(Notify::NEVER.to_string()),
        due: now,
        ..RecipientRow::default()
    };
    Ok(NewRows {
        entry: EntryRow {
            id: id.0 as i64,
            arrived: now,
            expires: now.saturating_add(expire),
            reverse_path: String::new(),
            account: None,
            size: size as i64,
            skip: skip as i64,
            header: Vec::new(),
            body: "8BITMIME".to_owned(),
            smtputf8: about.to.to_ascii().is_none(),
            ret: None,
            envelope_id: None,
            priority: about.handling.priority.number(),
            tls: if required { TlsWish::Required } else { TlsWish::Usual }
                .word()
                .to_owned(),
            deliver_by: None,
            by_mode: None,
        },
        recipients: vec![recipient],
    })
}

/// The message that comes back, or its header; nothing when somebody has dropped it meanwhile.
fn original(about: &Subject, full: bool) -> io::Result<Box<dyn Read>> {
    let mut file = match std::fs::File::open(&about.file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Box::new(io::empty())),
        opened => opened?,
    };
    file.seek(SeekFrom::Start(about.skip))?;
    let mut message = io::Cursor::new(about.header.clone()).chain(file);
    if full {
        return Ok(Box::new(message));
    }
    let mut header = Vec::new();
    message.by_ref().take(MAX_HEADER).read_to_end(&mut header)?;
    let end = memchr::memmem::find(&header, b"\r\n\r\n")
        .or_else(|| memchr::memmem::rfind(&header, b"\r\n"))
        .map_or(0, |at| at + 2);
    header.truncate(end);
    Ok(Box::new(io::Cursor::new(header)))
}
