//! Names of message files: `1700000000.M1P2Q3.host,S=1234,U=56:2,FSa`.
//!
//! The part in front of the colon, the base, never changes for one message in one folder. `S=` is the size, as Maildir++
//! has it; `U=` the UID and `Z=` the offset of INTERNALDATE in minutes are ours. Behind `:2,` are the flags in ASCII
//! order, then the keywords as lower-case letters, as Dovecot writes them.

use crate::mail::flags::{Flags, KeywordTable, Keywords};
use crate::mail::ids::Uid;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The Maildir letters of the system flags, in the order in which they are written.
const LETTERS: [(u8, Flags); 6] = [
    (b'D', Flags::DRAFT),
    (b'F', Flags::FLAGGED),
    (b'P', Flags::FORWARDED),
    (b'R', Flags::ANSWERED),
    (b'S', Flags::SEEN),
    (b'T', Flags::DELETED),
];

/// This host, as file names may hold it (`/` and `:` written as octal, as the Maildir specification wants).
static HOST: LazyLock<String> = LazyLock::new(|| {
    let name = rustix::system::uname();
    let host = name.nodename().to_string_lossy();
    let host: String = host
        .chars()
        .filter(|c| !c.is_control() && *c != ',')
        .map(|c| match c {
            '/' => "\\057".to_owned(),
            ':' => "\\072".to_owned(),
            other => other.to_string(),
        })
        .collect();
    if host.is_empty() { "localhost".to_owned() } else { host }
});

/// Distinguishes the names that this process makes within one microsecond. It is no state of a server: two servers in
/// one process share it, which only makes their names more different.
static SEQUENCE: AtomicU32 = AtomicU32::new(0);

/// A new unique base for a message of that size, UID and offset.
pub(crate) fn new_base(size: u64, uid: Uid, offset_minutes: i16) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let sequence = SEQUENCE.fetch_add(1, Ordering::Relaxed);
    let unique = format!(
        "{}.M{}P{}Q{sequence}.{}",
        now.as_secs(),
        now.subsec_micros(),
        std::process::id(),
        *HOST
    );
    with_fields(&unique, size, uid, offset_minutes)
}

/// What a delivery that may be repeated calls its file: the same each time, and another one for each `name`.
pub(crate) fn repeatable(seconds: i64, name: &str) -> String {
    format!("{seconds}.{name}.{}", *HOST)
}

/// A base of that unique part, which is the caller's affair.
pub(crate) fn named_base(unique: &str, size: u64, uid: Uid, offset_minutes: i16) -> String {
    with_fields(unique, size, uid, offset_minutes)
}

/// The base of a file that another program delivered, with our fields in place of its own.
pub(crate) fn adopted_base(base: &str, size: u64, uid: Uid) -> String {
    let unique = base.split(',').next().unwrap_or(base);
    with_fields(unique, size, uid, 0)
}

fn with_fields(unique: &str, size: u64, uid: Uid, offset_minutes: i16) -> String {
    match offset_minutes {
        0 => format!("{unique},S={size},U={uid}"),
        offset => format!("{unique},S={size},Z={offset},U={uid}"),
    }
}

/// The base of a file name or path: without folder and info.
pub(crate) fn base(path: &str) -> &str {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    name.split_once(':').map_or(name, |(base, _)| base)
}

/// The path below the folder of a message with that base and these flags. One without any that still lies in `new/`
/// stays there.
pub(crate) fn path(base: &str, flags: Flags, keywords: Keywords, new: bool) -> String {
    if new && flags.is_empty() && keywords == Keywords::NONE {
        return format!("new/{base}");
    }
    let mut path = format!("cur/{base}:2,");
    for (letter, flag) in LETTERS {
        if flags.contains(flag) {
            path.push(letter as char);
        }
    }
    for index in 0..KeywordTable::CAPACITY as u8 {
        if keywords.contains(Keywords(1 << index)) {
            path.push((b'a' + index) as char);
        }
    }
    path
}

/// When the name was made, in seconds since 1970: a message gets a new one in each mailbox that it comes to.
pub(crate) fn made(path: &str) -> Option<i64> {
    let base = base(path);
    let digits = base.find(|c: char| !c.is_ascii_digit()).unwrap_or(base.len());
    base[..digits].parse().ok()
}

/// What a file name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Told {
    /// System flags; letters that we do not know are passed over.
    pub(crate) flags: Flags,
    /// Keywords by the letters of the folder.
    pub(crate) keywords: Keywords,
    /// `U=`.
    pub(crate) uid: Option<Uid>,
    /// `Z=`.
    pub(crate) offset_minutes: Option<i16>,
}

/// Reads a file name.
pub(crate) fn read(path: &str) -> Told {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    let (base, info) = name.split_once(':').unwrap_or((name, ""));
    let mut told = Told::default();
    for field in base.split(',').skip(1) {
        match field.split_once('=') {
            Some(("U", value)) => told.uid = value.parse().ok().and_then(Uid::new),
            Some(("Z", value)) => told.offset_minutes = value.parse().ok().filter(|z: &i16| z.abs() < 24 * 60),
            _ => {}
        }
    }
    for letter in info.strip_prefix("2,").unwrap_or("").bytes() {
        if letter.is_ascii_lowercase() {
            told.keywords = told.keywords.union(Keywords(1 << (letter - b'a')));
        } else if let Some((_, flag)) = LETTERS.iter().find(|(known, _)| *known == letter) {
            told.flags = told.flags.union(*flag);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_what_was_put_in_it() {
        let uid = Uid::new(56).unwrap();
        let name = new_base(1234, uid, -420);
        assert!(name.ends_with(",S=1234,Z=-420,U=56"));
        assert_ne!(name, new_base(1234, uid, -420));
        let flags = Flags::SEEN.union(Flags::FLAGGED).union(Flags::FORWARDED);
        let path = path(&name, flags, Keywords(0b101), true);
        assert_eq!(path, format!("cur/{name}:2,FPSac"));
        assert_eq!(base(&path), name);
        let told = read(&path);
        assert_eq!((told.flags, told.keywords), (flags, Keywords(0b101)));
        assert_eq!((told.uid, told.offset_minutes), (Some(uid), Some(-420)));
    }

    #[test]
    fn names_of_other_programs() {
        let uid = Uid::new(9).unwrap();
        for (name, base_part, flags) in [
            ("new/1204680122.27c448.host", "1204680122.27c448.host", Flags::NONE),
            (
                "cur/1204680122.x,S=20,W=21:2,RS",
                "1204680122.x,S=20,W=21",
                Flags::SEEN.union(Flags::ANSWERED),
            ),
            ("cur/odd:1,x", "odd", Flags::NONE),
            ("cur/odd:2,XyzS", "odd", Flags::SEEN),
        ] {
            assert_eq!(base(name), base_part);
            assert_eq!(read(name).flags, flags, "{name}");
            assert_eq!(read(name).uid, None);
        }
        assert_eq!(adopted_base("a.b.c,S=1,U=7", 20, uid), "a.b.c,S=20,U=9");
        assert_eq!(path("x", Flags::NONE, Keywords::NONE, true), "new/x");
        assert_eq!(path("x", Flags::NONE, Keywords::NONE, false), "cur/x:2,");
    }
}
