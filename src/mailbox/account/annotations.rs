//! Annotations of an account and its mailboxes (RFC 5464). They lie beside the control files: an index that is made again
//! has nothing to do with them, and they go where their mailbox goes.

use super::super::error::{Error, Result, blocking};
use super::super::events::AccountEvent;
use super::AccountMailboxes;
use crate::mail::mailbox_name::MailboxName;
use crate::storage::maildir::annotations::{self, Annotations};
use std::path::PathBuf;

/// The most annotations of a mailbox, and of the account. RFC 5464 §4.1 wants 10.
const MAX_ANNOTATIONS: usize = 100;

impl AccountMailboxes {
    /// All annotations of a mailbox, or of the account itself, by the names of their entries in lower case.
    pub async fn annotations(&self, mailbox: Option<&MailboxName>) -> Result<Annotations> {
        let _there = self.0.changing.read().await;
        let file = self.annotations_file(mailbox)?;
        Ok(blocking(move || annotations::load(&file)).await?)
    }

    /// Sets or removes (`None`) annotations, all or none. The caller bounds their sizes.
    pub async fn annotate(&self, mailbox: Option<&MailboxName>, changes: Vec<(String, Option<Vec<u8>>)>) -> Result<()> {
        let _changing = self.0.changing.write().await;
        let file = self.annotations_file(mailbox)?;
        let entries = changes.iter().map(|(entry, _)| entry.clone()).collect();
        let fits = blocking(move || {
            let mut all = annotations::load(&file)?;
            let before = all.len();
            for (entry, value) in changes {
                match value {
                    Some(value) => all.insert(entry, value),
                    None => all.remove(&entry),
                };
            }
            let fits = all.len() <= MAX_ANNOTATIONS.max(before);
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
