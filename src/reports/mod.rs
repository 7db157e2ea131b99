//! What servers tell each other of a domain's mail: aggregate reports of DMARC (RFC 7489 §7.2) and of TLS (RFC 8460).
//!
//! Here they are written ([`dmarc`], [`tls`]), from what [`crate::storage::reports`] has counted, and read, when others send
//! them; [`wanted`] asks the DNS who wants one. Who sends them is `outbound/`; what comes here `delivery/` brings.
//! Reports of others are untrusted: [`received`] bounds what they may unfold to, and what they hold.

pub mod dmarc;
mod message;
pub mod received;
pub mod tls;
pub mod wanted;

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::mail::date::Timestamp;
use crate::storage::reports::DAY;

/// Who reports, to whom, of which day.
#[derive(Clone, Debug)]
pub struct Letterhead<'a> {
    /// Our domain.
    pub submitter: &'a str,
    /// Our address.
    pub from: &'a str,
    /// Whose mail or servers it is about (A-labels).
    pub domain: &'a str,
    /// Days since 1970.
    pub day: i64,
}

impl Letterhead<'_> {
    /// The first second of the day, and the last.
    fn range(&self) -> (i64, i64) {
        let begin = self.day.saturating_mul(DAY);
        (begin, begin.saturating_add(DAY - 1))
    }

    /// The same for the same day and domain, so that one that is sent twice is known for it.
    fn id(&self) -> String {
        format!("{}.{}@{}", date(self.day), self.domain, self.submitter)
    }
}

/// `2026-11-25`, of a day since 1970.
pub fn date(day: i64) -> String {
    let moment = Timestamp {
        seconds: day.saturating_mul(DAY),
        offset_minutes: 0,
    };
    moment.to_rfc3339().split('T').next().unwrap_or_default().to_owned()
}

fn compressed(text: &[u8]) -> io::Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text)?;
    gzip.finish()
}
