//! The program killed under load, again and again: what was acknowledged is there, once, after each start
//! (`docs/mail-flow.md` has the table of what a crash does at each step).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use anyhow::{Context, ensure};
use tokio::task::JoinSet;

use crate::cli::{Place, Server};
use crate::client::{Client, Imap, Smtp, message};
use crate::server::{DOMAIN, PASSWORD};

/// How often it is killed.
const KILLS: usize = 6;
/// SMTP connections that deliver meanwhile.
const SENDERS: usize = 4;
/// After how many acknowledgements in all it is killed: another number each time, so that the kill meets it at work.
const ACKNOWLEDGED: [usize; KILLS] = [1, 23, 57, 9, 81, 40];

/// What the clients have been told, and must find again.
#[derive(Default)]
struct Told {
    /// Subjects whose message was accepted.
    delivered: BTreeSet<String>,
    /// Subjects that were sent, accepted or not.
    sent: BTreeSet<String>,
    /// UIDs in the Archive whose STORE was acknowledged, with the keyword that it set, and that of a STORE which was sent
    /// later and may or may not have been done.
    stored: BTreeMap<u32, [String; 2]>,
    /// UIDs of messages whose MOVE from Archive to Trash was acknowledged, with where they went.
    moved: BTreeMap<u32, u32>,
}

type Shared = Arc<Mutex<Told>>;

#[tokio::test(flavor = "multi_thread")]
async fn killed_under_load() -> anyhow::Result<()> {
    let place = Place::serving("[login]\nrequire_tls = false\n");
    place.run(&["domain", "add", DOMAIN]).ok("");
    for account in ["alice", "bob"] {
        let address = format!("{account}@{DOMAIN}");
        place
            .run_with_input(
                &["account", "add", &address, "--password-stdin"],
                &format!("{PASSWORD}\n"),
            )
            .ok("");
    }
    let told = Shared::default();
    prepare(&place.serve()).await?;
    for (round, acknowledged) in ACKNOWLEDGED.into_iter().enumerate() {
        let mut server = place.serve();
        verify(&server, &told)
            .await
            .with_context(|| format!("before kill {round}"))?;
        let (count, mut counted) = tokio::sync::watch::channel(0usize);
        let count = Arc::new(count);
        let mut clients = JoinSet::new();
        for sender in 0..SENDERS {
            let (address, told, count) = (server.address("smtp"), told.clone(), count.clone());
            clients.spawn(async move { send(&address, &format!("{round}-{sender}"), &told, &count).await });
        }
        let (address, told_too, count_too) = (server.address("imap"), told.clone(), count.clone());
        clients.spawn(async move { store(&address, round, &told_too, &count_too).await });
        let (address, told_too) = (server.address("imap"), told.clone());
        clients.spawn(async move { relocate(&address, round, &told_too, &count).await });
        crate::client::within("acknowledgements", counted.wait_for(|count| *count >= acknowledged)).await??;
        server.child.kill()?;
        server.child.wait()?;
        // Each of them ends by losing its connection.
        for ended in clients.join_all().await {
            ensure!(ended.is_err(), "a client went on without a server");
        }
    }
    verify(&place.serve(), &told).await.context("after the last kill")?;
    let told = told.lock().unwrap();
    ensure!(
        told.delivered.len() > 50 && told.stored.len() > 5 && !told.moved.is_empty(),
        "too little happened: {} delivered, {} stored, {} moved",
        told.delivered.len(),
        told.stored.len(),
        told.moved.len()
    );
    Ok(())
}

/// Messages in the Archive, to be changed and moved.
async fn prepare(server: &Server) -> anyhow::Result<()> {
    let mut imap = imap(&server.address("imap"), "alice").await?;
    for number in 0..400 {
        let answer = imap
            .append("Archive", "", message(&format!("archived {number}.")).as_bytes())
            .await?;
        ensure!(answer.starts_with("OK"), "{answer}");
    }
    Ok(())
}

async fn imap(address: &str, account: &str) -> anyhow::Result<Imap> {
    let mut imap = Imap::greeted(Client::connect(address.parse()?).await?).await?;
    imap.ok(&format!("LOGIN {account}@{DOMAIN} \"{PASSWORD}\"")).await?;
    Ok(imap)
}

type Count = tokio::sync::watch::Sender<usize>;

/// Delivers to alice and bob until the connection is lost.
async fn send(address: &str, name: &str, told: &Shared, count: &Count) -> anyhow::Result<()> {
    let mut smtp = Smtp::greeted(Client::connect(address.parse()?).await?).await?;
    for number in 0.. {
        let subject = format!("delivered {name}-{number}.");
        told.lock().unwrap().sent.insert(subject.clone());
        smtp.deliver(&["alice", "bob"], message(&subject).as_bytes()).await?;
        told.lock().unwrap().delivered.insert(subject);
        count.send_modify(|count| *count += 1);
    }
    Ok(())
}

/// Gives one message after the other a keyword of this round.
async fn store(address: &str, round: usize, told: &Shared, count: &Count) -> anyhow::Result<()> {
    let mut imap = imap(address, "alice").await?;
    imap.ok("SELECT Archive").await?;
    let keyword = format!("Round{round}");
    for uid in (1..=200).cycle() {
        if let Some(stored) = told.lock().unwrap().stored.get_mut(&uid) {
            stored[1].clone_from(&keyword);
        }
        imap.ok(&format!("UID STORE {uid} FLAGS.SILENT ({keyword})")).await?;
        let acknowledged = [keyword.clone(), keyword.clone()];
        told.lock().unwrap().stored.insert(uid, acknowledged);
        count.send_modify(|count| *count += 1);
    }
    Ok(())
}

/// Moves messages of the Archive into the Trash.
async fn relocate(address: &str, round: usize, told: &Shared, count: &Count) -> anyhow::Result<()> {
    let mut imap = imap(address, "alice").await?;
    imap.ok("SELECT Archive").await?;
    for step in 0.. {
        // Each round has its own, and the last of the round before may or may not have gone.
        let uid = 201 + (round * 30 + step) as u32;
        ensure!(step < 30, "enough moved");
        let answered = imap.ok(&format!("UID MOVE {uid} Trash")).await?;
        let code = answered
            .iter()
            .find(|line| line.contains("COPYUID"))
            .context("no COPYUID")?;
        let target = code
            .split(' ')
            .nth(5)
            .and_then(|uid| uid.trim_end_matches(']').parse().ok());
        told.lock()
            .unwrap()
            .moved
            .insert(uid, target.with_context(|| code.clone())?);
        count.send_modify(|count| *count += 1);
    }
    Ok(())
}

/// Everything that was acknowledged is there, exactly once; of what was not, nothing twice.
async fn verify(server: &Server, told: &Shared) -> anyhow::Result<()> {
    let mut imap = imap(&server.address("imap"), "alice").await?;
    let (delivered, sent, stored, moved) = {
        let told = told.lock().unwrap();
        (
            told.delivered.clone(),
            told.sent.clone(),
            told.stored.clone(),
            told.moved.clone(),
        )
    };
    for account in ["alice", "bob"] {
        let mut imap = self::imap(&server.address("imap"), account).await?;
        let inbox = subjects(&mut imap, "INBOX").await?;
        for subject in &sent {
            let times = inbox.values().filter(|found| *found == subject).count();
            let wanted = if delivered.contains(subject) { 1..=1 } else { 0..=1 };
            ensure!(wanted.contains(&times), "{account} has {subject} {times} times");
        }
        ensure!(inbox.len() <= sent.len(), "{account} has more than was sent");
    }

    let archive = subjects(&mut imap, "Archive").await?;
    let flags = imap.ok("UID FETCH 1:200 FLAGS").await?.join("\n");
    for (uid, keywords) in &stored {
        let line = flags.lines().find(|line| line.contains(&format!("(UID {uid} FLAGS (")));
        let line = line.with_context(|| format!("UID {uid} is gone"))?;
        ensure!(
            keywords.iter().any(|keyword| line.contains(keyword.as_str())),
            "{line} after {keywords:?}"
        );
    }
    let trash = subjects(&mut imap, "Trash").await?;
    for (from, to) in &moved {
        let subject = format!("archived {}.", from - 1);
        ensure!(!archive.contains_key(from), "UID {from} was moved and is still there");
        ensure!(
            trash.get(to) == Some(&subject),
            "UID {from} is not at {to} in the Trash: {trash:?}"
        );
    }
    // MOVE is one step: what is in one of them is not in the other.
    let mut both: Vec<_> = archive.values().chain(trash.values()).collect();
    let all = both.len();
    both.sort();
    both.dedup();
    ensure!(
        both.len() == all && all == 400,
        "{all} messages, {} of them different",
        both.len()
    );
    Ok(())
}

/// The subjects of a mailbox by UID.
async fn subjects(imap: &mut Imap, mailbox: &str) -> anyhow::Result<BTreeMap<u32, String>> {
    imap.ok(&format!("SELECT {mailbox}")).await?;
    let mut subjects = BTreeMap::new();
    for line in imap.ok("UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])").await? {
        let uid = line
            .split_once("(UID ")
            .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
        let subject = line
            .split_once("Subject: ")
            .and_then(|(_, rest)| rest.split("\r\n").next());
        subjects.insert(uid.context("no UID")?, subject.context("no subject")?.to_owned());
    }
    Ok(subjects)
}
