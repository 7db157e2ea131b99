//! Mail for other servers finds them by DNS, and goes to nobody whom their domain does not name.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use posthaste::config::{Config, Dnssec, Period};
use posthaste::mail::address::Address;
use posthaste::mail::envelope::{BodyType, ReversePath};
use posthaste::mail::ids::QueueId;
use posthaste::net::dns::{Dns, Options};
use posthaste::outbound::Outbound;
use posthaste::queue::administration::{Action, Administration};
use posthaste::queue::{Answer, Destination, NewEntry, NewRecipient, Queue};
use posthaste::reports::tls::{Failure, Fault, Policy, PolicyType};
use posthaste::storage::reports::{Kind, ReportStore, Row, today};
use posthaste::storage::spool::Spool;
use ring::digest::{SHA256, digest};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::client::{Smtp, message, within};
use crate::peers::name_server::NameServer;
use crate::server::{DOMAIN, PASSWORD, TestServer};

/// What sends: a queue, and what empties it, to servers at the port of one of them.
pub(crate) struct Sender {
    folder: TempDir,
    spool: Spool,
    queue: Queue,
    reports: ReportStore,
    names: NameServer,
    /// Ends when this is dropped.
    _running: DropGuard,
}

impl Sender {
    pub(crate) async fn start(to: &TestServer, names: NameServer, folder: TempDir) -> anyhow::Result<Sender> {
        Sender::with(to, names, folder, |_| ()).await
    }

    /// With other settings.
    pub(crate) async fn with(
        to: &TestServer,
        names: NameServer,
        folder: TempDir,
        change: impl FnOnce(&mut Config),
    ) -> anyhow::Result<Sender> {
        let anchor: PathBuf = folder.path().join("anchor");
        let mut config = Config {
            data: folder.path().join("sender"),
            hostname: "out.example.net".to_owned(),
            ..Config::default()
        };
        config.outbound.port = to.address("smtp")?.port();
        change(&mut config);
        let dns = Dns::new(&Options {
            servers: vec![names.address()],
            dnssec: if anchor.exists() { Dnssec::On } else { Dnssec::Off },
            trust_anchor: Some(anchor),
            timeout: Duration::from_secs(5),
            cache_entries: 100,
        })?;
        let queue = Queue::open(
            &config.data,
            &config.queue,
            &config.route,
            &config.hostname,
            Duration::from_secs(10),
        )
        .await?;
        let reports = ReportStore::open(&config.data).await?;
        let outbound = Outbound::new(&config, queue.clone(), dns, reports.clone())?;
        let shutdown = CancellationToken::new();
        tokio::spawn(
            outbound
                .clone()
                .run(TaskTracker::new(), shutdown.clone(), CancellationToken::new()),
        );
        tokio::spawn({
            let (queue, shutdown) = (queue.clone(), shutdown.clone());
            async move { queue.follow(shutdown).await }
        });
        Ok(Sender {
            spool: Spool::open(&config.data.join("spool"))?,
            folder,
            queue,
            reports,
            names,
            _running: shutdown.drop_guard(),
        })
    }

    /// Puts a message into the queue, without a sender, so that nobody is told of a failure.
    pub(crate) async fn send(&self, subject: &str, to: &str) -> anyhow::Result<()> {
        let mut incoming = self.spool.begin();
        incoming.write(message(subject).as_bytes()).await?;
        let address = Address::parse(to)?;
        let entry = NewEntry {
            id: QueueId::fresh(),
            reverse_path: ReversePath::Null,
            account: None,
            recipients: vec![NewRecipient {
                destination: Destination::of(&address),
                address,
                notify: None,
                original: None,
            }],
            body: BodyType::SevenBit,
            smtputf8: false,
            ret: None,
            envelope_id: None,
            hold_until: None,
            handling: Default::default(),
            message: incoming.finish().await?,
            skip: 0,
            header: Vec::new(),
        };
        Ok(self.queue.enqueue(entry).await?)
    }

    async fn administration(&self) -> anyhow::Result<Administration> {
        Administration::open(&self.folder.path().join("sender"), Duration::from_secs(10)).await
    }

    /// Why the only message waits, once it has been tried.
    pub(crate) async fn waits(&self) -> anyhow::Result<Answer> {
        let queue = self.administration().await?;
        within("an attempt", async {
            loop {
                if let [only] = &queue.list(None).await?[..]
                    && let [recipient] = &only.recipients[..]
                    && let Some((answer, _)) = recipient.last_answer()
                {
                    return Ok(answer);
                }
            }
        })
        .await?
    }

    /// What was counted of the sessions for mail to [`DOMAIN`], each kind once.
    pub(crate) async fn tls_results(&self) -> anyhow::Result<Vec<(Policy, Option<Fault>)>> {
        self.reports.counted().await;
        let rows = self.reports.seen(Kind::Tls, today(), DOMAIN).await?;
        let read = |row: &Row| {
            let failure = |record| serde_json::from_str::<Failure>(record).map(|failure| failure.result_type);
            let record = Some(row.record.as_str()).filter(|record| !record.is_empty());
            Ok((serde_json::from_str(&row.policy)?, record.map(failure).transpose()?))
        };
        rows.iter().map(read).collect()
    }

    /// Until nothing is in the queue.
    pub(crate) async fn empty(&self) -> anyhow::Result<()> {
        let queue = self.administration().await?;
        within("the queue to be empty", async {
            while !queue.list(None).await?.is_empty() {}
            Ok(())
        })
        .await?
    }
}

#[tokio::test]
async fn exchangers_by_preference_and_the_next_when_one_is_down() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    let names = NameServer::start().await?;
    names.add(DOMAIN, "MX 20 backup.example.org.")?;
    names.add(DOMAIN, "MX 10 down.example.org.")?;
    names.add(DOMAIN, "MX 5 nowhere.example.org.")?;
    names.add("down.example.org", "A 127.0.0.2")?;
    names.add("backup.example.org", "A 127.0.0.1")?;
    names.add("implicit.example", "A 127.0.0.1")?;
    server.server().accounts().add_domain("implicit.example").await?;
    server
        .server()
        .accounts()
        .add_alias("alice@implicit.example", &["alice@example.org".to_owned()])
        .await?;
    let mut idle = server.idle("alice", "INBOX").await?;
    let sender = Sender::start(&server, names, tempfile::tempdir()?).await?;
    for (number, to) in ["alice@example.org", "alice@implicit.example"].iter().enumerate() {
        sender.send("away", to).await?;
        idle.pushed(&format!("* {} EXISTS", number + 1)).await?;
    }
    sender.empty().await
}

#[tokio::test]
async fn domains_that_take_no_mail_and_those_of_which_nothing_is_known() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    let names = NameServer::start().await?;
    names.add("null.example", "MX 0 .")?;
    names.add("loop.example", "MX 10 Out.example.net.")?;
    names.add("hollow.example", "MX 10 nothing.example.")?;
    names.fail("broken.example")?;
    let sender = Sender::start(&server, names, tempfile::tempdir()?).await?;
    for domain in ["null.example", "loop.example", "hollow.example", "gone.example"] {
        sender.send("never", &format!("alice@{domain}")).await?;
    }
    sender.empty().await?;
    sender.send("later", "alice@broken.example").await?;
    let answer = sender.waits().await?;
    assert_eq!(answer.status.to_string(), "4.4.3");
    Ok(())
}

#[tokio::test]
async fn a_domain_whose_server_is_down_delays_no_other() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    let names = NameServer::start().await?;
    names.add(DOMAIN, "MX 10 mx.example.org.")?;
    names.add("mx.example.org", "A 127.0.0.2")?;
    names.add("mx.example.org", "AAAA ::1")?;
    let mut idle = server.idle("alice", "INBOX").await?;
    let sender = Sender::start(&server, names, tempfile::tempdir()?).await?;
    sender.send("away", "alice@example.org").await?;
    let answer = sender.waits().await?;
    assert_eq!(answer.status.to_string(), "4.4.1");
    assert!(answer.text().contains("127.0.0.2"), "{}", answer.text());
    sender.names.add("other.example", "A 127.0.0.1")?;
    sender.names.add("example.com", "MX 10 other.example.")?;
    server.server().accounts().add_domain("example.com").await?;
    server
        .server()
        .accounts()
        .add_alias("alice@example.com", &["alice@example.org".to_owned()])
        .await?;
    sender.send("away", "alice@example.com").await?;
    idle.pushed("* 1 EXISTS").await?;
    Ok(())
}

#[tokio::test]
async fn what_a_user_submits_arrives_at_the_other_server_also_after_a_restart() -> anyhow::Result<()> {
    let there = TestServer::start().await?;
    there.server().accounts().add_domain("example.com").await?;
    there
        .server()
        .accounts()
        .add_alias("bob@example.com", &["bob@example.org".to_owned()])
        .await?;
    let names = NameServer::start().await?;
    names.fail("example.com")?;
    names.add("mx.example.com", "A 127.0.0.1")?;
    let port = there.address("smtp")?.port();
    let mut here = TestServer::with(|config| {
        config.hostname = "out.example.org".to_owned();
        config.dns.servers = vec![names.address()];
        config.outbound.port = port;
        config.queue.retry_first = Period::seconds(3600);
    })
    .await?;
    let mut idle = there.idle("bob", "INBOX").await?;
    let mut smtp = Smtp::greeted(here.connect("submission").await?).await?;
    let login = BASE64_STANDARD.encode(format!("\0alice@{DOMAIN}\0{PASSWORD}"));
    smtp.command(&format!("AUTH PLAIN {login}"), "235").await?;
    smtp.command(&format!("MAIL FROM:<alice@{DOMAIN}>"), "250").await?;
    smtp.command("RCPT TO:<bob@example.com>", "250").await?;
    smtp.command("DATA", "354").await?;
    smtp.command(
        &format!(
            "{}.",
            message("away").replace("sender@client.test", "alice@example.org")
        ),
        "250",
    )
    .await?;
    smtp.quit().await?;

    // Nothing is known of the domain as yet, and the server is stopped meanwhile.
    here.stop().await;
    names.mend("example.com")?;
    names.add("example.com", "MX 10 mx.example.com.")?;
    let queue = Administration::open(here.data(), Duration::from_secs(10)).await?;
    queue.act(Action::Retry, None).await?;
    queue.close().await;
    here.restart(|_| ()).await?;
    idle.pushed("* 1 EXISTS").await?;
    Ok(())
}

#[tokio::test]
async fn many_messages_share_connections() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    let names = NameServer::start().await?;
    names.add(DOMAIN, "MX 10 mx.example.org.")?;
    names.add("mx.example.org", "A 127.0.0.1")?;
    let mut idle = server.idle("alice", "INBOX").await?;
    let sender = Sender::start(&server, names, tempfile::tempdir()?).await?;
    for _ in 0..50 {
        sender.send("away", "alice@example.org").await?;
    }
    idle.pushed("* 50 EXISTS").await?;
    sender.empty().await?;
    // Once, however many messages there were.
    assert_eq!(sender.names.asked(DOMAIN, "MX")?, 1);
    Ok(())
}

/// The TLSA record of a server's own certificate, or of another one.
async fn tlsa(server: &TestServer, right: bool) -> anyhow::Result<String> {
    let mut imaps = server.connect("imaps").await?;
    imaps.line().await?;
    let mut hash = digest(&SHA256, &imaps.certificate()?).as_ref().to_vec();
    if !right {
        hash[0] ^= 1;
    }
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("TLSA 3 0 1 {hex}"))
}

#[tokio::test]
async fn a_server_shows_what_dane_says_or_gets_nothing() -> anyhow::Result<()> {
    for (right, status) in [(true, None), (false, Some("4.7.5"))] {
        let server = TestServer::start().await?;
        let folder = tempfile::tempdir()?;
        let names = NameServer::signed(&folder.path().join("anchor")).await?;
        names.add(DOMAIN, "MX 10 mx.example.org.")?;
        names.add("mx.example.org", "A 127.0.0.1")?;
        let port = server.address("smtp")?.port();
        names.add(&format!("_{port}._tcp.mx.example.org"), &tlsa(&server, right).await?)?;
        let mut idle = server.idle("alice", "INBOX").await?;
        let sender = Sender::start(&server, names, folder).await?;
        sender.send("away", "alice@example.org").await?;
        match status {
            None => {
                idle.pushed("* 1 EXISTS").await?;
                sender.empty().await?;
            }
            Some(status) => assert_eq!(sender.waits().await?.status.to_string(), status),
        }
        let [(policy, fault)] = &sender.tls_results().await?[..] else {
            anyhow::bail!("not one result");
        };
        assert_eq!(policy.policy_type, PolicyType::Tlsa);
        assert_eq!(policy.mx_host, ["mx.example.org"]);
        assert_eq!(*fault, (!right).then_some(Fault::ValidationFailure));
    }
    Ok(())
}

#[tokio::test]
async fn what_contradicts_its_signatures_is_asked_nothing() -> anyhow::Result<()> {
    for forged in [DOMAIN, "mx.example.org", "tlsa"] {
        let server = TestServer::start().await?;
        let folder = tempfile::tempdir()?;
        let names = NameServer::signed(&folder.path().join("anchor")).await?;
        names.add(DOMAIN, "MX 10 mx.example.org.")?;
        names.add("mx.example.org", "A 127.0.0.1")?;
        let owner = format!("_{}._tcp.mx.example.org", server.address("smtp")?.port());
        names.add(&owner, &tlsa(&server, true).await?)?;
        names.forge(if forged == "tlsa" { &owner } else { forged })?;
        let sender = Sender::start(&server, names, folder).await?;
        sender.send("away", "alice@example.org").await?;
        let answer = sender.waits().await.context(forged)?;
        assert_eq!(answer.status.to_string(), "4.4.3", "{forged}");
    }
    Ok(())
}
