//! Looks over IMAP for every message that was acknowledged, and compares some octet by octet.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use memchr::memmem;

use crate::imap::Imap;
use crate::message::{ID_FIELD, Run};
use crate::progress;
use crate::target::Target;

/// How often a server that delivers after its 250 is asked whether it has.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// An account's INBOX before the run, and the connection that watches it.
pub(crate) struct Before {
    imap: Imap,
    messages: u32,
    uid_next: u32,
}

/// What was found afterwards.
#[derive(Default)]
pub(crate) struct Findings {
    /// Acknowledged and not there.
    pub(crate) lost: usize,
    /// There more than once.
    pub(crate) doubled: usize,
    /// There although the connection broke before the answer, as a client must expect.
    pub(crate) unanswered: usize,
    /// How many were compared.
    pub(crate) compared: usize,
    /// Not what was sent.
    pub(crate) altered: usize,
}

/// Looks at the INBOX of each account.
pub(crate) async fn before(target: &Target) -> Result<Vec<Before>> {
    let mut all = Vec::new();
    for account in &target.accounts {
        let mut imap = Imap::login(target, account).await?;
        let (messages, uid_next) = imap.status("INBOX").await?;
        all.push(Before {
            imap,
            messages,
            uid_next,
        });
    }
    Ok(all)
}

/// Waits until every account shows as many new messages as were accepted for it, at most `limit` longer.
pub(crate) async fn settle(before: &mut [Before], accepted: &[Vec<usize>], limit: Duration) -> Result<()> {
    let deadline = Instant::now() + limit;
    for (account, accepted) in before.iter_mut().zip(accepted) {
        while u64::from(account.imap.status("INBOX").await?.0) < u64::from(account.messages) + accepted.len() as u64 {
            if Instant::now() > deadline {
                return Ok(());
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }
    Ok(())
}

/// Looks for the accepted messages of each account, and compares up to `compare` of them.
pub(crate) async fn after(
    target: &Target,
    before: &mut [Before],
    accepted: &[Vec<usize>],
    run: &Run,
    compare: usize,
) -> Result<Findings> {
    let mut findings = Findings::default();
    let total = accepted.iter().map(Vec::len).sum::<usize>();
    let bar = progress::bar("looking for them", total as u64);
    for ((account, accepted), owner) in before.iter_mut().zip(accepted).zip(&target.accounts) {
        let found = account.find(run).await?;
        let wanted = accepted.iter().map(|number| run.id(*number)).collect::<Vec<_>>();
        let there = wanted.iter().filter(|id| found.contains_key(*id)).count();
        findings.lost += wanted.len() - there;
        findings.unanswered += found.len() - there;
        findings.doubled += found.values().filter(|uids| uids.len() > 1).count();
        bar.inc(wanted.len() as u64);
        let share = compare.div_ceil(target.accounts.len()).max(1);
        let step = accepted.len().div_ceil(share).max(1);
        for number in accepted.iter().step_by(step).take(compare - findings.compared) {
            let Some(uid) = found.get(&run.id(*number)).and_then(|uids| uids.first()) else {
                continue;
            };
            findings.compared += 1;
            // What the server added (Return-Path, Received) stands before what was sent.
            let sent = run.plain(*number, &owner.address).stored();
            findings.altered += usize::from(!account.read(*uid).await?.ends_with(&sent));
        }
    }
    bar.finish_and_clear();
    Ok(findings)
}

impl Before {
    /// The UIDs of this run's messages, by identifier.
    async fn find(&mut self, run: &Run) -> Result<HashMap<String, Vec<u32>>> {
        self.imap.open("EXAMINE", "INBOX").await?;
        let mut found: HashMap<String, Vec<u32>> = HashMap::new();
        let mut trouble = None;
        let command = format!(
            "UID FETCH {}:* (UID BODY.PEEK[HEADER.FIELDS ({ID_FIELD})])",
            self.uid_next
        );
        self.imap
            .command(&command, |response| {
                if response.number("FETCH").is_none() {
                    return;
                }
                match response.fetched() {
                    Ok((Some(uid), Some(field))) => {
                        if let Some(id) = identifier(&field).filter(|id| belongs(id, run)) {
                            found.entry(id).or_default().push(uid);
                        }
                    }
                    Ok(_) => {}
                    Err(error) => trouble = Some(error),
                }
            })
            .await?;
        trouble.map_or(Ok(found), Err)
    }

    /// A whole message.
    async fn read(&mut self, uid: u32) -> Result<Vec<u8>> {
        let mut message = None;
        self.imap
            .command(&format!("UID FETCH {uid} (UID BODY.PEEK[])"), |response| {
                if let Ok((Some(found), Some(body))) = response.fetched()
                    && found == uid
                {
                    message = Some(body);
                }
            })
            .await?;
        message.with_context(|| format!("UID FETCH {uid} gave no body"))
    }
}

fn belongs(id: &str, run: &Run) -> bool {
    id.split_once('.').is_some_and(|(name, _)| name == run.name)
}

fn identifier(field: &[u8]) -> Option<String> {
    let colon = memmem::find(field, b":")?;
    let value = std::str::from_utf8(&field[colon + 1..]).ok()?.trim();
    (!value.is_empty()).then(|| value.to_owned())
}
