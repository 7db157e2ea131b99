//! The subscription list (RFC 9051 §6.3.7, §6.3.8).

use super::super::error::{Result, blocking};
use super::super::events::AccountEvent;
use super::AccountMailboxes;
use crate::mail::mailbox_name::MailboxName;
use std::collections::BTreeSet;

impl AccountMailboxes {
    /// Puts a name on the subscription list, whether the mailbox exists or not.
    pub async fn subscribe(&self, name: &MailboxName) -> Result<()> {
        self.change_subscriptions(name, |list| list.insert(name.clone())).await
    }

    /// Takes it off.
    pub async fn unsubscribe(&self, name: &MailboxName) -> Result<()> {
        self.change_subscriptions(name, |list| list.remove(name)).await
    }

    async fn change_subscriptions(
        &self,
        name: &MailboxName,
        change: impl FnOnce(&mut BTreeSet<MailboxName>) -> bool,
    ) -> Result<()> {
        let _changing = self.0.changing.write().await;
        let mut list = self.names().subscribed.clone();
        if change(&mut list) {
            let (tree, written) = (self.0.tree.clone(), list.clone());
            blocking(move || tree.subscribe(&written)).await?;
            let now = list.contains(name);
            self.names().subscribed = list;
            self.0.common.tell(AccountEvent::Subscribed {
                name: name.clone(),
                now,
                origin: self.1,
            });
        }
        Ok(())
    }
}
