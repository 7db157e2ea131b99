//! What can be found out before the message is there: SPF, the client's name, the sender's domain, lists of addresses. What
//! is about the client's address is begun at its greeting, the rest at MAIL; RCPT waits for it, and so does the message.
//!
//! RFC 7208 (SPF), RFC 8601 §3 (iprev), RFC 7505 (null MX), RFC 5782 (lists in the DNS).

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mail_auth::spf::verify::SpfParameters;
use mail_auth::{MessageAuthenticator, SpfResult};
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::findings::{Client, Outcome, Reachable, Reverse, Spf};
use crate::config::Blocklist;
use crate::mail::address::Address;
use crate::mail::envelope::ReversePath;
use crate::net::dns::Dns;

/// Names of an address that are looked up in turn.
const MAX_REVERSE_NAMES: usize = 5;
/// By these answers a list says that it does not answer (RFC 5782 knows none; the large lists agree on them).
const REFUSALS: [u8; 3] = [127, 255, 255];

/// Who speaks to us, as it says itself.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where it connects from.
    pub address: IpAddr,
    /// What EHLO or HELO said.
    pub hello: String,
    /// What MAIL said.
    pub reverse_path: ReversePath,
}

/// With what it is found out.
pub(super) struct Inquirer {
    pub(super) dns: Dns,
    pub(super) authenticator: MessageAuthenticator,
    pub(super) hostname: String,
    pub(super) blocklists: Vec<Blocklist>,
    /// Whether the log has told that a list does not answer us.
    pub(super) refused: AtomicBool,
    pub(super) limit: Duration,
}

/// What a client's address tells.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) reverse: Reverse,
    /// Numbers of the lists that have it.
    listed: Vec<usize>,
}

impl Inquirer {
    /// All of it at the same time. What is not known in time is a temporary error.
    pub(super) async fn ask(&self, peer: &Peer, hidden: bool, known: &OnceCell<Known>) -> Client {
        let sender = peer.reverse_path.address();
        let reachable = async {
            match sender.and_then(Address::dns_domain) {
                Some(domain) => timeout(self.limit, self.reachable(&domain)).await.unwrap_or_default(),
                None => Reachable::Perhaps,
            }
        };
        if hidden {
            return Client {
                hidden,
                reachable: reachable.await,
                ..Client::default()
            };
        }
        let address = peer.address.to_canonical();
        let (hello, mail_from, known, reachable) = tokio::join!(
            self.spf(address, &peer.hello, None),
            async {
                match sender.and_then(|sender| Some((sender, sender.dns_domain()?))) {
                    Some((sender, domain)) => Some(self.spf(address, &peer.hello, Some((sender, domain))).await),
                    None => None,
                }
            },
            known.get_or_init(|| self.know(address)),
            reachable,
        );
        Client {
            hidden,
            // RFC 7208 §2.4: a null reverse-path stands for postmaster at the name in EHLO.
            mail_from: mail_from.unwrap_or_else(|| hello.clone()),
            hello,
            reverse: known.reverse.clone(),
            false_greeting: self.is_false(address, &peer.hello),
            reachable,
            listed: known.listed.clone(),
        }
    }

    /// What an address tells, whoever it says it is.
    pub(super) async fn know(&self, address: IpAddr) -> Known {
        let address = address.to_canonical();
        let reverse = async {
            let late = Reverse {
                outcome: Outcome::TempError,
                name: None,
            };
            timeout(self.limit, self.reverse(address)).await.unwrap_or(late)
        };
        let (reverse, listed) = tokio::join!(reverse, self.listed(address));
        Known { reverse, listed }
    }

    async fn spf(&self, address: IpAddr, hello: &str, sender: Option<(&Address, String)>) -> Spf {
        let (identity, domain) = match sender {
            Some((sender, domain)) => (Some(format!("{}@{domain}", sender.local())), domain),
            // An address, or a name of one label, has no policy (RFC 7208 §4.3).
            None if hello.starts_with('[') || !hello.contains('.') => return Spf::default(),
            None => (None, hello.trim_end_matches('.').to_ascii_lowercase()),
        };
        let parameters = match &identity {
            Some(identity) => SpfParameters::verify_mail_from(address, hello, &self.hostname, identity),
            None => SpfParameters::verify_ehlo(address, &domain, &self.hostname),
        };
        let asking = async {
            let outcome = outcome(self.authenticator.verify_spf(parameters).await.result());
            match outcome {
                Outcome::None | Outcome::TempError | Outcome::PermError => outcome,
                _ if self.has_unknown_mechanism(&domain).await => Outcome::PermError,
                _ => outcome,
            }
        };
        let outcome = timeout(self.limit, asking).await.unwrap_or(Outcome::TempError);
        Spf { outcome, domain }
    }

    /// RFC 7208 §4.6.1, §5: a record with a mechanism that nobody knows is wrong as a whole. mail-auth passes over it as over a
    /// modifier. The record was asked for a moment ago, so the answer is remembered. Of included records nothing is known here.
    async fn has_unknown_mechanism(&self, domain: &str) -> bool {
        let found = self
            .dns
            .txt(domain)
            .await
            .map(|found| found.records)
            .unwrap_or_default();
        found.iter().any(|record| unknown_mechanism(record))
    }

    /// RFC 8601 §3: the address's names, and whether one of them leads back.
    async fn reverse(&self, address: IpAddr) -> Reverse {
        let of = |outcome| Reverse { outcome, name: None };
        let names = match self.dns.ptr(address).await {
            Ok(found) if found.is_empty() => return of(Outcome::PermError),
            Ok(found) => found.records,
            Err(_) => return of(Outcome::TempError),
        };
        let mut outcome = Outcome::Fail;
        for name in names.into_iter().take(MAX_REVERSE_NAMES) {
            let back = match address {
                IpAddr::V4(v4) => self.dns.a(&name).await.map(|found| found.records.contains(&v4)),
                IpAddr::V6(v6) => self.dns.aaaa(&name).await.map(|found| found.records.contains(&v6)),
            };
            match back {
                Ok(true) => {
                    return Reverse {
                        outcome: Outcome::Pass,
                        name: Some(name),
                    };
                }
                Ok(false) => {}
                Err(_) => outcome = Outcome::TempError,
            }
        }
        of(outcome)
    }

    /// RFC 5321 §5.1, RFC 7505 §3: a domain without MX is its own server.
    async fn reachable(&self, domain: &str) -> Reachable {
        let found = match self.dns.mx(domain).await {
            Ok(found) => found,
            Err(_) => return Reachable::Perhaps,
        };
        match found.records.as_slice() {
            [only] if only.exchange.is_empty() => Reachable::NullMx,
            [] if !found.exists => Reachable::No,
            [] => match tokio::join!(self.dns.a(domain), self.dns.aaaa(domain)) {
                (Ok(v4), Ok(v6)) if v4.is_empty() && v6.is_empty() => Reachable::No,
                _ => Reachable::Perhaps,
            },
            _ => Reachable::Perhaps,
        }
    }

    /// Numbers of the lists that have the address. All are asked at the same time, each with its own limit, so that one that
    /// hangs hides nothing of what the others say.
    async fn listed(&self, address: IpAddr) -> Vec<usize> {
        let mut asking = JoinSet::new();
        for (number, list) in self.blocklists.iter().enumerate() {
            let (dns, limit) = (self.dns.clone(), self.limit);
            let name = format!("{}.{}", reversed(address), list.zone);
            asking.spawn(async move {
                let found = timeout(limit, dns.a(&name)).await.ok().and_then(Result::ok);
                (number, found)
            });
        }
        let mut listed = Vec::new();
        while let Some(Ok((number, found))) = asking.join_next().await {
            let Some(list) = self.blocklists.get(number) else {
                continue;
            };
            let Some(found) = found else {
                tracing::debug!(zone = list.zone, "a list of addresses does not answer");
                continue;
            };
            let answers = found.records;
            if answers.iter().any(|answer| is_refusal(*answer)) && !self.refused.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    zone = list.zone,
                    ?answers,
                    "a list of addresses refuses to answer and has no effect: most do so to public name servers; ask by a \
                     name server of your own (dns.servers), or take the list out of origin.blocklists"
                );
            }
            if answers.iter().any(|answer| counts(list, *answer)) {
                listed.push(number);
            }
        }
        listed.sort_unstable();
        listed
    }

    /// RFC 5321 §4.1.1.1: nobody else has our name, and an address in brackets is the client's own.
    fn is_false(&self, address: IpAddr, hello: &str) -> bool {
        let literal = hello.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        match literal {
            Some(literal) => {
                let plain = literal
                    .get(5..)
                    .filter(|_| literal.to_ascii_lowercase().starts_with("ipv6:"));
                let told = plain.unwrap_or(literal).parse::<IpAddr>();
                told.map_or(true, |told| told.to_canonical() != address)
            }
            None => self.hostname.contains('.') && hello.trim_end_matches('.').eq_ignore_ascii_case(&self.hostname),
        }
    }
}

fn is_refusal(answer: Ipv4Addr) -> bool {
    answer.octets().starts_with(&REFUSALS)
}

fn counts(list: &Blocklist, answer: Ipv4Addr) -> bool {
    !is_refusal(answer)
        && match list.answers.as_slice() {
            [] => answer.is_loopback(),
            answers => answers.iter().any(|network| network.contains(answer.into())),
        }
}

/// The address as lists have it (RFC 5782 §2.1, §2.4).
fn reversed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}")
        }
        IpAddr::V6(v6) => {
            let nibbles = format!("{:032x}", v6.to_bits());
            let nibbles: Vec<String> = nibbles.chars().rev().map(String::from).collect();
            nibbles.join(".")
        }
    }
}

/// Whether this is a record of SPF with a term that is neither a modifier nor a known mechanism (RFC 7208 §12).
fn unknown_mechanism(record: &str) -> bool {
    const KNOWN: [&str; 8] = ["all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"];
    let mut terms = record.split(' ').filter(|term| !term.is_empty());
    let is_spf = terms
        .next()
        .is_some_and(|version| version.eq_ignore_ascii_case("v=spf1"));
    is_spf
        && terms.any(|term| {
            let directive = term.strip_prefix(['+', '-', '?', '~']).unwrap_or(term);
            let end = directive.find([':', '/', '=']).unwrap_or(directive.len());
            let (name, rest) = directive.split_at(end);
            let is_modifier = rest.starts_with('=') && directive.len() == term.len();
            !is_modifier && !KNOWN.iter().any(|known| name.eq_ignore_ascii_case(known))
        })
}

fn outcome(result: SpfResult) -> Outcome {
    match result {
        SpfResult::Pass => Outcome::Pass,
        SpfResult::Fail => Outcome::Fail,
        SpfResult::SoftFail => Outcome::SoftFail,
        SpfResult::Neutral => Outcome::Neutral,
        SpfResult::TempError => Outcome::TempError,
        SpfResult::PermError => Outcome::PermError,
        SpfResult::None => Outcome::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_lists_have_them() {
        let of = |text: &str| reversed(text.parse().unwrap());
        assert_eq!(of("192.0.2.99"), "99.2.0.192");
        // RFC 5782 §2.4.
        assert_eq!(
            of("2001:db8:1:2:3:4:567:89ab"),
            "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2"
        );
    }

    #[test]
    fn mechanisms_that_nobody_knows() {
        for (record, unknown) in [
            ("v=spf1 -all", false),
            (
                "v=spf1 +A/24 mx:x.example//64 ?ip4:192.0.2.0/24  ip6:::1 exists:%{i}.x PTR include:y ~all",
                false,
            ),
            ("v=spf1 redirect=x.example moo.cow-far_out=man:dog/cat exp=%%", false),
            ("v=spf1", false),
            ("v=spf1 all. -all", true),
            ("v=spf1 foo -all", true),
            ("v=spf1 ipv4:192.0.2.1 -all", true),
            ("v=spf1 -all foo:bar/0", true),
            ("v=spf1 +moo=man", true),
            ("v=spf10 foo", false),
            ("google-site-verification foo", false),
        ] {
            assert_eq!(unknown_mechanism(record), unknown, "{record}");
        }
    }

    #[test]
    fn answers_that_count() {
        let list = |answers: &[&str]| Blocklist {
            zone: "bl.example".to_owned(),
            action: crate::config::Action::Junk,
            answers: answers.iter().map(|network| network.parse().unwrap()).collect(),
        };
        let any = list(&[]);
        let some = list(&["127.0.0.2", "127.0.0.8/30"]);
        for (answer, by_any, by_some) in [
            ("127.0.0.2", true, true),
            ("127.0.0.3", true, false),
            ("127.0.0.11", true, true),
            ("127.255.255.254", false, false),
            ("192.0.2.1", false, false),
        ] {
            let answer = answer.parse().unwrap();
            assert_eq!(
                (counts(&any, answer), counts(&some, answer)),
                (by_any, by_some),
                "{answer}"
            );
        }
    }
}
