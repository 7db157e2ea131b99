//! The certificate authorities that are trusted (RFC 5280 §6.1.1).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};

/// Those that are trusted. Cheap to clone.
#[derive(Clone)]
pub struct Roots(pub(super) Arc<RootCertStore>);

/// Why no certificate can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The file with more of them cannot be used.
    #[error("{} holds no usable PEM certificates: {cause}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        cause: pem::Error,
    },
    /// The provider of the cryptography does not do.
    #[error("no TLS: {0}")]
    Tls(#[from] rustls::Error),
}

impl Roots {
    /// Those that the system trusts, those that Mozilla does where the system names none (an empty container), and those of
    /// a PEM file. Reads files.
    pub fn trusted(more: Option<&Path>) -> Result<Roots, RootsError> {
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if added == 0 {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        if let Some(file) = more {
            let unusable = |cause| RootsError::File {
                file: file.to_owned(),
                cause,
            };
            let certificates = CertificateDer::pem_file_iter(file).map_err(unusable)?;
            let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(unusable)?;
            if roots.add_parsable_certificates(certificates).0 == 0 {
                return Err(unusable(pem::Error::NoItemsFound));
            }
        }
        Ok(Roots(Arc::new(roots)))
    }
}
