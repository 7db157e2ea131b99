//! Answers (RFC 5804 §1.2, §1.3, §4).

use std::fmt::Write;

use crate::mailbox::{self, ScriptError};
use crate::sieve::Problem;

/// The longest quoted string (RFC 5804 §4); what is longer is sent as a literal.
const QUOTED: usize = 1024;

/// An answer to a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: Status,
    /// What stands in parentheses.
    code: Option<String>,
    text: String,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    No,
    /// A NO to what is no command, or not one now. Too many end the connection.
    Bad,
    Bye,
}

impl Reply {
    pub(super) fn ok(text: &str) -> Reply {
        Reply::new(Status::Ok, text)
    }

    pub(super) fn no(text: &str) -> Reply {
        Reply::new(Status::No, text)
    }

    pub(super) fn bad(text: &str) -> Reply {
        Reply::new(Status::Bad, text)
    }

    pub(super) fn bye(text: &str) -> Reply {
        Reply::new(Status::Bye, text)
    }

    /// With a response code.
    pub(super) fn code(self, code: &str) -> Reply {
        Reply {
            code: Some(code.to_owned()),
            ..self
        }
    }

    /// What is wrong with a script, a line for each.
    pub(super) fn problems(status: Status, problems: &[Problem]) -> Reply {
        let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
        Reply::new(status, &lines.join("\r\n"))
    }

    fn new(status: Status, text: &str) -> Reply {
        Reply {
            status,
            code: None,
            text: text.to_owned(),
        }
    }

    /// As it goes over the wire.
    pub(super) fn write(&self, output: &mut Vec<u8>) {
        let mut line = String::from(match self.status {
            Status::Ok => "OK",
            Status::No | Status::Bad => "NO",
            Status::Bye => "BYE",
        });
        if let Some(code) = &self.code {
            // Writing to a string cannot fail.
            let _ = write!(line, " ({code})");
        }
        if !self.text.is_empty() {
            let _ = write!(line, " {}", string(&self.text));
        }
        output.extend_from_slice(line.as_bytes());
        output.extend_from_slice(b"\r\n");
    }
}

impl From<ScriptError> for Reply {
    fn from(error: ScriptError) -> Reply {
        match error {
            ScriptError::NotFound => Reply::no("There is no script of that name").code("NONEXISTENT"),
            ScriptError::AlreadyExists => Reply::no("There is a script of that name already").code("ALREADYEXISTS"),
            ScriptError::Active => Reply::no("The script is active").code("ACTIVE"),
            ScriptError::TooMany => Reply::no("You have as many scripts as you may have").code("QUOTA/MAXSCRIPTS"),
            ScriptError::TooLarge => Reply::no("The script is too large").code("QUOTA/MAXSIZE"),
        }
    }
}

/// The one place where the cause goes to the log.
impl From<mailbox::Error> for Reply {
    fn from(error: mailbox::Error) -> Reply {
        tracing::error!(
            cause = format!("{:#}", anyhow::Error::from(error)),
            "scripts cannot be reached"
        );
        Reply::no("The scripts cannot be reached now, try again later").code("TRYLATER")
    }
}

/// A string: in quotes if it can be, else a literal.
pub(super) fn string(text: &str) -> String {
    let plain = text.len() <= QUOTED && !text.contains(['\r', '\n', '\0']);
    if !plain {
        return format!("{{{}}}\r\n{text}", text.len());
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_it_goes_over_the_wire() {
        for (reply, wanted) in [
            (Reply::ok("Done"), "OK \"Done\"\r\n"),
            (Reply::ok(""), "OK\r\n"),
            (Reply::bad("a \"b\" \\"), "NO \"a \\\"b\\\" \\\\\"\r\n"),
            (Reply::bye("x").code("TRYLATER"), "BYE (TRYLATER) \"x\"\r\n"),
            (Reply::no("a\r\nb"), "NO {4}\r\na\r\nb\r\n"),
        ] {
            let mut output = Vec::new();
            reply.write(&mut output);
            assert_eq!(String::from_utf8(output).unwrap(), wanted);
        }
        assert!(string(&"x".repeat(1025)).starts_with("{1025}\r\n"));
    }
}
