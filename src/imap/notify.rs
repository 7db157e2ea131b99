//! What a client is told all the time because it asked for it by NOTIFY (RFC 5465): between commands, and in IDLE (§4).
//!
//! An event only says where to look: what is told is the state at that moment. A session that lagged behind the events
//! looks at everything it watches, and tells what it would have told before: NOTIFICATIONOVERFLOW (§5.8) is never needed.

use super::answer::Failure;
use super::command::{EventGroup, Events, FetchItem, MailboxFilter, Notify, StatusItem};
use super::commands::{list, metadata, status};
use super::hierarchy::{Hierarchy, NO_ACCESS};
use super::namespaces::{Access, Namespaces};
use super::session::{Enabled, Login, Selected, Session, State};
use super::updates;
use crate::mail::address::Address;
use crate::mail::mailbox_name::MailboxName;
use crate::mail::rights::{Rights, Who};
use crate::mailbox::{AccountEvent, AccountMailboxes, Error, MailboxInfo, MessageEvent, seen_as};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What a session watches.
pub(crate) struct Watch {
    /// Of the selected mailbox; `None` is nothing.
    selected: Option<Immediate>,
    groups: Vec<EventGroup>,
    /// What happens in the account; `None` when nothing of it is watched.
    events: Option<Receiver<AccountEvent>>,
    /// What happens in accounts that share something, likewise.
    shared_events: Option<Receiver<(Address, AccountEvent)>>,
    /// What was heard and not yet looked at, each with the account when it is another one.
    heard: Vec<(Option<Address>, AccountEvent)>,
    /// Whether events were missed.
    lost: bool,
    /// The names as they were when the client was last told of them, to find out what was missed.
    names: Names,
}

/// What is told of the selected mailbox.
struct Immediate {
    delayed: bool,
    flags: bool,
    items: Arc<[FetchItem]>,
}

/// Whether each name exists, and whether it is subscribed.
type Names = BTreeMap<MailboxName, (bool, bool)>;

impl Watch {
    /// NOTIFY NONE: nothing is told.
    pub(crate) fn nothing() -> Watch {
        Watch {
            selected: None,
            groups: Vec::new(),
            events: None,
            shared_events: None,
            heard: Vec::new(),
            lost: false,
            names: Names::new(),
        }
    }

    /// NOTIFY SET: from now on.
    pub(crate) async fn new(asked: Notify, mailboxes: &Namespaces) -> Watch {
        let listens = !asked.groups.is_empty();
        let events = listens.then(|| mailboxes.own().events());
        let shared_events = mailboxes.shared_events().filter(|_| listens);
        Watch {
            selected: asked.selected.map(|selected| Immediate {
                delayed: selected.delayed,
                flags: selected.flags,
                items: selected.items.into(),
            }),
            groups: asked.groups,
            events,
            shared_events,
            names: names(&mailboxes.list().await),
            ..Watch::nothing()
        }
    }

    /// ENABLE METADATA: annotations of the server, and with `of_mailboxes` of all mailboxes, too (RFC 5464 §4.1).
    pub(crate) fn annotations(mailboxes: &AccountMailboxes, of_mailboxes: bool) -> Watch {
        let events = Events {
            metadata: of_mailboxes,
            server_metadata: true,
            ..Events::default()
        };
        let group = EventGroup {
            mailboxes: MailboxFilter::Personal,
            events,
        };
        Watch {
            groups: vec![group],
            events: Some(mailboxes.events()),
            ..Watch::nothing()
        }
    }

    /// Whether nothing of the selected mailbox is told but what commands answer.
    pub(crate) fn is_deaf(&self) -> bool {
        self.selected.is_none()
    }

    /// Whether EXPUNGE is told between commands.
    fn expunges(&self) -> bool {
        self.selected.as_ref().is_some_and(|selected| !selected.delayed)
    }

    /// Whether flags that others change are told.
    pub(crate) fn flags(&self) -> bool {
        self.selected.as_ref().is_some_and(|selected| selected.flags)
    }

    /// What new messages are told with, if anything.
    pub(crate) fn items(&self) -> Option<Arc<[FetchItem]>> {
        let items = &self.selected.as_ref()?.items;
        (!items.is_empty()).then(|| Arc::clone(items))
    }

    /// All that is wanted of a mailbox that is not selected.
    fn wanted(&self, name: &MailboxName, subscribed: bool) -> Events {
        let groups = self
            .groups
            .iter()
            .filter(|group| group.mailboxes.covers(name, subscribed));
        groups.fold(Events::default(), |all, group| all.and(group.events))
    }

    /// Whether annotations of a mailbox or of the server are watched.
    fn wants_metadata(&self, mailbox: Option<&MailboxName>, subscribed: impl Fn(&MailboxName) -> bool) -> bool {
        match mailbox {
            Some(name) => self.wanted(name, subscribed(name)).metadata,
            None => self.groups.iter().any(|group| group.events.server_metadata),
        }
    }

    /// Waits until there may be something to tell. Cancellation-safe.
    async fn changed(&mut self) {
        tokio::select! {
            heard = heard(&mut self.events) => match heard {
                Ok(event) => self.heard.push((None, event)),
                Err(RecvError::Lagged(_)) => self.lost = true,
                Err(RecvError::Closed) => self.events = None,
            },
            heard = heard(&mut self.shared_events) => match heard {
                Ok((owner, event)) => self.heard.push((Some(owner), event)),
                Err(RecvError::Lagged(_)) => self.lost = true,
                Err(RecvError::Closed) => self.shared_events = None,
            },
        }
    }

    /// Takes in all that has happened.
    fn listen(&mut self) {
        while let Some(events) = &mut self.events {
            match events.try_recv() {
                Ok(event) => self.heard.push((None, event)),
                Err(TryRecvError::Lagged(_)) => self.lost = true,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Closed) => self.events = None,
            }
        }
        while let Some(events) = &mut self.shared_events {
            match events.try_recv() {
                Ok((owner, event)) => self.heard.push((Some(owner), event)),
                Err(TryRecvError::Lagged(_)) => self.lost = true,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Closed) => self.shared_events = None,
            }
        }
    }

    /// Leaves out what has happened in accounts of which the client sees nothing and has seen nothing.
    fn forget_strangers(&mut self, mailboxes: &Namespaces) {
        let (heard, names) = (&mut self.heard, &self.names);
        let is_known = |owner: &Address| {
            let owner = owner.to_string();
            let mut owners = names.keys().filter_map(MailboxName::in_other_users);
            owners.any(|(known, _)| known == owner)
        };
        heard.retain(|(owner, _)| match owner {
            Some(owner) => mailboxes.sees_some_of(owner) || is_known(owner),
            None => true,
        });
    }

    /// What there is to tell of what was heard.
    fn news(
        &mut self,
        session: &Session,
        mailboxes: &Namespaces,
        selected: Option<&Selected>,
        list: &[MailboxInfo],
    ) -> News {
        let mut news = News::default();
        let subscribed = |name: &MailboxName| list.iter().any(|info| info.name == *name && info.subscribed);
        let readable = |name: &MailboxName| {
            let mut found = list.iter().filter(|info| info.name == *name);
            found.any(|info| info.rights.contains(Rights::READ))
        };
        let heard = std::mem::take(&mut self.heard);
        for (owner, event) in heard {
            if event.origin() == session.id {
                if owner.is_some() && event.is_about_names() {
                    self.remember(list, in_others);
                }
                continue;
            }
            let access = match owner.map(|owner| mailboxes.access(&owner)) {
                // What happens in the session's own account is heard in two ways when something of it is shared.
                Some(Access::Unlimited | Access::Owner) => continue,
                Some(access) => Some(access),
                None => None,
            };
            let called = |name: MailboxName| {
                access
                    .as_ref()
                    .map_or_else(|| name.clone(), |access| access.name(&name))
            };
            match event {
                AccountEvent::Messages { mailbox, what, .. } => {
                    let Some(mailbox) = mailbox.upgrade() else { continue };
                    if selected.is_some_and(|selected| Arc::ptr_eq(selected.view.mailbox(), &mailbox)) {
                        continue;
                    }
                    let name = called(mailbox.name());
                    if access.is_some() && !self.knows(&name) {
                        self.look_at_others(&mut news, list);
                        continue;
                    }
                    let wanted = self.wanted(&name, subscribed(&name));
                    if wanted.messages && (wanted.flags || what != MessageEvent::Flags) && readable(&name) {
                        news.statuses.insert(name);
                    }
                }
                AccountEvent::Annotated { mailbox, entries, .. } => {
                    let mailbox = mailbox.map(called);
                    let who = access.as_ref().and_then(Access::who).unwrap_or(Who::Owner);
                    let entries = entries.iter().filter_map(|key| seen_as(key, &who).map(str::to_owned));
                    let entries: Vec<String> = entries.collect();
                    if access.is_some() && mailbox.as_ref().is_some_and(|name| !self.knows(name)) {
                        self.look_at_others(&mut news, list);
                        continue;
                    }
                    let own = access.is_none();
                    let seen = own || mailbox.as_ref().is_some_and(readable);
                    if seen && !entries.is_empty() && self.wants_metadata(mailbox.as_ref(), subscribed) {
                        news.metadata.entry(mailbox).or_default().extend(entries);
                    }
                }
                // Of others' names only the difference is told: what has happened may have been to some that are not seen.
                AccountEvent::Renamed { from, to, .. } if access.is_some() => {
                    let (from, to) = (called(from), called(to));
                    if self.wanted(&to, subscribed(&to)).names
                        && list.iter().any(|info| info.name == to && info.exists)
                        && self.names.contains_key(&from)
                    {
                        // With it go those below it.
                        let known = std::mem::take(&mut self.names);
                        let renamed =
                            known
                                .into_iter()
                                .map(|(name, known)| match name == from || name.is_below(&from) {
                                    true => (name.rebased(&from, &to).unwrap_or(name), known),
                                    false => (name, known),
                                });
                        self.names = renamed.collect();
                        news.name(to, Some(from));
                    }
                    self.look_at_others(&mut news, list);
                }
                _ if access.is_some() => self.look_at_others(&mut news, list),
                // Who has an account sees all of it.
                AccountEvent::Rights { .. } => {}
                // The level above may have got its first child, or lost its last one.
                AccountEvent::Created { name, .. } | AccountEvent::Deleted { name, .. } => {
                    let parent = name.parent();
                    for name in std::iter::once(name).chain(parent) {
                        if self.wanted(&name, subscribed(&name)).names {
                            news.name(name, None);
                        }
                    }
                }
                AccountEvent::Renamed { from, to, .. } => {
                    let wanted = self
                        .wanted(&from, subscribed(&from))
                        .and(self.wanted(&to, subscribed(&to)));
                    if wanted.names {
                        news.name(to, Some(from));
                    }
                }
                // Also when it just left the subscribed ones.
                AccountEvent::Subscribed { name, .. } => {
                    if self.wanted(&name, true).subscriptions {
                        news.name(name, None);
                    }
                }
            }
        }
        news.lost = std::mem::take(&mut self.lost);
        if news.lost {
            self.look_everywhere(&mut news, selected, list);
            self.remember(list, in_others);
        }
        self.remember(list, |name| !in_others(name));
        // Subscriptions are the account's own, also to what others share.
        for info in list {
            if let Some((_, subscribed)) = self.names.get_mut(&info.name) {
                *subscribed = info.subscribed;
            }
        }
        news
    }

    /// Whether a mailbox is there as far as the client was told. What happened in one of others before is not told, but
    /// that it is there now: the right to see it may be there before the event that says so (RFC 5465 §5.4).
    fn knows(&self, name: &MailboxName) -> bool {
        self.names.get(name).is_some_and(|(exists, _)| *exists)
    }

    /// Which mailboxes of others have come or gone.
    fn look_at_others(&mut self, news: &mut News, list: &[MailboxInfo]) {
        self.compare_names(news, list, in_others);
        self.remember(list, in_others);
    }

    /// The client knows these names as they are now.
    fn remember(&mut self, list: &[MailboxInfo], these: fn(&MailboxName) -> bool) {
        self.names.retain(|name, _| !these(name));
        self.names
            .extend(names(list).into_iter().filter(|(name, _)| these(name)));
    }

    /// After events were missed: what has become of all that is watched.
    fn look_everywhere(&self, news: &mut News, selected: Option<&Selected>, list: &[MailboxInfo]) {
        news.statuses.extend(self.watched(selected, list));
        self.compare_names(news, list, |_| true);
    }

    /// Which of these names have come or gone, or are subscribed or no longer so, since the client was last told of them.
    fn compare_names(&self, news: &mut News, list: &[MailboxInfo], these: fn(&MailboxName) -> bool) {
        let now = names(list);
        let all: BTreeSet<&MailboxName> = self.names.keys().chain(now.keys()).collect();
        for name in all.into_iter().filter(|name| these(name)) {
            let get = |names: &Names| names.get(name).copied().unwrap_or_default();
            let ((existed, was_subscribed), (exists, subscribed)) = (get(&self.names), get(&now));
            let wanted = self.wanted(name, subscribed || was_subscribed);
            if (wanted.names && existed != exists) || (wanted.subscriptions && was_subscribed != subscribed) {
                news.name(name.clone(), None);
            }
        }
    }

    /// The mailboxes whose messages are watched, the selected one left out.
    fn watched(&self, selected: Option<&Selected>, list: &[MailboxInfo]) -> Vec<MailboxName> {
        let selected = selected.map(|selected| selected.view.mailbox().name());
        let there = list
            .iter()
            .filter(|info| info.exists && Some(&info.name) != selected.as_ref());
        let readable = there.filter(|info| info.rights.contains(Rights::READ));
        let watched = readable.filter(|info| self.wanted(&info.name, info.subscribed).messages);
        watched.map(|info| info.name.clone()).collect()
    }
}

/// What is to be told.
#[derive(Default)]
struct News {
    /// By LIST, in this order, with the old name of what was renamed.
    names: Vec<(MailboxName, Option<MailboxName>)>,
    /// By STATUS.
    statuses: BTreeSet<MailboxName>,
    /// By METADATA: which entries have changed, of which mailbox or of the server.
    metadata: BTreeMap<Option<MailboxName>, BTreeSet<String>>,
    /// Whether events were missed.
    lost: bool,
}

impl News {
    /// A name is told as it is now, so once is enough.
    fn name(&mut self, name: MailboxName, old_name: Option<MailboxName>) {
        if old_name.is_some() || !self.names.iter().any(|(known, _)| *known == name) {
            self.names.push((name, old_name));
        }
    }
}

impl MailboxFilter {
    /// Whether a mailbox is one of those meant.
    pub(crate) fn covers(&self, name: &MailboxName, subscribed: bool) -> bool {
        match self {
            // All mail is delivered there.
            MailboxFilter::Inboxes => name.is_inbox(),
            MailboxFilter::Personal => name.in_other_users().is_none(),
            MailboxFilter::Subscribed => subscribed,
            MailboxFilter::Subtree(roots) => roots.iter().any(|root| name == root || name.is_below(root)),
            MailboxFilter::Mailboxes(names) => names.contains(name),
        }
    }
}

impl Events {
    fn and(self, other: Events) -> Events {
        Events {
            messages: self.messages || other.messages,
            flags: self.flags || other.flags,
            names: self.names || other.names,
            subscriptions: self.subscriptions || other.subscriptions,
            metadata: self.metadata || other.metadata,
            server_metadata: self.server_metadata || other.server_metadata,
        }
    }
}

/// The next event; none where nobody listens. Cancellation-safe.
async fn heard<T: Clone>(events: &mut Option<Receiver<T>>) -> Result<T, RecvError> {
    match events {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    }
}

fn in_others(name: &MailboxName) -> bool {
    name.in_other_users().is_some()
}

fn names(list: &[MailboxInfo]) -> Names {
    let name = |info: &MailboxInfo| (info.name.clone(), (info.exists, info.subscribed));
    list.iter().map(name).collect()
}

/// Waits until something may have happened to the selected mailbox or to what is watched. Cancellation-safe.
pub(crate) async fn changed(enabled: &mut Enabled, selected: &mut Option<&mut Selected>) {
    let deaf = enabled.watch.as_ref().is_some_and(|watch| watch.is_deaf());
    let watch = match &mut enabled.watch {
        Some(watch) => Some(watch),
        None => enabled.annotations.as_mut(),
    };
    let in_selected = async {
        match selected {
            Some(selected) if !deaf => selected.view.changed().await,
            _ => std::future::pending().await,
        }
    };
    let in_account = async {
        match watch {
            // Boxed: most sessions that idle have asked for nothing, and must not carry it.
            Some(watch) => Box::pin(watch.changed()).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = in_selected => {}
        () = in_account => {}
    }
}

/// Tells what has happened to what is watched outside of the selected mailbox.
pub(crate) async fn tell(session: &mut Session, login: &Login, selected: Option<&Selected>) -> Result<(), Failure> {
    let Some(mut watch) = session.enabled.watch.take() else {
        return tell_annotations(session, login, selected).await;
    };
    let told = tell_of(session, login, selected, &mut watch).await;
    session.enabled.watch = Some(watch);
    told
}

/// Tells which annotations others have changed, if ENABLE has asked for it and NOTIFY for nothing else.
pub(crate) async fn tell_annotations(
    session: &mut Session,
    login: &Login,
    selected: Option<&Selected>,
) -> Result<(), Failure> {
    if session.enabled.watch.is_some() {
        return Ok(());
    }
    let Some(mut watch) = session.enabled.annotations.take() else {
        return Ok(());
    };
    let told = tell_of(session, login, selected, &mut watch).await;
    session.enabled.annotations = Some(watch);
    told
}

async fn tell_of(
    session: &mut Session,
    login: &Login,
    selected: Option<&Selected>,
    watch: &mut Watch,
) -> Result<(), Failure> {
    watch.listen();
    watch.forget_strangers(&login.mailboxes);
    match watch.heard.is_empty() && !watch.lost {
        true => Ok(()),
        // Boxed: most often there is nothing, and a session that idles must not carry it.
        false => Box::pin(tell_news(session, login, selected, watch)).await,
    }
}

async fn tell_news(
    session: &mut Session,
    login: &Login,
    selected: Option<&Selected>,
    watch: &mut Watch,
) -> Result<(), Failure> {
    let list = login.mailboxes.list().await;
    let mut news = watch.news(session, &login.mailboxes, selected, &list);
    if news.lost {
        all_metadata(login, watch, &mut news, &list).await;
    }
    if !news.names.is_empty() {
        let hierarchy = Hierarchy::new(list.clone());
        for (name, old_name) in news.names {
            let old_name = old_name.map(|name| name.to_string());
            list::write(session, &hierarchy.line(name, old_name));
            session.relieve().await?;
        }
    }
    for (mailbox, entries) in &news.metadata {
        metadata::changed(&mut session.output, mailbox.as_ref(), entries);
        session.relieve().await?;
    }
    tell_statuses(session, login, watch, news.statuses, &list).await
}

/// After events were missed: all entries that are there may have changed (RFC 5465 §5.6).
async fn all_metadata(login: &Login, watch: &Watch, news: &mut News, list: &[MailboxInfo]) {
    let there = list.iter().filter(|info| info.rights.contains(Rights::READ));
    for mailbox in there.map(|info| Some(&info.name)).chain([None]) {
        let subscribed = |name: &MailboxName| list.iter().any(|info| info.name == *name && info.subscribed);
        if !watch.wants_metadata(mailbox, subscribed) {
            continue;
        }
        match metadata::stored(login, mailbox).await {
            Ok(all) if all.is_empty() => {}
            Ok(all) => news
                .metadata
                .entry(mailbox.cloned())
                .or_default()
                .extend(all.into_keys()),
            // Logs the cause.
            Err(error) => drop(Failure::from(error)),
        }
    }
}

/// The mailboxes that are to be watched and of which nothing else can be told, because they must not be read (RFC 5465 §3.1).
pub(crate) async fn tell_inaccessible(session: &mut Session, login: &Login, watch: &Watch) -> Result<(), Failure> {
    let list = login.mailboxes.list().await;
    let hidden = |info: &&MailboxInfo| {
        let wanted = watch.wanted(&info.name, info.subscribed);
        let watched = wanted.messages || wanted.metadata;
        watched && info.exists && !info.rights.contains(Rights::READ)
    };
    let hidden: Vec<MailboxName> = list.iter().filter(hidden).map(|info| info.name.clone()).collect();
    if hidden.is_empty() {
        return Ok(());
    }
    let hierarchy = Hierarchy::new(list);
    for name in hidden {
        let mut line = hierarchy.line(name, None);
        line.attributes.push(NO_ACCESS);
        list::write(session, &line);
        session.relieve().await?;
    }
    Ok(())
}

/// The STATUS of all mailboxes whose messages are watched (RFC 5465 §3.1).
pub(crate) async fn tell_watched(
    session: &mut Session,
    login: &Login,
    selected: Option<&Selected>,
    watch: &Watch,
) -> Result<(), Failure> {
    let list = login.mailboxes.list().await;
    let watched = watch.watched(selected, &list);
    tell_statuses(session, login, watch, watched, &list).await
}

async fn tell_statuses(
    session: &mut Session,
    login: &Login,
    watch: &Watch,
    names: impl IntoIterator<Item = MailboxName>,
    list: &[MailboxInfo],
) -> Result<(), Failure> {
    for name in names {
        let subscribed = list.iter().any(|info| info.name == name && info.subscribed);
        let items = items(watch.wanted(&name, subscribed), session.enabled.condstore);
        match Box::pin(login.mailboxes.open(&name, Rights::READ)).await {
            Ok(found) => status::write(session, name.as_str(), &items, &found.mailbox.status()),
            Err(Error::NotFound | Error::NotPermitted) => {}
            // Logs the cause. The next event tells more.
            Err(error) => drop(Failure::from(error)),
        }
        session.relieve().await?;
    }
    Ok(())
}

/// All that RFC 5465 §3.1 and §5.1 to §5.3 want of a STATUS, whatever has happened; UNSEEN for who wants flags.
fn items(wanted: Events, condstore: bool) -> Vec<StatusItem> {
    let mut items = vec![StatusItem::UidValidity, StatusItem::UidNext, StatusItem::Messages];
    if wanted.flags {
        items.push(StatusItem::Unseen);
    }
    if condstore {
        items.push(StatusItem::HighestModSeq);
    }
    items
}

/// Tells a client that listens all the time what happens, until it says something.
pub(crate) async fn until_command(
    session: &mut Session,
    state: &mut State,
    shutdown: &CancellationToken,
) -> Result<(), Failure> {
    let deadline = Instant::now() + session.bounds().timeout;
    while session.connection.buffered().is_empty() {
        let (login, mut selected) = match state {
            State::Authenticated(login) => (login, None),
            State::Selected(login, selected) => (login, Some(selected)),
            _ => return Ok(()),
        };
        if let Some(selected) = &mut selected {
            let expunges = session.enabled.watch.as_ref().is_some_and(|watch| watch.expunges());
            updates::news(session, selected, expunges).await?;
            updates::hold_back(session, selected);
            if selected.view.is_deleted() {
                return Err(Failure::Bye("The selected mailbox was deleted"));
            }
        }
        tell(session, login, selected.as_deref()).await?;
        session.flush().await?;
        let left = deadline.saturating_duration_since(Instant::now());
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Err(Failure::Bye("Server is shutting down")),
            read = session.connection.fill(left) => { read?; }
            () = changed(&mut session.enabled, &mut selected) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_status_has_what_the_events_want() {
        use StatusItem::*;
        assert_eq!(items(MESSAGES, false), [UidValidity, UidNext, Messages]);
        let flags = Events {
            flags: true,
            ..MESSAGES
        };
        assert_eq!(
            items(flags, true),
            [UidValidity, UidNext, Messages, Unseen, HighestModSeq]
        );
    }
}
