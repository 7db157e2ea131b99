//! Maildir: the mail itself. Everything else can be made again from it.
//!
//! **Names.** A message is one file. Its name tells size, UID, flags and keywords (`name`); a small control file in each
//! folder tells UIDVALIDITY, the ceilings of UIDs and MODSEQs and what the keyword letters mean (`control`). The folders of
//! an account are Maildir++ (`tree`). Mail delivered by SMTP lies in `new/` until it gets a flag; what clients append lies
//! in `cur/`.
//!
//! **Order.** A message enters: its file is synced in the spool, linked into the folder under its final name, the folder is
//! synced, then the index commits. It leaves: the index commits that it is gone and dooms its file name, then the file is
//! removed. Its flags change: the file is renamed, the folder is synced, then the index commits. Only then is anybody told
//! or answered.
//!
//! **Crashes.** After linking and before the commit: a file without a row. A delivery that nobody was promised; it is taken
//! in as a new message, for the sender may not try again. A copy or move instead had its new file names doomed before the
//! files were made, and the commit absolves them: what a crash cut off is removed, so a move never leaves two. After a
//! commit that removes a message and before the file is removed: its name is doomed and goes when it is next seen.
//!
//! **Others.** Any program may deliver, remove and rename here at any time. A file that is new to us gets a UID, written into
//! its name, and the line ends of mail if it has none; a flag changed by renaming is taken over; a file gone is a message
//! expunged. UIDVALIDITY never changes for any of that.

pub(crate) mod acl;
pub(crate) mod annotations;
pub(crate) mod control;
pub(crate) mod events;
pub(crate) mod folder;
pub(crate) mod name;
pub(crate) mod tree;

/// Makes the folder of all accounts, if it is not there. Blocking.
pub(crate) fn create(mail: &std::path::Path) -> std::io::Result<()> {
    super::durable::create_folders(mail)
}
