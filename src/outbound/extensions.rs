//! What a server offers in its answer to EHLO (RFC 5321 §4.1.1.1).

use super::reply::Reply;

/// The extensions that matter to a client.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Extensions {
    /// RFC 3207
    pub(super) starttls: bool,
    /// RFC 2920
    pub(super) pipelining: bool,
    /// RFC 6152
    pub(super) eight_bit_mime: bool,
    /// RFC 6531
    pub(super) smtputf8: bool,
    /// RFC 3461
    pub(super) dsn: bool,
    /// RFC 8689
    pub(super) requiretls: bool,
    /// RFC 6710
    pub(super) mt_priority: bool,
    /// RFC 2852: with the shortest time that is taken, in seconds.
    pub(super) deliver_by: Option<i64>,
    /// RFC 1870: `Some(None)` when there is no limit.
    pub(super) size: Option<Option<u64>>,
    /// RFC 4954: names of mechanisms, upper case.
    pub(super) auth: Vec<String>,
    /// LIMITS (RFC 9422): recipients of one transaction.
    pub(super) max_recipients: Option<usize>,
    /// LIMITS: transactions of one connection.
    pub(super) max_transactions: Option<usize>,
}

impl Extensions {
    /// From the answer to EHLO. Its first line is a greeting; what is not known is passed over.
    pub(super) fn parse(reply: &Reply) -> Extensions {
        let mut offered = Extensions::default();
        for line in reply.lines.iter().skip(1) {
            let line = line.to_ascii_uppercase();
            // `AUTH=LOGIN` is how some wrote it before there was a standard.
            let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
            match words.next().unwrap_or_default() {
                "STARTTLS" => offered.starttls = true,
                "PIPELINING" => offered.pipelining = true,
                "8BITMIME" => offered.eight_bit_mime = true,
                "SMTPUTF8" => offered.smtputf8 = true,
                "DSN" => offered.dsn = true,
                "REQUIRETLS" => offered.requiretls = true,
                "MT-PRIORITY" => offered.mt_priority = true,
                // Further options may stand behind a comma.
                "DELIVERBY" => {
                    let shortest = words.next().and_then(|options| options.split(',').next()?.parse().ok());
                    offered.deliver_by = Some(shortest.unwrap_or(0));
                }
                // 0 is no limit (RFC 1870 §4).
                "SIZE" => offered.size = Some(words.next().and_then(|size| size.parse().ok()).filter(|size| *size > 0)),
                "AUTH" => offered.auth.extend(words.map(str::to_owned)),
                "LIMITS" => offered.limit(words),
                _ => {}
            }
        }
        offered
    }

    /// `RCPTMAX=100 MAILMAX=10`, taken apart at each `=`. A limit of 0 is none that could be kept.
    fn limit<'a>(&mut self, mut words: impl Iterator<Item = &'a str>) {
        while let Some(name) = words.next() {
            let limit = match name {
                "RCPTMAX" => &mut self.max_recipients,
                "MAILMAX" => &mut self.max_transactions,
                _ => continue,
            };
            *limit = words
                .next()
                .and_then(|number| number.parse().ok())
                .filter(|number| *number > 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered() {
        let lines = "mx.example.test greets PIPELINING|SIZE 1000|8bitmime|AUTH PLAIN LOGIN|AUTH=LOGIN SCRAM-SHA-1\
                     |LIMITS RCPTMAX=20 X=5 MAILMAX=3|DSN|XCLIENT NAME|DELIVERBY 30,x|MT-PRIORITY MIXER|REQUIRETLS|";
        let reply = Reply {
            code: 250,
            status: None,
            lines: lines.split('|').map(str::to_owned).collect(),
        };
        let wanted = Extensions {
            eight_bit_mime: true,
            dsn: true,
            requiretls: true,
            mt_priority: true,
            deliver_by: Some(30),
            size: Some(Some(1000)),
            auth: ["PLAIN", "LOGIN", "LOGIN", "SCRAM-SHA-1"].map(str::to_owned).into(),
            max_recipients: Some(20),
            max_transactions: Some(3),
            ..Extensions::default()
        };
        assert_eq!(Extensions::parse(&reply), wanted);
        for (line, size) in [
            ("SIZE", Some(None)),
            ("SIZE 0", Some(None)),
            ("SIZE x", Some(None)),
            ("SIZES 1", None),
        ] {
            let lines = vec![String::new(), line.to_owned()];
            assert_eq!(
                Extensions::parse(&Reply { lines, ..reply.clone() }).size,
                size,
                "{line}"
            );
        }
    }
}
