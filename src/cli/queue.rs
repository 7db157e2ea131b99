//! `posthaste queue`: what waits and why, and a hand in it. Beside a running server, which notices within a second or two.

use anyhow::anyhow;
use clap::{Args, Subcommand};

use super::settings::Settings;
use super::{say, table::Table};
use crate::mail::date::Timestamp;
use crate::mail::envelope::ReversePath;
use crate::mail::handling::{ByMode, Handling, Priority, TlsWish};
use crate::mail::ids::QueueId;
use crate::queue::Recipient;
use crate::queue::administration::{Action, Administration, Listed};
use crate::server::folder;

#[derive(Subcommand)]
pub(super) enum Queue {
    /// List the messages on their way, and why each recipient waits
    List(List),
    /// Tell all about one message
    Show(Show),
    /// Try again now
    Retry(Chosen),
    /// Try no more until it is released
    Hold(Chosen),
    /// Try again what was held
    Release(Chosen),
    /// Forget messages; nobody is told
    Drop(Drop),
}

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
pub(super) struct Show {
    /// Its name in the list, in Received and in the log
    #[arg(value_parser = id)]
    id: QueueId,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
pub(super) struct Chosen {
    /// Their names in the list
    #[arg(value_parser = id, required_unless_present = "all", conflicts_with = "all", value_name = "ID")]
    ids: Vec<QueueId>,
    /// All messages
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
pub(super) struct Drop {
    /// Their names in the list
    #[arg(value_parser = id, required = true, value_name = "ID")]
    ids: Vec<QueueId>,
    #[command(flatten)]
    settings: Settings,
}

impl Queue {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self {
            Queue::List(List { settings }) => with(&settings, list),
            Queue::Show(Show { id, settings }) => with(&settings, async |queue| match queue.find(id).await? {
                Some(listed) => show(&listed),
                None => Err(unknown(id)),
            }),
            Queue::Retry(chosen) => chosen.act(Action::Retry, "is tried again"),
            Queue::Hold(chosen) => chosen.act(Action::Hold, "is held"),
            Queue::Release(chosen) => chosen.act(Action::Release, "is released"),
            Queue::Drop(Drop { ids, settings }) => with(&settings, async |queue| {
                act(queue, Action::Drop, &ids, "is forgotten").await
            }),
        }
    }
}

impl Chosen {
    fn act(self, action: Action, done: &str) -> anyhow::Result<()> {
        with(&self.settings, async |queue| {
            if !self.all {
                return act(queue, action, &self.ids, done).await;
            }
            let recipients = queue.act(action, None).await?;
            say(format_args!("mail for {recipients} recipients {done}"))
        })
    }
}

/// Runs a short command on the queue that these settings name.
fn with(settings: &Settings, command: impl AsyncFnOnce(&Administration) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let config = settings.load()?;
    folder::prepare(&config.data)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let queue = Administration::open(&config.data, config.storage.index_timeout.get()).await?;
        let done = command(&queue).await;
        queue.close().await;
        done
    })
}

async fn list(queue: &Administration) -> anyhow::Result<()> {
    let mut table = Table::new(["ID", "ARRIVED", "OCTETS", "FROM", "TO", "TRIES", "NEXT", "WHY"]);
    let mut after = None;
    loop {
        let listed = queue.list(after).await?;
        let Some(last) = listed.last() else {
            return say(table);
        };
        after = Some(last.entry.id);
        for Listed { entry, recipients } in &listed {
            for recipient in recipients {
                table.row([
                    entry.id.to_string(),
                    moment(entry.arrived),
                    entry.size.to_string(),
                    written(&entry.reverse_path),
                    recipient.address.to_string(),
                    recipient.attempts.to_string(),
                    next(recipient),
                    why(recipient),
                ]);
            }
        }
    }
}

fn show(Listed { entry, recipients }: &Listed) -> anyhow::Result<()> {
    say(format_args!("message   {}", entry.id))?;
    say(format_args!("from      {}", written(&entry.reverse_path)))?;
    say(format_args!("octets    {}", entry.size))?;
    say(format_args!("arrived   {}", moment(entry.arrived)))?;
    say(format_args!("given up  {}", moment(entry.expires)))?;
    let Handling { tls, priority, by } = entry.handling;
    match tls {
        TlsWish::Required => say(format_args!("encrypted must be, all the way (REQUIRETLS)"))?,
        TlsWish::Optional => say(format_args!("encrypted need not be (TLS-Required: No)"))?,
        TlsWish::Usual => {}
    }
    if priority != Priority::default() {
        say(format_args!("priority  {priority}"))?;
    }
    if let Some(by) = by {
        let then = match by.mode {
            ByMode::Notify => "its sender is told",
            ByMode::Return => "it is returned",
        };
        say(format_args!("in time   until {}, then {then}", moment(by.moment)))?;
    }
    if let Some(id) = &entry.envelope_id {
        say(format_args!("envelope  {}", id.decoded()))?;
    }
    for recipient in recipients {
        say(format_args!("\nto        {}", recipient.address))?;
        say(format_args!("by        {}", recipient.destination()))?;
        say(format_args!("attempts  {}", recipient.attempts))?;
        say(format_args!("next      {}", next(recipient)))?;
        if let Some((_, tried)) = recipient.last_answer() {
            say(format_args!("last      {}", moment(tried)))?;
        }
        say(format_args!("why       {}", why(recipient)))?;
    }
    Ok(())
}

async fn act(queue: &Administration, action: Action, ids: &[QueueId], done: &str) -> anyhow::Result<()> {
    for id in ids {
        if queue.find(*id).await?.is_none() {
            return Err(unknown(*id));
        }
        let changed = queue.act(action, Some(*id)).await?;
        if action == Action::Retry && changed == 0 {
            return Err(anyhow!("message {id} is held: `posthaste queue release` lets it go"));
        }
        say(format_args!("message {id} {done}"))?;
    }
    Ok(())
}

/// When it is tried next.
fn next(recipient: &Recipient) -> String {
    match recipient.is_held() {
        true => "held".to_owned(),
        false => moment(recipient.due()),
    }
}

/// The last reply of the other side, or why there was none.
fn why(recipient: &Recipient) -> String {
    match recipient.last_answer() {
        None => "not tried yet".to_owned(),
        Some((answer, _)) => match &answer.host {
            Some(host) => format!("{host} said: {}", answer.text()),
            None => answer.text().to_owned(),
        },
    }
}

fn written(path: &ReversePath) -> String {
    format!("<{path}>")
}

fn moment(milliseconds: i64) -> String {
    let seconds = milliseconds.div_euclid(1000);
    Timestamp {
        seconds,
        offset_minutes: 0,
    }
    .to_rfc3339()
}

fn id(text: &str) -> Result<QueueId, &'static str> {
    QueueId::parse(text).ok_or("sixteen hexadecimal digits are wanted, as the list has them")
}

fn unknown(id: QueueId) -> anyhow::Error {
    anyhow::anyhow!("no message {id} is in the queue")
}
