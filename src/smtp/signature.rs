//! The signatures of a submitted message (RFC 6376 §5), made when it is complete.

use super::reply::Reply;
use super::session::{Session, Transaction};
use crate::dkim;
use crate::mail::address::Address;
use crate::storage::spool::Incoming;

/// The fields to put in front; none if the domain has no keys. The author's domain signs, so that DMARC is content, if
/// the author is the account; else that of the reverse-path, which was looked at when it was given.
pub(crate) async fn of(session: &Session, tx: &Transaction, message: &Incoming) -> Result<String, Reply> {
    let Some(account) = &session.state.account else {
        return Ok(String::new());
    };
    let (signers, accounts) = (&session.smtp.signers, &session.smtp.accounts);
    let _place = signers.place().await;
    let content = message.content().await?;
    let is_own = async |author: &Address| match accounts.resolve(author).await {
        Ok(owners) => owners.accounts().iter().any(|owner| owner.id == account.id),
        Err(_) => false,
    };
    let sender = tx.envelope.reverse_path.address();
    let domain = match dkim::author(&content) {
        Some(author) if sender != Some(&author) && is_own(&author).await => author.dns_domain(),
        _ => sender.and_then(Address::dns_domain),
    };
    match domain {
        Some(domain) => Ok(signers.sign(&domain, content).await),
        None => Ok(String::new()),
    }
}
