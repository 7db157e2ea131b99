//! What the message itself proves: its DKIM signatures, its chain of seals, and whether its author's domain stands behind it.
//!
//! RFC 6376 and RFC 8463 (DKIM), RFC 8301 (what of it is too weak), RFC 8617 (ARC), RFC 7489 (DMARC).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_auth::common::cache::NoCache;
use mail_auth::common::crypto::Algorithm;
use mail_auth::dkim::{DkimError, Signature};
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::report::PolicyPublished;
use mail_auth::{
    ArcOutput, AuthenticatedMessage, DkimOutput, DkimResult, DmarcOutput, DmarcResult, Error, MessageAuthenticator,
    SpfOutput, SpfResult, dmarc,
};

use super::findings::{Arc, Client, Dkim, Dmarc, Findings, Outcome, Policy, Published};

/// Signatures that are looked at; each costs a question to the DNS (RFC 6376 §8.4).
const MAX_SIGNATURES: usize = 10;
/// Labels of an author's domain, from the last on, above which no record is looked for.
const MAX_LABELS: usize = 8;
/// Octets of a signature that are told (RFC 6008 §3 wants 8 at least).
const MARK: usize = 8;

/// Looks at the whole message.
pub(super) async fn examine(authenticator: &MessageAuthenticator, client: Client, message: &[u8]) -> Findings {
    let Some(mut message) = AuthenticatedMessage::parse(message) else {
        // Not one header field.
        return Findings {
            client,
            unclear_author: true,
            ..Findings::default()
        };
    };
    let mut told: Vec<Dkim> = Vec::new();
    // RFC 8301 §3.1: such a signature proves nothing.
    message.dkim_headers.retain(|header| {
        let weak = header.header.a == Algorithm::RsaSha1;
        if weak && told.len() < MAX_SIGNATURES {
            told.push(Dkim {
                outcome: Outcome::Policy,
                reason: Some("rsa-sha1 proves nothing".to_owned()),
                ..signed(&header.header)
            });
        }
        !weak
    });
    message.dkim_headers.truncate(MAX_SIGNATURES);
    message.errors.truncate(MAX_SIGNATURES);
    let dkim = authenticator.verify_dkim(&message).await;
    let arc = authenticator.verify_arc(&message).await;
    let spf = SpfOutput::new(client.mail_from.domain.clone()).with_result(spf_result(client.mail_from.outcome));
    let parameters = DmarcParameters::new(&message, &dkim, &client.mail_from.domain, &spf);
    let dmarc = authenticator.verify_dmarc(parameters).await;
    let published = published(authenticator, &dmarc).await;
    told.extend(dkim.iter().map(dkim_told));
    Findings {
        arc: arc_told(&arc),
        dmarc: Dmarc {
            outcome: dmarc_outcome(&dmarc.result()),
            policy: match dmarc.policy() {
                dmarc::Policy::Reject => Policy::Reject,
                dmarc::Policy::Quarantine => Policy::Quarantine,
                dmarc::Policy::None | dmarc::Policy::Unspecified => Policy::None,
            },
            by_spf: *dmarc.spf_result() == DmarcResult::Pass,
            by_dkim: *dmarc.dkim_result() == DmarcResult::Pass,
            published,
            domain: dmarc.into_domain(),
        },
        dkim: told,
        unclear_author: unclear_author(&message),
        client,
    }
}

/// Which domain has the record that applies, if it asks for aggregate reports. What is asked here the resolver remembers.
async fn published(authenticator: &MessageAuthenticator, dmarc: &DmarcOutput) -> Option<Published> {
    let record = dmarc.dmarc_record().filter(|record| !record.rua().is_empty())?;
    let domains = std::iter::successors(Some(dmarc.domain()), |domain| {
        domain.split_once('.').map(|(_, above)| above)
    });
    for domain in domains.take(MAX_LABELS) {
        let found = authenticator.txt_lookup::<dmarc::Dmarc>(format!("_dmarc.{domain}."), None::<&NoCache<_, _>>);
        if found.await.is_ok_and(|found| *found == *record) {
            let policy = PolicyPublished::from_record(domain, record);
            return Some(Published {
                domain: domain.to_owned(),
                policy: serde_json::to_string(&policy).ok()?,
            });
        }
    }
    None
}

/// RFC 5322 §3.6.2, RFC 7489 §6.6.1: one From field, and authors of one domain.
fn unclear_author(message: &AuthenticatedMessage<'_>) -> bool {
    let fields = message
        .headers
        .iter()
        .filter(|(name, _)| name.trim_ascii().eq_ignore_ascii_case(b"From"));
    let mut domains = message
        .from
        .iter()
        .map(|from| from.rsplit_once('@').map_or("", |(_, domain)| domain));
    let first = domains.next().unwrap_or_default();
    fields.count() != 1 || first.is_empty() || domains.any(|domain| domain != first)
}

fn dkim_told(output: &DkimOutput<'_>) -> Dkim {
    let (outcome, reason) = told(output.result());
    let signed = output.signature().map(signed).unwrap_or_default();
    Dkim {
        outcome,
        reason,
        ..signed
    }
}

fn signed(signature: &Signature) -> Dkim {
    Dkim {
        domain: signature.d.clone(),
        selector: signature.s.clone(),
        algorithm: match signature.a {
            Algorithm::RsaSha1 => "rsa-sha1",
            Algorithm::RsaSha256 => "rsa-sha256",
            Algorithm::Ed25519Sha256 => "ed25519-sha256",
        },
        mark: STANDARD.encode(&signature.b).chars().take(MARK).collect(),
        ..Dkim::default()
    }
}

fn told(result: &DkimResult) -> (Outcome, Option<String>) {
    match result {
        DkimResult::Pass => (Outcome::Pass, None),
        DkimResult::None => (Outcome::None, None),
        // RFC 8601 §2.7.1: that is a test that failed.
        DkimResult::Neutral(error @ Error::Dkim(DkimError::FailedBodyHashMatch)) | DkimResult::Fail(error) => {
            (Outcome::Fail, Some(error.to_string()))
        }
        DkimResult::Neutral(error) => (Outcome::Neutral, Some(error.to_string())),
        DkimResult::PermError(error) => (Outcome::PermError, Some(error.to_string())),
        DkimResult::TempError(_) => (Outcome::TempError, None),
    }
}

fn arc_told(output: &ArcOutput<'_>) -> Arc {
    let outcome = match output.result() {
        DkimResult::Pass => Outcome::Pass,
        DkimResult::None => Outcome::None,
        DkimResult::TempError(_) => Outcome::TempError,
        DkimResult::Neutral(_) | DkimResult::Fail(_) | DkimResult::PermError(_) => Outcome::Fail,
    };
    let Some(last) = output.sets().last() else {
        return Arc {
            outcome,
            ..Arc::default()
        };
    };
    let results = String::from_utf8_lossy(last.results.value).to_ascii_lowercase();
    Arc {
        outcome,
        sealer: last.seal.header.d.clone(),
        vouched: results
            .split(';')
            .any(|result| result.trim().split([' ', '\t', '\r', '(']).next() == Some("dmarc=pass")),
    }
}

fn dmarc_outcome(result: &DmarcResult) -> Outcome {
    match result {
        DmarcResult::Pass => Outcome::Pass,
        DmarcResult::Fail(_) => Outcome::Fail,
        DmarcResult::TempError(_) => Outcome::TempError,
        DmarcResult::PermError(_) => Outcome::PermError,
        DmarcResult::None => Outcome::None,
    }
}

fn spf_result(outcome: Outcome) -> SpfResult {
    match outcome {
        Outcome::Pass => SpfResult::Pass,
        Outcome::Fail => SpfResult::Fail,
        Outcome::SoftFail => SpfResult::SoftFail,
        Outcome::Neutral | Outcome::Policy => SpfResult::Neutral,
        Outcome::TempError => SpfResult::TempError,
        Outcome::PermError => SpfResult::PermError,
        Outcome::None => SpfResult::None,
    }
}
