//! Integration tests: a whole server in this process for each test, spoken to over loopback. `docs/development.md`
//! says how they are organised.

mod client;
mod deflate;
mod forward;
mod outbound;
mod peers;
mod server;

mod accounts;
mod bad_input;
mod capabilities;
mod cli;
mod config;
mod crash;
mod idle;
mod killed;
mod large;
mod layering;
mod lifetime;
mod limits;
mod lmtp;
mod maildir;
mod memory;
mod milter;
mod mta_sts;
mod names;
mod origin;
mod picture;
mod proxy;
mod queue;
mod reports;
mod restart;
mod resync;
mod rfcs;
mod sasl;
mod sharing;
mod smtputf8;
mod smuggling;
mod submission_limits;
mod tokens;
mod training;
mod transcripts;
mod unreliable;
