//! From an address to a session in which messages can be sent: connection, greeting, encryption as the domain's policy
//! wants it, login.

use std::net::SocketAddr;
use std::time::Duration;

use super::client::{Client, Stage, Trouble};
use super::login::Credentials;
use super::security::{Security, Strictness};
use super::unreachable::Unreachable;
use crate::config::OutboundTimeouts;
use crate::mail::handling::TlsWish;
use crate::net::outgoing;
use crate::net::tls_client::{CertificateFault, TlsClient, TlsFailure, Verification};
use crate::reports::tls::{self, Failure, Fault};
use crate::storage::reports::ReportStore;

/// What all sessions are made with.
pub(super) struct Opener {
    /// Who we are.
    pub(super) hostname: String,
    pub(super) from: outgoing::From,
    pub(super) timeouts: OutboundTimeouts,
    pub(super) tls: TlsClient,
    pub(super) unreachable: Unreachable,
    pub(super) reports: ReportStore,
}

/// Whom to speak with, and how.
pub(super) struct Target<'a> {
    /// Whose mail it is.
    pub(super) domain: &'a str,
    /// The server's name, as logs and reports have it.
    pub(super) host: &'a str,
    pub(super) address: SocketAddr,
    pub(super) security: Security,
    /// Encrypted from the beginning.
    pub(super) implicit: bool,
    pub(super) credentials: Option<&'a Credentials>,
    /// What the message wants that it is for.
    pub(super) wish: TlsWish,
}

impl Opener {
    /// A session. What is not required and does not work is left out, on a connection of its own.
    pub(super) async fn open(&self, target: &Target<'_>) -> Result<Client, Trouble> {
        let security = &target.security;
        let failed = match self.attempt(target, security.strictness, &security.wanted).await {
            Ok(client) => {
                if security.strictness != Strictness::Off {
                    let fault = match (client.tls(), security.unnamed) {
                        (None, _) => Some(Fault::StarttlsNotSupported),
                        (Some(_), true) => Some(Fault::ValidationFailure),
                        (Some(_), false) => None,
                    };
                    self.note(target, fault);
                }
                return Ok(client);
            }
            Err(trouble) => trouble,
        };
        // Only what has to do with TLS may be different without.
        let by_tls = matches!(failed, Trouble::Tls(_) | Trouble::NoStarttls)
            || matches!(
                failed,
                Trouble::Refused(Stage::StartTls, _) | Trouble::NoReply(Stage::StartTls, _)
            );
        if by_tls {
            self.note(target, Some(fault(&failed)));
            tracing::info!(domain = target.domain, host = target.host, cause = %failed, "not encrypted as wanted");
        }
        match security.strictness {
            Strictness::Testing if by_tls => {
                let again = self
                    .attempt(target, Strictness::Opportunistic, &Verification::None)
                    .await;
                match again {
                    Err(Trouble::Tls(_)) => self.attempt(target, Strictness::Off, &Verification::None).await,
                    again => again,
                }
            }
            Strictness::Opportunistic if by_tls => self.attempt(target, Strictness::Off, &Verification::None).await,
            _ => Err(failed),
        }
    }

    async fn attempt(
        &self,
        target: &Target<'_>,
        strictness: Strictness,
        wanted: &Verification,
    ) -> Result<Client, Trouble> {
        let name = &target.security.name;
        let mut connection = self.connect(target.address).await?;
        if target.implicit {
            let limit: Duration = self.timeouts.hello.get();
            let encrypted = connection.start_tls_as_client(&self.tls, name, wanted.clone(), limit);
            encrypted.await.map_err(Trouble::Tls)?;
        }
        let mut client = Client::greeted(connection, target.host, self.timeouts).await?;
        client.hello(&self.hostname).await?;
        if strictness != Strictness::Off && client.tls().is_none() {
            if client.offered.starttls {
                client.start_tls(&self.tls, name, wanted.clone()).await?;
                client.hello(&self.hostname).await?;
            } else if strictness != Strictness::Opportunistic {
                client.quit().await;
                return Err(Trouble::NoStarttls);
            }
        }
        if let Some(credentials) = target.credentials {
            client.auth(credentials).await?;
        }
        client.fit_for = target.wish;
        tracing::debug!(
            domain = target.domain,
            host = target.host,
            address = %target.address,
            tls = client.tls().map_or("none", |tls| tls.version),
            "connected"
        );
        Ok(client)
    }

    async fn connect(&self, address: SocketAddr) -> Result<crate::net::connection::Connection, Trouble> {
        if let Some(cause) = self.unreachable.why(address) {
            return Err(Trouble::Connect(address, cause));
        }
        let connected = self.from.connect(address, self.timeouts.connect.get()).await;
        connected.map_err(|error| {
            let cause = match error.kind() {
                std::io::ErrorKind::TimedOut => "timed out".to_owned(),
                _ => error.to_string(),
            };
            self.unreachable.note(address, cause.clone());
            Trouble::Connect(address, cause)
        })
    }

    /// Counts a session, for the domain to be told (RFC 8460). What only our settings want of it is nothing to others.
    fn note(&self, target: &Target<'_>, fault: Option<Fault>) {
        // Nor does a session count that delivers such a report (RFC 8460 §3), or another message that need not be encrypted.
        let Some(policy) = target
            .security
            .policy
            .as_ref()
            .filter(|_| target.wish != TlsWish::Optional)
        else {
            return;
        };
        let failure = fault.map(|result_type| Failure {
            result_type,
            receiving_mx_hostname: Some(target.host.to_owned()),
            receiving_ip: Some(target.address.ip()),
        });
        self.reports.note(tls::seen(target.domain, policy, failure.as_ref()));
    }

    /// Counts a host that is not even asked, for the domain's policy does not name it (RFC 8461 §5).
    pub(super) fn note_unnamed(&self, domain: &str, host: &str, policy: &tls::Policy) {
        let failure = Failure {
            result_type: Fault::ValidationFailure,
            receiving_mx_hostname: Some(host.to_owned()),
            receiving_ip: None,
        };
        self.reports.note(tls::seen(domain, policy, Some(&failure)));
    }
}

/// What a report calls it (RFC 8460 §4.3).
fn fault(trouble: &Trouble) -> Fault {
    match trouble {
        Trouble::Tls(TlsFailure::Certificate(fault)) => match fault {
            CertificateFault::Expired => Fault::CertificateExpired,
            CertificateFault::WrongName => Fault::CertificateHostMismatch,
            CertificateFault::Untrusted => Fault::CertificateNotTrusted,
            CertificateFault::NotInDns | CertificateFault::Invalid => Fault::ValidationFailure,
        },
        Trouble::NoStarttls => Fault::StarttlsNotSupported,
        _ => Fault::ValidationFailure,
    }
}
