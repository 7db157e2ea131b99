//! All file and all SQL work. `sqlx` is named only in `index/`, `queue/`, `full_text/` and `accounts/`.

pub mod accounts;
mod durable;
pub mod full_text;
pub mod index;
pub mod maildir;
pub mod queue;
mod reserve;
pub mod spool;
pub mod sts;
