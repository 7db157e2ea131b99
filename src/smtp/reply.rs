//! Replies: three digits, an enhanced status code and a text (RFC 5321 §4.2, RFC 3463, RFC 2034).
//!
//! Invariants: a text is a constant or built from our own settings and numbers, never from what a client or a message
//! chose; so no reply can carry a line end or a word of somebody else's (but what a filter of our own settings says, as one line of
//! printable ASCII). Errors of the domain become replies here and
//! nowhere else; their cause goes to the log and stays there.

use std::borrow::Cow;
use std::io;

use crate::accounts::{ComeBack, LoginError};
use crate::delivery;

/// A reply to one command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reply {
    code: u16,
    /// Empty where RFC 2034 §4 wants none: greetings, EHLO and 3yz.
    status: &'static str,
    text: Cow<'static, str>,
    /// Further lines.
    more: Vec<Cow<'static, str>>,
    /// Whether it is about a recipient, and not about how the client asks.
    of_recipient: bool,
}

// What has one cause and one wording. The rest stands where it is used.
impl Reply {
    pub(crate) const OK: Reply = Reply::new(250, "2.0.0", "OK");
    pub(crate) const GO_ON: Reply = Reply::new(354, "", "End data with <CR><LF>.<CR><LF>");

    pub(crate) const SHUTTING_DOWN: Reply = Reply::new(421, "4.3.2", "Shutting down, come again later");
    pub(crate) const TIMED_OUT: Reply = Reply::new(421, "4.4.2", "Timed out");
    pub(crate) const TOO_MANY_ERRORS: Reply = Reply::new(421, "4.7.0", "Too many errors");
    pub(crate) const TOO_MANY_LOGINS: Reply = Reply::new(421, "4.7.0", "Too many failed logins");
    pub(crate) const NOT_SMTP: Reply = Reply::new(421, "4.5.0", "This is an SMTP server");

    /// What follows may be a chunk and may be commands: nobody can tell.
    pub(crate) const LOST_CHUNK: Reply = Reply::new(421, "4.5.2", "Syntax: BDAT chunk-size [LAST]");

    pub(crate) const TOO_MANY_UNKNOWN: Reply = Reply::new(421, "4.7.0", "Too many recipients that do not exist");
    pub(crate) const TOO_MUCH: Reply = Reply::new(450, "4.7.0", "Too much from you within the hour, try again later");

    pub(crate) const STORAGE_FAILED: Reply = Reply::new(451, "4.3.0", "Storage failed, try again later");
    pub(crate) const NO_SPACE: Reply = Reply::new(452, "4.3.1", "No space left, try again later");
    pub(crate) const MAILBOX_FULL: Reply = Reply::new(452, "4.2.2", "Mailbox full, try again later");
    pub(crate) const LOGIN_UNAVAILABLE: Reply =
        Reply::new(454, "4.7.0", "Authentication is unavailable, try again later");

    pub(crate) const UNKNOWN: Reply = Reply::new(500, "5.5.1", "Unknown command");
    pub(crate) const SAY_LHLO: Reply = Reply::new(500, "5.5.1", "This is LMTP, send LHLO");
    pub(crate) const LINE_TOO_LONG: Reply = Reply::new(500, "5.5.2", "Line too long");
    pub(crate) const LOGIN_TOO_LONG: Reply = Reply::new(500, "5.5.6", "Authentication exchange line too long");
    pub(crate) const LINE_END: Reply = Reply::new(500, "5.5.2", "Lines end with CRLF and nothing else");
    pub(crate) const CONTROLS: Reply = Reply::new(500, "5.5.2", "Control characters in a command");
    pub(crate) const NOT_UTF8: Reply = Reply::new(500, "5.5.2", "Neither ASCII nor UTF-8");
    pub(crate) const NO_ARGUMENT: Reply = Reply::new(501, "5.5.4", "No argument is allowed here");
    pub(crate) const NOT_IMPLEMENTED: Reply = Reply::new(502, "5.5.1", "Command not implemented");
    pub(crate) const SAY_HELLO: Reply = Reply::new(503, "5.5.1", "Send EHLO first");
    pub(crate) const NOT_NOW: Reply = Reply::new(503, "5.5.1", "Not during a mail transaction");
    pub(crate) const SAY_MAIL: Reply = Reply::new(503, "5.5.1", "Send MAIL first");
    pub(crate) const MIXED: Reply = Reply::new(503, "5.5.1", "Not between the chunks of a message");
    pub(crate) const NEEDS_BDAT: Reply = Reply::new(503, "5.5.1", "BODY=BINARYMIME comes by BDAT");
    pub(crate) const NEEDS_TLS: Reply = Reply::new(530, "5.7.0", "Must issue a STARTTLS command first");
    pub(crate) const NEEDS_LOGIN: Reply = Reply::new(530, "5.7.0", "Authentication required");
    pub(crate) const LOGIN_REFUSED: Reply = Reply::new(535, "5.7.8", "Authentication credentials invalid");
    pub(crate) const LINE_ENDS: Reply = Reply::new(550, "5.6.0", "Message has a bare CR, a bare LF or a NUL");
    pub(crate) const NEEDS_SMTPUTF8: Reply = Reply::new(553, "5.6.7", "Address needs SMTPUTF8");
    pub(crate) const TOO_LARGE: Reply = Reply::new(552, "5.3.4", "Message exceeds the size limit");
    pub(crate) const NO_RECIPIENTS: Reply = Reply::new(554, "5.5.1", "No valid recipients");
    pub(crate) const UNSUPPORTED_PARAMETER: Reply =
        Reply::new(555, "5.5.4", "Parameter not recognized or not implemented");
}

impl Reply {
    /// A reply of one line. `status` may be empty, only where RFC 2034 §4 allows it.
    pub(crate) const fn new(code: u16, status: &'static str, text: &'static str) -> Reply {
        Reply {
            code,
            status,
            text: Cow::Borrowed(text),
            more: Vec::new(),
            of_recipient: false,
        }
    }

    /// A reply whose text is made from our settings or numbers.
    pub(crate) fn made(code: u16, status: &'static str, text: String) -> Reply {
        Reply {
            text: Cow::Owned(text),
            ..Reply::new(code, status, "")
        }
    }

    /// With a further line.
    pub(crate) fn and(mut self, line: impl Into<Cow<'static, str>>) -> Reply {
        self.more.push(line.into());
        self
    }

    /// As a recipient is refused: a list with many that are gone is sent by nobody who errs. How many of them may be asked
    /// for is limited elsewhere.
    pub(crate) fn of_recipient(mut self) -> Reply {
        self.of_recipient = true;
        self
    }

    /// The three digits.
    pub(crate) fn code(&self) -> u16 {
        self.code
    }

    /// Whether it refuses for good.
    pub(crate) fn is_permanent(&self) -> bool {
        self.code >= 500
    }

    /// Whether it is of those that a client that errs collects.
    pub(crate) fn is_error(&self) -> bool {
        self.is_permanent() && !self.of_recipient
    }

    /// Whether the connection ends behind it (RFC 5321 §3.8).
    pub(crate) fn closes(&self) -> bool {
        matches!(self.code, 221 | 421)
    }

    /// Appends it as it goes over the wire, the enhanced status code on every line (RFC 2034 §4).
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let lines = 1 + self.more.len();
        for (index, text) in std::iter::once(&self.text).chain(&self.more).enumerate() {
            let separator = if index + 1 == lines { ' ' } else { '-' };
            out.extend_from_slice(format!("{}{separator}", self.code).as_bytes());
            if !self.status.is_empty() {
                out.extend_from_slice(self.status.as_bytes());
                out.push(b' ');
            }
            out.extend_from_slice(text.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
}

impl From<io::Error> for Reply {
    fn from(error: io::Error) -> Reply {
        Reply::from(delivery::Error::from(error))
    }
}

impl From<delivery::Error> for Reply {
    fn from(error: delivery::Error) -> Reply {
        match error {
            delivery::Error::NoSpace(cause) => {
                tracing::error!(%cause, "no space left for mail");
                Reply::NO_SPACE
            }
            delivery::Error::OverQuota => Reply::MAILBOX_FULL,
            delivery::Error::Malformed => Reply::LINE_ENDS,
            delivery::Error::TooLarge => Reply::TOO_LARGE,
            delivery::Error::Rejected(reason) => rejected(&reason),
            delivery::Error::Junk => Reply::new(550, "5.7.1", "Judged to be junk, which is not forwarded"),
            delivery::Error::Loop => Reply::new(554, "5.4.6", "Has come by this alias before, it runs in circles"),
            delivery::Error::Unavailable(cause) => {
                tracing::error!(cause = format!("{cause:#}"), "mail cannot be taken at the moment");
                Reply::STORAGE_FAILED
            }
        }
    }
}

/// What a rule says to the sender (RFC 5429 §2.1.1), as far as a reply can carry it: one line of ASCII.
fn rejected(reason: &str) -> Reply {
    const LONGEST: usize = 400;
    let line = reason.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let plain = !line.is_empty() && line.len() <= LONGEST && line.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    match plain {
        true => Reply::made(550, "5.7.1", line),
        false => Reply::new(550, "5.7.1", "Rejected by a rule of the recipient"),
    }
}

impl From<LoginError> for Reply {
    fn from(error: LoginError) -> Reply {
        match error {
            LoginError::Refused(_) | LoginError::NotAuthorized => Reply::LOGIN_REFUSED,
            LoginError::Blocked(end) => Reply::made(454, "4.7.0", ComeBack(end).to_string()),
            LoginError::Unavailable(cause) => {
                tracing::error!(cause = format!("{cause:#}"), "logins cannot be checked at the moment");
                Reply::LOGIN_UNAVAILABLE
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn written(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn as_it_goes_over_the_wire() {
        assert_eq!(written(&Reply::OK), "250 2.0.0 OK\r\n");
        assert_eq!(written(&Reply::GO_ON), "354 End data with <CR><LF>.<CR><LF>\r\n");
        let three = Reply::new(214, "2.0.0", "a").and("b").and("c".to_owned());
        assert_eq!(written(&three), "214-2.0.0 a\r\n214-2.0.0 b\r\n214 2.0.0 c\r\n");
    }

    #[test]
    fn what_failed_below_is_temporary_and_says_no_more_than_it_must() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(Reply::from(full), Reply::NO_SPACE);
        let quota = io::Error::from(io::ErrorKind::QuotaExceeded);
        assert_eq!(Reply::from(quota), Reply::NO_SPACE);
        let secret = io::Error::other("/var/lib/secret");
        assert_eq!(Reply::from(secret), Reply::STORAGE_FAILED);
        let unavailable = LoginError::Unavailable(anyhow::anyhow!("secret"));
        assert_eq!(Reply::from(unavailable), Reply::LOGIN_UNAVAILABLE);
        assert_eq!(Reply::from(LoginError::Refused(Duration::ZERO)), Reply::LOGIN_REFUSED);
    }
}
