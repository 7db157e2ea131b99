//! The rules of an account: what its active Sieve script makes of a message (RFC 5228), and doing that.
//!
//! A [`Plan`] is made before anything is done, so that an account whose mailboxes cannot be opened refuses the message as a
//! whole. Its copies are part of the delivery; what is sent to others comes behind them, and what is remembered last, so that a
//! message that is tried again does not look like a duplicate.
//!
//! Invariants: a script that is broken or fails has the message kept in the INBOX, and its owner is told once for each
//! version of it; nothing is sent for a message that was judged to be junk, and nothing that answers a report.

mod compose;
mod send;

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use anyhow::anyhow;

use super::{Delivery, Error, Letter, accept};
use crate::accounts::Account;
use crate::mail::date::Timestamp;
use crate::mail::envelope::ReversePath;
use crate::mail::flags::FlagList;
use crate::mail::ids::SessionId;
use crate::mail::mailbox_name::MailboxName;
use crate::mail::script_name::ScriptName;
use crate::mailbox::{self, AccountMailboxes, Mailbox, NewMessage, Notice};
use crate::sieve::{self, Action, Input, KnownMailbox, Outcome, Script, limits};
use crate::storage::spool::Spooled;
use send::Outgoing;

/// What becomes of a message for one account.
pub(super) struct Plan {
    account: Account,
    mailboxes: AccountMailboxes,
    copies: Vec<Copy>,
    outgoing: Vec<Outgoing>,
    /// What the sender is told instead, if the script refuses the message.
    reject: Option<String>,
    remember: BTreeMap<String, i64>,
    failure: Option<Failed>,
}

/// One copy of a message.
struct Copy {
    mailbox: Arc<Mailbox>,
    flags: FlagList,
    message: Spooled,
}

/// A script that did not do what it should.
struct Failed {
    script: ScriptName,
    /// Its text, by which it is known whether its owner was told.
    text: Vec<u8>,
    why: String,
}

impl Plan {
    /// Whether the script refuses the message.
    pub(super) fn rejects(&self) -> bool {
        self.reject.is_some()
    }

    /// Why the script refuses the message, for whoever tells the sender at once.
    pub(super) fn take_rejection(&mut self) -> Option<String> {
        self.reject.take()
    }
}

impl Delivery {
    /// What becomes of the message for this account. The mailboxes are open when it returns, and nothing has been done.
    pub(super) async fn plan(&self, letter: &Letter, account: &Account, message: &Spooled) -> Result<Plan, Error> {
        let mailboxes = self.mailboxes.account(&account.address).await?;
        let mut plan = Plan {
            account: account.clone(),
            copies: Vec::new(),
            outgoing: Vec::new(),
            reject: None,
            remember: BTreeMap::new(),
            failure: None,
            mailboxes,
        };
        match plan.mailboxes.scripts().active().await? {
            Some((name, text)) => {
                let ended = self.run(letter, &plan, message, text.clone()).await?;
                let done = match ended {
                    Ok(outcome) => self.prepare(letter, &mut plan, message, outcome).await?,
                    Err(why) => Err(why),
                };
                if let Err(why) = done {
                    tracing::warn!(account = %account.address, script = %name, why, "a Sieve script has failed");
                    plan.copies.clear();
                    plan.outgoing.clear();
                    plan.remember.clear();
                    plan.reject = None;
                    plan.keep(letter, message.clone(), FlagList::default()).await?;
                    let script = name;
                    plan.failure = Some(Failed { script, text, why });
                }
            }
            None => plan.keep(letter, message.clone(), FlagList::default()).await?,
        }
        Ok(plan)
    }

    /// Runs the script; the inner error says why it could not be.
    async fn run(
        &self,
        letter: &Letter,
        plan: &Plan,
        message: &Spooled,
        text: Vec<u8>,
    ) -> Result<Result<Outcome, String>, Error> {
        let now = Timestamp::now();
        let memory = plan.mailboxes.scripts().memory(now.seconds).await?;
        let forward_paths = letter.paths_to(&plan.account);
        let listed = plan.mailboxes.list().into_iter().filter(|info| info.exists);
        let known: Vec<KnownMailbox> = listed
            .map(|info| KnownMailbox {
                name: info.name,
                special_use: info.special_use,
            })
            .collect();
        let reverse_path = letter.envelope.reverse_path.clone();
        let (address, message) = (plan.account.address.clone(), message.clone());
        let work = move || {
            let script = match Script::compile(&text) {
                Ok(script) => script,
                Err(problems) => return Ok(Err(first(&problems))),
            };
            let bytes = beginning(&message, script.uses_body())?;
            let outcome = script.run(&Input {
                message: sieve::Message {
                    bytes: &bytes,
                    size: message.size(),
                    summary: message.summary(),
                },
                reverse_path: &reverse_path,
                forward_paths: &forward_paths,
                addresses: std::slice::from_ref(&address),
                mailboxes: &known,
                now,
                memory: &memory,
            });
            Ok(match outcome.failure {
                Some(failure) => Err(failure.to_string()),
                None => Ok(outcome),
            })
        };
        let ran: std::io::Result<_> = tokio::task::spawn_blocking(work).await.map_err(accept::crashed)?;
        Ok(ran?)
    }

    /// Opens what the actions need; the inner error says what is not possible.
    async fn prepare(
        &self,
        letter: &Letter,
        plan: &mut Plan,
        message: &Spooled,
        outcome: Outcome,
    ) -> Result<Result<(), String>, Error> {
        plan.remember = outcome.remember;
        let looping = outcome
            .actions
            .iter()
            .any(|action| matches!(action, Action::Redirect { .. }))
            && send::was_redirected_by(message, &plan.account.address).await?;
        for action in outcome.actions {
            match action {
                Action::Keep { flags, header } => {
                    let message = self.with_header(message, header).await?;
                    plan.keep(letter, message, flags).await?;
                }
                Action::FileInto {
                    mailbox,
                    create,
                    special_use,
                    flags,
                    header,
                } => {
                    let opened = match plan.mailboxes.open(&mailbox).await {
                        Err(mailbox::Error::NotFound) if create => plan.mailboxes.create(&mailbox, special_use).await,
                        opened => opened,
                    };
                    // Another delivery may have been faster.
                    let opened = match opened {
                        Err(mailbox::Error::AlreadyExists) => plan.mailboxes.open(&mailbox).await,
                        opened => opened,
                    };
                    let opened = match opened {
                        Ok(opened) => opened,
                        Err(error @ (mailbox::Error::NoSpace(_) | mailbox::Error::Storage(_))) => {
                            return Err(error.into());
                        }
                        Err(error) => return Ok(Err(format!("the mailbox \"{mailbox}\": {error}"))),
                    };
                    let message = self.with_header(message, header).await?;
                    plan.copy(opened, flags, message);
                }
                // What we send on counts against us: junk stays.
                Action::Redirect { .. } if letter.junk => {
                    plan.keep(letter, message.clone(), FlagList::default()).await?;
                }
                Action::Redirect { address, .. } if self.is_suppressed(&plan.account.address, &address).await? => {
                    tracing::info!(account = %plan.account.address, to = %address, "on the suppression list: kept");
                    plan.keep(letter, message.clone(), FlagList::default()).await?;
                }
                Action::Redirect { .. } if looping => {
                    tracing::warn!(account = %plan.account.address, "a redirect runs in circles: the message is kept");
                    plan.keep(letter, message.clone(), FlagList::default()).await?;
                }
                Action::Redirect { address, header } => {
                    let message = self.with_header(message, header).await?;
                    plan.outgoing.push(Outgoing::Redirect { to: address, message });
                }
                Action::Vacation(vacation)
                    if !letter.junk && !self.is_suppressed(&plan.account.address, &vacation.to).await? =>
                {
                    plan.outgoing.push(Outgoing::Vacation(vacation));
                }
                Action::Vacation(_) => plan.remember.retain(|key, _| !key.starts_with("vacation")),
                // Whoever is told that junk was refused is mostly somebody else.
                Action::Reject { .. } if letter.junk => {
                    plan.keep(letter, message.clone(), FlagList::default()).await?;
                }
                Action::Reject { reason } => plan.reject = Some(reason),
            }
        }
        Ok(Ok(()))
    }

    /// The message with another header in front of its body.
    async fn with_header(&self, message: &Spooled, header: Option<Arc<[u8]>>) -> Result<Spooled, Error> {
        let Some(header) = header else {
            return Ok(message.clone());
        };
        let mut changed = self.begin();
        changed.write(&header).await?;
        let mut file = tokio::fs::File::open(message.path()).await?;
        tokio::io::AsyncSeekExt::seek(&mut file, std::io::SeekFrom::Start(message.summary().root.body_start)).await?;
        let mut piece = vec![0; PIECE];
        loop {
            match tokio::io::AsyncReadExt::read(&mut file, &mut piece).await? {
                0 => return Ok(changed.finish().await?),
                length => changed.write(piece.get(..length).unwrap_or_default()).await?,
            }
        }
    }

    /// What comes when all copies are durable: others get theirs, and what happened is remembered.
    pub(super) async fn carry_out(&self, letter: &Letter, plan: Plan) -> Result<(), Error> {
        if let Some(reason) = plan.reject {
            self.send_rejection(letter, &plan.account, &reason).await?;
        }
        for outgoing in plan.outgoing {
            self.send(letter, &plan.account, outgoing).await?;
        }
        // The message is where it belongs, whatever becomes of this.
        if !plan.remember.is_empty()
            && let Err(error) = plan
                .mailboxes
                .scripts()
                .remember(Timestamp::now().seconds, plan.remember)
                .await
        {
            tracing::error!(account = %plan.account.address, %error, "what a Sieve script remembers was not stored");
        }
        if let Some(failed) = plan.failure
            && let Err(error) = self.tell_owner(&plan.account, &plan.mailboxes, failed).await
        {
            tracing::error!(account = %plan.account.address, %error, "the owner of a Sieve script was not told that it fails");
        }
        Ok(())
    }

    /// A message in the INBOX of the script's owner, once for each version of the script.
    async fn tell_owner(&self, account: &Account, mailboxes: &AccountMailboxes, failed: Failed) -> Result<(), Error> {
        if !mailboxes.scripts().tell(failed.text).await? {
            return Ok(());
        }
        let mut notice = self.begin();
        let text = compose::failure(&account.address, &failed.script, &failed.why, self.queue.hostname());
        notice.write(text.as_bytes()).await?;
        let inbox = mailboxes.open(&MailboxName::inbox()).await?;
        let message = NewMessage {
            spooled: notice.finish().await?,
            flags: FlagList::default(),
            internal_date: None,
        };
        inbox.append(SessionId::NONE, vec![message]).await?;
        Ok(())
    }
}

/// Octets of a message that are copied at once.
const PIECE: usize = 64 * 1024;

impl Plan {
    /// Where there is nobody to tell of a refusal, the message is kept.
    pub(super) async fn keep_if_nobody_can_be_told(&mut self, letter: &Letter, message: &Spooled) -> Result<(), Error> {
        match (&self.reject, &letter.envelope.reverse_path) {
            (Some(_), ReversePath::Null) => {
                self.reject = None;
                self.keep(letter, message.clone(), FlagList::default()).await
            }
            _ => Ok(()),
        }
    }

    /// Into the INBOX, or where junk goes.
    async fn keep(&mut self, letter: &Letter, message: Spooled, flags: FlagList) -> Result<(), Error> {
        let mailbox = accept::open(&self.mailboxes, letter.junk).await?;
        self.copy(mailbox, flags, message);
        Ok(())
    }

    fn copy(&mut self, mailbox: Arc<Mailbox>, flags: FlagList, message: Spooled) {
        // Two names may mean one mailbox, when junk is kept and filed.
        if !self.copies.iter().any(|copy| Arc::ptr_eq(&copy.mailbox, &mailbox)) {
            self.copies.push(Copy {
                mailbox,
                flags,
                message,
            });
        }
    }

    /// The copies, for the one who appends them.
    pub(super) fn take_copies(&mut self) -> Copies {
        Copies(std::mem::take(&mut self.copies))
    }
}

/// The copies of one account, one after the other.
#[derive(Default)]
pub(super) struct Copies(Vec<Copy>);

impl Copies {
    /// Appends them. The notices are those of the mailboxes, in their order.
    pub(super) async fn append(self) -> Result<Vec<Arc<Notice>>, Error> {
        self.append_as(None).await
    }

    /// Appends those that are not there yet, known by a time and a name that are the same at each try.
    pub(super) async fn append_once(self, seconds: i64, name: &str) -> Result<(), Error> {
        self.append_as(Some((seconds, name))).await.map(drop)
    }

    async fn append_as(self, once: Option<(i64, &str)>) -> Result<Vec<Arc<Notice>>, Error> {
        let mut notices = Vec::with_capacity(self.0.len());
        for copy in self.0 {
            let appended = match copy.append(copy.flags.clone(), once).await {
                // A mailbox with all the keywords that it can have takes the message without.
                Err(mailbox::Error::TooManyKeywords) => copy.append(FlagList::system(copy.flags.flags), once).await,
                appended => appended,
            };
            notices.extend(appended?);
        }
        Ok(notices)
    }
}

impl Copy {
    async fn append(&self, flags: FlagList, once: Option<(i64, &str)>) -> mailbox::Result<Option<Arc<Notice>>> {
        let message = NewMessage {
            spooled: self.message.clone(),
            flags,
            internal_date: None,
        };
        let appended = match once {
            Some((seconds, name)) => self.mailbox.append_once(message, seconds, name).await?,
            None => Some(self.mailbox.append(SessionId::NONE, vec![message]).await?),
        };
        Ok(appended.map(|appended| appended.notice))
    }
}

/// The header of a message, and of its body what tests may look at. Blocking.
fn beginning(message: &Spooled, body: bool) -> std::io::Result<Vec<u8>> {
    let header = message.summary().root.body_start.min(limits::HEADER as u64);
    let wanted = header + if body { limits::BODY as u64 } else { 0 };
    let mut bytes = Vec::new();
    std::fs::File::open(message.path())?
        .take(wanted)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn first(problems: &[sieve::Problem]) -> String {
    let text = problems.first().map(ToString::to_string);
    text.unwrap_or_else(|| anyhow!("it cannot be read").to_string())
}
