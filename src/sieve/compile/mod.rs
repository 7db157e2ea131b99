//! From the tree of a script to its program (RFC 5228 §2.10.5: unknown commands, tests and arguments are errors before
//! anything runs). A mistake in one command hides none in the next.

mod actions;
mod arguments;
mod compare;
mod conditions;
mod text;

use std::collections::BTreeSet;

use super::problem::{Place, Problem, quoted};
use super::program::Statement;
use super::syntax::Command;
use super::{Script, extension, limits};
use crate::sieve::program;
use arguments::Arguments;

/// Makes a script, or tells all that is wrong with it.
pub(super) fn compile(tree: &[Command]) -> Result<Script, Vec<Problem>> {
    let mut compiler = Compiler::default();
    let begin = tree.iter().take_while(|command| command.call.name == "require").count();
    let (requires, rest) = tree.split_at(begin);
    for command in requires {
        if let Err(problem) = compiler.require(command) {
            compiler.problems.push(problem);
        }
    }
    let statements = compiler.block(rest);
    compiler.problems.truncate(limits::PROBLEMS);
    if !compiler.problems.is_empty() {
        return Err(compiler.problems);
    }
    for (name, at) in &compiler.required {
        // The standard comparators need no require, and to name them is common.
        if !compiler.used.contains(name) && !name.starts_with("comparator-") {
            let text = format!("{} is required and not used", quoted(name));
            compiler.warnings.push(at.problem(text));
        }
    }
    compiler.warnings.sort_by_key(|problem| (problem.line, problem.column));
    compiler.warnings.truncate(limits::PROBLEMS);
    Ok(Script {
        statements,
        warnings: compiler.warnings,
        uses_body: compiler.uses_body,
    })
}

/// What is known of the script so far.
#[derive(Default)]
struct Compiler {
    required: Vec<(&'static str, Place)>,
    used: BTreeSet<&'static str>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
    uses_body: bool,
}

impl Compiler {
    /// `require "fileinto";` (RFC 5228 §3.2)
    fn require(&mut self, command: &Command) -> Result<(), Problem> {
        let mut arguments = Arguments::new(&command.call);
        let names = arguments.constants("the extensions that are required")?;
        arguments.end()?;
        no_block(command)?;
        for (at, name) in names {
            match extension::find(name) {
                Some(known) => self.required.push((known, at)),
                None => {
                    let text = format!("the extension {} is not known here", quoted(name));
                    self.problems.push(at.problem(text));
                }
            }
        }
        Ok(())
    }

    /// Whether the script has required it; it then counts as used.
    fn has(&mut self, capability: &'static str) -> bool {
        let required = self.required.iter().any(|(name, _)| *name == capability);
        if required {
            self.used.insert(capability);
        }
        required
    }

    /// `what` may be used only with the extension.
    fn needs(&mut self, capability: &'static str, what: &str, at: Place) -> Result<(), Problem> {
        match self.has(capability) {
            true => Ok(()),
            false => Err(at.problem(format!(
                "{what} needs a line at the top of the script: require \"{capability}\";"
            ))),
        }
    }

    /// The commands of a block; what is wrong is noted.
    fn block(&mut self, commands: &[Command]) -> Vec<Statement> {
        let mut statements = Vec::with_capacity(commands.len());
        let mut rest = commands;
        while let Some((first, behind)) = rest.split_first() {
            let (taken, command) = match first.call.name.as_str() {
                "if" => {
                    let more = behind
                        .iter()
                        .take_while(|command| matches!(command.call.name.as_str(), "elsif" | "else"));
                    let chain = more.count() + 1;
                    (chain, self.conditional(rest.get(..chain).unwrap_or_default()))
                }
                _ => (1, self.command(first)),
            };
            rest = rest.get(taken..).unwrap_or_default();
            match command {
                Ok(command) => {
                    let stops = matches!(command, program::Command::Stop);
                    if let Some(next) = rest.first().filter(|_| stops) {
                        self.warnings
                            .push(next.call.at.problem("nothing behind stop is reached"));
                    }
                    statements.push(Statement {
                        line: first.call.at.line,
                        command,
                    });
                }
                Err(problem) => self.problems.push(problem),
            }
        }
        statements
    }

    /// `if`, its `elsif`s and its `else` (RFC 5228 §3.1).
    fn conditional(&mut self, chain: &[Command]) -> Result<program::Command, Problem> {
        let mut branches = Vec::new();
        let mut otherwise = None;
        for command in chain {
            let call = &command.call;
            let Some(block) = &command.block else {
                return Err(call.at.problem(format!("{} has a block in braces", call.name)));
            };
            if otherwise.is_some() {
                return Err(call.at.problem(format!("{} cannot come behind else", call.name)));
            }
            if call.name == "else" {
                Arguments::new(call).end()?;
                otherwise = Some(self.block(block));
                continue;
            }
            let mut arguments = Arguments::new(call);
            let test = self.test(arguments.test()?)?;
            arguments.end()?;
            branches.push((test, self.block(block)));
        }
        Ok(program::Command::If {
            branches,
            otherwise: otherwise.unwrap_or_default(),
        })
    }
}

/// Only `if`, `elsif` and `else` have one.
fn no_block(command: &Command) -> Result<(), Problem> {
    match command.block {
        None => Ok(()),
        Some(_) => {
            let text = format!("{} has no block, but ends with ;", command.call.name);
            Err(command.call.at.problem(text))
        }
    }
}
