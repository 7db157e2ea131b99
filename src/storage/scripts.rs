//! The Sieve scripts of an account (RFC 5804), as files that people can read and write: `sieve/NAME.sieve` in the account's
//! folder, and beside them `active`, the name of the one that is run. What the scripts remember is in `memory`. Blocking.
//!
//! A file name has `%2F` for what it cannot hold. One that would be longer than file systems take is a hash of the name, and the
//! name stands in a file beside it. Every change is durable when it returns, and whole or not there at all.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};

use super::durable;
use crate::mail::script_name::ScriptName;

/// The folder, in the account's.
const FOLDER: &str = "sieve";
/// Behind the name of a script.
const SCRIPT: &str = ".sieve";
/// Behind the hash of a long name: the name itself.
const NAME: &str = ".name";
/// In front of such a hash.
const HASHED: char = '~';
/// The longest file name that is used for a name as it is.
const LONGEST: usize = 240;
/// The file with the active script's name.
const ACTIVE: &str = "active";
/// The file with what is remembered: a line for each key, the time in front.
const MEMORY: &str = "memory";
/// The file with the digest of the script whose failure its owner was told of.
const TOLD: &str = "told";
/// Keys that are remembered at most. Beyond, those are forgotten that would be first.
const MAX_REMEMBERED: usize = 4096;

/// A script's name and size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) name: ScriptName,
    /// Octets.
    pub(crate) size: u64,
}

/// The folder of an account's scripts. It need not be there.
#[derive(Clone, Debug)]
pub(crate) struct ScriptFolder(PathBuf);

impl ScriptFolder {
    /// In an account's folder.
    pub(crate) fn new(account: &Path) -> ScriptFolder {
        ScriptFolder(account.join(FOLDER))
    }

    /// All scripts, by name.
    pub(crate) fn list(&self) -> io::Result<Vec<Stored>> {
        let mut stored = Vec::new();
        let Some(entries) = present(std::fs::read_dir(&self.0))? else {
            return Ok(stored);
        };
        for entry in entries {
            let entry = entry?;
            let Some(name) = entry.file_name().to_str().and_then(|file| self.name(file)) else {
                continue;
            };
            let size = entry.metadata()?.len();
            stored.push(Stored { name, size });
        }
        stored.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(stored)
    }

    /// A script's text.
    pub(crate) fn read(&self, name: &ScriptName) -> io::Result<Option<Vec<u8>>> {
        present(std::fs::read(self.0.join(stem(name) + SCRIPT)))
    }

    /// Writes a script, in place of what has the name.
    pub(crate) fn write(&self, name: &ScriptName, text: &[u8]) -> io::Result<()> {
        durable::create_folders(&self.0)?;
        let stem = stem(name);
        if stem.starts_with(HASHED) {
            durable::replace(&self.0.join(format!("{stem}{NAME}")), name.as_str().as_bytes())?;
        }
        durable::replace(&self.0.join(stem + SCRIPT), text)
    }

    /// Deletes a script, which must be there.
    pub(crate) fn delete(&self, name: &ScriptName) -> io::Result<()> {
        let stem = stem(name);
        std::fs::remove_file(self.0.join(format!("{stem}{SCRIPT}")))?;
        if stem.starts_with(HASHED) {
            present(std::fs::remove_file(self.0.join(stem + NAME)))?;
        }
        durable::sync_folder(&self.0)
    }

    /// The active script's name, if there is one. It may be that of a script that somebody has removed.
    pub(crate) fn active(&self) -> io::Result<Option<ScriptName>> {
        let text = present(std::fs::read_to_string(self.0.join(ACTIVE)))?;
        Ok(text.and_then(|text| ScriptName::new(text.trim_end_matches(['\r', '\n']))))
    }

    /// Makes a script the active one, or none.
    pub(crate) fn activate(&self, name: Option<&ScriptName>) -> io::Result<()> {
        match name {
            Some(name) => durable::replace(&self.0.join(ACTIVE), format!("{name}\n").as_bytes()),
            None => match present(std::fs::remove_file(self.0.join(ACTIVE)))? {
                Some(()) => durable::sync_folder(&self.0),
                None => Ok(()),
            },
        }
    }

    /// What is remembered and not over at that time, in seconds since 1970. Lines that cannot be understood are passed over.
    pub(crate) fn memory(&self, now: i64) -> io::Result<BTreeMap<String, i64>> {
        let text = present(std::fs::read(self.0.join(MEMORY)))?.unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().filter_map(|line| {
            let (until, key) = line.split_once(' ')?;
            Some((key.to_owned(), until.parse::<i64>().ok()?))
        });
        Ok(lines.filter(|(_, until)| *until > now).collect())
    }

    /// Adds to what is remembered.
    pub(crate) fn remember(&self, now: i64, new: BTreeMap<String, i64>) -> io::Result<()> {
        let mut memory = self.memory(now)?;
        memory.extend(new);
        let mut kept: Vec<(String, i64)> = memory.into_iter().collect();
        kept.sort_by_key(|(_, until)| std::cmp::Reverse(*until));
        kept.truncate(MAX_REMEMBERED);
        let mut text = String::new();
        for (key, until) in kept {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{until} {key}");
        }
        durable::create_folders(&self.0)?;
        durable::replace(&self.0.join(MEMORY), text.as_bytes())
    }

    /// Notes that the owner is being told of a failure of this script; whether it is news.
    pub(crate) fn tell(&self, text: &[u8]) -> io::Result<bool> {
        let file = self.0.join(TOLD);
        let digest = digest(text);
        if present(std::fs::read(&file))?.as_deref() == Some(digest.as_bytes()) {
            return Ok(false);
        }
        durable::replace(&file, digest.as_bytes())?;
        Ok(true)
    }

    /// The name of the script in a file of that name, if it is one.
    fn name(&self, file: &str) -> Option<ScriptName> {
        let stem = file.strip_suffix(SCRIPT)?;
        let name = match stem.strip_prefix(HASHED) {
            Some(_) => std::fs::read_to_string(self.0.join(format!("{stem}{NAME}"))).ok()?,
            None => decoded(stem)?,
        };
        let name = ScriptName::new(&name)?;
        // What somebody has put there under another spelling would not be found by its name.
        (self::stem(&name) == stem).then_some(name)
    }
}

/// `None` for what is not there.
fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The file name of a script, without what stands behind it.
fn stem(name: &ScriptName) -> String {
    let mut stem = String::new();
    for (index, character) in name.as_str().char_indices() {
        match character {
            '/' | '%' => {
                let _ = write!(stem, "%{:02X}", character as u32);
            }
            '.' | HASHED if index == 0 => {
                let _ = write!(stem, "%{:02X}", character as u32);
            }
            _ => stem.push(character),
        }
    }
    match stem.len() > LONGEST {
        true => format!("{HASHED}{}", digest(name.as_str().as_bytes())),
        false => stem,
    }
}

fn decoded(stem: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(stem.len());
    let mut rest = stem;
    while let Some((before, behind)) = rest.split_once('%') {
        octets.extend_from_slice(before.as_bytes());
        let (digits, after) = behind.split_at_checked(2)?;
        octets.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    octets.extend_from_slice(rest.as_bytes());
    String::from_utf8(octets).ok()
}

fn digest(text: &[u8]) -> String {
    let digest = Blake2b::<U16>::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, ScriptFolder) {
        let account = tempfile::tempdir().unwrap();
        let folder = ScriptFolder::new(account.path());
        (account, folder)
    }

    #[test]
    fn scripts_of_any_name() {
        let (account, folder) = folder();
        assert_eq!(folder.list().unwrap(), []);
        let long = "漢".repeat(128);
        let names = [".hidden", "50%", "a/b", "main", "~tilde", "über mir", &long];
        for name in names {
            let name = ScriptName::new(name).unwrap();
            assert_eq!(folder.read(&name).unwrap(), None);
            folder.write(&name, name.as_str().as_bytes()).unwrap();
        }
        let listed: Vec<String> = folder
            .list()
            .unwrap()
            .iter()
            .map(|stored| stored.name.to_string())
            .collect();
        assert_eq!(listed, names);
        for name in names {
            let name = ScriptName::new(name).unwrap();
            assert_eq!(folder.read(&name).unwrap().as_deref(), Some(name.as_str().as_bytes()));
            folder.delete(&name).unwrap();
        }
        assert_eq!(std::fs::read_dir(account.path().join("sieve")).unwrap().count(), 0);
    }

    #[test]
    fn the_active_one() {
        let (_account, folder) = folder();
        let name = ScriptName::new("main").unwrap();
        assert_eq!(folder.active().unwrap(), None);
        folder.activate(None).unwrap();
        folder.write(&name, b"keep;").unwrap();
        folder.activate(Some(&name)).unwrap();
        assert_eq!(folder.active().unwrap(), Some(name));
        folder.activate(None).unwrap();
        assert_eq!(folder.active().unwrap(), None);
    }

    #[test]
    fn memory_is_bounded_and_ends() {
        let (_account, folder) = folder();
        assert!(folder.memory(0).unwrap().is_empty());
        let many = (0..5000).map(|number| (format!("key {number}"), 100 + number));
        folder.remember(0, many.collect()).unwrap();
        assert_eq!(folder.memory(0).unwrap().len(), MAX_REMEMBERED);
        assert_eq!(
            folder.memory(5098).unwrap(),
            BTreeMap::from([("key 4999".to_owned(), 5099)])
        );
        folder
            .remember(5098, BTreeMap::from([("other".to_owned(), 6000)]))
            .unwrap();
        assert_eq!(folder.memory(5098).unwrap().len(), 2);
    }

    #[test]
    fn a_failure_is_told_once_for_each_version() {
        let (_account, folder) = folder();
        folder.write(&ScriptName::new("x").unwrap(), b"").unwrap();
        let told = [b"one", b"one", b"two", b"one"].map(|text| folder.tell(text).unwrap());
        assert_eq!(told, [true, false, true, true]);
    }
}
