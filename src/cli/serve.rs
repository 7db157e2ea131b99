//! `posthaste serve`.

use anyhow::bail;
use clap::Args;
use rustix::process::{Resource, getrlimit, setrlimit};

use super::settings::Settings;
use super::signals::Signals;
use crate::config::{Config, LogFormat};
use crate::server::Server;
use crate::telemetry;

#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = self.settings.load()?;
        telemetry::start(format(config.log.format), &config.log.filter);
        raise_descriptor_limit();
        runtime()?.block_on(serve(config))
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let data = config.data.clone();
    let server = Server::start(config).await?;
    let addresses = server.addresses();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        data = %data.display(),
        smtp = ?addresses.smtp,
        submission = ?addresses.submission,
        submissions = ?addresses.submissions,
        imap = ?addresses.imap,
        imaps = ?addresses.imaps,
        lmtp = ?addresses.lmtp,
        managesieve = ?addresses.managesieve,
        https = ?addresses.https,
        "ready"
    );
    let signal = signals.next().await;
    tracing::info!(signal, "draining");
    drain(server, signals).await?;
    tracing::info!("stopped");
    Ok(())
}

/// Shuts down in order; a second signal does not wait for it.
pub(super) async fn drain(server: Server, mut signals: Signals) -> anyhow::Result<()> {
    tokio::select! {
        () = server.shutdown() => Ok(()),
        signal = signals.next() => bail!("{signal} while draining: stopped at once"),
    }
}

/// Every connection takes a descriptor, and every message that is read another: the soft limit that systems start
/// programs with (1024, for the sake of `select`) is too low.
pub(super) fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "descriptor limit not raised");
    }
}

pub(super) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

fn format(format: LogFormat) -> telemetry::Format {
    match format {
        LogFormat::Auto => telemetry::Format::Auto,
        LogFormat::Human => telemetry::Format::Human,
        LogFormat::Json => telemetry::Format::Json,
    }
}
