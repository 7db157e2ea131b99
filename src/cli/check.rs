//! `posthaste check`: what a start would find, without starting.

use anyhow::anyhow;
use clap::Args;

use super::say;
use super::settings::Settings;
use crate::accounts::Accounts;
use crate::config::{ConfigError, Problem};
use crate::imap;
use crate::server::{certificate, folder};

#[derive(Args)]
pub(super) struct Check {
    #[command(flatten)]
    settings: Settings,
}

impl Check {
    /// Everything it finds is told, and is a matter of settings.
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = self.settings.load()?;
        imap::check(&config)?;
        let mut problems = Vec::new();
        let mut found = |checked: anyhow::Result<()>| {
            if let Err(error) = checked {
                problems.push(Problem {
                    place: String::new(),
                    key: String::new(),
                    what: format!("{error:#}"),
                });
            }
        };
        found(certificate::check(&config));
        found(folder::check(&config.data));
        found(Accounts::check_issuer(&config.login.oauth));
        if !problems.is_empty() {
            return Err(anyhow!(ConfigError { problems }));
        }
        say(format_args!(
            "configuration, certificate and data folder {} are fine",
            config.data.display()
        ))
    }
}
