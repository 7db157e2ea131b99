//! One run of a script over one message (RFC 5228 §2.10).

mod actions;
mod body;
mod conditions;
mod date;
mod duplicate;
mod flags;
mod glob;
mod header;
mod matching;
mod vacation;
mod variables;

use super::message::Input;
use super::outcome::{Action, Failure, Memory, Outcome, Why};
use super::program::{Command, Statement};
use super::{Script, limits};
use crate::mail::flags::FlagList;
use header::Header;
use variables::Variables;

/// Runs it to its end, whatever that is.
pub(super) fn run(script: &Script, input: &Input<'_>) -> Outcome {
    let mut run = Run {
        input,
        line: 1,
        steps: 0,
        header: Header::new(input.message.header()),
        variables: Variables::default(),
        flags: Vec::new(),
        actions: Vec::new(),
        remember: Memory::new(),
        implicit_keep: true,
    };
    let ended = run.block(&script.statements).and_then(|_| run.implicit_keep());
    match ended {
        Ok(()) => Outcome {
            actions: run.actions,
            remember: run.remember,
            failure: None,
        },
        Err(why) => Outcome {
            actions: vec![Action::Keep {
                flags: FlagList::default(),
                header: None,
            }],
            remember: Memory::new(),
            failure: Some(Failure { line: run.line, why }),
        },
    }
}

/// Everything that changes in a run.
struct Run<'a> {
    input: &'a Input<'a>,
    /// The statement that is run.
    line: usize,
    /// Of [`limits::STEPS`].
    steps: usize,
    header: Header<'a>,
    variables: Variables,
    /// The internal variable (RFC 5232 §2).
    flags: Vec<String>,
    actions: Vec<Action>,
    remember: Memory,
    implicit_keep: bool,
}

/// Whether the run goes on behind a command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Stop,
}

impl<'a> Run<'a> {
    fn block(&mut self, statements: &[Statement]) -> Result<Flow, Why> {
        for statement in statements {
            self.line = statement.line;
            self.work(0)?;
            if self.command(&statement.command)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::On)
    }

    fn command(&mut self, command: &Command) -> Result<Flow, Why> {
        match command {
            Command::Stop => return Ok(Flow::Stop),
            Command::If { branches, otherwise } => {
                for (test, block) in branches {
                    if self.test(test)? {
                        return self.block(block);
                    }
                }
                return self.block(otherwise);
            }
            Command::Discard => self.implicit_keep = false,
            Command::Keep { flags } => self.keep(flags.as_deref())?,
            Command::FileInto {
                mailbox,
                copy,
                create,
                special_use,
                flags,
            } => {
                let target = actions::Target {
                    mailbox,
                    create: *create,
                    special_use: special_use.as_ref(),
                };
                self.file_into(target, flags.as_deref())?;
                self.implicit_keep &= *copy;
            }
            Command::Redirect { address, copy } => {
                self.redirect(address)?;
                self.implicit_keep &= *copy;
            }
            Command::Reject { reason } => self.reject(reason)?,
            Command::Vacation(vacation) => self.vacation(vacation)?,
            Command::Flags {
                change,
                variable,
                flags,
            } => self.change_flags(*change, variable.as_deref(), flags)?,
            Command::Set {
                variable,
                modifiers,
                value,
            } => {
                let value = self.expand(value)?;
                self.variables.set(variable, variables::modified(value, modifiers))?;
            }
            Command::AddHeader { last, name, value } => self.add_header(*last, name, value)?,
            Command::DeleteHeader {
                compare,
                index,
                name,
                patterns,
            } => self.delete_header(*compare, *index, name, patterns.as_deref())?,
        }
        Ok(Flow::On)
    }

    /// Counts a step, and those for octets looked at.
    fn work(&mut self, octets: usize) -> Result<(), Why> {
        self.steps = self.steps.saturating_add(1 + octets / limits::STEP);
        match self.steps > limits::STEPS {
            true => Err(Why::Work),
            false => Ok(()),
        }
    }
}
