//! Encryption to other servers, as it is counted and as it is told (RFC 8460 §4).

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::message::Message;
use super::{Letterhead, compressed};
use crate::mail::date::Timestamp;
use crate::storage::reports::{Kind, ReceivedRow, Row, Seen};

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

/// A report, ready to be sent: its JSON, compressed (RFC 8460 §5.2).
pub struct TlsReport(Vec<u8>);

impl TlsReport {
    /// Of all that was counted for a domain on a day.
    pub fn new(head: &Letterhead<'_>, rows: &[Row]) -> io::Result<TlsReport> {
        let json = json(head, rows)?;
        Ok(TlsReport(compressed(&serde_json::to_vec(&json)?)?))
    }

    /// What is posted to a URL, as `application/tlsrpt+gzip` (RFC 8460 §5.4).
    pub fn body(&self) -> &[u8] {
        &self.0
    }

    /// The message (RFC 8460 §5.3).
    pub fn message(&self, head: &Letterhead<'_>, to: &str) -> Vec<u8> {
        let (domain, submitter) = (head.domain, head.submitter);
        let message = Message {
            about: "encryption to the mail servers of",
            fields: format!("TLS-Report-Domain: {domain}\r\nTLS-Report-Submitter: {submitter}\r\n"),
            multipart: "multipart/report; report-type=tlsrpt",
            media_type: "application/tlsrpt+gzip",
            extension: "json.gz",
            attachment: &self.0,
        };
        message.written(head, to)
    }
}

/// What was counted, in words for people.
pub fn described(row: &Row) -> serde_json::Result<ReceivedRow> {
    let policy: Policy = serde_json::from_str(&row.policy)?;
    let failure: Option<Failure> = match row.record.is_empty() {
        true => None,
        false => Some(serde_json::from_str(&row.record)?),
    };
    // The words of the report.
    let word = |value: serde_json::Result<Value>| Ok(value?.as_str().unwrap_or_default().to_owned());
    let mut detail: String = word(serde_json::to_value(policy.policy_type))?;
    if let Some(failure) = &failure {
        let fault: String = word(serde_json::to_value(failure.result_type))?;
        detail = format!("{detail} {fault}");
    }
    let host = failure
        .as_ref()
        .and_then(|failure| failure.receiving_mx_hostname.clone());
    Ok(ReceivedRow {
        source: host
            .or_else(|| policy.mx_host.first().cloned())
            .unwrap_or_else(|| "*".to_owned()),
        count: row.count,
        passed: failure.is_none(),
        detail,
    })
}

/// RFC 8460 §4.4. Sessions of one policy stand together, with what was wrong with some of them.
fn json(head: &Letterhead<'_>, rows: &[Row]) -> serde_json::Result<Value> {
    let (begin, end) = head.range();
    let mut policies: BTreeMap<&str, (u64, u64, Vec<Value>)> = BTreeMap::new();
    for row in rows {
        let (passed, failed, details) = policies.entry(&row.policy).or_default();
        if row.record.is_empty() {
            *passed += row.count;
            continue;
        }
        *failed += row.count;
        let mut detail: Map<String, Value> = serde_json::from_str(&row.record)?;
        detail.insert("failed-session-count".to_owned(), row.count.into());
        details.push(detail.into());
    }
    let mut told = Vec::with_capacity(policies.len());
    for (policy, (passed, failed, details)) in policies {
        let mut policy: Map<String, Value> = serde_json::from_str(policy)?;
        policy.insert("policy-domain".to_owned(), head.domain.into());
        let mut one = json!({
            "policy": policy,
            "summary": { "total-successful-session-count": passed, "total-failure-session-count": failed },
        });
        if !details.is_empty() {
            one["failure-details"] = details.into();
        }
        told.push(one);
    }
    Ok(json!({
        "organization-name": head.submitter,
        "date-range": { "start-datetime": moment(begin), "end-datetime": moment(end) },
        "contact-info": head.from,
        "report-id": head.id(),
        "policies": told,
    }))
}

fn moment(seconds: i64) -> String {
    let utc = Timestamp {
        seconds,
        offset_minutes: 0,
    };
    utc.to_rfc3339()
}

#[cfg(test)]
mod tests {
    use mail_auth::report::tlsrpt;

    use super::*;

    #[test]
    fn a_report_is_what_others_can_read() {
        let head = Letterhead {
            submitter: "example.org",
            from: "postmaster@example.org",
            domain: "example.net",
            day: 20_000,
        };
        let sts = Policy {
            policy_type: PolicyType::Sts,
            policy_string: vec!["version: STSv1".to_owned(), "mode: enforce".to_owned()],
            mx_host: vec!["*.example.net".to_owned()],
        };
        let failure = Failure {
            result_type: Fault::CertificateHostMismatch,
            receiving_mx_hostname: Some("mx.example.net".to_owned()),
            receiving_ip: Some("192.0.2.1".parse().unwrap()),
        };
        let row = |policy: &Policy, failure: Option<&Failure>, count| {
            let Seen { policy, record, .. } = seen("example.net", policy, failure);
            Row { policy, record, count }
        };
        let none = Policy::default();
        let rows = [row(&sts, None, 5), row(&sts, Some(&failure), 3), row(&none, None, 1)];
        let report = TlsReport::new(&head, &rows).unwrap();
        let message = report.message(&head, "tls@example.net");
        let read = tlsrpt::TlsReport::parse_rfc5322(&message, 100_000).unwrap();
        assert_eq!(read.organization_name.as_deref(), Some("example.org"));
        assert_eq!(read.date_range.start_datetime.to_rfc3339(), "2024-10-04T00:00:00Z");
        assert_eq!(read.policies.len(), 2);
        let sts = read
            .policies
            .iter()
            .find(|one| one.policy.policy_type == tlsrpt::PolicyType::Sts)
            .unwrap();
        assert_eq!((sts.summary.total_success, sts.summary.total_failure), (5, 3));
        assert_eq!(
            (&*sts.policy.policy_domain, &*sts.policy.mx_host[0]),
            ("example.net", "*.example.net")
        );
        let [detail] = &sts.failure_details[..] else {
            panic!("{sts:?}")
        };
        assert_eq!(
            (detail.result_type, detail.failed_session_count),
            (tlsrpt::ResultType::CertificateHostMismatch, 3)
        );
        let described: Vec<_> = rows.iter().map(|row| described(row).unwrap()).collect();
        let words: Vec<_> = described
            .iter()
            .map(|row| (&*row.source, row.count, &*row.detail))
            .collect();
        assert_eq!(
            words,
            [
                ("*.example.net", 5, "sts"),
                ("mx.example.net", 3, "sts certificate-host-mismatch"),
                ("*", 1, "no-policy-found"),
            ]
        );
        let text = String::from_utf8(message).unwrap();
        let unfolded = text.replace("\r\n\t", " ").replace("\r\n ", " ");
        for part in [
            "TLS-Report-Domain: example.net\r\n",
            "TLS-Report-Submitter: example.org\r\n",
            "Subject: Report Domain: example.net Submitter: example.org Report-ID: \
             <2024-10-04.example.net@example.org>\r\n",
            "multipart/report; report-type=tlsrpt",
            "application/tlsrpt+gzip",
            "example.org!example.net!1728000000!1728086399.json.gz",
            "Date: ",
        ] {
            assert!(unfolded.contains(part), "{part}\n-- is not in:\n{unfolded}");
        }
    }
}
