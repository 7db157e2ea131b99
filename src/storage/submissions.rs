//! What accounts have submitted lately, in one small file of text: a line for each account and piece of time.
//!
//! It is written now and then and as a whole, so that no message waits for it; a crash forgets what is not written yet. A line
//! that cannot be read is none.

use std::io;
use std::path::{Path, PathBuf};

use super::durable;
use crate::mail::ids::AccountId;

/// The largest file that is read.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// What one account submitted in one piece of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Submitted {
    /// Who.
    pub account: AccountId,
    /// The number of the piece.
    pub piece: u64,
    /// Messages.
    pub messages: u64,
    /// Their recipients.
    pub recipients: u64,
}

/// The file.
#[derive(Clone, Debug)]
pub struct SubmissionsFile(PathBuf);

impl SubmissionsFile {
    /// In the data folder.
    pub fn new(data: &Path) -> SubmissionsFile {
        SubmissionsFile(data.join("submissions"))
    }

    /// All of it; nothing if there is no file. Blocking.
    pub fn read(&self) -> io::Result<Vec<Submitted>> {
        let text = match self.0.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
            Ok(file) if file.len() > MAX_FILE => return Err(io::ErrorKind::FileTooLarge.into()),
            Ok(_) => std::fs::read(&self.0)?,
        };
        Ok(String::from_utf8_lossy(&text).lines().filter_map(line).collect())
    }

    /// Writes it anew, whole or not at all. Blocking.
    pub fn write(&self, all: &[Submitted]) -> io::Result<()> {
        let lines = all.iter().map(|one| {
            let Submitted {
                account,
                piece,
                messages,
                recipients,
            } = one;
            format!("{} {piece} {messages} {recipients}\n", account.0)
        });
        durable::replace(&self.0, lines.collect::<String>().as_bytes())
    }
}

fn line(text: &str) -> Option<Submitted> {
    let mut numbers = text.split(' ').map(|number| number.parse::<u64>().ok());
    let mut next = || numbers.next().flatten();
    let submitted = Submitted {
        account: AccountId(i64::try_from(next()?).ok()?),
        piece: next()?,
        messages: next()?,
        recipients: next()?,
    };
    numbers.next().is_none().then_some(submitted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_rubbish_is_none() {
        let data = tempfile::tempdir().unwrap();
        let file = SubmissionsFile::new(data.path());
        assert_eq!(file.read().unwrap(), []);
        let one = Submitted {
            account: AccountId(7),
            piece: 3,
            messages: 2,
            recipients: 9,
        };
        file.write(&[one]).unwrap();
        assert_eq!(file.read().unwrap(), [one]);
        let rubbish = "7 3 2 9\n\n7 3 2\n-1 3 2 9\n7 3 2 9 1\nx\n7 3 2 99999999999999999999\n";
        std::fs::write(data.path().join("submissions"), rubbish).unwrap();
        assert_eq!(file.read().unwrap(), [one]);
    }
}
