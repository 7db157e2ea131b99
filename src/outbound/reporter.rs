//! Sends the reports of each day to the domains that ask for them (RFC 7489 §7.2, RFC 8460 §5).
//!
//! A day ends at midnight UTC. Each domain has a moment of its own in the hours after it, so that not all servers of the
//! world come at once (RFC 8460 §4.1). What is sent or not to be sent is settled on disk, once it is in the queue: a crash
//! in between is a repetition under the same Report-ID at most. What cannot be settled now is tried again, for some days.
//!
//! Reports have the null reverse-path: nothing comes back. Those of TLS do not need the encryption of which they tell that
//! it fails (RFC 8460 §5.3, by the field of RFC 8689).

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::exchangers::Addresses;
use crate::accounts::Accounts;
use crate::config::{self, Config};
use crate::delivery::Delivery;
use crate::dkim::Signers;
use crate::mail::address::Address;
use crate::mail::handling::TlsWish;
use crate::net::dns::{Dns, Failure};
use crate::net::http::{Client, Request, Url};
use crate::reports::Letterhead;
use crate::reports::dmarc::Aggregate;
use crate::reports::tls::TlsReport;
use crate::reports::wanted::{self, Place, Unknown};
use crate::storage::reports::{DAY, Kind, ReportStore, Row};

/// How often it is looked whether somebody wants the reports sent at once.
const LOOK: Duration = Duration::from_secs(2);
/// How often it is looked whether a report is due, in seconds.
const ROUND: i64 = 60;
/// How long after midnight the first go, in seconds: what was under way at midnight has ended by then.
const REST: i64 = 10 * 60;
/// Within how many seconds of that all go (RFC 8460 §4.1: four hours).
const SPREAD: i64 = 4 * 3600;
/// Days for which a report is tried.
const DAYS: i64 = 3;
/// After how many seconds it is tried again.
const AGAIN: i64 = 3600;
/// How long it may take to post one.
const POST_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest answer to that.
const MAX_ANSWER: usize = 64 * 1024;
/// The field by which encryption that is demanded of others is waived (RFC 8689 §5).
const TLS_NOT_REQUIRED: &str = "TLS-Required: No\r\n";

/// What sends reports.
pub struct Reporter {
    settings: config::Reports,
    /// Whether any are sent.
    sends: bool,
    hostname: String,
    store: ReportStore,
    accounts: Accounts,
    delivery: Delivery,
    signers: Signers,
    dns: Dns,
    http: Client,
    /// When what could not be settled is tried again.
    later: HashMap<(Kind, i64, String), i64>,
}

/// What became of a report.
enum Outcome {
    /// Settled, in words.
    Settled(String),
    /// For now it is not, in words.
    Later(String),
}

impl Reporter {
    /// Begins nothing.
    pub fn new(
        config: &Config,
        store: ReportStore,
        accounts: Accounts,
        delivery: Delivery,
        dns: Dns,
        http: Client,
    ) -> anyhow::Result<Reporter> {
        if let Some(from) = &config.reports.from {
            Address::parse(from).context("reports.from")?;
        }
        Ok(Reporter {
            settings: config.reports.clone(),
            sends: config.reports.send && config.outbound.enabled,
            hostname: config.hostname.clone(),
            store,
            accounts,
            delivery,
            signers: Signers::new(Path::new(&config.data)),
            dns,
            http,
            later: HashMap::new(),
        })
    }

    /// Sends what is due, and forgets what is old, until `shutdown`.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut round, mut tidied) = (0, 0);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            let now = now();
            let wished = self.store.take_wish().await.unwrap_or_else(unreadable);
            if wished || now >= round + ROUND {
                round = now;
                let sent = shutdown.run_until_cancelled(self.send(now, wished)).await;
                sent.unwrap_or(Ok(())).unwrap_or_else(unreadable);
            }
            if tidied != now / DAY {
                tidied = now / DAY;
                let first = tidied - self.settings.keep.get().as_secs() as i64 / DAY;
                self.store.forget_before(first).await.unwrap_or_else(unreadable);
            }
        }
    }

    /// Sends what is due at a moment (seconds since 1970) of the days that are over by then; `at_once`: all of it.
    pub async fn send(&mut self, now: i64, at_once: bool) -> anyhow::Result<()> {
        if !self.sends {
            return Ok(());
        }
        let today = now / DAY;
        self.later.retain(|(_, day, _), _| *day >= today - DAYS);
        let from = self.from().await?;
        for (kind, day, domain) in self.store.unsettled(today - DAYS, today).await? {
            let key = (kind, day, domain.clone());
            let due = self.due(&key).max(self.later.get(&key).copied().unwrap_or_default());
            if !at_once && now < due {
                continue;
            }
            let outcome = self.report(&from, kind, day, &domain).await;
            match outcome.unwrap_or_else(unsent) {
                Outcome::Settled(outcome) => {
                    tracing::info!(kind = kind.as_str(), domain, outcome, "report");
                    self.store.settle(kind, day, &domain, &outcome).await?;
                    self.later.remove(&key);
                }
                Outcome::Later(cause) => {
                    tracing::info!(kind = kind.as_str(), domain, cause, "a report has to wait");
                    self.later.insert(key, now + AGAIN);
                }
            }
        }
        Ok(())
    }

    /// When a report goes: always the same moment, whenever it is asked.
    fn due(&self, key: &(Kind, i64, String)) -> i64 {
        let mut hasher = DefaultHasher::new();
        (&self.hostname, key.1, &key.2).hash(&mut hasher);
        let share = (hasher.finish() % SPREAD.unsigned_abs()).cast_signed();
        (key.1 + 1) * DAY + REST + share
    }

    /// Who reports: by the settings, or postmaster of the domain of ours that this server's name is in, or of the first.
    async fn from(&self) -> anyhow::Result<Address> {
        if let Some(from) = &self.settings.from {
            return Ok(Address::parse(from)?);
        }
        let domains = self.accounts.domains().await?;
        let within = |domain: &str| {
            let rest = self.hostname.strip_suffix(domain);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let own = domains.iter().filter(|domain| within(&domain.name));
        let own = own.max_by_key(|domain| domain.name.len()).or(domains.first());
        let domain = own.map_or(self.hostname.as_str(), |domain| &domain.name);
        Ok(Address::new("postmaster", domain)?)
    }

    async fn report(&self, from: &Address, kind: Kind, day: i64, domain: &str) -> anyhow::Result<Outcome> {
        let places = match kind {
            Kind::Dmarc => wanted::dmarc(&self.dns, domain).await,
            Kind::Tls => wanted::tls(&self.dns, domain).await,
        };
        let places = match places {
            Ok(places) => places,
            Err(Unknown::Domain(Failure::NotAName)) => Vec::new(),
            Err(unknown) => return Ok(Outcome::Later(unknown.to_string())),
        };
        if places.is_empty() {
            return Ok(Outcome::Settled("nobody asks for it".to_owned()));
        }
        let rows = self.store.seen(kind, day, domain).await?;
        let submitter = from.dns_domain().context("our domain has no name in the DNS")?;
        let written = from.to_ascii().unwrap_or_else(|| format!("postmaster@{submitter}"));
        let head = Letterhead {
            submitter: &submitter,
            from: &written,
            domain,
            day,
        };
        match kind {
            Kind::Dmarc => self.send_dmarc(&head, &rows, places).await,
            Kind::Tls => self.send_tls(&head, &rows, places).await,
        }
    }

    /// To each address that takes so much (RFC 7489 §7.2.1).
    async fn send_dmarc(&self, head: &Letterhead<'_>, rows: &[Row], places: Vec<Place>) -> anyhow::Result<Outcome> {
        let report = Aggregate::new(head, rows)?;
        let (size, mut told) = (report.size(), Vec::new());
        for place in places {
            let Place::Mail(to, limit) = place else { continue };
            if limit.is_some_and(|limit| size > limit) {
                told.push(format!("not sent to {to}: larger than it takes"));
                continue;
            }
            let message = report.message(head, &to.to_ascii().unwrap_or_else(|| to.to_string()));
            self.mail(head, &to, message, "").await?;
            told.push(format!("sent to {to}"));
        }
        Ok(Outcome::Settled(told.join(", ")))
    }

    /// To each place. By mail it must be signed (RFC 8460 §3); by HTTPS a failure is a matter of trying again.
    async fn send_tls(&self, head: &Letterhead<'_>, rows: &[Row], places: Vec<Place>) -> anyhow::Result<Outcome> {
        let report = TlsReport::new(head, rows)?;
        let (mut told, mut failed) = (Vec::new(), None);
        for place in places {
            match place {
                Place::Mail(to, _) => {
                    let message = report.message(head, &to.to_ascii().unwrap_or_else(|| to.to_string()));
                    match self.mail(head, &to, message, TLS_NOT_REQUIRED).await? {
                        true => told.push(format!("sent to {to}")),
                        false => failed = Some(format!("{} has no keys to sign with", head.submitter)),
                    }
                }
                Place::Https(url) => match self.post(&url, report.body()).await {
                    Ok(()) => told.push(format!("posted to {}", url.bare_host())),
                    Err(cause) => failed = Some(format!("{}: {cause}", url.bare_host())),
                },
            }
        }
        // Of several places one is enough: the others would get it again and again for the one that fails.
        Ok(match failed {
            Some(cause) if told.is_empty() => Outcome::Later(cause),
            _ => Outcome::Settled(told.join(", ")),
        })
    }

    /// Puts a message into the queue, signed if it can be. With `fields` in front it is not sent unsigned; whether it is.
    async fn mail(&self, head: &Letterhead<'_>, to: &Address, message: Vec<u8>, fields: &str) -> anyhow::Result<bool> {
        let _place = self.signers.place().await;
        let signatures = self.signers.sign(head.submitter, message.clone()).await;
        if signatures.is_empty() && !fields.is_empty() {
            return Ok(false);
        }
        let front = format!("{signatures}{fields}").into_bytes();
        let wish = match fields.is_empty() {
            true => TlsWish::Usual,
            false => TlsWish::Optional,
        };
        self.delivery.send_own(to, &message, front, wish).await?;
        Ok(true)
    }

    /// RFC 8460 §5.4.
    async fn post(&self, url: &Url, report: &[u8]) -> Result<(), String> {
        let addresses = match url.bare_host().parse() {
            Ok(address) => vec![address],
            Err(_) => {
                let found = Addresses::of(&self.dns, url.bare_host(), false).await;
                found.map_err(|error| error.to_string())?.addresses
            }
        };
        let at = addresses
            .into_iter()
            .map(|address| SocketAddr::new(address, url.port()));
        let request = Request::post_body(url, "application/tlsrpt+gzip", report.to_vec()).at(at.collect());
        let answer = self.http.send(request, POST_TIMEOUT, MAX_ANSWER).await;
        match answer.map_err(|error| error.to_string())?.status {
            200..=299 => Ok(()),
            status => Err(format!("status {status}")),
        }
    }
}

fn unsent(error: anyhow::Error) -> Outcome {
    let cause = format!("{error:#}");
    tracing::error!(cause, "a report cannot be made or sent");
    Outcome::Later(cause)
}

fn unreadable<T: Default>(error: impl std::fmt::Display) -> T {
    tracing::error!(%error, "reports cannot be sent or kept at the moment");
    T::default()
}

/// Seconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs() as i64)
}
