//! What of an accepted message the queue gets: a copy for recipients elsewhere, all of it when it is to wait, and reports
//! of success that its sender asked for.

use super::accept::Letter;
use super::forward::is_single;
use super::{Delivery, Error, Route};
use crate::mail::address::Address;
use crate::mail::envelope::{ForwardPath, Recipient};
use crate::queue::{Destination, NewEntry, NewRecipient};
use crate::storage::spool::Spooled;

impl Delivery {
    /// Durable when it returns. `skip`: the octets of Return-Path.
    pub(super) async fn relay(&self, letter: &Letter, message: &Spooled, skip: u64) -> Result<(), Error> {
        let entry = |recipients| letter.entry(recipients, message, skip);
        let waits = letter.waits();
        if !waits {
            self.send_on(letter, message, skip).await?;
        }
        let (mut delivered, mut queued) = (Vec::new(), Vec::new());
        for (recipient, route) in letter.envelope.recipients.iter().zip(&letter.routes) {
            match (route, &recipient.path) {
                (Route::Remote(address), _) => queued.push(new(recipient, address.clone(), Destination::of(address))),
                // Whom an alias leads to is looked at when it is time.
                (Route::Forwarded(_) | Route::Returned(_), ForwardPath::Address(address)) if waits => {
                    queued.push(new(recipient, address.clone(), Destination::Local));
                }
                (Route::Forwarded(forwarding), ForwardPath::Postmaster) if waits => {
                    queued.push(new(recipient, forwarding.by.clone(), Destination::Local));
                }
                (Route::Forwarded(_) | Route::Returned(_), _) => {}
                (Route::Local(_), ForwardPath::Address(address)) => {
                    let list = if waits { &mut queued } else { &mut delivered };
                    list.push(new(recipient, address.clone(), Destination::Local));
                }
                // Without a domain it cannot wait, and is whoever it stands for.
                (Route::Local(accounts), ForwardPath::Postmaster) => {
                    let list = if waits { &mut queued } else { &mut delivered };
                    let accounts = accounts.iter().take(1);
                    list.extend(accounts.map(|one| new(recipient, one.address.clone(), Destination::Local)));
                }
            }
        }
        let mut seen = std::collections::HashSet::new();
        queued.retain(|recipient: &NewRecipient| seen.insert(recipient.address.clone()));
        if !queued.is_empty() {
            self.queue.enqueue(entry(queued)).await?;
        }
        // The sender may be a stranger: DSN is for everybody (RFC 3461 §5.2.3).
        if delivered
            .iter()
            .any(|recipient| recipient.notify.is_some_and(|notify| notify.success))
        {
            self.queue.tell_delivered(&entry(delivered)).await?;
        }
        Ok(())
    }

    /// What aliases and rewritten senders send on to others, and that the sender is told of it, if it asked. Durable when it
    /// returns.
    pub(super) async fn send_on(&self, letter: &Letter, message: &Spooled, skip: u64) -> Result<(), Error> {
        let entries = self.forwards(letter, message, skip).await?;
        if !entries.is_empty() {
            self.queue.enqueue_all(entries).await?;
        }
        let mut expanded = Vec::new();
        for (recipient, route) in letter.envelope.recipients.iter().zip(&letter.routes) {
            if let (Route::Forwarded(forwarding), ForwardPath::Address(address)) = (route, &recipient.path)
                && !is_single(forwarding)
                && recipient.notify.is_some_and(|notify| notify.success)
            {
                expanded.push(new(recipient, address.clone(), Destination::Local));
            }
        }
        if !expanded.is_empty() {
            self.queue.tell_expanded(&letter.entry(expanded, message, skip)).await?;
        }
        Ok(())
    }
}

fn new(recipient: &Recipient, address: Address, destination: Destination) -> NewRecipient {
    NewRecipient {
        address,
        destination,
        notify: recipient.notify,
        original: recipient.original.clone(),
    }
}
impl Letter {
    /// The letter in the queue for these recipients, as it came.
    pub(super) fn entry(&self, recipients: Vec<NewRecipient>, message: &Spooled, skip: u64) -> NewEntry {
        NewEntry {
            id: self.id,
            reverse_path: self.envelope.reverse_path.clone(),
            account: self.account,
            recipients,
            body: self.envelope.body,
            smtputf8: self.envelope.smtputf8,
            ret: self.envelope.ret,
            envelope_id: self.envelope.envelope_id.clone(),
            hold_until: self.envelope.hold_until,
            handling: self.envelope.handling,
            message: message.clone(),
            skip,
            header: Vec::new(),
        }
    }
}
