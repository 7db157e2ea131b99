//! One file per command, named after it. Each has one function that takes the session, what its state owns, and typed arguments, and
//! returns the tagged answer; untagged ones go to `session.output` on the way.
