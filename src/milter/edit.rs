//! How a filter wants a message changed. All of it is collected first: what a filter has said counts only once it has said
//! everything.

use super::options::{Options, action};
use super::{Failure, Limits, Problem};
use crate::mail::envelope::{Envelope, ForwardPath, ReversePath};
use crate::storage::spool::Incoming;

/// Changes of one message by one filter, but for its body.
const MAX_EDITS: usize = 500;
/// Octets of fields that one filter adds to one message.
const MAX_ADDED: usize = 256 * 1024;

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    /// A field behind all others.
    AddField { name: String, value: Vec<u8> },
    /// A field in front of the one that is there, counted from 0.
    InsertField { at: usize, name: String, value: Vec<u8> },
    /// Another value for one of the fields of this name, counted from 1; none takes it away.
    ChangeField {
        number: usize,
        name: String,
        value: Vec<u8>,
    },
    /// Another reverse-path.
    Sender(ReversePath),
    /// A further recipient.
    AddRecipient(ForwardPath),
    /// A recipient less.
    RemoveRecipient(ForwardPath),
    /// The next piece of a new body.
    Body(Vec<u8>),
    /// It is to be kept aside, and why.
    Quarantine(String),
}

/// All changes of one message.
#[derive(Default)]
pub(super) struct Edits {
    /// Of fields, in their order.
    pub(super) fields: Vec<Edit>,
    /// Octets of them.
    added: usize,
    sender: Option<ReversePath>,
    recipients: Vec<Edit>,
    /// A new body, whose lines end with CRLF.
    pub(super) body: Option<Incoming>,
    /// Whether its last octet was a CR, which waits for what follows.
    cut_off: bool,
    /// Why it goes to Junk.
    pub(super) junk: Option<String>,
}

impl Edits {
    /// None, but that the message goes to Junk.
    pub(super) fn junk(reason: String) -> Edits {
        Edits {
            junk: Some(reason),
            ..Edits::default()
        }
    }

    /// One more, if the filter may and if there are not too many. A new body goes to `body`, beside the message.
    pub(super) async fn add(
        &mut self,
        edit: Edit,
        options: Options,
        limits: &Limits,
        beside: &Incoming,
    ) -> Result<(), Failure> {
        if !options.may(edit.action()) {
            return Err(Problem::Rubbish("a change that it had not announced").into());
        }
        if self.fields.len() + self.recipients.len() >= MAX_EDITS {
            return Err(Problem::Rubbish("too many changes").into());
        }
        match edit {
            Edit::AddField { ref name, ref value }
            | Edit::InsertField {
                ref name, ref value, ..
            }
            | Edit::ChangeField {
                ref name, ref value, ..
            } => {
                self.added += name.len() + value.len();
                if self.added > MAX_ADDED {
                    return Err(Problem::Rubbish("too much that is added to the header").into());
                }
                self.fields.push(edit);
            }
            Edit::Sender(path) => self.sender = Some(path),
            Edit::AddRecipient(_) | Edit::RemoveRecipient(_) => self.recipients.push(edit),
            Edit::Body(piece) => self.body(&piece, limits, beside).await?,
            Edit::Quarantine(reason) => self.junk = Some(reason),
        }
        Ok(())
    }

    async fn body(&mut self, piece: &[u8], limits: &Limits, beside: &Incoming) -> Result<(), Failure> {
        let body = self.body.get_or_insert_with(|| beside.beside());
        let mut lines = Vec::with_capacity(piece.len());
        for &octet in piece {
            match octet {
                0 => return Err(Problem::Rubbish("a body with NUL").into()),
                b'\r' | b'\n' => {
                    if !(octet == b'\n' && self.cut_off) {
                        lines.extend_from_slice(b"\r\n");
                    }
                }
                _ => lines.push(octet),
            }
            self.cut_off = octet == b'\r';
        }
        if body.size() + lines.len() as u64 > limits.max_size {
            return Err(Problem::Rubbish("a body that is too large").into());
        }
        body.write(&lines).await.map_err(Failure::Storage)
    }

    /// Whether the filter has marked the message by one of these fields.
    pub(super) fn marks(&self, junk_fields: &[String]) -> bool {
        self.fields.iter().any(|edit| match edit {
            Edit::AddField { name, value }
            | Edit::InsertField { name, value, .. }
            | Edit::ChangeField { name, value, .. } => {
                let yes = value.trim_ascii_start().get(..3);
                junk_fields.iter().any(|field| field.eq_ignore_ascii_case(name))
                    && yes.is_some_and(|yes| yes.eq_ignore_ascii_case(b"yes"))
            }
            _ => false,
        })
    }

    /// Changes sender and recipients. A message for nobody stays for whom it was, in Junk: nothing is dropped.
    pub(super) fn address(&mut self, envelope: &mut Envelope, limits: &Limits) {
        if let Some(sender) = self.sender.take() {
            envelope.reverse_path = sender;
        }
        let mut recipients = envelope.recipients.clone();
        for edit in self.recipients.drain(..) {
            match edit {
                Edit::AddRecipient(path)
                    if recipients.len() < limits.max_recipients
                        && recipients.iter().all(|known| known.path != path) =>
                {
                    recipients.push(path.into());
                }
                Edit::RemoveRecipient(path) => recipients.retain(|known| known.path != path),
                _ => {}
            }
        }
        if !recipients.is_empty() {
            envelope.recipients = recipients;
        } else if self.junk.is_none() {
            self.junk = Some("nobody was to get it".to_owned());
        }
    }
}

impl Edit {
    /// What the filter must have announced for it.
    fn action(&self) -> u32 {
        match self {
            Edit::AddField { .. } | Edit::InsertField { .. } => action::ADD_FIELDS,
            Edit::ChangeField { .. } => action::CHANGE_FIELDS,
            Edit::Sender(_) => action::CHANGE_SENDER,
            Edit::AddRecipient(_) => action::ADD_RECIPIENTS | action::ADD_RECIPIENTS_WITH,
            Edit::RemoveRecipient(_) => action::REMOVE_RECIPIENTS,
            Edit::Body(_) => action::CHANGE_BODY,
            Edit::Quarantine(_) => action::QUARANTINE,
        }
    }
}
