//! What is seen of others' mail and servers is told to them, once, by a clock that the tests hold; and what they tell of ours
//! is read.

use std::io::Write;

use anyhow::{Context, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use posthaste::config::{Config, Greylisting, Period};
use posthaste::dkim::keys;
use posthaste::net::dns::{Dns, Options};
use posthaste::net::http::Client;
use posthaste::net::roots::Roots;
use posthaste::outbound::Reporter;
use posthaste::reports::tls::{Failure, Fault, Policy, seen};
use posthaste::storage::dkim_keys::KeyFolder;
use posthaste::storage::reports::{DAY, Kind, ReceivedReport, ReportStore, Seen, today};
use tempfile::TempDir;

use crate::client::{Smtp, dotted, within};
use crate::peers::https_host::HttpsHost;
use crate::peers::name_server::NameServer;
use crate::server::{DOMAIN, TestServer};

/// A server that sees, its name server, and the server of `example.com`, which is told.
struct World {
    here: TestServer,
    there: TestServer,
    names: NameServer,
    folder: TempDir,
}

impl World {
    async fn start() -> anyhow::Result<World> {
        World::with(|_| ()).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> anyhow::Result<World> {
        let there = TestServer::with(|config| {
            config.hostname = "mx.example.com".to_owned();
            config.reports.addresses = vec!["dmarc".to_owned()];
        })
        .await?;
        for domain in ["example.com", "other.example"] {
            there.server().accounts().add_domain(domain).await?;
            let to = [format!("alice@{DOMAIN}")];
            there
                .server()
                .accounts()
                .add_alias(&format!("dmarc@{domain}"), &to)
                .await?;
        }
        let names = NameServer::start().await?;
        for domain in ["example.com", "other.example"] {
            names.add(domain, "MX 10 mx.example.com.")?;
        }
        names.add("mx.example.com", "A 127.0.0.1")?;
        let folder = tempfile::tempdir()?;
        let (address, port) = (names.address(), there.address("smtp")?.port());
        let here = TestServer::with(|config| {
            config.hostname = format!("mail.{DOMAIN}");
            config.dns.servers = vec![address];
            config.outbound.port = port;
            config.origin.trusted.clear();
            config.origin.gateways.clear();
            config.origin.greylisting = Greylisting::Off;
            config.origin.tarpit = Period::seconds(0);
            change(config);
        })
        .await?;
        Ok(World {
            here,
            there,
            names,
            folder,
        })
    }

    fn store(&self) -> &ReportStore {
        self.here.server().reports()
    }

    /// What sends, by a clock that only the test moves.
    fn reporter(&self) -> anyhow::Result<Reporter> {
        let server = self.here.server();
        let mut config = self.here.config().clone();
        let authority = self.folder.path().join("authority.pem");
        config.outbound.authorities = authority.exists().then_some(authority);
        let dns = Dns::new(&Options {
            servers: vec![self.names.address()],
            dnssec: posthaste::config::Dnssec::Off,
            trust_anchor: None,
            timeout: std::time::Duration::from_secs(5),
            // What a test changes counts at once.
            cache_entries: 0,
        })?;
        let (store, accounts, delivery) = (
            self.store().clone(),
            server.accounts().clone(),
            server.delivery().clone(),
        );
        let http = Client::new(&Roots::trusted(config.outbound.authorities.as_deref())?)?;
        Reporter::new(&config, store, accounts, delivery, dns, http)
    }

    /// Somebody sends a message in the name of `example.com`; the reply.
    async fn forge(&self) -> anyhow::Result<String> {
        let mut smtp = Smtp::greeted(self.here.connect("smtp").await?).await?;
        smtp.command("EHLO forger.example", "250").await?;
        smtp.command("MAIL FROM:<x@forger.example>", "250").await?;
        smtp.command(&format!("RCPT TO:<alice@{DOMAIN}>"), "250").await?;
        smtp.command("DATA", "354").await?;
        let message = b"From: a@news.example.com\r\nSubject: x\r\n\r\nText\r\n";
        smtp.client.send(dotted(message)).await?;
        smtp.reply().await
    }

    /// What became of the one report of this kind that there is for a domain.
    async fn outcome(&self, kind: Kind, domain: &str) -> anyhow::Result<Option<String>> {
        let all = self.store().overview().await?;
        let mut found = all
            .into_iter()
            .filter(|one| (one.kind, one.domain.as_str()) == (kind, domain));
        let one = found.next().context("nothing was seen")?;
        ensure!(found.next().is_none(), "{domain}: something was seen on two days");
        Ok(one.outcome)
    }

    /// A row of DMARC, for whatever domain.
    async fn dmarc_row(&self, domain: &str) -> anyhow::Result<Seen> {
        self.names.add(
            "_dmarc.example.com",
            "TXT \"v=DMARC1; p=none; rua=mailto:dmarc@example.com\"",
        )?;
        self.forge().await?;
        self.store().counted().await;
        let row = self.store().seen(Kind::Dmarc, today(), "example.com").await?.remove(0);
        Ok(Seen {
            kind: Kind::Dmarc,
            domain: domain.to_owned(),
            policy: row.policy,
            record: row.record,
        })
    }
}

/// The first report that comes to a server and is read there.
async fn first_report(server: &TestServer) -> anyhow::Result<ReceivedReport> {
    let reports = server.server().reports();
    within("a report to be read", async {
        loop {
            if let Some(first) = reports.received(None).await?.pop() {
                return Ok(first);
            }
        }
    })
    .await?
}

#[tokio::test]
async fn a_domain_is_told_of_mail_in_its_name_when_the_day_is_over_and_once() -> anyhow::Result<()> {
    let world = World::start().await?;
    keys::create(&KeyFolder::new(world.here.data()), DOMAIN)?;
    let record = "v=DMARC1; p=none; sp=reject; rua=mailto:dmarc@example.com!10m";
    world.names.add("_dmarc.example.com", &format!("TXT \"{record}\""))?;
    for _ in 0..2 {
        let reply = world.forge().await?;
        assert!(reply.starts_with("550"), "{reply}");
    }
    world.store().counted().await;
    let rows = world.store().seen(Kind::Dmarc, today(), "example.com").await?;
    assert_eq!((rows.len(), rows[0].count), (1, 2));

    let mut idle = world.there.idle("alice", "INBOX").await?;
    let mut reporter = world.reporter()?;
    let midnight = (today() + 1) * DAY;
    reporter.send(midnight - 1, true).await?;
    reporter.send(midnight, false).await?;
    assert_eq!(world.outcome(Kind::Dmarc, "example.com").await?, None);
    reporter.send(midnight + DAY / 2, false).await?;
    assert_eq!(
        world.outcome(Kind::Dmarc, "example.com").await?.as_deref(),
        Some("sent to dmarc@example.com")
    );
    idle.pushed("* 1 EXISTS").await?;

    // What another Posthaste makes of it.
    let came = first_report(&world.there).await?;
    assert_eq!(
        (came.kind, came.domain.as_str(), came.reporter.as_str()),
        (Kind::Dmarc, "example.com", DOMAIN)
    );
    assert_eq!((came.begins, came.passed, came.failed), (today() * DAY, 0, 2));
    let rows = world.there.server().reports().received_rows(came.id).await?;
    assert_eq!((rows[0].source.as_str(), rows[0].count), ("127.0.0.1", 2));
    assert_eq!(rows[0].detail, "reject dkim=fail spf=fail from=news.example.com");

    let mut imap = world.there.select("alice", "INBOX").await?;
    let message = imap.ok("FETCH 1 BODY[]").await?.concat();
    for part in [
        "Return-Path: <>",
        "DKIM-Signature: ",
        "d=example.org",
        "From: postmaster@example.org",
    ] {
        assert!(message.contains(part), "{part}\n-- is not in:\n{message}");
    }

    // Not again, also not by another one that knows nothing but the disk.
    world.reporter()?.send(midnight + DAY, true).await?;
    assert!(world.store().unsettled(0, today() + 2).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn whoever_does_not_want_reports_gets_none() -> anyhow::Result<()> {
    let world = World::start().await?;
    let row = world.dmarc_row("").await?;
    let yesterday = today() - 1;
    for (domain, record) in [
        ("none.example", "v=DMARC1; p=none"),
        ("elsewhere.example", "v=DMARC1; p=none; rua=mailto:dmarc@other.example"),
        ("agreed.example", "v=DMARC1; p=none; rua=mailto:dmarc@other.example"),
        ("small.example", "v=DMARC1; p=none; rua=mailto:dmarc@small.example!1"),
        ("nothing.example", "something else"),
        (
            "part.whole.example",
            "v=DMARC1; p=none; rua=mailto:dmarc@mail.whole.example",
        ),
        ("whole.example", "v=DMARC1; p=none"),
        (
            "shop.public.example",
            "v=DMARC1; p=none; rua=mailto:dmarc@public.example",
        ),
        ("public.example", "v=DMARC1; p=none; psd=y"),
    ] {
        world
            .names
            .add(&format!("_dmarc.{domain}"), &format!("TXT \"{record}\""))?;
        world.store().note_on(
            yesterday,
            Seen {
                domain: domain.to_owned(),
                ..row.clone()
            },
        );
    }
    world
        .names
        .add("agreed.example._report._dmarc.other.example", "TXT \"v=DMARC1\"")?;
    world.names.fail("_dmarc.broken.example")?;
    world.store().note_on(
        yesterday,
        Seen {
            domain: "broken.example".to_owned(),
            ..row.clone()
        },
    );
    world.store().counted().await;
    let mut reporter = world.reporter()?;
    let now = today() * DAY;
    reporter.send(now, true).await?;
    for (domain, outcome) in [
        ("none.example", Some("nobody asks for it")),
        ("elsewhere.example", Some("nobody asks for it")),
        ("agreed.example", Some("sent to dmarc@other.example")),
        (
            "small.example",
            Some("not sent to dmarc@small.example: larger than it takes"),
        ),
        ("nothing.example", Some("nobody asks for it")),
        ("part.whole.example", Some("sent to dmarc@mail.whole.example")),
        ("shop.public.example", Some("nobody asks for it")),
        ("broken.example", None),
    ] {
        assert_eq!(
            world.outcome(Kind::Dmarc, domain).await?.as_deref(),
            outcome,
            "{domain}"
        );
    }
    // Nothing was known of it then, and is an hour later.
    world.names.mend("_dmarc.broken.example")?;
    reporter.send(now + 3599, false).await?;
    assert_eq!(world.outcome(Kind::Dmarc, "broken.example").await?, None);
    reporter.send(now + DAY / 2, false).await?;
    assert_eq!(
        world.outcome(Kind::Dmarc, "broken.example").await?.as_deref(),
        Some("nobody asks for it")
    );
    Ok(())
}

#[tokio::test]
async fn tls_results_go_by_mail_and_by_https() -> anyhow::Result<()> {
    let world = World::start().await?;
    let failure = Failure {
        result_type: Fault::CertificateExpired,
        receiving_mx_hostname: Some("mx.example.com".to_owned()),
        receiving_ip: None,
    };
    let yesterday = today() - 1;
    for domain in ["example.com", "posted.example"] {
        world.store().note_on(yesterday, seen(domain, &Policy::default(), None));
        world
            .store()
            .note_on(yesterday, seen(domain, &Policy::default(), Some(&failure)));
    }
    world.store().counted().await;
    world.names.add(
        "_smtp._tls.example.com",
        "TXT \"v=TLSRPTv1; rua=mailto:dmarc@example.com\"",
    )?;
    let host = HttpsHost::start("take.example", &world.folder.path().join("authority.pem")).await?;
    world.names.add("take.example", "A 127.0.0.1")?;
    let record = format!("v=TLSRPTv1;rua=https://take.example:{}/v1/reports", host.port());
    world
        .names
        .add("_smtp._tls.posted.example", &format!("TXT \"{record}\""))?;
    host.answer("503 Later", "");
    let mut reporter = world.reporter()?;
    let now = today() * DAY + DAY / 2;
    reporter.send(now, false).await?;
    // Unsigned it may not be sent, and a refusal is no delivery.
    assert_eq!(world.outcome(Kind::Tls, "example.com").await?, None);
    assert_eq!(world.outcome(Kind::Tls, "posted.example").await?, None);

    keys::create(&KeyFolder::new(world.here.data()), DOMAIN)?;
    host.answer("201 Created", "");
    reporter.send(now + 3600, false).await?;
    assert_eq!(
        world.outcome(Kind::Tls, "posted.example").await?.as_deref(),
        Some("posted to take.example")
    );
    let asked = host.asked();
    assert_eq!(asked.len(), 2);
    assert!(
        asked[1].head.starts_with("POST /v1/reports HTTP/1.1\r\n"),
        "{}",
        asked[1].head
    );
    assert!(
        asked[1].head.contains("content-type: application/tlsrpt+gzip\r\n"),
        "{}",
        asked[1].head
    );
    let posted = posthaste::reports::received::read(&asked[1].body).expect("a report");
    assert_eq!((posted.domain.as_str(), posted.rows.len()), ("posted.example", 2));

    assert_eq!(
        world.outcome(Kind::Tls, "example.com").await?.as_deref(),
        Some("sent to dmarc@example.com")
    );
    let came = first_report(&world.there).await?;
    assert_eq!(
        (came.kind, came.domain.as_str(), came.passed, came.failed),
        (Kind::Tls, "example.com", 1, 1)
    );
    // The session that has brought it is not counted, or there would be a report of today's for ever (RFC 8460 §3).
    world.store().counted().await;
    assert_eq!(
        world.outcome(Kind::Tls, "example.com").await?.as_deref(),
        Some("sent to dmarc@example.com")
    );
    let mut imap = world.there.select("alice", "INBOX").await?;
    let message = imap.ok("FETCH 1 BODY[]").await?.concat();
    for part in ["TLS-Required: No", "TLS-Report-Domain: example.com", "DKIM-Signature: "] {
        assert!(message.contains(part), "{part}\n-- is not in:\n{message}");
    }
    Ok(())
}

#[tokio::test]
async fn a_wish_of_the_command_line_is_enough() -> anyhow::Result<()> {
    let world = World::start().await?;
    keys::create(&KeyFolder::new(world.here.data()), DOMAIN)?;
    world.names.add(
        "_smtp._tls.example.com",
        "TXT \"v=TLSRPTv1; rua=mailto:dmarc@example.com\"",
    )?;
    world
        .store()
        .note_on(today() - 1, seen("example.com", &Policy::default(), None));
    world.store().counted().await;
    let other = ReportStore::open(world.here.data()).await?;
    other.wish().await?;
    other.close().await;
    assert_eq!(first_report(&world.there).await?.domain, "example.com");
    Ok(())
}

#[tokio::test]
async fn a_report_that_comes_is_delivered_and_read_unless_it_is_none_of_our_business() -> anyhow::Result<()> {
    let server = TestServer::with(|config| config.reports.addresses = vec!["alice".to_owned()]).await?;
    let xml = |domain: &str| {
        format!(
            "<feedback><report_metadata><org_name>big.example</org_name><email>a@big.example</email>\
             <report_id>{domain}</report_id><date_range><begin>0</begin><end>86399</end></date_range></report_metadata>\
             <policy_published><domain>{domain}</domain><p>none</p></policy_published><record><row>\
             <source_ip>192.0.2.1</source_ip><count>7</count><policy_evaluated><disposition>none</disposition>\
             <dkim>pass</dkim><spf>pass</spf></policy_evaluated></row><identifiers><header_from>{domain}</header_from>\
             </identifiers></record></feedback>"
        )
    };
    let mut idle = server.idle("alice", "INBOX").await?;
    let bomb = vec![b' '; 64 << 20];
    let attachments = [bomb, xml("stranger.example").into_bytes(), xml(DOMAIN).into_bytes()];
    for (number, attachment) in attachments.iter().enumerate() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(attachment)?;
        let encoded = BASE64_STANDARD.encode(gzip.finish()?);
        let lines: Vec<&str> = encoded
            .as_bytes()
            .chunks(76)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        let message = format!(
            "From: a@big.example\r\nSubject: Report Domain: {DOMAIN}\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nText\r\n--b\r\n\
             Content-Type: application/gzip; name=\"r.xml.gz\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
            lines.join("\r\n")
        );
        server.deliver("alice", &message).await?;
        idle.pushed(&format!("* {} EXISTS", number + 1)).await?;
    }
    // They are read one after the other.
    let first = first_report(&server).await?;
    let reports = server.server().reports();
    assert_eq!(
        (first.domain.as_str(), first.passed, first.reporter.as_str()),
        (DOMAIN, 7, "big.example")
    );
    assert_eq!(reports.received(None).await?.len(), 1);
    Ok(())
}
