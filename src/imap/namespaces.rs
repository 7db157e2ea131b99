//! The names that a session can use, and what it may do with what they name (RFC 2342, RFC 4314).
//!
//! The names of an account's own mailboxes have no prefix. Those that others share with it are
//! `Other Users/<address>/<name>`, INBOX among them: by the owner's address, and the name that the owner uses.
//!
//! Rights are asked for here and nowhere else: a command names the rights that it needs and gets a mailbox, or an answer that
//! tells nothing to whoever does not even see that there is one (RFC 4314 §6). What is done within the selected mailbox
//! asks [`Standing`](super::standing::Standing), which has them from here.

use super::answer::Failure;
use crate::accounts::{Account, Accounts};
use crate::mail::address::Address;
use crate::mail::ids::{AccountId, SessionId};
use crate::mail::mailbox_name::MailboxName;
use crate::mail::rights::{Rights, Who};
use crate::mailbox::{AccountEvent, AccountMailboxes, Error, Mailbox, MailboxInfo, Mailboxes};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::broadcast::Receiver;

/// The names of one session.
pub(crate) struct Namespaces {
    accounts: Accounts,
    mailboxes: Mailboxes,
    session: SessionId,
    user: Account,
    own: AccountMailboxes,
    /// Whether there are rights at all, and mailboxes of others.
    acl: bool,
}

/// As whom a session uses the mailboxes of an account.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Access {
    /// As the owner where nobody asks for rights.
    Unlimited,
    /// As the owner.
    Owner,
    /// As somebody else.
    Other { user: Address, owner: Address },
}

impl Access {
    /// Whose rights count; `None` when they are not asked for.
    pub(crate) fn who(&self) -> Option<Who> {
        match self {
            Access::Unlimited => None,
            Access::Owner => Some(Who::Owner),
            Access::Other { user, .. } => Some(Who::Account(user.clone())),
        }
    }

    /// What the session calls a mailbox that its owner calls by this name.
    pub(crate) fn name(&self, name: &MailboxName) -> MailboxName {
        match self {
            Access::Unlimited | Access::Owner => name.clone(),
            Access::Other { owner, .. } => MailboxName::of_other_user(owner, name),
        }
    }
}

/// What a name means: a mailbox that there is, or that there could be.
pub(crate) struct Place {
    /// Whose it is.
    pub(crate) account: AccountId,
    /// The mailboxes it is among.
    pub(crate) mailboxes: AccountMailboxes,
    /// What it is called there.
    pub(crate) name: MailboxName,
    /// As whom the session is there.
    pub(crate) access: Access,
    /// What the session may do with it; `None` when there is no such mailbox.
    rights: Option<Rights>,
}

/// A mailbox that was opened, with where it is.
pub(crate) struct Opened {
    pub(crate) place: Place,
    pub(crate) mailbox: Arc<Mailbox>,
}

impl Namespaces {
    /// Of a session of this account. Without `acl` it sees its own mailboxes only, and may do everything with them.
    pub(crate) fn new(
        accounts: Accounts,
        mailboxes: Mailboxes,
        session: SessionId,
        user: Account,
        own: AccountMailboxes,
        acl: bool,
    ) -> Namespaces {
        Namespaces {
            accounts,
            mailboxes,
            session,
            user,
            own: own.of_session(session),
            acl,
        }
    }

    /// The account's own mailboxes.
    pub(crate) fn own(&self) -> &AccountMailboxes {
        &self.own
    }

    /// The account.
    pub(crate) fn user(&self) -> &Account {
        &self.user
    }

    /// What happens in accounts that share something; `None` where there are no others.
    pub(crate) fn shared_events(&self) -> Option<Receiver<(Address, AccountEvent)>> {
        self.acl.then(|| self.mailboxes.shared_events())
    }

    /// Whether the session may read any mailbox of another account.
    pub(crate) async fn reads_some_of(&self, owner: &Address) -> Result<bool, Error> {
        let Some(who @ Who::Account(_)) = self.access(owner).who() else {
            return Ok(false);
        };
        if !self.mailboxes.sharing_with(&self.user.address).await?.contains(owner) {
            return Ok(false);
        }
        let list = self.mailboxes.account(owner).await?.list_for(&who);
        Ok(list.iter().any(|info| info.rights.contains(Rights::READ)))
    }

    /// Whether another account, which is open, shares anything with the session's.
    pub(crate) fn sees_some_of(&self, owner: &Address) -> bool {
        self.acl && *owner != self.user.address && self.mailboxes.shares(owner, &self.user.address)
    }

    /// As whom the session is among the mailboxes of an owner.
    pub(crate) fn access(&self, owner: &Address) -> Access {
        match (self.acl, *owner == self.user.address) {
            (false, _) => Access::Unlimited,
            (true, true) => Access::Owner,
            (true, false) => Access::Other {
                user: self.user.address.clone(),
                owner: owner.clone(),
            },
        }
    }

    /// All mailboxes that the session sees and all its subscriptions, its own first. What others share is left out where it
    /// cannot be read at the moment.
    pub(crate) async fn list(&self) -> Vec<MailboxInfo> {
        let mut all = self.own.list();
        if !self.acl {
            let there = all.iter_mut().filter(|info| info.exists);
            there.for_each(|info| info.rights = Rights::ALL);
            return all;
        }
        let (others, mut all): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|info| info.name.in_other_users().is_some());
        let mut subscribed: BTreeSet<MailboxName> = others
            .into_iter()
            .filter(|info| info.subscribed)
            .map(|info| info.name)
            .collect();
        // Logs the cause.
        let shared = Box::pin(self.shared()).await.map_err(Failure::from).unwrap_or_default();
        for mut info in shared {
            info.subscribed = subscribed.remove(&info.name);
            all.push(info);
        }
        all.extend(subscribed.into_iter().map(|name| MailboxInfo {
            name,
            special_use: None,
            subscribed: true,
            exists: false,
            rights: Rights::NONE,
        }));
        all
    }

    /// Those of others that the session sees.
    async fn shared(&self) -> Result<Vec<MailboxInfo>, Error> {
        let mut all = Vec::new();
        for owner in self.mailboxes.sharing_with(&self.user.address).await? {
            if self.accounts.account(&owner).await.map_err(Error::Storage)?.is_none() {
                continue;
            }
            let access = self.access(&owner);
            let Some(who) = access.who() else { continue };
            let list = match self.mailboxes.account(&owner).await {
                Ok(mailboxes) => mailboxes.list_for(&who),
                Err(error) => {
                    // Logs the cause.
                    drop(Failure::from(error));
                    continue;
                }
            };
            let seen = list.into_iter().filter(|info| info.rights.contains(Rights::LOOKUP));
            all.extend(seen.map(|info| MailboxInfo {
                name: access.name(&info.name),
                ..info
            }));
        }
        Ok(all)
    }

    /// What a name means. Nothing is there for who is given nothing by the owner, whether there is an owner or not.
    pub(crate) async fn place(&self, name: &MailboxName) -> Result<Place, Error> {
        let Some((owner, below)) = name.in_other_users().filter(|_| self.acl) else {
            let access = self.access(&self.user.address);
            return Ok(Place::new(self.user.id, self.own.clone(), name.clone(), access));
        };
        let name = MailboxName::new(below.ok_or(Error::NotFound)?)?;
        let sharing = self.mailboxes.sharing_with(&self.user.address).await?;
        let owner = sharing.into_iter().find(|address| address.to_string() == owner);
        let owner = owner.ok_or(Error::NotFound)?;
        let account = self.accounts.account(&owner).await.map_err(Error::Storage)?;
        let account = account.ok_or(Error::NotFound)?;
        let mailboxes = self.mailboxes.account(&owner).await?.of_session(self.session);
        Ok(Place::new(account.id, mailboxes, name, self.access(&owner)))
    }

    /// Opens a mailbox with which the session may do all that is needed.
    pub(crate) async fn open(&self, name: &MailboxName, needed: Rights) -> Result<Opened, Error> {
        let place = self.place(name).await?;
        place.allows(needed)?;
        let mailbox = place.mailboxes.open(&place.name).await?;
        Ok(Opened { place, mailbox })
    }

    /// Where a mailbox may be made: CREATE on the nearest one above it that there is, or at the top of one's own
    /// (RFC 4314 §4). Whoever may not learns nothing of what is there.
    pub(crate) async fn place_for_new(&self, name: &MailboxName) -> Result<Place, Error> {
        let place = match self.place(name).await {
            Err(Error::NotFound) => return Err(Error::NotPermitted),
            place => place?,
        };
        let Some(who) = place.access.who() else {
            return Ok(place);
        };
        if place.access == Access::Owner && place.name.as_str() == MailboxName::OTHER_USERS {
            return Err(Error::NotPossible("that name is kept for mailboxes of other users"));
        }
        let mut above = std::iter::successors(place.name.parent(), MailboxName::parent);
        let nearest = above.find_map(|name| place.mailboxes.rights(&name, &who));
        let allowed = match nearest {
            Some(rights) => rights.contains(Rights::CREATE),
            None => place.access == Access::Owner,
        };
        // One that is there and not seen cannot be made either.
        let hidden = place.rights.is_some_and(|rights| !rights.contains(Rights::LOOKUP));
        match allowed && !hidden {
            true => Ok(place),
            false => Err(Error::NotPermitted),
        }
    }
}

impl Place {
    fn new(account: AccountId, mailboxes: AccountMailboxes, name: MailboxName, access: Access) -> Place {
        let who = access.who();
        let rights = mailboxes.rights(&name, who.as_ref().unwrap_or(&Who::Owner));
        let rights = rights.map(|rights| if who.is_none() { Rights::ALL } else { rights });
        Place {
            account,
            mailboxes,
            name,
            access,
            rights,
        }
    }

    /// What the session may do with the mailbox; nothing when there is none.
    pub(crate) fn rights(&self) -> Rights {
        self.rights.unwrap_or_default()
    }

    /// Whether there is such a mailbox. Not to be told to whoever may not see it.
    pub(crate) fn exists(&self) -> bool {
        self.rights.is_some()
    }

    /// Whether the session may do all of this. One that it does not see does not exist.
    pub(crate) fn allows(&self, needed: Rights) -> Result<(), Error> {
        match self.rights {
            Some(rights) if rights.contains(needed) => Ok(()),
            Some(rights) if rights.contains(Rights::LOOKUP) => Err(Error::NotPermitted),
            _ => Err(Error::NotFound),
        }
    }
}
