//! Mail that goes on to other servers because an alias or a script says so: in whose name, and with what in front.
//!
//! RFC 5321 §3.9.1 (aliases), §6.3 (loops), RFC 3461 §5.2.7 (what reports are asked for), RFC 8617 (seals). A sender elsewhere is
//! rewritten, so that SPF lets us send; what comes back to the rewritten one goes to the true one.
//!
//! Invariants: what was judged to be junk is not forwarded, and nobody is told of it by a message: it is refused, or stays
//! with the alias's accounts here; nothing with the null reverse-path gets another; reports for a rewritten sender are taken
//! only from the null reverse-path, so that nobody sends mail through us.

use std::path::Path;

use super::accept::Letter;
use super::{Delivery, Error, Route, in_header};
use crate::accounts::{Forwarding, Resolution};
use crate::config;
use crate::dkim::Signers;
use crate::mail::address::Address;
use crate::mail::dsn::Notify;
use crate::mail::envelope::{ForwardPath, Recipient, ReversePath};
use crate::mail::header::fields;
use crate::mail::ids::QueueId;
use crate::queue::{Destination, NewEntry, NewRecipient};
use crate::srs::{self, Rewriter};
use crate::storage::spool::Spooled;

/// The field that tells by which address of ours a message has come, so that it is known when it comes again.
const DELIVERED_TO: &str = "Delivered-To";

/// How mail is forwarded. Cheap to clone.
#[derive(Clone)]
pub struct Forwarder {
    settings: config::Forward,
    rewriter: Rewriter,
    pub(super) signers: Signers,
}

/// Where mail for a path would go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// There, from everybody.
    To(Route),
    /// To another server, which is for mail of our own users.
    Remote,
    /// Nowhere: the domain is ours and has no such address.
    Unknown,
    /// Nowhere: an alias that leads back to itself.
    Circular,
    /// Nowhere: an alias whose mail is not sent to any of those that it leads to.
    Suppressed,
    /// Nowhere: in the form of a rewritten sender, and not made here or too old.
    Forged,
}

impl Forwarder {
    /// With the keys and secrets of a data folder.
    pub fn new(data: &Path, settings: &config::Forward, signers: Signers) -> Forwarder {
        Forwarder {
            rewriter: Rewriter::new(data, settings.srs_expire.get()),
            settings: settings.clone(),
            signers,
        }
    }
}

impl Delivery {
    /// Where mail for this path would go.
    pub async fn resolve(&self, path: &ForwardPath) -> Result<Resolved, Error> {
        let resolution = match path {
            ForwardPath::Postmaster => self.accounts.postmaster().await,
            ForwardPath::Address(address) => match self.returned(address).await? {
                Some(resolved) => return Ok(resolved),
                None => self.accounts.resolve(address).await,
            },
        };
        Ok(match resolution.map_err(Error::Unavailable)? {
            Resolution::Local(accounts) => Resolved::To(Route::Local(accounts)),
            Resolution::Forwarded(forwarding) => self.unsuppressed(forwarding).await?,
            Resolution::Remote => Resolved::Remote,
            Resolution::UnknownUser => Resolved::Unknown,
            Resolution::Circular => Resolved::Circular,
        })
    }

    /// Without addresses to which mail of the alias is not sent any more.
    async fn unsuppressed(&self, mut forwarding: Forwarding) -> Result<Resolved, Error> {
        let mut addresses = Vec::with_capacity(forwarding.addresses.len());
        for address in std::mem::take(&mut forwarding.addresses) {
            match self.is_suppressed(&forwarding.by, &address).await? {
                true => tracing::info!(alias = %forwarding.by, to = %address, "on the suppression list: not forwarded"),
                false => addresses.push(address),
            }
        }
        forwarding.addresses = addresses;
        Ok(
            match (forwarding.accounts.is_empty(), forwarding.addresses.is_empty()) {
                (true, true) => Resolved::Suppressed,
                (false, true) => Resolved::To(Route::Local(forwarding.accounts)),
                (_, false) => Resolved::To(Route::Forwarded(forwarding)),
            },
        )
    }

    /// Whether mail of an account or alias is not sent to an address.
    pub async fn is_suppressed(&self, owner: &Address, to: &Address) -> Result<bool, Error> {
        let found = self.accounts.suppressed(owner, to).await.map_err(Error::Unavailable)?;
        Ok(found.is_some())
    }

    /// Whose a rewritten sender is, if the address looks like one of ours.
    async fn returned(&self, address: &Address) -> Result<Option<Resolved>, Error> {
        if !srs::form::looks_rewritten(address.local()) {
            return Ok(None);
        }
        let special = self.forwarder.settings.srs_domain.as_deref();
        let special = special.and_then(|domain| Address::new("postmaster", domain).ok());
        let is_special = special.is_some_and(|special| special.domain() == address.domain());
        if !is_special
            && !self
                .accounts
                .is_ours(address.domain())
                .await
                .map_err(Error::Unavailable)?
        {
            return Ok(None);
        }
        let (rewriter, rewritten) = (self.forwarder.rewriter.clone(), address.clone());
        let restored = tokio::task::spawn_blocking(move || rewriter.restore(&rewritten)).await;
        match restored.map_err(super::accept::crashed)? {
            Ok(sender) => Ok(sender.map(|sender| Resolved::To(Route::Returned(sender)))),
            Err(srs::Error::Unavailable(cause)) => Err(Error::from(cause)),
            Err(cause) => {
                tracing::info!(%address, %cause, "a rewritten sender is not taken back");
                Ok(Some(Resolved::Forged))
            }
        }
    }

    /// The reverse-path under which a message goes on, when a domain of ours forwards it.
    pub(super) async fn forwarded_path(&self, path: &ReversePath, domain: &str) -> Result<ReversePath, Error> {
        let ReversePath::Address(sender) = path else {
            return Ok(ReversePath::Null);
        };
        let settings = &self.forwarder.settings;
        if !settings.srs
            || self
                .accounts
                .is_ours(sender.domain())
                .await
                .map_err(Error::Unavailable)?
        {
            return Ok(path.clone());
        }
        let domain = settings.srs_domain.clone().unwrap_or_else(|| domain.to_owned());
        let (rewriter, sender) = (self.forwarder.rewriter.clone(), sender.clone());
        let rewritten = tokio::task::spawn_blocking(move || rewriter.rewrite(&sender, &domain)).await;
        match rewritten.map_err(super::accept::crashed)?? {
            Some(rewritten) => Ok(ReversePath::Address(rewritten)),
            None => {
                tracing::warn!(from = %path, "too long to be rewritten: forwarded with its own sender");
                Ok(path.clone())
            }
        }
    }

    /// What stands in front of a message that goes on, each field with its line end: the seals of the domain that forwards it,
    /// if it has keys and the message was looked at when it came.
    pub(super) async fn seals(&self, letter: &Letter, domain: &str, message: &Spooled, skip: u64) -> String {
        let Some(judged) = letter.judged.as_ref().filter(|_| self.forwarder.settings.arc) else {
            return String::new();
        };
        let Some(domain) = Address::new("postmaster", domain)
            .ok()
            .and_then(|address| address.dns_domain())
        else {
            return String::new();
        };
        let signers = &self.forwarder.signers;
        let Some(_place) = signers.place().await else {
            return String::new();
        };
        match message.content(skip).await {
            Ok(content) => signers.seal(&domain, content, judged.clone()).await,
            Err(cause) => {
                tracing::error!(id = %letter.id, %cause, "a message cannot be read to be sealed");
                String::new()
            }
        }
    }

    /// Refuses what may not go on: junk that nobody here would have, and what has come by the same alias before.
    pub(super) async fn may_forward(&self, letter: &Letter, message: &Spooled) -> Result<(), Error> {
        for route in &letter.routes {
            let forwarding = match route {
                Route::Forwarded(forwarding) => forwarding,
                Route::Returned(_) if letter.junk => return Err(Error::Junk),
                Route::Returned(_) | Route::Local(_) | Route::Remote(_) => continue,
            };
            if letter.junk && forwarding.accounts.is_empty() {
                tracing::info!(id = %letter.id, alias = %forwarding.by, "refused: junk is not forwarded");
                return Err(Error::Junk);
            }
            if was_delivered_to(message, &forwarding.by).await? {
                tracing::warn!(id = %letter.id, alias = %forwarding.by, "refused: it has come by this alias before");
                return Err(Error::Loop);
            }
        }
        Ok(())
    }

    /// What the queue gets for recipients that are aliases with addresses elsewhere, and for senders that were rewritten.
    /// Entries have their own numbers. `skip`: the octets of Return-Path.
    pub(super) async fn forwards(&self, letter: &Letter, message: &Spooled, skip: u64) -> Result<Vec<NewEntry>, Error> {
        let mut entries = Vec::new();
        for (recipient, route) in letter.envelope.recipients.iter().zip(&letter.routes) {
            let entry = |reverse_path, recipients, header: String| NewEntry {
                id: QueueId::fresh(),
                reverse_path,
                hold_until: None,
                header: header.into_bytes(),
                ..letter.entry(recipients, message, skip)
            };
            match route {
                Route::Forwarded(forwarding) if letter.junk => {
                    tracing::info!(id = %letter.id, alias = %forwarding.by, "junk is not forwarded: only the accounts here have it");
                }
                Route::Forwarded(forwarding) => {
                    let domain = forwarding.by.domain();
                    let reverse_path = self.forwarded_path(&letter.envelope.reverse_path, domain).await?;
                    let seals = self.seals(letter, domain, message, skip).await;
                    let delivered_to = format!("{DELIVERED_TO}: {}\r\n", written(&forwarding.by));
                    let entry = entry(reverse_path, forwarded(recipient, forwarding), delivered_to + &seals);
                    let to: Vec<String> = forwarding.addresses.iter().map(Address::to_string).collect();
                    tracing::info!(id = %letter.id, alias = %forwarding.by, to = to.join(","), forwarded = %entry.id, "forwarded");
                    entries.push(entry);
                }
                Route::Returned(sender) => {
                    let to = self.recipient(sender).await?;
                    let entry = entry(ReversePath::Null, vec![to], String::new());
                    tracing::info!(id = %letter.id, to = %sender, forwarded = %entry.id, "a report goes to the true sender");
                    entries.push(entry);
                }
                Route::Local(_) | Route::Remote(_) => {}
            }
        }
        Ok(entries)
    }
}

/// The addresses elsewhere as recipients. RFC 3461 §5.2.7.2: one gets all that was asked for; §5.2.7.3 (c): several get all
/// but SUCCESS, for the sender is told that the alias was expanded.
fn forwarded(recipient: &Recipient, forwarding: &Forwarding) -> Vec<NewRecipient> {
    let notify = match is_single(forwarding) {
        true => recipient.notify,
        false => recipient.notify.map(|notify| Notify {
            success: false,
            ..notify
        }),
    };
    let to = |address: &Address| NewRecipient {
        address: address.clone(),
        destination: Destination::of(address),
        notify,
        original: recipient.original.clone(),
    };
    forwarding.addresses.iter().map(to).collect()
}

/// Whether an alias has one address, and is not what RFC 3461 §5.2.7.3 is about.
pub(super) fn is_single(forwarding: &Forwarding) -> bool {
    forwarding.accounts.is_empty() && forwarding.addresses.len() == 1
}

/// Whether the message has come by this address before (RFC 5321 §6.3).
async fn was_delivered_to(message: &Spooled, by: &Address) -> Result<bool, Error> {
    let by = by.clone();
    let same = move |value: &[u8]| {
        let address = std::str::from_utf8(value)
            .ok()
            .and_then(|text| Address::parse(text).ok());
        address.is_some_and(|address| {
            address.domain() == by.domain() && address.local().to_lowercase() == by.local().to_lowercase()
        })
    };
    let found = move |block: &[u8]| fields(block).any(|field| field.is(DELIVERED_TO) && same(&field.unfolded()));
    Ok(in_header(message, found).await?)
}

/// With A-labels if it can be: then everybody can read it.
fn written(address: &Address) -> String {
    address.to_ascii().unwrap_or_else(|| address.to_string())
}
