//! What encryption to others has come to, by day and policy: what a domain's TLS report is made of (RFC 8460).
//!
//! In memory and bounded; a restart begins anew.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::client::Trouble;
use super::security::PolicyKind;
use crate::net::tls_client::{CertificateFault, TlsFailure};

/// Rows of one day.
const MAX_ROWS: usize = 10_000;
/// Days that are kept, today's included.
const DAYS: u64 = 2;

/// The table. All of it is counted in UTC days since 1970.
#[derive(Debug, Default)]
pub struct TlsResults(Mutex<BTreeMap<u64, BTreeMap<Row, u64>>>);

/// What is counted together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Row {
    /// Whose mail it was.
    pub domain: String,
    /// What said how its servers must be.
    pub policy: PolicyKind,
    /// Which server.
    pub host: String,
    /// `None` for success.
    pub failure: Option<FailureKind>,
}

/// Kinds of failures (RFC 8460 §4.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FailureKind {
    /// `starttls-not-supported`
    StarttlsNotSupported,
    /// `certificate-host-mismatch`
    CertificateHostMismatch,
    /// `certificate-expired`
    CertificateExpired,
    /// `certificate-not-trusted`
    CertificateNotTrusted,
    /// `validation-failure`
    ValidationFailure,
}

impl FailureKind {
    /// As the report has it.
    pub fn name(self) -> &'static str {
        match self {
            FailureKind::StarttlsNotSupported => "starttls-not-supported",
            FailureKind::CertificateHostMismatch => "certificate-host-mismatch",
            FailureKind::CertificateExpired => "certificate-expired",
            FailureKind::CertificateNotTrusted => "certificate-not-trusted",
            FailureKind::ValidationFailure => "validation-failure",
        }
    }
}

impl From<&Trouble> for FailureKind {
    fn from(trouble: &Trouble) -> FailureKind {
        match trouble {
            Trouble::Tls(TlsFailure::Certificate(fault)) => match fault {
                CertificateFault::Expired => FailureKind::CertificateExpired,
                CertificateFault::WrongName => FailureKind::CertificateHostMismatch,
                CertificateFault::Untrusted => FailureKind::CertificateNotTrusted,
                CertificateFault::NotInDns | CertificateFault::Invalid => FailureKind::ValidationFailure,
            },
            Trouble::NoStarttls => FailureKind::StarttlsNotSupported,
            _ => FailureKind::ValidationFailure,
        }
    }
}

impl TlsResults {
    /// Counts one session.
    pub fn note(&self, row: Row) {
        let today = today();
        let mut days = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        days.retain(|day, _| day + DAYS > today);
        let rows = days.entry(today).or_default();
        if rows.len() < MAX_ROWS || rows.contains_key(&row) {
            *rows.entry(row).or_default() += 1;
        }
    }

    /// What was counted yesterday.
    pub fn of_yesterday(&self) -> Vec<(Row, u64)> {
        self.of(today() - 1)
    }

    /// What was counted today so far.
    pub fn of_today(&self) -> Vec<(Row, u64)> {
        self.of(today())
    }

    fn of(&self, day: u64) -> Vec<(Row, u64)> {
        let days = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = days.get(&day).into_iter().flatten();
        rows.map(|(row, count)| (row.clone(), *count)).collect()
    }
}

fn today() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(1, |since| since.as_secs() / 86_400)
}
