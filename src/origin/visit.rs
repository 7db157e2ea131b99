//! A client from its greeting on, and what is refused before its message comes, so that no body travels for nothing.
//!
//! RFC 5321 §4.5.1: every reasonable effort is made to take mail for postmaster, and RFC 2142 §4 has abuse as the place to complain
//! of what went wrong here. Mail for these alone is not refused for what is found out about it: it goes to Junk at worst.
//!
//! Invariants: nothing is asked while a lock is held; a client that is gone is not asked about any further; what RCPT refuses
//! is judged by the same settings and words as the message.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::findings::{Client, Findings, Outcome};
use super::inquiry::{Known, Peer};
use super::verdict::{Reason, judge};
use super::{Judgement, Origin};
use crate::config::{Action, Greylisting};

/// How long what an address tells is believed on one connection.
const MAX_AGE: Duration = Duration::from_secs(600);
/// Recipients whose mail is not refused for where it comes from.
const SPARED: [&str; 2] = ["postmaster", "abuse"];

/// What is being found out about a client's address, for all messages of its connection. Dropping it ends the questions.
pub struct Visit {
    known: Arc<OnceCell<Known>>,
    begun: Instant,
    asking: JoinHandle<()>,
}

/// What is being found out about a client and a sender, from MAIL on. Dropping it ends the questions.
pub struct Inquiry {
    origin: Origin,
    peer: Peer,
    hidden: bool,
    asking: JoinHandle<Client>,
    /// What was found, once it was asked for.
    client: Option<Client>,
}

impl Origin {
    /// A client has greeted: begins to find out about its address. None for a client about whose address nothing is asked.
    pub fn visit(&self, address: IpAddr) -> Option<Visit> {
        if !self.counts(address) {
            return None;
        }
        let known = Arc::new(OnceCell::new());
        let (origin, cell) = (self.clone(), known.clone());
        let asking = tokio::spawn(async move {
            cell.get_or_init(|| origin.0.inquirer.know(address)).await;
        });
        Some(Visit {
            known,
            begun: Instant::now(),
            asking,
        })
    }

    /// Begins to find out about a sender. None for a client that is trusted.
    pub fn begin(&self, peer: Peer, visit: Option<&Visit>) -> Option<Inquiry> {
        if !self.judges(peer.address) {
            return None;
        }
        let gateways = &self.0.settings.gateways;
        let hidden = gateways.iter().any(|network| network.contains(peer.address));
        if hidden && !self.0.explained.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                address = %peer.address,
                "mail from a private address: what is judged by address (SPF, DMARC, lists, greylisting) is left out. If all \
                 mail seems to come from it, it is a gateway's (docs/container.md, \"Addresses of clients\"): let the true \
                 addresses through, or use the PROXY protocol; if it is a server of yours, add it to origin.trusted"
            );
        }
        let known = visit.filter(|visit| visit.is_fresh()).map(|visit| visit.known.clone());
        let known = known.unwrap_or_default();
        let (origin, asked) = (self.clone(), peer.clone());
        let asking = tokio::spawn(async move { origin.0.inquirer.ask(&asked, hidden, &known).await });
        Some(Inquiry {
            origin: self.clone(),
            peer,
            hidden,
            asking,
            client: None,
        })
    }
}

impl Visit {
    /// Whether what it has is still believed. What could not be found out is asked again for the next message.
    fn is_fresh(&self) -> bool {
        let failed = self
            .known
            .get()
            .is_some_and(|known| known.reverse.outcome == Outcome::TempError);
        !failed && self.begun.elapsed() < MAX_AGE
    }
}

impl Inquiry {
    /// Whether this recipient may be written to, as far as the message is not needed to know it: what would refuse it, and why.
    pub async fn refuses(&mut self, recipient: &str) -> Option<(Action, Reason)> {
        if is_spared(recipient) {
            return None;
        }
        let origin = self.origin.clone();
        let settings = &origin.0.settings;
        let findings = Findings {
            client: self.client().await.clone(),
            ..Findings::default()
        };
        let verdict = judge(&findings, settings);
        if verdict.action > Action::Junk {
            return Some((verdict.action, verdict.first()?.clone()));
        }
        if settings.greylisting == Greylisting::All
            && !origin.may_pass(&self.peer, &findings, &[recipient.to_owned()]).await
        {
            return Some((Action::Tempfail, Reason::Greylisted));
        }
        None
    }

    /// The message is there: looks at it and judges. Never fails; what cannot be known is a temporary error.
    pub async fn judge(mut self, message: Vec<u8>, recipients: &[String]) -> Judgement {
        let origin = self.origin.clone();
        let settings = &origin.0.settings;
        let client = self.client().await.clone();
        let findings = origin
            .examine(client, message, Instant::now() + settings.timeout.get())
            .await;
        let mut verdict = judge(&findings, settings);
        if recipients.iter().all(|recipient| is_spared(recipient)) {
            verdict.soften();
        } else if verdict.action < Action::Tempfail
            && settings.greylisting != Greylisting::All
            && !origin.may_pass(&self.peer, &findings, recipients).await
        {
            verdict.add(Action::Tempfail, Reason::Greylisted);
        }
        origin.judgement(&self.peer, &findings, &verdict)
    }

    /// What was found out; waits for it once.
    async fn client(&mut self) -> &Client {
        if self.client.is_none() {
            // Its own limit ends it; this one only bounds a scheduler that is late.
            let limit = self.origin.0.settings.timeout.get() + Duration::from_secs(1);
            let found = match tokio::time::timeout(limit, &mut self.asking).await {
                Ok(Ok(client)) => client,
                _ => Client {
                    hidden: self.hidden,
                    ..Client::default()
                },
            };
            self.client = Some(found);
        }
        self.client.get_or_insert_default()
    }
}

/// Whether mail for this recipient is taken from anybody.
fn is_spared(recipient: &str) -> bool {
    let local = recipient.rsplit_once('@').map_or(recipient, |(local, _)| local);
    SPARED.iter().any(|spared| local.eq_ignore_ascii_case(spared))
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.asking.abort();
    }
}

impl Drop for Inquiry {
    fn drop(&mut self) {
        self.asking.abort();
    }
}

impl std::fmt::Debug for Inquiry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inquiry")
            .field("hidden", &self.hidden)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_spared() {
        for (recipient, spared) in [
            ("postmaster", true),
            ("Postmaster@example.org", true),
            ("ABUSE@example.org", true),
            ("abuse+x@example.org", false),
            ("alice@postmaster", false),
            ("\"x@y\"@example.org", false),
        ] {
            assert_eq!(is_spared(recipient), spared, "{recipient}");
        }
    }
}
