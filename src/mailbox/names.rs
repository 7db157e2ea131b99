//! Which mailboxes an account has, as its folders on disk say.

use super::mailbox::Mailbox;
use crate::mail::ids::UidValidity;
use crate::mail::mailbox_name::{MailboxName, SpecialUse};
use crate::mail::rights::{Acl, Who};
use crate::storage::maildir::control::Control;
use crate::storage::maildir::folder::Folder;
use crate::storage::maildir::tree::{Found, Tree};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Weak};

/// The folders that an account has from the start.
const USUAL: [(&str, SpecialUse); 5] = [
    ("Drafts", SpecialUse::Drafts),
    ("Sent", SpecialUse::Sent),
    ("Trash", SpecialUse::Trash),
    ("Junk", SpecialUse::Junk),
    ("Archive", SpecialUse::Archive),
];

/// Other names under which programs have made these folders, for Maildirs that come from elsewhere.
const SYNONYMS: [(&str, SpecialUse); 9] = [
    ("Sent Messages", SpecialUse::Sent),
    ("Sent Items", SpecialUse::Sent),
    ("Sent Mail", SpecialUse::Sent),
    ("Deleted Messages", SpecialUse::Trash),
    ("Deleted Items", SpecialUse::Trash),
    ("Spam", SpecialUse::Junk),
    ("Junk E-mail", SpecialUse::Junk),
    ("Junk Email", SpecialUse::Junk),
    ("Archives", SpecialUse::Archive),
];

/// What there is, as last read from disk.
#[derive(Default)]
pub(super) struct Names {
    pub(super) mailboxes: BTreeMap<MailboxName, Known>,
    pub(super) subscribed: BTreeSet<MailboxName>,
}

/// A mailbox that exists.
pub(super) struct Known {
    pub(super) folder: Folder,
    pub(super) uid_validity: UidValidity,
    pub(super) special_use: Option<SpecialUse>,
    /// Who may do what with it.
    pub(super) acl: Arc<Acl>,
    /// The mailbox, while anybody has it open.
    pub(super) open: Weak<Mailbox>,
    /// Held while it is loaded, so that it is loaded once.
    pub(super) loading: Arc<tokio::sync::Mutex<()>>,
}

impl Names {
    /// To whom but the owner something is given in any of the mailboxes.
    pub(super) fn shared_with(&self) -> BTreeSet<Who> {
        let lists = self.mailboxes.values().map(|known| &known.acl);
        lists.flat_map(|acl| acl.shared_with().cloned()).collect()
    }
}

impl Known {
    pub(super) fn new(folder: Folder, control: &Control, acl: Arc<Acl>) -> Known {
        Known {
            folder,
            uid_validity: control.uid_validity,
            special_use: control.special_use,
            acl,
            open: Weak::new(),
            loading: Arc::default(),
        }
    }
}

/// Makes the account's folders when they are not there, and reads what there is.
pub(super) fn first_look(tree: &Tree) -> io::Result<Names> {
    let inbox = Folder::new(tree.root().to_owned());
    if Control::load(inbox.path())?.is_some() {
        return look(tree);
    }
    inbox.create()?;
    let found = tree.scan()?;
    let mut subscribed = tree.subscriptions()?;
    let taken = highest(&found);
    for (name, special_use) in USUAL {
        let there = |other: &str| found.iter().any(|found| found.name.as_str() == other);
        let synonym = SYNONYMS
            .iter()
            .any(|(other, special)| *special == special_use && there(other));
        let Ok(name) = MailboxName::new(name) else { continue };
        if !synonym
            && !there(name.as_str())
            && let Some(folder) = tree.folder(&name)
        {
            let uid_validity = tree.fresh_uid_validity(taken)?;
            folder.create()?;
            Control::new(uid_validity, Some(special_use)).store(folder.path())?;
            subscribed.insert(name);
        }
    }
    subscribed.insert(MailboxName::inbox());
    tree.subscribe(&subscribed)?;
    look(tree)
}

/// Reads what there is. Folders of other programs get control files; where two have the same UIDVALIDITY, because one is a
/// copy, the second gets a new one.
pub(super) fn look(tree: &Tree) -> io::Result<Names> {
    let found = tree.scan()?;
    let mut names = Names {
        subscribed: tree.subscriptions()?,
        ..Names::default()
    };
    let mut taken: BTreeSet<UidValidity> = BTreeSet::new();
    let highest = highest(&found);
    let mut uses: Vec<SpecialUse> = found
        .iter()
        .filter_map(|found| found.control.as_ref()?.special_use)
        .collect();
    for Found {
        name,
        folder,
        control,
        acl,
    } in found
    {
        let control = match control {
            Some(control) if !taken.contains(&control.uid_validity) => control,
            _ => {
                folder.create()?;
                let special_use = by_name(&name).filter(|special_use| !uses.contains(special_use));
                uses.extend(special_use);
                let uid_validity = tree.fresh_uid_validity(highest)?;
                let control = Control::new(uid_validity, special_use);
                control.store(folder.path())?;
                control
            }
        };
        taken.insert(control.uid_validity);
        names
            .mailboxes
            .insert(name, Known::new(folder, &control, Arc::new(acl)));
    }
    Ok(names)
}

/// What a mailbox of this use is usually called.
pub(super) fn usual_name(special_use: SpecialUse) -> &'static str {
    let found = USUAL.iter().find(|(_, special)| *special == special_use);
    found.map_or("Junk", |(name, _)| name)
}

/// The highest UIDVALIDITY of these.
fn highest(found: &[Found]) -> Option<UidValidity> {
    found
        .iter()
        .filter_map(|found| Some(found.control.as_ref()?.uid_validity))
        .max()
}

/// What a folder that another program made is for, by its name.
fn by_name(name: &MailboxName) -> Option<SpecialUse> {
    let usual = USUAL.iter().chain(&SYNONYMS);
    usual
        .clone()
        .find(|(known, _)| known.eq_ignore_ascii_case(name.as_str()))
        .map(|(_, special_use)| *special_use)
}
