//! Posthaste: an all-in-one mail server. SMTP in, plain Maildir indexed in SQLite, IMAP out, and a push to every
//! waiting client the moment a message is durable.
//!
//! `docs/architecture.md` has the map. Imports go down the list below, never up and never to a sibling on the same
//! layer; `tests/it/layering.rs` holds that.

pub mod cli;
pub mod server; // 6: wiring

pub mod imap;
pub mod managesieve;
pub mod outbound;
pub mod smtp;
pub mod web; // 5: edges

pub mod delivery;
pub mod training; // 4: mail flow

pub mod accounts;
pub mod dkim;
pub mod mailbox;
pub mod milter;
pub mod origin;
pub mod queue;
pub mod reports;
pub mod srs; // 3: domain

pub mod sieve;
pub mod storage; // 2: rules for mail; files and SQL

pub mod config;
pub mod mail; // 1: settings and vocabulary

pub mod net;
pub mod telemetry; // 0: foundations
