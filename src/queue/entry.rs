//! Entries and their recipients, as the queue takes them, gives them out, and keeps them in rows.

use std::fmt;
use std::sync::Arc;

use crate::mail::address::Address;
use crate::mail::dsn::{EnvelopeId, Notify, OriginalRecipient, Return, Status};
use crate::mail::envelope::{BodyType, ReversePath};
use crate::mail::handling::{ByMode, DeliverBy, Handling, Priority};
use crate::mail::ids::{AccountId, QueueId};
use crate::storage::queue::{EntryRow, NewRows, RecipientRow};
use crate::storage::spool::Spooled;

use super::Answer;

/// Where attempts end because its sender wanted it so (RFC 2852 §4.1.3).
pub(super) const LATE: Status = Status::new(5, 4, 7);

/// Where recipients are to be delivered: those of one destination travel together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Destination {
    /// This server: `delivery` takes it.
    Local,
    /// The domain of an address, normalised (U-labels), or an address literal with its brackets.
    Domain(Arc<str>),
}

impl Destination {
    /// Of an address elsewhere.
    pub fn of(address: &Address) -> Destination {
        Destination::Domain(address.domain().into())
    }

    pub(super) fn from_row(text: &str) -> Destination {
        match text {
            "" => Destination::Local,
            domain => Destination::Domain(domain.into()),
        }
    }

    /// As rows have it.
    pub(super) fn as_row(&self) -> &str {
        match self {
            Destination::Local => "",
            Destination::Domain(domain) => domain,
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Local => f.write_str("this server"),
            Destination::Domain(domain) => f.write_str(domain),
        }
    }
}

/// A message to be taken.
#[derive(Clone)]
pub struct NewEntry {
    /// As Received and the log name it. No two entries have the same.
    pub id: QueueId,
    /// Who is told of failures.
    pub reverse_path: ReversePath,
    /// The account that submitted it.
    pub account: Option<AccountId>,
    /// To whom; at least one.
    pub recipients: Vec<NewRecipient>,
    /// BODY (RFC 6152).
    pub body: BodyType,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// RET (RFC 3461 §4.3).
    pub ret: Option<Return>,
    /// ENVID (RFC 3461 §4.4).
    pub envelope_id: Option<EnvelopeId>,
    /// No attempt before this, in milliseconds since 1970 (RFC 4865).
    pub hold_until: Option<i64>,
    /// REQUIRETLS, MT-PRIORITY and BY.
    pub handling: Handling,
    /// The message, whole and synced.
    pub message: Spooled,
    /// Octets at its beginning that are not sent: Return-Path, which only mailboxes have (RFC 5321 §4.4).
    pub skip: u64,
    /// Fields that are sent in front of it, each with its line end: DKIM-Signature.
    pub header: Vec<u8>,
}

/// A recipient of a message to be taken.
#[derive(Clone, Debug)]
pub struct NewRecipient {
    /// To whom.
    pub address: Address,
    /// Where that is.
    pub destination: Destination,
    /// NOTIFY (RFC 3461 §4.1).
    pub notify: Option<Notify>,
    /// ORCPT (RFC 3461 §4.2).
    pub original: Option<OriginalRecipient>,
}

/// A message in the queue.
#[derive(Clone, Debug)]
pub struct Entry {
    /// As Received and the log name it.
    pub id: QueueId,
    /// When it arrived, in milliseconds since 1970.
    pub arrived: i64,
    /// When attempts end.
    pub expires: i64,
    /// Who is told of failures.
    pub reverse_path: ReversePath,
    /// The account that submitted it.
    pub account: Option<AccountId>,
    /// BODY (RFC 6152): what its sender said.
    pub body: BodyType,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// RET (RFC 3461 §4.3).
    pub ret: Option<Return>,
    /// ENVID (RFC 3461 §4.4).
    pub envelope_id: Option<EnvelopeId>,
    /// REQUIRETLS, MT-PRIORITY and BY.
    pub handling: Handling,
    /// Octets that are sent, fields in front included.
    pub size: u64,
    /// Octets of its file.
    pub(super) stored: u64,
    pub(super) skip: u64,
    pub(super) header: Vec<u8>,
}

/// Names a recipient in its queue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RecipientId(pub(super) i64);

/// A recipient that waits.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// Its number.
    pub id: RecipientId,
    /// To whom.
    pub address: Address,
    /// NOTIFY, to be handed on to a server with DSN (RFC 3461 §5.2.1).
    pub notify: Option<Notify>,
    /// ORCPT, likewise.
    pub original: Option<OriginalRecipient>,
    /// Attempts that failed for the time being.
    pub attempts: u32,
    pub(super) row: RecipientRow,
}

/// A row that this version did not write.
#[derive(Debug, thiserror::Error)]
#[error("the queue has an entry that cannot be read: {0}")]
pub(super) struct Unreadable(QueueId);

impl fmt::Display for RecipientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl NewEntry {
    pub(super) fn rows(&self, now: i64, expire: i64) -> NewRows {
        let due = self.hold_until.unwrap_or(now).max(now);
        let Handling { tls, priority, by } = self.handling;
        let returned = by.filter(|by| by.mode == ByMode::Return).map(|by| by.moment);
        let recipient = |new: &NewRecipient| RecipientRow {
            address: new.address.to_string(),
            destination: new.destination.as_row().to_owned(),
            notify: new.notify.map(|notify| notify.to_string()),
            original: new.original.as_ref().map(ToString::to_string),
            due,
            ..RecipientRow::default()
        };
        NewRows {
            entry: EntryRow {
                id: self.id.0 as i64,
                arrived: now,
                expires: due.saturating_add(expire).min(returned.unwrap_or(i64::MAX)),
                reverse_path: self.reverse_path.to_string(),
                account: self.account.map(|account| account.0),
                size: self.message.size() as i64,
                skip: self.skip as i64,
                header: self.header.clone(),
                body: match self.body {
                    BodyType::SevenBit => "7BIT",
                    BodyType::EightBitMime => "8BITMIME",
                }
                .to_owned(),
                smtputf8: self.smtputf8,
                ret: self.ret.map(|ret| ret.to_string()),
                envelope_id: self.envelope_id.as_ref().map(ToString::to_string),
                priority: priority.number(),
                tls: tls.word().to_owned(),
                deliver_by: by.map(|by| by.moment),
                by_mode: by.map(|by| by.words().to_owned()),
            },
            recipients: self.recipients.iter().map(recipient).collect(),
        }
    }
}

impl Entry {
    pub(super) fn from_row(row: EntryRow) -> Result<Entry, Unreadable> {
        let id = QueueId(row.id as u64);
        let skip = row.skip.clamp(0, row.size) as u64;
        let by = row.deliver_by.zip(row.by_mode);
        let by = by.map(|(moment, how)| DeliverBy::from_words(moment, &how));
        Ok(Entry {
            id,
            arrived: row.arrived,
            expires: row.expires,
            reverse_path: ReversePath::parse(&row.reverse_path).map_err(|_| Unreadable(id))?,
            account: row.account.map(AccountId),
            body: match row.body.as_str() {
                "7BIT" => BodyType::SevenBit,
                "8BITMIME" => BodyType::EightBitMime,
                _ => return Err(Unreadable(id)),
            },
            smtputf8: row.smtputf8,
            ret: row.ret.map(|ret| ret.parse()).transpose().map_err(|_| Unreadable(id))?,
            envelope_id: row
                .envelope_id
                .map(|text| text.parse())
                .transpose()
                .map_err(|_| Unreadable(id))?,
            handling: Handling {
                tls: row.tls.parse().map_err(|_| Unreadable(id))?,
                priority: Priority::new(row.priority).ok_or(Unreadable(id))?,
                by: by.transpose().map_err(|_| Unreadable(id))?,
            },
            size: row.size.max(0) as u64 - skip + row.header.len() as u64,
            stored: row.size.max(0) as u64,
            skip,
            header: row.header,
        })
    }
}

impl Entry {
    /// Why no attempt is made any more, when its sender wants it back by now rather than delivered (RFC 2852 §4.1.3).
    pub fn too_late(&self) -> Option<Answer> {
        let by = self.handling.by.filter(|by| by.is_to_be_returned(super::now()))?;
        let text = format!("it was to be delivered within {} s", (by.moment - self.arrived) / 1000);
        Some(Answer::new(None, LATE, &text))
    }
}

impl Recipient {
    pub(super) fn from_row(entry: QueueId, row: RecipientRow) -> Result<Recipient, Unreadable> {
        let unreadable = || Unreadable(entry);
        let notify = row.notify.as_deref().map(str::parse).transpose();
        let original = row.original.as_deref().map(str::parse).transpose();
        Ok(Recipient {
            id: RecipientId(row.id),
            address: Address::parse(&row.address).map_err(|_| unreadable())?,
            notify: notify.map_err(|_| unreadable())?,
            original: original.map_err(|_| unreadable())?,
            attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
            row,
        })
    }

    /// Where it goes.
    pub fn destination(&self) -> Destination {
        Destination::from_row(&self.row.destination)
    }

    /// When it is tried next, in milliseconds since 1970.
    pub fn due(&self) -> i64 {
        self.row.due
    }

    /// Whether it is not tried until somebody releases it.
    pub fn is_held(&self) -> bool {
        self.row.held
    }

    /// What was answered at the last attempt, and when, in milliseconds since 1970.
    pub fn last_answer(&self) -> Option<(Answer, i64)> {
        let tried = self.row.tried?;
        let host = (!self.row.host.is_empty()).then(|| self.row.host.clone());
        let status = self.row.status.parse().unwrap_or(Status::new(4, 0, 0));
        Some((Answer::new(host, status, &self.row.reply), tried))
    }
}
