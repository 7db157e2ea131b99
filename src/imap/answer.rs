//! How a command ends: a tagged answer (RFC 9051 §7.1) with a code of RFC 5530, or the end of the connection.

use super::parse::ParseError;
use crate::mailbox::Error;
use crate::net::connection::ReadError;
use std::io;

/// A tagged answer (RFC 9051 §7.1). `code` is without brackets; `text` is a constant or built from numbers, never from what
/// a client or a message chose.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) kind: AnswerKind,
    pub(crate) code: Option<String>,
    pub(crate) text: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AnswerKind {
    Ok,
    No,
    Bad,
}

impl Answer {
    pub(crate) fn ok(text: &str) -> Answer {
        Answer {
            kind: AnswerKind::Ok,
            code: None,
            text: text.to_owned(),
        }
    }

    pub(crate) fn no(code: Option<&str>, text: &str) -> Answer {
        Answer {
            kind: AnswerKind::No,
            code: code.map(str::to_owned),
            text: text.to_owned(),
        }
    }

    pub(crate) fn bad(text: &str) -> Answer {
        Answer {
            kind: AnswerKind::Bad,
            code: None,
            text: text.to_owned(),
        }
    }

    pub(crate) fn with_code(mut self, code: String) -> Answer {
        self.code = Some(code);
        self
    }
}

/// What a command returns: its tagged answer.
pub(crate) type Outcome = Result<Answer, Failure>;

/// Why a command did not end in an OK.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Say so and go on.
    Answer(Answer),
    /// Say goodbye with this text (RFC 9051 §7.1.5) and end.
    Bye(&'static str),
    /// The client is gone.
    Disconnected(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Disconnected(error)
    }
}

/// A client that says nothing for too long is logged out (RFC 9051 §5.4).
impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Failure {
        match error {
            ReadError::Closed => Failure::Disconnected(io::ErrorKind::UnexpectedEof.into()),
            ReadError::TimedOut => Failure::Bye("Autologout; idle for too long"),
            ReadError::LineTooLong => Failure::Answer(Answer::bad("Line too long")),
            ReadError::Io(error) => Failure::Disconnected(error),
        }
    }
}

/// How a line that is no command is answered.
impl From<ParseError> for Failure {
    fn from(error: ParseError) -> Failure {
        Failure::Answer(match error {
            ParseError::Bad { text, .. } => Answer::bad(&text),
            ParseError::BadCharset { .. } => Answer::no(Some("BADCHARSET"), "The charset is not known"),
            ParseError::UseAttribute { .. } => Answer::no(Some("USEATTR"), "No mailbox can have that use here"),
            ParseError::Hopeless { text } => return Failure::Bye(text),
        })
    }
}

/// The one mapping from domain errors to IMAP answers (RFC 5530 §3). The cause goes to the log here and nowhere else.
///
/// NONEXISTENT is not right where the client may create what is missing: APPEND, COPY and MOVE answer TRYCREATE
/// themselves.
impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let (code, text) = match error {
            Error::NotFound => ("NONEXISTENT", "There is no such mailbox"),
            Error::NotPermitted => ("NOPERM", "You do not have the right to do that"),
            Error::AlreadyExists => ("ALREADYEXISTS", "There is a mailbox of that name already"),
            Error::InvalidName(why) => return Failure::Answer(Answer::no(Some("CANNOT"), &why.to_string())),
            Error::NotPossible(why) => ("CANNOT", why),
            Error::TooManyKeywords => ("LIMIT", "The mailbox has no room for a further keyword"),
            Error::TooManyAnnotations => ("METADATA TOOMANY", "There are as many annotations as there may be"),
            Error::Limit(what) => ("LIMIT", what),
            Error::NoSpace(cause) => {
                tracing::error!(%cause, "no space left");
                match cause.kind() {
                    io::ErrorKind::QuotaExceeded => ("OVERQUOTA", "The quota is used up"),
                    _ => ("UNAVAILABLE", "No space left on the server; try again later"),
                }
            }
            Error::Storage(cause) => {
                tracing::error!(cause = format_args!("{cause:#}"), "storage failed");
                ("UNAVAILABLE", "The storage does not answer; try again later")
            }
        };
        Failure::Answer(Answer::no(Some(code), text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::mailbox_name::MailboxName;

    #[test]
    fn each_error_has_its_code_and_its_cause_stays_here() {
        let code = |error: Error| match Failure::from(error) {
            Failure::Answer(Answer {
                kind: AnswerKind::No,
                code: Some(code),
                text,
            }) => {
                assert!(
                    !text.contains("secret") && text.bytes().all(|b| matches!(b, b' '..=b'~')),
                    "{text}"
                );
                code
            }
            other => panic!("{other:?}"),
        };
        let io = |kind| std::io::Error::new(kind, "secret\r\n");
        assert_eq!(code(Error::NotFound), "NONEXISTENT");
        assert_eq!(code(Error::NotPermitted), "NOPERM");
        assert_eq!(code(Error::AlreadyExists), "ALREADYEXISTS");
        assert_eq!(code(Error::InvalidName(MailboxName::new("a\0").unwrap_err())), "CANNOT");
        assert_eq!(code(Error::TooManyKeywords), "LIMIT");
        assert_eq!(code(Error::NoSpace(io(std::io::ErrorKind::StorageFull))), "UNAVAILABLE");
        assert_eq!(code(Error::NoSpace(io(std::io::ErrorKind::QuotaExceeded))), "OVERQUOTA");
        assert_eq!(code(Error::Storage(anyhow::anyhow!("secret"))), "UNAVAILABLE");
    }

    #[test]
    fn silence_is_answered_by_a_goodbye() {
        assert!(matches!(Failure::from(ReadError::TimedOut), Failure::Bye(_)));
        assert!(matches!(Failure::from(ReadError::Closed), Failure::Disconnected(_)));
    }
}
