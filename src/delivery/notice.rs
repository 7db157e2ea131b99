//! Signatures of what this server writes itself (RFC 6376): reports of the queue, and what rules answer.
//!
//! Invariant: a notice goes in any case. Without keys, or with keys that cannot be read, it goes unsigned.

use super::Delivery;
use crate::accounts::Account;
use crate::dkim::Signers;
use crate::mail::address::Address;
use crate::queue::Sign;

/// Signs reports of the queue, which are from this server: by the domain of ours that its name is in.
pub(super) fn reports_of(hostname: &str, signers: Signers) -> Sign {
    let hostname = hostname.to_owned();
    Box::new(move |file, skip| {
        let (signers, hostname) = (signers.clone(), hostname.clone());
        Box::pin(async move {
            let _place = signers.place().await;
            let mut report = match tokio::fs::read(&file).await {
                Ok(report) => report,
                Err(error) => {
                    tracing::error!(%error, "a report cannot be read to be signed");
                    return String::new();
                }
            };
            report.drain(..report.len().min(usize::try_from(skip).unwrap_or(usize::MAX)));
            signers.sign_as_part_of(&hostname, report).await
        })
    })
}

impl Delivery {
    /// The fields that sign what a rule of an account answers, by the domain of its author.
    pub(super) async fn signature(&self, author: &Address, text: &str) -> Vec<u8> {
        let Some(domain) = author.dns_domain() else {
            return Vec::new();
        };
        let signers = &self.forwarder.signers;
        let _place = signers.place().await;
        signers.sign(&domain, text.as_bytes().to_vec()).await.into_bytes()
    }
    /// Whether an address is one of an account's. A script may answer in any name (RFC 5230 §4.3): what says to be from
    /// somebody else is not signed, or users could pass for each other.
    pub(super) async fn is_of(&self, address: &Address, account: &Account) -> bool {
        match self.accounts.resolve(address).await {
            Ok(owners) => owners.accounts().iter().any(|owner| owner.id == account.id),
            Err(_) => false,
        }
    }
}
