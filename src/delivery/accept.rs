//! Taking a complete message: spooled, appended to the INBOX of each recipient here, put into the queue for all others.
//!
//! All or not yet: when one recipient's copy fails, the whole message is refused for the time being, although others may
//! have theirs by then and will get a second one when the client tries again. SMTP has one reply for all recipients behind
//! DATA (RFC 5321 §4.2.5), and of losing a message and doubling one, doubling is the smaller harm (RFC 5321 §6.1, RFC 1047).
//! To make it rare, every INBOX is opened before anything is appended to the first; the queue comes last, so that what
//! another server gets it gets once. LMTP has a reply for each recipient (RFC 2033 §4.2), and there each has an outcome of its
//! own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use tokio::task::JoinSet;
use tracing::Instrument;

use super::rules::{Copies, Plan};
use super::{Delivery, Error, Route, trace};
use crate::accounts::Account;
use crate::dkim::seal::Seen;
use crate::mail::address::Address;
use crate::mail::date::Timestamp;
use crate::mail::envelope::{Envelope, ForwardPath};
use crate::mail::ids::{AccountId, QueueId};
use crate::mail::mailbox_name::{MailboxName, SpecialUse};
use crate::mailbox::{self, AccountMailboxes, Mailbox, Notice};
use crate::storage::spool::{Incoming, Spooled};

/// Copies of one message that are made durable at the same time.
const CONCURRENT_COPIES: usize = 16;

/// Octets of a message whose binary parts were encoded: its size on the way was within the limits, and base64 and
/// quoted-printable make it three times as large at most.
const MAX_ENCODED: u64 = u32::MAX as u64;

/// Recipients that the log line of a delivery names; more are only counted.
const LOGGED_RECIPIENTS: usize = 10;

/// A message that is complete, but for its bytes.
#[derive(Clone, Debug)]
pub struct Letter {
    /// As Received names it.
    pub id: QueueId,
    /// From whom and to whom.
    pub envelope: Envelope,
    /// Where each of the envelope's recipients is, in their order.
    pub routes: Vec<Route>,
    /// The account that submitted it.
    pub account: Option<AccountId>,
    /// What was found out about it, if it was looked at.
    pub judged: Option<Seen>,
    /// Fields to be put in front of it, each with its line end: what was found out about it, a signature. Return-Path comes
    /// before them.
    pub front: Vec<u8>,
    /// Whether it was judged to be junk: then it goes to the mailbox for that.
    pub junk: bool,
    /// Whether it may have binary parts (RFC 3030 §3), which are encoded before anybody has it.
    pub binary: bool,
    /// When its last byte arrived.
    pub ended: Instant,
}

/// One message delivered, for whoever watches (the demo, the log).
#[derive(Clone, Debug)]
pub struct Report {
    /// Reverse-path; empty for the null path.
    pub from: String,
    /// Recipients.
    pub to: Vec<String>,
    /// Octets.
    pub size: u64,
    /// From the final dot until the last copy was durable.
    pub durable: Duration,
    /// One for each mailbox.
    pub notices: Vec<Arc<Notice>>,
}

impl Delivery {
    /// Delivers to every recipient. Returns when every copy is durable; runs to its end even when the caller is dropped.
    pub async fn accept(&self, letter: Letter, incoming: Incoming) -> Result<(), Error> {
        let delivery = self.clone();
        let work = async move { delivery.deliver(letter, incoming).await };
        tokio::spawn(work.in_current_span()).await.map_err(crashed)?
    }

    /// Delivers to each account as far as it goes, and tells of each how it went, in the order of [`Letter::accounts`], and
    /// behind them of what goes on to other servers: for LMTP (RFC 2033 §4.2). Runs to its end like [`Delivery::accept`].
    pub async fn accept_each(&self, letter: Letter, incoming: Incoming) -> Result<Vec<Result<(), Error>>, Error> {
        let delivery = self.clone();
        let work = async move { delivery.deliver_each(letter, incoming).await };
        tokio::spawn(work.in_current_span()).await.map_err(crashed)?
    }

    async fn deliver(&self, letter: Letter, incoming: Incoming) -> Result<(), Error> {
        let (message, skip) = self.complete(&letter, incoming).await?;
        self.may_forward(&letter, &message).await?;
        let accounts = letter.accounts();
        self.check_room(&accounts, message.size()).await?;
        let mut plans = Vec::with_capacity(accounts.len());
        for account in &accounts {
            plans.push(self.plan(&letter, account, &message).await?);
        }
        // One reply for all: a refusal only if all of them refuse. Otherwise the sender learns of it by a message.
        let mut rejected = None;
        if letter.is_for_accounts_only() && plans.iter().all(Plan::rejects) {
            rejected = plans.iter_mut().filter_map(Plan::take_rejection).last();
        }
        let mut copies = Vec::with_capacity(plans.len());
        for plan in &mut plans {
            plan.keep_if_nobody_can_be_told(&letter, &message).await?;
            copies.push(Ok(plan.take_copies()));
        }
        let outcomes = append_to_each(copies).await;
        let notices = outcomes.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
        for plan in plans {
            self.carry_out(&letter, plan).await?;
        }
        if let Some(reason) = rejected {
            return Err(Error::Rejected(reason));
        }
        self.relay(&letter, &message, skip).await?;
        self.to_be_read(&letter, &message);
        self.report(&letter, &message, notices);
        Ok(())
    }

    async fn deliver_each(&self, letter: Letter, incoming: Incoming) -> Result<Vec<Result<(), Error>>, Error> {
        let (message, skip) = self.complete(&letter, incoming).await?;
        let accounts = letter.accounts();
        let mut plans = Vec::with_capacity(accounts.len());
        let mut copies = Vec::with_capacity(accounts.len());
        for account in &accounts {
            let plan = match self.has_room(account, message.size()).await {
                Ok(true) => self.plan(&letter, account, &message).await,
                Ok(false) => Err(Error::OverQuota),
                Err(error) => Err(error),
            };
            let (plan, taken) = match plan {
                Ok(mut plan) => {
                    let copies = plan.take_copies();
                    (Some((plan.take_rejection(), plan)), Ok(copies))
                }
                Err(error) => (None, Err(error)),
            };
            plans.push(plan);
            copies.push(taken);
        }
        let mut notices = Vec::new();
        let mut outcomes = Vec::with_capacity(accounts.len());
        let appended = append_to_each(copies).await;
        for (outcome, plan) in appended.into_iter().zip(plans) {
            outcomes.push(match (outcome, plan) {
                (Ok(new), Some((rejected, plan))) => {
                    notices.extend(new);
                    let done = self.carry_out(&letter, plan).await;
                    done.and_then(|()| rejected.map_or(Ok(()), |reason| Err(Error::Rejected(reason))))
                }
                (outcome, _) => outcome.map(drop),
            });
        }
        if !notices.is_empty() {
            self.to_be_read(&letter, &message);
            self.report(&letter, &message, notices);
        }
        if letter.goes_on() {
            let goes = match self.may_forward(&letter, &message).await {
                Ok(()) => self.send_on(&letter, &message, skip).await,
                Err(refused) => Err(refused),
            };
            outcomes.push(goes);
        }
        Ok(outcomes)
    }

    /// The message as it is kept, with what is to stand in front of it. Returns the octets of Return-Path, too, which other
    /// servers do not get.
    async fn complete(&self, letter: &Letter, mut incoming: Incoming) -> Result<(Spooled, u64), Error> {
        let return_path = trace::return_path(&letter.envelope.reverse_path);
        let front = [return_path.as_bytes(), &letter.front].concat();
        incoming.prepend(&front).await?;
        let mut message = incoming.finish().await?;
        if letter.binary {
            message = self.encoded(message).await?;
        }
        Ok((message, return_path.len() as u64))
    }

    /// With its binary parts encoded, in lines.
    pub(super) async fn encoded(&self, message: Spooled) -> Result<Spooled, Error> {
        Ok(self.mailboxes.spool().as_text(message, MAX_ENCODED).await?)
    }

    /// To the log, and to whoever watches. What no account here gets now is only in the queue.
    fn report(&self, letter: &Letter, message: &Spooled, notices: Vec<Arc<Notice>>) {
        let report = Report {
            from: letter.envelope.reverse_path.to_string(),
            to: letter
                .envelope
                .recipients
                .iter()
                .map(|recipient| recipient.path.to_string())
                .collect(),
            size: message.size(),
            durable: letter.ended.elapsed(),
            notices,
        };
        tracing::info!(
            id = %letter.id,
            from = report.from,
            to = report.to.get(..LOGGED_RECIPIENTS).unwrap_or(&report.to).join(","),
            recipients = report.to.len(),
            size = report.size,
            durable_ms = report.durable.as_secs_f64() * 1000.0,
            waiting = report.notices.iter().map(|notice| notice.waiting()).sum::<usize>(),
            "{}",
            if letter.accounts().is_empty() { "queued" } else { "delivered" }
        );
        // Nobody may be watching.
        let _ = self.reports.send(report);
    }
}

impl Delivery {
    /// Each recipient had room at RCPT, as far as the size was known then. One reply stands for all now: the message is
    /// refused when it fits nobody's quota, and otherwise everybody gets it, for the full mailbox of one must not keep
    /// mail from the others at every further try.
    async fn check_room(&self, recipients: &[Account], octets: u64) -> Result<(), Error> {
        for account in recipients {
            if self.has_room(account, octets).await? {
                return Ok(());
            }
        }
        match recipients.is_empty() {
            true => Ok(()),
            false => Err(Error::OverQuota),
        }
    }
}

impl Letter {
    /// Of each of the envelope's recipients, where among [`Letter::accounts`] its own are; behind them is what goes on.
    pub fn stands_for(&self) -> Vec<Vec<usize>> {
        let accounts = self.accounts();
        let position = |account: &Account| accounts.iter().position(|known| known.id == account.id);
        let of = |route: &Route| match route {
            Route::Local(here) => here.iter().filter_map(position).collect(),
            Route::Forwarded(forwarding) => {
                let here = forwarding.accounts.iter().filter_map(position);
                here.chain([accounts.len()]).collect()
            }
            Route::Returned(_) => vec![accounts.len()],
            Route::Remote(_) => Vec::new(),
        };
        self.routes.iter().map(of).collect()
    }

    /// The accounts that get it now, each once.
    pub fn accounts(&self) -> Vec<Account> {
        let mut accounts: Vec<Account> = Vec::new();
        for route in self.routes.iter().filter(|_| !self.waits()) {
            for account in route.accounts() {
                if !accounts.iter().any(|known| known.id == account.id) {
                    accounts.push(account.clone());
                }
            }
        }
        accounts
    }

    /// The paths by which it came to an account.
    pub(super) fn paths_to(&self, account: &Account) -> Vec<Address> {
        let routed = self.envelope.recipients.iter().zip(&self.routes);
        let paths = routed.filter_map(|(recipient, route)| match (&recipient.path, route) {
            (ForwardPath::Address(address), route) if route.accounts().iter().any(|one| one.id == account.id) => {
                Some(address.clone())
            }
            _ => None,
        });
        paths.collect()
    }

    /// Whether its accounts are all that it is for.
    fn is_for_accounts_only(&self) -> bool {
        !self.waits() && self.routes.iter().all(|route| matches!(route, Route::Local(_)))
    }

    /// Whether it is for others, too, to whom an alias leads, or a sender that was rewritten.
    pub(super) fn goes_on(&self) -> bool {
        let goes = |route: &Route| matches!(route, Route::Forwarded(_) | Route::Returned(_));
        !self.waits() && self.routes.iter().any(goes)
    }

    /// Whether nobody is to get it yet (RFC 4865).
    pub fn waits(&self) -> bool {
        self.envelope
            .hold_until
            .is_some_and(|until| until > Timestamp::now().seconds.saturating_mul(1000))
    }
}

/// Where a message goes. Junk is better in INBOX than refused because an account can have no further mailbox.
pub(super) async fn open(mailboxes: &AccountMailboxes, junk: bool) -> Result<Arc<Mailbox>, Error> {
    if junk {
        match mailboxes.open_special(SpecialUse::Junk).await {
            Ok(mailbox) => return Ok(mailbox),
            Err(cause @ (mailbox::Error::NoSpace(_) | mailbox::Error::Storage(_))) => return Err(cause.into()),
            Err(cause) => tracing::warn!(%cause, "no mailbox for junk: it goes to INBOX"),
        }
    }
    Ok(mailboxes.open(&MailboxName::inbox()).await?)
}

/// Every copy is tried, whatever becomes of the others; the outcomes are in the order of the recipients.
async fn append_to_each(copies: Vec<Result<Copies, Error>>) -> Vec<Result<Vec<Arc<Notice>>, Error>> {
    let mut outcomes = Vec::with_capacity(copies.len());
    let mut waiting = Vec::new();
    for (index, copies) in copies.into_iter().enumerate() {
        outcomes.push(Err(match copies {
            Ok(copies) => {
                waiting.push((index, copies));
                // Until it has one.
                Error::Unavailable(anyhow!("a delivery has no outcome"))
            }
            Err(error) => error,
        }));
    }
    let mut waiting = waiting.into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < CONCURRENT_COPIES
            && let Some((index, copies)) = waiting.next()
        {
            let copies = copies.append().in_current_span();
            running.spawn(async move { (index, copies.await) });
        }
        match running.join_next().await {
            None => return outcomes,
            Some(Ok((index, outcome))) => {
                if let Some(unknown) = outcomes.get_mut(index) {
                    *unknown = outcome;
                }
            }
            Some(Err(error)) => tracing::error!(%error, "a delivery was ended from outside or had a bug"),
        }
    }
}

/// The task of a delivery was ended from outside or had a bug.
pub(super) fn crashed(error: tokio::task::JoinError) -> Error {
    Error::Unavailable(anyhow!(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Accounts;
    use crate::config::Config;
    use crate::delivery::Forwarder;
    use crate::dkim::Signers;
    use crate::mail::envelope::ReversePath;
    use crate::mail::ids::AccountId;
    use crate::mailbox::Mailboxes;
    use crate::queue::Queue;
    use tempfile::TempDir;

    async fn delivery() -> (TempDir, Delivery) {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::default();
        let accounts = Accounts::open(folder.path(), &config.login).await.unwrap();
        let mailboxes = Mailboxes::open(folder.path(), &config.storage).await.unwrap();
        let second = Duration::from_secs(1);
        let queue = Queue::open(folder.path(), &config.queue, &[], "x.test", second)
            .await
            .unwrap();
        let forwarder = Forwarder::new(folder.path(), &config.forward, Signers::new(folder.path()));
        let delivery = Delivery::new(accounts, mailboxes, queue, config.quota, forwarder);
        (folder, delivery)
    }

    fn letter(recipients: &[&str]) -> Letter {
        let mut envelope = Envelope::new(ReversePath::parse("sender@example.com").unwrap());
        envelope.recipients = recipients
            .iter()
            .map(|path| ForwardPath::parse(path).unwrap().into())
            .collect();
        let account = |(id, path): (usize, &&str)| Account {
            id: AccountId(id as i64),
            address: Address::parse(path).unwrap(),
        };
        Letter {
            id: QueueId(1),
            envelope,
            routes: recipients
                .iter()
                .enumerate()
                .map(|one| Route::Local(vec![account(one)]))
                .collect(),
            account: None,
            judged: None,
            front: Vec::new(),
            junk: false,
            binary: false,
            ended: Instant::now(),
        }
    }

    async fn arriving(delivery: &Delivery) -> Incoming {
        let mut incoming = delivery.begin();
        incoming.write(b"Subject: hello\r\n\r\nText\r\n").await.unwrap();
        incoming
    }

    async fn messages(delivery: &Delivery, account: &str) -> u32 {
        let mailboxes = delivery
            .mailboxes
            .account(&Address::parse(account).unwrap())
            .await
            .unwrap();
        mailboxes.status(&MailboxName::inbox()).await.unwrap().messages
    }

    const MANY: [&str; 20] = [
        "a@x.test", "b@x.test", "c@x.test", "d@x.test", "e@x.test", "f@x.test", "g@x.test", "h@x.test", "i@x.test",
        "j@x.test", "k@x.test", "l@x.test", "m@x.test", "n@x.test", "o@x.test", "p@x.test", "q@x.test", "r@x.test",
        "s@x.test", "t@x.test",
    ];

    #[tokio::test]
    async fn every_recipient_has_a_copy_and_whoever_watches_is_told() {
        let (_folder, delivery) = delivery().await;
        let mut reports = delivery.reports();
        let incoming = arriving(&delivery).await;
        delivery.accept(letter(&MANY), incoming).await.unwrap();
        for account in MANY {
            assert_eq!(messages(&delivery, account).await, 1);
        }
        let report = reports.try_recv().unwrap();
        assert_eq!(
            (report.from.as_str(), report.to.len(), report.size),
            ("sender@example.com", 20, 59)
        );
        assert_eq!(report.notices.len(), 20);
    }

    #[tokio::test]
    async fn junk_goes_to_its_mailbox_which_is_made_if_it_is_not_there() {
        let (_folder, delivery) = delivery().await;
        let account = delivery
            .mailboxes
            .account(&Address::parse("a@x.test").unwrap())
            .await
            .unwrap();
        let junk = MailboxName::new("Junk").unwrap();
        account.delete(&junk).await.unwrap();
        for _ in 0..2 {
            let letter = Letter {
                junk: true,
                ..letter(&["a@x.test"])
            };
            delivery.accept(letter, arriving(&delivery).await).await.unwrap();
        }
        assert_eq!(messages(&delivery, "a@x.test").await, 0);
        assert_eq!(account.status(&junk).await.unwrap().messages, 2);
    }

    #[tokio::test]
    async fn when_one_inbox_cannot_be_opened_nobody_has_a_copy() {
        let (folder, delivery) = delivery().await;
        // What is no folder can be no Maildir.
        std::fs::create_dir_all(folder.path().join("mail/x.test")).unwrap();
        std::fs::write(folder.path().join("mail/x.test/b"), "").unwrap();
        let mut reports = delivery.reports();
        let incoming = arriving(&delivery).await;
        let failed = delivery.accept(letter(&["a@x.test", "b@x.test"]), incoming).await;
        assert!(matches!(failed, Err(Error::Unavailable(_))));
        assert_eq!(messages(&delivery, "a@x.test").await, 0);
        assert!(reports.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_delivery_ends_although_nobody_waits_for_it() {
        let (_folder, delivery) = delivery().await;
        let mut reports = delivery.reports();
        let incoming = arriving(&delivery).await;
        let accepting = delivery.accept(letter(&["a@x.test"]), incoming);
        tokio::select! {
            biased;
            _ = accepting => unreachable!("it has only begun"),
            () = std::future::ready(()) => {}
        }
        let report = tokio::time::timeout(Duration::from_secs(20), reports.recv()).await;
        assert_eq!(report.unwrap().unwrap().to, ["a@x.test"]);
        assert_eq!(messages(&delivery, "a@x.test").await, 1);
    }
}
