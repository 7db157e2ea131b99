//! Who wants reports, as the DNS says (RFC 7489 §6.2 and §7.1, RFC 8460 §3).

use mail_auth::MessageAuthenticator;
use mail_auth::common::cache::NoCache;
use mail_auth::common::parse::TxtRecordParser;
use mail_auth::dmarc::{Dmarc, Psd};
use mail_auth::mta_sts::{ReportUri, TlsRpt};

use crate::mail::address::Address;
use crate::net::dns::{Dns, Failure};
use crate::net::http::Url;

/// Places that get a report of one domain; further ones are passed over (RFC 7489 §6.2 wants at least two).
const MAX_PLACES: usize = 4;

/// Labels of a name, from the first on, below which no record is looked for.
const MAX_LABELS: usize = 8;

/// Where a report goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// `mailto:`, which takes so many octets, if it says so.
    Mail(Address, Option<u64>),
    /// `https:`
    Https(Url),
}

/// Who cannot be asked for now.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    /// The domain.
    #[error(transparent)]
    Domain(#[from] Failure),
    /// A domain that is to say whether it takes reports for the other.
    #[error("whether addresses elsewhere take reports cannot be looked up")]
    Consent,
}

/// Where DMARC reports of a domain go: nowhere if it asks for none. An address of another domain counts if that one says
/// so (RFC 7489 §7.1): or anybody could have anybody flooded with reports.
pub async fn dmarc(dns: &Dns, domain: &str) -> Result<Vec<Place>, Unknown> {
    let found = dns.txt(&format!("_dmarc.{domain}")).await?;
    let records = found
        .records
        .iter()
        .filter_map(|record| Dmarc::parse(record.as_bytes()).ok());
    // Several are none (RFC 7489 §6.6.3).
    let [record] = &records.collect::<Vec<_>>()[..] else {
        return Ok(Vec::new());
    };
    let rua = record.rua();
    let rua = rua.get(..MAX_PLACES).unwrap_or(rua);
    let authenticator = MessageAuthenticator(dns.resolver());
    let consenting = authenticator.verify_dmarc_report_address(domain, rua, None::<&NoCache<_, _>>);
    let consenting = consenting.await.ok_or(Unknown::Consent)?;
    let own = organisation(dns, domain).await?;
    let mut places = Vec::new();
    for uri in rua {
        let Ok(address) = Address::parse(uri.uri()) else {
            continue;
        };
        let consents = consenting.contains(&uri)
            || match address.dns_domain() {
                Some(elsewhere) => organisation(dns, &elsewhere).await? == own,
                None => false,
            };
        if consents {
            let limit = Some(uri.max_size() as u64).filter(|limit| *limit > 0);
            places.push(Place::Mail(address, limit));
        }
    }
    Ok(places)
}

/// The domain of which a domain is a part: the highest that has a record of DMARC and is not one under which strangers
/// register theirs (RFC 7489 §3.2, as its successor finds it).
async fn organisation(dns: &Dns, domain: &str) -> Result<String, Failure> {
    let mut highest = domain;
    let names = std::iter::successors(Some(domain), |name| name.split_once('.').map(|(_, above)| above));
    for name in names.take(MAX_LABELS).filter(|name| name.contains('.')) {
        let found = dns.txt(&format!("_dmarc.{name}")).await?;
        let mut records = found
            .records
            .iter()
            .filter_map(|record| Dmarc::parse(record.as_bytes()).ok());
        if records.next().is_some_and(|record| record.psd != Psd::Yes) {
            highest = name;
        }
    }
    Ok(highest.to_owned())
}

/// Where TLS reports of a domain go: nowhere if it asks for none.
pub async fn tls(dns: &Dns, domain: &str) -> Result<Vec<Place>, Unknown> {
    let found = dns.txt(&format!("_smtp._tls.{domain}")).await?;
    let records = found
        .records
        .iter()
        .filter_map(|record| TlsRpt::parse(record.as_bytes()).ok());
    // Several are none (RFC 8460 §3).
    let [record] = &records.collect::<Vec<_>>()[..] else {
        return Ok(Vec::new());
    };
    let places = record.rua.iter().filter_map(|uri| match uri {
        ReportUri::Mail(address) => Some(Place::Mail(Address::parse(address).ok()?, None)),
        ReportUri::Http(url) => Url::parse(url).ok().filter(Url::is_https).map(Place::Https),
    });
    Ok(places.take(MAX_PLACES).collect())
}
