//! The control file of a folder: what a rebuild of the index needs and file names cannot tell.
//!
//! Lines of text: `mailbox-id`, `uid-validity`, a ceiling for UIDs and one for MODSEQs (none above it was ever given out), the keyword
//! of each letter, and the special use. Ceilings run ahead of what is given out, so that the file is written once for
//! many messages.

use crate::mail::flags::{Keyword, KeywordTable};
use crate::mail::ids::UidValidity;
use crate::mail::mailbox_name::SpecialUse;
use crate::storage::durable;
use std::io;
use std::path::Path;

/// Its name in the folder.
const FILE: &str = "posthaste-mailbox";
/// The first line: format and version.
const HEADING: &str = "posthaste-mailbox 1";
/// How far the UID ceiling runs ahead.
const UIDS_AHEAD: u32 = 256;
/// How far the MODSEQ ceiling runs ahead.
const MOD_SEQS_AHEAD: u64 = 4096;

/// What the control file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Control {
    /// Unlike that of any other mailbox, and the same for ever (MAILBOXID, RFC 8474 §4).
    pub(crate) id: u64,
    pub(crate) uid_validity: UidValidity,
    /// No higher UID was given out.
    pub(crate) uid_ceiling: u32,
    /// No higher MODSEQ was given out.
    pub(crate) mod_seq_ceiling: u64,
    /// The MODSEQ that the index had committed when the file was written.
    pub(crate) committed: u64,
    pub(crate) keywords: KeywordTable,
    pub(crate) special_use: Option<SpecialUse>,
}

impl Control {
    /// For a new mailbox, in which nothing was given out yet.
    pub(crate) fn new(uid_validity: UidValidity, special_use: Option<SpecialUse>) -> Control {
        Control {
            id: rand::random(),
            uid_validity,
            uid_ceiling: 0,
            mod_seq_ceiling: 0,
            committed: 0,
            keywords: KeywordTable::default(),
            special_use,
        }
    }

    /// Raises the ceilings so that these may be given out; whether the file must be written for that.
    pub(crate) fn reach(&mut self, uid: u32, mod_seq: u64) -> bool {
        let enough = uid <= self.uid_ceiling && mod_seq <= self.mod_seq_ceiling;
        if uid > self.uid_ceiling {
            self.uid_ceiling = uid.saturating_add(UIDS_AHEAD);
        }
        if mod_seq > self.mod_seq_ceiling {
            self.mod_seq_ceiling = mod_seq.saturating_add(MOD_SEQS_AHEAD).min(i64::MAX as u64);
        }
        !enough
    }

    /// Whether an index at this MODSEQ is an older one, put back: it has not even what was committed when the file was
    /// written. The ceilings tell nothing of that, for they are raised before what they are raised for is committed, and a
    /// crash may come in between.
    pub(crate) fn is_ahead_of(&self, mod_seq: u64) -> bool {
        mod_seq < self.committed
    }

    /// Lowers the ceilings to what was given out, for a server that ends: a rebuild then goes on without a gap.
    pub(crate) fn settle(&mut self, uid_next: u32, mod_seq: u64) -> bool {
        let exact = (uid_next.wrapping_sub(1), mod_seq, mod_seq);
        let settled = (self.uid_ceiling, self.mod_seq_ceiling, self.committed) == exact;
        (self.uid_ceiling, self.mod_seq_ceiling, self.committed) = exact;
        !settled
    }

    /// Reads the file of a folder; `None` when there is none or it cannot be understood. Blocking.
    pub(crate) fn load(folder: &Path) -> io::Result<Option<Control>> {
        match std::fs::read_to_string(folder.join(FILE)) {
            Ok(text) => Ok(Control::parse(&text)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes the file, durable when it returns. Blocking.
    pub(crate) fn store(&self, folder: &Path) -> io::Result<()> {
        durable::replace(&folder.join(FILE), self.text().as_bytes())
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{HEADING}\nmailbox-id {:016x}\nuid-validity {}\nuid-ceiling {}\nmod-seq-ceiling {}\ncommitted {}\n",
            self.id, self.uid_validity, self.uid_ceiling, self.mod_seq_ceiling, self.committed
        );
        for (index, keyword) in self.keywords.iter() {
            text.push_str(&format!(
                "keyword {} {}\n",
                (b'a' + index as u8) as char,
                keyword.as_str()
            ));
        }
        if let Some(special_use) = self.special_use {
            text.push_str(&format!("special-use {}\n", special_use.attribute()));
        }
        text
    }

    fn parse(text: &str) -> Option<Control> {
        let mut lines = text.lines();
        if lines.next() != Some(HEADING) {
            return None;
        }
        let mut id = None;
        let (mut uid_validity, mut uid_ceiling, mut mod_seq_ceiling) = (None, None, None);
        let mut committed = 0;
        let mut keywords = KeywordTable::default();
        let mut special_use = None;
        for line in lines {
            let (name, value) = line.split_once(' ')?;
            match name {
                "mailbox-id" => id = u64::from_str_radix(value, 16).ok(),
                "uid-validity" => uid_validity = value.parse().ok().and_then(UidValidity::new),
                "uid-ceiling" => uid_ceiling = value.parse().ok(),
                "mod-seq-ceiling" => mod_seq_ceiling = value.parse().ok(),
                "committed" => committed = value.parse().ok()?,
                "keyword" => {
                    let (letter, keyword) = value.split_once(' ')?;
                    let letter = letter.bytes().next().filter(u8::is_ascii_lowercase)?;
                    keywords.set(usize::from(letter - b'a'), Keyword::new(keyword)?);
                }
                "special-use" => special_use = SpecialUse::from_attribute(value),
                // A later version may know more.
                _ => {}
            }
        }
        Some(Control {
            id: id?,
            uid_validity: uid_validity?,
            uid_ceiling: uid_ceiling?,
            mod_seq_ceiling: mod_seq_ceiling?,
            committed,
            keywords,
            special_use,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Control::load(folder.path()).unwrap(), None);
        let mut control = Control::new(UidValidity::new(1_700_000_000).unwrap(), Some(SpecialUse::Sent));
        control.keywords.set(2, Keyword::new("$Label1").unwrap());
        control.keywords.set(0, Keyword::new("NonJunk").unwrap());
        assert!(control.reach(1, 2));
        assert_eq!((control.uid_ceiling, control.mod_seq_ceiling), (257, 4098));
        assert!(!control.reach(257, 4098));
        assert!(control.reach(258, 5));
        assert_eq!((control.uid_ceiling, control.mod_seq_ceiling), (514, 4098));
        assert!(!control.is_ahead_of(0), "raised ceilings are no commit");
        assert!(control.settle(258, 5) && !control.settle(258, 5));
        assert!(control.is_ahead_of(4) && !control.is_ahead_of(5));
        control.store(folder.path()).unwrap();
        assert_eq!(Control::load(folder.path()).unwrap(), Some(control));
        std::fs::write(folder.path().join(FILE), "something else").unwrap();
        assert_eq!(Control::load(folder.path()).unwrap(), None);
    }
}
