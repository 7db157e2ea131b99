//! The rules that one type cannot hold: values that would make no server, and values that contradict each other.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::load::{ConfigError, Problem};
use super::{Config, Endpoint, MtaStsMode, Period, RouteTls};
use crate::telemetry;

impl Config {
    /// The only place for rules between settings. Finds all that is wrong at once.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut problems = Problems(Vec::new());
        if self.data.as_os_str().is_empty() {
            problems.add("data", "a folder is wanted");
        }
        if !is_hostname(&self.hostname) {
            problems.add("hostname", "a host name is wanted, such as \"mail.example.org\"");
        }
        self.check_listeners(&mut problems);
        match (&self.tls.certificate, &self.tls.key) {
            (Some(_), None) => problems.add("tls.key", "tls.certificate is given, so its key is wanted too"),
            (None, Some(_)) => problems.add("tls.certificate", "tls.key is given, so its certificate is wanted too"),
            _ => {}
        }
        self.check_oauth(&mut problems);
        if let Some(admin) = &self.imap.admin
            && !is_uri(admin)
        {
            problems.add(
                "imap.admin",
                "a URI is wanted, such as \"mailto:postmaster@example.org\"",
            );
        }
        self.check_reports(&mut problems);
        self.check_routes(&mut problems);
        if let Some(domain) = &self.forward.srs_domain
            && !is_hostname(domain)
        {
            problems.add("forward.srs_domain", "a domain is wanted, such as \"srs.example.org\"");
        }
        let days = self.forward.srs_expire.get().as_secs() / (24 * 3600);
        if !(1..=500).contains(&days) {
            problems.add("forward.srs_expire", "must be between 1 and 500 days");
        }
        self.check_milters(&mut problems);
        if let Err(cause) = telemetry::check_filter(&self.log.filter) {
            problems.add(
                "log.filter",
                format!("no log filter, such as \"info\" or \"posthaste=debug,info\": {cause}"),
            );
        }
        for (key, number) in [
            ("login.concurrent_hashes", self.login.concurrent_hashes as u64),
            (
                "login.max_connections_per_account",
                self.login.max_connections_per_account as u64,
            ),
            (
                "login.max_connections_per_address",
                self.login.max_connections_per_address as u64,
            ),
            ("dns.cache_entries", self.dns.cache_entries),
            ("smtp.max_message_size", self.smtp.max_message_size.get()),
            ("smtp.max_recipients", self.smtp.max_recipients as u64),
            ("smtp.max_errors", self.smtp.max_errors as u64),
            ("smtp.max_connections", self.smtp.max_connections as u64),
            ("imap.max_command", self.imap.max_command.get()),
            ("imap.max_append", self.imap.max_append.get()),
            ("imap.max_errors", self.imap.max_errors as u64),
            ("imap.max_connections", self.imap.max_connections as u64),
            ("outbound.port", u64::from(self.outbound.port)),
            ("outbound.mta_sts_port", u64::from(self.outbound.mta_sts_port)),
            ("outbound.max_connections", self.outbound.max_connections as u64),
            (
                "outbound.max_connections_per_domain",
                self.outbound.max_connections_per_domain as u64,
            ),
            (
                "outbound.max_messages_per_connection",
                self.outbound.max_messages_per_connection as u64,
            ),
            ("outbound.max_addresses", self.outbound.max_addresses as u64),
            ("sieve.max_scripts", self.sieve.max_scripts as u64),
            ("sieve.max_script_size", self.sieve.max_script_size.get()),
            ("sieve.max_errors", self.sieve.max_errors as u64),
            ("sieve.max_connections", self.sieve.max_connections as u64),
            ("storage.max_mailboxes", self.storage.max_mailboxes as u64),
        ] {
            if number == 0 {
                problems.add(key, "must be more than 0");
            }
        }
        // What the compiler takes (`sieve::limits`), and is enough for any rules that people write.
        if self.sieve.max_script_size.get() > 1024 * 1024 {
            problems.add("sieve.max_script_size", "must be no more than 1 MiB");
        }
        for (key, size) in [
            ("smtp.max_message_size", self.smtp.max_message_size.get()),
            ("imap.max_append", self.imap.max_append.get()),
        ] {
            // RFC 9051 appendix D: a message larger than that could not be shown to clients of IMAP4rev1.
            if size > u64::from(u32::MAX) {
                problems.add(key, "must be less than 4 GiB, the most that IMAP4rev1 can tell");
            }
        }
        for (key, period) in [
            ("dns.timeout", self.dns.timeout),
            ("login.oauth.timeout", self.login.oauth.timeout),
            ("smtp.timeout", self.smtp.timeout),
            ("queue.retry_first", self.queue.retry_first),
            ("queue.retry_max", self.queue.retry_max),
            ("queue.expire", self.queue.expire),
            ("imap.heartbeat", self.imap.heartbeat),
            ("imap.timeout", self.imap.timeout),
            ("imap.login_timeout", self.imap.login_timeout),
            ("imap.write_timeout", self.imap.write_timeout),
            ("outbound.timeout.connect", self.outbound.timeout.connect),
            ("outbound.timeout.greeting", self.outbound.timeout.greeting),
            ("outbound.timeout.hello", self.outbound.timeout.hello),
            ("outbound.timeout.mail", self.outbound.timeout.mail),
            ("outbound.timeout.rcpt", self.outbound.timeout.rcpt),
            ("outbound.timeout.data", self.outbound.timeout.data),
            ("outbound.timeout.block", self.outbound.timeout.block),
            ("outbound.timeout.end", self.outbound.timeout.end),
            ("storage.index_timeout", self.storage.index_timeout),
            ("origin.timeout", self.origin.timeout),
        ] {
            if period == Period::seconds(0) {
                problems.add(key, "must be more than 0");
            }
        }
        problems.into_result()
    }

    fn check_oauth(&self, problems: &mut Problems) {
        let oauth = &self.login.oauth;
        let sources = [
            ("login.oauth.keys", oauth.keys.is_some()),
            ("login.oauth.public_key", oauth.public_key.is_some()),
            ("login.oauth.jwks", oauth.jwks.is_some()),
            ("login.oauth.introspection", oauth.introspection.is_some()),
        ];
        let mut given = sources.into_iter().filter_map(|(key, given)| given.then_some(key));
        let first = given.next();
        let Some(issuer) = &oauth.issuer else {
            if first.is_some() || !oauth.audience.is_empty() {
                problems.add(
                    "login.oauth.issuer",
                    "keys or an audience are given, so their issuer is wanted too",
                );
            }
            return;
        };
        if issuer.is_empty() {
            problems.add("login.oauth.issuer", "must not be empty");
        }
        if oauth.audience.iter().any(String::is_empty) || oauth.audience.is_empty() && oauth.introspection.is_none() {
            problems.add(
                "login.oauth.audience",
                "login.oauth.issuer is given, so it is wanted for whom its tokens must be made",
            );
        }
        for other in given {
            problems.add(other, format!("{} is given already", first.unwrap_or_default()));
        }
        if first.is_none() && oauth.configuration().is_none() {
            problems.add(
                "login.oauth.keys",
                "login.oauth.issuer is no https URL at which its keys could be found, so they are wanted here",
            );
        }
        for (key, url) in [
            ("login.oauth.jwks", &oauth.jwks),
            ("login.oauth.introspection", &oauth.introspection),
        ] {
            if url.as_ref().is_some_and(|url| !url.is_safe()) {
                problems.add(key, "https is wanted, or an address of this machine");
            }
        }
        if oauth.introspection.is_none() && (oauth.client_id.is_some() || oauth.client_secret.is_some()) {
            problems.add("login.oauth.client_id", "only login.oauth.introspection needs it");
        }
        if oauth.client_id.is_some() && oauth.client_secret.is_none() {
            problems.add(
                "login.oauth.client_secret",
                "login.oauth.client_id is given, so its secret is wanted too",
            );
        }
        if oauth.claim.is_empty() {
            problems.add("login.oauth.claim", "must not be empty");
        }
    }

    fn check_reports(&self, problems: &mut Problems) {
        let is_address = |from: &str| from.rsplit_once('@').is_some_and(|(local, _)| !local.is_empty());
        if self.reports.from.as_deref().is_some_and(|from| !is_address(from)) {
            problems.add("reports.from", "an address is wanted, such as \"dmarc@example.org\"");
        }
        let is_local_part = |local: &str| !local.is_empty() && !local.contains('@');
        if !self.reports.addresses.iter().all(|local| is_local_part(local)) {
            problems.add("reports.addresses", "local parts are wanted, such as \"postmaster\"");
        }
        let is_host = |host: &String| is_hostname(host.strip_prefix("*.").unwrap_or(host));
        if !self.mta_sts.mx.iter().all(is_host) {
            problems.add(
                "mta_sts.mx",
                "host names are wanted, such as \"mail.example.org\" or \"*.example.org\"",
            );
        }
        // RFC 8461 §3.2: shorter than a day, an attacker has only to wait.
        if self.mta_sts.mode == MtaStsMode::Enforce && self.mta_sts.max_age < Period::seconds(24 * 3600) {
            problems.add("mta_sts.max_age", "must be a day at least, or it protects nobody");
        }
        if self.reports.keep < Period::seconds(7 * 24 * 3600) {
            problems.add(
                "reports.keep",
                "must be a week at least: reports are tried again for days",
            );
        }
    }

    fn check_milters(&self, problems: &mut Problems) {
        for milter in &self.milter {
            let graphic = |byte: u8| byte.is_ascii_graphic() && byte != b';';
            if milter.name.is_empty() || milter.name.len() > 64 || !milter.name.bytes().all(graphic) {
                problems.add(
                    "milter.name",
                    format!("{:?}: a word is wanted, such as \"rspamd\"", milter.name),
                );
            }
            if milter.services.is_empty() {
                problems.add("milter.services", "\"smtp\", \"submission\" or both are wanted");
            }
            for (key, period) in [
                ("milter.connect_timeout", milter.connect_timeout),
                ("milter.timeout", milter.timeout),
                ("milter.deadline", milter.deadline),
            ] {
                if period == Period::seconds(0) {
                    problems.add(key, "must be more than 0");
                }
            }
        }
    }

    fn check_routes(&self, problems: &mut Problems) {
        for route in &self.route {
            let domain = route.domain.strip_prefix('.').unwrap_or(&route.domain);
            if route.domain != "*" && domain.is_ascii() && !is_hostname(domain) {
                problems.add(
                    "route.domain",
                    format!("{:?} is no domain, nor \"*\" for all", route.domain),
                );
            }
            if route.host.parse::<IpAddr>().is_err() && !is_hostname(&route.host) {
                problems.add(
                    "route.host",
                    format!("{:?} is neither a host name nor an address", route.host),
                );
            }
            if route.port == 0 {
                problems.add("route.port", "must be more than 0");
            }
            match (&route.user, &route.password, &route.password_file) {
                (None, None, None) | (Some(_), Some(_), None) | (Some(_), None, Some(_)) => {}
                (Some(_), None, None) => problems.add("route.password", "route.user is given, so it is wanted too"),
                (None, ..) => problems.add("route.user", "a password is given, so whose it is is wanted too"),
                (Some(_), Some(_), Some(_)) => problems.add("route.password_file", "route.password is given already"),
            }
            if route.user.is_some() && route.tls == RouteTls::Opportunistic {
                problems.add("route.tls", "a password wants \"verified\" or \"implicit\"");
            }
        }
    }

    fn check_listeners(&self, problems: &mut Problems) {
        let mut seen: BTreeMap<SocketAddr, &str> = BTreeMap::new();
        let lmtp = self.lmtp.listen.iter().filter_map(|endpoint| match endpoint {
            Endpoint::Tcp(address) => Some(*address),
            Endpoint::Unix(_) => None,
        });
        for (key, addresses) in [
            ("listen.smtp", &self.listen.smtp),
            ("listen.submission", &self.listen.submission),
            ("listen.submissions", &self.listen.submissions),
            ("listen.imap", &self.listen.imap),
            ("listen.imaps", &self.listen.imaps),
            ("lmtp.listen", &lmtp.collect()),
            ("listen.managesieve", &self.listen.managesieve),
            ("listen.https", &self.listen.https),
        ] {
            // Port 0 is a different port each time.
            for address in addresses.iter().filter(|address| address.port() != 0) {
                if let Some(other) = seen.insert(*address, key) {
                    problems.add(key, format!("{address} is in {other} already"));
                }
            }
        }
    }
}

/// `scheme:…` (RFC 3986 §3), without anything that a URI never holds.
fn is_uri(text: &str) -> bool {
    let scheme = |scheme: &str| scheme.starts_with(|c: char| c.is_ascii_alphabetic());
    let split = text
        .split_once(':')
        .filter(|(before, rest)| scheme(before) && !rest.is_empty());
    split.is_some() && text.bytes().all(|octet| octet.is_ascii_graphic())
}

struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, key: &str, what: impl Into<String>) {
        self.0.push(Problem {
            place: String::new(),
            key: key.to_owned(),
            what: what.into(),
        });
    }

    fn into_result(self) -> Result<(), ConfigError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(ConfigError { problems: self.0 })
        }
    }
}

/// A domain name as a greeting may carry it (RFC 5321 §4.1.2, `Domain`; underscores are seen in the wild).
fn is_hostname(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(change: impl FnOnce(&mut Config)) -> Vec<String> {
        let mut config = Config::default();
        change(&mut config);
        let problems = config.check().err().map(|error| error.problems).unwrap_or_default();
        problems.into_iter().map(|problem| problem.key).collect()
    }

    #[test]
    fn the_defaults_are_right() {
        assert_eq!(keys(|_| {}), Vec::<String>::new());
    }

    #[test]
    fn each_rule_names_its_key() {
        assert_eq!(keys(|config| config.data = "".into()), ["data"]);
        for wrong in ["", "a b", "x\r\ny", "-a.example", "a..b", "example.org.", "a/b"] {
            assert_eq!(
                keys(|config| config.hostname = wrong.to_owned()),
                ["hostname"],
                "{wrong:?}"
            );
        }
        assert_eq!(
            keys(|config| config.tls.key = Some("key.pem".into())),
            ["tls.certificate"]
        );
        assert_eq!(
            keys(|config| config.tls.certificate = Some("cert.pem".into())),
            ["tls.key"]
        );
        assert_eq!(
            keys(|config| config.login.oauth.issuer = Some("https://id.example.org".to_owned())),
            ["login.oauth.audience"]
        );
        assert_eq!(
            keys(|config| config.imap.max_append = crate::config::Size::mebibytes(4096)),
            ["imap.max_append"]
        );
        assert_eq!(
            keys(|config| config.login.oauth.keys = Some("keys.json".into())),
            ["login.oauth.issuer"]
        );
        assert_eq!(
            keys(|config| {
                let oauth = &mut config.login.oauth;
                oauth.issuer = Some("https://id.example.org".to_owned());
                oauth.audience = vec!["posthaste".to_owned()];
                oauth.keys = Some("keys.json".into());
                oauth.public_key = Some("PEM".to_owned());
                oauth.claim.clear();
            }),
            ["login.oauth.public_key", "login.oauth.claim"]
        );
        assert_eq!(
            keys(|config| config.log.filter = "posthaste=loud".to_owned()),
            ["log.filter"]
        );
        assert_eq!(
            keys(|config| config.imap.heartbeat = Period::seconds(0)),
            ["imap.heartbeat"]
        );
        assert_eq!(
            keys(|config| {
                config.smtp.max_recipients = 0;
                config.listen.imaps = config.listen.imap.clone();
            }),
            ["listen.imaps", "smtp.max_recipients"]
        );
    }

    #[test]
    fn port_0_may_be_given_many_times() {
        let any = vec![SocketAddr::from(([127, 0, 0, 1], 0)); 2];
        let problems = keys(|config| {
            config.listen.imap = any.clone();
            config.listen.imaps = any;
        });
        assert_eq!(problems, Vec::<String>::new());
    }
}
