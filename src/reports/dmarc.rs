//! Aggregate reports of DMARC, as they are sent (RFC 7489 §7.2 and Appendix C).

use std::io;

use mail_auth::report::{PolicyPublished, Record, Report};

use super::message::Message;
use super::received::dmarc_row;
use super::{Letterhead, compressed};
use crate::storage::reports::{ReceivedRow, Row};

/// Of the format (RFC 7489 Appendix C).
const VERSION: f32 = 1.0;

/// A report, ready to be sent.
pub struct Aggregate(Vec<u8>);

impl Aggregate {
    /// Of all that was counted for a domain on a day.
    pub fn new(head: &Letterhead<'_>, rows: &[Row]) -> io::Result<Aggregate> {
        let (begin, end) = head.range();
        // A record that was changed meanwhile counts as what most of the mail was judged by.
        let published: PolicyPublished = match rows.first() {
            Some(row) => serde_json::from_str(&row.policy)?,
            None => PolicyPublished::default(),
        };
        let mut report = Report::new()
            .with_version(VERSION)
            .with_org_name(head.submitter)
            .with_email(head.from)
            .with_report_id(head.id())
            .with_date_range_begin(u64::try_from(begin).unwrap_or_default())
            .with_date_range_end(u64::try_from(end).unwrap_or_default())
            .with_policy_published(published);
        for row in rows {
            let record: Record = serde_json::from_str(&row.record)?;
            report.add_record(record.with_count(u32::try_from(row.count).unwrap_or(u32::MAX)));
        }
        Ok(Aggregate(compressed(report.to_xml().as_bytes())?))
    }

    /// Octets of the attachment before it is encoded, of which an address may not take more than so many (RFC 7489 §6.2).
    pub fn size(&self) -> u64 {
        self.0.len() as u64
    }

    /// The message (RFC 7489 §7.2.1.1).
    pub fn message(&self, head: &Letterhead<'_>, to: &str) -> Vec<u8> {
        let message = Message {
            about: "mail that says it is from",
            fields: String::new(),
            multipart: "multipart/mixed",
            media_type: "application/gzip",
            extension: "xml.gz",
            attachment: &self.0,
        };
        message.written(head, to)
    }
}

/// What was counted, in words for people.
pub fn described(row: &Row) -> serde_json::Result<ReceivedRow> {
    let record: Record = serde_json::from_str(&row.record)?;
    Ok(ReceivedRow {
        count: row.count,
        ..dmarc_row(&record)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_auth::report::{Alignment, Disposition};

    #[test]
    fn a_report_is_what_others_can_read() {
        let head = Letterhead {
            submitter: "example.org",
            from: "postmaster@example.org",
            domain: "example.net",
            day: 20_000,
        };
        let policy = PolicyPublished {
            domain: "example.net".to_owned(),
            p: Disposition::Reject,
            adkim: Alignment::Strict,
            ..PolicyPublished::default()
        };
        let row = |address: &str, count| Row {
            policy: serde_json::to_string(&policy).unwrap(),
            record: serde_json::to_string(&Record::new().with_source_ip(address.parse().unwrap())).unwrap(),
            count,
        };
        let report = Aggregate::new(&head, &[row("192.0.2.1", 7), row("2001:db8::1", 2)]).unwrap();
        let message = report.message(&head, "dmarc@example.net");
        let read = Report::parse_rfc5322(&message, 100_000).unwrap();
        assert_eq!(
            (read.domain(), read.p(), read.adkim()),
            ("example.net", Disposition::Reject, Alignment::Strict)
        );
        let counts: Vec<_> = read.records().iter().map(Record::count).collect();
        assert_eq!(counts, [7, 2]);
        assert_eq!(
            (read.date_range_begin(), read.date_range_end()),
            (1_728_000_000, 1_728_086_399)
        );
        assert_eq!(read.report_id(), "2024-10-04.example.net@example.org");
        let text = String::from_utf8(message).unwrap();
        let unfolded = text.replace("\r\n\t", " ").replace("\r\n ", " ");
        for part in [
            "From: postmaster@example.org\r\n",
            "To: dmarc@example.net\r\n",
            "Subject: Report Domain: example.net Submitter: example.org Report-ID: \
             <2024-10-04.example.net@example.org>\r\n",
            "filename=\"example.org!example.net!1728000000!1728086399.xml.gz\"",
            "Date: ",
            "Auto-Submitted: auto-generated\r\n",
        ] {
            assert!(unfolded.contains(part), "{part}\n-- is not in:\n{unfolded}");
        }
        assert!(report.size() < 1000);
    }
}
