//! The commands but for `if` and `require`.

use super::arguments::Arguments;
use super::compare::{Allowed, Tags, once};
use super::{Compiler, no_block};
use crate::mail::mailbox_name::MailboxName;
use crate::sieve::limits;
use crate::sieve::problem::{Place, Problem, quoted};
use crate::sieve::program::{self, Command, FlagChange, Modifier, Piece, Text, Vacation};
use crate::sieve::syntax;

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;
/// How long a vacation reply is not repeated (RFC 5230 §4.1).
const VACATION_DAYS: u64 = 7;

impl Compiler {
    /// One command.
    pub(super) fn command(&mut self, command: &syntax::Command) -> Result<Command, Problem> {
        let call = &command.call;
        let at = call.at;
        let mut arguments = Arguments::new(call);
        let compiled = match call.name.as_str() {
            "stop" => Command::Stop,
            "discard" => Command::Discard,
            "keep" => self.keep(&mut arguments)?,
            "fileinto" => {
                self.needs("fileinto", "fileinto", at)?;
                self.file_into(&mut arguments)?
            }
            "redirect" => self.redirect(&mut arguments)?,
            "reject" | "ereject" => {
                let capability = if call.name == "reject" { "reject" } else { "ereject" };
                self.needs(capability, &call.name, at)?;
                Command::Reject {
                    reason: arguments.text(self, "the reason")?,
                }
            }
            "vacation" => {
                self.needs("vacation", "vacation", at)?;
                self.vacation(&mut arguments)?
            }
            "setflag" => self.flags(FlagChange::Set, at, &mut arguments)?,
            "addflag" => self.flags(FlagChange::Add, at, &mut arguments)?,
            "removeflag" => self.flags(FlagChange::Remove, at, &mut arguments)?,
            "set" => {
                self.needs("variables", "set", at)?;
                self.set(&mut arguments)?
            }
            "addheader" => {
                self.needs("editheader", "addheader", at)?;
                self.add_header(&mut arguments)?
            }
            "deleteheader" => {
                self.needs("editheader", "deleteheader", at)?;
                self.delete_header(at, &mut arguments)?
            }
            "require" => return Err(at.problem("require stands at the top of the script, in front of all else")),
            "elsif" | "else" => return Err(at.problem(format!("{} has no if in front of it", call.name))),
            name => return Err(at.problem(format!("the command {} is not known here", quoted(name)))),
        };
        arguments.end()?;
        no_block(command)?;
        Ok(compiled)
    }

    fn keep(&mut self, arguments: &mut Arguments<'_>) -> Result<Command, Problem> {
        let mut flags = None;
        while let Some((at, tag)) = arguments.tag() {
            match tag {
                "flags" => self.flags_tag(&mut flags, at, arguments)?,
                _ => return Err(arguments.unknown(at, tag)),
            }
        }
        Ok(Command::Keep { flags })
    }

    /// RFC 5228 §4.1, RFC 3894 §3, RFC 5232 §5, RFC 5490 §3.2, RFC 8579 §4.
    fn file_into(&mut self, arguments: &mut Arguments<'_>) -> Result<Command, Problem> {
        let (mut flags, mut special_use, mut copy, mut create) = (None, None, None, None);
        while let Some((at, tag)) = arguments.tag() {
            match tag {
                "flags" => self.flags_tag(&mut flags, at, arguments)?,
                "copy" => {
                    self.needs("copy", ":copy", at)?;
                    once(&mut copy, (), at, ":copy")?;
                }
                "create" => {
                    self.needs("mailbox", ":create", at)?;
                    once(&mut create, (), at, ":create")?;
                }
                "specialuse" => {
                    self.needs("special-use", ":specialuse", at)?;
                    let text = arguments.text(self, "a special use such as \"\\\\Junk\"")?;
                    once(&mut special_use, text, at, ":specialuse")?;
                }
                _ => return Err(arguments.unknown(at, tag)),
            }
        }
        let (at, name) = arguments.constant("the mailbox")?;
        let mailbox = self.text(at, name)?;
        if let [Piece::Literal(name)] = mailbox.0.as_slice()
            && let Err(why) = MailboxName::new(name)
        {
            return Err(at.problem(format!("{} is no name of a mailbox: {why}", quoted(name))));
        }
        Ok(Command::FileInto {
            mailbox,
            copy: copy.is_some(),
            create: create.is_some(),
            special_use,
            flags,
        })
    }

    /// RFC 5228 §4.2, RFC 3894 §4.
    fn redirect(&mut self, arguments: &mut Arguments<'_>) -> Result<Command, Problem> {
        let mut copy = None;
        while let Some((at, tag)) = arguments.tag() {
            match tag {
                "copy" => {
                    self.needs("copy", ":copy", at)?;
                    once(&mut copy, (), at, ":copy")?;
                }
                _ => return Err(arguments.unknown(at, tag)),
            }
        }
        Ok(Command::Redirect {
            address: self.address(arguments)?,
            copy: copy.is_some(),
        })
    }

    /// RFC 5230 §4, RFC 6131 §2.
    fn vacation(&mut self, arguments: &mut Arguments<'_>) -> Result<Command, Problem> {
        let (mut seconds, mut subject, mut from, mut handle) = (None, None, None, None);
        let (mut addresses, mut mime) = (None, None);
        while let Some((at, tag)) = arguments.tag() {
            match tag {
                "days" => {
                    let days = arguments.number("a number of days")?.max(1);
                    once(&mut seconds, days.saturating_mul(DAY), at, "length of time")?;
                }
                "seconds" => {
                    self.needs("vacation-seconds", ":seconds", at)?;
                    once(
                        &mut seconds,
                        arguments.number("a number of seconds")?,
                        at,
                        "length of time",
                    )?;
                }
                "subject" => once(&mut subject, arguments.text(self, "the subject")?, at, ":subject")?,
                "from" => once(&mut from, self.sender(arguments)?, at, ":from")?,
                "addresses" => {
                    let list = arguments.texts(self, "your other addresses")?;
                    once(&mut addresses, list, at, ":addresses")?;
                }
                "mime" => once(&mut mime, (), at, ":mime")?,
                "handle" => once(&mut handle, arguments.text(self, "a name")?, at, ":handle")?,
                _ => return Err(arguments.unknown(at, tag)),
            }
        }
        Ok(Command::Vacation(Box::new(Vacation {
            seconds: seconds.unwrap_or(VACATION_DAYS * DAY).min(limits::REMEMBERED),
            subject,
            from,
            addresses: addresses.unwrap_or_default(),
            mime: mime.is_some(),
            handle,
            reason: arguments.text(self, "the text of the reply")?,
        })))
    }

    /// RFC 5232 §3.
    fn flags(&mut self, change: FlagChange, at: Place, arguments: &mut Arguments<'_>) -> Result<Command, Problem> {
        self.needs("imap4flags", "changing flags", at)?;
        let variable = match arguments.left() {
            2 => {
                let (at, name) = arguments.constant("a variable")?;
                self.needs("variables", "a variable with flags", at)?;
                Some(self.variable(at, name)?)
            }
            _ => None,
        };
        Ok(Command::Flags {
            change,
            variable,
            flags: arguments.texts(self, "flags")?,
        })
    }

    /// RFC 5229 §4.
    fn set(&mut self, arguments: &mut Arguments<'_>) -> Result<Command, Problem> {
        let mut modifiers: Vec<Modifier> = Vec::new();
        while let Some((at, tag)) = arguments.tag() {
            let modifier = match tag {
                "lower" => Modifier::Lower,
                "upper" => Modifier::Upper,
                "lowerfirst" => Modifier::LowerFirst,
                "upperfirst" => Modifier::UpperFirst,
                "quotewildcard" => Modifier::QuoteWildcard,
                "length" => Modifier::Length,
                _ => return Err(arguments.unknown(at, tag)),
            };
            if modifiers
                .iter()
                .any(|other| other.precedence() == modifier.precedence())
            {
                return Err(at.problem(format!(":{tag} cannot stand beside another of its kind")));
            }
            modifiers.push(modifier);
        }
        modifiers.sort();
        let (at, name) = arguments.constant("the name of the variable")?;
        Ok(Command::Set {
            variable: self.variable(at, name)?,
            modifiers,
            value: arguments.text(self, "the value")?,
        })
    }

    /// RFC 5293 §4.
    fn add_header(&mut self, arguments: &mut Arguments<'_>) -> Result<Command, Problem> {
        let mut last = None;
        while let Some((at, tag)) = arguments.tag() {
            match tag {
                "last" => once(&mut last, (), at, ":last")?,
                _ => return Err(arguments.unknown(at, tag)),
            }
        }
        Ok(Command::AddHeader {
            last: last.is_some(),
            name: self.field_name(arguments)?,
            value: arguments.text(self, "the value")?,
        })
    }

    /// RFC 5293 §5, whose `:index` needs no other extension.
    fn delete_header(&mut self, at: Place, arguments: &mut Arguments<'_>) -> Result<Command, Problem> {
        let mut tags = Tags::new(Allowed::default());
        let (mut number, mut last) = (None, None);
        while let Some((at, tag)) = arguments.tag() {
            match tag {
                "index" => {
                    let which = arguments.number("which field, from 1")?;
                    if which == 0 {
                        return Err(at.problem("the first field has the :index 1"));
                    }
                    once(&mut number, usize::try_from(which).unwrap_or(usize::MAX), at, "index")?;
                }
                "last" => once(&mut last, at, at, ":last")?,
                _ if tags.take((at, tag), arguments, self)? => {}
                _ => return Err(arguments.unknown(at, tag)),
            }
        }
        let index = match (number, last) {
            (None, Some(at)) => return Err(at.problem(":last needs :index")),
            (number, last) => number.map(|number| program::Index {
                number,
                last: last.is_some(),
            }),
        };
        let name = self.field_name(arguments)?;
        let patterns = match arguments.left() {
            0 => None,
            _ => Some(arguments.texts(self, "values")?),
        };
        Ok(Command::DeleteHeader {
            compare: tags.compare(at)?,
            index,
            name,
            patterns,
        })
    }

    fn flags_tag(
        &mut self,
        flags: &mut Option<Vec<Text>>,
        at: Place,
        arguments: &mut Arguments<'_>,
    ) -> Result<(), Problem> {
        self.needs("imap4flags", ":flags", at)?;
        once(flags, arguments.texts(self, "flags")?, at, ":flags")
    }

    /// An address, which is checked as far as it is known already.
    fn address(&mut self, arguments: &mut Arguments<'_>) -> Result<Text, Problem> {
        let (at, source) = arguments.constant("the address")?;
        let text = self.text(at, source)?;
        match text.0.as_slice() {
            [Piece::Literal(literal)] if program::address(literal).is_none() => {
                Err(at.problem(format!("{} is no mail address", quoted(literal))))
            }
            _ => Ok(text),
        }
    }

    fn sender(&mut self, arguments: &mut Arguments<'_>) -> Result<Text, Problem> {
        let (at, source) = arguments.constant("an address")?;
        let text = self.text(at, source)?;
        match text.0.as_slice() {
            [Piece::Literal(literal)] if program::named_address(literal).is_none() => {
                Err(at.problem(format!("{} is no mail address", quoted(literal))))
            }
            _ => Ok(text),
        }
    }

    fn field_name(&mut self, arguments: &mut Arguments<'_>) -> Result<Text, Problem> {
        let (at, source) = arguments.constant("the name of a header field")?;
        let text = self.text(at, source)?;
        match text.0.as_slice() {
            [Piece::Literal(literal)] if !program::is_field_name(literal) => {
                Err(at.problem(format!("{} is no name of a header field", quoted(literal))))
            }
            _ => Ok(text),
        }
    }
}
