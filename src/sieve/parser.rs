//! From words to the tree of commands (RFC 5228 §8.2).

use super::lexer::{Lexer, Token};
use super::limits;
use super::problem::{Place, Problem};
use super::syntax::{Argument, Call, Command, Value};

/// The commands of a script.
pub(super) fn parse(source: &[u8]) -> Result<Vec<Command>, Problem> {
    let start = Place { line: 1, column: 1 };
    if source.len() > limits::SCRIPT {
        return Err(start.problem("the script is too long"));
    }
    let source = std::str::from_utf8(source).map_err(|error| {
        let before = source.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        Place { line, column: 1 }.problem("a script is text in UTF-8, and this line is not")
    })?;
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let mut parser = Parser {
        lexer: Lexer::new(source),
        at: start,
        next: None,
        tokens: 0,
    };
    parser.go_on()?;
    let commands = parser.commands(0)?;
    match parser.next {
        None => Ok(commands),
        Some(_) => Err(parser.at.problem("there is no block that this } could end")),
    }
}

/// One word ahead.
struct Parser<'a> {
    lexer: Lexer<'a>,
    at: Place,
    next: Option<Token>,
    tokens: usize,
}

impl Parser<'_> {
    /// Up to the end of the block or script.
    fn commands(&mut self, depth: usize) -> Result<Vec<Command>, Problem> {
        let mut commands = Vec::new();
        while !matches!(self.next, None | Some(Token::Mark('}'))) {
            commands.push(self.command(depth)?);
        }
        Ok(commands)
    }

    fn command(&mut self, depth: usize) -> Result<Command, Problem> {
        let call = self.call(depth, "a command")?;
        if self.skip(';')? {
            return Ok(Command { call, block: None });
        }
        if !self.skip('{')? {
            let text = format!("a ; is missing behind {} (line {})", call.name, call.at.line);
            return Err(self.at.problem(text));
        }
        let block = self.commands(self.deeper(depth)?)?;
        if !self.skip('}')? {
            return Err(call.at.problem("the block of this command has no end (})"));
        }
        Ok(Command {
            call,
            block: Some(block),
        })
    }

    fn call(&mut self, depth: usize, what: &str) -> Result<Call, Problem> {
        let at = self.at;
        let Some(Token::Identifier(name)) = self.next.take() else {
            return Err(at.problem(format!("{what} is expected here")));
        };
        self.go_on()?;
        let mut call = Call {
            at,
            name,
            arguments: Vec::new(),
            tests: Vec::new(),
            list: false,
        };
        while let Some(argument) = self.argument()? {
            call.arguments.push(argument);
        }
        if self.skip('(')? {
            call.list = true;
            call.tests.push(self.call(self.deeper(depth)?, "a test")?);
            while self.skip(',')? {
                call.tests.push(self.call(self.deeper(depth)?, "a test")?);
            }
            if !self.skip(')')? {
                return Err(self.at.problem("the list of tests goes on with a comma or ends with )"));
            }
        } else if matches!(self.next, Some(Token::Identifier(_))) {
            call.tests.push(self.call(self.deeper(depth)?, "a test")?);
        }
        Ok(call)
    }

    fn argument(&mut self) -> Result<Option<Argument>, Problem> {
        let at = self.at;
        let value = match self.next.take() {
            Some(Token::Tag(name)) => Value::Tag(name),
            Some(Token::Number(number)) => Value::Number(number),
            Some(Token::Text(text)) => Value::Text(text),
            Some(Token::Mark('[')) => {
                self.go_on()?;
                return Ok(Some(Argument {
                    at,
                    value: Value::Texts(self.texts()?),
                }));
            }
            other => {
                self.next = other;
                return Ok(None);
            }
        };
        self.go_on()?;
        Ok(Some(Argument { at, value }))
    }

    /// Behind the opening bracket. The grammar has no empty list.
    fn texts(&mut self) -> Result<Vec<(Place, String)>, Problem> {
        let mut texts = Vec::new();
        loop {
            let at = self.at;
            let Some(Token::Text(text)) = self.next.take() else {
                return Err(at.problem("a string is expected here"));
            };
            texts.push((at, text));
            self.go_on()?;
            if self.skip(']')? {
                return Ok(texts);
            }
            if !self.skip(',')? {
                return Err(self
                    .at
                    .problem("the list of strings goes on with a comma or ends with ]"));
            }
        }
    }

    fn deeper(&self, depth: usize) -> Result<usize, Problem> {
        match depth + 1 {
            deeper if deeper <= limits::NESTING => Ok(deeper),
            _ => Err(self.at.problem("too many blocks and tests one within the other")),
        }
    }

    fn skip(&mut self, mark: char) -> Result<bool, Problem> {
        let there = self.next == Some(Token::Mark(mark));
        if there {
            self.go_on()?;
        }
        Ok(there)
    }

    fn go_on(&mut self) -> Result<(), Problem> {
        (self.at, self.next) = self.lexer.next()?;
        self.tokens += 1;
        match self.tokens > limits::TOKENS {
            true => Err(self.at.problem("the script is too long")),
            false => Ok(()),
        }
    }
}
