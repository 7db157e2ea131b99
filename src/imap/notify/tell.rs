//! The telling: what has happened to what is watched, as it is now.

use super::Watch;
use super::news::News;
use crate::imap::answer::Failure;
use crate::imap::command::{Events, StatusItem};
use crate::imap::commands::{list, metadata, status};
use crate::imap::hierarchy::{Hierarchy, NO_ACCESS};
use crate::imap::session::{Enabled, Login, Selected, Session, State};
use crate::imap::updates;
use crate::mail::mailbox_name::MailboxName;
use crate::mail::rights::Rights;
use crate::mailbox::{Error, MailboxInfo};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_what_the_events_want() {
        let messages = Events {
            messages: true,
            ..Events::default()
        };
        use StatusItem::*;
        assert_eq!(items(messages, false), [UidValidity, UidNext, Messages]);
        let flags = Events {
            flags: true,
            ..messages
        };
        assert_eq!(
            items(flags, true),
            [UidValidity, UidNext, Messages, Unseen, HighestModSeq]
        );
    }
}
