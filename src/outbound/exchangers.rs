//! Which hosts take the mail of a domain (RFC 5321 §5.1, RFC 7505), and at which addresses.

use std::net::{IpAddr, Ipv6Addr};

use rand::seq::SliceRandom;

use crate::mail::dsn::Status;
use crate::net::dns::{Answer, Dns, Failure, Mx};

/// Hosts of one domain that are tried at most.
const MAX_HOSTS: usize = 10;
/// Addresses of one host that are tried at most.
const MAX_ADDRESSES: usize = 8;

/// The hosts that take the mail of a domain, best first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Exchangers {
    /// Names in A-labels; at least one.
    pub(super) hosts: Vec<String>,
    /// Whether DNSSEC proves that it is these.
    pub(super) secure: bool,
    /// The domain at the end of its CNAMEs.
    pub(super) domain: String,
}

/// The addresses of a host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Addresses {
    /// Of both families by turns, IPv6 first.
    pub(super) addresses: Vec<IpAddr>,
    /// Whether DNSSEC proves them.
    pub(super) secure: bool,
    /// The host at the end of its CNAMEs.
    pub(super) host: String,
}

/// Why there is no host to go to.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum Nowhere {
    /// No such domain, or nothing in it takes mail.
    #[error("{0} has neither mail exchangers nor an address")]
    NoSuchDomain(String),
    /// It says that it takes none (RFC 7505).
    #[error("{0} takes no mail (null MX)")]
    NullMx(String),
    /// It would come back.
    #[error("mail for {0} would come back to this server")]
    Loop(String),
    /// Names of hosts, and none has an address.
    #[error("the mail exchangers of {0} have no addresses")]
    NoAddress(String),
    /// It cannot be known at the moment.
    #[error(transparent)]
    Unknown(#[from] Failure),
}

impl Nowhere {
    /// As reports tell it (RFC 3463).
    pub(super) fn status(&self) -> Status {
        match self {
            Nowhere::NoSuchDomain(_) => Status::new(5, 1, 2),
            // RFC 7505 §4.2
            Nowhere::NullMx(_) => Status::new(5, 1, 10),
            Nowhere::Loop(_) => Status::new(5, 4, 6),
            Nowhere::NoAddress(_) => Status::new(5, 4, 4),
            Nowhere::Unknown(Failure::NotAName) => Status::new(5, 1, 2),
            Nowhere::Unknown(_) => Status::new(4, 4, 3),
        }
    }
}

impl Exchangers {
    /// Looks them up. `own`: the name of this server. `proven`: with DNSSEC.
    pub(super) async fn of(dns: &Dns, domain: &str, own: &str, proven: bool) -> Result<Exchangers, Nowhere> {
        let found = match proven {
            true => dns.proven().mx(domain).await?,
            false => dns.mx(domain).await?,
        };
        Exchangers::choose(domain, own, found)
    }

    fn choose(domain: &str, own: &str, found: Answer<Mx>) -> Result<Exchangers, Nowhere> {
        let domain = domain.to_owned();
        if !found.exists {
            return Err(Nowhere::NoSuchDomain(domain));
        }
        let hosts = match found.is_empty() {
            // Its own address is its only, implicit exchanger.
            true => vec![found.name.clone()],
            false => {
                if found.records.iter().all(|mx| mx.exchange.is_empty()) {
                    return Err(Nowhere::NullMx(domain));
                }
                by_preference(found.records, own).ok_or(Nowhere::Loop(domain))?
            }
        };
        Ok(Exchangers {
            hosts,
            secure: found.secure,
            domain: found.name,
        })
    }
}

/// Equal ones in any order. From where this server stands among them on there is nobody who is nearer to the mailboxes;
/// `None` when nothing is before it.
fn by_preference(mut records: Vec<Mx>, own: &str) -> Option<Vec<String>> {
    let ours = records.iter().filter(|mx| mx.exchange.eq_ignore_ascii_case(own));
    let limit = ours.map(|mx| mx.preference).min();
    records.retain(|mx| !mx.exchange.is_empty() && limit.is_none_or(|limit| mx.preference < limit));
    records.shuffle(&mut rand::rng());
    records.sort_by_key(|mx| mx.preference);
    records.truncate(MAX_HOSTS);
    (!records.is_empty()).then(|| records.into_iter().map(|mx| mx.exchange).collect())
}

impl Addresses {
    /// Looks them up. `proven`: with DNSSEC. A host whose one family cannot be looked up still has the other.
    pub(super) async fn of(dns: &Dns, host: &str, proven: bool) -> Result<Addresses, Failure> {
        let (v6, v4) = match proven {
            true => {
                let proven = dns.proven();
                tokio::join!(proven.aaaa(host), proven.a(host))
            }
            false => tokio::join!(dns.aaaa(host), dns.a(host)),
        };
        let nothing = |name: &str| Addresses {
            addresses: Vec::new(),
            secure: true,
            host: name.to_owned(),
        };
        match (v6, v4) {
            // What contradicts its signatures spoils both.
            (Err(error @ Failure::Bogus { .. }), _) | (_, Err(error @ Failure::Bogus { .. })) => Err(error),
            (Err(error), Err(_)) => Err(error),
            (Err(error), Ok(v4)) if v4.is_empty() => Err(error),
            (Ok(v6), Err(error)) if v6.is_empty() => Err(error),
            (v6, v4) => {
                let mut both = nothing(host);
                let (v6, v4) = (v6.ok(), v4.ok());
                both.secure = v6.iter().all(|answer| answer.secure) && v4.iter().all(|answer| answer.secure);
                let name = v6
                    .as_ref()
                    .map(|answer| &answer.name)
                    .or(v4.as_ref().map(|answer| &answer.name));
                both.host = name.cloned().unwrap_or(both.host);
                let v6 = v6.map_or_else(Vec::new, |answer| answer.records);
                let v4 = v4.map_or_else(Vec::new, |answer| answer.records);
                both.addresses = by_turns(v6.into_iter().map(IpAddr::V6), v4.into_iter().map(IpAddr::V4));
                both.addresses.truncate(MAX_ADDRESSES);
                Ok(both)
            }
        }
    }

    /// Of a domain that is an address literal (RFC 5321 §4.1.3).
    pub(super) fn of_literal(domain: &str) -> Option<Addresses> {
        let literal = domain.strip_prefix('[')?.strip_suffix(']')?;
        let address = match literal.strip_prefix("IPv6:") {
            Some(v6) => IpAddr::V6(v6.parse::<Ipv6Addr>().ok()?),
            None => literal.parse().ok()?,
        };
        Some(Addresses {
            addresses: vec![address],
            secure: false,
            host: address.to_string(),
        })
    }
}

fn by_turns(first: impl Iterator<Item = IpAddr>, second: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let (mut first, mut second) = (first.fuse(), second.fuse());
    let mut all = Vec::new();
    loop {
        let round = [first.next(), second.next()];
        if round == [None, None] {
            return all;
        }
        all.extend(round.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn found(records: &[(u16, &str)]) -> Answer<Mx> {
        Answer {
            records: records
                .iter()
                .map(|(preference, exchange)| Mx {
                    preference: *preference,
                    exchange: (*exchange).to_owned(),
                })
                .collect(),
            exists: true,
            secure: false,
            name: "example.test".to_owned(),
        }
    }

    fn choose(records: &[(u16, &str)]) -> Result<Vec<String>, Nowhere> {
        Exchangers::choose("example.test", "me.test", found(records)).map(|exchangers| exchangers.hosts)
    }

    #[test]
    fn the_best_first_and_equals_in_any_order() {
        let mut orders = HashSet::new();
        for _ in 0..100 {
            let hosts = choose(&[(20, "c"), (10, "a"), (10, "b"), (30, "d")]).unwrap();
            assert_eq!(hosts[2..], ["c", "d"]);
            orders.insert(hosts);
        }
        assert_eq!(orders.len(), 2);
        let many: Vec<(u16, &str)> = (0..200).map(|preference| (preference, "x")).collect();
        assert_eq!(choose(&many).unwrap().len(), MAX_HOSTS);
    }

    #[test]
    fn no_exchangers_none_at_all_and_ourselves() {
        let domain = || "example.test".to_owned();
        assert_eq!(choose(&[]), Ok(vec![domain()]));
        assert_eq!(choose(&[(0, "")]), Err(Nowhere::NullMx(domain())));
        // Not alone it says nothing (RFC 7505 §3).
        assert_eq!(choose(&[(0, ""), (10, "a")]), Ok(vec!["a".to_owned()]));
        assert_eq!(
            choose(&[(10, "a"), (20, "Me.test"), (20, "b"), (30, "c")]),
            Ok(vec!["a".to_owned()])
        );
        assert_eq!(choose(&[(10, "me.test"), (20, "b")]), Err(Nowhere::Loop(domain())));
        let gone = Answer {
            exists: false,
            ..found(&[])
        };
        let none = Exchangers::choose("example.test", "me.test", gone);
        assert_eq!(none, Err(Nowhere::NoSuchDomain(domain())));
    }

    #[test]
    fn addresses_of_both_families_by_turns() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let v6 = ["2001:db8::1", "2001:db8::2"].map(address);
        let v4 = ["192.0.2.1"].map(address);
        assert_eq!(by_turns(v6.into_iter(), v4.into_iter()), [v6[0], v4[0], v6[1]]);
        for (literal, wanted) in [
            ("[192.0.2.1]", Some("192.0.2.1")),
            ("[IPv6:2001:db8::1]", Some("2001:db8::1")),
            ("a.test", None),
        ] {
            let found = Addresses::of_literal(literal).map(|found| found.addresses[0]);
            assert_eq!(found, wanted.map(address), "{literal}");
        }
    }
}
