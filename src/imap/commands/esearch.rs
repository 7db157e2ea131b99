//! ESEARCH (MULTISEARCH, RFC 7377): one search in several mailboxes, which need not be selected.

use super::search::one;
use crate::imap::answer::{Answer, Failure, Outcome};
use crate::imap::command::{MailboxFilter, Search, SearchSource};
use crate::imap::namespaces::Opened;
use crate::imap::search::tell::Asked;
use crate::imap::session::{Login, Selected, Session};
use crate::mail::mailbox_name::MailboxName;
use crate::mail::rights::Rights;
use crate::mailbox::Error;

/// Tells which messages match, mailbox by mailbox; of one in which there are none nothing is said (RFC 7377 §2.1).
pub(crate) async fn esearch(
    session: &mut Session,
    login: &Login,
    mut selected: Option<&mut Selected>,
    tag: &str,
    sources: &[SearchSource],
    search: &Search,
) -> Outcome {
    let asked = Asked {
        response: "ESEARCH",
        tag,
        uid: true,
        names_mailbox: true,
        search,
    };
    let returns = search.returns.unwrap_or_default();
    let only_selected = sources.iter().all(|source| *source == SearchSource::Selected);
    let wants_selected = returns.update || sources.contains(&SearchSource::Selected);
    if wants_selected && selected.is_none() {
        return Ok(Answer::bad("No mailbox is selected"));
    }
    if returns.save && !only_selected {
        return Ok(Answer::bad("SAVE goes with the selected mailbox alone"));
    }
    if selected.as_deref().is_some_and(|selected| asked.reuses_tag(selected)) {
        return Ok(Answer::bad("That tag is in use by a search that is kept up to date"));
    }
    let names = match only_selected {
        true => selected.iter().map(|selected| selected.name()).collect(),
        false => names(login, selected.as_deref(), sources).await,
    };
    for name in names {
        let searched = match selected.as_deref_mut().filter(|selected| selected.name() == name) {
            Some(selected) => Box::pin(one(session, selected, asked, true)).await,
            None => Box::pin(other(session, login, &name, asked)).await,
        };
        if searched.is_err()
            && let Some(selected) = selected.as_deref_mut()
        {
            asked.failed(selected);
        }
        searched?;
        session.relieve().await?;
    }
    Ok(Answer::ok("ESEARCH completed"))
}

/// The mailboxes to be searched, each once. What does not exist or must not be read is ignored (RFC 7377 §2.2).
async fn names(login: &Login, selected: Option<&Selected>, sources: &[SearchSource]) -> Vec<MailboxName> {
    let selected = selected.map(|selected| selected.name());
    let list = login.mailboxes.list().await.into_iter();
    let wanted = list.filter(|info| {
        info.rights.contains(Rights::READ)
            && sources.iter().any(|source| match source {
                SearchSource::Selected => selected.as_ref() == Some(&info.name),
                SearchSource::SubtreeOne(roots) => roots
                    .iter()
                    .any(|root| info.name == *root || info.name.parent().as_ref() == Some(root)),
                SearchSource::Other(filter) => filter.covers(&info.name, info.subscribed),
            })
    });
    let mut names: Vec<MailboxName> = wanted.map(|info| info.name).collect();
    // One that is named need not be seen to be read, nor the one that is selected.
    let selected = selected.filter(|name| sources.contains(&SearchSource::Selected) && !names.contains(name));
    names.extend(selected);
    for source in sources {
        let SearchSource::Other(MailboxFilter::Mailboxes(named)) = source else {
            continue;
        };
        for name in named.iter().filter(|name| name.in_other_users().is_some()) {
            let place = login.mailboxes.place(name).await;
            let readable = place.is_ok_and(|place| place.allows(Rights::READ).is_ok());
            if readable && !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    names
}

/// One that is not selected: as one that was opened by EXAMINE a moment ago. It may be gone by now.
async fn other(session: &mut Session, login: &Login, name: &MailboxName, asked: Asked<'_>) -> Result<(), Failure> {
    let Opened { place, mailbox } = match login.mailboxes.open(name, Rights::READ).await {
        Err(Error::NotFound | Error::NotPermitted) => return Ok(()),
        opened => opened?,
    };
    let mut selected = Selected::new(mailbox.view(session.id, true), place.access, true);
    one(session, &mut selected, asked, false).await
}
