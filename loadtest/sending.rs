//! Sends the messages of a run over several connections at the same time, and counts what became of each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use indicatif::ProgressBar;
use tokio::task::JoinSet;

use crate::message::Run;
use crate::progress;
use crate::smtp::{Accepted, Outcome, Smtp};
use crate::stats::Latencies;
use crate::table::Report;
use crate::target::Target;

/// Connections that one sender may lose before it gives up.
const MAX_BROKEN: usize = 10;

/// What is to be sent.
pub(crate) struct Sending<To> {
    pub(crate) target: Arc<Target>,
    pub(crate) run: Arc<Run>,
    pub(crate) messages: usize,
    /// At the same time.
    pub(crate) connections: usize,
    /// The reverse-path.
    pub(crate) from: String,
    /// The forward-path of a message.
    pub(crate) to: To,
}

/// What became of it.
#[derive(Default)]
pub(crate) struct Sent {
    /// The numbers of messages, each with the moment of its 250.
    pub(crate) accepted: Vec<(usize, Accepted)>,
    refused: BTreeMap<String, usize>,
    /// Connections that broke, each with a message whose fate is unknown.
    broken: usize,
    error: Option<String>,
}

/// What all senders share.
struct Common<To> {
    sending: Sending<To>,
    next: AtomicUsize,
    bar: ProgressBar,
}

impl<To: Fn(usize) -> String + Send + Sync + 'static> Sending<To> {
    /// Sends everything.
    pub(crate) async fn send(self) -> Result<Sent> {
        let connections = self.connections.clamp(1, self.messages.max(1));
        let common = Arc::new(Common {
            bar: progress::bar("sending", self.messages as u64),
            next: AtomicUsize::new(0),
            sending: self,
        });
        let mut senders = JoinSet::new();
        for _ in 0..connections {
            let common = common.clone();
            senders.spawn(async move { common.connections_in_turn().await });
        }
        let mut all = Sent::default();
        while let Some(sent) = senders.join_next().await {
            all.add(sent?);
        }
        common.bar.finish_and_clear();
        Ok(all)
    }
}

impl<To: Fn(usize) -> String> Common<To> {
    /// One connection after the other, taking the next message as long as there is one.
    async fn connections_in_turn(&self) -> Sent {
        let mut sent = Sent::default();
        while sent.broken < MAX_BROKEN {
            match self.one_connection(&mut sent).await {
                Ok(()) => break,
                Err(error) => {
                    sent.broken += 1;
                    sent.error = Some(format!("{error:#}"));
                }
            }
        }
        sent
    }

    async fn one_connection(&self, sent: &mut Sent) -> Result<()> {
        let Sending { target, run, from, .. } = &self.sending;
        let mut smtp = Smtp::connect(target, target.account(0)).await?;
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.sending.messages {
                smtp.quit().await;
                return Ok(());
            }
            let to = (self.sending.to)(number);
            match smtp.send(from, &to, &run.plain(number, &to)).await? {
                Outcome::Accepted(accepted) => sent.accepted.push((number, accepted)),
                Outcome::Refused(reply) => *sent.refused.entry(reply).or_default() += 1,
            }
            self.bar.inc(1);
        }
    }
}

impl Sent {
    fn add(&mut self, other: Sent) {
        self.accepted.extend(other.accepted);
        self.broken += other.broken;
        self.error = self.error.take().or(other.error);
        for (reply, count) in other.refused {
            *self.refused.entry(reply).or_default() += count;
        }
    }

    /// How long each 250 took.
    pub(crate) fn latencies(&self) -> Latencies {
        let mut latencies = Latencies::default();
        for (_, accepted) in &self.accepted {
            latencies.add(accepted.dot, accepted.reply);
        }
        latencies
    }

    /// Tells what was not accepted, of so many messages.
    pub(crate) fn tell_losses(&self, messages: usize, report: &mut Report) {
        for (reply, count) in &self.refused {
            report.loss(*count, &format!("messages refused: {reply}"));
        }
        let error = self.error.as_deref().unwrap_or_default();
        report.loss(self.broken, &format!("connections broken: {error}"));
        let refused: usize = self.refused.values().sum();
        report.loss(
            messages - self.accepted.len() - refused - self.broken,
            "messages not sent",
        );
    }
}
