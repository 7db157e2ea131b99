//! The Sieve scripts of an account (RFC 5804): which there are, which is active, and what they remember. The files are the truth;
//! people may edit them, and the command line does while the server runs.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::error::{Result, blocking};
use super::mailboxes::MAIL;
use crate::mail::address::Address;
use crate::mail::script_name::ScriptName;
use crate::storage::maildir::tree::Tree;
use crate::storage::scripts::ScriptFolder;

/// A script in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedScript {
    /// Its name.
    pub name: ScriptName,
    /// Octets.
    pub size: u64,
    /// It is the one that is run.
    pub active: bool,
}

/// How much room an account has for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptQuota {
    /// Scripts.
    pub scripts: usize,
    /// Octets of one.
    pub octets: u64,
}

/// Why a change of scripts was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// There is no script of that name.
    #[error("there is no script of that name")]
    NotFound,
    /// There is one already.
    #[error("there is a script of that name already")]
    AlreadyExists,
    /// The active script cannot be deleted (RFC 5804 §2.10).
    #[error("the script is active")]
    Active,
    /// More than [`ScriptQuota::scripts`].
    #[error("there are as many scripts as there may be")]
    TooMany,
    /// More than [`ScriptQuota::octets`].
    #[error("the script is too large")]
    TooLarge,
}

/// What a change came to.
type Change<T = ()> = Result<std::result::Result<T, ScriptError>>;

/// The scripts of one account. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Scripts {
    folder: ScriptFolder,
    /// Held by whoever works on them.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Scripts {
    pub(super) fn of_tree(tree: &Tree) -> Scripts {
        Scripts {
            folder: ScriptFolder::new(tree.root()),
            turn: Arc::default(),
        }
    }

    /// Those of an account in a data folder, for a process beside the server.
    pub fn of_account(data: &Path, account: &Address) -> Scripts {
        Scripts::of_tree(&Tree::of_account(&data.join(MAIL), account))
    }

    /// All scripts, by name.
    pub async fn list(&self) -> Result<Vec<ListedScript>> {
        self.with(|folder| {
            let active = folder.active()?;
            let listed = folder.list()?.into_iter().map(|stored| ListedScript {
                active: active.as_ref() == Some(&stored.name),
                name: stored.name,
                size: stored.size,
            });
            Ok(listed.collect())
        })
        .await
    }

    /// A script's text.
    pub async fn get(&self, name: &ScriptName) -> Change<Vec<u8>> {
        let name = name.clone();
        self.with(move |folder| Ok(folder.read(&name)?.ok_or(ScriptError::NotFound)))
            .await
    }

    /// The active script, if there is one.
    pub async fn active(&self) -> Result<Option<(ScriptName, Vec<u8>)>> {
        self.with(|folder| match folder.active()? {
            Some(name) => Ok(folder.read(&name)?.map(|text| (name, text))),
            None => Ok(None),
        })
        .await
    }

    /// Whether a script of so many octets could be stored under that name.
    pub async fn has_room(&self, name: &ScriptName, octets: u64, quota: ScriptQuota) -> Change {
        let name = name.clone();
        self.with(move |folder| has_room(folder, &name, octets, quota)).await
    }

    /// Stores a script that the caller has checked, in place of one of that name.
    pub async fn put(&self, name: &ScriptName, text: Vec<u8>, quota: ScriptQuota) -> Change {
        let name = name.clone();
        self.with(move |folder| match has_room(folder, &name, text.len() as u64, quota)? {
            Ok(()) => folder.write(&name, &text).map(Ok),
            Err(error) => Ok(Err(error)),
        })
        .await
    }

    /// Deletes a script that is not active.
    pub async fn delete(&self, name: &ScriptName) -> Change {
        let name = name.clone();
        self.with(move |folder| {
            if folder.read(&name)?.is_none() {
                return Ok(Err(ScriptError::NotFound));
            }
            if folder.active()?.as_ref() == Some(&name) {
                return Ok(Err(ScriptError::Active));
            }
            folder.delete(&name).map(Ok)
        })
        .await
    }

    /// Gives a script another name, under which there is none. The active one stays active.
    pub async fn rename(&self, from: &ScriptName, to: &ScriptName) -> Change {
        let (from, to) = (from.clone(), to.clone());
        self.with(move |folder| {
            let Some(text) = folder.read(&from)? else {
                return Ok(Err(ScriptError::NotFound));
            };
            if folder.read(&to)?.is_some() {
                return Ok(Err(ScriptError::AlreadyExists));
            }
            // In an order in which a crash leaves an active script.
            folder.write(&to, &text)?;
            if folder.active()?.as_ref() == Some(&from) {
                folder.activate(Some(&to))?;
            }
            folder.delete(&from).map(Ok)
        })
        .await
    }

    /// Makes a script the active one, or none.
    pub async fn activate(&self, name: Option<&ScriptName>) -> Change {
        let name = name.cloned();
        self.with(move |folder| match &name {
            Some(name) if folder.read(name)?.is_none() => Ok(Err(ScriptError::NotFound)),
            name => folder.activate(name.as_ref()).map(Ok),
        })
        .await
    }

    /// What scripts remember, at that time in seconds since 1970.
    pub async fn memory(&self, now: i64) -> Result<BTreeMap<String, i64>> {
        self.with(move |folder| folder.memory(now)).await
    }

    /// Adds to that.
    pub async fn remember(&self, now: i64, new: BTreeMap<String, i64>) -> Result<()> {
        self.with(move |folder| folder.remember(now, new)).await
    }

    /// Notes that the owner is being told of a failure of the script with this text; whether it is news.
    pub async fn tell(&self, text: Vec<u8>) -> Result<bool> {
        self.with(move |folder| folder.tell(&text)).await
    }

    /// Works on the files, one at a time for an account.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ScriptFolder) -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let folder = self.folder.clone();
        let turn = Arc::clone(&self.turn).lock_owned().await;
        // The lock goes into the work: whoever waits for it may go away, the work does not.
        let worked = blocking(move || {
            let _turn = turn;
            work(&folder)
        });
        Ok(worked.await?)
    }
}

fn has_room(
    folder: &ScriptFolder,
    name: &ScriptName,
    octets: u64,
    quota: ScriptQuota,
) -> io::Result<std::result::Result<(), ScriptError>> {
    if octets > quota.octets {
        return Ok(Err(ScriptError::TooLarge));
    }
    let list = folder.list()?;
    let others = list.iter().filter(|stored| stored.name != *name).count();
    Ok(match others < quota.scripts {
        true => Ok(()),
        false => Err(ScriptError::TooMany),
    })
}
