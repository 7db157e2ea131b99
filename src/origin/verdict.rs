//! From what was found to what becomes of the message. Pure: no question is asked here.
//!
//! RFC 7208 §8 and Appendix G, RFC 7489 §6.6, RFC 8617 §7.2. The strictest reason decides; what only adds to a suspicion is
//! told all the same.

use std::fmt;

use super::findings::{Findings, Outcome, Policy, Reachable};
use crate::config::{Action, Origin};

/// Why a message is not simply taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reason {
    /// SPF disproves the sender.
    SpfFail,
    /// The author's domain is not proven, and wants such mail refused or suspected.
    Dmarc(Policy),
    /// No author, or several domains of authors.
    UnclearAuthor,
    /// SPF or DMARC could not be asked.
    TemporaryError,
    /// The client's address has no name.
    NoReverseName,
    /// The client calls itself by what it is not.
    FalseGreeting,
    /// The sender's domain takes no mail.
    NullMx,
    /// The sender's domain is not there.
    NoMx,
    /// The client's address is on a list.
    Listed(String),
    /// Nothing vouches for it and it was not seen before.
    Greylisted,
}

/// What becomes of a message, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// What.
    pub action: Action,
    /// All reasons that call for more than nothing, with what they call for; the strictest first.
    pub reasons: Vec<(Action, Reason)>,
}

/// What the settings want with what was found.
pub fn judge(findings: &Findings, settings: &Origin) -> Verdict {
    let client = &findings.client;
    let mut verdict = Verdict {
        action: Action::Accept,
        reasons: Vec::new(),
    };
    if !client.hidden {
        for list in client.listed.iter().filter_map(|list| settings.blocklists.get(*list)) {
            verdict.add(list.action, Reason::Listed(list.zone.clone()));
        }
        if client.mail_from.outcome == Outcome::Fail {
            verdict.add(settings.spf_fail, Reason::SpfFail);
        }
        if matches!(client.reverse.outcome, Outcome::Fail | Outcome::PermError) {
            verdict.add(settings.no_reverse_name, Reason::NoReverseName);
        }
        if client.false_greeting {
            verdict.add(settings.false_greeting, Reason::FalseGreeting);
        }
        if findings.dmarc.outcome == Outcome::Fail && !forwarded(findings, settings) {
            let policy = findings.dmarc.policy;
            let action = match policy {
                Policy::Reject => settings.dmarc_reject,
                Policy::Quarantine => settings.dmarc_quarantine,
                Policy::None => Action::Accept,
            };
            verdict.add(action, Reason::Dmarc(policy));
        }
        if client.mail_from.outcome == Outcome::TempError || findings.dmarc.outcome == Outcome::TempError {
            verdict.add(settings.temporary_error, Reason::TemporaryError);
        }
    }
    match client.reachable {
        Reachable::Perhaps => {}
        Reachable::NullMx => verdict.add(settings.null_mx, Reason::NullMx),
        Reachable::No => verdict.add(settings.no_mx, Reason::NoMx),
    }
    if findings.unclear_author {
        verdict.add(settings.unclear_author, Reason::UnclearAuthor);
    }
    verdict.reasons.sort_by_key(|(action, _)| std::cmp::Reverse(*action));
    verdict
}

/// Whether SPF, DKIM or somebody whom we believe vouches for it, or none of them could be asked: what greylisting spares.
pub fn is_verified(findings: &Findings, settings: &Origin) -> bool {
    let told = [findings.client.mail_from.outcome, findings.dmarc.outcome]
        .into_iter()
        .chain(findings.dkim.iter().map(|dkim| dkim.outcome));
    told.into_iter()
        .any(|outcome| matches!(outcome, Outcome::Pass | Outcome::TempError))
        || forwarded(findings, settings)
}

/// Whether a forwarder whom we believe says that it was in order when it came there (RFC 8617 §7.2.1).
pub(super) fn forwarded(findings: &Findings, settings: &Origin) -> bool {
    let arc = &findings.arc;
    arc.outcome == Outcome::Pass
        && arc.vouched
        && settings
            .trusted_forwarders
            .iter()
            .any(|known| known.eq_ignore_ascii_case(&arc.sealer))
}

impl Verdict {
    /// Adds a reason; one that calls for nothing is none.
    pub fn add(&mut self, action: Action, reason: Reason) {
        if action > Action::Accept {
            self.action = self.action.max(action);
            self.reasons.push((action, reason));
        }
    }

    /// Refuses no more: what would have been refused is suspected.
    pub fn soften(&mut self) {
        self.action = self.action.min(Action::Junk);
        for (action, _) in &mut self.reasons {
            *action = (*action).min(Action::Junk);
        }
    }

    /// The reason that decides.
    pub fn first(&self) -> Option<&Reason> {
        self.reasons
            .iter()
            .find(|(action, _)| *action == self.action)
            .map(|(_, reason)| reason)
    }
}

/// In words for people.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::SpfFail => "the sender's domain does not let this server send for it (SPF)",
            Reason::Dmarc(Policy::Reject) => {
                "not proven to be from its author's domain, which wants it refused (DMARC)"
            }
            Reason::Dmarc(_) => "not proven to be from its author's domain, which wants it suspected (DMARC)",
            Reason::UnclearAuthor => "it does not say who wrote it, or says it more than once",
            Reason::TemporaryError => "the sender could not be checked for the time being",
            Reason::NoReverseName => "the sending server's address has no name",
            Reason::FalseGreeting => "the sending server calls itself by what it is not",
            Reason::NullMx => "the sender's domain takes no mail",
            Reason::NoMx => "the sender's domain has no mail server",
            Reason::Listed(zone) => return write!(f, "the sending server is listed by {zone}"),
            Reason::Greylisted => "not seen before",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::findings::{Dkim, Dmarc};
    use super::*;

    fn action(change: impl FnOnce(&mut Findings, &mut Origin)) -> Action {
        let (mut findings, mut settings) = (Findings::default(), Origin::default());
        change(&mut findings, &mut settings);
        judge(&findings, &settings).action
    }

    fn dmarc(outcome: Outcome, policy: Policy) -> Dmarc {
        Dmarc {
            outcome,
            policy,
            domain: "example.net".to_owned(),
            ..Dmarc::default()
        }
    }

    #[test]
    fn each_result_has_its_action() {
        use Action::{Accept, Junk, Reject, Tempfail};
        assert_eq!(action(|_, _| {}), Accept);
        assert_eq!(
            action(|found, _| found.client.mail_from.outcome = Outcome::Fail),
            Accept
        );
        let spf = |found: &mut Findings, settings: &mut Origin| {
            found.client.mail_from.outcome = Outcome::Fail;
            settings.spf_fail = Junk;
        };
        assert_eq!(action(spf), Junk);
        for (policy, wanted) in [
            (Policy::None, Accept),
            (Policy::Quarantine, Junk),
            (Policy::Reject, Reject),
        ] {
            assert_eq!(action(|found, _| found.dmarc = dmarc(Outcome::Fail, policy)), wanted);
            assert_eq!(action(|found, _| found.dmarc = dmarc(Outcome::Pass, policy)), Accept);
        }
        assert_eq!(
            action(|found, _| found.dmarc = dmarc(Outcome::TempError, Policy::Reject)),
            Accept
        );
        let later = |found: &mut Findings, settings: &mut Origin| {
            found.dmarc.outcome = Outcome::TempError;
            settings.temporary_error = Tempfail;
        };
        assert_eq!(action(later), Tempfail);
        assert_eq!(action(|found, _| found.client.reachable = Reachable::NullMx), Reject);
        assert_eq!(action(|found, _| found.client.reachable = Reachable::No), Junk);
        assert_eq!(action(|found, _| found.client.reverse.outcome = Outcome::Fail), Accept);
        assert_eq!(action(|found, _| found.client.false_greeting = true), Junk);
        assert_eq!(action(|found, _| found.unclear_author = true), Junk);
    }

    #[test]
    fn behind_a_gateway_nothing_counts_that_is_about_the_address() {
        let hidden = |found: &mut Findings, settings: &mut Origin| {
            found.client.hidden = true;
            found.client.false_greeting = true;
            found.client.mail_from.outcome = Outcome::Fail;
            found.dmarc = dmarc(Outcome::Fail, Policy::Reject);
            settings.spf_fail = Action::Reject;
        };
        assert_eq!(action(hidden), Action::Accept);
    }

    #[test]
    fn a_forwarder_is_believed_when_it_is_trusted_and_only_about_dmarc() {
        let forwarded = |sealer: &str, vouched| {
            action(|found, settings| {
                found.dmarc = dmarc(Outcome::Fail, Policy::Reject);
                found.arc.outcome = Outcome::Pass;
                found.arc.sealer = sealer.to_owned();
                found.arc.vouched = vouched;
                settings.trusted_forwarders = vec!["lists.example".to_owned()];
            })
        };
        assert_eq!(forwarded("Lists.example", true), Action::Accept);
        assert_eq!(forwarded("lists.example", false), Action::Reject);
        assert_eq!(forwarded("evil.example", true), Action::Reject);
    }

    #[test]
    fn the_strictest_reason_is_first() {
        let mut findings = Findings {
            unclear_author: true,
            ..Findings::default()
        };
        findings.client.reachable = Reachable::NullMx;
        let verdict = judge(&findings, &Origin::default());
        assert_eq!(
            (verdict.action, verdict.first()),
            (Action::Reject, Some(&Reason::NullMx))
        );
        assert_eq!(verdict.reasons.len(), 2);
    }

    #[test]
    fn whom_greylisting_spares() {
        let settings = Origin::default();
        let with = |change: fn(&mut Findings)| {
            let mut findings = Findings::default();
            change(&mut findings);
            is_verified(&findings, &settings)
        };
        assert!(!with(|_| {}));
        assert!(!with(|found| found.client.mail_from.outcome = Outcome::SoftFail));
        assert!(with(|found| found.client.mail_from.outcome = Outcome::Pass));
        assert!(with(|found| found.client.mail_from.outcome = Outcome::TempError));
        let signed = |found: &mut Findings| {
            found.dkim = vec![Dkim {
                outcome: Outcome::Pass,
                ..Dkim::default()
            }];
        };
        assert!(with(signed));
    }
}
