//! MTA-STS (RFC 8461) from end to end: policies of others are fetched, kept and enforced; ours is served, and good enough for
//! ourselves.

use std::path::PathBuf;

use posthaste::config::MtaStsMode;
use posthaste::reports::tls::{Fault, PolicyType};
use posthaste::web::policy;
use tempfile::TempDir;

use crate::outbound::Sender;
use crate::peers::https_host::HttpsHost;
use crate::peers::name_server::NameServer;
use crate::server::{DOMAIN, TestServer};

const MX: &str = "mx.example.org";

/// A server of [`DOMAIN`], the host of its policy, and the names of both.
struct World {
    server: TestServer,
    host: HttpsHost,
    names: NameServer,
    folder: TempDir,
}

impl World {
    /// The server's certificate is for one name, the host's for another.
    async fn start(server: &str, host: &str) -> anyhow::Result<World> {
        let folder = tempfile::tempdir()?;
        let server = TestServer::with(|config| config.hostname = server.to_owned()).await?;
        let authority = folder.path().join("authority.pem");
        let host = HttpsHost::start(host, &authority).await?;
        let own = std::fs::read_to_string(server.data().join("tls/certificate.pem"))?;
        std::fs::write(&authority, std::fs::read_to_string(&authority)? + &own)?;
        let names = NameServer::start().await?;
        names.add(DOMAIN, &format!("MX 10 {MX}."))?;
        names.add(MX, "A 127.0.0.1")?;
        names.add("mta-sts.example.org", "A 127.0.0.1")?;
        names.add("_mta-sts.example.org", "TXT \"v=STSv1; id=1\"")?;
        host.answer("200 OK", &written("enforce", MX));
        Ok(World {
            server,
            host,
            names,
            folder,
        })
    }

    /// What sends to it, and the host of the policy.
    async fn sender(self) -> anyhow::Result<(TestServer, HttpsHost, Sender)> {
        let World {
            server,
            host,
            names,
            folder,
        } = self;
        let authority: PathBuf = folder.path().join("authority.pem");
        let sender = Sender::with(&server, names, folder, |config| {
            config.outbound.mta_sts_port = host.port();
            config.outbound.authorities = Some(authority);
        })
        .await?;
        Ok((server, host, sender))
    }
}

fn written(mode: &str, mx: &str) -> String {
    format!("version: STSv1\r\nmode: {mode}\r\nmx: {mx}\r\nmax_age: 604800\r\n")
}

#[tokio::test]
async fn a_policy_is_fetched_once_and_kept_to() -> anyhow::Result<()> {
    let world = World::start(MX, "mta-sts.example.org").await?;
    let mut idle = world.server.idle("alice", "INBOX").await?;
    let (_server, host, sender) = world.sender().await?;
    for number in 1..=3 {
        sender.send("away", "alice@example.org").await?;
        idle.pushed(&format!("* {number} EXISTS")).await?;
        sender.empty().await?;
    }
    let asked = host.asked();
    assert_eq!(asked.len(), 1);
    assert!(
        asked[0]
            .head
            .starts_with("GET /.well-known/mta-sts.txt HTTP/1.1\r\nhost: mta-sts.example.org\r\n")
    );
    let [(policy, None)] = &sender.tls_results().await?[..] else {
        anyhow::bail!("not one result")
    };
    assert_eq!(policy.policy_type, PolicyType::Sts);
    assert_eq!(policy.mx_host, [MX]);
    assert_eq!(
        policy.policy_string,
        [
            "version: STSv1",
            "mode: enforce",
            "mx: mx.example.org",
            "max_age: 604800"
        ]
    );
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_not_as_the_policy_says_gets_nothing_and_is_told_of() -> anyhow::Result<()> {
    for (certificate, policy, status, fault) in [
        // Of another name.
        (
            "other.example.org",
            written("enforce", MX),
            "4.7.5",
            Fault::CertificateHostMismatch,
        ),
        (
            MX,
            written("enforce", "*.example.net"),
            "4.7.1",
            Fault::ValidationFailure,
        ),
    ] {
        let world = World::start(certificate, "mta-sts.example.org").await?;
        world.host.answer("200 OK", &policy);
        let (_server, _host, sender) = world.sender().await?;
        sender.send("never", "alice@example.org").await?;
        assert_eq!(sender.waits().await?.status.to_string(), status, "{policy}");
        let [(policy, found)] = &sender.tls_results().await?[..] else {
            anyhow::bail!("not one result")
        };
        assert_eq!((policy.policy_type, *found), (PolicyType::Sts, Some(fault)));
    }
    Ok(())
}

#[tokio::test]
async fn what_is_only_tried_out_or_cannot_be_had_is_told_of_and_keeps_no_mail() -> anyhow::Result<()> {
    for (certificate, host, status, policy, faults) in [
        (
            "other.example.org",
            "mta-sts.example.org",
            "200 OK",
            written("testing", MX),
            Fault::CertificateHostMismatch,
        ),
        (
            MX,
            "mta-sts.example.org",
            "200 OK",
            written("testing", "*.example.net"),
            Fault::ValidationFailure,
        ),
        (
            MX,
            "mta-sts.example.org",
            "404 Not Found",
            String::new(),
            Fault::StsPolicyFetchError,
        ),
        (
            MX,
            "mta-sts.example.org",
            "200 OK",
            "no policy".to_owned(),
            Fault::StsPolicyInvalid,
        ),
        (
            MX,
            "web.example.org",
            "200 OK",
            written("enforce", MX),
            Fault::StsWebpkiInvalid,
        ),
    ] {
        let world = World::start(certificate, host).await?;
        world.host.answer(status, &policy);
        let mut idle = world.server.idle("alice", "INBOX").await?;
        let (_server, _host, sender) = world.sender().await?;
        sender.send("away", "alice@example.org").await?;
        idle.pushed("* 1 EXISTS").await?;
        let results = sender.tls_results().await?;
        let found = results
            .iter()
            .filter(|(policy, _)| policy.policy_type == PolicyType::Sts);
        let found: Vec<_> = found.map(|(_, fault)| *fault).collect();
        assert_eq!(found, [Some(faults)], "{status} {policy}");
    }
    Ok(())
}

#[tokio::test]
async fn our_own_policy_is_one_that_we_would_keep_to() -> anyhow::Result<()> {
    // One certificate for both: the server is called as the host of its policy.
    let host = "mta-sts.example.org";
    let server = TestServer::with(|config| {
        config.hostname = host.to_owned();
        config.listen.https = vec!["127.0.0.1:0".parse().unwrap()];
        config.mta_sts.mode = MtaStsMode::Enforce;
    })
    .await?;
    let names = NameServer::start().await?;
    names.add(DOMAIN, &format!("MX 10 {host}."))?;
    names.add(host, "A 127.0.0.1")?;
    let id = policy::id(&server.config().mta_sts, host);
    names.add("_mta-sts.example.org", &format!("TXT \"v=STSv1; id={id}\""))?;
    let port = server.address("https")?.port();
    let authority = server.data().join("tls/certificate.pem");
    let mut idle = server.idle("alice", "INBOX").await?;
    let sender = Sender::with(&server, names, tempfile::tempdir()?, |config| {
        config.outbound.mta_sts_port = port;
        config.outbound.authorities = Some(authority);
    })
    .await?;
    sender.send("away", "alice@example.org").await?;
    idle.pushed("* 1 EXISTS").await?;
    let [(policy, None)] = &sender.tls_results().await?[..] else {
        anyhow::bail!("not one result")
    };
    assert_eq!((policy.policy_type, &*policy.mx_host[0]), (PolicyType::Sts, host));
    Ok(())
}

#[tokio::test]
async fn nothing_is_served_but_the_policy() -> anyhow::Result<()> {
    let server = TestServer::with(|config| {
        config.hostname = "mail.example.org".to_owned();
        config.listen.https = vec!["127.0.0.1:0".parse().unwrap()];
        config.mta_sts.mode = MtaStsMode::Testing;
    })
    .await?;
    let text = "version: STSv1\r\nmode: testing\r\nmx: mail.example.org\r\nmax_age: 604800\r\n";
    let path = "/.well-known/mta-sts.txt";
    let many = "a: b\r\n".repeat(200);
    let long = "x".repeat(5000);
    for (request, status, body) in [
        (
            format!("GET {path} HTTP/1.1\r\nHost: mta-sts.example.org\r\n\r\n"),
            "200",
            text,
        ),
        (
            format!("GET {path}?x HTTP/1.0\r\nhost: MTA-STS.Example.ORG:443\r\n\r\n"),
            "200",
            text,
        ),
        (
            format!("HEAD {path} HTTP/1.1\r\nHost: mta-sts.example.org\r\n\r\n"),
            "200",
            "",
        ),
        (
            format!("POST {path} HTTP/1.1\r\nHost: mta-sts.example.org\r\nContent-Length: 1\r\n\r\nx"),
            "405",
            "",
        ),
        (
            "GET / HTTP/1.1\r\nHost: mta-sts.example.org\r\n\r\n".to_owned(),
            "404",
            "",
        ),
        (format!("GET {path} HTTP/1.1\r\nHost: example.org\r\n\r\n"), "404", ""),
        (
            format!("GET {path} HTTP/1.1\r\nHost: mta-sts.stranger.example\r\n\r\n"),
            "404",
            "",
        ),
        (format!("GET {path} HTTP/1.1\r\n\r\n"), "400", ""),
        (format!("GET {path} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), "400", ""),
        (
            format!("GET {path} HTTP/1.1\r\nHost : mta-sts.example.org\r\n\r\n"),
            "400",
            "",
        ),
        ("EHLO you\r\n".to_owned(), "400", ""),
        (format!("GET {path} HTTP/1.1\r\n{many}\r\n"), "431", ""),
        (format!("GET /{long} HTTP/1.1\r\n\r\n"), "431", ""),
    ] {
        let mut client = server.connect("https").await?;
        client.send(request.as_bytes()).await?;
        let mut head = String::new();
        loop {
            let line = String::from_utf8(client.line().await?)?;
            if line.is_empty() {
                break;
            }
            head.push_str(&line);
            head.push('\n');
        }
        let mut found = String::new();
        for _ in body.lines() {
            found.push_str(&String::from_utf8(client.line().await?)?);
            found.push_str("\r\n");
        }
        client.end().await?;
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request:.80}\n{head}"
        );
        assert_eq!(found, body, "{request:.80}");
        let length = if status == "200" { text.len() } else { 0 };
        assert!(head.contains(&format!("Content-Length: {length}")), "{head}");
    }
    Ok(())
}
