//! Delivering to other servers (RFC 5321 §3 and §5 as the client).
//!
//! [`Outbound::run`] takes what is due out of the queue, one claim after the other for each group, and puts back what
//! became of it. [`attempt`] finds servers, by routes or by MX records; [`security`] says what a connection must be
//! like; [`session`] makes one; [`transaction`] sends a message.
//!
//! Invariants: nothing that a server says or does not say loses a message, for only the queue forgets it, once it is
//! settled; connections, hosts and addresses tried are bounded; nothing waits without a limit.

mod attempt;
mod client;
mod exchangers;
mod extensions;
mod login;
mod mta_sts;
mod reply;
mod reporter;
mod routes;
mod scram;
mod security;
mod session;
mod stuffing;
mod transaction;
mod unreachable;
mod worker;

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::config::{self, Config};
use crate::net::dns::Dns;
use crate::net::http::Client;
use crate::net::outgoing;
use crate::net::roots::{Roots, RootsError};
use crate::net::tls_client::TlsClient;
use crate::queue::{Destination, Group, Queue};
use crate::storage::reports::ReportStore;
use crate::storage::sts::PolicyFiles;

use mta_sts::Policies;
use routes::Route;
use session::Opener;
use unreachable::Unreachable;
use worker::Load;

pub use reporter::Reporter;
pub use routes::NoPassword;

/// What delivers to other servers. Cheap to clone.
#[derive(Clone)]
pub struct Outbound(Arc<Inner>);

struct Inner {
    settings: config::Outbound,
    queue: Queue,
    dns: Dns,
    http: Client,
    routes: Vec<Route>,
    policies: Policies,
    opener: Opener,
    load: Load,
}

/// Why it cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The authorities of the settings.
    #[error("outbound.authorities: {0}")]
    Authorities(#[from] RootsError),
    /// A route's password.
    #[error(transparent)]
    Password(#[from] NoPassword),
    /// The folder of policies.
    #[error("cannot make the folder of MTA-STS policies: {0}")]
    Policies(#[source] io::Error),
}

impl Outbound {
    /// Reads the files that the settings name; begins nothing.
    pub fn new(config: &Config, queue: Queue, dns: Dns, reports: ReportStore) -> Result<Outbound, Error> {
        let settings = config.outbound.clone();
        let roots = Roots::trusted(settings.authorities.as_deref())?;
        let (tls, http) = (TlsClient::new(&roots)?, Client::new(&roots)?);
        let files = PolicyFiles::open(Path::new(&config.data)).map_err(Error::Policies)?;
        Ok(Outbound(Arc::new(Inner {
            routes: config.route.iter().map(Route::new).collect::<Result<_, _>>()?,
            policies: Policies::new(dns.clone(), http.clone(), settings.mta_sts_port, files, reports.clone()),
            opener: Opener {
                hostname: config.hostname.clone(),
                from: outgoing::From::new(&settings.local_addresses),
                timeouts: settings.timeout,
                tls,
                unreachable: Unreachable::new(settings.unreachable.get()),
                reports,
            },
            load: Load::default(),
            settings,
            queue,
            dns,
            http,
        })))
    }

    /// What asks by HTTPS whoever the authorities of the settings speak for.
    pub fn http(&self) -> &Client {
        &self.0.http
    }

    fn settings(&self) -> &config::Outbound {
        &self.0.settings
    }

    fn dns(&self) -> &Dns {
        &self.0.dns
    }

    fn hostname(&self) -> &str {
        &self.0.opener.hostname
    }

    fn policies(&self) -> &Policies {
        &self.0.policies
    }

    fn opener(&self) -> &Opener {
        &self.0.opener
    }

    /// The route that a domain takes.
    fn route(&self, domain: &str) -> Option<&Route> {
        match self.0.queue.group(&Destination::Domain(domain.into())) {
            Group::Route(number) => self.0.routes.get(number),
            Group::Local | Group::Domain(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
