//! The index follows its mailbox, and excludes nothing that is there.

use crate::config::Storage;
use crate::mail::address::Address;
use crate::mail::collation::casemap;
use crate::mail::flags::FlagList;
use crate::mail::ids::{SessionId, Uid};
use crate::mail::mailbox_name::MailboxName;
use crate::mail::rights::Rights;
use crate::mail::uidset::UidSet;
use crate::mailbox::{AccountMailboxes, Mailbox, Mailboxes, NewMessage};
use std::path::Path;
use std::sync::Arc;

async fn start(data: &Path, full_text: bool) -> (Mailboxes, AccountMailboxes) {
    let settings = Storage {
        full_text,
        ..Storage::default()
    };
    let mailboxes = Mailboxes::open(data, &settings).await.unwrap();
    let account = Address::parse("alice@example.org").unwrap();
    let account = mailboxes.account(&account).await.unwrap();
    (mailboxes, account)
}

async fn open(account: &AccountMailboxes, name: &str) -> Arc<Mailbox> {
    account.open(&MailboxName::new(name).unwrap()).await.unwrap()
}

async fn deliver(mailboxes: &Mailboxes, mailbox: &Arc<Mailbox>, text: &str) -> Uid {
    let mut incoming = mailboxes.spool().begin();
    incoming.write(text.as_bytes()).await.unwrap();
    let message = NewMessage {
        spooled: incoming.finish().await.unwrap(),
        flags: FlagList::default(),
        internal_date: None,
    };
    mailbox.append(SessionId::NONE, vec![message]).await.unwrap().uids[0]
}

/// Which of the messages that there are can hold the text.
async fn left(mailbox: &Arc<Mailbox>, text: &str) -> String {
    let mut mapped = Vec::new();
    casemap(text, &mut mapped);
    let narrowed = mailbox.narrow(&[std::str::from_utf8(&mapped).unwrap()]).await;
    let uids = mailbox.state().uids();
    let left: UidSet = uids.iter().filter(|uid| !narrowed.excludes(0, *uid)).collect();
    left.to_string()
}

async fn settle(mailbox: &Arc<Mailbox>) {
    mailbox.shared.filler.settle(mailbox).await;
}

#[tokio::test]
async fn the_index_follows_its_mailbox() {
    let data = tempfile::tempdir().unwrap();
    let (mailboxes, account) = start(data.path(), true).await;
    let (inbox, archive) = (open(&account, "INBOX").await, open(&account, "Archive").await);
    let encoded =
        "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVsbG8gd29ybGQ=\r\n";
    let first = deliver(&mailboxes, &inbox, encoded).await;
    // What is not in the index is not excluded.
    assert_eq!(left(&inbox, "nowhere").await, "1");
    deliver(&mailboxes, &inbox, "Subject: other\r\n\r\nsomething\r\n").await;
    settle(&inbox).await;
    for (text, wanted) in [
        ("hello WORLD", "1"),
        ("grüße", "1"),
        ("subject: ot", "2"),
        ("thing", "2"),
        ("nowhere", ""),
        ("no", "1:2"),
        ("SGVsbG8", ""),
    ] {
        assert_eq!(left(&inbox, text).await, wanted, "{text}");
    }

    // A copy, and what is expunged.
    inbox
        .copy_to(SessionId::NONE, &UidSet::range(first, first), &archive, Rights::ALL)
        .await
        .unwrap();
    settle(&archive).await;
    assert_eq!(left(&archive, "hello").await, "1");
    assert_eq!(left(&archive, "something").await, "");
    inbox
        .move_to(SessionId::NONE, &UidSet::range(first, first), &archive, Rights::ALL)
        .await
        .unwrap();
    settle(&inbox).await;
    settle(&archive).await;
    assert_eq!(left(&archive, "hello").await, "1:2");
    assert_eq!(left(&inbox, "something").await, "2");

    // A restart with the index of the mailboxes lost: the same UIDs, looked at again.
    drop((inbox, archive, account));
    mailboxes.close().await;
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(data.path().join(format!("index.db{suffix}")));
    }
    let (mailboxes, account) = start(data.path(), true).await;
    let archive = open(&account, "Archive").await;
    assert_eq!(left(&archive, "nowhere").await, "1:2");
    settle(&archive).await;
    assert_eq!(left(&archive, "nowhere").await, "");
    assert_eq!(left(&archive, "hello").await, "1:2");

    // A mailbox that is made again under its old name.
    account.delete(&MailboxName::new("Archive").unwrap()).await.unwrap();
    let archive = account
        .create(&MailboxName::new("Archive").unwrap(), None)
        .await
        .unwrap();
    deliver(&mailboxes, &archive, "Subject: new\r\n\r\n").await;
    settle(&archive).await;
    assert_eq!(left(&archive, "hello").await, "");
    assert_eq!(left(&archive, "new").await, "1");
    mailboxes.close().await;
}

#[tokio::test]
async fn switched_off_it_excludes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let (mailboxes, account) = start(data.path(), false).await;
    let inbox = open(&account, "INBOX").await;
    deliver(&mailboxes, &inbox, "Subject: x\r\n\r\n").await;
    settle(&inbox).await;
    assert_eq!(left(&inbox, "nowhere").await, "1");
    assert!(!data.path().join("fts.db").exists());
    mailboxes.close().await;
}

#[tokio::test]
async fn a_message_with_too_much_text_is_never_excluded() {
    let data = tempfile::tempdir().unwrap();
    let (mailboxes, account) = start(data.path(), true).await;
    let inbox = open(&account, "INBOX").await;
    let long = format!("Subject: long\r\n\r\n{}", "0123456789\r\n".repeat(super::MAX_TEXT / 12));
    deliver(&mailboxes, &inbox, &long).await;
    deliver(&mailboxes, &inbox, "Subject: short\r\n\r\nNUL \0 and more\r\n").await;
    settle(&inbox).await;
    assert_eq!(left(&inbox, "nowhere").await, "1");
    assert_eq!(left(&inbox, "and more").await, "1:2");
    mailboxes.close().await;
}
