//! What one arrival costs the sessions that have the mailbox open: taking it into their pictures.

use std::sync::Arc;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use posthaste::config;
use posthaste::mail::address::Address;
use posthaste::mail::flags::FlagList;
use posthaste::mail::ids::SessionId;
use posthaste::mail::mailbox_name::MailboxName;
use posthaste::mailbox::{Mailbox, Mailboxes, NewMessage, View};
use tokio::runtime::Runtime;

fn main() {
    divan::main();
}

/// Each view of one mailbox learns of one message.
#[divan::bench(args = [1, 100, 1000], sample_count = 20, sample_size = 1)]
fn poll(bencher: Bencher<'_, '_>, views: u64) {
    let house = House::open();
    bencher
        .counter(ItemsCount::new(views))
        .with_inputs(|| {
            let views = (0..views)
                .map(|number| house.inbox.view(SessionId(number + 1), false))
                .collect::<Vec<_>>();
            house.append();
            views
        })
        .bench_local_values(|mut views: Vec<View>| {
            for view in &mut views {
                black_box(view.poll(true));
            }
            views
        });
}

/// A view that has nothing to learn.
#[divan::bench]
fn poll_without_news(bencher: Bencher<'_, '_>) {
    let house = House::open();
    let mut view = house.inbox.view(SessionId(1), false);
    bencher.bench_local(|| black_box(view.poll(true)));
}

/// One account's INBOX in a folder that vanishes.
struct House {
    runtime: Runtime,
    mailboxes: Mailboxes,
    inbox: Arc<Mailbox>,
    _folder: tempfile::TempDir,
}

impl House {
    fn open() -> House {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (mailboxes, inbox) = runtime.block_on(async {
            let mailboxes = Mailboxes::open(folder.path(), &config::Storage::default())
                .await
                .unwrap();
            let address = Address::parse("alice@example.org").unwrap();
            let account = mailboxes.account(&address).await.unwrap();
            let inbox = account.open(&MailboxName::inbox()).await.unwrap();
            (mailboxes, inbox)
        });
        House {
            runtime,
            mailboxes,
            inbox,
            _folder: folder,
        }
    }

    fn append(&self) {
        self.runtime.block_on(async {
            let mut incoming = self.mailboxes.spool().begin();
            incoming.write(b"Subject: hello\r\n\r\nHello.\r\n").await.unwrap();
            let message = NewMessage {
                spooled: incoming.finish().await.unwrap(),
                flags: FlagList::default(),
                internal_date: None,
            };
            self.inbox.append(SessionId::NONE, vec![message]).await.unwrap();
        });
    }
}
