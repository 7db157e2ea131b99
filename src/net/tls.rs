//! TLS of our listeners: certificate and key from PEM files, read again when they change (RFC 8446; RFC 8314 for mail).
//!
//! TLS 1.2 and 1.3 with the provider's default suites. The provider is named in one function, so that another one is a
//! change of manifest; nothing is installed globally.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::{CipherSuite, CommonState, ConnectionCommon, ProtocolVersion, ServerConfig};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::binding::{ChannelBindings, EXPORTER_LABEL, server_end_point};
use super::connection::TlsInfo;

/// How often the certificate files are looked at. Certificates are renewed weeks before they end.
const RELOAD_INTERVAL: Duration = Duration::from_secs(60);

/// A certificate with its key, ready to serve. Cheap to clone; all clones see a reload.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    serving: RwLock<Serving>,
    files: Option<Files>,
}

/// What new connections are served with.
#[derive(Clone)]
struct Serving {
    config: Arc<ServerConfig>,
    /// The tls-server-end-point of the certificate (RFC 5929 §4).
    end_point: Option<Arc<[u8]>>,
    /// The certificate.
    own: CertificateDer<'static>,
}

struct Files {
    certificate: PathBuf,
    key: PathBuf,
    /// What the files looked like when they were last read, whether they could be used or not.
    seen: Mutex<Stamp>,
}

/// Size and time of change of certificate and key.
type Stamp = [Option<(u64, SystemTime)>; 2];

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("cannot read {}: {cause}", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The file is not what it should be.
    #[error("{} holds no usable PEM {what}: {cause}", file.display())]
    Malformed {
        /// Which.
        file: PathBuf,
        /// `certificate` or `private key`.
        what: &'static str,
        /// Why.
        cause: pem::Error,
    },
    /// The two files do not go together, or the key is of a kind that is not supported.
    #[error("certificate {} and key {} cannot be used: {cause}", certificate.display(), key.display())]
    Unusable {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
        /// Why.
        cause: rustls::Error,
    },
    /// A self-signed certificate could not be made.
    #[error("cannot make a self-signed certificate for {hostname:?}: {cause}")]
    SelfSigned {
        /// The name.
        hostname: String,
        /// Why.
        cause: rcgen::Error,
    },
}

impl Tls {
    /// From PEM files: the certificate chain (the server's own first), and its key (PKCS #8, PKCS #1 or SEC1).
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Tls, TlsError> {
        let seen = Mutex::new(stamp(certificate, key));
        let serving = load(certificate, key)?;
        Ok(Tls(Arc::new(Inner {
            serving: RwLock::new(serving),
            files: Some(Files {
                certificate: certificate.to_owned(),
                key: key.to_owned(),
                seen,
            }),
        })))
    }

    /// From what [`SelfSigned::generate`] made, without files.
    pub fn from_self_signed(made: &SelfSigned) -> Result<Tls, TlsError> {
        let serving = configure(
            Path::new("(self-signed certificate)"),
            Path::new("(its key)"),
            made.certificate.as_bytes(),
            made.key.as_bytes(),
        )?;
        Ok(Tls(Arc::new(Inner {
            serving: RwLock::new(serving),
            files: None,
        })))
    }

    /// Whether the certificate is for a host of this name (RFC 9525).
    pub fn is_for(&self, name: &str) -> bool {
        let serving = self.0.serving.read().unwrap_or_else(PoisonError::into_inner).clone();
        let (Ok(certificate), Ok(name)) = (ParsedCertificate::try_from(&serving.own), ServerName::try_from(name))
        else {
            return false;
        };
        verify_server_name(&certificate, &name).is_ok()
    }

    /// Reads the files again if they changed since they were last read; `true` when new connections get a new
    /// certificate. After an error the old one stays in use, and the error is not told again until the files change.
    /// Reads files: call it off the async threads.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let Some(files) = &self.0.files else {
            return Ok(false);
        };
        let now = stamp(&files.certificate, &files.key);
        let mut seen = files.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now {
            return Ok(false);
        }
        *seen = now;
        let serving = load(&files.certificate, &files.key)?;
        *self.0.serving.write().unwrap_or_else(PoisonError::into_inner) = serving;
        Ok(true)
    }

    /// Follows the files for as long as it is polled; drop it to stop.
    pub async fn follow_files(self) {
        let mut interval = tokio::time::interval(RELOAD_INTERVAL);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let tls = self.clone();
            match tokio::task::spawn_blocking(move || tls.reload()).await {
                Ok(Ok(true)) => tracing::info!("certificate files changed: new connections use them"),
                Ok(Ok(false)) => {}
                Ok(Err(error)) => tracing::error!(%error, "certificate files changed: the old ones stay in use"),
                Err(error) => tracing::error!(%error, "certificate files not looked at"),
            }
        }
    }

    /// The server's side of a handshake.
    pub(super) async fn accept(
        &self,
        tcp: TcpStream,
        limit: Duration,
    ) -> io::Result<(TlsStream<TcpStream>, Encrypted)> {
        let Serving { config, end_point, .. } = self.0.serving.read().unwrap_or_else(PoisonError::into_inner).clone();
        let stream = timeout(limit, TlsAcceptor::from(config).accept(tcp)).await??;
        let session = stream.get_ref().1;
        let info = TlsInfo::of(session);
        Ok((stream, Encrypted { info, end_point }))
    }
}

/// What is known of a connection once its handshake is done.
pub(super) struct Encrypted {
    pub(super) info: TlsInfo,
    /// The tls-server-end-point of the certificate that was shown.
    end_point: Option<Arc<[u8]>>,
}

impl Encrypted {
    /// Of a connection that we have made: no login of ours is bound to it.
    pub(super) fn of_client(info: TlsInfo) -> Encrypted {
        Encrypted { info, end_point: None }
    }
}

impl TlsInfo {
    pub(super) fn of(session: &CommonState) -> TlsInfo {
        TlsInfo {
            version: session.protocol_version().map_or("TLS", version_name),
            cipher: session
                .negotiated_cipher_suite()
                .map_or("unknown", |suite| cipher_name(suite.suite())),
        }
    }
}

/// What a TLS 1.3 connection can be bound to.
pub(super) fn bindings<T>(session: &ConnectionCommon<T>, encrypted: &Encrypted) -> Option<ChannelBindings> {
    if session.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return None;
    }
    let exporter = session.export_keying_material([0; 32], EXPORTER_LABEL, None).ok()?;
    Some(ChannelBindings {
        exporter,
        server_end_point: encrypted.end_point.clone(),
    })
}

/// A certificate that no authority has signed, with its key, both as PEM.
pub struct SelfSigned {
    /// The certificate.
    pub certificate: String,
    /// Its private key (PKCS #8).
    pub key: String,
}

impl SelfSigned {
    /// For this host and for the loopback names and addresses. Not a CA certificate (NSS refuses one as a server's own),
    /// and with DNS names (mbsync looks at nothing else).
    pub fn generate(hostname: &str) -> Result<SelfSigned, TlsError> {
        let failed = |cause| TlsError::SelfSigned {
            hostname: hostname.to_owned(),
            cause,
        };
        let mut names = vec!["localhost".to_owned()];
        if !hostname.eq_ignore_ascii_case("localhost") && hostname.parse::<IpAddr>().is_err() {
            names.push(hostname.to_owned());
        }
        let mut params = CertificateParams::new(names).map_err(failed)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.distinguished_name.push(DnType::CommonName, hostname);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params
            .subject_alt_names
            .extend([Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()].map(SanType::IpAddress));
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.self_signed(&key).map_err(failed)?;
        Ok(SelfSigned {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

fn stamp(certificate: &Path, key: &Path) -> Stamp {
    [certificate, key].map(|file| {
        let metadata = std::fs::metadata(file).ok()?;
        Some((metadata.len(), metadata.modified().ok()?))
    })
}

fn load(certificate: &Path, key: &Path) -> Result<Serving, TlsError> {
    let read = |file: &Path| {
        std::fs::read(file).map_err(|cause| TlsError::Unreadable {
            file: file.to_owned(),
            cause,
        })
    };
    configure(certificate, key, &read(certificate)?, &read(key)?)
}

fn configure(certificate: &Path, key: &Path, certificate_pem: &[u8], key_pem: &[u8]) -> Result<Serving, TlsError> {
    let malformed = |file: &Path, what, cause| TlsError::Malformed {
        file: file.to_owned(),
        what,
        cause,
    };
    let chain = CertificateDer::pem_slice_iter(certificate_pem)
        .collect::<Result<Vec<_>, _>>()
        .and_then(|chain| {
            if chain.is_empty() {
                Err(pem::Error::NoItemsFound)
            } else {
                Ok(chain)
            }
        })
        .map_err(|cause| malformed(certificate, "certificate", cause))?;
    let private = PrivateKeyDer::from_pem_slice(key_pem).map_err(|cause| malformed(key, "private key", cause))?;
    let own = chain
        .first()
        .cloned()
        .unwrap_or_else(|| CertificateDer::from_slice(&[]));
    let end_point = server_end_point(&own);
    ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map(|config| Serving {
            config: Arc::new(config),
            end_point,
            own,
        })
        .map_err(|cause| TlsError::Unusable {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            cause,
        })
}

/// Where the cryptography comes from.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// As RFC 8446 and the tools people compare with write it.
fn version_name(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_2 => "TLSv1.2",
        ProtocolVersion::TLSv1_3 => "TLSv1.3",
        _ => "TLS",
    }
}

/// The name IANA registered (rustls has its own for those of TLS 1.3).
fn cipher_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        other => other.as_str().unwrap_or("unknown"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, made: &SelfSigned) -> (PathBuf, PathBuf) {
        let files = (folder.join("cert.pem"), folder.join("key.pem"));
        std::fs::write(&files.0, &made.certificate).unwrap();
        std::fs::write(&files.1, &made.key).unwrap();
        files
    }

    #[test]
    fn a_generated_certificate_loads_and_a_broken_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = write(folder.path(), &SelfSigned::generate("mail.example.org").unwrap());
        let tls = Tls::from_files(&certificate, &key).unwrap();
        for (name, covered) in [
            ("mail.example.org", true),
            ("MAIL.example.org", true),
            ("mta-sts.example.org", false),
            ("", false),
        ] {
            assert_eq!(tls.is_for(name), covered, "{name}");
        }

        let told = |certificate: &Path, key: &Path| Tls::from_files(certificate, key).err().unwrap().to_string();
        let missing = folder.path().join("missing.pem");
        assert!(told(&missing, &key).contains("missing.pem"));
        assert!(told(&key, &key).contains("key.pem holds no usable PEM certificate"));
        assert!(told(&certificate, &certificate).contains("cert.pem holds no usable PEM private key"));
        let other = folder.path().join("other.pem");
        std::fs::write(&other, SelfSigned::generate("localhost").unwrap().key).unwrap();
        assert!(told(&certificate, &other).contains("other.pem"));
        std::fs::write(&other, "-----BEGIN CERTIFICATE-----\nnonsense").unwrap();
        assert!(told(&other, &key).contains("other.pem"));
    }

    #[test]
    fn a_changed_file_is_loaded_once_and_a_broken_one_keeps_the_old() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = write(folder.path(), &SelfSigned::generate("localhost").unwrap());
        let tls = Tls::from_files(&certificate, &key).unwrap();
        let current = || Arc::as_ptr(&tls.0.serving.read().unwrap().config);
        assert!(!tls.reload().unwrap());
        write(
            folder.path(),
            &SelfSigned::generate("a-longer-name.example.org").unwrap(),
        );
        let first = current();
        assert!(tls.reload().unwrap());
        assert_ne!(first, current());
        std::fs::write(&key, "").unwrap();
        let second = current();
        assert!(tls.reload().is_err());
        assert!(!tls.reload().unwrap());
        assert_eq!(second, current());
    }
}
