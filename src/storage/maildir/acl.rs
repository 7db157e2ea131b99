//! The access control list of a mailbox (RFC 4314), in a file beside the control file: a heading, and for each identifier a
//! line with its rights, with a dash in front when they are taken away, and whose they are: of `owner`, of `anyone` or of an
//! address. A mailbox without such a file is its owner's alone. Blocking.

use crate::mail::address::Address;
use crate::mail::rights::{Acl, Identifier, Rights, Who};
use crate::storage::durable;
use std::io;
use std::path::Path;

/// Its name in the folder.
const FILE: &str = "posthaste-acl";
/// The first line: format and version.
const HEADING: &str = "posthaste-acl 1";
/// What stands for the account that has the mailbox.
const OWNER: &str = "owner";
/// What stands for everybody.
const ANYONE: &str = "anyone";

/// Reads the file of a folder; `None` when there is none. Of one that is spoilt, what can be understood.
pub(crate) fn load(folder: &Path) -> io::Result<Option<Acl>> {
    match std::fs::read_to_string(folder.join(FILE)) {
        Ok(text) => Ok(Some(parse(&text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Some(parse(""))),
        Err(error) => Err(error),
    }
}

/// Writes the file, durable when it returns.
pub(crate) fn store(folder: &Path, acl: &Acl) -> io::Result<()> {
    let mut text = format!("{HEADING}\n");
    for (Identifier { who, negative }, rights) in acl.iter() {
        let dash = if *negative { "-" } else { "" };
        let rights = rights.letters();
        text.push_str(&match who {
            Who::Owner => format!("{dash}{rights} {OWNER}\n"),
            Who::Anyone => format!("{dash}{rights} {ANYONE}\n"),
            Who::Account(address) => format!("{dash}{rights} {address}\n"),
        });
    }
    durable::replace(&folder.join(FILE), text.as_bytes())
}

fn parse(text: &str) -> Acl {
    let mut lines = text.lines();
    // Of a format that is not ours nothing is given to anybody.
    if lines.next() != Some(HEADING) {
        return Acl::default();
    }
    lines.filter_map(entry).collect()
}

fn entry(line: &str) -> Option<(Identifier, Rights)> {
    let (rights, who) = line.split_once(' ')?;
    let (negative, rights) = match rights.strip_prefix('-') {
        Some(rights) => (true, rights),
        None => (false, rights),
    };
    let who = match who {
        OWNER => Who::Owner,
        ANYONE => Who::Anyone,
        address => Who::Account(Address::parse(address).ok()?),
    };
    let rights = Rights::parse(rights).ok().filter(|rights| !rights.is_empty())?;
    Some((Identifier { who, negative }, rights))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::rights::RightsChange;

    #[test]
    fn what_is_stored_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(load(folder.path()).unwrap(), None);
        let mut acl = Acl::default();
        let bob = Who::Account(Address::new("bob", "example.org").unwrap());
        for (who, negative, rights) in [
            (Who::Anyone, false, "lr"),
            (bob.clone(), false, "swit"),
            (bob.clone(), true, "r"),
        ] {
            acl.change(
                Identifier { who, negative },
                RightsChange::Set(Rights::parse(rights).unwrap()),
            );
        }
        store(folder.path(), &acl).unwrap();
        assert_eq!(load(folder.path()).unwrap(), Some(acl));
        let text = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert_eq!(
            text,
            "posthaste-acl 1\nlrswipkxtea owner\nlr anyone\nswit bob@example.org\n-r bob@example.org\n"
        );
    }

    #[test]
    fn what_is_spoilt_gives_nothing_away() {
        assert_eq!(parse("something else\nlr anyone\n"), Acl::default());
        let acl = parse("posthaste-acl 1\nlr\nlQ anyone\n anyone\nlr nobody\nlr -eve@example.org\n");
        assert_eq!(acl.shared_with().count(), 1);
        assert_eq!(acl.rights(&Who::Anyone), Rights::NONE);
        assert_eq!(acl.rights(&Who::Owner), Rights::OF_OWNER);
    }
}
