//! Annotations of an account and its mailboxes (RFC 5464). They lie beside the control files: an index that is made again
//! has nothing to do with them, and they go where their mailbox goes. Private ones of others than the owner have their address in
//! front of the name of their entry.

use super::super::error::{Error, Result, blocking};
use super::super::events::AccountEvent;
use super::AccountMailboxes;
use crate::mail::mailbox_name::MailboxName;
use crate::mail::rights::Who;
use crate::storage::maildir::annotations::{self, Annotations};
use std::path::PathBuf;

/// The most annotations of a mailbox that one account sees, and of the account. RFC 5464 §4.1 wants 10.
const MAX_ANNOTATIONS: usize = 100;

/// How the names of shared entries begin.
const SHARED: &str = "/shared";

impl AccountMailboxes {
    /// All annotations of a mailbox, or of the account itself, that somebody sees, by the names of their entries in lower
    /// case.
    pub async fn annotations(&self, mailbox: Option<&MailboxName>, reader: &Who) -> Result<Annotations> {
        let _there = self.0.changing.read().await;
        let file = self.annotations_file(mailbox)?;
        let all = blocking(move || annotations::load(&file)).await?;
        let seen = all
            .into_iter()
            .filter_map(|(key, value)| Some((seen_as(&key, reader)?.to_owned(), value)));
        Ok(seen.collect())
    }

    /// Sets or removes (`None`) annotations, all or none. The caller bounds their sizes.
    pub async fn annotate(
        &self,
        mailbox: Option<&MailboxName>,
        writer: &Who,
        changes: Vec<(String, Option<Vec<u8>>)>,
    ) -> Result<()> {
        let _changing = self.0.changing.write().await;
        let file = self.annotations_file(mailbox)?;
        let changes = changes.into_iter().map(|(entry, value)| (key(entry, writer), value));
        let changes: Vec<(String, Option<Vec<u8>>)> = changes.collect();
        let entries = changes.iter().map(|(entry, _)| entry.clone()).collect();
        let writer = writer.clone();
        let fits = blocking(move || {
            let mut all = annotations::load(&file)?;
            let count = |all: &Annotations| all.keys().filter(|key| seen_as(key, &writer).is_some()).count();
            let before = count(&all);
            for (entry, value) in changes {
                match value {
                    Some(value) => all.insert(entry, value),
                    None => all.remove(&entry),
                };
            }
            let fits = count(&all) <= MAX_ANNOTATIONS.max(before);
            if fits {
                annotations::store(&file, &all)?;
            }
            Ok(fits)
        });
        if !fits.await? {
            return Err(Error::TooManyAnnotations);
        }
        self.0.common.tell(AccountEvent::Annotated {
            mailbox: mailbox.cloned(),
            entries,
            origin: self.1,
        });
        Ok(())
    }

    /// INBOX keeps its annotations when it is renamed, and what was in it takes them along (RFC 5464 §4.1).
    pub(super) async fn copy_annotations(&self, from: &MailboxName, to: &MailboxName) -> Result<()> {
        let (from, to) = (self.annotations_file(Some(from))?, self.annotations_file(Some(to))?);
        let copied = blocking(move || {
            let all = annotations::load(&from)?;
            match all.is_empty() {
                true => Ok(()),
                false => annotations::store(&to, &all),
            }
        });
        Ok(copied.await?)
    }

    fn annotations_file(&self, mailbox: Option<&MailboxName>) -> Result<PathBuf> {
        let Some(name) = mailbox else {
            return Ok(self.0.tree.root().join(annotations::OF_ACCOUNT));
        };
        let names = self.names();
        let known = names.mailboxes.get(name).ok_or(Error::NotFound)?;
        Ok(known.folder.path().join(annotations::OF_MAILBOX))
    }
}

/// Under which name an entry is kept.
fn key(entry: String, writer: &Who) -> String {
    match writer {
        Who::Account(address) if !entry.starts_with(SHARED) => format!("{address}{entry}"),
        _ => entry,
    }
}

/// The entry that somebody sees under the name that it is kept under; `None` when it is somebody else's private one.
pub fn seen_as<'a>(key: &'a str, reader: &Who) -> Option<&'a str> {
    match reader {
        Who::Account(_) if key.starts_with(SHARED) => Some(key),
        Who::Account(address) => key
            .strip_prefix(&*address.to_string())
            .filter(|entry| entry.starts_with('/')),
        _ => key.starts_with('/').then_some(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::address::Address;

    #[test]
    fn private_ones_are_seen_by_who_set_them() {
        let who = |local| Who::Account(Address::new(local, "example.org").unwrap());
        for (entry, writer, readers) in [
            ("/private/comment", Who::Owner, vec![Who::Owner]),
            ("/private/comment", who("bob"), vec![who("bob")]),
            (
                "/shared/comment",
                who("bob"),
                vec![Who::Owner, who("bob"), who("carol")],
            ),
        ] {
            let key = key(entry.to_owned(), &writer);
            for reader in [Who::Owner, who("bob"), who("carol")] {
                let seen = readers.contains(&reader).then_some(entry);
                assert_eq!(seen_as(&key, &reader), seen, "{key} {reader:?}");
            }
        }
    }
}
