//! Where mail from other servers comes from: whether that is true, and what becomes of the message for it.
//!
//! At EHLO a [`Visit`] begins, at MAIL an [`Inquiry`] ([`inquiry`]: what the client's address and the sender's domain tell);
//! what they are enough to refuse is refused at RCPT ([`visit`]). When the message is there, its signatures are looked at ([`signatures`]). What was found ([`findings`]) is written in front of the message
//! ([`field`]) and judged by the settings ([`verdict`]).
//!
//! RFC 8601 (Authentication-Results), RFC 7208 (SPF), RFC 6376 (DKIM), RFC 7489 (DMARC), RFC 8617 (ARC).
//!
//! Invariants: mail never waits for the DNS longer than `origin.timeout` allows for each of the two steps; what is not known
//! by then is a temporary error, never a proof. From trusted networks, and on submission ports, nothing is asked.
//! `mail_auth` is named only here.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use mail_auth::MessageAuthenticator;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::config::{self, Action};
use crate::net::dns::Dns;

use crate::storage::greylist::Greylist;
use crate::storage::reports::Seen;

use findings::{Client, Dmarc, Findings, Outcome};
use inquiry::Inquirer;
use rates::Rates;
use verdict::Verdict;

pub use field::VERDICT;
pub use inquiry::Peer;
pub use rates::Kind;
pub use verdict::Reason;
pub use visit::{Inquiry, Visit};

mod field;
pub mod findings;
mod greylisting;
mod inquiry;
mod rates;
mod reported;
mod signatures;
pub mod verdict;
mod visit;

/// Messages that are in memory to be looked at, in KiB of them all.
const MEMORY: u32 = 192 * 1024;
/// Messages that are looked at the same time, each on a thread of its own.
const MAX_EXAMINED: u32 = 64;
/// Answers held back at the same time; further ones are given at once.
const MAX_TARPITTED: usize = 100;

/// What judges a server's mail. Cheap to clone.
#[derive(Clone)]
pub struct Origin(Arc<Inner>);

struct Inner {
    settings: config::Origin,
    inquirer: Inquirer,
    memory: Semaphore,
    rates: Rates,
    greylist: Greylist,
    /// When the greylist was last tidied, in seconds since 1970.
    tidied: AtomicU64,
    /// Answers that are held back.
    tarpit: Semaphore,
    /// Whether the log has explained what a gateway does.
    explained: AtomicBool,
}

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What.
    pub action: Action,
    /// The reason that decides, if it is not simply taken.
    pub reason: Option<Reason>,
    /// Header fields to put in front.
    pub fields: String,
    /// The client's name, if it has one that leads back to it.
    pub client_name: Option<String>,
    /// What Authentication-Results says, the name of this server first.
    pub results: String,
    /// Whether the chain of seals is right.
    pub chain: Outcome,
    /// What the author's domain is told of it.
    pub seen: Option<Seen>,
}

impl Origin {
    /// Opens the greylist; asks nobody yet.
    pub async fn open(config: &config::Config, dns: Dns) -> anyhow::Result<Origin> {
        let settings = config.origin.clone();
        let greylist = Greylist::open(&config.data).await?;
        Ok(Origin(Arc::new(Inner {
            inquirer: Inquirer {
                authenticator: MessageAuthenticator(dns.resolver()),
                dns,
                hostname: config.hostname.clone(),
                blocklists: settings.blocklists.clone(),
                refused: AtomicBool::new(false),
                limit: settings.timeout.get(),
            },
            memory: Semaphore::new(MEMORY as usize),
            rates: Rates::new(&settings),
            greylist,
            tidied: AtomicU64::new(0),
            tarpit: Semaphore::new(MAX_TARPITTED),
            explained: AtomicBool::new(false),
            settings,
        })))
    }

    /// Whether mail from this address is judged.
    pub fn judges(&self, address: IpAddr) -> bool {
        !self.0.settings.trusted.iter().any(|network| network.contains(address))
    }

    /// Counts one more of a network. False if it is one too many within the hour; never for who is trusted or hidden.
    pub fn allows(&self, kind: Kind, address: IpAddr) -> bool {
        !self.counts(address) || self.0.rates.count(std::time::Instant::now(), kind, address)
    }

    /// Counts one more message of a sender, from a client that is counted.
    pub fn allows_sender(&self, address: IpAddr, sender: &str) -> bool {
        !self.counts(address) || self.0.rates.count_sender(std::time::Instant::now(), sender)
    }

    /// Holds an answer to a stranger back, as long as not too many are held back already.
    pub async fn delay(&self, address: IpAddr) {
        let delay = self.0.settings.tarpit.get();
        if !delay.is_zero()
            && self.counts(address)
            && let Ok(_held) = self.0.tarpit.try_acquire()
        {
            tokio::time::sleep(delay).await;
        }
    }

    /// Closes the greylist.
    pub async fn close(&self) {
        self.0.greylist.close().await;
    }

    fn counts(&self, address: IpAddr) -> bool {
        let gateways = &self.0.settings.gateways;
        self.judges(address) && !gateways.iter().any(|network| network.contains(address))
    }

    /// Looks at the message on a thread of its own, for what a large one takes is more than a moment.
    async fn examine(&self, client: Client, message: Vec<u8>, deadline: Instant) -> Findings {
        let late = |client: Client| Findings {
            dmarc: Dmarc {
                outcome: Outcome::TempError,
                ..Dmarc::default()
            },
            client,
            ..Findings::default()
        };
        let share = (message.len() / 1024).try_into().unwrap_or(MEMORY);
        let share = share.clamp(MEMORY / MAX_EXAMINED, MEMORY);
        let Ok(Ok(_share)) = timeout_at(deadline, self.0.memory.acquire_many(share)).await else {
            return late(client);
        };
        let (origin, runtime, known) = (self.clone(), tokio::runtime::Handle::current(), client.clone());
        let examined = tokio::task::spawn_blocking(move || {
            let examining = signatures::examine(&origin.0.inquirer.authenticator, client, &message);
            runtime.block_on(timeout_at(deadline, examining)).ok()
        });
        examined.await.ok().flatten().unwrap_or_else(|| late(known))
    }
}

impl Origin {
    fn judgement(&self, peer: &Peer, findings: &Findings, verdict: &Verdict) -> Judgement {
        tracing::info!(
            spf = %findings.client.mail_from.outcome,
            dkim = %findings.dkim.iter().map(|dkim| dkim.outcome.as_str()).collect::<Vec<_>>().join(","),
            dmarc = %findings.dmarc.outcome,
            arc = %findings.arc.outcome,
            action = ?verdict.action,
            reason = verdict.first().map(ToString::to_string),
            "judged"
        );
        Judgement {
            action: verdict.action,
            reason: verdict.first().cloned(),
            fields: field::fields(&self.0.inquirer.hostname, findings, verdict),
            client_name: findings.client.reverse.name.clone(),
            results: field::results(&self.0.inquirer.hostname, findings),
            chain: findings.arc.outcome,
            seen: reported::seen(peer, findings, verdict, &self.0.settings),
        }
    }
}
