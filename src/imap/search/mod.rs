//! How SEARCH decides and answers (RFC 3501 §6.4.4, RFC 4731, RFC 5032, RFC 6203, RFC 7162 §3.1.5, RFC 9394). The command itself is
//! `commands/search.rs`.

pub(crate) mod contents;
pub(crate) mod context;
mod criterion;
mod days;
mod field;
mod fuzzy;
mod known;
pub(crate) mod matching;
pub(crate) mod orders;
mod phrase;
mod query;
pub(crate) mod result;
pub(crate) mod sorted;
pub(crate) mod tell;
