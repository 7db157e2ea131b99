//! What rules send to others, through the queue: redirects (RFC 5228 §4.2), vacation replies (RFC 5230 §5), rejections
//! (RFC 5429 §2.2).

use super::compose;
use crate::accounts::Account;
use crate::delivery::{Delivery, Error, Letter, Resolved, in_header};
use crate::mail::address::Address;
use crate::mail::envelope::{BodyType, ForwardPath, ReversePath};
use crate::mail::handling::{Handling, TlsWish};
use crate::mail::header::fields;
use crate::mail::ids::QueueId;
use crate::queue::{Destination, NewEntry, NewRecipient};
use crate::sieve::Vacation;
use crate::storage::spool::Spooled;

/// The field by which a redirect that comes back is known; its value is the account's address.
const REDIRECTED: &str = "X-Sieve-Redirected-From";

/// Something to be sent.
pub(super) enum Outgoing {
    Redirect { to: Address, message: Spooled },
    Vacation(Vacation),
}

impl Delivery {
    /// Puts it into the queue; durable when it returns.
    pub(super) async fn send(&self, letter: &Letter, account: &Account, outgoing: Outgoing) -> Result<(), Error> {
        match outgoing {
            // Failures are for its sender, whose address is rewritten for that; one without stays one without.
            Outgoing::Redirect { to, message } => {
                let recipient = self.recipient(&to).await?;
                let domain = account.address.domain();
                let reverse_path = match &recipient.destination {
                    Destination::Local => letter.envelope.reverse_path.clone(),
                    Destination::Domain(_) => self.forwarded_path(&letter.envelope.reverse_path, domain).await?,
                };
                let skip = return_path(&message).await?;
                let seals = self.seals(letter, domain, &message, skip).await;
                tracing::info!(id = %letter.id, account = %account.address, %to, "redirected");
                let entry = NewEntry {
                    id: QueueId::fresh(),
                    reverse_path,
                    account: Some(account.id),
                    recipients: vec![recipient],
                    body: letter.envelope.body,
                    smtputf8: letter.envelope.smtputf8,
                    ret: None,
                    envelope_id: None,
                    hold_until: None,
                    // What a person wants done with it is not in the time that was given for it (RFC 2852 §1).
                    handling: Handling {
                        by: None,
                        ..letter.envelope.handling
                    },
                    skip,
                    message,
                    header: format!("{REDIRECTED}: {}\r\n{seals}", account.address).into_bytes(),
                };
                Ok(self.queue.enqueue(entry).await?)
            }
            Outgoing::Vacation(vacation) => {
                tracing::info!(id = %letter.id, account = %account.address, to = %vacation.to, "answered by vacation");
                let text = compose::vacation(&account.address, &vacation, self.queue.hostname());
                let author = vacation.from.as_ref().map_or(&account.address, |(_, address)| address);
                let signature = match self.is_of(author, account).await {
                    true => self.signature(author, &text).await,
                    false => Vec::new(),
                };
                // The message itself is where it belongs, and must not come again for that.
                if let Err(error) = self.send_report(letter, &vacation.to, &text, signature).await {
                    let cause = format!("{:#}", anyhow::Error::from(error));
                    tracing::error!(id = %letter.id, cause, "a vacation reply was not sent");
                }
                Ok(())
            }
        }
    }

    /// Tells the sender that its message was refused. One that has none is not told.
    pub(super) async fn send_rejection(&self, letter: &Letter, account: &Account, reason: &str) -> Result<(), Error> {
        let Some(to) = letter.envelope.reverse_path.address() else {
            return Ok(());
        };
        tracing::info!(id = %letter.id, account = %account.address, %to, "rejected by a rule");
        let text = compose::rejection(&account.address, to, reason, self.queue.hostname());
        let signature = self.signature(&account.address, &text).await;
        self.send_report(letter, to, &text, signature).await
    }

    /// Sends a message of our own with the null reverse-path, so that nothing answers it.
    async fn send_report(&self, letter: &Letter, to: &Address, text: &str, signature: Vec<u8>) -> Result<(), Error> {
        // RFC 8689 §6: what answers a message is kept as it is.
        let tls = letter.envelope.handling.tls.max(TlsWish::Usual);
        self.send_own(to, text.as_bytes(), signature, tls).await
    }

    /// The same, with fields to be sent in front of it. Durable when it returns.
    pub async fn send_own(&self, to: &Address, text: &[u8], header: Vec<u8>, tls: TlsWish) -> Result<(), Error> {
        let recipient = self.recipient(to).await?;
        let mut incoming = self.begin();
        incoming.write(text).await?;
        let entry = NewEntry {
            id: QueueId::fresh(),
            reverse_path: ReversePath::Null,
            account: None,
            recipients: vec![recipient],
            body: match text.is_ascii() {
                true => BodyType::SevenBit,
                false => BodyType::EightBitMime,
            },
            smtputf8: to.to_ascii().is_none(),
            ret: None,
            envelope_id: None,
            hold_until: None,
            handling: Handling {
                tls,
                ..Handling::default()
            },
            message: incoming.finish().await?,
            skip: 0,
            header,
        };
        Ok(self.queue.enqueue(entry).await?)
    }

    /// Without any wish for reports.
    pub(in crate::delivery) async fn recipient(&self, to: &Address) -> Result<NewRecipient, Error> {
        let destination = match self.resolve(&ForwardPath::Address(to.clone())).await? {
            Resolved::Remote => Destination::of(to),
            // Who is unknown here is found out by whoever delivers, and the sender told as by any other server.
            _ => Destination::Local,
        };
        Ok(NewRecipient {
            address: to.clone(),
            destination,
            notify: None,
            original: None,
        })
    }
}

/// Whether this account has redirected the message before.
pub(super) async fn was_redirected_by(message: &Spooled, account: &Address) -> Result<bool, Error> {
    let account = account.to_string();
    let redirected = move |block: &[u8]| {
        fields(block).any(|field| field.is(REDIRECTED) && field.unfolded().eq_ignore_ascii_case(account.as_bytes()))
    };
    Ok(in_header(message, redirected).await?)
}

/// The octets of Return-Path in front, which only mailboxes have.
async fn return_path(message: &Spooled) -> Result<u64, Error> {
    let length = |block: &[u8]| {
        let first = fields(block).next().filter(|field| field.is("Return-Path"));
        first.map_or(0, |field| field.raw.len() as u64)
    };
    Ok(in_header(message, length).await?)
}
