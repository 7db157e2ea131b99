//! The annotations of a mailbox or an account (RFC 5464), in a file beside the control file: a heading, and for each entry
//! a line with the octets of its value and its name, and the value behind it. Blocking.

use crate::storage::durable;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// The file of a mailbox, in its folder.
pub(crate) const OF_MAILBOX: &str = "posthaste-metadata";
/// The file of an account, in its folder, which is that of its INBOX too.
pub(crate) const OF_ACCOUNT: &str = "posthaste-account-metadata";
/// The first line: format and version.
const HEADING: &[u8] = b"posthaste-metadata 1\n";

/// Values by name of their entry.
pub(crate) type Annotations = BTreeMap<String, Vec<u8>>;

/// Reads a file; there are none when it is not there. Of one that is spoilt, what can be understood.
pub(crate) fn load(file: &Path) -> io::Result<Annotations> {
    match std::fs::read(file) {
        Ok(bytes) => Ok(parse(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Annotations::new()),
        Err(error) => Err(error),
    }
}

/// Writes a file, durable when it returns.
pub(crate) fn store(file: &Path, annotations: &Annotations) -> io::Result<()> {
    let mut bytes = HEADING.to_vec();
    for (name, value) in annotations {
        bytes.extend_from_slice(format!("{} {name}\n", value.len()).as_bytes());
        bytes.extend_from_slice(value);
        bytes.push(b'\n');
    }
    durable::replace(file, &bytes)
}

fn parse(bytes: &[u8]) -> Annotations {
    let mut annotations = Annotations::new();
    let mut rest = bytes.strip_prefix(HEADING).unwrap_or_default();
    while let Some((name, value, behind)) = entry(rest) {
        annotations.insert(name, value);
        rest = behind;
    }
    annotations
}

fn entry(bytes: &[u8]) -> Option<(String, Vec<u8>, &[u8])> {
    let end = memchr::memchr(b'\n', bytes)?;
    let (line, rest) = bytes.split_at_checked(end)?;
    let (octets, name) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    let (value, rest) = rest.get(1..)?.split_at_checked(octets.parse().ok()?)?;
    Some((name.to_owned(), value.to_vec(), rest.strip_prefix(b"\n")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(OF_MAILBOX);
        assert!(load(&file).unwrap().is_empty());
        let annotations = Annotations::from([
            ("/private/comment".to_owned(), b"two\nlines\n".to_vec()),
            ("/shared/vendor/x/a b".to_owned(), vec![0, 255, b'\n']),
            ("/shared/comment".to_owned(), Vec::new()),
        ]);
        store(&file, &annotations).unwrap();
        assert_eq!(load(&file).unwrap(), annotations);
        let mut cut = std::fs::read(&file).unwrap();
        cut.truncate(cut.len() - 2);
        assert_eq!(parse(&cut).len(), 2);
        assert!(parse(b"something else\n5 /private/x\nabcde\n").is_empty());
    }
}
