//! A complete message is shown to the filters of the settings, and what they want becomes of it.
//!
//! By LMTP comes what another MTA has filtered already. What filters would have dropped or kept aside goes to Junk; what a user
//! sends to other servers cannot, and is refused, so that the user knows.

use super::Role;
use super::judgement::Judged;
use super::reply::Reply;
use super::session::{Session, Transaction};
use crate::accounts::sasl::Mechanism;
use crate::config::MilterService;
use crate::delivery::{self, Resolved, Route};
use crate::mail::envelope::{ForwardPath, Recipient};
use crate::mail::ids::QueueId;
use crate::milter::{Client, Passed, Refusal};
use crate::origin;
use crate::storage::spool::Incoming;

/// The message as filters want it, or the reply by which it is refused. The first `trace` octets are ours.
pub(crate) async fn pass(
    session: &Session,
    tx: &mut Transaction,
    judged: &mut Judged,
    id: QueueId,
    message: Incoming,
    trace: u64,
) -> Result<Incoming, Reply> {
    let service = match session.state.role {
        Role::Receive => MilterService::Smtp,
        Role::Submission => MilterService::Submission,
        Role::Lmtp => return Ok(message),
    };
    let client = Client {
        service,
        trusted: !judged.stranger,
        id,
        server: session.smtp.config.hostname.clone(),
        peer: session.connection.peer(),
        local: session.connection.local(),
        name: judged.client_name.take(),
        hello: session
            .state
            .hello
            .as_ref()
            .map(|hello| hello.name.clone())
            .unwrap_or_default(),
        tls: session.connection.tls(),
        login: session.state.account.as_ref().map(|account| {
            let mechanism = session.state.mechanism.map_or("", Mechanism::name);
            (account.address.to_string(), mechanism)
        }),
    };
    let mut envelope = tx.envelope.clone();
    let passed = session.smtp.milters.pass(&client, &mut envelope, message, trace).await;
    let Passed { message, mut junk } = passed.map_err(reply)?;
    let recipients = std::mem::take(&mut envelope.recipients);
    tx.envelope.reverse_path = envelope.reverse_path;
    if recipients != tx.envelope.recipients && !address(session, tx, recipients).await? {
        junk.push("a filter wanted it for somebody who is not there".to_owned());
    }
    if !junk.is_empty() {
        if tx
            .routes
            .iter()
            .any(|route| matches!(route, Route::Remote(_) | Route::Returned(_)))
        {
            tracing::info!(%id, reasons = junk.join("; "), "refused: what is for other servers cannot go to Junk");
            return Err(Reply::new(550, "5.7.1", "A filter holds this message back"));
        }
        judged.fields = verdict(&judged.fields, judged.junk, &junk);
        judged.junk = true;
    }
    Ok(message)
}

/// The message goes to others than it was for. Without a recipient whom we can deliver to nothing is changed: `false`.
async fn address(session: &Session, tx: &mut Transaction, wanted: Vec<Recipient>) -> Result<bool, Reply> {
    let (mut recipients, mut routes) = (Vec::new(), Vec::new());
    for recipient in wanted {
        let known = tx
            .envelope
            .recipients
            .iter()
            .position(|known| known.path == recipient.path);
        let route = match known.and_then(|at| tx.routes.get(at)) {
            Some(route) => Some(route.clone()),
            None => route(session, &recipient.path).await?,
        };
        match route {
            Some(route) => {
                recipients.push(recipient);
                routes.push(route);
            }
            None => tracing::warn!(recipient = %recipient.path, "added by a filter, and nobody whom we deliver to"),
        }
    }
    if recipients.is_empty() {
        return Ok(false);
    }
    for gone in &tx.envelope.recipients {
        if !recipients.iter().any(|kept| kept.path == gone.path) {
            tracing::info!(recipient = %gone.path, "taken away by a filter");
        }
    }
    tx.envelope.recipients = recipients;
    tx.routes = routes;
    Ok(true)
}

/// Where a recipient is whom a filter has added. Strangers' mail is not relayed for a filter either.
async fn route(session: &Session, path: &ForwardPath) -> Result<Option<Route>, Reply> {
    match session.smtp.delivery.resolve(path).await {
        // Reports alone are for senders that were rewritten, and a filter's wish is none.
        Ok(Resolved::To(Route::Returned(_))) => Ok(None),
        Ok(Resolved::To(route)) => Ok(Some(route)),
        Ok(Resolved::Remote) => Ok(match (session.state.role, path) {
            (Role::Submission, ForwardPath::Address(address)) => Some(Route::Remote(address.clone())),
            _ => None,
        }),
        Ok(_) => Ok(None),
        Err(error) => Err(Reply::from(error)),
    }
}

/// The fields with the reasons of filters in the verdict, which is the last, if there is one.
fn verdict(fields: &str, is_junk: bool, reasons: &[String]) -> String {
    let begun = match fields.strip_suffix("\r\n") {
        Some(begun) if is_junk => begun.to_owned(),
        _ => format!("{fields}{}: junk", origin::VERDICT),
    };
    let told = reasons
        .iter()
        .fold(begun, |text, reason| format!("{text};\r\n\t{reason}"));
    told + "\r\n"
}

fn reply(refusal: Refusal) -> Reply {
    match refusal {
        Refusal::Said(said) => Reply::made(said.code, "", format!("{} {}", said.status, said.text)),
        Refusal::NotAsked => Reply::new(451, "4.3.0", "Mail cannot be filtered at the moment, try again later"),
        Refusal::LargeHeader => Reply::new(552, "5.3.4", "Message header exceeds the size limit"),
        Refusal::Storage(cause) => Reply::from(delivery::Error::from(cause)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_stand_in_the_one_verdict() {
        let reasons = ["the filter a: x".to_owned(), "the filter b: y".to_owned()];
        let both = ";\r\n\tthe filter a: x;\r\n\tthe filter b: y\r\n";
        assert_eq!(verdict("", false, &reasons), format!("X-Posthaste-Verdict: junk{both}"));
        assert_eq!(
            verdict("A: b\r\n", false, &reasons),
            format!("A: b\r\nX-Posthaste-Verdict: junk{both}")
        );
        let judged = "A: b\r\nX-Posthaste-Verdict: junk;\r\n\tlisted";
        assert_eq!(
            verdict(&format!("{judged}\r\n"), true, &reasons),
            format!("{judged}{both}")
        );
    }
}
