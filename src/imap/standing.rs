//! As whom a session is in its selected mailbox, and what it may do there (RFC 4314 §4, §5).
//!
//! What the client knows of its rights is kept, so that it is told when they change, and a command that has begun ends by the
//! rights that it began with.

use super::answer::{Answer, Failure};
use super::namespaces::Access;
use crate::mail::rights::Rights;
use crate::mailbox::{Error, View};

/// As whom a session is in a mailbox, in which way, and with which rights.
pub(crate) struct Standing {
    /// As whom.
    pub(crate) access: Access,
    /// Whether it was opened by EXAMINE.
    examined: bool,
    /// What the client knows it may do.
    rights: Rights,
}

impl Standing {
    /// Of a session that opens a mailbox.
    pub(crate) fn new(view: &mut View, access: Access, examined: bool) -> Standing {
        Standing {
            rights: rights(view, &access),
            access,
            examined,
        }
    }

    /// Takes note of rights that were given or taken; whether there were such.
    pub(crate) fn note(&mut self, view: &mut View) -> bool {
        let now = rights(view, &self.access);
        std::mem::replace(&mut self.rights, now) != now
    }

    /// What may be done; by EXAMINE nothing that changes what is there.
    pub(crate) fn rights(&self) -> Rights {
        match self.examined {
            true => self.rights.without(Rights::CHANGES),
            false => self.rights,
        }
    }

    /// Whether there is nothing that may be changed (RFC 4314 §5.2).
    pub(crate) fn is_read_only(&self) -> bool {
        !self.rights().intersects(Rights::CHANGES)
    }

    /// Whether the mailbox may be read still.
    pub(crate) fn is_readable(&self) -> bool {
        self.rights.contains(Rights::READ)
    }

    /// Fails when not all of this may be done.
    pub(crate) fn allows(&self, needed: Rights) -> Result<(), Failure> {
        match self.rights().contains(needed) {
            true => Ok(()),
            false => Err(self.forbidden()),
        }
    }

    /// Fails when no flag may be changed.
    pub(crate) fn allows_flags(&self) -> Result<(), Failure> {
        match self.rights().intersects(Rights::FLAGS) {
            true => Ok(()),
            false => Err(self.forbidden()),
        }
    }

    fn forbidden(&self) -> Failure {
        match self.examined {
            true => Failure::Answer(Answer::no(Some("CANNOT"), "The mailbox is open read-only")),
            false => Error::NotPermitted.into(),
        }
    }
}

fn rights(view: &mut View, access: &Access) -> Rights {
    access.who().map_or(Rights::ALL, |who| view.rights(&who))
}
