//! What became of an attempt, recipient by recipient.

use std::time::Duration;

use super::Destination;
use crate::mail::address::Address;
use crate::mail::dsn::Status;
use crate::mail::ids::AccountId;

/// The longest text of an answer that is kept, in octets.
const MAX_TEXT: usize = 900;

/// What a server said of a recipient, or we for want of one ("no address of example.org answers").
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The host that said it; `None`: we did.
    pub host: Option<String>,
    /// Its enhanced status code (RFC 3463), or [`Status::of_reply`] where it sent none.
    pub status: Status,
    text: String,
}

impl Answer {
    /// An answer. `text`: the whole reply with its code, lines joined by spaces; control characters go, and what is too
    /// long is cut off.
    pub fn new(host: Option<String>, status: Status, text: &str) -> Answer {
        let mut text: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect::<String>()
            .trim()
            .to_owned();
        while text.len() > MAX_TEXT {
            text.pop();
        }
        Answer { host, status, text }
    }

    /// The reply's text, without control characters.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A recipient of an account's mail that failed for good.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// Whose mail.
    pub account: AccountId,
    /// To whom.
    pub to: Address,
    /// Why.
    pub answer: Answer,
}

/// What became of one recipient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// In a mailbox of this server.
    Delivered(Answer),
    /// It goes on under an entry of its own, which tells its sender what there is to tell.
    Forwarded(Answer),
    /// Another server took it.
    Relayed {
        /// Its answer.
        answer: Answer,
        /// Whether it was told NOTIFY, so that it reports from here on (RFC 3461 §5.2.1). If not, we tell a sender who
        /// asked for it that the message was relayed (§5.2.2).
        dsn: bool,
        /// Whether it was told BY, so that it keeps the time from here on (RFC 2852 §4.1).
        deliver_by: bool,
    },
    /// Not now.
    Deferred {
        /// Why.
        answer: Answer,
        /// When to try again instead of when the settings say.
        retry: Option<Duration>,
    },
    /// Never.
    Failed(Answer),
    /// It is to go elsewhere, at once.
    Rerouted(Destination),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_one_line_of_bounded_length() {
        let answer = Answer::new(None, Status::new(5, 1, 1), " 550 no\r\nX: y\0 ");
        assert_eq!(answer.text(), "550 no  X: y");
        assert_eq!(
            Answer::new(None, Status::new(5, 1, 1), &"ö".repeat(2000)).text().len(),
            MAX_TEXT
        );
    }
}
