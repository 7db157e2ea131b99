//! `posthaste full-text`: how much the full-text index holds.

use clap::Args;

use super::settings::Settings;
use super::{say, table::Table};
use crate::mailbox::full_text_report;

#[derive(Args)]
pub(super) struct FullText {
    #[command(flatten)]
    settings: Settings,
}

impl FullText {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = self.settings.load()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let report = runtime.block_on(full_text_report(&config.data, config.storage.index_timeout.get()))?;
        let mut table = Table::new(["ACCOUNT", "MESSAGES"]);
        for account in report.accounts {
            table.row([account.account, account.messages.to_string()]);
        }
        say(table)?;
        let off = if config.storage.full_text {
            ""
        } else {
            "; it is switched off (storage.full_text)"
        };
        say(format_args!("{} octets on disk{off}", report.octets))
    }
}
