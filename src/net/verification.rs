//! What a server's certificate must be like: anything, good for a name by the authorities that are trusted (RFC 9525), or
//! what its owner has put into the DNS (DANE, RFC 6698, RFC 7671).
//!
//! Invariant: whatever is verified, the server has proven that it has the certificate's key. Only what is not verified at
//! all, where an attacker could show a certificate of his own, is not asked for that either.

use std::fmt;
use std::sync::Arc;

use ring::digest;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};

use super::dns::Tlsa;
use super::tls::provider;

/// Usages of TLSA records (RFC 7218 §2.1).
const DANE_TA: u8 = 2;
const DANE_EE: u8 = 3;

/// What a server's certificate must be like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verification {
    /// Anything: encrypted, and nobody knows to whom (RFC 7435).
    None,
    /// Issued by an authority that is trusted, for this name.
    Name(String),
    /// As one of these records says.
    Dane {
        /// Those of them that [`is_usable`].
        records: Vec<Tlsa>,
        /// With DANE-TA: the names of which the certificate must have one.
        names: Vec<String>,
    },
}

/// Whether a record is one that can be compared with (RFC 7672 §3.1: DANE-TA and DANE-EE only; RFC 7671 §5).
pub fn is_usable(record: &Tlsa) -> bool {
    let length = match record.matching {
        0 => !record.data.is_empty(),
        1 => record.data.len() == digest::SHA256_OUTPUT_LEN,
        2 => record.data.len() == digest::SHA512_OUTPUT_LEN,
        _ => false,
    };
    matches!(record.usage, DANE_TA | DANE_EE) && record.selector <= 1 && length
}

/// No certificate that was shown is what the DNS says. The cause of a [`CertificateError::Other`].
#[derive(Debug, thiserror::Error)]
#[error("the certificate matches no TLSA record")]
pub(super) struct NoTlsaMatches;

/// The verifier of one connection.
pub(super) struct Verifier {
    pub(super) wanted: Verification,
    pub(super) authorities: Arc<WebPkiServerVerifier>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.wanted.fmt(f)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.wanted {
            Verification::None => Ok(ServerCertVerified::assertion()),
            Verification::Name(name) => {
                let name = server_name(name)?;
                self.authorities
                    .verify_server_cert(end_entity, intermediates, &name, ocsp, now)
            }
            Verification::Dane { records, names } => dane(records, names, end_entity, intermediates, now),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.wanted {
            Verification::None => Ok(HandshakeSignatureValid::assertion()),
            _ => self.authorities.verify_tls12_signature(message, certificate, signature),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.wanted {
            Verification::None => Ok(HandshakeSignatureValid::assertion()),
            _ => self.authorities.verify_tls13_signature(message, certificate, signature),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// RFC 7672 §3: one record that matches is enough.
fn dane(
    records: &[Tlsa],
    names: &[String],
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    let of = |usage| records.iter().filter(move |record| record.usage == usage);
    // §3.1.1: neither its names nor its dates matter, for the record says both.
    if of(DANE_EE).any(|record| matches(record, end_entity)) {
        return Ok(ServerCertVerified::assertion());
    }
    // §3.1.2: a chain from the server's own certificate to one that a record names, with a name that was asked for.
    let mut failed = no_match();
    for record in of(DANE_TA) {
        // A whole certificate need not be sent by the server: the record has it.
        let from_dns = (record.selector == 0 && record.matching == 0).then(|| CertificateDer::from(&record.data[..]));
        let anchors = intermediates.iter().chain(from_dns.as_ref());
        for anchor in anchors.filter(|anchor| matches(record, anchor)) {
            match issued_below(anchor, names, end_entity, intermediates, now) {
                Ok(verified) => return Ok(verified),
                Err(error) => failed = error,
            }
        }
    }
    Err(failed)
}

fn issued_below(
    anchor: &CertificateDer<'_>,
    names: &[String],
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    let mut roots = RootCertStore::empty();
    roots.add(anchor.clone().into_owned())?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| Error::General(error.to_string()))?;
    let mut failed = no_match();
    for name in names {
        let name = server_name(name)?;
        match verifier.verify_server_cert(end_entity, intermediates, &name, &[], now) {
            Ok(verified) => return Ok(verified),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// RFC 6698 §2.1.
fn matches(record: &Tlsa, certificate: &CertificateDer<'_>) -> bool {
    let hashed = |selected: &[u8]| match record.matching {
        0 => selected == record.data,
        1 => digest::digest(&digest::SHA256, selected).as_ref() == record.data,
        2 => digest::digest(&digest::SHA512, selected).as_ref() == record.data,
        _ => false,
    };
    match record.selector {
        0 => hashed(certificate),
        1 => ParsedCertificate::try_from(certificate).is_ok_and(|parsed| hashed(&parsed.subject_public_key_info())),
        _ => false,
    }
}

fn no_match() -> Error {
    CertificateError::Other(OtherError(Arc::new(NoTlsaMatches))).into()
}

fn server_name(name: &str) -> Result<ServerName<'_>, Error> {
    ServerName::try_from(name).map_err(|_| CertificateError::NotValidForName.into())
}
