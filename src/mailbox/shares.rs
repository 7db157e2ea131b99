//! Who shares something with whom, so that nobody has to look through all accounts: of each account, to whom something is
//! given in any of its mailboxes.
//!
//! Kept in memory only. It is made when it is first asked for, from the lists that lie in the folders, and follows every change
//! from then on; what an account that is open says is always newer than what was read.

use super::error::{Result, blocking};
use crate::mail::address::Address;
use crate::mail::rights::Who;
use crate::storage::maildir::tree;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::OnceCell;

/// The table of a server.
#[derive(Default)]
pub(super) struct Shares {
    read: OnceCell<()>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// By account; one that is known to give nothing is there too.
    given: HashMap<Address, BTreeSet<Who>>,
    /// The other way round.
    givers: HashMap<Who, BTreeSet<Address>>,
}

impl Shares {
    /// The accounts that give something to this one, itself left out, by address. `mail` is the folder of all accounts.
    pub(super) async fn givers(&self, mail: &Path, account: &Address) -> Result<Vec<Address>> {
        let read = self.read.get_or_try_init(|| async {
            let mail = mail.to_owned();
            let found = blocking(move || Ok(read(tree::accounts(&mail)?))).await?;
            let mut table = self.table();
            for (owner, to) in found {
                if !table.given.contains_key(&owner) {
                    table.set(owner, to);
                }
            }
            Ok::<(), super::Error>(())
        });
        read.await?;
        let table = self.table();
        let of = |who: &Who| table.givers.get(who).cloned().unwrap_or_default();
        let mut givers = of(&Who::Account(account.clone()));
        givers.extend(of(&Who::Anyone));
        givers.remove(account);
        Ok(givers.into_iter().collect())
    }

    /// Whether an account that is open gives something to another one.
    pub(super) fn gives(&self, owner: &Address, account: &Address) -> bool {
        let table = self.table();
        let given = table.given.get(owner);
        given.is_some_and(|to| to.contains(&Who::Anyone) || to.contains(&Who::Account(account.clone())))
    }

    /// What an account that is open gives from now on.
    pub(super) fn set(&self, owner: &Address, to: BTreeSet<Who>) {
        self.table().set(owner.clone(), to);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn set(&mut self, owner: Address, to: BTreeSet<Who>) {
        for who in &to {
            self.givers.entry(who.clone()).or_default().insert(owner.clone());
        }
        let before = self.given.insert(owner.clone(), to.clone()).unwrap_or_default();
        for who in before.difference(&to) {
            if let Some(givers) = self.givers.get_mut(who) {
                givers.remove(&owner);
                if givers.is_empty() {
                    self.givers.remove(who);
                }
            }
        }
    }
}

/// What lies in the folders. An account that cannot be read shares nothing for now. Blocking.
fn read(accounts: Vec<(Address, tree::Tree)>) -> Vec<(Address, BTreeSet<Who>)> {
    let mut found = Vec::with_capacity(accounts.len());
    for (owner, tree) in accounts {
        match tree.shared_with() {
            Ok(to) => found.push((owner, to)),
            Err(error) => tracing::warn!(account = %owner, %error, "what it shares is not known"),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::rights::{Acl, Identifier, Rights, RightsChange};
    use crate::storage::maildir::acl;

    fn address(local: &str) -> Address {
        Address::new(local, "example.org").unwrap()
    }

    #[tokio::test]
    async fn what_lies_in_the_folders_and_what_changes() {
        let mail = tempfile::tempdir().unwrap();
        let share = |local: &str, folder: &str, who: Who| {
            let path = mail.path().join("example.org").join(local).join(folder);
            std::fs::create_dir_all(&path).unwrap();
            let mut list = Acl::default();
            list.change(Identifier { who, negative: false }, RightsChange::Set(Rights::READ));
            acl::store(&path, &list).unwrap();
        };
        let alice = || Who::Account(address("alice"));
        share("alice", "", Who::Anyone);
        share("bob", ".Lists", alice());
        share("bob", "", Who::Account(address("carol")));
        share("dave", "cur", alice());
        std::fs::write(mail.path().join("example.org/eve"), "").unwrap();
        let shares = Shares::default();
        // An account that is open knows better.
        share("frank", "", alice());
        shares.set(&address("frank"), BTreeSet::new());
        let givers = async |local: &str| {
            let givers = shares.givers(mail.path(), &address(local)).await.unwrap();
            givers.iter().map(|giver| giver.local().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(givers("alice").await, ["bob"]);
        assert_eq!(givers("carol").await, ["alice", "bob"]);
        assert_eq!(givers("dave").await, ["alice"]);
        shares.set(&address("bob"), BTreeSet::from([Who::Anyone]));
        shares.set(&address("alice"), BTreeSet::from([alice()]));
        assert_eq!(givers("alice").await, ["bob"]);
        assert_eq!(givers("carol").await, ["bob"]);
        assert_eq!(givers("bob").await, Vec::<String>::new());
        assert!(shares.gives(&address("bob"), &address("eve")) && !shares.gives(&address("alice"), &address("eve")));
    }
}
