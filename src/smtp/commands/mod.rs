//! One file for each command: `check` judges without I/O, `run` acts.

pub(super) mod auth;
pub(super) mod bdat;
pub(super) mod data;
pub(super) mod ehlo;
pub(super) mod help;
pub(super) mod mail;
pub(super) mod noop;
pub(super) mod quit;
pub(super) mod rcpt;
pub(super) mod rset;
pub(super) mod starttls;
pub(super) mod vrfy;
