//! NOTIFY (RFC 5465 §8).
//!
//! The parentheses around events may be left out, as in the examples of RFC 5465 §3.1.

use super::cursor::{Cursor, Fault, Parsed};
use super::{fetch, mailbox};
use crate::imap::command::{CommandBody, EventGroup, Events, FetchItem, MailboxFilter, Notify, SelectedEvents};
use crate::mail::mailbox_name::MailboxName;

/// The most event groups.
const MAX_GROUPS: usize = 50;
/// The most mailboxes named by one of them.
const MAX_MAILBOXES: usize = 500;
/// The most events named by one of them, repeated ones included.
const MAX_EVENTS: usize = 30;

/// NOTIFY.
pub(super) fn notify(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    cursor.space()?;
    if cursor.keyword("NONE") {
        return Ok(CommandBody::Notify(None));
    }
    if !cursor.keyword("SET") {
        return cursor.expected("SET or NONE");
    }
    cursor.space()?;
    let mut notify = Notify::default();
    if cursor.keyword("STATUS") {
        notify.status = true;
        cursor.space()?;
    }
    let mut selected_seen = false;
    let mut count = 0;
    loop {
        let start = cursor.position();
        count += 1;
        if count > MAX_GROUPS {
            return Err(Fault::bad(format!("more than {MAX_GROUPS} event groups"), start));
        }
        cursor.require(b'(', "a parenthesis")?;
        cursor.spaces();
        match filter(cursor)? {
            Filter::Selected { .. } if selected_seen => {
                return Err(Fault::bad("the selected mailbox is named twice", start));
            }
            Filter::Selected { delayed } => {
                selected_seen = true;
                let named = events(cursor)?;
                named.check(start)?;
                let of_messages = Events {
                    messages: named.events.messages,
                    flags: named.events.flags,
                    ..Events::default()
                };
                if named.events != of_messages {
                    return Err(Fault::bad(
                        "only events of messages go with the selected mailbox",
                        start,
                    ));
                }
                notify.unsupported |= named.unsupported;
                notify.selected = named.events.messages.then_some(SelectedEvents {
                    delayed,
                    flags: named.events.flags,
                    items: named.items,
                });
            }
            Filter::Other(mailboxes) => {
                let named = events(cursor)?;
                named.check(start)?;
                if !named.items.is_empty() {
                    return Err(Fault::bad("items go with the selected mailbox only", start));
                }
                notify.unsupported |= named.unsupported;
                let events = named.events;
                notify.groups.push(EventGroup { mailboxes, events });
            }
        }
        if !cursor.more() {
            return Ok(CommandBody::Notify(Some(notify)));
        }
    }
}

/// `filter-mailboxes`.
pub(super) enum Filter {
    Selected { delayed: bool },
    Other(MailboxFilter),
}

/// `filter-mailboxes`.
pub(super) fn filter(cursor: &mut Cursor<'_>) -> Parsed<Filter> {
    let start = cursor.position();
    Ok(match cursor.word("which mailboxes")?.as_str() {
        "SELECTED" => Filter::Selected { delayed: false },
        "SELECTED-DELAYED" => Filter::Selected { delayed: true },
        "INBOXES" => Filter::Other(MailboxFilter::Inboxes),
        "PERSONAL" => Filter::Other(MailboxFilter::Personal),
        "SUBSCRIBED" => Filter::Other(MailboxFilter::Subscribed),
        "SUBTREE" => Filter::Other(MailboxFilter::Subtree(mailboxes(cursor)?)),
        "MAILBOXES" => Filter::Other(MailboxFilter::Mailboxes(mailboxes(cursor)?)),
        _ => return Err(Fault::bad("unknown kind of mailboxes", start)),
    })
}

/// `one-or-more-mailbox`.
pub(super) fn mailboxes(cursor: &mut Cursor<'_>) -> Parsed<Vec<MailboxName>> {
    cursor.space()?;
    let names = match cursor.peek() {
        Some(b'(') => cursor.list(1..=MAX_MAILBOXES, mailbox::name)?,
        _ => vec![mailbox::name(cursor)?],
    };
    Ok(names.iter().filter_map(|name| MailboxName::new(name).ok()).collect())
}

/// What one group names.
#[derive(Default)]
struct Named {
    events: Events,
    message_new: bool,
    message_expunge: bool,
    items: Vec<FetchItem>,
    unsupported: bool,
}

impl Named {
    /// RFC 5465 §5. An event that we do not have is answered by NO whatever else is wrong.
    fn check(&self, start: usize) -> Parsed<()> {
        let both = self.message_new && self.message_expunge;
        let neither = !self.message_new && !self.message_expunge;
        if self.unsupported || both || (neither && !self.events.flags) {
            return Ok(());
        }
        Err(Fault::bad(
            "MessageNew, MessageExpunge and FlagChange need the two first",
            start,
        ))
    }
}

/// `SP events` and the parenthesis that ends the group.
fn events(cursor: &mut Cursor<'_>) -> Parsed<Named> {
    let mut named = Named::default();
    cursor.space()?;
    if !cursor.keyword("NONE") {
        let nested = cursor.skip(b'(');
        for count in 0.. {
            cursor.spaces();
            if count > 0 && cursor.peek() == Some(b')') {
                break;
            }
            if count == MAX_EVENTS {
                return Err(Fault::bad(format!("more than {MAX_EVENTS} events"), cursor.position()));
            }
            event(cursor, &mut named)?;
        }
        if nested {
            cursor.require(b')', "a closing parenthesis")?;
        }
    }
    cursor.spaces();
    cursor.require(b')', "a closing parenthesis")?;
    named.events.messages = named.message_new && named.message_expunge;
    Ok(named)
}

/// `event`.
fn event(cursor: &mut Cursor<'_>, named: &mut Named) -> Parsed<()> {
    match cursor.atom("an event")?.to_ascii_uppercase().as_str() {
        "MESSAGENEW" => {
            named.message_new = true;
            cursor.spaces();
            if cursor.peek() == Some(b'(') {
                named.items = fetch::attributes(cursor)?;
            }
        }
        "MESSAGEEXPUNGE" => named.message_expunge = true,
        "FLAGCHANGE" => named.events.flags = true,
        "MAILBOXNAME" => named.events.names = true,
        "MAILBOXMETADATACHANGE" => named.events.metadata = true,
        "SERVERMETADATACHANGE" => named.events.server_metadata = true,
        "SUBSCRIPTIONCHANGE" => named.events.subscriptions = true,
        _ => named.unsupported = true,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::parse::tests::{bad, body, same};

    const MESSAGES: Events = Events {
        messages: true,
        flags: false,
        names: false,
        subscriptions: false,
        metadata: false,
        server_metadata: false,
    };

    fn name(name: &str) -> MailboxName {
        MailboxName::new(name).unwrap()
    }

    #[test]
    fn the_examples_of_rfc_5465() {
        same(&["NOTIFY NONE", "notify none "], &CommandBody::Notify(None));
        let subscriptions = Events {
            subscriptions: true,
            ..Events::default()
        };
        same(
            &["notify set (mailboxes INBOX (Messagenew messageExpunge)) (personal (SubscriptionChange))"],
            &CommandBody::Notify(Some(Notify {
                groups: vec![
                    EventGroup {
                        mailboxes: MailboxFilter::Mailboxes(vec![name("INBOX")]),
                        events: MESSAGES,
                    },
                    EventGroup {
                        mailboxes: MailboxFilter::Personal,
                        events: subscriptions,
                    },
                ],
                ..Notify::default()
            })),
        );
        same(
            &[
                "notify set (selected (Messagenew (uid flags) messageExpunge)) \
                 (personal (MessageNew FlagChange MessageExpunge))",
                "notify set (selected Messagenew (uid flags) messageExpunge) \
                 ( personal ( MessageNew FlagChange MessageExpunge ) )",
            ],
            &CommandBody::Notify(Some(Notify {
                selected: Some(SelectedEvents {
                    items: vec![FetchItem::Uid, FetchItem::Flags],
                    ..SelectedEvents::default()
                }),
                groups: vec![EventGroup {
                    mailboxes: MailboxFilter::Personal,
                    events: Events {
                        flags: true,
                        ..MESSAGES
                    },
                }],
                ..Notify::default()
            })),
        );
        let CommandBody::Notify(Some(asked)) = body(
            "notify set status (selected MessageNew (uid body.peek[header.fields (from to subject)]) MessageExpunge) \
             (subtree (Lists \"a//b\") (MessageNew MessageExpunge)) (selected-delayed-no-more NONE)"
                .replace(" (selected-delayed-no-more NONE)", " (inboxes NONE)")
                .as_str(),
        ) else {
            panic!("it is NOTIFY SET");
        };
        assert!(asked.status && !asked.unsupported);
        assert_eq!(asked.selected.map(|selected| selected.items.len()), Some(2));
        assert_eq!(asked.groups.len(), 2);
        assert_eq!(asked.groups[0].mailboxes, MailboxFilter::Subtree(vec![name("Lists")]));
        assert_eq!(asked.groups[1].events, Events::default());
    }

    #[test]
    fn the_selected_mailbox() {
        for (arguments, wanted) in [
            ("(selected NONE)", None),
            (
                "(selected-delayed (MessageNew MessageExpunge FlagChange))",
                Some((true, true)),
            ),
            ("(selected (MessageNew MessageExpunge))", Some((false, false))),
        ] {
            let CommandBody::Notify(Some(asked)) = body(&format!("NOTIFY SET {arguments}")) else {
                panic!("it is NOTIFY SET");
            };
            assert_eq!(asked.selected.map(|events| (events.delayed, events.flags)), wanted);
        }
    }

    #[test]
    fn an_event_that_we_do_not_have_is_no_error_of_the_grammar() {
        for events in ["(AnnotationChange)", "(MessageNew x-moon)", "x-moon"] {
            let CommandBody::Notify(Some(asked)) = body(&format!("NOTIFY SET (personal {events})")) else {
                panic!("it is NOTIFY SET");
            };
            assert!(asked.unsupported, "{events}");
        }
    }

    #[test]
    fn what_is_no_notify() {
        const NEED: &str = "NOTIFY: MessageNew, MessageExpunge and FlagChange need the two first, at octet 14";
        bad(&[
            ("NOTIFY", "NOTIFY: expected a space, at octet 9"),
            ("NOTIFY x", "NOTIFY: expected SET or NONE, at octet 10"),
            ("NOTIFY SET", "NOTIFY: expected a space, at octet 13"),
            ("NOTIFY SET STATUS", "NOTIFY: expected a space, at octet 20"),
            ("NOTIFY SET (personal (MessageNew))", NEED),
            ("NOTIFY SET (personal (MessageExpunge))", NEED),
            ("NOTIFY SET (personal (FlagChange))", NEED),
            (
                "NOTIFY SET (personal (MessageNew (uid) MessageExpunge))",
                "NOTIFY: items go with the selected mailbox only, at octet 14",
            ),
            (
                "NOTIFY SET (selected (MailboxName))",
                "NOTIFY: only events of messages go with the selected mailbox, at octet 14",
            ),
            (
                "NOTIFY SET (selected NONE) (selected-delayed NONE)",
                "NOTIFY: the selected mailbox is named twice, at octet 30",
            ),
            ("NOTIFY SET (personal ())", "NOTIFY: expected an event, at octet 25"),
            ("NOTIFY SET (personal)", "NOTIFY: expected a space, at octet 23"),
            (
                "NOTIFY SET (others NONE)",
                "NOTIFY: unknown kind of mailboxes, at octet 15",
            ),
            (
                "NOTIFY SET (mailboxes () NONE)",
                "NOTIFY: expected a mailbox name, at octet 26",
            ),
            (
                "NOTIFY SET (personal NONE",
                "NOTIFY: expected a closing parenthesis, at octet 28",
            ),
        ]);
    }
}
