//! `posthaste srs`.

use clap::{Args, Subcommand};

use super::say;
use super::settings::Settings;
use crate::srs::Rewriter;

#[derive(Subcommand)]
pub(super) enum Srs {
    /// Sign rewritten senders with a new secret; those of the last two are taken back as well
    Rotate(Rotate),
}

#[derive(Args)]
pub(super) struct Rotate {
    #[command(flatten)]
    settings: Settings,
}

impl Srs {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let Srs::Rotate(Rotate { settings }) = self;
        let config = settings.load()?;
        Rewriter::new(&config.data, config.forward.srs_expire.get()).rotate()?;
        say("senders are rewritten with a new secret from now on")
    }
}
