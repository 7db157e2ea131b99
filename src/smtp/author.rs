//! Whom a submitted message says that it is from: somebody's own addresses, as in the envelope (RFC 6409 §6.1), in From and in
//! Sender (RFC 5322 §3.6.2).

use super::reply::Reply;
use super::session::Session;
use crate::accounts::Account;
use crate::mail::address::Address;
use crate::mail::{header, mime};
use crate::storage::spool::Incoming;

/// The most of a header that is looked at, in octets. One that is longer is no mail program's.
const MAX_HEADER: usize = 256 * 1024;

/// Refuses a message with an author who is not the account (setting `smtp.check_author`). One without authors is none of
/// our business.
pub(crate) async fn check(session: &Session, message: &Incoming) -> Result<(), Reply> {
    let Some(account) = session.state.account.as_ref() else {
        return Ok(());
    };
    if !session.smtp.config.smtp.check_author {
        return Ok(());
    }
    for author in authors(&message.beginning(MAX_HEADER).await?) {
        if !is_own(session, account, author.as_ref()).await? {
            tracing::info!(account = %account.address, "refused: From or Sender is not this account's address");
            return Err(Reply::new(
                550,
                "5.7.1",
                "This account may not send as the address in the From or Sender field",
            ));
        }
    }
    Ok(())
}

async fn is_own(session: &Session, account: &Account, author: Option<&Address>) -> Result<bool, Reply> {
    let Some(author) = author else {
        return Ok(false);
    };
    match session.smtp.accounts.resolve(author).await {
        Ok(owners) => Ok(owners.accounts().iter().any(|owner| owner.id == account.id)),
        Err(cause) => Err(Reply::from(crate::delivery::Error::Unavailable(cause))),
    }
}

/// The addresses of all From and Sender fields; `None` for what is no address.
fn authors(message: &[u8]) -> Vec<Option<Address>> {
    let end = memchr::memmem::find(message, b"\r\n\r\n").map_or(message.len(), |at| at + 2);
    let header = message.get(..end).unwrap_or_default();
    let mut authors = Vec::new();
    for field in header::fields(header).filter(|field| field.is("From") || field.is("Sender")) {
        for author in mime::addresses(&field.unfolded()) {
            let text = |part: Option<Vec<u8>>| part.and_then(|part| String::from_utf8(part).ok());
            let (local, domain) = (text(author.mailbox), text(author.host));
            authors.push(
                local
                    .zip(domain)
                    .and_then(|(local, domain)| Address::new(&local, &domain).ok()),
            );
        }
    }
    authors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_authors_of_all_from_fields_of_the_header() {
        for (message, wanted) in [
            ("Subject: x\r\n\r\nFrom: body@example.org\r\n", &[][..]),
            ("From: Alice <Alice@Example.org>\r\n\r\n", &[Some("Alice@example.org")]),
            (
                "FROM : a@x.test,\r\n \"b@y.test\" <c@y.test>\r\nFrom: g: d@z.test;\r\n\r\n",
                &[Some("a@x.test"), Some("c@y.test"), Some("d@z.test")],
            ),
            (
                "From: a@x.test\r\nsender: s@y.test\r\n\r\n",
                &[Some("a@x.test"), Some("s@y.test")],
            ),
            ("From: a@exa..mple\r\nReply-To: x@y.test\r\n\r\n", &[None]),
        ] {
            let found: Vec<_> = authors(message.as_bytes())
                .into_iter()
                .map(|author| author.map(|author| author.to_string()))
                .collect();
            let wanted: Vec<_> = wanted.iter().map(|author| author.map(str::to_owned)).collect();
            assert_eq!(found, wanted, "{message}");
        }
    }
}
