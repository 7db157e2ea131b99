//! MTA-STS (RFC 8461): what a domain says of its servers, under its own certificate.
//!
//! A policy is fetched when the domain's TXT record tells of another one than we know, and holds for as long as it says,
//! also when record or policy cannot be had meanwhile: so an attacker must have been there before us. What is known is kept
//! in a file for each domain, or a restart would forget it.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::exchangers::Addresses;
use crate::net::dns::Dns;
use crate::net::http::{Client, HttpError, Request, Url};
use crate::reports::tls::{self as reports, Failure, Fault, PolicyType};
use crate::storage::reports::ReportStore;
use crate::storage::sts::{PolicyFiles, Stored};

/// RFC 8461 §3.3
const FETCH_TIMEOUT: Duration = Duration::from_secs(60);
/// RFC 8461 §3.3 suggests a limit of this size.
const MAX_POLICY: usize = 64 * 1024;
/// RFC 8461 §3.2: the longest `max_age`, about a year.
const MAX_AGE: u64 = 31_557_600;
/// How long a domain that has no policy, or whose policy could not be fetched, is not asked again (§3.3: at most once in
/// five minutes); and how long a known one is believed without a look at the record.
const ASK_AGAIN: Duration = Duration::from_secs(300);
/// Domains in memory.
const MAX_DOMAINS: usize = 10_000;

/// What a domain says of its servers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Policy {
    /// How strictly it is meant.
    pub(super) mode: Mode,
    /// Hosts, or `*.` and a domain of which they are one label below.
    mx: Vec<String>,
    /// For how many seconds it holds.
    max_age: u64,
}

/// How strictly a policy is meant (RFC 8461 §5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    /// Mail goes to nobody else.
    Enforce,
    /// Who is not as the policy says is noted.
    Testing,
    /// There is none any more.
    None,
}

impl Policy {
    /// From the text of the policy (RFC 8461 §3.2); `None` if it is none.
    pub(super) fn parse(text: &str) -> Option<Policy> {
        let (mut version, mut mode, mut max_age, mut mx) = (None, None, None, Vec::new());
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let (key, value) = line.split_once(':')?;
            let value = value.trim();
            // Of a key that stands twice the first is meant.
            match key.trim() {
                "version" => version = version.or(Some(value)),
                "mode" => {
                    mode = mode.or(Some(match value {
                        "enforce" => Mode::Enforce,
                        "testing" => Mode::Testing,
                        "none" => Mode::None,
                        _ => return None,
                    }))
                }
                "max_age" => max_age = max_age.or(Some(value.parse::<u64>().ok()?.min(MAX_AGE))),
                "mx" => mx.push(value.trim_end_matches('.').to_ascii_lowercase()),
                _ => {}
            }
        }
        let policy = Policy {
            mode: mode?,
            max_age: max_age?,
            mx,
        };
        (version == Some("STSv1") && (policy.mode == Mode::None || !policy.mx.is_empty())).then_some(policy)
    }

    /// As a report tells it (RFC 8460 §4.4).
    pub(super) fn told(&self) -> reports::Policy {
        let mode = match self.mode {
            Mode::Enforce => "enforce",
            Mode::Testing => "testing",
            Mode::None => "none",
        };
        let mut lines = vec!["version: STSv1".to_owned(), format!("mode: {mode}")];
        lines.extend(self.mx.iter().map(|host| format!("mx: {host}")));
        lines.push(format!("max_age: {}", self.max_age));
        reports::Policy {
            policy_type: PolicyType::Sts,
            policy_string: lines,
            mx_host: self.mx.clone(),
        }
    }

    /// Whether the policy, tried out or not, says of this host that it is the domain's (RFC 8689 §4.2.1).
    pub(super) fn vouches_for(&self, host: &str) -> bool {
        self.mode != Mode::None && self.names(host)
    }

    /// Whether the policy names this host (RFC 8461 §4.1).
    pub(super) fn names(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.mx.iter().any(|pattern| match pattern.strip_prefix("*.") {
            Some(domain) => host
                .split_once('.')
                .is_some_and(|(label, rest)| !label.is_empty() && rest == domain),
            None => host == *pattern,
        })
    }
}

/// The policies of all domains. Cheap to clone.
#[derive(Clone)]
pub(super) struct Policies(Arc<Inner>);

struct Inner {
    dns: Dns,
    http: Client,
    /// Where policies are fetched.
    port: u16,
    files: PolicyFiles,
    reports: ReportStore,
    known: Mutex<HashMap<String, Known>>,
}

/// What is known of a domain.
#[derive(Clone, Default)]
struct Known {
    /// The policy with its `id`, and until when it holds, in seconds since 1970.
    policy: Option<(Arc<Policy>, String, u64)>,
    /// When the record, or the policy in vain, was last looked at.
    asked: Option<Instant>,
}

impl Policies {
    /// Those that the files have are known.
    pub(super) fn new(dns: Dns, http: Client, port: u16, files: PolicyFiles, reports: ReportStore) -> Policies {
        Policies(Arc::new(Inner {
            dns,
            http,
            port,
            files,
            reports,
            known: Mutex::default(),
        }))
    }

    /// The policy that holds for a domain (A-labels), if there is one.
    pub(super) async fn of(&self, domain: &str) -> Option<Arc<Policy>> {
        let known = match self.known(domain) {
            Some(known) => known,
            None => Known {
                policy: self.stored(domain).await,
                asked: None,
            },
        };
        let holds = |known: &Known| {
            let held = known.policy.as_ref().filter(|(_, _, until)| *until > now());
            held.map(|(policy, ..)| policy.clone())
        };
        if known.asked.is_some_and(|asked| asked.elapsed() < ASK_AGAIN) {
            return holds(&known);
        }
        let known = self.renewed(domain, known).await;
        let policy = holds(&known);
        self.remember(domain, known);
        policy
    }

    /// With another policy if the record tells of one and it can be had.
    async fn renewed(&self, domain: &str, mut known: Known) -> Known {
        known.asked = Some(Instant::now());
        let Some(id) = self.id(domain).await else {
            return known;
        };
        let fresh = known
            .policy
            .as_ref()
            .is_some_and(|(_, old, until)| *old == id && *until > now());
        if fresh {
            return known;
        }
        match self.fetch(domain).await {
            Ok(text) => match Policy::parse(&text) {
                Some(policy) => {
                    let until = now().saturating_add(policy.max_age);
                    let stored = Stored {
                        id: id.clone(),
                        until,
                        text,
                    };
                    if let Err(error) = self.0.files.store(domain, stored).await {
                        tracing::warn!(domain, %error, "an MTA-STS policy cannot be kept");
                    }
                    known.policy = Some((Arc::new(policy), id, until));
                }
                None => {
                    tracing::info!(domain, "the MTA-STS policy cannot be understood");
                    self.note(domain, Fault::StsPolicyInvalid);
                }
            },
            Err((fault, cause)) => {
                tracing::info!(domain, cause, "the MTA-STS policy cannot be fetched");
                self.note(domain, fault);
            }
        }
        known
    }

    /// The `id` of the one record there must be (RFC 8461 §3.1).
    async fn id(&self, domain: &str) -> Option<String> {
        let found = self.0.dns.txt(&format!("_mta-sts.{domain}")).await.ok()?;
        let mut records = found.records.iter().filter_map(|record| id_of(record));
        match (records.next(), records.next()) {
            (Some(id), None) => Some(id),
            _ => None,
        }
    }

    /// Counts a policy that was announced and cannot be had, for the domain to be told (RFC 8460 §4.3.2.2).
    fn note(&self, domain: &str, result_type: Fault) {
        let policy = reports::Policy {
            policy_type: PolicyType::Sts,
            ..reports::Policy::default()
        };
        let failure = Failure {
            result_type,
            receiving_mx_hostname: None,
            receiving_ip: None,
        };
        self.0.reports.note(reports::seen(domain, &policy, Some(&failure)));
    }

    async fn fetch(&self, domain: &str) -> Result<String, (Fault, String)> {
        let host = format!("mta-sts.{domain}");
        let found = Addresses::of(&self.0.dns, &host, false)
            .await
            .map_err(|error| (Fault::StsPolicyFetchError, error.to_string()))?;
        fetch(&self.0.http, &host, &found.addresses, self.0.port).await
    }

    async fn stored(&self, domain: &str) -> Option<(Arc<Policy>, String, u64)> {
        let stored = self.0.files.load(domain).await?;
        let policy = Policy::parse(&stored.text)?;
        Some((Arc::new(policy), stored.id, stored.until))
    }

    fn known(&self, domain: &str) -> Option<Known> {
        let known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(domain).cloned()
    }

    fn remember(&self, domain: &str, new: Known) {
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_DOMAINS {
            // The files know what they said.
            known.retain(|_, one| one.asked.is_some_and(|asked| asked.elapsed() < ASK_AGAIN));
            if known.len() >= MAX_DOMAINS {
                known.clear();
            }
        }
        known.insert(domain.to_owned(), new);
    }
}

/// `v=STSv1; id=…;` (RFC 8461 §3.1)
fn id_of(record: &str) -> Option<String> {
    let mut fields = record.split(';').map(str::trim);
    if fields
        .next()?
        .split_once('=')
        .map(|(name, value)| (name.trim(), value.trim()))
        != Some(("v", "STSv1"))
    {
        return None;
    }
    let id = fields
        .find_map(|field| field.split_once('=').filter(|(name, _)| name.trim() == "id"))?
        .1
        .trim();
    let valid = (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    valid.then(|| id.to_owned())
}

/// The text of a policy, by HTTPS, without redirects, as plain text (RFC 8461 §3.3).
async fn fetch(http: &Client, host: &str, addresses: &[IpAddr], port: u16) -> Result<String, (Fault, String)> {
    let url = format!("https://{host}/.well-known/mta-sts.txt");
    let failed = |cause: String| (Fault::StsPolicyFetchError, cause);
    let url = Url::parse(&url).map_err(|error| failed(error.to_string()))?;
    let at = addresses
        .iter()
        .map(|address| SocketAddr::new(*address, port))
        .collect();
    let request = Request::get(&url).at(at);
    let answer = http.send(request, FETCH_TIMEOUT, MAX_POLICY).await;
    let answer = answer.map_err(|error| match error {
        HttpError::Tls(_) => (Fault::StsWebpkiInvalid, error.to_string()),
        error => failed(error.to_string()),
    })?;
    let kind = answer.content_type.unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if answer.status != 200 || !kind.eq_ignore_ascii_case("text/plain") {
        return Err(failed(format!("status {}", answer.status)));
    }
    String::from_utf8(answer.body).map_err(|_| (Fault::StsPolicyInvalid, "not UTF-8".to_owned()))
}

/// Seconds since 1970.
fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::net::connection::Connection;
    use crate::net::roots::Roots;
    use crate::net::tls::{SelfSigned, Tls};

    const TEXT: &str =
        "version: STSv1\r\nmode: enforce\r\nmx: mail.Example.test\nmx: *.example.net\nnew: x\nmax_age: 604800\n";

    #[test]
    fn policies() {
        let policy = Policy::parse(TEXT).unwrap();
        assert_eq!((policy.mode, policy.max_age), (Mode::Enforce, 604_800));
        for (host, named) in [
            ("mail.example.test", true),
            ("MAIL.example.test.", true),
            ("other.example.test", false),
            ("a.example.net", true),
            ("a.b.example.net", false),
            ("example.net", false),
            (".example.net", false),
        ] {
            assert_eq!(policy.names(host), named, "{host}");
        }
        let none = Policy::parse("version: STSv1\nmode: none\nmax_age: 99999999999\n").unwrap();
        assert_eq!((none.mode, none.max_age), (Mode::None, MAX_AGE));
        for bad in [
            "",
            "mode: enforce\nmx: a\nmax_age: 1",
            "version: STSv2\nmode: enforce\nmx: a\nmax_age: 1",
            "version: STSv1\nmode: strict\nmx: a\nmax_age: 1",
            "version: STSv1\nmode: enforce\nmax_age: 1",
            "version: STSv1\nmode: enforce\nmx: a\nmax_age: x",
            "version: STSv1\nmode: enforce\nmx: a",
            "<html>",
        ] {
            assert_eq!(Policy::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn records() {
        for (record, id) in [
            ("v=STSv1; id=20160831085700Z;", Some("20160831085700Z")),
            ("v=STSv1;id=a", Some("a")),
            ("v=STSv1; x=y; id=a ;", Some("a")),
            ("v=STSv1;", None),
            ("v=STSv1; id=a-b", None),
            ("v=spf1 -all", None),
            ("id=a; v=STSv1", None),
        ] {
            assert_eq!(id_of(record).as_deref(), id, "{record}");
        }
    }

    /// A server with this certificate, which answers one question so.
    async fn server(tls: Tls, answer: String) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            let soon = Duration::from_secs(20);
            if let Ok(mut connection) = Connection::accept_tls(tcp, &tls, soon).await {
                connection.fill(soon).await.unwrap();
                connection.write(answer.as_bytes(), soon).await.unwrap();
                connection.close().await;
            }
        });
        port
    }

    #[tokio::test]
    async fn a_policy_is_fetched_from_its_own_host_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let made = SelfSigned::generate("mta-sts.example.test").unwrap();
        let file = folder.path().join("authority.pem");
        std::fs::write(&file, &made.certificate).unwrap();
        let trusting = Client::new(&Roots::trusted(Some(&file)).unwrap()).unwrap();
        let ok = |kind: &str, text: &str| {
            let length = text.len();
            format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{text}")
        };
        let elsewhere = "HTTP/1.1 301 Moved\r\nLocation: https://example.test/\r\nContent-Length: 0\r\n\r\n".to_owned();
        let large = ok("text/plain", &"x".repeat(MAX_POLICY + 1));
        for (host, answer, good) in [
            ("mta-sts.example.test", ok("text/plain; charset=utf-8", TEXT), true),
            ("mta-sts.example.test", ok("text/html", TEXT), false),
            ("mta-sts.example.test", elsewhere, false),
            ("mta-sts.example.test", large, false),
            ("mta-sts.other.test", ok("text/plain", TEXT), false),
        ] {
            let port = server(Tls::from_self_signed(&made).unwrap(), answer.clone()).await;
            let fetched = fetch(&trusting, host, &["127.0.0.1".parse().unwrap()], port).await;
            assert_eq!(
                fetched.ok().as_deref(),
                good.then_some(TEXT),
                "{host} {}",
                &answer[..60]
            );
        }
        let stranger = Client::new(&Roots::trusted(None).unwrap()).unwrap();
        let port = server(Tls::from_self_signed(&made).unwrap(), ok("text/plain", TEXT)).await;
        let fetched = fetch(&stranger, "mta-sts.example.test", &["127.0.0.1".parse().unwrap()], port).await;
        assert!(fetched.is_err());
    }
}
