//! Mailboxes on a real disk with a real index: what is told, what is on disk, and what a restart or a rebuild makes of it.

use super::*;
use crate::config::Storage;
use crate::mail::address::Address;
use crate::mail::date::Timestamp;
use crate::mail::flags::{FlagList, Flags};
use crate::mail::ids::{SessionId, Uid};
use crate::mail::mailbox_name::{MailboxName, SpecialUse};
use crate::mail::rights::Rights;
use crate::mail::uidset::UidSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SESSION: SessionId = SessionId(7);

struct Setting {
    data: tempfile::TempDir,
    mailboxes: Mailboxes,
    account: AccountMailboxes,
}

impl Setting {
    async fn new() -> Setting {
        Setting::on(tempfile::tempdir().unwrap()).await
    }

    async fn on(data: tempfile::TempDir) -> Setting {
        let mailboxes = Mailboxes::open(data.path(), &Storage::default()).await.unwrap();
        let account = mailboxes
            .account(&Address::parse("alice@example.org").unwrap())
            .await
            .unwrap();
        Setting {
            data,
            mailboxes,
            account,
        }
    }

    /// Stops and starts, with something done in between.
    async fn restart(self, between: impl FnOnce(&Path)) -> Setting {
        self.mailboxes.close().await;
        let Setting { data, .. } = self;
        between(data.path());
        Setting::on(data).await
    }

    /// Starts on what is on disk, without having stopped: nothing was settled.
    async fn crash(self) -> Setting {
        let Setting { data, .. } = self;
        Setting::on(data).await
    }

    async fn open(&self, name: &str) -> Arc<Mailbox> {
        self.account.open(&MailboxName::new(name).unwrap()).await.unwrap()
    }

    async fn message(&self, text: &str, flags: &[&str]) -> NewMessage {
        let mut incoming = self.mailboxes.spool().begin();
        incoming.write(text.as_bytes()).await.unwrap();
        let mut list = FlagList::default();
        flags.iter().for_each(|flag| assert!(list.insert(flag)));
        NewMessage {
            spooled: incoming.finish().await.unwrap(),
            flags: list,
            internal_date: None,
        }
    }

    async fn deliver(&self, mailbox: &Arc<Mailbox>, text: &str) -> Uid {
        let message = self.message(text, &[]).await;
        mailbox.append(SessionId::NONE, vec![message]).await.unwrap().uids[0]
    }

    fn root(&self) -> PathBuf {
        self.data.path().join("mail/example.org/alice")
    }

    fn files(&self, folder: &str) -> Vec<String> {
        let mut names = Vec::new();
        for place in ["new", "cur"] {
            for entry in std::fs::read_dir(self.root().join(folder).join(place)).unwrap() {
                names.push(format!("{place}/{}", entry.unwrap().file_name().into_string().unwrap()));
            }
        }
        names.sort();
        names
    }
}

fn uid(value: u32) -> Uid {
    Uid::new(value).unwrap()
}

fn set(values: &[u32]) -> UidSet {
    values.iter().map(|value| uid(*value)).collect()
}

fn flags(names: &[&str]) -> FlagList {
    let mut list = FlagList::default();
    names.iter().for_each(|name| assert!(list.insert(name)));
    list
}

fn all(mailbox: &Mailbox) -> Vec<MessageState> {
    mailbox.states(&UidSet::range(Uid::MIN, Uid::MAX))
}

async fn text(mailbox: &Arc<Mailbox>, uid: Uid) -> String {
    let file = mailbox.open_message(uid).await.unwrap().unwrap();
    String::from_utf8(file.read(0, 1 << 20).await.unwrap()).unwrap()
}

/// Waits until the view has something that `wanted` finds right, and returns all it was told on the way.
async fn until(view: &mut View, wanted: impl Fn(&View) -> bool) -> Vec<Updates> {
    let mut told = Vec::new();
    tokio::time::timeout(std::time::Duration::from_secs(20), async {
        while !wanted(view) {
            view.changed().await;
            told.push(view.poll(true));
        }
    })
    .await
    .expect("the view is told in time");
    told
}

#[tokio::test]
async fn an_account_begins_with_the_usual_folders() {
    let setting = Setting::new().await;
    let list = setting.account.list();
    assert_eq!(list[0].name, MailboxName::inbox());
    let special: Vec<_> = list
        .iter()
        .filter_map(|info| Some((info.name.as_str(), info.special_use?)))
        .collect();
    assert_eq!(
        special,
        [
            ("Archive", SpecialUse::Archive),
            ("Drafts", SpecialUse::Drafts),
            ("Junk", SpecialUse::Junk),
            ("Sent", SpecialUse::Sent),
            ("Trash", SpecialUse::Trash),
        ]
    );
    assert!(list.iter().all(|info| info.exists && info.subscribed));
    // A folder that its owner deleted does not come back.
    setting
        .account
        .delete(&MailboxName::new("Junk").unwrap())
        .await
        .unwrap();
    let setting = setting.restart(|_| {}).await;
    assert_eq!(setting.account.list().iter().filter(|info| info.exists).count(), 5);
}

#[tokio::test]
async fn folders_of_other_programs_get_their_use_by_their_name() {
    let data = tempfile::tempdir().unwrap();
    let root = data.path().join("mail/example.org/alice");
    for folder in ["", ".Sent Messages", ".Lists", ".Trash"] {
        for place in ["cur", "new", "tmp"] {
            std::fs::create_dir_all(root.join(folder).join(place)).unwrap();
        }
    }
    let setting = Setting::on(data).await;
    let special: Vec<_> = setting
        .account
        .list()
        .into_iter()
        .filter(|info| info.special_use == Some(SpecialUse::Sent))
        .collect();
    assert_eq!(special.len(), 1);
    assert_eq!(special[0].name.as_str(), "Sent Messages");
    assert!(
        setting
            .account
            .list()
            .iter()
            .any(|info| info.name.as_str() == "Lists" && info.special_use.is_none())
    );
}

#[tokio::test]
async fn a_delivery_is_told_lies_in_new_and_survives() {
    let setting = Setting::new().await;
    let inbox = setting.open("INBOX").await;
    let mut view = inbox.view(SESSION, false);
    assert_eq!(setting.deliver(&inbox, "Subject: one\r\n\r\nbody\r\n").await, uid(1));
    view.changed().await;
    let updates = view.poll(true);
    assert_eq!((updates.exists, updates.recent), (Some(1), Some(1)));
    assert!(setting.files("")[0].starts_with("new/") && setting.files("")[0].ends_with(",U=1"));
    assert_eq!(text(&inbox, uid(1)).await, "Subject: one\r\n\r\nbody\r\n");
    let before = (inbox.status(), all(&inbox));
    drop((view, inbox));
    let setting = setting.restart(|_| {}).await;
    let inbox = setting.open("INBOX").await;
    assert_eq!(inbox.status().recent, 0, "shown as recent once");
    assert_eq!(
        (inbox.status().uid_validity, all(&inbox)),
        (before.0.uid_validity, before.1)
    );
    assert_eq!(std::fs::read_dir(setting.data.path().join("spool")).unwrap().count(), 0);
}

#[tokio::test]
async fn the_index_can_be_lost() {
    let setting = Setting::new().await;
    let inbox = setting.open("INBOX").await;
    for number in 0..3 {
        setting.deliver(&inbox, &format!("Subject: {number}\r\n\r\n")).await;
    }
    let mut dated = setting.message("Subject: dated\r\n\r\n", &["\\Draft", "$Label1"]).await;
    dated.internal_date = Some(Timestamp {
        seconds: 837_596_665,
        offset_minutes: -420,
    });
    inbox.append(SESSION, vec![dated]).await.unwrap();
    inbox
        .store(SESSION, &set(&[2]), FlagAction::Add, flags(&["\\Seen", "$Junk"]), None)
        .await
        .unwrap();
    inbox
        .store(SESSION, &set(&[3]), FlagAction::Add, flags(&["\\Deleted"]), None)
        .await
        .unwrap();
    assert_eq!(inbox.expunge(SESSION, &set(&[1, 2, 3])).await.unwrap(), set(&[3]));
    let (status, messages, keywords) = (inbox.status(), all(&inbox), inbox.keywords());
    drop(inbox);
    for way in ["lost", "damaged"] {
        let _ = way;
    }
    let setting = setting
        .restart(|data| {
            for file in ["index.db", "index.db-wal", "index.db-shm"] {
                let _ = std::fs::remove_file(data.join(file));
            }
        })
        .await;
    let inbox = setting.open("INBOX").await;
    let without = |messages: &[MessageState]| {
        let timeless = |state: &MessageState| (state.uid, state.flags, state.keywords, state.size, state.internal_date);
        messages.iter().map(timeless).collect::<Vec<_>>()
    };
    assert_eq!(without(&all(&inbox)), without(&messages));
    assert_eq!(inbox.keywords(), keywords);
    assert_eq!(inbox.status().uid_validity, status.uid_validity);
    assert_eq!(inbox.status().uid_next, status.uid_next);
    assert!(inbox.status().highest_mod_seq > status.highest_mod_seq);
    // The last UID was expunged: it is not given again.
    assert_eq!(setting.deliver(&inbox, "Subject: next\r\n\r\n").await, uid(5));
    drop(inbox);
    let setting = setting
        .restart(|data| std::fs::write(data.join("index.db"), "no database").unwrap())
        .await;
    let inbox = setting.open("INBOX").await;
    assert_eq!(without(&all(&inbox))[..3], without(&messages));
}

#[tokio::test]
async fn an_older_index_is_noticed() {
    let setting = Setting::new().await;
    let inbox = setting.open("INBOX").await;
    setting.deliver(&inbox, "Subject: 1\r\n\r\n").await;
    drop(inbox);
    let mut copy = Vec::new();
    let setting = setting
        .restart(|data| copy = std::fs::read(data.join("index.db")).unwrap())
        .await;
    let inbox = setting.open("INBOX").await;
    for number in 2..5 {
        setting.deliver(&inbox, &format!("Subject: {number}\r\n\r\n")).await;
    }
    drop(inbox);
    let setting = setting
        .restart(|data| {
            let _ = std::fs::remove_file(data.join("index.db-wal"));
            std::fs::write(data.join("index.db"), &copy).unwrap();
        })
        .await;
    let inbox = setting.open("INBOX").await;
    let uids: Vec<u32> = all(&inbox).iter().map(|state| state.uid.get()).collect();
    assert_eq!(uids, [1, 2, 3, 4]);
}

#[tokio::test]
async fn flags_are_file_names_and_conditions_hold() {
    let setting = Setting::new().await;
    let inbox = setting.open("INBOX").await;
    setting.deliver(&inbox, "Subject: 1\r\n\r\n").await;
    setting.deliver(&inbox, "Subject: 2\r\n\r\n").await;
    let seen = inbox
        .store(
            SESSION,
            &set(&[1, 2, 9]),
            FlagAction::Replace,
            flags(&["\\Seen", "Todo"]),
            None,
        )
        .await
        .unwrap();
    assert_eq!((seen.changed.clone(), seen.messages.len()), (set(&[1, 2]), 2));
    assert!(
        setting
            .files("")
            .iter()
            .all(|file| file.starts_with("cur/") && file.ends_with(":2,Sa"))
    );
    let since = seen.messages[0].mod_seq;
    let flagged = inbox
        .store(SESSION, &set(&[1]), FlagAction::Add, flags(&["\\Flagged"]), Some(since))
        .await
        .unwrap();
    assert_eq!(flagged.changed, set(&[1]));
    let late = inbox
        .store(
            SESSION,
            &set(&[1, 2]),
            FlagAction::Remove,
            flags(&["\\Seen"]),
            Some(since),
        )
        .await
        .unwrap();
    assert_eq!((late.changed, late.modified), (set(&[2]), set(&[1])));
    let same = inbox
        .store(SESSION, &set(&[1]), FlagAction::Add, flags(&["\\Flagged"]), None)
        .await
        .unwrap();
    assert!(same.changed.is_empty() && same.messages.len() == 1);
    for number in 0..25 {
        inbox
            .store(
                SESSION,
                &set(&[1]),
                FlagAction::Add,
                flags(&[&format!("k{number}")]),
                None,
            )
            .await
            .unwrap();
    }
    let full = inbox
        .store(SESSION, &set(&[1]), FlagAction::Add, flags(&["onemore"]), None)
        .await;
    assert!(matches!(full, Err(Error::TooManyKeywords)));
    inbox
        .store(SESSION, &set(&[1, 2]), FlagAction::Replace, flags(&[]), None)
        .await
        .unwrap();
    inbox
        .store(SESSION, &set(&[1]), FlagAction::Add, flags(&["onemore"]), None)
        .await
        .unwrap();
}

#[tokio::test]
async fn copies_are_links_and_moves_leave_nothing() {
    let setting = Setting::new().await;
    let (inbox, trash) = (setting.open("INBOX").await, setting.open("Trash").await);
    for number in 1..4 {
        setting.deliver(&inbox, &format!("Subject: {number}\r\n\r\n")).await;
    }
    inbox
        .store(
            SESSION,
            &set(&[2]),
            FlagAction::Add,
            flags(&["\\Flagged", "Todo"]),
            None,
        )
        .await
        .unwrap();
    let mut watching = trash.view(SessionId(8), false);
    let copied = inbox
        .copy_to(SESSION, &set(&[1, 2, 77]), &trash, Rights::ALL)
        .await
        .unwrap();
    assert_eq!((copied.source, copied.target), (set(&[1, 2]), set(&[1, 2])));
    assert_eq!(watching.poll(true).exists, Some(2));
    let file = setting.root().join(".Trash").join(&setting.files(".Trash")[0]);
    assert_eq!(std::fs::metadata(file).unwrap().nlink(), 2);
    let state = all(&trash)[1];
    assert_eq!(state.flags, Flags::FLAGGED);
    assert_eq!(trash.keywords().names(state.keywords).collect::<Vec<_>>(), ["Todo"]);
    assert_eq!(state.internal_date, all(&inbox)[1].internal_date);

    let mut view = inbox.view(SESSION, false);
    let moved = inbox
        .move_to(SESSION, &set(&[1, 3]), &trash, Rights::ALL)
        .await
        .unwrap();
    assert_eq!((moved.source, moved.target), (set(&[1, 3]), set(&[3, 4])));
    assert_eq!(view.poll(true).expunged, [(2, uid(3)), (0, uid(1))]);
    assert_eq!((setting.files("").len(), setting.files(".Trash").len()), (1, 4));
    assert!(
        inbox
            .move_to(SESSION, &set(&[1, 3]), &trash, Rights::ALL)
            .await
            .unwrap()
            .source
            .is_empty()
    );
    // Within one mailbox: new UIDs, nothing else.
    let within = inbox.move_to(SESSION, &set(&[2]), &inbox, Rights::ALL).await.unwrap();
    assert_eq!((within.source, within.target), (set(&[2]), set(&[4])));
    assert_eq!(view.poll(true).exists, Some(1));
    drop((view, watching, inbox, trash));
    let setting = setting.restart(|_| {}).await;
    let (inbox, trash) = (setting.open("INBOX").await, setting.open("Trash").await);
    assert_eq!(all(&inbox).iter().map(|state| state.uid.get()).collect::<Vec<_>>(), [4]);
    assert_eq!(all(&trash).len(), 4);
    assert_eq!(text(&trash, uid(4)).await, "Subject: 3\r\n\r\n");
}

#[tokio::test]
async fn what_a_crash_cut_off_is_removed() {
    let setting = Setting::new().await;
    let inbox = setting.open("INBOX").await;
    setting.deliver(&inbox, "Subject: 1\r\n\r\n").await;
    // A move that got as far as its link, and an expunge that did not get to its file.
    let link = "1700000000.M1P1Q1.host,S=14,U=2";
    let mut commit = {
        let writing = inbox.writing.lock().await;
        inbox.commit(&inbox.state(), &writing, 0)
    };
    commit.doom = vec![link.to_owned()];
    inbox.shared.index.commit(vec![commit]).await.unwrap();
    let there = setting.files("").remove(0);
    drop(inbox);
    let root = setting.root();
    let setting = setting
        .restart(|_| std::fs::hard_link(root.join(there), root.join(format!("cur/{link}:2,S"))).unwrap())
        .await;
    let inbox = setting.open("INBOX").await;
    assert_eq!(all(&inbox).len(), 1);
    assert_eq!(setting.files("").len(), 1);
}

#[tokio::test]
async fn a_crash_before_the_commit_makes_no_index_old() {
    let setting = Setting::new().await;
    let (inbox, trash) = (setting.open("INBOX").await, setting.open("Trash").await);
    setting.deliver(&inbox, "Subject: 1\r\n\r\n").await;
    // A move of many into a new mailbox: room was made for their UIDs, their names were doomed, the first was linked.
    let link = "1700000000.M1P1Q1.host,S=14,U=1";
    {
        let mut writing = trash.writing.lock().await;
        let (mut announce, mod_seq) = {
            let state = trash.state();
            (trash.commit(&state, &writing, 0), state.mod_seq.next())
        };
        let keywords = writing.control.keywords.clone();
        trash.reach(&mut writing, 300, mod_seq, &keywords).await.unwrap();
        announce.doom = vec![link.to_owned()];
        trash.shared.index.commit(vec![announce]).await.unwrap();
    }
    let there = setting.root().join(setting.files("").remove(0));
    std::fs::hard_link(there, setting.root().join(format!(".Trash/cur/{link}:2,"))).unwrap();
    drop((inbox, trash));
    let setting = setting.crash().await;
    let (inbox, trash) = (setting.open("INBOX").await, setting.open("Trash").await);
    assert_eq!((all(&inbox).len(), all(&trash).len()), (1, 0));
    assert!(setting.files(".Trash").is_empty());
}

#[tokio::test]
async fn other_programs_are_followed() {
    let setting = Setting::new().await;
    let inbox = setting.open("INBOX").await;
    setting.deliver(&inbox, "Subject: 1\r\n\r\n").await;
    let mut view = inbox.view(SESSION, false);
    let root = setting.root();
    // An MDA writes with the line ends of Unix, in tmp/ first.
    std::fs::write(root.join("tmp/1700000001.x.other"), "Subject: 2\n\nbody\n").unwrap();
    std::fs::rename(root.join("tmp/1700000001.x.other"), root.join("new/1700000001.x.other")).unwrap();
    until(&mut view, |view| view.uids().len() == 2).await;
    assert_eq!(text(&inbox, uid(2)).await, "Subject: 2\r\n\r\nbody\r\n");
    // A reader sets a flag.
    let name = setting
        .files("")
        .into_iter()
        .find(|file| file.ends_with("U=2"))
        .unwrap();
    let base = name.strip_prefix("new/").unwrap();
    std::fs::rename(root.join(&name), root.join(format!("cur/{base}:2,S"))).unwrap();
    let told = until(&mut view, |_| all(&inbox)[1].flags == Flags::SEEN).await;
    assert!(told.iter().any(|updates| {
        updates
            .flags
            .iter()
            .any(|update| update.state.uid == uid(2) && !update.own)
    }));
    assert_eq!(text(&inbox, uid(2)).await, "Subject: 2\r\n\r\nbody\r\n");
    // And removes a message.
    let first = setting
        .files("")
        .into_iter()
        .find(|file| file.ends_with("U=1"))
        .unwrap();
    std::fs::remove_file(root.join(first)).unwrap();
    let told = until(&mut view, |view| view.uids().len() == 1).await;
    assert_eq!(told.last().unwrap().expunged, [(0, uid(1))]);
    // A file with no rights to a UID gets a new one, and one made in place is taken in when it is closed.
    std::fs::write(root.join("cur/1700000002.y.other,U=1:2,F"), "Subject: 3\n\n").unwrap();
    until(&mut view, |view| view.uids().contains(uid(3))).await;
    assert_eq!(all(&inbox)[1].flags, Flags::FLAGGED);
    let validity = inbox.uid_validity();
    drop((view, inbox));
    let setting = setting.restart(|_| {}).await;
    let inbox = setting.open("INBOX").await;
    assert_eq!((inbox.uid_validity(), all(&inbox).len()), (validity, 2));
}

#[tokio::test]
async fn a_message_is_found_under_another_name() {
    let setting = Setting::new().await;
    let inbox = setting.open("INBOX").await;
    setting.deliver(&inbox, "Subject: 1\r\n\r\n").await;
    let name = setting.files("").remove(0);
    let base = name.strip_prefix("new/").unwrap();
    std::fs::rename(
        setting.root().join(&name),
        setting.root().join(format!("cur/{base}:2,RS")),
    )
    .unwrap();
    assert_eq!(text(&inbox, uid(1)).await, "Subject: 1\r\n\r\n");
    // A flag set at this moment finds it too.
    let stored = inbox
        .store(SESSION, &set(&[1]), FlagAction::Add, flags(&["\\Flagged"]), None)
        .await
        .unwrap();
    assert_eq!(stored.messages.len(), 1);
}

#[tokio::test]
async fn mailboxes_are_renamed_and_deleted_under_their_sessions() {
    let setting = Setting::new().await;
    let name = |text: &str| MailboxName::new(text).unwrap();
    setting.account.create(&name("a/b/c"), None).await.unwrap();
    let deep = setting.open("a/b/c").await;
    setting.deliver(&deep, "Subject: 1\r\n\r\n").await;
    setting.account.rename(SESSION, &name("a"), &name("x/y")).await.unwrap();
    assert_eq!(deep.name(), name("x/y/b/c"));
    assert_eq!(text(&deep, uid(1)).await, "Subject: 1\r\n\r\n");
    assert_eq!(setting.deliver(&deep, "Subject: 2\r\n\r\n").await, uid(2));
    assert!(Arc::ptr_eq(&deep, &setting.open("x/y/b/c").await));
    assert!(matches!(
        setting.account.open(&name("a/b/c")).await,
        Err(Error::NotFound)
    ));
    let again = setting.account.rename(SESSION, &name("x/y"), &name("x/y/b/z")).await;
    assert!(matches!(again, Err(Error::NotPossible(_))));

    let mut view = deep.view(SESSION, false);
    setting.account.delete(&name("x/y/b/c")).await.unwrap();
    view.changed().await;
    assert_eq!(view.poll(true).expunged.len(), 2);
    assert!(view.is_deleted());
    let late = setting.message("Subject: late\r\n\r\n", &[]).await;
    assert!(matches!(deep.append(SESSION, vec![late]).await, Err(Error::NotFound)));
    assert!(!setting.root().join(".x.y.b.c").exists());
    // The same name is another mailbox.
    let validity = deep.uid_validity();
    setting.account.create(&name("x/y/b/c"), None).await.unwrap();
    assert!(setting.open("x/y/b/c").await.uid_validity() > validity);

    let inbox = setting.open("INBOX").await;
    setting.deliver(&inbox, "Subject: 3\r\n\r\n").await;
    setting
        .account
        .rename(SESSION, &MailboxName::inbox(), &name("Old"))
        .await
        .unwrap();
    assert_eq!(
        (inbox.status().messages, setting.open("Old").await.status().messages),
        (0, 1)
    );
}

#[tokio::test]
async fn an_account_tells_what_happens_in_it_and_how_much_it_holds() {
    let setting = Setting::new().await;
    let mut events = setting.account.events();
    let name = |text: &str| MailboxName::new(text).unwrap();
    setting.account.create(&name("a"), None).await.unwrap();
    let mailbox = setting.open("a").await;
    setting.deliver(&mailbox, "Subject: 1\r\n\r\n").await;
    setting.deliver(&mailbox, "Subject: 2\r\n\r\n").await;
    mailbox
        .store(SESSION, &set(&[1]), FlagAction::Add, flags(&["\\Deleted"]), None)
        .await
        .unwrap();
    mailbox.expunge(SESSION, &set(&[1])).await.unwrap();
    let usage = Usage {
        messages: 1,
        octets: 14,
        mailboxes: 7,
    };
    assert_eq!(setting.account.usage(), usage);
    setting.account.subscribe(&name("a")).await.unwrap();
    setting.account.rename(SESSION, &name("a"), &name("b")).await.unwrap();
    setting.account.delete(&name("b")).await.unwrap();
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        told.push(match event {
            AccountEvent::Messages { what, mailbox, .. } => {
                assert!(mailbox.upgrade().is_some());
                format!("{what:?}")
            }
            AccountEvent::Created { name, .. } => format!("created {name}"),
            AccountEvent::Deleted { name, .. } => format!("deleted {name}"),
            AccountEvent::Renamed { from, to, .. } => format!("{from} is {to}"),
            AccountEvent::Subscribed { name, now: on, .. } => format!("subscribed {name} {on}"),
            AccountEvent::Rights { name, .. } => format!("rights of {name}"),
            AccountEvent::Annotated { entries, .. } => format!("annotated {entries:?}"),
        });
    }
    let wanted = [
        "created a",
        "Arrived",
        "Arrived",
        "Flags",
        "Expunged",
        "subscribed a true",
        "a is b",
        "Expunged",
        "deleted b",
    ];
    assert_eq!(told, wanted);
    assert_eq!(setting.account.usage().messages, 0);
    let inbox = setting.open("INBOX").await;
    setting.deliver(&inbox, "Subject: 3\r\n\r\n").await;
    drop((inbox, mailbox));
    let setting = setting.restart(|_| {}).await;
    assert_eq!(setting.account.usage().messages, 1, "counted again after a restart");
}

#[tokio::test]
async fn many_deliveries_at_once_are_all_there_and_all_told() {
    let setting = Arc::new(Setting::new().await);
    let inbox = setting.open("INBOX").await;
    let mut view = inbox.view(SESSION, false);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..200 {
        let (setting, inbox) = (Arc::clone(&setting), Arc::clone(&inbox));
        tasks.spawn(async move { setting.deliver(&inbox, &format!("Subject: {number}\r\n\r\n")).await });
    }
    let mut uids: Vec<Uid> = tasks.join_all().await;
    uids.sort();
    assert_eq!(uids, (1..=200).map(uid).collect::<Vec<_>>());
    until(&mut view, |view| view.uids().len() == 200).await;
    assert_eq!(inbox.status().highest_mod_seq.get(), 201, "one change for each");
}

#[tokio::test]
async fn a_message_takes_the_place_of_another() {
    let setting = Setting::new().await;
    let (drafts, sent) = (setting.open("Drafts").await, setting.open("Sent").await);
    setting.deliver(&drafts, "Subject: 1\r\n\r\n").await;
    let second = setting.message("Subject: 2\r\n\r\n", &["\\Draft"]).await;
    let done = drafts.replace(SESSION, uid(1), second, &drafts).await.unwrap();
    assert_eq!(done.uids, [uid(2)]);
    assert_eq!((all(&drafts).len(), setting.files(".Drafts").len()), (1, 1));
    let third = setting.message("Subject: 3\r\n\r\n", &[]).await;
    assert!(matches!(
        drafts.replace(SESSION, uid(1), third, &sent).await,
        Err(Error::NotFound)
    ));
    assert!(setting.files(".Sent").is_empty());
    let third = setting.message("Subject: 3\r\n\r\n", &[]).await;
    drafts.replace(SESSION, uid(2), third, &sent).await.unwrap();
    assert_eq!(
        (all(&drafts).len(), text(&sent, uid(1)).await.as_str()),
        (0, "Subject: 3\r\n\r\n")
    );
    assert!(setting.files(".Drafts").is_empty());
}

#[tokio::test]
async fn what_has_vanished_is_remembered_as_far_back_as_it_can_be() {
    let setting = Setting::new().await;
    let inbox = setting.open("INBOX").await;
    for number in 0..4 {
        setting.deliver(&inbox, &format!("Subject: {number}\r\n\r\n")).await;
    }
    let before = inbox.status().highest_mod_seq.get();
    inbox
        .store(SESSION, &set(&[2, 3]), FlagAction::Add, flags(&["\\Deleted"]), None)
        .await
        .unwrap();
    inbox.expunge(SESSION, &set(&[2])).await.unwrap();
    let between = inbox.status().highest_mod_seq.get();
    inbox.expunge(SESSION, &set(&[3])).await.unwrap();
    assert_eq!(inbox.vanished_since(before).await.unwrap(), Some(set(&[2, 3])));
    assert_eq!(inbox.vanished_since(between).await.unwrap(), Some(set(&[3])));
    let object_id = inbox.object_id();
    drop(inbox);
    let setting = setting
        .restart(|data| std::fs::remove_file(data.join("index.db")).unwrap())
        .await;
    let inbox = setting.open("INBOX").await;
    assert_eq!(inbox.vanished_since(between).await.unwrap(), None);
    let now = inbox.status().highest_mod_seq.get();
    assert_eq!(inbox.vanished_since(now).await.unwrap(), Some(set(&[])));
    assert_eq!(inbox.object_id(), object_id);
}
