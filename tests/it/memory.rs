//! What a server holds: no growth of memory, descriptors and threads over many cycles, and none by what a peer sends.

use std::path::PathBuf;

use anyhow::{Context, ensure};

use crate::cli::{Place, Server};
use crate::client::{Client, Imap, Smtp, dotted, message};
use crate::server::{DOMAIN, PASSWORD};

/// Memory may differ by this much between two moments of rest, in KiB: pools and arenas that were not full before.
const SLACK: u64 = 12 * 1024;
/// And so many descriptors: connections to the databases that are opened when they are first needed, two or three each. What
/// each cycle left behind would be two hundred.
const FEW: usize = 30;

fn server() -> (Place, Server) {
    let place = Place::serving("[login]\nrequire_tls = false\n");
    place.run(&["domain", "add", DOMAIN]).ok("");
    let address = format!("alice@{DOMAIN}");
    place
        .run_with_input(
            &["account", "add", &address, "--password-stdin"],
            &format!("{PASSWORD}\n"),
        )
        .ok("");
    let server = place.serve();
    (place, server)
}

async fn imap(server: &Server) -> anyhow::Result<Imap> {
    let mut imap = Imap::greeted(Client::connect(server.address("imap").parse()?).await?).await?;
    imap.ok(&format!("LOGIN alice@{DOMAIN} \"{PASSWORD}\"")).await?;
    imap.ok("SELECT INBOX").await?;
    Ok(imap)
}

async fn smtp(server: &Server) -> anyhow::Result<Smtp> {
    Smtp::greeted(Client::connect(server.address("smtp").parse()?).await?).await
}

/// What the process holds, as the system counts it.
#[derive(Debug)]
struct Held {
    descriptors: usize,
    kibibytes: u64,
}

impl Held {
    fn by(server: &Server) -> anyhow::Result<Held> {
        let process = PathBuf::from(format!("/proc/{}", server.child.id()));
        let status = std::fs::read_to_string(process.join("status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = resident.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok());
        Ok(Held {
            descriptors: std::fs::read_dir(process.join("fd"))?.count(),
            kibibytes: kibibytes.context("no VmRSS")?,
        })
    }
}

/// Waits until the process holds no more descriptors than that: a session that was ended is gone a moment later.
async fn at_rest(server: &Server, descriptors: usize) -> anyhow::Result<Held> {
    let (mut last, mut asking) = (None, smtp(server).await?);
    let rest = crate::client::within("the descriptors to be closed", async {
        loop {
            let held = last.insert(Held::by(server)?);
            if held.descriptors <= descriptors {
                return anyhow::Ok(());
            }
            // Not as fast as can be: the server needs the time.
            asking.command("NOOP", "250").await?;
        }
    });
    let rest = rest.await;
    let held = last.context("never looked")?;
    rest.with_context(|| format!("{held:?}, where {descriptors} descriptors are wanted"))??;
    Ok(held)
}

/// One cycle: idle, be told of a delivery, fetch and remove it, and go, by a goodbye or without.
async fn cycle(server: &Server, number: usize) -> anyhow::Result<()> {
    let mut idler = imap(server).await?;
    idler.idle().await?;
    let mut smtp = smtp(server).await?;
    smtp.deliver(&["alice"], message(&format!("number {number}")).as_bytes())
        .await?;
    smtp.quit().await?;
    idler.pushed("* 1 EXISTS").await?;
    idler.done().await?;
    idler.ok("FETCH 1 (ENVELOPE BODY[])").await?;
    idler.ok("STORE 1 +FLAGS (\\Deleted)").await?;
    idler.ok("EXPUNGE").await?;
    match number % 3 {
        0 => drop(idler.ok("LOGOUT").await?),
        1 => idler.client.vanish(true)?,
        _ => {
            idler.idle().await?;
            idler.client.vanish(false)?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_cycles_leave_nothing_behind() -> anyhow::Result<()> {
    let (_place, server) = server();
    let start = Held::by(&server)?;
    for number in 0..40 {
        cycle(&server, number).await?;
    }
    let before = at_rest(&server, start.descriptors + FEW).await?;
    for number in 0..200 {
        cycle(&server, number).await?;
    }
    let after = at_rest(&server, before.descriptors + FEW).await?;
    ensure!(
        after.kibibytes < before.kibibytes + SLACK,
        "memory grew: {before:?} before, {after:?} after 200 cycles"
    );
    Ok(())
}

/// Messages, lines and literals far larger than what may be held pass through or are thrown away.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_peer_sends_does_not_pile_up() -> anyhow::Result<()> {
    let (_place, server) = server();
    cycle(&server, 0).await?;
    let before = Held::by(&server)?;
    let mut highest = 0;
    let mut look = || -> anyhow::Result<()> {
        highest = highest.max(Held::by(&server)?.kibibytes);
        Ok(())
    };

    // 45 MiB by SMTP, as one message.
    let mut smtp = smtp(&server).await?;
    smtp.begin(&["alice"]).await?;
    let piece = dotted(&b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abc\r\n".repeat(16 * 1024));
    let piece = &piece[..piece.len() - b".\r\n".len()];
    smtp.client.send("Subject: large\r\n\r\n").await?;
    for _ in 0..45 {
        smtp.client.send(piece).await?;
        look()?;
    }
    smtp.client.send(".\r\n").await?;
    smtp.expect("250").await?;
    look()?;

    // As much by APPEND, and fetched again.
    let mut alice = imap(&server).await?;
    let size = piece.len() * 45 + "Subject: large\r\n\r\n".len();
    alice
        .send(&format!("APPEND INBOX {{{size}+}}\r\nSubject: large\r\n"))
        .await?;
    for _ in 0..45 {
        alice.client.send(piece).await?;
        look()?;
    }
    alice.client.send("\r\n").await?;
    let (_, answer) = alice.answer("t3").await?;
    ensure!(answer.starts_with("OK"), "{answer}");
    look()?;
    let tag = alice.send("FETCH 1 BODY.PEEK[]").await?;
    let fetched = alice.client.response().await?.len();
    ensure!(fetched > size, "{fetched} octets");
    alice.answer(&tag).await?;
    look()?;

    // Lines without an end.
    let endless = vec![b'x'; 1 << 20];
    for _ in 0..30 {
        smtp.client.send(&endless).await?;
        look()?;
    }
    smtp.client.send("\r\n").await?;
    smtp.expect("500").await?;
    let tag = alice.send("NOOP").await?;
    alice.answer(&tag).await?;
    for _ in 0..30 {
        alice.client.send(&endless).await?;
        look()?;
    }
    alice.client.send("\r\n").await?;
    let bad = alice.response().await?;
    ensure!(bad.contains(" BAD "), "{bad}");

    // A literal that is refused, and sent all the same.
    let tag = alice.send(&format!("APPEND INBOX {{{}+}}", 100 << 20)).await?;
    for _ in 0..100 {
        alice.client.send(&endless).await?;
        look()?;
    }
    alice.client.send("\r\n").await?;
    let (_, answer) = alice.answer(&tag).await?;
    ensure!(answer.starts_with("NO [TOOBIG]"), "{answer}");
    ensure!(
        highest < before.kibibytes + 2 * SLACK,
        "memory rose from {} to {highest} KiB",
        before.kibibytes
    );
    Ok(())
}
