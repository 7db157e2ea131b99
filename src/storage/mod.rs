//! All file and all SQL work. `sqlx` is named only in `database/`, `index/`, `queue/`, `full_text/`, `greylist/`,
//! `reports/` and `accounts/`.

pub mod accounts;
pub(crate) mod database;
pub mod dkim_keys;
mod durable;
pub mod full_text;
pub mod greylist;
pub mod index;
pub mod maildir;
pub mod queue;
pub mod reports;
mod reserve;
pub(crate) mod scripts;
pub mod spool;
pub mod srs_secrets;
pub mod sts;
pub mod submissions;
