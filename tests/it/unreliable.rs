//! Servers that refuse, hang, close and speak rubbish at each stage of a session: what becomes of each recipient, seen by the
//! queue, by what is reported to the sender, and by what arrives once the server is in order.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use posthaste::config::{Period, Route, RouteTls};
use posthaste::queue::administration::{Action, Administration, Listed};

use crate::client::{Smtp, within};
use crate::peers::receiver::Act::{self, Drop, Flood, Hang, Say, SayAndDrop};
use crate::peers::receiver::Moment::{
    self, Body, Connect, Data, Ehlo, EhloUnderTls, End, Mail, Quit, Rcpt, SecondRcpt, StartTls,
};
use crate::peers::receiver::Receiver;
use crate::server::{DOMAIN, TestServer};

/// What becomes of a recipient at the first attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    /// It is delivered.
    Delivered,
    /// It waits, with this status.
    Waits(&'static str),
    /// It comes back, once, with this status.
    Returned(&'static str),
}

use Fate::{Delivered, Returned, Waits};

/// When, what, and what becomes of the two recipients of a message.
type Row = (Moment, Act, Fate, Fate);

/// What is no reply, at whatever moment.
const RUBBISH: [Act; 9] = [
    Say(b"\xff\xfe\x00\x01\r\n"),
    Say(b"25\r\n"),
    Say(b"999 what\r\n"),
    Say(b"250\0ok\r\n"),
    Say(b"250-one\r\n350 other\r\n"),
    SayAndDrop(b"250-and\r\n"),
    SayAndDrop(b"250 not ended"),
    Flood(b"x"),
    Flood(b"250-more\r\n"),
];

fn rows() -> Vec<Row> {
    let lost = Waits("4.4.2");
    let mut rows: Vec<Row> = Vec::new();
    let mut both =
        |moment, acts: &[(Act, Fate)]| rows.extend(acts.iter().map(|(act, fate)| (moment, *act, *fate, *fate)));
    both(
        Connect,
        &[
            (Say(b"421 4.3.2 busy\r\n"), Waits("4.3.2")),
            // What it says to everybody is no verdict on this message.
            (Say(b"554 5.7.1 no\r\n"), Waits("5.7.1")),
            (Say(b"354 go on\r\n"), lost),
            (Say(b"220 a\r\n250 injected\r\n"), lost),
            (SayAndDrop(b"220 mx.example.test\r\n"), lost),
        ],
    );
    both(
        Ehlo,
        &[
            (Say(b"421 4.3.2 busy\r\n"), Waits("4.3.2")),
            (Say(b"451 4.3.0 later\r\n"), Waits("4.3.0")),
            // There is HELO.
            (Say(b"554 5.7.1 no\r\n"), Delivered),
            (Say(b"354 go on\r\n"), lost),
            (Say(b"250 a\r\n250 injected\r\n"), lost),
        ],
    );
    // Nothing asks for encryption, so what goes wrong with it is no reason to keep the message.
    both(
        StartTls,
        &[
            (Say(b"454 4.7.0 not now\r\n"), Delivered),
            (Say(b"554 5.7.0 never\r\n"), Delivered),
            (Say(b"220 go\r\n250 injected\r\n"), Delivered),
            (Say(b"220 go\r\n"), Delivered),
            (SayAndDrop(b"220 go\r\n"), Delivered),
            (Drop, Delivered),
            (Hang, Delivered),
        ],
    );
    both(StartTls, &RUBBISH.map(|act| (act, Delivered)));
    both(
        EhloUnderTls,
        &[
            (Say(b"451 4.3.0 later\r\n"), Waits("4.3.0")),
            (Say(b"554 5.7.1 no\r\n"), Delivered),
            (Say(b"250 a\r\n250 injected\r\n"), lost),
        ],
    );
    both(
        Mail,
        &[
            (Say(b"451 4.3.0 later\r\n"), Waits("4.3.0")),
            (Say(b"550 5.7.1 not you\r\n"), Returned("5.7.1")),
            (SayAndDrop(b"550 5.7.1 not you\r\n"), Returned("5.7.1")),
            (SayAndDrop(b"421 4.3.2 bye\r\n"), Waits("4.3.2")),
            (Say(b"354 go on\r\n"), lost),
            (Say(b"250 ok\r\n250 injected\r\n"), lost),
            (
                Say(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 2.0.0 injected\r\n"),
                lost,
            ),
        ],
    );
    both(
        Rcpt,
        &[
            (SayAndDrop(b"421 4.3.2 bye\r\n"), Waits("4.3.2")),
            (Say(b"354 go on\r\n"), lost),
            (Say(b"250 ok\r\n250 ok\r\n354 go\r\n250 2.0.0 injected\r\n"), lost),
        ],
    );
    both(
        SecondRcpt,
        &[
            (SayAndDrop(b"421 4.3.2 bye\r\n"), Waits("4.3.2")),
            (Say(b"354 go on\r\n"), lost),
            (Say(b"250 ok\r\n354 go\r\n250 2.0.0 injected\r\n"), lost),
        ],
    );
    both(
        Data,
        &[
            (Say(b"421 4.3.2 bye\r\n"), Waits("4.3.2")),
            (Say(b"451 4.3.0 later\r\n"), Waits("4.3.0")),
            (Say(b"554 5.6.0 no\r\n"), Returned("5.6.0")),
            (Say(b"250 2.0.0 what\r\n"), lost),
            // Said of a message that it does not have.
            (Say(b"354 go\r\n250 2.0.0 injected\r\n"), lost),
            (Say(b"354 go\r\n554 5.7.1 no\r\n"), Returned("5.7.1")),
        ],
    );
    both(
        Body,
        &[
            (Say(b"250 2.0.0 injected\r\n"), lost),
            (Say(b"552 5.3.4 too large\r\n"), Returned("5.3.4")),
            (SayAndDrop(b"554 5.7.1 no\r\n"), Returned("5.7.1")),
            (SayAndDrop(b"451 4.3.0 later\r\n"), Waits("4.3.0")),
        ],
    );
    both(
        End,
        &[
            (Say(b"451 4.3.0 later\r\n"), Waits("4.3.0")),
            (Say(b"554 5.7.1 spam\r\n"), Returned("5.7.1")),
            (Say(b"354 go on\r\n"), lost),
            (SayAndDrop(b"421 4.3.2 bye\r\n"), Waits("4.3.2")),
            (SayAndDrop(b"250 2.0.0 taken\r\n"), Delivered),
            (Say(b"250 2.0.0 taken\r\n250 injected\r\n"), Delivered),
        ],
    );
    both(
        Quit,
        &[
            (Say(b"554 5.7.1 no\r\n"), Delivered),
            (Drop, Delivered),
            (Hang, Delivered),
        ],
    );
    both(Quit, &RUBBISH.map(|act| (act, Delivered)));
    for moment in [Connect, Ehlo, EhloUnderTls, Mail, Rcpt, SecondRcpt, Data, Body, End] {
        both(moment, &RUBBISH.map(|act| (act, lost)));
        both(moment, &[(Drop, lost), (Hang, lost)]);
    }
    for (reply, fate) in [
        (&b"450 4.7.1 greylisted\r\n"[..], Waits("4.7.1")),
        (b"550 5.1.1 unknown\r\n", Returned("5.1.1")),
        (b"550-5.1.1 unknown\r\n550 5.1.1 indeed\r\n", Returned("5.1.1")),
        (b"552 too many\r\n", Waits("4.5.3")),
        (b"552 5.2.2 full\r\n", Returned("5.2.2")),
    ] {
        rows.push((Rcpt, Say(reply), fate, Delivered));
        rows.push((SecondRcpt, Say(reply), Delivered, fate));
    }
    rows
}

/// One server, as one domain.
struct Case {
    receiver: Receiver,
    domain: String,
    row: Row,
}

#[tokio::test(flavor = "multi_thread")]
async fn each_recipient_is_delivered_waits_or_comes_back_once() -> anyhow::Result<()> {
    let mut cases = Vec::new();
    for row in rows() {
        for pipelining in [true, false] {
            cases.push(Case {
                receiver: Receiver::start(pipelining, Some((row.0, row.1))).await?,
                domain: format!("case{}.test", cases.len()),
                row,
            });
        }
    }
    let server = TestServer::with(|config| {
        config.route = cases.iter().map(Case::route).collect();
        config.outbound.max_connections = cases.len();
        config.queue.retry_first = Period::seconds(3600);
        config.smtp.messages_per_hour = 0;
        let timeout = &mut config.outbound.timeout;
        for limit in [
            &mut timeout.greeting,
            &mut timeout.hello,
            &mut timeout.mail,
            &mut timeout.rcpt,
            &mut timeout.data,
            &mut timeout.block,
            &mut timeout.end,
        ] {
            *limit = Period::seconds(3);
        }
    })
    .await?;
    submit(&server, &cases).await?;
    let queue = Administration::open(server.data(), Duration::from_secs(10)).await?;

    let waiting = within("first attempts", async {
        loop {
            let listed = all(&queue).await?;
            let mut recipients = listed.iter().flat_map(|one| &one.recipients);
            if recipients.all(|recipient| recipient.last_answer().is_some()) {
                return anyhow::Ok(listed);
            }
        }
    })
    .await??;
    let mut found = BTreeMap::new();
    for recipient in waiting.iter().flat_map(|one| &one.recipients) {
        let (answer, _) = recipient.last_answer().context("no answer")?;
        ensure!(!answer.text().contains(char::is_control), "{:?}", answer.text());
        found.insert(recipient.address.to_string(), answer.status.to_string());
    }
    let reported = reports(&server).await?;
    for case in &cases {
        for (address, fate) in case.recipients() {
            let (waits, returned) = (found.get(&address), reported.get(&address));
            let wanted = match fate {
                Delivered => (None, None),
                Waits(status) => (Some(status), None),
                Returned(status) => (None, Some(status)),
            };
            ensure!(
                (waits.map(String::as_str), returned.map(String::as_str)) == wanted,
                "{:?} {address}: waits {waits:?}, returned {returned:?}",
                case.row
            );
        }
    }

    // In order again, it gets what it has not said it has, and nobody is told anything more.
    cases.iter().for_each(|case| drop(case.receiver.be(None)));
    queue.act(Action::Retry, None).await?;
    within("an empty queue", async {
        while !all(&queue).await?.is_empty() {}
        anyhow::Ok(())
    })
    .await??;
    for case in &cases {
        for (address, fate) in case.recipients() {
            // Only behind the end of a message is there a doubt.
            let doubt = usize::from(case.row.0 == End);
            let wanted = match fate {
                Delivered => 1,
                Waits(_) => 1 + doubt,
                Returned(_) => doubt,
            };
            let ended = case.receiver.ended(&address);
            ensure!(ended == wanted, "{:?} {address}: arrived {ended} times", case.row);
        }
        // Nothing of a message was said for commands; with TLS that fails, there is a handshake.
        let strange = case.receiver.strange();
        ensure!(
            case.row.0 == StartTls || strange.is_empty(),
            "{:?}: {strange:?}",
            case.row
        );
    }
    ensure!(reports(&server).await? == reported);
    queue.close().await;
    Ok(())
}

impl Case {
    fn route(&self) -> Route {
        Route {
            domain: self.domain.clone(),
            host: "127.0.0.1".to_owned(),
            port: self.receiver.port(),
            tls: RouteTls::Opportunistic,
            user: None,
            password: None,
            password_file: None,
        }
    }

    fn recipients(&self) -> [(String, Fate); 2] {
        [("one", self.row.2), ("two", self.row.3)].map(|(user, fate)| (format!("{user}@{}", self.domain), fate))
    }
}

/// A message for each server; those of several are one until they are sent.
async fn submit(server: &TestServer, cases: &[Case]) -> anyhow::Result<()> {
    let mut smtp = Smtp::greeted(server.connect("submission").await?).await?;
    smtp.command("AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAGNvcnJlY3QgaG9yc2U=", "235")
        .await?;
    // More than connections hold, so that it is not over before anything can be said.
    let large = format!("{}\r\n", "x".repeat(76)).repeat(55_000);
    let (during, others): (Vec<&Case>, Vec<&Case>) =
        cases.iter().partition(|case| matches!(case.row, (Body, Say(_), ..)));
    for (cases, text) in [(during, &*large), (others, "NOOP\r\n..\r\n")] {
        for several in cases.chunks(20) {
            smtp.command(&format!("MAIL FROM:<alice@{DOMAIN}>"), "250").await?;
            for (address, _) in several.iter().flat_map(|case| case.recipients()) {
                smtp.command(&format!("RCPT TO:<{address}>"), "250").await?;
            }
            smtp.command("DATA", "354").await?;
            smtp.command(&format!("From: alice@{DOMAIN}\r\nSubject: x\r\n\r\n{text}."), "250")
                .await?;
        }
    }
    smtp.quit().await
}

/// All that is in the queue.
async fn all(queue: &Administration) -> anyhow::Result<Vec<Listed>> {
    let mut found: Vec<Listed> = Vec::new();
    loop {
        let more = queue.list(found.last().map(|one| one.entry.id)).await?;
        if more.is_empty() {
            return Ok(found);
        }
        found.extend(more);
    }
}

/// What alice was told: the status of each recipient that failed. None twice, and nothing else.
async fn reports(server: &TestServer) -> anyhow::Result<BTreeMap<String, String>> {
    let mut imap = server.select("alice", "INBOX").await?;
    let mut reported = BTreeMap::new();
    for line in imap.ok("UID FETCH 1:* (BODY.PEEK[])").await? {
        for told in line.split("Final-Recipient: rfc822; ").skip(1) {
            let mut lines = told.split("\r\n");
            let address = lines.next().context("no address")?.to_owned();
            ensure!(lines.next() == Some("Action: failed"), "{told}");
            let status = lines.next().and_then(|line| line.strip_prefix("Status: "));
            let before = reported.insert(address, status.context("no status")?.to_owned());
            ensure!(before.is_none(), "told twice: {told}");
        }
    }
    Ok(reported)
}
