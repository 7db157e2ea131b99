//! One client that waits in IDLE (RFC 2177), and what it is told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::sync::watch;
use tokio::time::{Instant as Timer, sleep_until};

use crate::imap::Imap;
use crate::response::Response;
use crate::target::Target;

/// How a client behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Habit {
    /// Reads at once whatever it is told; ends IDLE and begins it anew after this time.
    Steady(Duration),
    /// Reads nothing until all has been delivered.
    Slow,
    /// Vanishes without a word after about this time, and comes back.
    Leaving(Duration),
}

/// When all is delivered: how many messages each account got, and until when a client may wait to be told.
pub(crate) struct End {
    pub(crate) delivered: Vec<u32>,
    pub(crate) deadline: Instant,
}

/// The end, as soon as it is known.
pub(crate) type Ending = watch::Receiver<Option<Arc<End>>>;

/// A client that idles on the INBOX of an account.
pub(crate) struct Idler {
    pub(crate) target: Arc<Target>,
    /// Which account.
    pub(crate) account: usize,
    pub(crate) habit: Habit,
    /// Messages when it first looked.
    pub(crate) base: u32,
    imap: Imap,
    seen: Seen,
}

/// What a client was told.
#[derive(Default)]
pub(crate) struct Seen {
    /// Each EXISTS, with the time; counts grow.
    pub(crate) sightings: Vec<(Instant, u32)>,
    /// How often it came back, by its own will.
    pub(crate) returns: usize,
    /// Why it ended early.
    pub(crate) error: Option<String>,
}

impl Idler {
    /// Logs in, opens INBOX and idles.
    pub(crate) async fn start(target: Arc<Target>, account: usize, habit: Habit) -> Result<Idler> {
        let mut imap = Imap::login(&target, target.account(account)).await?;
        let base = imap.open("SELECT", "INBOX").await?;
        let mut seen = Seen::default();
        imap.idle(|response| seen.note(response)).await?;
        Ok(Idler {
            target,
            account,
            habit,
            base,
            imap,
            seen,
        })
    }

    /// Waits until it has been told of all messages, or the time for that is over.
    pub(crate) async fn watch(mut self, ending: Ending) -> (Idler, Seen) {
        let watched = match self.habit {
            Habit::Steady(renewal) => self.stay(ending, renewal).await,
            Habit::Slow => self.sleep(ending).await,
            Habit::Leaving(stay) => self.come_and_go(ending, stay).await,
        };
        let mut seen = std::mem::take(&mut self.seen);
        seen.error = watched.err().map(|error| format!("{error:#}"));
        (self, seen)
    }

    async fn stay(&mut self, mut ending: Ending, renewal: Duration) -> Result<()> {
        loop {
            if self.read(&mut ending, Timer::now() + renewal).await? {
                return Ok(());
            }
            let seen = &mut self.seen;
            self.imap.done(|response| seen.note(response)).await?;
            self.imap.idle(|response| seen.note(response)).await?;
        }
    }

    async fn sleep(&mut self, mut ending: Ending) -> Result<()> {
        let _ = ending.wait_for(Option::is_some).await;
        if self.read(&mut ending, far()).await.is_err() {
            // A server may drop who does not read; then the client must find everything when it comes back.
            self.come_back().await?;
            self.read(&mut ending, far()).await?;
        }
        Ok(())
    }

    async fn come_and_go(&mut self, mut ending: Ending, stay: Duration) -> Result<()> {
        loop {
            let stay = stay.mul_f64(rand::random_range(0.5..1.5));
            if self.read(&mut ending, Timer::now() + stay).await? {
                return Ok(());
            }
            self.come_back().await?;
        }
    }

    /// Drops the connection and makes a new one.
    async fn come_back(&mut self) -> Result<()> {
        let mut imap = Imap::login(&self.target, self.target.account(self.account)).await?;
        let exists = imap.open("SELECT", "INBOX").await?;
        self.seen.sightings.push((Instant::now(), exists));
        self.seen.returns += 1;
        let seen = &mut self.seen;
        imap.idle(|response| seen.note(response)).await?;
        self.imap = imap;
        Ok(())
    }

    /// Reads until told of everything or the deadline passes (`true`), or until that time (`false`).
    async fn read(&mut self, ending: &mut Ending, until: Timer) -> Result<bool> {
        loop {
            let end = ending.borrow_and_update().clone();
            let deadline = match &end {
                Some(end) if self.told(end.delivered[self.account]) => return Ok(true),
                Some(end) => Timer::from_std(end.deadline),
                None => far(),
            };
            tokio::select! {
                response = self.imap.next() => self.seen.note(&response?),
                changed = ending.changed() => if changed.is_err() { bail!("the run was given up") },
                () = sleep_until(deadline) => return Ok(true),
                () = sleep_until(until) => return Ok(false),
            }
        }
    }

    fn told(&self, delivered: u32) -> bool {
        self.seen.sightings.last().map_or(self.base, |(_, count)| *count) >= self.base + delivered
    }
}

impl Seen {
    fn note(&mut self, response: &Response) {
        if let Some(count) = response.number("EXISTS") {
            self.sightings.push((Instant::now(), count));
        }
    }
}

/// A time that does not come.
fn far() -> Timer {
    Timer::now() + Duration::from_secs(24 * 60 * 60)
}
