//! What a connection to a host must be like, by what its domain publishes: DANE (RFC 7672) before MTA-STS (RFC 8461 §2),
//! and without either encryption if it can be had, with whom ever (RFC 7435).

use super::exchangers::Addresses;
use super::mta_sts::{Mode, Policy};
use crate::config::RouteTls;
use crate::net::dns::{Dns, Failure};
use crate::net::tls_client::{Verification, is_usable};
use crate::reports::tls::{self as reports, PolicyType};

/// What a connection must be like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Security {
    /// What the certificate must be like.
    pub(super) wanted: Verification,
    /// What happens without.
    pub(super) strictness: Strictness,
    /// Whom the server is asked to be (SNI).
    pub(super) name: String,
    /// Why, as its domain is told of it; `None` for what only our settings say.
    pub(super) policy: Option<reports::Policy>,
    /// Whether the domain's policy, which is only tried out, does not name the host.
    pub(super) unnamed: bool,
}

/// What happens when a connection is not as wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Strictness {
    /// Not even tried.
    Off,
    /// It goes on without.
    Opportunistic,
    /// It goes on without, and that is noted (RFC 8461 §5, `testing`).
    Testing,
    /// The host is not used.
    Required,
}

/// Why a host must not be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum Unfit {
    /// Its domain's MTA-STS policy does not name it.
    #[error("{0} is not among the hosts of the domain's MTA-STS policy")]
    NotInPolicy(String),
    /// What its TLSA records say cannot be known (RFC 7672 §2.1.1).
    #[error("{0}")]
    Unknown(#[from] Failure),
    /// Nobody vouches for it that the domain means this host (RFC 8689 §4.2.1).
    #[error("neither DNSSEC nor an MTA-STS policy vouches for {0}")]
    Unproven(String),
    /// The settings want no encryption.
    #[error("mail goes to {0} unencrypted")]
    Unencrypted(String),
}

impl Security {
    /// Of a host that the MX records of a domain name. `dane`: DNSSEC proves that they do.
    pub(super) async fn of(
        dns: &Dns,
        domain: &str,
        host: &str,
        addresses: &Addresses,
        port: u16,
        dane: bool,
        policy: Option<&Policy>,
    ) -> Result<Security, Unfit> {
        if dane
            && addresses.secure
            && let Some(security) = Security::by_tlsa(dns, domain, host, addresses, port).await?
        {
            return Ok(security);
        }
        let Some(policy) = policy.filter(|policy| policy.mode != Mode::None) else {
            return Ok(Security::opportunistic(host));
        };
        let strictness = match policy.mode {
            Mode::Enforce => Strictness::Required,
            Mode::Testing | Mode::None => Strictness::Testing,
        };
        if !policy.names(host) {
            return match strictness {
                Strictness::Required => Err(Unfit::NotInPolicy(host.to_owned())),
                _ => Ok(Security {
                    policy: Some(policy.told()),
                    unnamed: true,
                    ..Security::opportunistic(host)
                }),
            };
        }
        Ok(Security {
            wanted: Verification::Name(host.to_owned()),
            strictness,
            name: host.to_owned(),
            policy: Some(policy.told()),
            unnamed: false,
        })
    }

    /// The same for a message that must be encrypted, to a server that is known by its name (RFC 8689 §4.2.1). `named`:
    /// whether it is sure that it is the right name.
    pub(super) fn required(self, host: &str, named: bool) -> Result<Security, Unfit> {
        let wanted = match (self.strictness, self.wanted) {
            (Strictness::Off, _) => return Err(Unfit::Unencrypted(host.to_owned())),
            (_, Verification::None) if named => Verification::Name(host.to_owned()),
            (_, Verification::None) => return Err(Unfit::Unproven(host.to_owned())),
            (_, wanted) => wanted,
        };
        Ok(Security {
            wanted,
            strictness: Strictness::Required,
            ..self
        })
    }

    /// The same for a message that would rather be delivered (RFC 8689 §4.2.2): tried, noted, and left out.
    pub(super) fn relaxed(self) -> Security {
        Security {
            strictness: match self.strictness {
                Strictness::Required => Strictness::Testing,
                other => other,
            },
            ..self
        }
    }

    /// As a route says.
    pub(super) fn of_route(host: &str, tls: RouteTls) -> Security {
        let (wanted, strictness) = match tls {
            RouteTls::Off => (Verification::None, Strictness::Off),
            RouteTls::Opportunistic => (Verification::None, Strictness::Opportunistic),
            RouteTls::Verified | RouteTls::Implicit => (Verification::Name(host.to_owned()), Strictness::Required),
        };
        Security {
            wanted,
            strictness,
            name: host.to_owned(),
            policy: None,
            unnamed: false,
        }
    }

    /// Encryption if it can be had.
    pub(super) fn opportunistic(host: &str) -> Security {
        Security {
            wanted: Verification::None,
            strictness: Strictness::Opportunistic,
            name: host.to_owned(),
            policy: Some(reports::Policy::default()),
            unnamed: false,
        }
    }

    /// RFC 7672 §2.2: records of the name at the end of the host's CNAMEs, or else of the host.
    async fn by_tlsa(
        dns: &Dns,
        domain: &str,
        host: &str,
        addresses: &Addresses,
        port: u16,
    ) -> Result<Option<Security>, Failure> {
        let mut bases = vec![&*addresses.host, host];
        bases.dedup();
        for base in bases {
            let found = dns.proven().tlsa(&format!("_{port}._tcp.{base}")).await?;
            if found.is_empty() || !found.secure {
                continue;
            }
            let records: Vec<_> = found.records.into_iter().filter(is_usable).collect();
            let policy = reports::Policy {
                policy_type: PolicyType::Tlsa,
                policy_string: records.iter().map(ToString::to_string).collect(),
                mx_host: vec![base.to_owned()],
            };
            // Nothing that we can compare with: encrypted all the same, and whoever it is (§2.2).
            let wanted = match records.is_empty() {
                true => Verification::None,
                false => Verification::Dane {
                    records,
                    // §3.2.2: the host, under each of its names, and the domain.
                    names: [base, host, domain].map(str::to_owned).into(),
                },
            };
            return Ok(Some(Security {
                wanted,
                strictness: Strictness::Required,
                name: base.to_owned(),
                policy: Some(policy),
                unnamed: false,
            }));
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::net::dns::{Dnssec, Options};

    #[tokio::test]
    async fn what_a_policy_wants_of_a_host() {
        let dns = Dns::new(&Options {
            servers: vec!["127.0.0.1:1".parse().unwrap()],
            dnssec: Dnssec::Off,
            trust_anchor: None,
            timeout: Duration::from_millis(10),
            cache_entries: 10,
        })
        .unwrap();
        let addresses = Addresses {
            addresses: Vec::new(),
            secure: false,
            host: "mx.example.test".to_owned(),
        };
        let policy = |mode: &str, mx: &str| {
            let text = format!("version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: 86400\n");
            Policy::parse(&text).unwrap()
        };
        let name = || Verification::Name("mx.example.test".to_owned());
        for (policy, wanted) in [
            (None, Ok((Verification::None, Strictness::Opportunistic))),
            (
                Some(policy("none", "x")),
                Ok((Verification::None, Strictness::Opportunistic)),
            ),
            (
                Some(policy("enforce", "*.example.test")),
                Ok((name(), Strictness::Required)),
            ),
            (
                Some(policy("testing", "mx.example.test")),
                Ok((name(), Strictness::Testing)),
            ),
            (
                Some(policy("testing", "other.test")),
                Ok((Verification::None, Strictness::Opportunistic)),
            ),
            (
                Some(policy("enforce", "other.test")),
                Err(Unfit::NotInPolicy("mx.example.test".to_owned())),
            ),
        ] {
            let host = "mx.example.test";
            let found = Security::of(&dns, "example.test", host, &addresses, 25, true, policy.as_ref()).await;
            assert_eq!(
                found.map(|found| (found.wanted, found.strictness)),
                wanted,
                "{policy:?}"
            );
        }
    }

    /// RFC 8689 §4.2.
    #[test]
    fn what_a_message_wants_of_a_host() {
        let host = "mx.example.test";
        let usual = || Security::opportunistic(host);
        let required = usual().required(host, true).unwrap();
        assert_eq!(
            (required.wanted, required.strictness),
            (Verification::Name(host.to_owned()), Strictness::Required)
        );
        assert_eq!(usual().required(host, false), Err(Unfit::Unproven(host.to_owned())));
        let off = Security::of_route(host, RouteTls::Off);
        assert_eq!(off.required(host, true), Err(Unfit::Unencrypted(host.to_owned())));
        let verified = Security::of_route(host, RouteTls::Verified);
        assert_eq!(verified.clone().required(host, false), Ok(verified.clone()));
        assert_eq!(verified.relaxed().strictness, Strictness::Testing);
        assert_eq!(usual().relaxed(), usual());
    }
}
