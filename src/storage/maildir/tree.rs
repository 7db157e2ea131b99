//! The folders of one account: Maildir++, as Courier and Dovecot lay it out. INBOX is the account's own folder; every other
//! mailbox is a folder `.Level.Level` in it, levels in modified UTF-7, `.` in a level as `&AC4-`. Blocking.

use super::acl;
use super::control::Control;
use super::folder::Folder;
use crate::mail::address::Address;
use crate::mail::ids::UidValidity;
use crate::mail::mailbox_name::MailboxName;
use crate::mail::rights::{Acl, Who};
use crate::mail::utf7;
use crate::storage::durable;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The subscription list: a name a line, in UTF-8.
const SUBSCRIPTIONS: &str = "subscriptions";
/// The highest UIDVALIDITY that the account's mailboxes ever had, those deleted included.
const HIGHEST: &str = "posthaste-account";
/// In front of the name of a folder that is being deleted.
const DOOMED: &str = "deleted-";
/// The longest name of a folder, as file systems have it.
const MAX_FILE_NAME: usize = 255;
/// How a dot within a level is written: what modified UTF-7 would be, were a dot not printable.
const DOT: &str = "&AC4-";

/// The folders of an account.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    root: PathBuf,
}

/// A folder with the mailbox it is.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) name: MailboxName,
    pub(crate) folder: Folder,
    /// What its control file says; `None` when it has none.
    pub(crate) control: Option<Control>,
    /// Who may do what with it.
    pub(crate) acl: Acl,
}

impl Tree {
    /// The tree of an account below `mail`: `example.org/alice`. What a file name must not hold is written as `%2F`.
    pub(crate) fn of_account(mail: &Path, account: &Address) -> Tree {
        Tree {
            root: mail.join(file_name(account.domain())).join(file_name(account.local())),
        }
    }

    /// To whom something is given in any of its folders, read from their files alone. Wants no more of an account than its
    /// folders' names, so that all accounts can be asked.
    pub(crate) fn shared_with(&self) -> io::Result<BTreeSet<Who>> {
        let below = folders(&self.root)?.into_iter();
        let below = below.filter(|(name, _)| name.starts_with('.')).map(|(_, path)| path);
        let mut shared = BTreeSet::new();
        for folder in below.chain([self.root.clone()]) {
            match acl::load(&folder) {
                Ok(Some(acl)) => shared.extend(acl.shared_with().cloned()),
                Ok(None) => {}
                // No folder, but a file.
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => {}
                Err(error) => return Err(error),
            }
        }
        Ok(shared)
    }

    /// The account's folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder that a mailbox has or would have; `None` when its name is too long for the file system.
    pub(crate) fn folder(&self, name: &MailboxName) -> Option<Folder> {
        if name.is_inbox() {
            return Some(Folder::new(self.root.clone()));
        }
        let mut file_name = String::new();
        for level in name.levels() {
            file_name.push('.');
            file_name.push_str(&utf7::encode(level).replace('.', DOT));
        }
        (file_name.len() <= MAX_FILE_NAME).then(|| Folder::new(self.root.join(file_name)))
    }

    /// Deletes what was being deleted when the server ended.
    pub(crate) fn clean(&self) -> io::Result<()> {
        let entries = match std::fs::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(DOOMED) {
                std::fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// All folders there are, INBOX first if it is there.
    pub(crate) fn scan(&self) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        let entries = match std::fs::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let Ok(file_name) = entry.file_name().into_string() else {
                continue;
            };
            if file_name.starts_with(DOOMED) || !entry.path().join("cur").is_dir() {
                continue;
            }
            match mailbox_name(&file_name) {
                Some(name) => found.push(self.found(name, entry.path())?),
                None => tracing::warn!(folder = %entry.path().display(), "folder has no name that IMAP could use"),
            }
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        if self.root.join("cur").is_dir() {
            found.insert(0, self.found(MailboxName::inbox(), self.root.clone())?);
        }
        Ok(found)
    }

    fn found(&self, name: MailboxName, path: PathBuf) -> io::Result<Found> {
        Ok(Found {
            name,
            control: Control::load(&path)?,
            acl: acl::load(&path)?.unwrap_or_default(),
            folder: Folder::new(path),
        })
    }

    /// Renames a folder, durable.
    pub(crate) fn rename(&self, from: &Folder, to: &Folder) -> io::Result<()> {
        std::fs::rename(from.path(), to.path())?;
        durable::sync_folder(&self.root)
    }

    /// Takes a folder out of sight, durable. [`Tree::remove`], or [`Tree::clean`] after a crash, deletes it.
    pub(crate) fn doom(&self, folder: &Folder) -> io::Result<PathBuf> {
        let mut number = 0;
        loop {
            let target = self.root.join(format!("{DOOMED}{number}"));
            if !target.exists() {
                std::fs::rename(folder.path(), &target)?;
                durable::sync_folder(&self.root)?;
                return Ok(target);
            }
            number += 1;
        }
    }

    /// Deletes what [`Tree::doom`] took out of sight.
    pub(crate) fn remove(&self, doomed: &Path) -> io::Result<()> {
        std::fs::remove_dir_all(doomed)
    }

    /// A UIDVALIDITY that no mailbox of the account ever had, above those in `taken` in any case: the time, as RFC 9051
    /// §2.3.1.1 proposes, or the next number when that was given out already. Durable when it returns.
    pub(crate) fn fresh_uid_validity(&self, taken: Option<UidValidity>) -> io::Result<UidValidity> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u32::try_from(now.as_secs()).unwrap_or(u32::MAX);
        let file = self.root.join(HIGHEST);
        let highest = match std::fs::read_to_string(&file) {
            Ok(text) => text.trim().parse().unwrap_or(0),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => 0,
            Err(error) => return Err(error),
        };
        let above = highest.max(taken.map_or(0, UidValidity::get)).saturating_add(1);
        let fresh = now.max(above);
        durable::replace(&file, format!("{fresh}\n").as_bytes())?;
        Ok(UidValidity::new(fresh).unwrap_or(UidValidity::MIN))
    }

    /// The subscription list. Lines that are no names are passed over.
    pub(crate) fn subscriptions(&self) -> io::Result<BTreeSet<MailboxName>> {
        match std::fs::read_to_string(self.root.join(SUBSCRIPTIONS)) {
            Ok(text) => Ok(text.lines().filter_map(|line| MailboxName::new(line).ok()).collect()),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {
                Ok(BTreeSet::new())
            }
            Err(error) => Err(error),
        }
    }

    /// Writes the subscription list, durable.
    pub(crate) fn subscribe(&self, names: &BTreeSet<MailboxName>) -> io::Result<()> {
        let text: String = names.iter().map(|name| format!("{name}\n")).collect();
        durable::replace(&self.root.join(SUBSCRIPTIONS), text.as_bytes())
    }
}

/// The accounts that have a folder below `mail`, with their trees. What is no address is passed over.
pub(crate) fn accounts(mail: &Path) -> io::Result<Vec<(Address, Tree)>> {
    let mut found = Vec::new();
    for (domain, path) in folders(mail)? {
        for (local, root) in folders(&path)? {
            let (Some(local), Some(domain)) = (part_of_address(&local), part_of_address(&domain)) else {
                continue;
            };
            if let Ok(address) = Address::new(&local, &domain) {
                found.push((address, Tree { root }));
            }
        }
    }
    Ok(found)
}

/// The folders in a folder, by name; none in what is no folder.
fn folders(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string() {
            found.push((name, entry.path()));
        }
    }
    Ok(found)
}

/// The mailbox that a folder `.a.b` is; `None` when it is none.
fn mailbox_name(file_name: &str) -> Option<MailboxName> {
    let levels = file_name.strip_prefix('.')?.split('.').map(|level| {
        // Another program may have written the name as it is.
        let decoded: Option<Vec<String>> = level.split(DOT).map(utf7::decode).collect();
        decoded.map_or_else(|| level.to_owned(), |pieces| pieces.join("."))
    });
    let levels: Vec<String> = levels.collect();
    // A separator within a level cannot be told from one between levels.
    if levels.iter().any(|level| level.contains(MailboxName::SEPARATOR)) {
        return None;
    }
    let name = MailboxName::new(&levels.join("/")).ok()?;
    (!name.is_inbox()).then_some(name)
}

/// A part of an address as a file name.
fn file_name(part: &str) -> String {
    let mut name = String::new();
    for (index, c) in part.chars().enumerate() {
        if matches!(c, '/' | '\\' | '%' | ':') || c.is_control() || (c == '.' && index == 0) {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                name.push_str(&format!("%{byte:02X}"));
            }
        } else {
            name.push(c);
        }
    }
    name
}

/// What [`file_name`] made a file name of; `None` for what it did not make.
fn part_of_address(file_name: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(file_name.len());
    let mut rest = file_name.bytes();
    while let Some(byte) = rest.next() {
        octets.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(root: &Path) -> Tree {
        Tree { root: root.to_owned() }
    }

    #[test]
    fn names_come_back_from_their_folders() {
        let tree = tree(Path::new("/mail/a"));
        for (name, file_name) in [
            ("Sent", ".Sent"),
            ("Lists/rust-users", ".Lists.rust-users"),
            ("INBOX/Deeper", ".INBOX.Deeper"),
            ("example.org/v1.0", ".example&AC4-org.v1&AC4-0"),
            ("Entwürfe/R&D", ".Entw&APw-rfe.R&-D"),
            ("日本語", ".&ZeVnLIqe-"),
        ] {
            let name = MailboxName::new(name).unwrap();
            let folder = tree.folder(&name).unwrap();
            assert_eq!(folder.path().file_name().unwrap(), file_name);
            assert_eq!(mailbox_name(file_name), Some(name));
        }
        assert_eq!(tree.folder(&MailboxName::inbox()).unwrap().path(), tree.root());
        let long = MailboxName::new(&"日".repeat(66)).unwrap();
        assert!(tree.folder(&long).is_none() || tree.folder(&long).unwrap().path().file_name().unwrap().len() <= 255);
    }

    #[test]
    fn folders_that_are_no_mailboxes() {
        assert_eq!(mailbox_name("Sent"), None);
        assert_eq!(mailbox_name("..a"), None);
        assert_eq!(mailbox_name(".inbox"), None);
        assert_eq!(mailbox_name("."), None);
        // Raw UTF-8, as other programs may write it.
        assert_eq!(mailbox_name(".Entwürfe").unwrap().as_str(), "Entwürfe");
    }

    #[test]
    fn an_address_is_no_path() {
        assert_eq!(file_name("../x/y"), "%2E.%2Fx%2Fy");
        assert_eq!(file_name("alice"), "alice");
        for part in ["../x/y", "alice", "100%", "ü:\\"] {
            assert_eq!(part_of_address(&file_name(part)).as_deref(), Some(part));
        }
        assert_eq!(part_of_address("a%2"), None);
        assert_eq!(part_of_address("a%ff"), None);
    }

    #[test]
    fn scanned_doomed_and_subscribed() {
        let root = tempfile::tempdir().unwrap();
        let tree = tree(root.path());
        let (inbox, name) = (MailboxName::inbox(), MailboxName::new("A/B").unwrap());
        for name in [&name, &inbox] {
            tree.folder(name).unwrap().create().unwrap();
        }
        std::fs::create_dir(root.path().join(".nothing")).unwrap();
        let names = || {
            tree.scan()
                .unwrap()
                .into_iter()
                .map(|found| found.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(), [inbox.clone(), name.clone()]);
        tree.doom(&tree.folder(&name).unwrap()).unwrap();
        assert_eq!(names(), [inbox]);
        tree.clean().unwrap();
        assert!(!root.path().join("deleted-0").exists());
        let list = BTreeSet::from([name]);
        tree.subscribe(&list).unwrap();
        assert_eq!(tree.subscriptions().unwrap(), list);
    }
}
