//! What the author's domain is told of a message, if it asks for aggregate reports (RFC 7489 §7.2 and Appendix C): one
//! record, counted together with all that are the same. Nothing of the message is in it but domains and selectors.

use mail_auth::report::{
    ActionDisposition, DKIMAuthResult, DkimResult, DmarcResult, Identifier, PolicyOverride, PolicyOverrideReason,
    Record, SPFAuthResult, SPFDomainScope, SpfResult,
};

use super::Peer;
use super::findings::{Dkim, Findings, Outcome, Policy, Spf};
use super::verdict::{Verdict, forwarded};
use crate::config::{Action, Origin};
use crate::mail::address::Address;
use crate::storage::reports::{Kind, Seen};

/// Signatures in a record.
const MAX_SIGNATURES: usize = 5;

/// The record. None if nobody asks for one, if the message comes again, and where not all is known: behind a gateway.
pub(super) fn seen(peer: &Peer, findings: &Findings, verdict: &Verdict, settings: &Origin) -> Option<Seen> {
    let dmarc = &findings.dmarc;
    let published = dmarc.published.as_ref()?;
    let known = matches!(dmarc.outcome, Outcome::Pass | Outcome::Fail) && !findings.client.hidden;
    if !known || verdict.action == Action::Tempfail {
        return None;
    }
    let wanted = match (dmarc.outcome, dmarc.policy) {
        (Outcome::Pass, _) | (_, Policy::None) => ActionDisposition::None,
        (_, Policy::Quarantine) => ActionDisposition::Quarantine,
        (_, Policy::Reject) => ActionDisposition::Reject,
    };
    let done = match verdict.action {
        Action::Reject => ActionDisposition::Reject,
        Action::Junk => ActionDisposition::Quarantine,
        Action::Accept | Action::Tempfail => ActionDisposition::None,
    };
    let mut record = Record::new()
        .with_source_ip(peer.address.to_canonical())
        .with_action_disposition(done)
        .with_dmarc_dkim_result(passed(dmarc.by_dkim))
        .with_dmarc_spf_result(passed(dmarc.by_spf))
        .with_spf_auth_result(spf(&findings.client.mail_from, peer));
    if done != wanted {
        record = record.with_policy_override_reason(PolicyOverrideReason::new(match forwarded(findings, settings) {
            true => PolicyOverride::TrustedForwarder,
            false => PolicyOverride::LocalPolicy,
        }));
    }
    record.identifiers = Identifier {
        envelope_to: None,
        envelope_from: peer
            .reverse_path
            .address()
            .and_then(Address::dns_domain)
            .unwrap_or_default(),
        header_from: dmarc.domain.clone(),
    };
    let signed = findings.dkim.iter().filter(|signature| !signature.domain.is_empty());
    record.auth_results.dkim = signed.take(MAX_SIGNATURES).map(dkim).collect();
    Some(Seen {
        kind: Kind::Dmarc,
        domain: published.domain.clone(),
        policy: published.policy.clone(),
        record: serde_json::to_string(&record).ok()?,
    })
}

fn passed(proven: bool) -> DmarcResult {
    match proven {
        true => DmarcResult::Pass,
        false => DmarcResult::Fail,
    }
}

fn dkim(signature: &Dkim) -> DKIMAuthResult {
    DKIMAuthResult::new()
        .with_domain(&*signature.domain)
        .with_selector(&*signature.selector)
        .with_result(match signature.outcome {
            Outcome::Pass => DkimResult::Pass,
            Outcome::Fail | Outcome::SoftFail => DkimResult::Fail,
            Outcome::Neutral => DkimResult::Neutral,
            Outcome::Policy => DkimResult::Policy,
            Outcome::None => DkimResult::None,
            Outcome::TempError => DkimResult::TempError,
            Outcome::PermError => DkimResult::PermError,
        })
}

fn spf(identity: &Spf, peer: &Peer) -> SPFAuthResult {
    SPFAuthResult::new()
        .with_domain(&*identity.domain)
        .with_scope(match peer.reverse_path.address() {
            Some(_) => SPFDomainScope::MailFrom,
            None => SPFDomainScope::Helo,
        })
        .with_result(match identity.outcome {
            Outcome::Pass => SpfResult::Pass,
            Outcome::Fail => SpfResult::Fail,
            Outcome::SoftFail => SpfResult::SoftFail,
            Outcome::Neutral | Outcome::Policy => SpfResult::Neutral,
            Outcome::None => SpfResult::None,
            Outcome::TempError => SpfResult::TempError,
            Outcome::PermError => SpfResult::PermError,
        })
}

#[cfg(test)]
mod tests {
    use super::super::findings::{Dmarc, Published};
    use super::super::verdict::judge;
    use super::*;
    use crate::mail::envelope::ReversePath;

    fn record(change: impl FnOnce(&mut Findings, &mut Origin)) -> Option<Record> {
        let peer = Peer {
            address: "::ffff:192.0.2.7".parse().unwrap(),
            hello: "mx.example.net".to_owned(),
            reverse_path: ReversePath::parse("a@bounces.example.net").unwrap(),
        };
        let (mut findings, mut settings) = (Findings::default(), Origin::default());
        findings.client.mail_from = Spf {
            outcome: Outcome::Pass,
            domain: "bounces.example.net".to_owned(),
        };
        findings.dmarc = Dmarc {
            outcome: Outcome::Fail,
            domain: "news.example.com".to_owned(),
            policy: Policy::Reject,
            published: Some(Published {
                domain: "example.com".to_owned(),
                policy: "{}".to_owned(),
            }),
            ..Dmarc::default()
        };
        change(&mut findings, &mut settings);
        let verdict = judge(&findings, &settings);
        let seen = seen(&peer, &findings, &verdict, &settings)?;
        assert_eq!((seen.kind, seen.domain.as_str()), (Kind::Dmarc, "example.com"));
        Some(serde_json::from_str(&seen.record).unwrap())
    }

    #[test]
    fn what_is_told() {
        let told = record(|_, _| ()).unwrap();
        assert_eq!(told.source_ip(), Some("192.0.2.7".parse().unwrap()));
        assert_eq!(told.action_disposition(), ActionDisposition::Reject);
        assert_eq!(
            (told.envelope_from(), told.header_from()),
            ("bounces.example.net", "news.example.com")
        );
        assert!(told.policy_override_reason().is_empty());
        let [spf] = told.spf_auth_result() else {
            panic!("{told:?}")
        };
        assert_eq!((spf.result(), spf.scope()), (SpfResult::Pass, SPFDomainScope::MailFrom));
        let told = record(|found, _| {
            found.dmarc.outcome = Outcome::Pass;
            found.dmarc.by_dkim = true;
            let signature = Dkim {
                outcome: Outcome::Pass,
                domain: "example.com".to_owned(),
                selector: "s".to_owned(),
                ..Dkim::default()
            };
            found.dkim = vec![signature; 9];
        })
        .unwrap();
        assert_eq!(told.action_disposition(), ActionDisposition::None);
        assert_eq!(
            (told.dmarc_dkim_result(), told.dmarc_spf_result()),
            (DmarcResult::Pass, DmarcResult::Fail)
        );
        assert_eq!(told.dkim_auth_result().len(), MAX_SIGNATURES);
    }

    #[test]
    fn whoever_does_otherwise_says_why() {
        let reason = |change: fn(&mut Findings, &mut Origin)| {
            let told = record(change).unwrap();
            let reason = told
                .policy_override_reason()
                .first()
                .map(PolicyOverrideReason::policy_override);
            (told.action_disposition(), reason)
        };
        let milder = reason(|_, settings| settings.dmarc_reject = Action::Junk);
        assert_eq!(
            milder,
            (ActionDisposition::Quarantine, Some(PolicyOverride::LocalPolicy))
        );
        let forwarded = reason(|found, settings| {
            found.arc.outcome = Outcome::Pass;
            found.arc.sealer = "lists.example".to_owned();
            found.arc.vouched = true;
            settings.trusted_forwarders = vec!["lists.example".to_owned()];
        });
        assert_eq!(
            forwarded,
            (ActionDisposition::None, Some(PolicyOverride::TrustedForwarder))
        );
        let stricter = reason(|found, settings| {
            found.dmarc.outcome = Outcome::Pass;
            found.client.mail_from.outcome = Outcome::Fail;
            settings.spf_fail = Action::Reject;
        });
        assert_eq!(stricter, (ActionDisposition::Reject, Some(PolicyOverride::LocalPolicy)));
    }

    #[test]
    fn whom_nothing_is_told() {
        assert!(record(|found, _| found.dmarc.published = None).is_none());
        assert!(record(|found, _| found.dmarc.outcome = Outcome::TempError).is_none());
        assert!(record(|found, _| found.client.hidden = true).is_none());
        assert!(record(|_, settings| settings.dmarc_reject = Action::Tempfail).is_none());
    }
}
