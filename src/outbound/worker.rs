//! Out of the queue, and back into it what became of it.
//!
//! One task for each connection, so many at the same time altogether and for each group: a domain, or the server of a
//! route whatever the domain. A task goes on with its destination for as long as there is something due, on the same
//! connection, and keeps that for a moment more. At shutdown it finishes the message that it is at.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Outbound;
use super::client::Client;
use crate::queue::Destination;

/// Connections by group.
#[derive(Default)]
pub(super) struct Load {
    groups: Mutex<HashMap<String, Counts>>,
    changed: Notify,
}

#[derive(Default)]
struct Counts {
    tasks: usize,
    /// Of those, by destination, that are about to take what is due next: another one would find nothing.
    ready: HashMap<Destination, usize>,
}

/// A task counted in its group, for as long as this lives.
struct Place {
    outbound: Outbound,
    group: String,
    destination: Destination,
    /// It is about to take what is due next.
    ready: bool,
}

impl Outbound {
    /// Delivers until `shutdown`. Its tasks are among `tasks`, and end where they are at `abort`.
    pub async fn run(self, tasks: TaskTracker, shutdown: CancellationToken, abort: CancellationToken) {
        let connections = Arc::new(Semaphore::new(self.settings().max_connections));
        loop {
            let next = async {
                let permit = connections.clone().acquire_owned().await;
                (permit, self.next().await)
            };
            let Some((Ok(permit), destination)) = shutdown.run_until_cancelled(next).await else {
                return;
            };
            let Some(place) = self.take_place(&destination) else {
                continue;
            };
            let (outbound, shutdown, abort) = (self.clone(), shutdown.clone(), abort.clone());
            tasks.spawn(async move {
                let _permit = permit;
                abort.run_until_cancelled(outbound.serve(place, shutdown)).await;
            });
        }
    }

    /// The next destination that has something due and may have another connection.
    async fn next(&self) -> Destination {
        loop {
            // What may be changes with every task that ends.
            let changed = self.0.load.changed.notified();
            tokio::select! {
                destination = self.0.queue.due(|destination| self.may(destination)) => return destination,
                () = changed => {}
            }
        }
    }

    fn may(&self, destination: &Destination) -> bool {
        let Some(group) = self.group(destination) else {
            return false;
        };
        let groups = self.0.load.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.get(&group).is_none_or(|counts| {
            counts.tasks < self.settings().max_connections_per_domain && !counts.ready.contains_key(destination)
        })
    }

    /// Who shares the limit of a domain; `None` when it is not ours to deliver.
    fn group(&self, destination: &Destination) -> Option<String> {
        let Destination::Domain(domain) = destination else {
            return None;
        };
        Some(match self.route(domain) {
            Some(route) => format!("{}:{}", route.host, route.port),
            None => domain.to_string(),
        })
    }

    fn take_place(&self, destination: &Destination) -> Option<Place> {
        let mut place = Place {
            outbound: self.clone(),
            group: self.group(destination)?,
            destination: destination.clone(),
            ready: false,
        };
        place.change(|counts| counts.tasks += 1);
        place.set_ready(true);
        Some(place)
    }

    /// Delivers for one destination until nothing is due.
    async fn serve(&self, mut place: Place, shutdown: CancellationToken) {
        let Destination::Domain(domain) = place.destination.clone() else {
            return;
        };
        let mut kept: Option<Client> = None;
        while !shutdown.is_cancelled() {
            let claim = match self.0.queue.claim(&place.destination).await {
                Ok(Some(claim)) => claim,
                Ok(None) if kept.is_some() && self.more(&mut place, &shutdown).await => continue,
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(%error, "nothing can be taken out of the queue");
                    break;
                }
            };
            place.set_ready(false);
            let outcomes = self.attempt(&domain, &claim, &mut kept).await;
            if let Err(error) = claim.settle(outcomes).await {
                tracing::error!(%error, "outcomes are not written: what was delivered may be sent again");
                break;
            }
            if let Some(client) =
                kept.take_if(|client| client.transactions >= self.settings().max_messages_per_connection)
            {
                client.quit().await;
            }
        }
        if let Some(client) = kept {
            client.quit().await;
        }
    }

    /// Waits, for as long as a connection is kept, whether more becomes due for its destination.
    async fn more(&self, place: &mut Place, shutdown: &CancellationToken) -> bool {
        place.set_ready(true);
        tokio::select! {
            _ = self.0.queue.due(|due| *due == place.destination) => true,
            () = tokio::time::sleep(self.settings().keep_idle.get()) => false,
            () = shutdown.cancelled() => false,
        }
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
        drop(groups);
        load.changed.notify_one();
    }

    fn set_ready(&mut self, ready: bool) {
        if std::mem::replace(&mut self.ready, ready) == ready {
            return;
        }
        self.change(|counts| {
            let number = counts.ready.entry(self.destination.clone()).or_default();
            match ready {
                true => *number += 1,
                false => *number -= 1,
            }
            if *number == 0 {
                counts.ready.remove(&self.destination);
            }
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.set_ready(false);
        self.change(|counts| counts.tasks -= 1);
    }
}
