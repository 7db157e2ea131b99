//! The arguments of a command or test, taken one after the other: tags with their values first, then the others (RFC 5228 §2.6).

use crate::sieve::problem::{Place, Problem, quoted};
use crate::sieve::syntax::{Argument, Call, Value};

use super::Compiler;
use crate::sieve::program::Text;

/// What is left of them.
pub(super) struct Arguments<'a> {
    call: &'a Call,
    rest: &'a [Argument],
    tests: &'a [Call],
}

impl<'a> Arguments<'a> {
    pub(super) fn new(call: &'a Call) -> Arguments<'a> {
        Arguments {
            call,
            rest: &call.arguments,
            tests: &call.tests,
        }
    }

    /// The next one, if it is a tag.
    pub(super) fn tag(&mut self) -> Option<(Place, &'a str)> {
        let (first, rest) = self.rest.split_first()?;
        let Value::Tag(name) = &first.value else {
            return None;
        };
        self.rest = rest;
        Some((first.at, name))
    }

    /// How many are left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// A problem with a tag that nobody knows.
    pub(super) fn unknown(&self, at: Place, tag: &str) -> Problem {
        at.problem(format!("{} has no tag :{tag}", self.call.name))
    }

    /// A string. `what` says of what, for whoever forgot it.
    pub(super) fn text(&mut self, compiler: &mut Compiler, what: &str) -> Result<Text, Problem> {
        let (at, text) = self.constant(what)?;
        compiler.text(at, text)
    }

    /// A string, or several in brackets.
    pub(super) fn texts(&mut self, compiler: &mut Compiler, what: &str) -> Result<Vec<Text>, Problem> {
        let constants = self.constants(what)?;
        constants
            .into_iter()
            .map(|(at, text)| compiler.text(at, text))
            .collect()
    }

    /// A string as it stands, in which variables have no place.
    pub(super) fn constant(&mut self, what: &str) -> Result<(Place, &'a str), Problem> {
        let first = self.next(what)?;
        match &first.value {
            Value::Text(text) => Ok((first.at, text)),
            Value::Texts(list) => match list.as_slice() {
                [(at, only)] => Ok((*at, only)),
                _ => Err(self.wrong(first, what, "a single string")),
            },
            _ => Err(self.wrong(first, what, "a string")),
        }
    }

    /// The same for several.
    pub(super) fn constants(&mut self, what: &str) -> Result<Vec<(Place, &'a str)>, Problem> {
        let first = self.next(what)?;
        match &first.value {
            Value::Text(text) => Ok(vec![(first.at, text)]),
            Value::Texts(list) => Ok(list.iter().map(|(at, text)| (*at, text.as_str())).collect()),
            _ => Err(self.wrong(first, what, "a string")),
        }
    }

    /// A number.
    pub(super) fn number(&mut self, what: &str) -> Result<u64, Problem> {
        let first = self.next(what)?;
        match first.value {
            Value::Number(number) => Ok(number),
            _ => Err(self.wrong(first, what, "a number")),
        }
    }

    /// The one test.
    pub(super) fn test(&mut self) -> Result<&'a Call, Problem> {
        match std::mem::take(&mut self.tests) {
            [only] if !self.call.list => Ok(only),
            _ => Err(self.call.at.problem(format!("{} has one test", self.call.name))),
        }
    }

    /// The tests in parentheses.
    pub(super) fn tests(&mut self) -> Result<&'a [Call], Problem> {
        match self.call.list {
            true => Ok(std::mem::take(&mut self.tests)),
            false => {
                let text = format!("{} has a list of tests in parentheses", self.call.name);
                Err(self.call.at.problem(text))
            }
        }
    }

    /// Nothing more may stand here.
    pub(super) fn end(self) -> Result<(), Problem> {
        let name = &self.call.name;
        if let Some(first) = self.rest.first() {
            return Err(first.at.problem(match &first.value {
                Value::Tag(tag) => format!("the tag :{tag} must stand in front of the other arguments of {name}"),
                Value::Number(_) => format!("{name} has no such number"),
                Value::Text(text) => format!("{name} has no argument for {}", quoted(text)),
                Value::Texts(_) => format!("{name} has no argument for this list"),
            }));
        }
        match self.tests.first() {
            Some(test) => Err(test.at.problem(format!("{name} has no test"))),
            None => Ok(()),
        }
    }

    fn next(&mut self, what: &str) -> Result<&'a Argument, Problem> {
        match self.rest.split_first() {
            Some((first, rest)) => {
                self.rest = rest;
                Ok(first)
            }
            None => {
                let text = format!("{} lacks {what}", self.call.name);
                Err(self.call.at.problem(text))
            }
        }
    }

    fn wrong(&self, argument: &Argument, what: &str, wanted: &str) -> Problem {
        let text = match &argument.value {
            Value::Tag(tag) => format!(
                "{} has no tag :{tag} here; {what} is expected, {wanted}",
                self.call.name
            ),
            _ => format!("{} wants {wanted} here: {what}", self.call.name),
        };
        argument.at.problem(text)
    }
}
