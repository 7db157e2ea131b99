//! All file and all SQL work. `sqlx` is named only in `index/`, `full_text/` and `accounts/`.

pub mod accounts;
mod durable;
pub mod full_text;
pub mod index;
pub mod maildir;
mod reserve;
pub mod spool;
