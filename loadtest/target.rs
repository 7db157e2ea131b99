//! The server under load: where it listens, how it is reached, and who may log in.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{self, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// What every workload has in common.
#[derive(Args, Clone)]
#[command(next_help_heading = "Server")]
pub(crate) struct Options {
    /// Name or address of the server
    #[arg(long, global = true, default_value = "127.0.0.1")]
    host: String,
    /// Port that takes mail: an MX port, or a submission port with --auth
    #[arg(long, global = true, default_value_t = 2525)]
    smtp_port: u16,
    /// Encryption on that port
    #[arg(long, global = true, value_enum, default_value_t = Security::None)]
    smtp_tls: Security,
    /// Log in before sending
    #[arg(long, global = true)]
    auth: bool,
    /// IMAP port
    #[arg(long, global = true, default_value_t = 2143)]
    imap_port: u16,
    /// Encryption on that port
    #[arg(long, global = true, value_enum, default_value_t = Security::None)]
    imap_tls: Security,
    /// Trust this PEM certificate
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Trust any certificate
    #[arg(long, global = true)]
    insecure: bool,

    /// Login; %d stands for the number of the account, from 1
    #[arg(long, global = true, help_heading = "Accounts", default_value = "user%d")]
    user: String,
    /// Address that mail is sent to, if it is not the login; %d as above
    #[arg(long, global = true, help_heading = "Accounts", value_name = "ADDRESS")]
    to: Option<String>,
    /// Password of all accounts
    #[arg(
        long,
        global = true,
        help_heading = "Accounts",
        env = "LOADTEST_PASSWORD",
        default_value = "secret"
    )]
    password: String,
    /// How many accounts
    #[arg(long, global = true, help_heading = "Accounts", default_value_t = 1)]
    accounts: usize,
    /// Accounts from a file instead, a line each: login, password and, if it is not the login, address
    #[arg(long, global = true, help_heading = "Accounts", value_name = "FILE")]
    logins: Option<PathBuf>,

    /// The run ends after this many seconds, done or not
    #[arg(
        long,
        global = true,
        help_heading = "Run",
        value_name = "SECONDS",
        default_value_t = 300
    )]
    pub(crate) limit: u64,
    /// How many seconds one answer may take
    #[arg(
        long,
        global = true,
        help_heading = "Run",
        value_name = "SECONDS",
        default_value_t = 60
    )]
    patience: u64,
    /// Process id of the server, to tell its memory (with all its children)
    #[arg(long, global = true, help_heading = "Run")]
    pid: Option<u32>,
    /// Write the figures to this file as well
    #[arg(long, global = true, help_heading = "Run", value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// How a connection is encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Security {
    /// Not at all
    None,
    /// After STARTTLS
    Starttls,
    /// From the first byte
    Implicit,
}

/// Where a service listens.
#[derive(Clone, Copy)]
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    pub(crate) security: Security,
}

/// Who logs in and receives.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Account {
    pub(crate) login: String,
    pub(crate) password: String,
    pub(crate) address: String,
}

/// The server under load.
pub(crate) struct Target {
    pub(crate) smtp: Endpoint,
    pub(crate) imap: Endpoint,
    /// Whether SMTP logs in.
    pub(crate) auth: bool,
    /// At least one.
    pub(crate) accounts: Vec<Account>,
    pub(crate) patience: Duration,
    pub(crate) pid: Option<u32>,
    name: ServerName<'static>,
    connector: Option<TlsConnector>,
}

impl Target {
    /// Looks up the host, reads the files, lists the accounts.
    pub(crate) async fn resolve(options: &Options) -> Result<Arc<Target>> {
        let address = |port| async move {
            tokio::net::lookup_host((options.host.as_str(), port))
                .await
                .and_then(|mut found| found.next().ok_or_else(|| std::io::ErrorKind::NotFound.into()))
                .with_context(|| format!("cannot look up {}", options.host))
        };
        let accounts = match &options.logins {
            Some(file) => listed(file)?,
            None => numbered(options),
        };
        ensure!(!accounts.is_empty(), "no accounts");
        let encrypted = [options.smtp_tls, options.imap_tls]
            .iter()
            .any(|tls| *tls != Security::None);
        Ok(Arc::new(Target {
            smtp: Endpoint {
                address: address(options.smtp_port).await?,
                security: options.smtp_tls,
            },
            imap: Endpoint {
                address: address(options.imap_port).await?,
                security: options.imap_tls,
            },
            auth: options.auth,
            accounts,
            patience: Duration::from_secs(options.patience),
            pid: options.pid,
            name: ServerName::try_from(options.host.clone()).context("not a host name")?,
            connector: if encrypted { Some(connector(options)?) } else { None },
        }))
    }

    /// The account whose turn it is.
    pub(crate) fn account(&self, turn: usize) -> &Account {
        &self.accounts[turn % self.accounts.len()]
    }

    /// What TLS needs: the connector and the name that the certificate must carry.
    pub(crate) fn tls(&self) -> Result<(&TlsConnector, ServerName<'static>)> {
        let connector = self.connector.as_ref().context("TLS was not asked for")?;
        Ok((connector, self.name.clone()))
    }
}

fn numbered(options: &Options) -> Vec<Account> {
    (1..=options.accounts)
        .map(|number| {
            let fill = |template: &str| template.replace("%d", &number.to_string());
            Account {
                login: fill(&options.user),
                password: options.password.clone(),
                address: fill(options.to.as_ref().unwrap_or(&options.user)),
            }
        })
        .collect()
}

fn listed(file: &Path) -> Result<Vec<Account>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let lines = text.lines().map(str::trim).enumerate();
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| {
            let mut words = line.split_whitespace().map(str::to_owned);
            let (Some(login), Some(password)) = (words.next(), words.next()) else {
                bail!("{}:{}: login and password expected", file.display(), number + 1);
            };
            let address = words.next().unwrap_or_else(|| login.clone());
            Ok(Account {
                login,
                password,
                address,
            })
        })
        .collect()
}

fn connector(options: &Options) -> Result<TlsConnector> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let config = if options.insecure {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth()
    } else {
        let file = options.ca.as_ref().context("TLS needs --ca FILE (or --insecure)")?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(file).with_context(|| file.display().to_string())? {
            roots.add(certificate.with_context(|| file.display().to_string())?)?;
        }
        builder.with_root_certificates(roots).with_no_client_auth()
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Takes any certificate, but still checks that the server has its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
