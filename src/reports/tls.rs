//! Encryption to other servers, as it is counted and as it is told (RFC 8460 §4).

use serde::{Deserialize, Serialize};

use crate::storage::reports::{Kind, Seen};

/// What said how a domain's servers must be (RFC 8460 §4.4, `policy`).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Policy {
    /// By what.
    pub policy_type: PolicyType,
    /// The lines of the policy, or the TLSA records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy_string: Vec<String>,
    /// Hosts that the policy names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mx_host: Vec<String>,
}

/// Kinds of policies (RFC 8460 §4.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyType {
    /// There is none.
    #[default]
    NoPolicyFound,
    /// DANE.
    Tlsa,
    /// MTA-STS.
    Sts,
}

/// Why a session was not as it must be, or was not encrypted (RFC 8460 §4.4, `failure-details`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failure {
    /// What was wrong.
    pub result_type: Fault,
    /// The server, if one was spoken with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiving_mx_hostname: Option<String>,
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiving_ip: Option<std::net::IpAddr>,
}

/// Kinds of failures (RFC 8460 §4.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Fault {
    StarttlsNotSupported,
    CertificateHostMismatch,
    CertificateExpired,
    CertificateNotTrusted,
    ValidationFailure,
    StsPolicyFetchError,
    StsPolicyInvalid,
    StsWebpkiInvalid,
}

/// What is counted of a session for mail to a domain (A-labels).
pub fn seen(domain: &str, policy: &Policy, failure: Option<&Failure>) -> Seen {
    // Neither can fail: all keys are strings.
    let written = |failure| serde_json::to_string(failure).unwrap_or_default();
    Seen {
        kind: Kind::Tls,
        domain: domain.to_owned(),
        policy: serde_json::to_string(policy).unwrap_or_default(),
        record: failure.map(written).unwrap_or_default(),
    }
}
