//! Filters beside the server, spoken to by the milter protocol, version 6: rspamd, or any other.
//!
//! A message is shown to each filter when it is complete, on a connection of its own ([`conversation`]); what a filter wants changed
//! is changed ([`edits`]) before the next one sees it. Nothing that a filter wants dropped is dropped: it goes to Junk.
//!
//! Invariants: a filter that is not there, or takes longer than `milter.timeout` for one answer, does what `milter.unavailable`
//! says; its words never stand in a reply, only in the log; as many messages as [`MAX_SHOWN`] are in memory for it.
//!
//! Deliberately absent: changing the envelope (recipients, sender), which no filter is allowed here.

use std::net::SocketAddr;

use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::config::{self, Action, Filter};

use conversation::{Conversation, Stream};
use edits::Edit;

mod conversation;
mod edits;

/// Messages that are shown to filters at the same time.
const MAX_SHOWN: usize = 16;

/// All filters of a server.
pub struct Milters {
    settings: config::Milter,
    shown: Semaphore,
}

/// What a filter is told about a message.
#[derive(Clone, Debug)]
pub struct Letter<'a> {
    /// This server's name.
    pub hostname: &'a str,
    /// Where the client connects from.
    pub client: SocketAddr,
    /// What EHLO or HELO said.
    pub hello: &'a str,
    /// The message's name in Received and in the log.
    pub id: String,
    /// MAIL, without brackets.
    pub sender: String,
    /// RCPT, without brackets.
    pub recipients: Vec<String>,
}

/// What becomes of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// What.
    pub action: Action,
    /// The message as the filters want it, if they want it otherwise.
    pub message: Option<Vec<u8>>,
}

/// What one filter says.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Answer {
    /// Take it, with these changes.
    Accept(Vec<Edit>),
    /// Take it, but not to INBOX.
    Junk(Vec<Edit>),
    /// Not now.
    Tempfail,
    /// Never.
    Reject,
}

impl Milters {
    /// Connects to nobody yet.
    pub fn new(settings: &config::Milter) -> Milters {
        Milters {
            settings: settings.clone(),
            shown: Semaphore::new(MAX_SHOWN),
        }
    }

    /// Whether there are any.
    pub fn are_there(&self) -> bool {
        !self.settings.filters.is_empty()
    }

    /// Waits for a place among those that are shown, which is to be had before the message is in memory.
    pub async fn place(&self) -> Option<SemaphorePermit<'_>> {
        self.shown.acquire().await.ok()
    }

    /// Shows a whole message to all of them, in their order. `own`: how many fields at its beginning are ours, which they do not
    /// see. Never fails: what then becomes of a message is a setting.
    pub async fn judge(&self, letter: &Letter<'_>, message: Vec<u8>, own: usize) -> Decision {
        let (mut message, mut changed, mut action) = (message, false, Action::Accept);
        for filter in &self.settings.filters {
            let answer = match self.ask(filter, letter, &message, own).await {
                Ok(answer) => answer,
                Err(error) => {
                    tracing::warn!(%error, filter = %filter, "a filter does not answer");
                    match self.settings.unavailable {
                        Action::Accept => continue,
                        Action::Junk => Answer::Junk(Vec::new()),
                        Action::Tempfail => Answer::Tempfail,
                        Action::Reject => Answer::Reject,
                    }
                }
            };
            let edits = match answer {
                Answer::Accept(edits) => edits,
                Answer::Junk(edits) => {
                    action = Action::Junk;
                    edits
                }
                Answer::Tempfail => return Decision::without(Action::Tempfail),
                Answer::Reject => return Decision::without(Action::Reject),
            };
            if edits.iter().any(|edit| edit.marks_junk(&self.settings.junk_field)) {
                action = Action::Junk;
            }
            if !edits.is_empty() {
                message = edits::apply(&message, own, edits);
                changed = true;
            }
        }
        Decision {
            action,
            message: changed.then_some(message),
        }
    }

    async fn ask(&self, filter: &Filter, letter: &Letter<'_>, message: &[u8], own: usize) -> std::io::Result<Answer> {
        let limit = self.settings.timeout.get();
        let connecting = async {
            Ok::<Box<dyn Stream>, std::io::Error>(match filter {
                Filter::Inet(address) => Box::new(TcpStream::connect(address).await?),
                Filter::Unix(path) => Box::new(UnixStream::connect(path).await?),
            })
        };
        let stream = timeout(limit, connecting)
            .await
            .map_err(|_| std::io::ErrorKind::TimedOut)??;
        let answer = Conversation::new(stream, limit).hold(letter, message, own).await?;
        tracing::debug!(filter = %filter, ?answer, "a filter answered");
        Ok(answer)
    }
}

impl Decision {
    fn without(action: Action) -> Decision {
        Decision { action, message: None }
    }
}
