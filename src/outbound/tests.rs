//! Attempts at servers that do what they should, and at those that do not.

use std::time::Duration;

use tempfile::TempDir;

use peer::{Act, Line, Peer};

use super::security::Strictness;
use super::*;
use crate::config::{Dnssec, Period, RouteTls};
use crate::mail::address::Address;
use crate::mail::envelope::{BodyType, ReversePath};
use crate::mail::handling::{DeliverBy, Handling, Priority, TlsWish};
use crate::mail::ids::QueueId;
use crate::net::dns;
use crate::net::tls_client::Verification;
use crate::queue::{Answer, Destination, NewEntry, NewRecipient, Outcome, RecipientId};
use crate::reports::tls::{self, Failure, Fault};
use crate::storage::reports::{Kind, ReportStore, today};
use crate::storage::spool::Spool;

mod peer;
mod sharing;

const MESSAGE: &[u8] = b"Subject: x\r\n\r\nHello\r\n.\r\n..two\r\n";
const ALL: &str = "PIPELINING|SIZE 1000000|8BITMIME|SMTPUTF8|DSN|ENHANCEDSTATUSCODES";

/// A queue and what empties it.
struct World {
    _folder: TempDir,
    spool: Spool,
    outbound: Outbound,
    domain: &'static str,
}

/// A message that is not the usual one.
struct Mail {
    from: &'static str,
    to: &'static [&'static str],
    message: &'static [u8],
    body: BodyType,
    smtputf8: bool,
    handling: Handling,
}

impl Default for Mail {
    fn default() -> Mail {
        Mail {
            from: "alice@example.org",
            to: &["bob@example.test"],
            message: MESSAGE,
            body: BodyType::SevenBit,
            smtputf8: false,
            handling: Handling::default(),
        }
    }
}

impl World {
    /// All mail goes to this peer.
    async fn new(peer: &Peer, change: impl FnOnce(&mut Config)) -> World {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            data: folder.path().to_owned(),
            hostname: "mx.example.org".to_owned(),
            ..Config::default()
        };
        config.route.push(config::Route {
            domain: "*".to_owned(),
            host: peer.address().ip().to_string(),
            port: peer.address().port(),
            tls: RouteTls::Opportunistic,
            user: None,
            password: None,
            password_file: None,
        });
        let timeouts = &mut config.outbound.timeout;
        for timeout in [
            &mut timeouts.greeting,
            &mut timeouts.hello,
            &mut timeouts.mail,
            &mut timeouts.rcpt,
            &mut timeouts.data,
            &mut timeouts.end,
        ] {
            *timeout = Period::milliseconds(300);
        }
        change(&mut config);
        let dns = Dns::new(&dns::Options {
            servers: vec!["127.0.0.1:1".parse().unwrap()],
            dnssec: Dnssec::Off,
            trust_anchor: None,
            timeout: Duration::from_millis(10),
            cache_entries: 10,
        });
        let queue = Queue::open(
            folder.path(),
            &config.queue,
            &config.route,
            &config.hostname,
            Duration::from_secs(20),
        )
        .await;
        let reports = ReportStore::open(folder.path()).await.unwrap();
        World {
            spool: Spool::open(&folder.path().join("spool")).unwrap(),
            outbound: Outbound::new(&config, queue.unwrap(), dns.unwrap(), reports).unwrap(),
            _folder: folder,
            domain: "example.test",
        }
    }

    async fn enqueue(&self, mail: &Mail) {
        let mut incoming = self.spool.begin();
        incoming.write(mail.message).await.unwrap();
        let recipient = |to: &&str| NewRecipient {
            address: Address::parse(to).unwrap(),
            destination: Destination::Domain(self.domain.into()),
            notify: Some("SUCCESS,DELAY".parse().unwrap()),
            original: Some("rfc822;b+2Bob@example.test".parse().unwrap()),
        };
        let entry = NewEntry {
            id: QueueId::fresh(),
            reverse_path: ReversePath::parse(mail.from).unwrap(),
            account: None,
            recipients: mail.to.iter().map(recipient).collect(),
            body: mail.body,
            smtputf8: mail.smtputf8,
            ret: Some("HDRS".parse().unwrap()),
            envelope_id: Some("QQ314159".parse().unwrap()),
            hold_until: None,
            handling: mail.handling,
            message: incoming.finish().await.unwrap(),
            skip: 0,
            header: Vec::new(),
        };
        self.outbound.0.queue.enqueue(entry).await.unwrap();
    }

    /// What becomes of a message.
    async fn send(&self, mail: &Mail) -> Vec<Outcome> {
        self.send_on(mail, &mut None).await
    }

    async fn send_on(&self, mail: &Mail, kept: &mut Option<client::Client>) -> Vec<Outcome> {
        self.enqueue(mail).await;
        let destination = Destination::Domain(self.domain.into());
        let claim = self.outbound.0.queue.claim(&destination).await.unwrap().unwrap();
        let ids: Vec<RecipientId> = claim.recipients.iter().map(|recipient| recipient.id).collect();
        let mut outcomes = self.outbound.attempt(self.domain, &claim, kept).await;
        outcomes.sort_by_key(|(id, _)| *id);
        assert_eq!(outcomes.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids);
        claim.settle(outcomes.clone()).await.unwrap();
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }
}

fn answer(outcome: &Outcome) -> &Answer {
    match outcome {
        Outcome::Relayed { answer, .. } | Outcome::Deferred { answer, .. } | Outcome::Failed(answer) => answer,
        other => panic!("{other:?}"),
    }
}

fn told(outcome: &Outcome) -> (&'static str, String) {
    let kind = match outcome {
        Outcome::Relayed { .. } => "relayed",
        Outcome::Deferred { .. } => "deferred",
        Outcome::Failed(_) => "failed",
        other => panic!("{other:?}"),
    };
    (kind, answer(outcome).status.to_string())
}

#[tokio::test]
async fn a_message_with_all_that_the_server_offers() {
    let peer = Peer::start(ALL, &[]).await;
    let world = World::new(&peer, |_| ()).await;
    let outcomes = world.send(&Mail::default()).await;
    assert!(
        matches!(&outcomes[..], [Outcome::Relayed { dsn: true, .. }]),
        "{outcomes:?}"
    );
    assert_eq!(answer(&outcomes[0]).text(), "250 2.0.0 queued as 1");
    assert_eq!(peer.lines("EHLO"), ["EHLO mx.example.org"]);
    assert_eq!(
        peer.lines("MAIL"),
        [format!(
            "MAIL FROM:<alice@example.org> SIZE={} RET=HDRS ENVID=QQ314159",
            MESSAGE.len()
        )]
    );
    assert_eq!(
        peer.lines("RCPT"),
        ["RCPT TO:<bob@example.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bob@example.test"]
    );
    assert_eq!(peer.messages(), ["Subject: x\r\n\r\nHello\r\n..\r\n...two\r\n"]);
}

#[tokio::test]
async fn a_server_that_offers_nothing_and_one_that_knows_only_helo() {
    for script in [vec![], vec![("EHLO", 1, Act::Say("502 what\r\n"))]] {
        let peer = Peer::start("", &script).await;
        let world = World::new(&peer, |_| ()).await;
        let outcomes = world.send(&Mail::default()).await;
        assert!(
            matches!(&outcomes[..], [Outcome::Relayed { dsn: false, .. }]),
            "{outcomes:?}"
        );
        assert_eq!(peer.lines("HELO").len(), script.len());
        assert_eq!(peer.lines("MAIL"), ["MAIL FROM:<alice@example.org>"]);
        assert_eq!(peer.lines("RCPT"), ["RCPT TO:<bob@example.test>"]);
    }
}

#[tokio::test]
async fn what_a_server_does_at_each_stage() {
    use Act::{Drop, Hang, Say, SayAndDrop};
    let cases: &[(Line, &str, &str)] = &[
        (("connect", 9, Say("421 4.3.2 busy\r\n")), "deferred", "4.3.2"),
        (("connect", 9, Say("554 5.7.1 no\r\n")), "deferred", "5.7.1"),
        (("connect", 9, Drop), "deferred", "4.4.2"),
        (("connect", 9, Hang), "deferred", "4.4.2"),
        (("connect", 9, Say("hello there\r\n")), "deferred", "4.4.2"),
        (("EHLO", 9, Say("451 4.3.0 later\r\n")), "deferred", "4.3.0"),
        (("EHLO", 9, Drop), "deferred", "4.4.2"),
        (("EHLO", 9, Hang), "deferred", "4.4.2"),
        (("MAIL", 9, Say("451 4.3.0 later\r\n")), "deferred", "4.3.0"),
        (("MAIL", 9, Say("550 5.7.1 not you\r\n")), "failed", "5.7.1"),
        (("MAIL", 9, Say("550 not you\r\n")), "failed", "5.0.0"),
        (("MAIL", 9, Drop), "deferred", "4.4.2"),
        (("MAIL", 9, Hang), "deferred", "4.4.2"),
        (("MAIL", 9, Say("25\r\n")), "deferred", "4.4.2"),
        (("MAIL", 9, SayAndDrop("421 4.3.2 bye\r\n")), "deferred", "4.3.2"),
        (("RCPT", 9, Say("450 4.7.1 greylisted\r\n")), "deferred", "4.7.1"),
        (("RCPT", 9, Say("550 5.1.1 unknown\r\n")), "failed", "5.1.1"),
        (("RCPT", 9, Say("552 too many\r\n")), "deferred", "4.5.3"),
        (("RCPT", 9, Say("552 5.2.2 full\r\n")), "failed", "5.2.2"),
        (("RCPT", 9, Say("250-x\r\n251 y\r\n")), "deferred", "4.4.2"),
        (("RCPT", 9, Drop), "deferred", "4.4.2"),
        (("RCPT", 9, Hang), "deferred", "4.4.2"),
        (("DATA", 9, Say("451 4.3.0 later\r\n")), "deferred", "4.3.0"),
        (("DATA", 9, Say("554 5.6.0 no\r\n")), "failed", "5.6.0"),
        (("DATA", 9, Say("250 2.0.0 what\r\n")), "deferred", "4.4.2"),
        (("DATA", 9, Drop), "deferred", "4.4.2"),
        (("DATA", 9, Hang), "deferred", "4.4.2"),
        (("body", 9, Drop), "deferred", "4.4.2"),
        ((".", 9, Say("451 4.3.0 later\r\n")), "deferred", "4.3.0"),
        ((".", 9, Say("554 5.7.1 spam\r\n")), "failed", "5.7.1"),
        ((".", 9, Drop), "deferred", "4.4.2"),
        ((".", 9, Hang), "deferred", "4.4.2"),
        ((".", 9, Say("\u{1b}[31m\r\n")), "deferred", "4.4.2"),
    ];
    for offers in [ALL, ""] {
        for (line, kind, status) in cases {
            let peer = Peer::start(offers, std::slice::from_ref(line)).await;
            let world = World::new(&peer, |_| ()).await;
            let outcomes = world.send(&Mail::default()).await;
            let [outcome] = &outcomes[..] else {
                panic!("{outcomes:?}");
            };
            assert_eq!(told(outcome), (*kind, (*status).to_owned()), "{line:?} {outcome:?}");
            assert!(!answer(outcome).text().contains(char::is_control));
        }
    }
}

#[tokio::test]
async fn each_recipient_for_itself() {
    let script = [
        ("RCPT TO:<a@", 9, Act::Say("550 5.1.1 unknown\r\n")),
        ("RCPT TO:<b@", 9, Act::Say("450 4.2.0 later\r\n")),
    ];
    for offers in [ALL, ""] {
        let peer = Peer::start(offers, &script).await;
        let world = World::new(&peer, |_| ()).await;
        let mail = Mail {
            to: &["a@example.test", "b@example.test", "c@example.test", "d@example.test"],
            ..Mail::default()
        };
        let outcomes: Vec<_> = world.send(&mail).await.iter().map(|outcome| told(outcome).0).collect();
        assert_eq!(outcomes, ["failed", "deferred", "relayed", "relayed"]);
        assert_eq!(peer.messages().len(), 1);
    }
}

/// Else a list with many that are gone would begin with the same ones at each attempt.
#[tokio::test]
async fn what_is_said_of_recipients_holds_when_the_session_ends_among_them() {
    for (end, status) in [("421 4.7.0 too many errors\r\n", "4.7.0"), ("rubbish\r\n", "4.4.2")] {
        let script = [
            ("RCPT TO:<b@", 9, Act::Say("550 5.1.1 unknown\r\n")),
            ("RCPT TO:<c@", 9, Act::SayAndDrop(end)),
        ];
        for offers in [ALL, ""] {
            let peer = Peer::start(offers, &script).await;
            let world = World::new(&peer, |_| ()).await;
            let mail = Mail {
                to: &["a@example.test", "b@example.test", "c@example.test", "d@example.test"],
                ..Mail::default()
            };
            let outcomes: Vec<_> = world.send(&mail).await.iter().map(told).collect();
            let (failed, waits) = (("failed", "5.1.1".to_owned()), ("deferred", status.to_owned()));
            assert_eq!(outcomes, [waits.clone(), failed, waits.clone(), waits]);
            assert!(peer.messages().is_empty());
        }
    }
}

#[tokio::test]
async fn too_many_recipients_go_by_several_transactions() {
    let script = [("RCPT TO:<c@", 1, Act::Say("452 4.5.3 too many\r\n"))];
    for offers in ["LIMITS RCPTMAX=2|PIPELINING", ""] {
        let peer = Peer::start(offers, &script).await;
        let world = World::new(&peer, |_| ()).await;
        let mail = Mail {
            to: &["a@example.test", "b@example.test", "c@example.test", "d@example.test"],
            ..Mail::default()
        };
        let outcomes = world.send(&mail).await;
        assert!(
            outcomes.iter().all(|outcome| told(outcome).0 == "relayed"),
            "{outcomes:?}"
        );
        assert!(peer.messages().len() >= 2);
        assert_eq!(peer.lines("connect").len(), 1);
    }
}

#[tokio::test]
async fn one_connection_for_several_messages() {
    let peer = Peer::start(ALL, &[("RCPT", 1, Act::Say("550 5.1.1 unknown\r\n"))]).await;
    let world = World::new(&peer, |_| ()).await;
    let mut kept = None;
    let mut kinds = Vec::new();
    for _ in 0..3 {
        let outcomes = world.send_on(&Mail::default(), &mut kept).await;
        kinds.push(told(&outcomes[0]).0);
    }
    assert_eq!(kinds, ["failed", "relayed", "relayed"]);
    assert_eq!(peer.lines("connect").len(), 1);
    // Only the transaction that did not end by itself.
    assert_eq!(peer.lines("RSET").len(), 1);
    kept.unwrap().quit().await;
}

#[tokio::test]
async fn a_kept_connection_that_is_gone_is_replaced() {
    let peer = Peer::start(ALL, &[("MAIL FROM:<second@", 1, Act::Drop)]).await;
    let world = World::new(&peer, |_| ()).await;
    let mut kept = None;
    world.send_on(&Mail::default(), &mut kept).await;
    let second = Mail {
        from: "second@example.org",
        ..Mail::default()
    };
    let outcomes = world.send_on(&second, &mut kept).await;
    assert_eq!(told(&outcomes[0]).0, "relayed");
    assert_eq!(peer.lines("connect").len(), 2);
}

#[tokio::test]
async fn a_message_that_the_server_cannot_have() {
    let eight_bit = Mail {
        message: "Subject: x\r\n\r\nGrüße\r\n".as_bytes(),
        body: BodyType::EightBitMime,
        ..Mail::default()
    };
    let declared = Mail {
        body: BodyType::EightBitMime,
        smtputf8: true,
        ..Mail::default()
    };
    let utf8_header = Mail {
        message: "Subject: Grüße\r\n\r\nx\r\n".as_bytes(),
        body: BodyType::EightBitMime,
        smtputf8: true,
        ..Mail::default()
    };
    let utf8_address = Mail {
        to: &["jörg@example.test"],
        smtputf8: true,
        ..Mail::default()
    };
    for (offers, mail, kind, status) in [
        ("SIZE 10", &declared, "failed", "5.3.4"),
        ("SIZE 0", &declared, "relayed", "2.0.0"),
        ("", &eight_bit, "failed", "5.6.3"),
        ("8BITMIME", &eight_bit, "relayed", "2.0.0"),
        ("", &declared, "relayed", "2.0.0"),
        ("8BITMIME", &utf8_header, "failed", "5.6.7"),
        ("8BITMIME|SMTPUTF8", &utf8_header, "relayed", "2.0.0"),
        ("8BITMIME", &utf8_address, "failed", "5.6.7"),
        ("8BITMIME|SMTPUTF8", &utf8_address, "relayed", "2.0.0"),
    ] {
        let peer = Peer::start(offers, &[]).await;
        let world = World::new(&peer, |_| ()).await;
        let outcomes = world.send(mail).await;
        assert_eq!(told(&outcomes[0]), (kind, status.to_owned()), "{offers} {outcomes:?}");
        let (eight_bit, utf8) = (offers.contains("8BITMIME"), offers.contains("SMTPUTF8"));
        for line in peer.lines("MAIL") {
            assert_eq!(
                line.contains("BODY=8BITMIME"),
                eight_bit && mail.body == BodyType::EightBitMime,
                "{line}"
            );
            assert_eq!(line.contains("SMTPUTF8"), utf8 && mail.smtputf8, "{line}");
        }
    }
}

#[tokio::test]
async fn nothing_in_a_message_ends_it_or_begins_another() {
    let peer = Peer::start(ALL, &[]).await;
    let world = World::new(&peer, |_| ()).await;
    let mut kept = None;
    for end in [
        "\n.\n",
        "\n.\r\n",
        "\r\n.\n",
        "\r.\r",
        "\r\n.\r",
        "\r.\r\n",
        "\n\r.\r\n",
        "\r\n.\r\r\n",
    ] {
        let text =
            format!("Subject: x\r\n\r\na{end}MAIL FROM:<evil@example.net>\r\nRCPT TO:<x@example.test>\r\nDATA\r\n");
        let mail = Mail {
            message: text.leak().as_bytes(),
            ..Mail::default()
        };
        let outcomes = world.send_on(&mail, &mut kept).await;
        assert_eq!(told(&outcomes[0]).0, "relayed");
    }
    assert!(peer.lines("MAIL").iter().all(|line| !line.contains("evil")));
    assert_eq!((peer.messages().len(), peer.lines("connect").len()), (8, 1));
    for message in peer.messages() {
        assert!(!message.replace("\r\n", "").contains(['\r', '\n']), "{message:?}");
    }
}

#[tokio::test]
async fn encryption_if_it_can_be_had() {
    let relayed = |outcomes: Vec<Outcome>| assert_eq!(told(&outcomes[0]).0, "relayed", "{outcomes:?}");
    let peer = Peer::start("STARTTLS|DSN", &[]).await;
    relayed(World::new(&peer, |_| ()).await.send(&Mail::default()).await);
    assert_eq!((peer.lines("tls").len(), peer.lines("EHLO").len()), (1, 2));

    // Without it where it does not work.
    for act in [
        Act::Say("454 4.7.0 not now\r\n"),
        Act::SayAndDrop("220 go\r\n"),
        Act::Say("220 go\r\n250 injected\r\n"),
        Act::Drop,
    ] {
        let peer = Peer::start("STARTTLS|DSN", &[("STARTTLS", 9, act.clone())]).await;
        relayed(World::new(&peer, |_| ()).await.send(&Mail::default()).await);
        assert_eq!(
            (peer.lines("tls").len(), peer.lines("connect").len()),
            (0, 2),
            "{act:?}"
        );
    }
    let peer = Peer::start("STARTTLS|DSN", &[]).await;
    let off = |config: &mut Config| config.route[0].tls = RouteTls::Off;
    relayed(World::new(&peer, off).await.send(&Mail::default()).await);
    assert_eq!(peer.lines("STARTTLS").len(), 0);
}

/// RFC 3207 §5: nothing that was said in plain text is believed under TLS.
#[tokio::test]
async fn replies_injected_before_tls_are_not_believed() {
    for injected in [
        "220 go\r\n250 mx.example.test\r\n",
        "220 go\r\n250-mx.example.test\r\n250 AUTH PLAIN\r\n250 ok\r\n250 ok\r\n354 go\r\n250 2.0.0 taken\r\n",
        "220 go\r\n2",
        "220 go\r\n\r\n",
    ] {
        let peer = Peer::start("STARTTLS", &[("STARTTLS", 9, Act::Say(injected))]).await;
        let world = World::new(&peer, |config| config.route[0].tls = RouteTls::Verified).await;
        let outcomes = world.send(&Mail::default()).await;
        assert_eq!(told(&outcomes[0]), ("deferred", "4.7.5".to_owned()), "{injected:?}");
        assert!(peer.lines("MAIL").is_empty() && peer.messages().is_empty());
    }
}

#[tokio::test]
async fn a_smarthost_is_verified_and_logged_in_to() {
    let log_in = |tls| {
        move |config: &mut Config| {
            let route = &mut config.route[0];
            route.tls = tls;
            route.user = Some("us".to_owned());
            route.password = Some("pass".to_owned());
        }
    };
    // Its certificate is nobody's.
    let peer = Peer::start("STARTTLS|AUTH PLAIN", &[]).await;
    let outcomes = World::new(&peer, log_in(RouteTls::Verified))
        .await
        .send(&Mail::default())
        .await;
    assert_eq!(told(&outcomes[0]), ("deferred", "4.7.5".to_owned()));
    assert!(peer.lines("AUTH").is_empty() && peer.lines("MAIL").is_empty());
    let peer = Peer::start("AUTH PLAIN", &[]).await;
    let outcomes = World::new(&peer, log_in(RouteTls::Verified))
        .await
        .send(&Mail::default())
        .await;
    assert_eq!(told(&outcomes[0]), ("deferred", "4.7.5".to_owned()));
    assert!(peer.lines("AUTH").is_empty());

    let peer = Peer::start("AUTH PLAIN LOGIN", &[]).await;
    let outcomes = World::new(&peer, log_in(RouteTls::Off))
        .await
        .send(&Mail::default())
        .await;
    assert_eq!(told(&outcomes[0]).0, "relayed");
    assert_eq!(peer.lines("AUTH"), ["AUTH PLAIN AHVzAHBhc3M="]);
    // The best that is offered comes first; what the server does not want before it is told anything is passed over.
    let peer = Peer::start(
        "AUTH LOGIN PLAIN SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS",
        &[("AUTH SCRAM", 9, Act::Say("504 5.5.4 not that\r\n"))],
    )
    .await;
    let world = World::new(&peer, log_in(RouteTls::Off)).await;
    assert_eq!(told(&world.send(&Mail::default()).await[0]).0, "relayed");
    let asked: Vec<String> = peer
        .lines("AUTH")
        .iter()
        .filter_map(|line| Some(line.split(' ').nth(1)?.to_owned()))
        .collect();
    assert_eq!(asked, ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"]);
    // Who says yes without a proof of its own is somebody else.
    let peer = Peer::start("AUTH SCRAM-SHA-256", &[]).await;
    let world = World::new(&peer, log_in(RouteTls::Off)).await;
    assert_eq!(
        told(&world.send(&Mail::default()).await[0]),
        ("deferred", "4.7.0".to_owned())
    );
    assert!(peer.lines("MAIL").is_empty());
    // A wrong password is our mistake, and no reason to return mail.
    let peer = Peer::start("AUTH PLAIN", &[("AUTH", 9, Act::Say("535 5.7.8 no\r\n"))]).await;
    let outcomes = World::new(&peer, log_in(RouteTls::Off))
        .await
        .send(&Mail::default())
        .await;
    assert_eq!(told(&outcomes[0]), ("deferred", "5.7.8".to_owned()));
}

#[tokio::test]
async fn a_server_that_is_ourselves_and_one_that_is_not_there() {
    let peer = Peer::start(ALL, &[("EHLO", 9, Act::Say("250 MX.example.org greets itself\r\n"))]).await;
    let outcomes = World::new(&peer, |_| ()).await.send(&Mail::default()).await;
    assert_eq!(told(&outcomes[0]), ("deferred", "4.4.6".to_owned()));

    let peer = Peer::start(ALL, &[]).await;
    let nobody = |config: &mut Config| config.route[0].port = 1;
    let world = World::new(&peer, nobody).await;
    for _ in 0..2 {
        let outcomes = world.send(&Mail::default()).await;
        assert_eq!(told(&outcomes[0]), ("deferred", "4.4.1".to_owned()));
        assert!(answer(&outcomes[0]).text().contains("127.0.0.1:1"), "{outcomes:?}");
    }
}

#[tokio::test]
async fn what_is_required_is_a_condition_and_what_is_tested_is_noted() {
    let named = Verification::Name("mx.example.test".to_owned());
    for (offers, wanted, strictness, encrypted, connections, failure) in [
        (
            "STARTTLS",
            named.clone(),
            Strictness::Required,
            None,
            1,
            Fault::CertificateNotTrusted,
        ),
        (
            "STARTTLS",
            named.clone(),
            Strictness::Testing,
            Some(true),
            2,
            Fault::CertificateNotTrusted,
        ),
        (
            "",
            named.clone(),
            Strictness::Required,
            None,
            1,
            Fault::StarttlsNotSupported,
        ),
        (
            "",
            named.clone(),
            Strictness::Testing,
            Some(false),
            2,
            Fault::StarttlsNotSupported,
        ),
        // As with TLSA records that cannot be compared with.
        (
            "",
            Verification::None,
            Strictness::Required,
            None,
            1,
            Fault::StarttlsNotSupported,
        ),
    ] {
        let peer = Peer::start(offers, &[]).await;
        let world = World::new(&peer, |_| ()).await;
        let target = session::Target {
            domain: "example.test",
            host: "mx.example.test",
            address: peer.address(),
            security: security::Security {
                wanted,
                strictness,
                name: "mx.example.test".to_owned(),
                policy: Some(tls::Policy::default()),
                unnamed: false,
            },
            implicit: false,
            credentials: None,
            wish: TlsWish::Usual,
        };
        let opened = world.outbound.opener().open(&target).await.ok();
        assert_eq!(
            opened.map(|client| client.tls().is_some()),
            encrypted,
            "{offers} {strictness:?}"
        );
        assert_eq!(peer.lines("connect").len(), connections);
        let reports = &world.outbound.opener().reports;
        reports.counted().await;
        let rows = reports.seen(Kind::Tls, today(), "example.test").await.unwrap();
        let [row] = &rows[..] else { panic!("{rows:?}") };
        let told: Failure = serde_json::from_str(&row.record).unwrap();
        assert_eq!((row.count, told.result_type), (1, failure));
    }
}

impl World {
    /// A session that is encrypted with whoever this is, as good as this wish needs it.
    async fn session(&self, peer: &Peer, wish: TlsWish) -> client::Client {
        let target = session::Target {
            domain: "example.test",
            host: "mx.example.test",
            address: peer.address(),
            security: security::Security::opportunistic("mx.example.test"),
            implicit: false,
            credentials: None,
            wish,
        };
        self.outbound.opener().open(&target).await.unwrap()
    }
}

/// RFC 8689 §4.2.1 and §5.
#[tokio::test]
async fn what_must_be_encrypted_goes_to_servers_that_promise_it_or_returns() {
    let required = |from| Mail {
        from,
        handling: Handling {
            tls: TlsWish::Required,
            ..Handling::default()
        },
        ..Mail::default()
    };
    let from = "alice@example.org";
    for (offers, fit_for, kind, status, mail) in [
        // Whom the settings do not know by its certificate.
        ("STARTTLS|REQUIRETLS", TlsWish::Usual, "failed", "5.7.10", None),
        ("REQUIRETLS", TlsWish::Usual, "failed", "5.7.10", None),
        ("STARTTLS", TlsWish::Required, "failed", "5.7.30", None),
        (
            "STARTTLS|REQUIRETLS",
            TlsWish::Required,
            "relayed",
            "2.0.0",
            Some("<alice@example.org> REQUIRETLS"),
        ),
    ] {
        let peer = Peer::start(offers, &[]).await;
        let world = World::new(&peer, |_| ()).await;
        let mut kept = Some(world.session(&peer, fit_for).await);
        let outcomes = world.send_on(&required(from), &mut kept).await;
        assert_eq!(told(&outcomes[0]), (kind, status.to_owned()), "{offers} {fit_for:?}");
        let lines: Vec<String> = mail.iter().map(|mail| format!("MAIL FROM:{mail}")).collect();
        assert_eq!(peer.lines("MAIL"), lines);
    }
    // A report is sent as it can be.
    for (offers, mail) in [
        ("STARTTLS|REQUIRETLS", "MAIL FROM:<> REQUIRETLS"),
        ("STARTTLS", "MAIL FROM:<>"),
        ("REQUIRETLS", "MAIL FROM:<>"),
    ] {
        let peer = Peer::start(offers, &[]).await;
        let world = World::new(&peer, |_| ()).await;
        assert_eq!(told(&world.send(&required("")).await[0]).0, "relayed");
        assert_eq!(peer.lines("MAIL"), [mail]);
    }
}

/// RFC 6710 §4.3; RFC 2852 §4.1.
#[tokio::test]
async fn priorities_and_times_go_to_whom_they_mean_something() {
    let now = mail_now();
    let by = |value: &str, at: i64| DeliverBy::parse(value, at).ok();
    let handled = |by| Mail {
        handling: Handling {
            priority: Priority::new(5).unwrap(),
            by,
            ..Handling::default()
        },
        ..Mail::default()
    };
    for (offers, by, kind, status, line) in [
        ("MT-PRIORITY", None, "relayed", "2.0.0", " MT-PRIORITY=5"),
        ("", None, "relayed", "2.0.0", ""),
        ("DELIVERBY", by("-5;N", now), "relayed", "2.0.0", " BY=-"),
        ("DELIVERBY", by("900;RT", now - 5000), "relayed", "2.0.0", " BY=89"),
        ("", by("900;N", now), "relayed", "2.0.0", ""),
        ("", by("900;R", now), "failed", "5.3.3", "-"),
        ("DELIVERBY 1000", by("900;R", now), "failed", "5.4.7", "-"),
        ("DELIVERBY", by("1;R", now - 2000), "failed", "5.4.7", "-"),
    ] {
        let peer = Peer::start(offers, &[]).await;
        let world = World::new(&peer, |_| ()).await;
        let outcomes = world.send(&handled(by)).await;
        assert_eq!(told(&outcomes[0]), (kind, status.to_owned()), "{offers} {by:?}");
        let lines = peer.lines("MAIL");
        match lines.first() {
            Some(mail) => assert!(
                mail.starts_with(&format!("MAIL FROM:<alice@example.org>{line}")),
                "{mail}"
            ),
            None => assert_eq!(line, "-"),
        }
    }
}

fn mail_now() -> i64 {
    crate::mail::date::Timestamp::now().seconds * 1000
}

/// RFC 6531 §3.6: what needs no SMTPUTF8 is not marked.
#[tokio::test]
async fn smtputf8_is_for_what_needs_it() {
    for (to, message, marked) in [
        ("bob@example.test", MESSAGE, false),
        ("bob@b\u{fc}cher.test", MESSAGE, false),
        ("b\u{f6}b@example.test", MESSAGE, true),
        ("bob@example.test", "Subject: \u{fc}\r\n\r\nx\r\n".as_bytes(), true),
    ] {
        let peer = Peer::start("8BITMIME|SMTPUTF8", &[]).await;
        let world = World::new(&peer, |_| ()).await;
        let mail = Mail {
            to: Box::leak(Box::new([to])),
            message,
            smtputf8: true,
            ..Mail::default()
        };
        assert_eq!(told(&world.send(&mail).await[0]).0, "relayed");
        assert_eq!(peer.lines("MAIL")[0].ends_with(" SMTPUTF8"), marked, "{to}");
    }
}
