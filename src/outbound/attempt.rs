//! One attempt to deliver what a claim holds: host after host, address after address, until each recipient is decided or
//! there is nobody left to ask.
//!
//! Another host is asked only when one could not be spoken with, or would not begin (4yz to MAIL). What a server says of a
//! recipient holds for this attempt: asking its neighbours would only undo what it wants (greylisting).

use std::net::SocketAddr;

use super::Outbound;
use super::client::{Client, Trouble};
use super::exchangers::{Addresses, Exchangers, Nowhere};
use super::routes::Route;
use super::security::{Security, Unfit};
use super::session::Target;
use super::transaction::answer;
use crate::config::RouteTls;
use crate::mail::address::domain_in_ascii;
use crate::mail::dsn::Status;
use crate::mail::envelope::ReversePath;
use crate::mail::handling::TlsWish;
use crate::net::dns::Failure;
use crate::queue::{Answer, Claim, Entry, Outcome, Recipient, RecipientId};

/// An attempt under way.
struct Attempt<'a> {
    claim: &'a Claim,
    /// Whom nothing is known of yet.
    left: Vec<Recipient>,
    outcomes: Vec<(RecipientId, Outcome)>,
    /// Why there is nothing to say of those that are left.
    last: Option<Answer>,
    /// How it must be encrypted.
    wish: TlsWish,
    /// Why the first server must not have it that could have been asked.
    unfit: Option<Answer>,
    /// Addresses that may still be tried.
    addresses: usize,
}

impl Outbound {
    /// Delivers what can be delivered. `kept`: a session with a server of this domain, used first; in its place stays one
    /// that can be used again.
    pub(super) async fn attempt(
        &self,
        domain: &str,
        claim: &Claim,
        kept: &mut Option<Client>,
    ) -> Vec<(RecipientId, Outcome)> {
        let mut attempt = Attempt {
            claim,
            left: claim.recipients.clone(),
            outcomes: Vec::new(),
            last: None,
            wish: wish(&claim.entry),
            unfit: None,
            addresses: self.settings().max_addresses,
        };
        if let Some(answer) = claim.entry.too_late() {
            attempt.fail(&answer);
        }
        match kept.take() {
            Some(client) if client.fit_for >= attempt.wish => attempt.send(client, kept).await,
            Some(client) => client.quit().await,
            None => {}
        }
        if !attempt.left.is_empty() {
            match self.route(domain) {
                Some(route) => self.by_route(domain, route, &mut attempt, kept).await,
                None => self.by_exchangers(domain, &mut attempt, kept).await,
            }
        }
        attempt.finish()
    }

    async fn by_route(&self, domain: &str, route: &Route, attempt: &mut Attempt<'_>, kept: &mut Option<Client>) {
        let found = match route.host.parse() {
            Ok(address) => Ok(vec![address]),
            Err(_) => Addresses::of(self.dns(), &route.host, false)
                .await
                .map(|found| found.addresses),
        };
        let addresses = match found {
            Ok(addresses) => addresses,
            Err(error) => return attempt.wait(not_known(&error)),
        };
        if addresses.is_empty() {
            // A mistake in the settings is no reason to return mail.
            attempt.wait(Answer::new(
                None,
                Status::new(4, 3, 5),
                &format!("{}, to which mail for {domain} is routed, has no address", route.host),
            ));
        }
        // The settings say what is done there, also with what would rather not be encrypted.
        let mut security = Security::of_route(&route.host, route.tls);
        if attempt.wish == TlsWish::Required {
            security = match security.required(&route.host, true) {
                Ok(security) => security,
                Err(unfit) => return attempt.pass_over(&route.host, &unfit),
            };
        }
        for address in addresses {
            let target = Target {
                domain,
                host: &route.host,
                address: SocketAddr::new(address, route.port),
                security: security.clone(),
                wish: attempt.wish,
                implicit: route.tls == RouteTls::Implicit,
                credentials: route.credentials.as_ref(),
            };
            if !self.ask(&target, attempt, kept).await {
                return;
            }
        }
    }

    async fn by_exchangers(&self, domain: &str, attempt: &mut Attempt<'_>, kept: &mut Option<Client>) {
        let settings = self.settings();
        if let Some(literal) = Addresses::of_literal(domain) {
            if attempt.wish == TlsWish::Required {
                return attempt.pass_over(domain, &Unfit::Unproven(domain.to_owned()));
            }
            for address in literal.addresses {
                let address = SocketAddr::new(address, settings.port);
                let target = Target::plain(domain, &literal.host, address, attempt.wish);
                self.ask(&target, attempt, kept).await;
            }
            return;
        }
        let Ok(domain) = domain_in_ascii(domain) else {
            return attempt.give_up(&Nowhere::Unknown(Failure::NotAName));
        };
        let exchangers = match Exchangers::of(self.dns(), &domain, self.hostname(), settings.dane).await {
            Ok(exchangers) => exchangers,
            Err(nowhere) => return attempt.give_up(&nowhere),
        };
        let policy = match settings.mta_sts {
            true => self.policies().of(&domain).await,
            false => None,
        };
        let (mut unknown, mut found) = (false, false);
        for host in &exchangers.hosts {
            let addresses = match Addresses::of(self.dns(), host, exchangers.secure).await {
                Ok(addresses) => addresses,
                Err(error) => {
                    unknown = true;
                    attempt.wait(not_known(&error));
                    continue;
                }
            };
            if addresses.addresses.is_empty() {
                continue;
            }
            found = true;
            let security = Security::of(
                self.dns(),
                &domain,
                host,
                &addresses,
                settings.port,
                exchangers.secure,
                policy.as_deref(),
            );
            let security = match (security.await, attempt.wish) {
                (Ok(security), TlsWish::Required) => {
                    let named = exchangers.secure
                        || *host == domain
                        || policy.as_ref().is_some_and(|one| one.vouches_for(host));
                    security.required(host, named)
                }
                (Ok(security), TlsWish::Optional) => Ok(security.relaxed()),
                (Err(_), TlsWish::Optional) => Ok(Security::opportunistic(host)),
                (security, _) => security,
            };
            let security = match security {
                Ok(security) => security,
                Err(Unfit::Unknown(error)) => {
                    attempt.wait(not_known(&error));
                    continue;
                }
                Err(unfit) => {
                    if let Some(policy) = &policy {
                        self.opener().note_unnamed(&domain, host, &policy.told());
                    }
                    attempt.pass_over(host, &unfit);
                    continue;
                }
            };
            for address in addresses.addresses {
                let target = Target {
                    security: security.clone(),
                    ..Target::plain(&domain, host, SocketAddr::new(address, settings.port), attempt.wish)
                };
                if !self.ask(&target, attempt, kept).await {
                    return;
                }
            }
        }
        if !found && !unknown {
            let nowhere = match exchangers.hosts == [exchangers.domain] {
                true => Nowhere::NoSuchDomain(domain),
                false => Nowhere::NoAddress(domain),
            };
            attempt.give_up(&nowhere);
        }
    }

    /// Asks one server. Whether there is anybody left to ask for, and another may be asked.
    async fn ask(&self, target: &Target<'_>, attempt: &mut Attempt<'_>, kept: &mut Option<Client>) -> bool {
        match self.opener().open(target).await {
            Ok(client) => attempt.send(client, kept).await,
            Err(trouble) if attempt.wish == TlsWish::Required && trouble.is_unfit() => {
                attempt.pass_over(target.host, &trouble);
            }
            Err(trouble) => attempt.wait(in_trouble(target.host, &trouble)),
        }
        attempt.addresses -= 1;
        !attempt.left.is_empty() && attempt.addresses > 0
    }
}

impl<'a> Target<'a> {
    /// A server that is asked for nothing.
    fn plain(domain: &'a str, host: &'a str, address: SocketAddr, wish: TlsWish) -> Target<'a> {
        Target {
            domain,
            host,
            address,
            security: Security::opportunistic(host),
            implicit: false,
            credentials: None,
            wish,
        }
    }
}

impl Attempt<'_> {
    /// Sends by a session, and keeps it if it can be used again.
    async fn send(&mut self, mut client: Client, kept: &mut Option<Client>) {
        if self.wish == TlsWish::Required && !client.offered.requiretls {
            let text = "it does not promise to hand it on encrypted (REQUIRETLS)";
            let answer = Answer::new(Some(client.host().to_owned()), Status::new(5, 7, 30), text);
            self.unfit.get_or_insert(answer);
            return client.quit().await;
        }
        let report = client.deliver(self.claim, &self.left).await;
        self.left
            .retain(|recipient| report.outcomes.iter().all(|(decided, _)| *decided != recipient.id));
        self.outcomes.extend(report.outcomes);
        if let Some(trouble) = report.trouble {
            self.last = Some(in_trouble(client.host(), &trouble));
        }
        match client.is_reusable() && self.left.is_empty() {
            true => *kept = Some(client),
            false => client.quit().await,
        }
    }

    /// There is nobody to ask. For ever, or for now.
    fn give_up(&mut self, nowhere: &Nowhere) {
        let answer = Answer::new(None, nowhere.status(), &nowhere.to_string());
        if answer.status.class == 4 {
            return self.wait(answer);
        }
        self.fail(&answer);
    }

    /// Nobody is to be asked any more.
    fn fail(&mut self, answer: &Answer) {
        let failed = self.left.drain(..);
        self.outcomes
            .extend(failed.map(|recipient| (recipient.id, Outcome::Failed(answer.clone()))));
    }

    /// A host cannot have it as it is to go. What must be encrypted returns if that is all that stands in its way at each
    /// host (RFC 8689 §4.2.1); else another time may be better.
    fn pass_over(&mut self, host: &str, why: &dyn std::fmt::Display) {
        let answer =
            |class, detail| Answer::new(Some(host.to_owned()), Status::new(class, 7, detail), &why.to_string());
        match self.wish {
            TlsWish::Required => {
                self.unfit.get_or_insert_with(|| answer(5, 10));
            }
            _ => self.wait(answer(4, 1)),
        }
    }

    /// Why those that are left have to wait, if nobody does better.
    fn wait(&mut self, answer: Answer) {
        self.last = Some(answer);
    }

    fn finish(mut self) -> Vec<(RecipientId, Outcome)> {
        if let (None, Some(unfit)) = (&self.last, self.unfit.take()) {
            self.fail(&unfit);
        }
        let nobody = || Answer::new(None, Status::new(4, 4, 1), "no server could be asked");
        let answer = self.last.take().unwrap_or_else(nobody);
        let waiting = self.left.iter().map(|recipient| {
            let deferred = Outcome::Deferred {
                answer: answer.clone(),
                retry: None,
            };
            (recipient.id, deferred)
        });
        self.outcomes.into_iter().chain(waiting).collect()
    }
}

/// How the message must be encrypted. A report is to reach its reader rather than be lost (RFC 8689 §5).
fn wish(entry: &Entry) -> TlsWish {
    match (&entry.reverse_path, entry.handling.tls) {
        (ReversePath::Null, TlsWish::Required) => TlsWish::Usual,
        (_, wish) => wish,
    }
}

/// A lookup that failed (RFC 3463 §3.5: directory server failure).
fn not_known(error: &Failure) -> Answer {
    Answer::new(None, Status::new(4, 4, 3), &error.to_string())
}

/// A session that did not begin, or broke.
fn in_trouble(host: &str, trouble: &Trouble) -> Answer {
    let status = match trouble {
        Trouble::Refused(_, reply) => return answer(host, reply),
        Trouble::Connect(..) => Status::new(4, 4, 1),
        Trouble::NoReply(..) => Status::new(4, 4, 2),
        Trouble::Ourselves => Status::new(4, 4, 6),
        Trouble::Tls(_) | Trouble::NoStarttls => Status::new(4, 7, 5),
        // Security or policy status, of the login (RFC 4954 §6).
        Trouble::Scram(_) => Status::new(4, 7, 0),
    };
    let said = match trouble {
        Trouble::Connect(..) => None,
        _ => Some(host.to_owned()),
    };
    Answer::new(said, status, &trouble.to_string())
}
