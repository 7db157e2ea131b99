//! Out of the queue, and back into it what became of it.
//!
//! One task for each connection, so many at the same time altogether and for each group: a domain, or the server of a
//! route whatever the domain. A task goes on with its group for as long as there is something due, on the same
//! connection, and keeps that for a moment more unless others wait for one. At shutdown it finishes the message that it is at.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{AcquireError, Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Outbound;
use super::client::Client;
use crate::queue::{Destination, Group, Turn};

/// Connections by group.
#[derive(Default)]
pub(super) struct Load {
    groups: Mutex<HashMap<Group, Counts>>,
    changed: Notify,
    /// All connections are in use and another group waits for one.
    crowded: watch::Sender<bool>,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    tasks: usize,
    /// Of those, that wait with a connection: they take what is due next.
    idle: usize,
}

/// A task counted in its group, for as long as this lives.
struct Place {
    outbound: Outbound,
    group: Group,
}

/// A task that waits, for as long as this lives.
struct Idle<'a>(&'a Place);

impl Outbound {
    /// Delivers until `shutdown`. Its tasks are among `tasks`, and end where they are at `abort`.
    pub async fn run(self, tasks: TaskTracker, shutdown: CancellationToken, abort: CancellationToken) {
        let connections = Arc::new(Semaphore::new(self.settings().max_connections));
        loop {
            let next = async {
                let turn = self.next().await;
                (turn, self.connection(&connections).await)
            };
            let Some((turn, Ok(permit))) = shutdown.run_until_cancelled(next).await else {
                return;
            };
            let place = self.take_place(&turn);
            let (outbound, shutdown, abort) = (self.clone(), shutdown.clone(), abort.clone());
            tasks.spawn(async move {
                let _permit = permit;
                abort.run_until_cancelled(outbound.serve(&place, turn, shutdown)).await;
            });
        }
    }

    /// The next destination that has something due and may have another connection.
    async fn next(&self) -> Turn {
        loop {
            // What may be changes with every task that ends.
            let changed = self.0.load.changed.notified();
            tokio::select! {
                turn = self.0.queue.due(|group| self.may(group)) => return turn,
                () = changed => {}
            }
        }
    }

    /// Waits for leave to have another connection.
    async fn connection(&self, connections: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, AcquireError> {
        if let Ok(permit) = connections.clone().try_acquire_owned() {
            return Ok(permit);
        }
        self.0.load.crowded.send_replace(true);
        let permit = connections.clone().acquire_owned().await;
        self.0.load.crowded.send_replace(false);
        permit
    }

    fn may(&self, group: &Group) -> bool {
        // What is for this server is not ours to deliver.
        *group != Group::Local && {
            let counts = self.0.load.counts(group);
            counts.tasks < self.settings().max_connections_per_domain && counts.idle == 0
        }
    }

    fn take_place(&self, destination: &Destination) -> Place {
        let place = Place {
            outbound: self.clone(),
            group: self.0.queue.group(destination),
        };
        place.change(|counts| counts.tasks += 1);
        place
    }

    /// Delivers for one group until nothing is due.
    async fn serve(&self, place: &Place, turn: Turn, shutdown: CancellationToken) {
        let mut kept: Option<Client> = None;
        let mut next = Some(turn);
        while let Some(turn) = next {
            let claim = self.0.queue.claim(&turn).await;
            drop(turn);
            match claim {
                Ok(Some(claim)) => {
                    let outcomes = match &claim.destination {
                        Destination::Domain(domain) => self.attempt(domain, &claim, &mut kept).await,
                        Destination::Local => Vec::new(),
                    };
                    if let Err(error) = claim.settle(outcomes).await {
                        tracing::error!(%error, "outcomes are not written: what was delivered may be sent again");
                        break;
                    }
                }
                // Somebody has dropped or held it.
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, "nothing can be taken out of the queue");
                    break;
                }
            }
            if let Some(client) =
                kept.take_if(|client| client.transactions >= self.settings().max_messages_per_connection)
            {
                client.quit().await;
            }
            next = match self.0.queue.due_now(&place.group) {
                _ if shutdown.is_cancelled() => None,
                None if kept.is_some() => self.more(place, &shutdown).await,
                turn => turn,
            };
        }
        if let Some(client) = kept {
            client.quit().await;
        }
    }

    /// Waits, for as long as a connection is kept, whether more becomes due for its group.
    async fn more(&self, place: &Place, shutdown: &CancellationToken) -> Option<Turn> {
        let mut crowded = self.0.load.crowded.subscribe();
        let _idle = Idle::new(place);
        tokio::select! {
            biased;
            turn = self.0.queue.due_of(&place.group) => Some(turn),
            _ = crowded.wait_for(|crowded| *crowded) => None,
            () = tokio::time::sleep(self.settings().keep_idle.get()) => None,
            () = shutdown.cancelled() => None,
        }
    }
}

impl Load {
    fn counts(&self, group: &Group) -> Counts {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.get(group).copied().unwrap_or_default()
    }
}

impl Place {
    fn change(&self, change: impl FnOnce(&mut Counts)) {
        let load = &self.outbound.0.load;
        let mut groups = load.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = groups.entry(self.group.clone()).or_default();
        change(counts);
        if counts.tasks == 0 {
            groups.remove(&self.group);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.change(|counts| counts.tasks -= 1);
        self.outbound.0.load.changed.notify_one();
    }
}

impl Idle<'_> {
    fn new(place: &Place) -> Idle<'_> {
        place.change(|counts| counts.idle += 1);
        Idle(place)
    }
}

impl Drop for Idle<'_> {
    fn drop(&mut self) {
        self.0.change(|counts| counts.idle -= 1);
        self.0.outbound.0.load.changed.notify_one();
    }
}
