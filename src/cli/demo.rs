//! `posthaste demo`: the main job with no configuration at all, on loopback, and a line for each delivery.

mod banner;
mod watch;
mod welcome;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;

use super::say;
use super::serve::{drain, raise_descriptor_limit, runtime};
use super::signals::Signals;
use crate::accounts::{self, Accounts};
use crate::config::{Config, Listen};
use crate::server::folder::InUse;
use crate::server::{ListenError, Server};
use crate::telemetry;

/// The demo's domain; `.test` is nobody's (RFC 6761 §6.2).
const DOMAIN: &str = "posthaste.test";
/// The demo's accounts and their passwords. No secret: the demo listens on loopback only.
const ACCOUNTS: [(&str, &str); 2] = [
    ("alice@posthaste.test", "alice-demo"),
    ("bob@posthaste.test", "bob-demo"),
];
/// Ports of SMTP, submission, submissions, IMAP, IMAPS and ManageSieve above the base.
const PORTS: [u16; 6] = [525, 587, 465, 143, 993, 190];

#[derive(Args)]
pub(super) struct Demo {
    /// Folder for accounts and mail; a later demo goes on with what is there
    #[arg(long, value_name = "DIR", default_value = "posthaste-demo")]
    data: PathBuf,
    /// Ports are this + 525 (SMTP), + 587 and + 465 (submission), + 143 and + 993 (IMAP), + 190 (ManageSieve); 0 takes any that are free
    #[arg(long, value_name = "PORT", default_value_t = 2000, value_parser = clap::value_parser!(u16).range(..=64_000))]
    port_base: u16,
}

impl Demo {
    pub(super) fn run(self) -> anyhow::Result<()> {
        // The banner says that the certificate is self-signed.
        telemetry::start(telemetry::Format::Human, "warn,posthaste::server::certificate=error");
        raise_descriptor_limit();
        runtime()?.block_on(self.serve())
    }

    async fn serve(self) -> anyhow::Result<()> {
        let mut signals = Signals::listen()?;
        let data = std::path::absolute(&self.data)?;
        let mut config = Config {
            data: data.clone(),
            listen: self.listen(),
            ..Config::default()
        };
        // Whatever is tried here stays here.
        config.outbound.enabled = false;
        let server = Server::start(config).await.map_err(|error| self.advise(error))?;
        let new = add_accounts(server.accounts()).await?;
        if new {
            welcome::leave(&server).await?;
        }
        say(banner::banner(server.addresses(), &data))?;
        let watching = tokio::spawn(watch::watch(server.delivery().reports()));
        signals.next().await;
        say("\nending: sessions are told, running transactions finish …")?;
        watching.abort();
        drain(server, signals).await?;
        say(format_args!("ended; mail and accounts stay in {}", data.display()))
    }

    fn listen(&self) -> Listen {
        let [smtp, submission, submissions, imap, imaps, managesieve] = PORTS.map(|port| {
            let port = if self.port_base == 0 { 0 } else { self.port_base + port };
            vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))]
        });
        Listen {
            smtp,
            submission,
            submissions,
            imap,
            imaps,
            managesieve,
            https: Vec::new(),
        }
    }

    /// What to type instead, when another program is in the way.
    fn advise(&self, error: anyhow::Error) -> anyhow::Error {
        let ports = if self.port_base < 60_000 {
            self.port_base + 1000
        } else {
            3000
        };
        if let Some(taken) = error.downcast_ref::<ListenError>()
            && taken.is_port_taken()
        {
            let cause = &taken.cause;
            return anyhow!("{cause}: another program listens there; take other ports: --port-base {ports}");
        }
        if let Some(InUse { folder, process }) = error.downcast_ref() {
            return anyhow!(
                "a demo runs in {} already, process {process}; for a second one: --data DIR --port-base {ports}",
                folder.display()
            );
        }
        error
    }
}

/// Adds domain and accounts that are not there. Whether any was not.
async fn add_accounts(accounts: &Accounts) -> Result<bool, accounts::Error> {
    match accounts.add_domain(DOMAIN).await {
        Ok(_) | Err(accounts::Error::DomainExists(_)) => {}
        Err(error) => return Err(error),
    }
    let mut new = false;
    for (address, password) in ACCOUNTS {
        match accounts.add(address, password).await {
            Ok(_) => new = true,
            Err(accounts::Error::AccountExists(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(new)
}
