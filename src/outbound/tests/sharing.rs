//! Who gets a connection, and who keeps one.

use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::*;
use crate::queue::Group;

const SOON: Duration = Duration::from_secs(20);

/// Empties the queue until this is dropped.
fn run(world: &World) -> DropGuard {
    let shutdown = CancellationToken::new();
    let running = world.outbound.clone();
    tokio::spawn(running.run(TaskTracker::new(), shutdown.clone(), CancellationToken::new()));
    shutdown.drop_guard()
}

/// Returns when so many messages were taken by servers without DSN: their sender, who wants to know, is told.
async fn relayed(world: &World, count: usize) {
    let queue = &world.outbound.0.queue;
    for _ in 0..count {
        let turn = tokio::time::timeout(SOON, queue.due_of(&Group::Local)).await.unwrap();
        let claim = queue.claim(&turn).await.unwrap().unwrap();
        let delivered = Outcome::Delivered(Answer::new(None, "2.1.5".parse().unwrap(), ""));
        let outcomes = vec![(claim.recipients[0].id, delivered)];
        claim.settle(outcomes).await.unwrap();
    }
}

#[tokio::test]
async fn domains_of_a_route_go_on_one_connection() {
    let peer = Peer::start("PIPELINING", &[]).await;
    let mut world = World::new(&peer, |config| config.outbound.max_connections_per_domain = 1).await;
    for domain in ["a.test", "b.test", "c.test", "d.test"] {
        world.domain = domain;
        world.enqueue(&Mail::default()).await;
    }
    let _running = run(&world);
    relayed(&world, 4).await;
    // One that comes while it is idle takes it, too.
    world.domain = "e.test";
    world.enqueue(&Mail::default()).await;
    relayed(&world, 1).await;
    assert_eq!((peer.lines("connect").len(), peer.messages().len()), (1, 5));
}

#[tokio::test]
async fn nobody_keeps_a_connection_that_others_wait_for() {
    let (one, two) = (
        Peer::start("PIPELINING", &[]).await,
        Peer::start("PIPELINING", &[]).await,
    );
    let mut world = World::new(&one, |config| {
        config.outbound.max_connections = 1;
        config.outbound.keep_idle = Period::seconds(3600);
        let other = config::Route {
            domain: "other.test".to_owned(),
            port: two.address().port(),
            ..config.route[0].clone()
        };
        config.route.insert(0, other);
    })
    .await;
    let _running = run(&world);
    for domain in ["example.test", "other.test", "example.test"] {
        world.domain = domain;
        world.enqueue(&Mail::default()).await;
        relayed(&world, 1).await;
    }
    assert_eq!((one.messages().len(), two.messages().len()), (2, 1));
}
