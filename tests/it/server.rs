//! A server of its own for each test: fresh data folder, ports of the system's choice, three accounts.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Once;

use anyhow::Context;
use posthaste::config::{Config, Dnssec, Period};
use posthaste::server::{Addresses, Server};
use tempfile::TempDir;

use crate::client::{Client, Imap, Smtp};

/// The domain of every test server (reserved by RFC 2606 §3).
pub(crate) const DOMAIN: &str = "example.org";
/// The accounts of every test server, all in [`DOMAIN`].
pub(crate) const ACCOUNTS: [&str; 3] = ["alice", "bob", "carol"];
/// Their password.
pub(crate) const PASSWORD: &str = "correct horse";

/// A running server and its data.
pub(crate) struct TestServer {
    config: Config,
    /// `None` only while it is stopped between two runs.
    server: Option<Server>,
    /// Removed with it.
    _folder: TempDir,
}

impl TestServer {
    /// With the settings that most tests want.
    pub(crate) async fn start() -> anyhow::Result<TestServer> {
        TestServer::with(|_| ()).await
    }

    /// With other settings: `change` gets those of [`TestServer::start`].
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> anyhow::Result<TestServer> {
        log_to_the_test();
        let folder = tempfile::tempdir()?;
        let mut config = settings(folder.path());
        change(&mut config);
        let server = Server::start(config.clone())
            .await
            .context("the server does not start")?;
        add_accounts(&server).await?;
        Ok(TestServer {
            config,
            server: Some(server),
            _folder: folder,
        })
    }

    /// Stops it in order, lets `meanwhile` do what it wants to the data folder, and starts it again on other ports.
    pub(crate) async fn restart(&mut self, meanwhile: impl FnOnce(&Path)) -> anyhow::Result<()> {
        self.stop().await;
        meanwhile(&self.config.data);
        self.server = Some(
            Server::start(self.config.clone())
                .await
                .context("the server does not start again")?,
        );
        Ok(())
    }

    /// Stops it in order; the data stays until the value is dropped.
    pub(crate) async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
    }

    /// The server itself.
    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().expect("the server is stopped")
    }

    /// Its settings.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// The data folder.
    pub(crate) fn data(&self) -> &Path {
        &self.config.data
    }

    /// The Maildir of an account: INBOX itself, the other mailboxes are `.Name` below it.
    pub(crate) fn maildir(&self, account: &str) -> PathBuf {
        self.config.data.join("mail").join(DOMAIN).join(account)
    }

    /// Where a service listens: `smtp`, `submission`, `submissions`, `imap`, `imaps` or `managesieve`.
    pub(crate) fn address(&self, service: &str) -> anyhow::Result<SocketAddr> {
        let Addresses {
            smtp,
            submission,
            submissions,
            imap,
            imaps,
            lmtp,
            managesieve,
            https,
        } = self.server().addresses();
        let listeners = match service {
            "smtp" => smtp,
            "submission" => submission,
            "submissions" => submissions,
            "imap" => imap,
            "imaps" => imaps,
            "lmtp" => lmtp,
            "managesieve" => managesieve,
            "https" => https,
            other => anyhow::bail!("there is no service {other:?}"),
        };
        listeners
            .first()
            .copied()
            .with_context(|| format!("{service} is switched off"))
    }

    /// A connection to a service, encrypted if the service is; nothing is read yet.
    pub(crate) async fn connect(&self, service: &str) -> anyhow::Result<Client> {
        let mut client = Client::connect(self.address(service)?).await?;
        if service.ends_with('s') {
            client.start_tls().await?;
        }
        Ok(client)
    }

    /// A logged-in IMAP session.
    pub(crate) async fn imap(&self, account: &str) -> anyhow::Result<Imap> {
        let mut imap = Imap::greeted(self.connect("imap").await?).await?;
        imap.ok(&format!("LOGIN {account}@{DOMAIN} \"{PASSWORD}\"")).await?;
        Ok(imap)
    }

    /// A logged-in IMAP session with a mailbox selected.
    pub(crate) async fn select(&self, account: &str, mailbox: &str) -> anyhow::Result<Imap> {
        let mut imap = self.imap(account).await?;
        imap.ok(&format!("SELECT \"{mailbox}\"")).await?;
        Ok(imap)
    }

    /// An IMAP session that idles on a mailbox.
    pub(crate) async fn idle(&self, account: &str, mailbox: &str) -> anyhow::Result<Imap> {
        let mut imap = self.select(account, mailbox).await?;
        imap.idle().await?;
        Ok(imap)
    }

    /// An SMTP session after its EHLO.
    pub(crate) async fn smtp(&self) -> anyhow::Result<Smtp> {
        Smtp::greeted(self.connect("smtp").await?).await
    }

    /// Delivers one message by an SMTP session of its own; returns when it is accepted.
    pub(crate) async fn deliver(&self, account: &str, message: &str) -> anyhow::Result<()> {
        let mut smtp = self.smtp().await?;
        smtp.deliver(&[account], message.as_bytes()).await?;
        smtp.quit().await
    }
}

/// Everything on loopback and ports of the system's choice; passwords may go unencrypted, so that a transcript of
/// another command does not begin with STARTTLS.
fn settings(folder: &Path) -> Config {
    let mut config = Config {
        data: folder.join("data"),
        hostname: format!("mx.{DOMAIN}"),
        ..Config::default()
    };
    let loopback = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
    config.listen.smtp = loopback.clone();
    config.listen.submission = loopback.clone();
    config.listen.submissions = loopback.clone();
    config.listen.imap = loopback.clone();
    config.listen.imaps = loopback.clone();
    config.listen.managesieve = loopback;
    config.login.require_tls = false;
    // Nobody is there: a test that looks names up brings its own name server.
    config.dns.servers = vec![SocketAddr::from(([127, 0, 0, 1], 1))];
    config.dns.timeout = Period::milliseconds(50);
    config.dns.dnssec = Dnssec::Off;
    config
}

async fn add_accounts(server: &Server) -> anyhow::Result<()> {
    let accounts = server.accounts();
    accounts.add_domain(DOMAIN).await?;
    for name in ACCOUNTS {
        accounts.add(&format!("{name}@{DOMAIN}"), PASSWORD).await?;
    }
    Ok(())
}

/// With RUST_LOG set, the servers' logs are among the output of the test.
fn log_to_the_test() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let filter = tracing_subscriber::EnvFilter::try_from_default_env()
            .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("off"));
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_test_writer()
            .init();
    });
}
