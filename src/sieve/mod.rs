//! Sieve: an account's own rules for its mail, from the text of a script to what is to be done with one message.
//!
//! RFC 5228, with what `extension` lists. [`Script::compile`] reads and checks a script once: whatever can be wrong before a message comes is
//! an error there, with its line. [`Script::run`] decides about one message and does nothing itself: it returns
//! [`Action`]s, and `delivery/` carries them out.
//!
//! Pure: no I/O and no clock. What tests may ask of the world around (envelope, mailboxes, the time, what was remembered) comes in with [`Input`];
//! what is to be remembered goes out with [`Outcome`].
//!
//! Invariants: no text is too odd to be compiled or refused; every run ends, within [`limits`]; a run that fails has the
//! message kept, as it came. There are no loops, and no script includes another.
//!
//! `lexer` cuts the text, `parser` builds the tree of `syntax` (RFC 5228 §8); `compile/` makes a `program` of it, in which
//! nothing unknown is left; `run/` executes that.

mod compile;
mod extension;
mod lexer;
pub mod limits;
mod message;
mod outcome;
mod parser;
mod problem;
mod program;
mod run;
mod syntax;

#[cfg(test)]
mod tests;

pub use extension::CAPABILITIES;
pub use message::{Input, KnownMailbox, Message};
pub use outcome::{Action, Failure, Memory, Outcome, Vacation, Why};
pub use problem::Problem;

/// A script that is in order.
#[derive(Debug)]
pub struct Script {
    statements: Vec<program::Statement>,
    warnings: Vec<Problem>,
    uses_body: bool,
}

impl Script {
    /// Reads and checks a script. What is wrong with it comes in the order of its lines, at most [`limits::PROBLEMS`].
    pub fn compile(source: &[u8]) -> Result<Script, Vec<Problem>> {
        let tree = parser::parse(source).map_err(|problem| vec![problem])?;
        compile::compile(&tree)
    }

    /// What its author may want to look at again, although it can be run.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Whether it looks at bodies: otherwise the header is all of a message that it needs.
    pub fn uses_body(&self) -> bool {
        self.uses_body
    }

    /// Decides about one message.
    pub fn run(&self, input: &Input<'_>) -> Outcome {
        run::run(self, input)
    }
}
