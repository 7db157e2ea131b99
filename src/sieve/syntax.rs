//! A script as its grammar sees it (RFC 5228 §8.2): names and arguments, of which nobody knows yet what they mean.

use super::problem::Place;

/// `name arguments;` or `name arguments { … }`
#[derive(Debug)]
pub(super) struct Command {
    pub(super) call: Call,
    pub(super) block: Option<Vec<Command>>,
}

/// A name with what stands behind it; a test is nothing else.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) at: Place,
    /// In lower case.
    pub(super) name: String,
    pub(super) arguments: Vec<Argument>,
    pub(super) tests: Vec<Call>,
    /// The tests stand in parentheses.
    pub(super) list: bool,
}

/// One argument.
#[derive(Debug)]
pub(super) struct Argument {
    pub(super) at: Place,
    pub(super) value: Value,
}

/// What an argument is.
#[derive(Debug)]
pub(super) enum Value {
    /// Without the colon, in lower case.
    Tag(String),
    Number(u64),
    /// `"one"`
    Text(String),
    /// `["one", "two"]`
    Texts(Vec<(Place, String)>),
}
