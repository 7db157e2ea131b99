//! What a watch wants, and what is told of what it missed.

use super::news::News;
use super::*;

fn name(name: &str) -> MailboxName {
    MailboxName::new(name).unwrap()
}

fn info(mailbox: &str, exists: bool, subscribed: bool) -> MailboxInfo {
    MailboxInfo {
        name: name(mailbox),
        special_use: None,
        subscribed,
        exists,
        rights: if exists { Rights::ALL } else { Rights::NONE },
    }
}

fn watching(groups: Vec<(MailboxFilter, Events)>) -> Watch {
    let groups = groups
        .into_iter()
        .map(|(mailboxes, events)| EventGroup { mailboxes, events });
    Watch {
        groups: groups.collect(),
        ..Watch::nothing()
    }
}

const MESSAGES: Events = Events {
    messages: true,
    flags: false,
    names: false,
    subscriptions: false,
    metadata: false,
    server_metadata: false,
};

#[test]
fn all_groups_that_cover_a_mailbox_count() {
    let names = Events {
        names: true,
        ..Events::default()
    };
    let watch = watching(vec![
        (MailboxFilter::Subtree(vec![name("Lists")]), MESSAGES),
        (MailboxFilter::Subscribed, names),
        (MailboxFilter::Inboxes, MESSAGES),
        (MailboxFilter::Mailboxes(vec![name("a*")]), MESSAGES),
    ]);
    for (mailbox, subscribed, messages, names) in [
        ("Lists", false, true, false),
        ("Lists/rust", true, true, true),
        ("Listserv", true, false, true),
        ("INBOX", false, true, false),
        ("INBOX/below", false, false, false),
        ("a*", false, true, false),
        ("ab", false, false, false),
    ] {
        let wanted = watch.wanted(&name(mailbox), subscribed);
        assert_eq!((wanted.messages, wanted.names), (messages, names), "{mailbox}");
    }
}

#[test]
fn who_missed_events_learns_the_same_by_looking() {
    let events = Events {
        names: true,
        subscriptions: true,
        ..MESSAGES
    };
    let mut watch = watching(vec![(MailboxFilter::Personal, events)]);
    watch.names = names(&[
        info("gone", true, false),
        info("kept", true, false),
        info("left", true, true),
    ]);
    let now = [
        info("kept", true, false),
        info("left", true, false),
        info("new", true, true),
    ];
    let mut news = News::default();
    watch.look_everywhere(&mut news, None, &now);
    let told: Vec<&str> = news.names.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(told, ["gone", "left", "new"]);
    assert_eq!(news.statuses.len(), 3);
}

#[test]
fn a_mailbox_of_others_is_told_of_once_whatever_shows_first_that_it_is_there() {
    let events = Events {
        names: true,
        ..MESSAGES
    };
    let subtree = MailboxFilter::Subtree(vec![name("Other Users"), name("own")]);
    let mut watch = watching(vec![(subtree, events)]);
    let shared = "Other Users/alice@example.org/Archive";
    assert!(!watch.knows(&name(shared)));
    let now = [info("own", true, false), info(shared, true, false)];
    let mut news = News::default();
    watch.look_at_others(&mut news, &now);
    watch.look_at_others(&mut news, &now);
    assert_eq!(news.names, [(name(shared), None)]);
    assert!(news.statuses.is_empty());
    assert!(watch.knows(&name(shared)));
    // Of the own ones their own events tell.
    assert!(!watch.knows(&name("own")));
    let mut news = News::default();
    watch.look_at_others(&mut news, &now[..1]);
    assert_eq!(news.names, [(name(shared), None)]);
    assert!(!watch.knows(&name(shared)));
}
