//! `posthaste health`: whether the server that these settings describe answers, for container platforms and monitors.
//!
//! It connects as a client would, to each service, and waits for its greeting: `220` of SMTP (RFC 5321 §4.2), `* OK` of
//! IMAP (RFC 9051 §7.1.1). A service that only speaks TLS need only accept the connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Args;

use super::say;
use super::settings::Settings;
use crate::config::Config;
use crate::net::network::Network;
use crate::net::proxy::LOCAL_HEADER;

/// How long one service may take, to connect and then to greet.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest greeting (RFC 5321 §4.5.3.1.5).
const MAX_GREETING: u64 = 512;

#[derive(Args)]
pub(super) struct Health {
    #[command(flatten)]
    settings: Settings,
}

impl Health {
    /// The first service that does not answer is told.
    pub(super) fn run(self) -> anyhow::Result<()> {
        for service in services(&self.settings.load()?) {
            service.check()?;
        }
        say("healthy")
    }
}

/// One service, at the first of its addresses.
struct Service {
    name: &'static str,
    address: SocketAddr,
    /// What it says first; empty when that is encrypted.
    greeting: &'static str,
    /// Who is taken for a proxy there.
    proxies: Vec<Network>,
}

fn services(config: &Config) -> Vec<Service> {
    let listen = &config.listen;
    let all = [
        ("smtp", &listen.smtp, "220"),
        ("submission", &listen.submission, "220"),
        ("submissions", &listen.submissions, ""),
        ("imap", &listen.imap, "* OK"),
        ("imaps", &listen.imaps, ""),
        ("managesieve", &listen.managesieve, "\"IMPLEMENTATION\""),
    ];
    let first = all.into_iter().filter_map(|(name, addresses, greeting)| {
        let address = *addresses.first()?;
        Some(Service {
            name,
            address,
            greeting,
            proxies: config.proxy.trusted.clone(),
        })
    });
    first.collect()
}

impl Service {
    fn check(&self) -> anyhow::Result<()> {
        let what = || format!("{} on {}", self.name, self.address);
        let mut stream = connect(self.address).with_context(what)?;
        let own = stream.local_addr()?.ip();
        if self.proxies.iter().any(|proxy| proxy.contains(own)) {
            stream.write_all(LOCAL_HEADER).with_context(what)?;
        }
        if self.greeting.is_empty() {
            return Ok(());
        }
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut line = String::new();
        BufReader::new(stream.take(MAX_GREETING))
            .read_line(&mut line)
            .with_context(what)?;
        ensure!(
            line.starts_with(self.greeting),
            "{} greets with {:?}",
            what(),
            line.trim_end()
        );
        Ok(())
    }
}

/// A server that listens on all addresses is asked on loopback, over IPv4 where there is no IPv6.
fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let hosts: &[IpAddr] = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => &[IpAddr::V4(Ipv4Addr::LOCALHOST)],
        IpAddr::V6(ip) if ip.is_unspecified() => &[IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)],
        ip => &[ip],
    };
    let mut failure = None;
    for host in hosts {
        match TcpStream::connect_timeout(&SocketAddr::new(*host, address.port()), PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = Some(error),
        }
    }
    match failure {
        Some(error) => Err(error).context("does not answer"),
        None => bail!("no address"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn served(greeting: &'static str, said: &'static str) -> anyhow::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let service = Service {
            name: "smtp",
            address: SocketAddr::from(([0u16; 8], listener.local_addr().unwrap().port())),
            greeting,
            proxies: Vec::new(),
        };
        let server = std::thread::spawn(move || listener.accept().unwrap().0.write_all(said.as_bytes()).unwrap());
        let checked = service.check();
        server.join().unwrap();
        checked
    }

    #[test]
    fn a_service_that_greets_is_healthy_and_another_is_named() {
        served("220", "220 mail.example.org ESMTP\r\n").unwrap();
        served("* OK", "* OK [CAPABILITY IMAP4rev1] hello\r\n").unwrap();
        served("", "").unwrap();
        let told = served("220", "421 4.3.2 too many connections\r\n")
            .unwrap_err()
            .to_string();
        assert!(told.starts_with("smtp on [::]:") && told.ends_with("greets with \"421 4.3.2 too many connections\""));
        assert!(served("220", "").is_err());
    }

    #[test]
    fn a_service_that_is_off_is_not_asked() {
        let mut config = Config::default();
        assert_eq!(services(&config).len(), 6);
        config.listen.smtp.clear();
        assert!(services(&config).iter().all(|service| service.name != "smtp"));
    }
}
