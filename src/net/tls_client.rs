//! TLS of the connections that we make (RFC 8446). What the server's certificate must be like is told for each.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig, Error};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::connection::TlsInfo;
use super::roots::{Roots, RootsError};
use super::tls::{Encrypted, provider};
use super::verification::{NoTlsaMatches, Verifier};

pub use super::verification::{Verification, is_usable};

/// Makes TLS connections. Cheap to clone.
#[derive(Clone)]
pub struct TlsClient(Arc<WebPkiServerVerifier>);

/// Why a connection could not be encrypted as wanted.
#[derive(Debug, thiserror::Error)]
pub enum TlsFailure {
    /// The certificate is not what it must be.
    #[error("{0}")]
    Certificate(CertificateFault),
    /// The two do not understand each other: versions, suites, an alert.
    #[error("TLS handshake failed: {0}")]
    Handshake(String),
    /// It took too long.
    #[error("TLS handshake timed out")]
    TimedOut,
    /// The connection broke.
    #[error("TLS handshake failed: {0}")]
    Broken(io::Error),
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CertificateFault {
    /// Over, or not yet begun.
    #[error("the certificate has expired or is not valid yet")]
    Expired,
    /// For other names.
    #[error("the certificate is for another host")]
    WrongName,
    /// By nobody who is trusted.
    #[error("the certificate is issued by nobody who is trusted")]
    Untrusted,
    /// Not what the DNS says.
    #[error("the certificate matches no TLSA record")]
    NotInDns,
    /// Anything else.
    #[error("the certificate is not valid")]
    Invalid,
}

impl TlsClient {
    /// Trusts these authorities.
    pub fn new(roots: &Roots) -> Result<TlsClient, RootsError> {
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.0.clone(), provider()).build();
        let verifier = verifier.map_err(|error| Error::General(error.to_string()))?;
        Ok(TlsClient(verifier))
    }

    /// The client's side of a handshake. `name` is whom the server is asked to be (SNI); an address is not sent.
    pub(super) async fn connect(
        &self,
        tcp: TcpStream,
        name: &str,
        wanted: Verification,
        limit: Duration,
    ) -> Result<(TlsStream<TcpStream>, Encrypted), TlsFailure> {
        let name =
            ServerName::try_from(name.to_owned()).map_err(|_| TlsFailure::Certificate(CertificateFault::WrongName))?;
        let verifier = Verifier {
            wanted,
            authorities: self.0.clone(),
        };
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsFailure::Handshake(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        // A resumed session would be trusted as its first one was, and what is wanted may have changed meanwhile.
        config.resumption = rustls::client::Resumption::disabled();
        let handshake = TlsConnector::from(Arc::new(config)).connect(name, tcp);
        let stream = timeout(limit, handshake)
            .await
            .map_err(|_| TlsFailure::TimedOut)?
            .map_err(TlsFailure::from)?;
        let encrypted = Encrypted::of_client(TlsInfo::of(stream.get_ref().1));
        Ok((stream, encrypted))
    }
}

impl From<io::Error> for TlsFailure {
    fn from(error: io::Error) -> TlsFailure {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(Error::InvalidCertificate(fault)) => TlsFailure::Certificate(fault.into()),
            Some(other) => TlsFailure::Handshake(other.to_string()),
            None => TlsFailure::Broken(error),
        }
    }
}

impl From<&CertificateError> for CertificateFault {
    fn from(error: &CertificateError) -> CertificateFault {
        use CertificateError as Theirs;
        match error {
            Theirs::Expired
            | Theirs::ExpiredContext { .. }
            | Theirs::NotValidYet
            | Theirs::NotValidYetContext { .. } => CertificateFault::Expired,
            Theirs::NotValidForName | Theirs::NotValidForNameContext { .. } => CertificateFault::WrongName,
            Theirs::UnknownIssuer => CertificateFault::Untrusted,
            Theirs::Other(other) if other.0.is::<NoTlsaMatches>() => CertificateFault::NotInDns,
            _ => CertificateFault::Invalid,
        }
    }
}

#[cfg(test)]
mod tests;
