//! Looking names up (RFC 1034), with DNSSEC proof where it is asked for (RFC 4035). Knows nothing of mail.
//!
//! An answer is one of three: records, their proven or told absence, or a failure for the time being. The last is never
//! taken for the second: who cannot reach a name server has not learnt that a domain is gone (RFC 2308 §7).
//!
//! CNAMEs are followed, and the name at the end of the chain is told. Names are always taken as whole: no search list is
//! appended. `hickory_resolver` is named only here; its caches are bounded by `Options::cache_entries`.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::dnssec::{Proof, TrustAnchors};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::system_conf;
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::tls::provider;

/// Lookups under way at the same time; more wait.
const MAX_CONCURRENT: usize = 256;
/// Absence is not believed for longer than this, whatever its SOA says (RFC 2308 §5 recommends at most three hours).
const MAX_NEGATIVE_TTL: Duration = Duration::from_secs(3600);
/// Nothing is believed for longer than this.
const MAX_TTL: Duration = Duration::from_secs(24 * 3600);
/// How long it is believed that the name servers give proofs, or that they do not.
const PROOFS_GIVEN: Duration = Duration::from_secs(3600);
const NO_PROOFS_GIVEN: Duration = Duration::from_secs(300);

/// A resolver. Cheap to clone; clones share caches.
#[derive(Clone)]
pub struct Dns(Arc<Inner>);

struct Inner {
    plain: TokioResolver,
    /// With other caches than `plain`: what is in those has no proof.
    validating: Option<TokioResolver>,
    dnssec: Dnssec,
    /// With [`Dnssec::Auto`]: what was last found out of the name servers, and when.
    proofs: Mutex<Option<(bool, Instant)>>,
    running: Semaphore,
}

/// Whether answers are proven by DNSSEC where it matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dnssec {
    /// If the name servers hand out signatures: not all do, and behind those that do not every signed name would fail.
    Auto,
    /// Always. A signed name whose signatures do not arrive fails.
    On,
    /// Never.
    Off,
}

/// How to look up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name servers; empty for those of the system.
    pub servers: Vec<SocketAddr>,
    /// Whether proofs are asked for.
    pub dnssec: Dnssec,
    /// A file of DNSKEY records trusted instead of the root's.
    pub trust_anchor: Option<PathBuf>,
    /// How long one question to one server may take; it is asked twice.
    pub timeout: Duration,
    /// Answers remembered at most.
    pub cache_entries: u64,
}

/// What a name has of one type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer<T> {
    /// The records; empty if there are none.
    pub records: Vec<T>,
    /// Whether the name exists at all. Records of other types may be there when there are none of this one.
    pub exists: bool,
    /// Whether all of this, each CNAME included, is proven by DNSSEC. Never without [`Dns::proven`].
    pub secure: bool,
    /// The name at the end of the CNAMEs, lower case A-labels without a final dot.
    pub name: String,
}

impl<T> Answer<T> {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

/// No answer for the time being: no server answers, or what it says contradicts its signatures.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failure {
    /// Servers do not answer, or answer that they cannot.
    #[error("no answer from DNS for {name} {kind}: {cause}")]
    Unanswered {
        /// What was asked for.
        name: String,
        /// A, MX, …
        kind: String,
        /// What the resolver says.
        cause: String,
    },
    /// The answer is not what its zone has signed.
    #[error("DNSSEC validation failed for {name} {kind}")]
    Bogus {
        /// What was asked for.
        name: String,
        /// A, MX, …
        kind: String,
    },
    /// No name that the DNS could hold.
    #[error("not a domain name")]
    NotAName,
}

/// A record of type MX (RFC 1035 §3.3.9).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mx {
    /// Lower is preferred.
    pub preference: u16,
    /// Lower case A-labels without a final dot; empty for the root, as a null MX has it (RFC 7505 §3).
    pub exchange: String,
}

/// A record of type TLSA (RFC 6698 §2.1), its numbers as they are in the DNS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tlsa {
    /// 2 is DANE-TA, 3 is DANE-EE.
    pub usage: u8,
    /// 0 is the certificate, 1 its SubjectPublicKeyInfo.
    pub selector: u8,
    /// 0 is as it is, 1 its SHA-256, 2 its SHA-512.
    pub matching: u8,
    /// What to compare with.
    pub data: Vec<u8>,
}

/// As zone files have it (RFC 6698 §2.2).
impl fmt::Display for Tlsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ", self.usage, self.selector, self.matching)?;
        self.data.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// Lookups whose answers say whether they are proven.
#[derive(Clone, Copy)]
pub struct Proven<'a>(&'a Dns);

impl Dns {
    /// Reads the system's settings or the trust anchor if need be; asks nobody yet.
    pub fn new(options: &Options) -> io::Result<Dns> {
        let failed = |cause: String| io::Error::new(io::ErrorKind::InvalidInput, cause);
        let (config, mut settings) = match system_conf::read_system_conf() {
            Ok(system) if options.servers.is_empty() => system,
            unread => {
                // As the C library does: without settings the name server is on this machine.
                let local = [SocketAddr::from((Ipv4Addr::LOCALHOST, 53))];
                let servers = if options.servers.is_empty() {
                    &local[..]
                } else {
                    &options.servers
                };
                if let (Err(error), true) = (unread, options.servers.is_empty()) {
                    tracing::warn!(%error, "the system's name servers are not known: 127.0.0.1 is asked");
                }
                let mut settings = ResolverOpts::default();
                settings.use_hosts_file = ResolveHosts::Never;
                (ResolverConfig::from_name_servers(name_servers(servers)), settings)
            }
        };
        // Only whole names are looked up.
        let config = ResolverConfig::from_parts(None, Vec::new(), config.name_servers().to_vec());
        settings.timeout = options.timeout;
        // Besides the first.
        settings.attempts = 1;
        settings.cache_size = options.cache_entries;
        settings.positive_max_ttl = Some(MAX_TTL);
        settings.negative_max_ttl = Some(MAX_NEGATIVE_TTL);
        settings.max_active_requests = MAX_CONCURRENT;
        settings.edns0 = true;
        // CNAMEs stay in the answer, so that their proofs and the last name are known.
        settings.preserve_intermediates = true;

        // No name server is asked by TLS. Without this the resolver would read the system's authorities all the same, and fail
        // where there are none.
        let tls = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(error.to_string()))?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let build = |settings: ResolverOpts, anchor: Option<Arc<TrustAnchors>>| {
            let provider = TokioRuntimeProvider::default();
            let mut builder = TokioResolver::builder_with_config(config.clone(), provider)
                .with_options(settings)
                .with_tls_config(tls.clone());
            if let Some(anchor) = anchor {
                builder = builder.with_trust_anchor(anchor);
            }
            builder.build().map_err(|error| failed(error.to_string()))
        };
        let validating = match options.dnssec {
            Dnssec::Off => None,
            Dnssec::Auto | Dnssec::On => {
                let anchors = match &options.trust_anchor {
                    Some(file) => TrustAnchors::from_file(file)
                        .map_err(|error| failed(format!("trust anchor {}: {error}", file.display())))?,
                    None => TrustAnchors::default(),
                };
                Some(build(settings.clone(), Some(Arc::new(anchors)))?)
            }
        };
        settings.validate = false;
        Ok(Dns(Arc::new(Inner {
            plain: build(settings, None)?,
            validating,
            dnssec: options.dnssec,
            proofs: Mutex::new(None),
            running: Semaphore::new(MAX_CONCURRENT),
        })))
    }

    /// What is below the lookups without proof, for a library that looks up by itself. It shares their cache.
    pub fn resolver(&self) -> TokioResolver {
        self.0.plain.clone()
    }

    /// The same lookups with proof.
    pub fn proven(&self) -> Proven<'_> {
        Proven(self)
    }

    /// IPv4 addresses of a host.
    pub async fn a(&self, name: &str) -> Result<Answer<Ipv4Addr>, Failure> {
        self.plain(name, RecordType::A, a).await
    }

    /// IPv6 addresses of a host.
    pub async fn aaaa(&self, name: &str) -> Result<Answer<Ipv6Addr>, Failure> {
        self.plain(name, RecordType::AAAA, aaaa).await
    }

    /// Mail exchangers of a domain, in no order.
    pub async fn mx(&self, name: &str) -> Result<Answer<Mx>, Failure> {
        self.plain(name, RecordType::MX, mx).await
    }

    /// Texts of a name, the strings of each record joined; octets that are no UTF-8 replaced.
    pub async fn txt(&self, name: &str) -> Result<Answer<String>, Failure> {
        self.plain(name, RecordType::TXT, txt).await
    }

    /// Names of an address, as its owner says: whether they have this address must be asked them.
    pub async fn ptr(&self, address: IpAddr) -> Result<Answer<String>, Failure> {
        let name = Name::from(address.to_canonical());
        self.ask(&self.0.plain, name, RecordType::PTR, ptr).await
    }

    async fn plain<T>(
        &self,
        name: &str,
        kind: RecordType,
        take: fn(&RData) -> Option<T>,
    ) -> Result<Answer<T>, Failure> {
        let mut answer = self.ask(&self.0.plain, whole_name(name)?, kind, take).await?;
        answer.secure = false;
        Ok(answer)
    }

    async fn ask<T>(
        &self,
        resolver: &TokioResolver,
        name: Name,
        kind: RecordType,
        take: fn(&RData) -> Option<T>,
    ) -> Result<Answer<T>, Failure> {
        let _running = self.0.running.acquire().await;
        match resolver.lookup(name.clone(), kind).await {
            Ok(lookup) => Ok(answer(&name, lookup.answers(), take)),
            Err(error) => absence(&name, kind, error),
        }
    }

    /// The resolver to ask for proofs, if the name servers give any.
    async fn validating(&self) -> Option<&TokioResolver> {
        let resolver = self.0.validating.as_ref()?;
        if self.0.dnssec == Dnssec::On {
            return Some(resolver);
        }
        let known = *self.0.proofs.lock().unwrap_or_else(PoisonError::into_inner);
        let given = match known {
            Some((true, at)) if at.elapsed() < PROOFS_GIVEN => true,
            Some((false, at)) if at.elapsed() < NO_PROOFS_GIVEN => false,
            _ => {
                // The root is signed: whoever hands out signatures at all hands out these.
                let root = self.ask(resolver, Name::root(), RecordType::DNSKEY, |_| Some(())).await;
                let given = root.is_ok_and(|root| root.secure && !root.is_empty());
                if !given && known.is_none_or(|(before, _)| before) {
                    tracing::warn!("the name servers give no DNSSEC proofs: DANE is not used");
                }
                *self.0.proofs.lock().unwrap_or_else(PoisonError::into_inner) = Some((given, Instant::now()));
                given
            }
        };
        given.then_some(resolver)
    }
}

impl Proven<'_> {
    /// As [`Dns::a`].
    pub async fn a(&self, name: &str) -> Result<Answer<Ipv4Addr>, Failure> {
        self.ask(name, RecordType::A, a).await
    }

    /// As [`Dns::aaaa`].
    pub async fn aaaa(&self, name: &str) -> Result<Answer<Ipv6Addr>, Failure> {
        self.ask(name, RecordType::AAAA, aaaa).await
    }

    /// As [`Dns::mx`].
    pub async fn mx(&self, name: &str) -> Result<Answer<Mx>, Failure> {
        self.ask(name, RecordType::MX, mx).await
    }

    /// What TLS at a service must show (RFC 6698 §3), such as `_25._tcp.mx.example.org`.
    pub async fn tlsa(&self, name: &str) -> Result<Answer<Tlsa>, Failure> {
        self.ask(name, RecordType::TLSA, tlsa).await
    }

    async fn ask<T>(&self, name: &str, kind: RecordType, take: fn(&RData) -> Option<T>) -> Result<Answer<T>, Failure> {
        match self.0.validating().await {
            Some(resolver) => self.0.ask(resolver, whole_name(name)?, kind, take).await,
            None => self.0.plain(name, kind, take).await,
        }
    }
}

fn name_servers(servers: &[SocketAddr]) -> Vec<NameServerConfig> {
    servers
        .iter()
        .map(|server| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = server.port();
                connection
            });
            NameServerConfig::new(server.ip(), true, connections.into())
        })
        .collect()
}

/// U-labels are taken too.
fn whole_name(name: &str) -> Result<Name, Failure> {
    let parsed = match name.is_ascii() {
        true => Name::from_ascii(name),
        false => Name::from_utf8(name),
    };
    let mut name = parsed.map_err(|_| Failure::NotAName)?;
    name.set_fqdn(true);
    Ok(name)
}

/// As [`Answer::name`].
fn written(name: &Name) -> String {
    let mut text = name.to_ascii().to_ascii_lowercase();
    if text.ends_with('.') {
        text.pop();
    }
    text
}

fn answer<T>(asked: &Name, answers: &[Record], take: fn(&RData) -> Option<T>) -> Answer<T> {
    let aliases: HashMap<&Name, &Name> = answers
        .iter()
        .filter_map(|record| match &record.data {
            RData::CNAME(target) => Some((&record.name, &target.0)),
            _ => None,
        })
        .collect();
    let mut last = asked;
    // As long as the chain could be, for it could be a circle.
    for _ in 0..aliases.len() {
        last = aliases.get(last).copied().unwrap_or(last);
    }
    let records = answers.iter().filter(|record| record.name == *last);
    Answer {
        records: records.filter_map(|record| take(&record.data)).collect(),
        exists: true,
        secure: !answers.is_empty()
            && answers
                .iter()
                .filter(|record| record.record_type() != RecordType::RRSIG)
                .all(|record| record.proof == Proof::Secure),
        name: written(last),
    }
}

/// What an error means: that there is nothing, or that there is no answer.
fn absence<T>(name: &Name, kind: RecordType, error: NetError) -> Result<Answer<T>, Failure> {
    let nothing = |code: ResponseCode, secure| {
        Ok(Answer {
            records: Vec::new(),
            exists: code != ResponseCode::NXDomain,
            secure,
            name: written(name),
        })
    };
    let bogus = || Failure::Bogus {
        name: written(name),
        kind: kind.to_string(),
    };
    match error {
        // A resolver that validates says this only of what is proven to be absent, or to be without signatures.
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            let authorities = none.authorities.unwrap_or_default();
            let proofs = |record: &Record| matches!(record.record_type(), RecordType::NSEC | RecordType::NSEC3);
            let secure = authorities.iter().any(proofs) && authorities.iter().all(|one| one.proof == Proof::Secure);
            nothing(none.response_code, secure)
        }
        NetError::Dns(DnsError::Nsec { response, proof, .. }) if proof != Proof::Bogus => {
            nothing(response.response_code, false)
        }
        NetError::Dns(DnsError::Nsec { .. } | DnsError::DnssecBogus) => Err(bogus()),
        other => Err(Failure::Unanswered {
            name: written(name),
            kind: kind.to_string(),
            cause: other.to_string(),
        }),
    }
}

fn a(data: &RData) -> Option<Ipv4Addr> {
    match data {
        RData::A(address) => Some(address.0),
        _ => None,
    }
}

fn aaaa(data: &RData) -> Option<Ipv6Addr> {
    match data {
        RData::AAAA(address) => Some(address.0),
        _ => None,
    }
}

fn mx(data: &RData) -> Option<Mx> {
    match data {
        RData::MX(mx) => Some(Mx {
            preference: mx.preference,
            exchange: written(&mx.exchange),
        }),
        _ => None,
    }
}

fn txt(data: &RData) -> Option<String> {
    match data {
        RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
        _ => None,
    }
}

fn ptr(data: &RData) -> Option<String> {
    match data {
        RData::PTR(name) => Some(written(&name.0)),
        _ => None,
    }
}

fn tlsa(data: &RData) -> Option<Tlsa> {
    match data {
        RData::TLSA(tlsa) => Some(Tlsa {
            usage: tlsa.cert_usage.into(),
            selector: tlsa.selector.into(),
            matching: tlsa.matching.into(),
            data: tlsa.cert_data.clone(),
        }),
        _ => None,
    }
}
