//! All file and all SQL work. `sqlx` is named only in `index/`.

pub mod index;
pub mod maildir;
pub mod spool;
