//! One file per command, named after it. Each has one function that takes the session, what its state owns, and typed arguments, and
//! returns the tagged answer; untagged ones go to `session.output` on the way.

pub(crate) mod copy;
pub(crate) mod expunge;
pub(crate) mod fetch;
pub(crate) mod move_;
pub(crate) mod search;
pub(crate) mod store;
