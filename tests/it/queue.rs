//! The program killed while it sends mail to another server, again and again: what was acknowledged arrives there at least
//! once, and each failure is reported exactly once (`docs/mail-flow.md` has the table of what a crash does at each step).

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::cli::{Place, Server};
use crate::client::{Client, Imap, Smtp, within};
use crate::server::{DOMAIN, PASSWORD};

/// Sessions that submit at the same time.
const SENDERS: usize = 3;
/// After how many events (acknowledgements and arrivals) the program is killed: another number each time, so that the kill
/// meets it at every stage.
const EVENTS: [usize; 7] = [1, 30, 7, 61, 3, 90, 45];

/// What has happened.
#[derive(Default)]
struct Told {
    /// Subjects whose message was accepted from its sender.
    accepted: BTreeSet<String>,
    /// How often each subject came to the other server.
    arrived: BTreeMap<String, usize>,
    /// Counted anew in each round.
    events: tokio::sync::watch::Sender<usize>,
}

type Shared = Arc<Mutex<Told>>;

fn event(told: &Shared, note: impl FnOnce(&mut Told)) {
    let mut told = told.lock().unwrap();
    note(&mut told);
    told.events.send_modify(|events| *events += 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_mail_is_on_its_way() -> anyhow::Result<()> {
    let told = Shared::default();
    let other = Other::start(told.clone()).await?;
    let place = Place::serving(&format!(
        "[login]\nrequire_tls = false\n\
         [smtp]\nmessages_per_hour = 0\nmessages_per_day = 0\nrecipients_per_hour = 0\nrecipients_per_day = 0\n\
         [queue]\nretry_first = \"50ms\"\nretry_max = \"200ms\"\n\
         [[route]]\ndomain = \"*\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"off\"\n",
        other.port()
    ));
    place.run(&["domain", "add", DOMAIN]).ok("");
    let (address, password) = (format!("alice@{DOMAIN}"), format!("{PASSWORD}\n"));
    place
        .run_with_input(&["account", "add", &address, "--password-stdin"], &password)
        .ok("");
    for (round, count) in EVENTS.into_iter().enumerate() {
        let mut server = place.serve();
        let mut events = {
            let told = told.lock().unwrap();
            told.events.send_replace(0);
            told.events.subscribe()
        };
        let mut senders = JoinSet::new();
        for sender in 0..SENDERS {
            let (address, told) = (server.address("submission"), told.clone());
            senders.spawn(async move { submit(&address, &format!("{round}-{sender}"), &told).await });
        }
        within("events", events.wait_for(|events| *events >= count)).await??;
        server.child.kill()?;
        server.child.wait()?;
        for ended in senders.join_all().await {
            ensure!(ended.is_err(), "a client went on without a server");
        }
    }
    let server = place.serve();
    within("an empty queue", async {
        while !place.run(&["queue", "list"]).ok("").said.trim().ends_with("WHY") {
            tokio::task::yield_now().await;
        }
    })
    .await?;
    let reported = reports(&server).await?;
    let told = told.lock().unwrap();
    ensure!(told.accepted.len() > 40, "too little happened: {}", told.accepted.len());
    for subject in &told.accepted {
        let times = told.arrived.get(subject).copied().unwrap_or_default();
        ensure!(times >= 1, "{subject} was accepted and never arrived");
    }
    for (subject, times) in &reported {
        ensure!(*times == 1, "the failure of {subject} was reported {times} times");
    }
    for subject in &told.accepted {
        ensure!(
            reported.contains_key(subject),
            "the failure of {subject} was not reported"
        );
    }
    Ok(())
}

/// Submits one message after the other, each to a recipient that exists and one that does not.
async fn submit(address: &str, name: &str, told: &Shared) -> anyhow::Result<()> {
    let mut smtp = Smtp::greeted(Client::connect(address.parse()?).await?).await?;
    smtp.command(&format!("AUTH PLAIN {ALICE}"), "235").await?;
    for number in 0.. {
        let subject = format!("{name}-{number}.");
        smtp.command(&format!("MAIL FROM:<alice@{DOMAIN}>"), "250").await?;
        smtp.command("RCPT TO:<yes@elsewhere.example>", "250").await?;
        smtp.command("RCPT TO:<no@elsewhere.example>", "250").await?;
        smtp.command("DATA", "354").await?;
        smtp.command(
            &format!("From: alice@{DOMAIN}\r\nSubject: {subject}\r\n\r\nText\r\n."),
            "250",
        )
        .await?;
        event(told, |told| {
            told.accepted.insert(subject);
        });
    }
    Ok(())
}

/// The login of alice.
const ALICE: &str = "AGFsaWNlQGV4YW1wbGUub3JnAGNvcnJlY3QgaG9yc2U=";

/// How often the failure of each subject was reported to alice.
async fn reports(server: &Server) -> anyhow::Result<BTreeMap<String, usize>> {
    let client = Client::connect(server.address("imap").parse()?).await?;
    let mut imap = Imap::greeted(client).await?;
    imap.ok(&format!("LOGIN alice@{DOMAIN} \"{PASSWORD}\"")).await?;
    imap.ok("SELECT INBOX").await?;
    let mut reported = BTreeMap::new();
    for line in imap.ok("UID FETCH 1:* (BODY.PEEK[])").await? {
        if !line.contains("FETCH (") {
            continue;
        }
        ensure!(line.contains("no@elsewhere.example\r\nAction: failed\r\n"), "{line}");
        // The report's own, then that of the message.
        let subject = line.rsplit_once("\r\nSubject: ").context("no subject")?.1;
        let subject = subject.split("\r\n").next().unwrap_or_default().to_owned();
        *reported.entry(subject).or_default() += 1;
    }
    Ok(reported)
}

/// Another server: takes mail for everybody but `no`, and now and then asks for another attempt.
struct Other(SocketAddr);

impl Other {
    async fn start(told: Shared) -> anyhow::Result<Other> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move {
            let mut number = 0;
            while let Ok((connection, _)) = listener.accept().await {
                number += 1;
                let told = told.clone();
                tokio::spawn(async move { serve(connection, number, &told).await });
            }
        });
        Ok(Other(address))
    }

    fn port(&self) -> u16 {
        self.0.port()
    }
}

async fn serve(connection: TcpStream, number: usize, told: &Shared) -> anyhow::Result<()> {
    let mut connection = BufReader::new(connection);
    connection.write_all(b"220 other.example ESMTP\r\n").await?;
    let (mut line, mut subject, mut messages) = (String::new(), None, 0);
    let mut in_message = false;
    loop {
        line.clear();
        if connection.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let text = line.trim_end();
        if in_message && text != "." {
            subject = subject.or(text.strip_prefix("Subject: ").map(str::to_owned));
            continue;
        }
        let reply = match text.get(..4) {
            _ if in_message => {
                in_message = false;
                messages += 1;
                let subject = subject.take().context("no subject")?;
                event(told, |told| *told.arrived.entry(subject).or_default() += 1);
                "250 2.0.0 taken"
            }
            Some("MAIL") if (number + messages).is_multiple_of(5) => "451 4.3.0 not now",
            Some("RCPT") if text.contains("<no@") => "550 5.1.1 nobody of that name",
            Some("DATA") => {
                in_message = true;
                "354 go on"
            }
            Some("QUIT") => "221 goodbye",
            _ => "250 ok",
        };
        connection.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
}
