//! One Maildir folder: `cur/`, `new/`, `tmp/` and what lies in them. Blocking: to be called off the async threads.
//!
//! A folder knows no index. Whoever changes messages holds the write lock of the mailbox.

use super::name;
use crate::storage::durable;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The places where messages lie.
const PLACES: [&str; 2] = ["new", "cur"];

/// How often a listing is repeated when files seem to be missing: a file that is renamed while a folder is read may be
/// seen under neither name.
const LISTINGS: usize = 3;

/// A Maildir folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// The folder of that path, which need not exist.
    pub(crate) fn new(path: PathBuf) -> Folder {
        Folder(path)
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Where its messages lie: `new` and `cur`.
    pub(crate) fn places(&self) -> [PathBuf; 2] {
        PLACES.map(|place| self.0.join(place))
    }

    /// Makes it, durable, whole or in part there already. `tmp/` comes first, so that a folder with `cur/` is complete.
    pub(crate) fn create(&self) -> io::Result<()> {
        durable::create_folders(&self.0)?;
        for place in ["tmp", "new", "cur"] {
            let path = self.0.join(place);
            match std::fs::create_dir(&path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        durable::sync_folder(&self.0)
    }

    /// The paths of all messages below the folder, in no order. A name that is not UTF-8 cannot be served and is passed over.
    pub(crate) fn list(&self) -> io::Result<Vec<String>> {
        let mut paths = Vec::new();
        for place in PLACES {
            for entry in std::fs::read_dir(self.0.join(place))? {
                match entry?.file_name().into_string() {
                    Ok(name) if !name.starts_with('.') => paths.push(format!("{place}/{name}")),
                    Ok(_) => {}
                    Err(name) => tracing::warn!(folder = %self.0.display(), ?name, "file name is not UTF-8"),
                }
            }
        }
        Ok(paths)
    }

    /// Gives the file `from` (an absolute path on the same file system) a second name below the folder; where the file
    /// system cannot, a copy.
    pub(crate) fn link(&self, from: &Path, path: &str) -> io::Result<()> {
        let to = self.0.join(path);
        match std::fs::hard_link(from, &to) {
            Err(error) if cannot_link(&error) => self.copy(from, &to),
            linked => linked,
        }
    }

    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut source = File::open(from)?;
        let name = to.file_name().unwrap_or_default();
        let temporary = self.0.join("tmp").join(name);
        let mut target = File::create(&temporary)?;
        io::copy(&mut source, &mut target)?;
        target.set_modified(source.metadata()?.modified()?)?;
        target.sync_all()?;
        std::fs::rename(&temporary, to)
    }

    /// Renames a message within the folder. `false`: it is not there under the first name.
    pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<bool> {
        match std::fs::rename(self.0.join(from), self.0.join(to)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes a message's file. `false`: it is not there under that name.
    pub(crate) fn remove(&self, path: &str) -> io::Result<bool> {
        match std::fs::remove_file(self.0.join(path)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes the names in `new/` and `cur/` durable, as far as these paths lie in them.
    pub(crate) fn sync<'a>(&self, paths: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
        let mut touched = [false; 2];
        for path in paths {
            touched[usize::from(!path.starts_with("new/"))] = true;
        }
        for (place, touched) in PLACES.iter().zip(touched) {
            if touched {
                durable::sync_folder(&self.0.join(place))?;
            }
        }
        Ok(())
    }

    /// Opens a message: by its path; else, when another program has renamed it, by its base name in the usual places; only
    /// then by looking through the folder once. Returns the path under which it was found.
    pub(crate) fn open(&self, path: &str) -> io::Result<Option<(File, String)>> {
        let told = name::read(path);
        let base = name::base(path);
        let guesses = [
            path.to_owned(),
            name::path(base, told.flags, told.keywords, false),
            format!("cur/{base}:2,"),
            format!("new/{base}"),
        ];
        for guess in guesses {
            match File::open(self.0.join(&guess)) {
                Ok(file) => return Ok(Some((file, guess))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        for _ in 0..LISTINGS {
            let Some(found) = self.list()?.into_iter().find(|other| name::base(other) == base) else {
                return Ok(None);
            };
            match File::open(self.0.join(&found)) {
                Ok(file) => return Ok(Some((file, found))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The paths of all messages, read again while files that `known` counts on are missing and the folder changes.
    pub(crate) fn list_settled(&self, missing: impl Fn(&[String]) -> bool) -> io::Result<Vec<String>> {
        let mut paths = self.list()?;
        for _ in 1..LISTINGS {
            if !missing(&paths) {
                break;
            }
            paths = self.list()?;
        }
        Ok(paths)
    }

    /// Size and date (seconds since 1970) of a message's file; `None` when it is gone or no file.
    pub(crate) fn stat(&self, path: &str) -> io::Result<Option<(u64, i64)>> {
        let metadata = match std::fs::metadata(self.0.join(path)) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let modified = metadata.modified()?;
        let seconds = match modified.duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_secs() as i64,
            Err(before) => -(before.duration().as_secs() as i64),
        };
        Ok(metadata.is_file().then_some((metadata.len(), seconds)))
    }

    /// Gives a file that another program wrote with bare LFs, as Unix programs do, the line ends of mail: under its own
    /// path, with its date, durable. Returns whether it had to. What is on the wire is then what is on disk.
    pub(crate) fn make_crlf(&self, path: &str) -> io::Result<bool> {
        let from = self.0.join(path);
        let mut source = File::open(&from)?;
        let mut piece = vec![0; 64 * 1024];
        let mut previous = 0;
        let mut bare = false;
        while !bare {
            let read = source.read(&mut piece)?;
            if read == 0 {
                return Ok(false);
            }
            bare = memchr::memchr_iter(b'\n', &piece[..read])
                .any(|at| if at == 0 { previous } else { piece[at - 1] } != b'\r');
            previous = piece[read - 1];
        }
        let mut source = File::open(&from)?;
        let temporary = self.0.join("tmp").join(name::base(path));
        let mut target = io::BufWriter::new(File::create(&temporary)?);
        let mut previous = 0;
        loop {
            let read = source.read(&mut piece)?;
            if read == 0 {
                break;
            }
            let mut written = 0;
            for at in memchr::memchr_iter(b'\n', &piece[..read]) {
                if if at == 0 { previous } else { piece[at - 1] } != b'\r' {
                    target.write_all(&piece[written..at])?;
                    target.write_all(b"\r")?;
                    written = at;
                }
            }
            target.write_all(&piece[written..read])?;
            previous = piece[read - 1];
        }
        let target = target.into_inner().map_err(|error| error.into_error())?;
        target.set_modified(source.metadata()?.modified()?)?;
        target.sync_all()?;
        std::fs::rename(&temporary, &from)?;
        Ok(true)
    }

    /// Sets the date of a file outside the folder, durable.
    pub(crate) fn date(file: &Path, seconds: i64) -> io::Result<()> {
        let age = Duration::from_secs(seconds.unsigned_abs());
        let moment = if seconds < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(age)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(age)
        };
        let file = File::options().write(true).open(file)?;
        file.set_modified(moment.unwrap_or(SystemTime::UNIX_EPOCH))?;
        file.sync_all()
    }
}

/// Whether a link is impossible here, though a copy may do: too many links, or a file system without them.
fn cannot_link(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::MLINK, Errno::XDEV, Errno::PERM, Errno::NOTSUP]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::new(root.path().join("account"));
        folder.create().unwrap();
        (root, folder)
    }

    #[test]
    fn a_message_is_found_whatever_another_program_made_of_its_name() {
        let (_root, folder) = folder();
        std::fs::write(folder.path().join("cur/a.b,U=1:2,S"), "one").unwrap();
        for asked in ["cur/a.b,U=1:2,S", "new/a.b,U=1", "cur/a.b,U=1:2,", "cur/a.b,U=1:2,FS"] {
            let (_, found) = folder.open(asked).unwrap().unwrap();
            assert_eq!(found, "cur/a.b,U=1:2,S");
        }
        assert!(folder.open("cur/a.c:2,S").unwrap().is_none());
    }

    #[test]
    fn bare_line_feeds_become_line_ends_once() {
        let (_root, folder) = folder();
        for (text, wanted) in [
            ("a\nb\r\nc\n", "a\r\nb\r\nc\r\n"),
            ("a\r\n", "a\r\n"),
            ("\n", "\r\n"),
            ("", ""),
        ] {
            std::fs::write(folder.path().join("new/x"), text).unwrap();
            assert_eq!(folder.make_crlf("new/x").unwrap(), text != wanted);
            assert_eq!(std::fs::read_to_string(folder.path().join("new/x")).unwrap(), wanted);
            assert!(!folder.make_crlf("new/x").unwrap());
        }
        let long = format!("{}\n", "x".repeat(64 * 1024 - 1)).repeat(3);
        std::fs::write(folder.path().join("new/x"), &long).unwrap();
        folder.make_crlf("new/x").unwrap();
        assert_eq!(
            std::fs::read_to_string(folder.path().join("new/x")).unwrap(),
            long.replace('\n', "\r\n")
        );
    }

    #[test]
    fn links_share_one_file_and_keep_its_date() {
        let (root, folder) = folder();
        let file = root.path().join("spooled");
        std::fs::write(&file, "text").unwrap();
        Folder::date(&file, 837_596_665).unwrap();
        folder.link(&file, "new/one").unwrap();
        folder.copy(&file, &folder.path().join("cur/two:2,")).unwrap();
        folder.sync(["new/one", "cur/two:2,"]).unwrap();
        for path in ["new/one", "cur/two:2,"] {
            assert_eq!(folder.stat(path).unwrap(), Some((4, 837_596_665)));
        }
        assert!(folder.rename("new/one", "cur/one:2,S").unwrap());
        assert!(!folder.rename("new/one", "cur/one:2,S").unwrap());
        assert!(folder.remove("cur/one:2,S").unwrap());
        assert!(!folder.remove("cur/one:2,S").unwrap());
        assert_eq!(folder.list().unwrap(), ["cur/two:2,"]);
    }
}
