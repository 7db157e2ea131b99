//! Reports of others, read (RFC 7489 Appendix C, RFC 8460 §4.4): what an attachment unfolds to, and what it says.
//!
//! Nothing of it is trusted: it unfolds to no more than [`MAX_UNFOLDED`], has no more than [`MAX_ROWS`] rows, its texts are
//! cut, and what is not printable does not come through. XML has no entities here but its own five.

use std::io::Read;

use flate2::read::{DeflateDecoder, GzDecoder};
use mail_auth::report::tlsrpt::{PolicyType, ResultType, TlsReport};
use mail_auth::report::{ActionDisposition, DmarcResult, PolicyOverride, Record, Report};
use memchr::memmem;

use crate::storage::reports::{Kind, Received, ReceivedRow};

/// The largest attachment that is looked at, in octets.
pub const MAX_ATTACHMENT: u64 = 4 << 20;
/// What it may unfold to, in octets.
const MAX_UNFOLDED: u64 = 8 << 20;
/// Rows of a report.
const MAX_ROWS: usize = 20_000;
/// Characters of a text in it.
const MAX_TEXT: usize = 200;

/// What an attachment says, if it is a report.
pub fn read(attachment: &[u8]) -> Option<Received> {
    let text = unfolded(attachment)?;
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text).trim_ascii_start();
    match text.first()? {
        b'<' => read_dmarc(text),
        b'{' => read_tls(text),
        _ => None,
    }
}

/// As it was before it was compressed: by gzip, or as the first file of a ZIP archive, as some reporters do.
fn unfolded(attachment: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let read = match attachment {
        [0x1f, 0x8b, ..] => GzDecoder::new(attachment).take(MAX_UNFOLDED + 1).read_to_end(&mut text),
        [b'P', b'K', 3, 4, ..] => match first_of_zip(attachment)? {
            (STORED, data) => data.take(MAX_UNFOLDED + 1).read_to_end(&mut text),
            (DEFLATED, data) => DeflateDecoder::new(data).take(MAX_UNFOLDED + 1).read_to_end(&mut text),
            _ => return None,
        },
        plain => plain.take(MAX_UNFOLDED + 1).read_to_end(&mut text),
    };
    (read.is_ok() && text.len() as u64 <= MAX_UNFOLDED).then_some(text)
}

/// Methods of ZIP archives.
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Octets of the header in front of a file in a ZIP archive, without name and extra field.
const ZIP_HEADER: usize = 30;

/// Method and data of the first file. Where it is compressed, its data tell themselves where they end.
fn first_of_zip(archive: &[u8]) -> Option<(u16, &[u8])> {
    let number = |at: usize| Some(u16::from_le_bytes(archive.get(at..at + 2)?.try_into().ok()?));
    let size = u32::from_le_bytes(archive.get(18..22)?.try_into().ok()?);
    let begin = ZIP_HEADER + usize::from(number(26)?) + usize::from(number(28)?);
    let (method, data) = (number(8)?, archive.get(begin..)?);
    match method {
        STORED => Some((method, data.get(..usize::try_from(size).ok()?)?)),
        _ => Some((method, data)),
    }
}

fn read_dmarc(text: &[u8]) -> Option<Received> {
    if memmem::find_iter(text, b"<record").take(MAX_ROWS + 1).count() > MAX_ROWS {
        return None;
    }
    let report = Report::parse_xml(text).ok()?;
    let rows = report.records().iter().map(dmarc_row);
    Some(Received {
        kind: Kind::Dmarc,
        domain: domain(report.domain()),
        reporter: printable(report.org_name()),
        report: printable(report.report_id()),
        begins: moment(report.date_range_begin()),
        ends: moment(report.date_range_end()),
        rows: rows.collect(),
    })
}

/// One record of DMARC in words for people.
pub(super) fn dmarc_row(record: &Record) -> ReceivedRow {
    let (dkim, spf) = (record.dmarc_dkim_result(), record.dmarc_spf_result());
    let mut detail = format!(
        "{} dkim={} spf={} from={}",
        disposition(record.action_disposition()),
        result(dkim),
        result(spf),
        record.header_from()
    );
    if let Some(reason) = record.policy_override_reason().first() {
        detail.push_str(&format!(" because={}", reason_word(reason.policy_override())));
    }
    ReceivedRow {
        source: record
            .source_ip()
            .map_or_else(|| "?".to_owned(), |address| address.to_string()),
        count: record.count().into(),
        passed: dkim == DmarcResult::Pass || spf == DmarcResult::Pass,
        detail: printable(&detail),
    }
}

fn read_tls(text: &[u8]) -> Option<Received> {
    let report = TlsReport::parse_json(text).ok()?;
    let rows = || report.policies.iter().map(|policy| 1 + policy.failure_details.len());
    if rows().sum::<usize>() > MAX_ROWS {
        return None;
    }
    let mut rows = Vec::new();
    for policy in &report.policies {
        let by = match policy.policy.policy_type {
            PolicyType::Tlsa => "tlsa",
            PolicyType::Sts => "sts",
            PolicyType::NoPolicyFound => "no-policy-found",
            PolicyType::Other => "other",
        };
        let hosts = policy.policy.mx_host.first().map_or("*", String::as_str);
        if policy.summary.total_success > 0 {
            rows.push(ReceivedRow {
                source: printable(hosts),
                count: policy.summary.total_success.into(),
                passed: true,
                detail: by.to_owned(),
            });
        }
        let mut told: u64 = 0;
        for failure in &policy.failure_details {
            told += u64::from(failure.failed_session_count);
            let host = failure.receiving_mx_hostname.as_deref().unwrap_or(hosts);
            let from = failure
                .sending_mta_ip
                .map(|address| format!(" from={address}"))
                .unwrap_or_default();
            rows.push(ReceivedRow {
                source: printable(host),
                count: failure.failed_session_count.into(),
                passed: false,
                detail: printable(&format!("{by} {}{from}", fault(failure.result_type))),
            });
        }
        let untold = u64::from(policy.summary.total_failure).saturating_sub(told);
        if untold > 0 {
            rows.push(ReceivedRow {
                source: printable(hosts),
                count: untold,
                passed: false,
                detail: by.to_owned(),
            });
        }
    }
    Some(Received {
        kind: Kind::Tls,
        domain: domain(&report.policies.first()?.policy.policy_domain),
        reporter: printable(report.organization_name.as_deref().unwrap_or("?")),
        report: printable(&report.report_id),
        begins: report.date_range.start_datetime.to_timestamp(),
        ends: report.date_range.end_datetime.to_timestamp(),
        rows,
    })
}

/// What may be shown on a terminal.
fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(MAX_TEXT).map(shown).collect()
}

fn domain(name: &str) -> String {
    printable(name.trim_end_matches('.')).to_ascii_lowercase()
}

fn moment(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

fn disposition(disposition: ActionDisposition) -> &'static str {
    match disposition {
        ActionDisposition::Quarantine => "quarantine",
        ActionDisposition::Reject => "reject",
        ActionDisposition::None | ActionDisposition::Pass | ActionDisposition::Unspecified => "none",
    }
}

fn result(result: DmarcResult) -> &'static str {
    match result {
        DmarcResult::Pass => "pass",
        DmarcResult::Fail => "fail",
        DmarcResult::Unspecified => "?",
    }
}

fn reason_word(reason: PolicyOverride) -> &'static str {
    match reason {
        PolicyOverride::LocalPolicy => "local_policy",
        PolicyOverride::MailingList => "mailing_list",
        PolicyOverride::PolicyTestMode => "policy_test_mode",
        PolicyOverride::TrustedForwarder => "trusted_forwarder",
        PolicyOverride::Other => "other",
    }
}

fn fault(kind: ResultType) -> &'static str {
    match kind {
        ResultType::StartTlsNotSupported => "starttls-not-supported",
        ResultType::CertificateHostMismatch => "certificate-host-mismatch",
        ResultType::CertificateExpired => "certificate-expired",
        ResultType::CertificateNotTrusted => "certificate-not-trusted",
        ResultType::ValidationFailure => "validation-failure",
        ResultType::TlsaInvalid => "tlsa-invalid",
        ResultType::DnssecInvalid => "dnssec-invalid",
        ResultType::DaneRequired => "dane-required",
        ResultType::StsPolicyFetchError => "sts-policy-fetch-error",
        ResultType::StsPolicyInvalid => "sts-policy-invalid",
        ResultType::StsWebpkiInvalid => "sts-webpki-invalid",
        ResultType::Other => "other",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::compressed;
    use super::*;

    const XML: &str = "<?xml version=\"1.0\"?>\n<feedback><report_metadata><org_name>Ex\u{1b}[31m &amp; Co</org_name>\
        <email>a@example.net</email><report_id>7</report_id><date_range><begin>86400</begin><end>172799</end></date_range>\
        </report_metadata><policy_published><domain>Example.org</domain><p>none</p></policy_published>\
        <record><row><source_ip>192.0.2.1</source_ip><count>3</count><policy_evaluated><disposition>none</disposition>\
        <dkim>pass</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>example.org</header_from>\
        </identifiers><auth_results/></record><record><row><source_ip>2001:db8::1</source_ip><count>2</count>\
        <policy_evaluated><disposition>reject</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row>\
        <identifiers><header_from>example.org</header_from></identifiers></record></feedback>";

    const JSON: &str = r#"{"organization-name":"Ex","date-range":{"start-datetime":"2016-04-01T00:00:00Z",
            "end-datetime":"2016-04-01T23:59:59Z"},"contact-info":"a@example.net","report-id":"5065427c",
            "policies":[{"policy":{"policy-type":"sts","policy-string":["version: STSv1"],"policy-domain":"example.org",
            "mx-host":["*.mail.example.org"]},"summary":{"total-successful-session-count":5326,
            "total-failure-session-count":303},"failure-details":[{"result-type":"certificate-expired",
            "sending-mta-ip":"2001:db8:abcd:12::1","receiving-mx-hostname":"mx1.mail.example.org",
            "failed-session-count":100}]}]}"#;

    /// With one file, as Python's zipfile and most reporters write it.
    fn zip(method: u16, data: &[u8], size: u32) -> Vec<u8> {
        let mut archive = b"PK\x03\x04\x14\0\0\0".to_vec();
        archive.extend(method.to_le_bytes());
        archive.extend([0; 8]);
        archive.extend((data.len() as u32).to_le_bytes());
        archive.extend(size.to_le_bytes());
        archive.extend(5u16.to_le_bytes());
        archive.extend([0; 2]);
        archive.extend(b"a.xml");
        archive.extend(data);
        archive.extend(b"PK\x01\x02 and so on");
        archive
    }

    fn deflated(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut encoder, text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_dmarc_report_in_every_wrapping() {
        for attachment in [
            XML.as_bytes().to_vec(),
            compressed(XML.as_bytes()).unwrap(),
            zip(STORED, XML.as_bytes(), XML.len() as u32),
            zip(DEFLATED, &deflated(XML.as_bytes()), XML.len() as u32),
        ] {
            let read = read(&attachment).unwrap();
            assert_eq!(
                (read.kind, read.domain.as_str(), read.report.as_str()),
                (Kind::Dmarc, "example.org", "7")
            );
            assert!(
                !read.reporter.contains('\u{1b}') && read.reporter.starts_with("Ex "),
                "{}",
                read.reporter
            );
            assert_eq!((read.begins, read.ends), (86_400, 172_799));
            let rows: Vec<_> = read
                .rows
                .iter()
                .map(|row| (&*row.source, row.count, row.passed))
                .collect();
            assert_eq!(rows, [("192.0.2.1", 3, true), ("2001:db8::1", 2, false)]);
            assert_eq!(read.rows[1].detail, "reject dkim=fail spf=fail from=example.org");
        }
    }

    #[test]
    fn a_tls_report() {
        let read = read(&compressed(JSON.as_bytes()).unwrap()).unwrap();
        assert_eq!((read.kind, read.domain.as_str()), (Kind::Tls, "example.org"));
        let rows: Vec<_> = read
            .rows
            .iter()
            .map(|row| (&*row.source, row.count, &*row.detail))
            .collect();
        assert_eq!(
            rows,
            [
                ("*.mail.example.org", 5326, "sts"),
                (
                    "mx1.mail.example.org",
                    100,
                    "sts certificate-expired from=2001:db8:abcd:12::1"
                ),
                ("*.mail.example.org", 203, "sts"),
            ]
        );
    }

    proptest! {
        /// Reports of which somebody has cut, doubled or changed a piece.
        #[test]
        fn whatever_comes_is_read_or_not(at in 0..XML.len(), length in 0usize..40, with in "[<>/&;a-z\"=! -]{0,12}", json: bool) {
            let whole = if json { JSON } else { XML };
            let mut text = whole.as_bytes().to_vec();
            let at = at.min(text.len());
            let end = (at + length).min(text.len());
            text.splice(at..end, with.bytes());
            if let Some(report) = read(&compressed(&text).unwrap()) {
                prop_assert!(report.rows.iter().all(|row| !row.detail.contains(char::is_control)));
            }
            read(&text);
            read(&zip(DEFLATED, &text, 0));
        }
    }

    #[test]
    fn what_is_too_much_or_no_report_is_none() {
        let bomb = vec![b' '; MAX_UNFOLDED as usize + 1];
        let many = XML.replace("<record>", &"<record></record>".repeat(MAX_ROWS)) + "<record>";
        let entities = XML.replacen("<feedback>", "<!DOCTYPE a [<!ENTITY b \"x\">]><feedback>", 1);
        let entities = entities.replace("&amp;", "&b;");
        for attachment in [
            compressed(&bomb).unwrap(),
            zip(DEFLATED, &deflated(&bomb), 5),
            bomb,
            many.into_bytes(),
            zip(STORED, b"<", u32::MAX),
            zip(99, XML.as_bytes(), 1),
            b"PK\x03\x04".to_vec(),
            b"\x1f\x8b".to_vec(),
            compressed(XML.as_bytes()).unwrap()[..100].to_vec(),
            b"<html></html>".to_vec(),
            b"{}".to_vec(),
            b"[[[[[[".to_vec(),
            Vec::new(),
        ] {
            assert_eq!(read(&attachment), None);
        }
        // An entity of its own is not unfolded.
        assert!(
            read(entities.as_bytes())
                .is_none_or(|read| !read.reporter.contains('x') || read.reporter.starts_with("Ex"))
        );
    }
}
