//! Wiring: the only place that builds things and hands them to each other.
//!
//! A start is all or nothing, in the order: data folder (locked) → certificate → listeners → stores → services. A
//! shutdown goes the other way: accept no more → tell the sessions → wait for them → close the stores → unlock.
//! Nothing here is global: one process can run many servers, each on its own data folder.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::accounts::Accounts;
use crate::config::Config;
use crate::delivery::{Delivery, Forwarder, Reading};
use crate::dkim::Signers;
use crate::imap::{self, Imap};
use crate::mail::address::Address;
use crate::mailbox::Mailboxes;
use crate::managesieve::{self, ManageSieve};
use crate::milter::Milters;
use crate::net::connection::Connection;
use crate::net::dns::{self, Dns};
use crate::net::listener::{Encryption, Service};
use crate::net::tls::Tls;
use crate::origin::Origin;
use crate::outbound::{Outbound, Reporter};
use crate::queue::Queue;
use crate::smtp::{self, Role, Smtp};
use crate::storage::reports::ReportStore;
use crate::training::{Teacher, Training};
use crate::web::{self, Web};

use folder::DataFolder;
use listeners::Listeners;

pub use listeners::ListenError;

pub mod certificate;
pub mod folder;
mod listeners;

/// How long the handshake of implicit TLS may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// What an SMTP client is told that there is no room for (RFC 5321 §3.8: 421 and close).
const SMTP_REFUSAL: &[u8] = b"421 4.3.2 Too many connections, try again later\r\n";
/// What an IMAP client is told that there is no room for (RFC 9051 §7.1.5; code of RFC 5530).
const IMAP_REFUSAL: &[u8] = b"* BYE [UNAVAILABLE] Too many connections, try again later\r\n";

/// What a ManageSieve client is told that there is no room for (RFC 5804 §1.3).
const MANAGESIEVE_REFUSAL: &[u8] = b"BYE (TRYLATER) \"Too many connections, try again later\"\r\n";

/// A running server. Dropping it ends it without waiting; [`Server::shutdown`] is the orderly way.
pub struct Server {
    addresses: Addresses,
    accounts: Accounts,
    mailboxes: Mailboxes,
    delivery: Delivery,
    smtp: Arc<Smtp>,
    origin: Origin,
    reports: ReportStore,
    queue: Queue,
    drain: Duration,
    /// Cancelled: accept no more, and every session comes to its end.
    shutdown: DropGuard,
    /// Cancelled: sessions that did not come to their end in time are dropped where they are.
    abort: DropGuard,
    tasks: TaskTracker,
    /// Held until the stores are closed.
    folder: DataFolder,
}

/// Where a running server listens, as bound (port 0 resolved).
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    /// SMTP from other servers.
    pub smtp: Vec<SocketAddr>,
    /// Submission with STARTTLS.
    pub submission: Vec<SocketAddr>,
    /// Submission over implicit TLS.
    pub submissions: Vec<SocketAddr>,
    /// IMAP with STARTTLS.
    pub imap: Vec<SocketAddr>,
    /// IMAP over implicit TLS.
    pub imaps: Vec<SocketAddr>,
    /// LMTP, its ports.
    pub lmtp: Vec<SocketAddr>,
    /// ManageSieve with STARTTLS.
    pub managesieve: Vec<SocketAddr>,
    /// HTTPS for the MTA-STS policy of our domains.
    pub https: Vec<SocketAddr>,
}

impl Server {
    /// Opens the stores, binds every listener and begins to serve. All or nothing.
    pub async fn start(config: Config) -> anyhow::Result<Server> {
        config.check()?;
        imap::check(&config)?;
        let folder = DataFolder::lock(&config.data)?;
        let tls = certificate::load(&config)?;
        let dns = resolver(&config)?;
        let listeners = Listeners::bind(&config)?;
        let accounts = Accounts::open(&config.data, &config.login)
            .await
            .context("cannot open the accounts")?;
        let mailboxes = Mailboxes::open(&config.data, &config.storage)
            .await
            .context("cannot open the mailboxes")?;
        let queue = Queue::open(
            &config.data,
            &config.queue,
            &config.route,
            &config.hostname,
            config.storage.index_timeout.get(),
        )
        .await
        .context("cannot open the queue")?;
        let origin = Origin::open(&config, dns.clone())
            .await
            .context("cannot open the greylist")?;
        let reports = ReportStore::open(&config.data)
            .await
            .context("cannot open what reports are made of")?;
        let outbound = Outbound::new(&config, queue.clone(), dns.clone(), reports.clone())
            .context("cannot deliver to other servers")?;
        let signers = Signers::new(&config.data);
        let forwarder = Forwarder::new(&config.data, &config.forward, signers.clone());
        let delivery = Delivery::new(
            accounts.clone(),
            mailboxes.clone(),
            queue.clone(),
            config.quota,
            forwarder,
        );
        let (delivery, reading) = delivery.read_by(&config.reports.addresses, reports.clone());
        let http = outbound.http().clone();
        let reporter = Reporter::new(&config, reports.clone(), accounts.clone(), delivery.clone(), dns, http)?;

        let milters = Milters::new(&config);
        let (training, teacher) = Training::new(&config.training, outbound.http())?;

        let config = Arc::new(config);
        let (shutdown, abort) = (CancellationToken::new(), CancellationToken::new());
        let services = Services {
            smtp: Arc::new(Smtp {
                config: config.clone(),
                accounts: accounts.clone(),
                delivery: delivery.clone(),
                signers,
                allowances: smtp::Allowances::open(&config.data, &config.smtp),
                origin: origin.clone(),
                reports: reports.clone(),
                milters,
            }),
            imap: Arc::new(Imap::new(config.clone(), accounts.clone(), mailboxes.clone(), training)),
            managesieve: Arc::new(ManageSieve::new(config.clone(), accounts.clone(), mailboxes.clone())),
            web: Arc::new(Web {
                accounts: accounts.clone(),
                settings: config.mta_sts.clone(),
                hostname: config.hostname.clone(),
            }),
            tls: tls.clone(),
            tasks: TaskTracker::new(),
            shutdown: shutdown.clone(),
            abort: abort.clone(),
        };
        let addresses = listeners.addresses();
        services.follow_certificate();
        services.follow_queue(&queue);
        if config.outbound.enabled {
            services.deliver(outbound);
        }
        services.deliver_queued();
        services.suppress_failed();
        services.remember_submissions();
        services.report(reporter, reading);
        services.teach(teacher);
        services.run(listeners);
        Ok(Server {
            addresses,
            accounts,
            mailboxes,
            delivery,
            smtp: services.smtp.clone(),
            origin,
            reports,
            queue,
            drain: config.drain.get(),
            shutdown: shutdown.drop_guard(),
            abort: abort.drop_guard(),
            tasks: services.tasks,
            folder,
        })
    }

    /// Where it listens.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The accounts database, for set-up by the demo and by tests.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// The mailboxes, for the demo and for tests.
    pub fn mailboxes(&self) -> &Mailboxes {
        &self.mailboxes
    }

    /// What reports are made of, for tests.
    pub fn reports(&self) -> &ReportStore {
        &self.reports
    }

    /// The mail flow, for the demo's report of what is delivered.
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    /// Drains: no new connections, running transactions finish within the configured limit, idle IMAP clients get BYE.
    pub async fn shutdown(self) {
        self.shutdown.disarm().cancel();
        self.tasks.close();
        if tokio::time::timeout(self.drain, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                connections = self.tasks.len(),
                "still busy at the end of the drain time: cut off"
            );
            self.abort.disarm().cancel();
            self.tasks.wait().await;
        }
        self.smtp.allowances.write().await;
        self.queue.close().await;
        self.mailboxes.close().await;
        self.accounts.close().await;
        self.origin.close().await;
        self.reports.close().await;
        drop(self.folder);
    }
}

/// Looks names up as the settings say.
fn resolver(config: &Config) -> anyhow::Result<Dns> {
    let settings = &config.dns;
    Dns::new(&dns::Options {
        servers: settings.servers.clone(),
        dnssec: settings.dnssec,
        trust_anchor: settings.trust_anchor.clone(),
        timeout: settings.timeout.get(),
        cache_entries: settings.cache_entries,
    })
    .context("cannot look names up (settings dns)")
}

/// A session, boxed once for each connection.
type Session = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What the accept loops hand to the sessions.
struct Services {
    smtp: Arc<Smtp>,
    imap: Arc<Imap>,
    managesieve: Arc<ManageSieve>,
    web: Arc<Web>,
    tls: Tls,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    abort: CancellationToken,
}

impl Services {
    /// Begins to accept on all of them.
    fn run(&self, listeners: Listeners) {
        let offered = Encryption::Offered(self.tls.clone());
        let implicit = Encryption::Implicit(self.tls.clone(), HANDSHAKE_TIMEOUT);

        let connections = Arc::new(Semaphore::new(self.smtp.config.smtp.max_connections));
        let lmtp = self.service(&Encryption::None, &connections, SMTP_REFUSAL);
        for socket in listeners.lmtp_unix {
            self.tasks.spawn(socket.accept(lmtp.clone(), self.smtp(Role::Lmtp)));
        }
        for (listeners, role, encryption) in [
            (listeners.smtp, Role::Receive, &offered),
            (listeners.submission, Role::Submission, &offered),
            (listeners.submissions, Role::Submission, &implicit),
            (listeners.lmtp, Role::Lmtp, &Encryption::None),
        ] {
            for listener in listeners {
                let service = self.service(encryption, &connections, SMTP_REFUSAL);
                self.tasks.spawn(listener.accept(service, self.smtp(role)));
            }
        }

        let connections = Arc::new(Semaphore::new(self.imap.config.imap.max_connections));
        for (listeners, encryption) in [(listeners.imap, &offered), (listeners.imaps, &implicit)] {
            for listener in listeners {
                let service = self.service(encryption, &connections, IMAP_REFUSAL);
                self.tasks.spawn(listener.accept(service, self.imap()));
            }
        }

        let connections = Arc::new(Semaphore::new(self.smtp.config.sieve.max_connections));
        for listener in listeners.managesieve {
            let service = self.service(&offered, &connections, MANAGESIEVE_REFUSAL);
            self.tasks.spawn(listener.accept(service, self.managesieve()));
        }

        if !listeners.https.is_empty() {
            self.check_policy_names();
        }
        let connections = Arc::new(Semaphore::new(web::MAX_CONNECTIONS));
        for listener in listeners.https {
            let service = self.service(&implicit, &connections, b"");
            self.tasks.spawn(listener.accept(service, self.web()));
        }
    }

    fn service(&self, encryption: &Encryption, connections: &Arc<Semaphore>, refusal: &'static [u8]) -> Service {
        Service {
            encryption: encryption.clone(),
            proxies: self.smtp.config.proxy.trusted.as_slice().into(),
            connections: connections.clone(),
            refusal,
            tasks: self.tasks.clone(),
            shutdown: self.shutdown.clone(),
        }
    }

    /// What another process does in the queue is noticed.
    fn follow_queue(&self, queue: &Queue) {
        let (queue, shutdown) = (queue.clone(), self.shutdown.clone());
        self.tasks.spawn(async move { queue.follow(shutdown).await });
    }

    /// Serves a connection of SMTP.
    fn smtp(&self, role: Role) -> impl Fn(Connection) -> Session + Clone + Send + 'static {
        let (smtp, shutdown, abort) = (self.smtp.clone(), self.shutdown.clone(), self.abort.clone());
        move |connection| {
            until(
                abort.clone(),
                smtp::serve(smtp.clone(), role, connection, shutdown.clone()),
            )
        }
    }

    /// Serves a connection of IMAP.
    fn imap(&self) -> impl Fn(Connection) -> Session + Clone + Send + 'static {
        let (imap, shutdown, abort) = (self.imap.clone(), self.shutdown.clone(), self.abort.clone());
        move |connection| until(abort.clone(), imap::serve(imap.clone(), connection, shutdown.clone()))
    }

    /// Mail for other servers leaves the queue.
    fn deliver(&self, outbound: Outbound) {
        let (tasks, shutdown, abort) = (self.tasks.clone(), self.shutdown.clone(), self.abort.clone());
        self.tasks.spawn(outbound.run(tasks, shutdown, abort));
    }

    /// What the queue has for this server is delivered.
    fn deliver_queued(&self) {
        let (delivery, shutdown) = (self.smtp.delivery.clone(), self.shutdown.clone());
        self.tasks.spawn(async move { delivery.deliver_queued(shutdown).await });
    }

    /// Reports go to others, and what others report is read.
    fn report(&self, reporter: Reporter, reading: Reading) {
        self.tasks.spawn(reporter.run(self.shutdown.clone()));
        self.tasks.spawn(reading.run(self.shutdown.clone()));
    }

    /// A filter learns what users move into Junk and out of it.
    fn teach(&self, teacher: Option<Teacher>) {
        if let Some(teacher) = teacher {
            self.tasks.spawn(teacher.run(self.shutdown.clone()));
        }
    }

    /// Addresses that do not exist are written to no more, if that is wanted.
    fn suppress_failed(&self) {
        let settings = &self.smtp.config.forward;
        if settings.suppress_failed {
            let (delivery, shutdown) = (self.smtp.delivery.clone(), self.shutdown.clone());
            let expire = settings.suppress_for.get();
            self.tasks
                .spawn(async move { delivery.suppress_failed(expire, shutdown).await });
        }
    }

    /// How much accounts submit is written down.
    fn remember_submissions(&self) {
        let (smtp, shutdown) = (self.smtp.clone(), self.shutdown.clone());
        self.tasks.spawn(async move { smtp.allowances.follow(shutdown).await });
    }

    /// Serves a connection of ManageSieve.
    fn managesieve(&self) -> impl Fn(Connection) -> Session + Clone + Send + 'static {
        let (shared, shutdown, abort) = (self.managesieve.clone(), self.shutdown.clone(), self.abort.clone());
        move |connection| {
            until(
                abort.clone(),
                managesieve::serve(shared.clone(), connection, shutdown.clone()),
            )
        }
    }

    /// Serves a connection of HTTPS.
    fn web(&self) -> impl Fn(Connection) -> Session + Clone + Send + 'static {
        let (web, shutdown, abort) = (self.web.clone(), self.shutdown.clone(), self.abort.clone());
        move |connection| until(abort.clone(), web::serve(web.clone(), connection, shutdown.clone()))
    }

    /// A policy under a certificate that is not for its host's name is one that nobody can fetch (RFC 8461 §3.3).
    fn check_policy_names(&self) {
        let (tls, accounts) = (self.tls.clone(), self.web.accounts.clone());
        self.tasks.spawn(async move {
            let domains = accounts.domains().await.unwrap_or_default();
            let hosts = domains.iter().filter_map(|domain| {
                let address = Address::new("postmaster", &domain.name).ok()?;
                Some(format!("mta-sts.{}", address.dns_domain()?))
            });
            for host in hosts.filter(|host| !tls.is_for(host)) {
                tracing::warn!(
                    host,
                    "the certificate is not for the host of an MTA-STS policy: nobody can fetch it"
                );
            }
        });
    }

    /// Certificate files are read again when they change.
    fn follow_certificate(&self) {
        let (tls, shutdown) = (self.tls.clone(), self.shutdown.clone());
        self.tasks.spawn(async move {
            shutdown.run_until_cancelled(tls.follow_files()).await;
        });
    }
}

/// A session that is dropped where it is when the server cannot wait any longer.
fn until(abort: CancellationToken, session: impl Future<Output = ()> + Send + 'static) -> Session {
    Box::pin(async move {
        abort.run_until_cancelled(session).await;
    })
}
