//! Filters beside this server: asked about a message that is complete, by the milter protocol of Sendmail (version 6).
//!
//! A message is in the spool before its last dot is answered. So all steps, from who has connected to the end of the message,
//! are gone through then and there, on a connection of its own: a filter neither waits for a slow client nor holds one up, and
//! what it says of one recipient it says of the message, for which there is one reply (RFC 5321 §4.2.5).
//!
//! Invariants: a filter that hangs, dies or speaks rubbish at any point has the outcome that the settings name, and the message
//! is then as it was before; nothing is dropped, whatever a filter says: such mail goes to Junk, and its header says why. Memory is
//! bounded by the header, a piece of the body and the longest packet.

use std::net::SocketAddr;
use std::sync::Arc;
use std::{fmt, io};

use crate::config::{Config, Milter, MilterFailure, MilterMail, MilterService};
use crate::mail::envelope::Envelope;
use crate::mail::ids::QueueId;
use crate::net::connection::{ReadError, TlsInfo};
use crate::storage::spool::Incoming;

pub use answer::Said;
use conversation::{Question, Verdict};
use message::Message;

mod answer;
mod conversation;
mod edit;
mod message;
mod options;
mod packet;
mod step;

/// The filters of a server, in the order in which they are asked. Cheap to clone.
#[derive(Clone)]
pub struct Milters {
    filters: Arc<[Milter]>,
    limits: Limits,
}

/// What filters may make of a message.
#[derive(Clone, Copy)]
struct Limits {
    /// Octets of a new body.
    max_size: u64,
    max_recipients: usize,
}

/// Whose message it is, and how it came.
#[derive(Clone, Debug)]
pub struct Client {
    /// By which service.
    pub service: MilterService,
    /// Whether the settings trust it (`origin.trusted`).
    pub trusted: bool,
    /// What the message is called here.
    pub id: QueueId,
    /// This server's name.
    pub server: String,
    /// From where.
    pub peer: SocketAddr,
    /// To where.
    pub local: SocketAddr,
    /// The name that leads back to its address, if it is known.
    pub name: Option<String>,
    /// What it called itself.
    pub hello: String,
    /// How the connection was encrypted.
    pub tls: Option<TlsInfo>,
    /// Who is logged in, and by which mechanism of SASL.
    pub login: Option<(String, &'static str)>,
}

/// A message that all filters let pass.
pub struct Passed {
    /// As they want it.
    pub message: Incoming,
    /// Why it goes to Junk, of each filter that wants it: lines for people.
    pub junk: Vec<String>,
}

/// Why a message is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A filter refuses it.
    #[error("refused by a filter: {} {}", .0.code, .0.text)]
    Said(Said),
    /// A filter could not be asked, and the settings want the client to come again.
    #[error("a filter could not be asked")]
    NotAsked,
    /// No filter could be shown so large a header.
    #[error("the header is too large")]
    LargeHeader,
    /// A disk failed.
    #[error("the message could not be read or written")]
    Storage(#[source] io::Error),
}

/// What went wrong between us and a filter.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("no connection: {0}")]
    Unreachable(io::Error),
    #[error("it has ended the connection")]
    Closed,
    #[error("it has not answered in time")]
    TimedOut,
    #[error("it sent {0}")]
    Rubbish(&'static str),
}

/// Why there is no verdict.
#[derive(Debug)]
enum Failure {
    Filter(Problem),
    LargeHeader,
    Storage(io::Error),
}

impl Milters {
    /// The filters of the settings. Nobody is asked yet.
    pub fn new(config: &Config) -> Milters {
        Milters {
            filters: config.milter.as_slice().into(),
            limits: Limits {
                max_size: config.smtp.max_message_size.get(),
                max_recipients: config.smtp.max_recipients,
            },
        }
    }

    /// Asks all filters that care for this client's mail, each about what the one before has made of it. The first `front`
    /// octets of the message are not shown. If it is refused, the envelope may have been changed.
    pub async fn pass(
        &self,
        client: &Client,
        envelope: &mut Envelope,
        message: Incoming,
        front: u64,
    ) -> Result<Passed, Refusal> {
        let filters: Vec<&Milter> = self.filters.iter().filter(|filter| cares(filter, client)).collect();
        let mut junk = Vec::new();
        if filters.is_empty() {
            return Ok(Passed { message, junk });
        }
        let mut message = Message::read(message, front).await.map_err(refusal)?;
        for filter in filters {
            let question = Question {
                client,
                envelope,
                message: &message,
                limits: &self.limits,
            };
            let (mut edits, leading_space) = match conversation::hold(filter, question).await {
                Ok(Verdict::Take(edits, leading_space)) => (edits, leading_space),
                Ok(Verdict::Refuse(said)) => {
                    tracing::info!(
                        filter = filter.name,
                        code = said.code,
                        text = said.text,
                        "refused by a filter"
                    );
                    return Err(Refusal::Said(said));
                }
                Err(Failure::Filter(problem)) => {
                    tracing::warn!(filter = filter.name, %problem, outcome = ?filter.on_failure, "a filter failed");
                    match filter.on_failure {
                        MilterFailure::Accept => continue,
                        MilterFailure::Tempfail => return Err(Refusal::NotAsked),
                    }
                }
                Err(failure) => return Err(refusal(failure)),
            };
            edits.address(envelope, &self.limits);
            if edits.junk.is_none() && edits.marks(&filter.junk_fields) {
                edits.junk = Some("it takes the message for spam".to_owned());
            }
            if let Some(reason) = &edits.junk {
                tracing::info!(filter = filter.name, reason, "junk, says a filter");
                junk.push(format!("the filter {}: {reason}", filter.name));
            }
            message = message.changed(*edits, leading_space).await.map_err(refusal)?;
        }
        Ok(Passed {
            message: message.file,
            junk,
        })
    }
}

/// Whether the filter is asked about mail of this client.
fn cares(filter: &Milter, client: &Client) -> bool {
    let trusted = client.service == MilterService::Smtp && client.trusted;
    filter.services.contains(&client.service) && (!trusted || filter.mail == MilterMail::All)
}

fn refusal(failure: Failure) -> Refusal {
    match failure {
        Failure::Filter(_) => Refusal::NotAsked,
        Failure::LargeHeader => Refusal::LargeHeader,
        Failure::Storage(cause) => Refusal::Storage(cause),
    }
}

impl Client {
    /// Its name, or its address as an address literal (RFC 5321 §4.1.3).
    fn shown_name(&self) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None => format!("[{}]", self.peer.ip().to_canonical()),
        }
    }

    #[cfg(test)]
    fn example() -> Client {
        Client {
            service: MilterService::Smtp,
            trusted: false,
            id: QueueId(0x123),
            server: "mx.example.org".to_owned(),
            peer: SocketAddr::from(([192, 0, 2, 1], 1234)),
            local: SocketAddr::from(([192, 0, 2, 2], 25)),
            name: None,
            hello: "mail.example.net".to_owned(),
            tls: None,
            login: None,
        }
    }
}

/// By its number of filters: what they are is in the settings.
impl fmt::Debug for Milters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Milters({})", self.filters.len())
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure::Filter(problem)
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Problem {
        match error {
            ReadError::TimedOut => Problem::TimedOut,
            ReadError::Closed | ReadError::LineTooLong => Problem::Closed,
            ReadError::Io(cause) => Problem::Unreachable(cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_whose_mail_a_filter_is_asked() {
        let filter = |services: Vec<MilterService>, mail| Milter {
            name: "x".to_owned(),
            address: crate::config::Destination::Unix("/nowhere".into()),
            services,
            mail,
            on_failure: MilterFailure::Tempfail,
            junk_fields: Vec::new(),
            connect_timeout: crate::config::Period::seconds(1),
            timeout: crate::config::Period::seconds(1),
            deadline: crate::config::Period::seconds(1),
        };
        use MilterMail::{All, Strangers};
        use MilterService::{Smtp, Submission};
        for (services, mail, service, trusted, wanted) in [
            (vec![Smtp], Strangers, Smtp, false, true),
            (vec![Smtp], Strangers, Smtp, true, false),
            (vec![Smtp], All, Smtp, true, true),
            (vec![Smtp], All, Submission, true, false),
            (vec![Submission], Strangers, Submission, true, true),
            (vec![Submission], All, Smtp, false, false),
        ] {
            let client = Client {
                service,
                trusted,
                ..Client::example()
            };
            assert_eq!(cares(&filter(services, mail), &client), wanted, "{service:?} {trusted}");
        }
    }
}
