//! All file and all SQL work. `sqlx` is named only in `index/` and `accounts/`.

pub mod accounts;
mod durable;
pub mod index;
pub mod maildir;
mod reserve;
pub mod spool;
