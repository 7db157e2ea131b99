//! Integration tests: a whole server in this process for each test, spoken to over loopback. `docs/development.md`
//! says how they are organised.

#[expect(dead_code, reason = "what the modules to come use")]
mod client;
#[expect(dead_code, reason = "what the modules to come use")]
mod server;

mod accounts;
mod cli;
mod config;
mod layering;
mod lifetime;
mod picture;
mod transcripts;
