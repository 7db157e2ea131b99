//! When the machine fails: a slow index, a full disk, a read-only disk. Clients get an answer in time, nothing is lost, and
//! it goes on when the cause is gone.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use posthaste::config::Period;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::client::{dotted, message};
use crate::server::{DOMAIN, TestServer};

/// Another program holds the index: 451 and NO within the configured time, what is in memory goes on, and then all works.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_index_is_answered_in_time() -> anyhow::Result<()> {
    let server = TestServer::with(|config| config.storage.index_timeout = Period::seconds(1)).await?;
    server.deliver("alice", &message("before")).await?;
    let mut alice = server.select("alice", "INBOX").await?;
    let mut idler = server.idle("alice", "INBOX").await?;

    let index = SqliteConnectOptions::new().filename(server.data().join("index.db"));
    let mut holder = index.connect().await?;
    sqlx::query("begin exclusive").execute(&mut holder).await?;
    let held = Instant::now();
    let mut smtp = server.smtp().await?;
    smtp.begin(&["alice"]).await?;
    smtp.client.send(dotted(message("while it is held").as_bytes())).await?;
    smtp.expect("451").await?;
    let answer = alice
        .append("INBOX", "", message("appended while it is held").as_bytes())
        .await?;
    ensure!(answer.starts_with("NO [UNAVAILABLE]"), "{answer}");
    let (_, answer) = alice.command("STORE 1 +FLAGS (\\Flagged)").await?;
    ensure!(answer.starts_with("NO [UNAVAILABLE]"), "{answer}");
    ensure!(
        held.elapsed() < Duration::from_secs(10),
        "{:?} for three answers",
        held.elapsed()
    );
    let flags = alice.ok("FETCH 1 FLAGS").await?;
    ensure!(flags == ["* 1 FETCH (FLAGS (\\Recent))"], "{flags:?}");
    sqlx::query("rollback").execute(&mut holder).await?;
    holder.close().await?;

    smtp.deliver(&["alice"], message("after").as_bytes()).await?;
    alice.ok("STORE 1 +FLAGS (\\Answered)").await?;
    idler.pushed("* 1 FETCH (UID 1 FLAGS (\\Answered))").await?;
    idler.done().await?;
    alice.ok("NOOP").await?;
    let all = alice
        .ok("FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        .await?
        .concat();
    ensure!(
        all.matches("Subject: before").count() == 1 && all.matches("Subject: after").count() == 1,
        "{all}"
    );
    ensure!(
        !all.contains("while it is held"),
        "refused, and there all the same: {all}"
    );
    Ok(())
}

/// A small disk of its own, which only root can have.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    /// `None`, and the reason on the terminal, where nothing can be mounted.
    fn mount(at: &'a Path, megabytes: u32) -> Option<Disk<'a>> {
        std::fs::create_dir_all(at).unwrap();
        let size = format!("size={megabytes}m");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(at)
            .output();
        match mount {
            Ok(done) if done.status.success() => Some(Disk(at)),
            other => {
                // Not by `eprintln!`, whose output is kept back when the test passes: scripts/test counts these lines.
                let _ = writeln!(std::io::stderr(), "SKIPPED: a disk cannot be mounted here: {other:?}");
                None
            }
        }
    }

    fn remount(&self, how: &str) {
        let done = Command::new("mount")
            .args(["-o", &format!("remount,{how}")])
            .arg(self.0)
            .status()
            .unwrap();
        assert!(done.success(), "remount {how}");
    }

    /// Writes until nothing more fits.
    fn fill(&self) -> std::path::PathBuf {
        let path = self.0.join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        for size in [1 << 20, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        path
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l"]).arg(self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_temporary() -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let mounted = place.path().join("data");
    let Some(disk) = Disk::mount(&mounted, 12) else {
        return Ok(());
    };
    let mut server = TestServer::with(|config| config.data.clone_from(&mounted)).await?;
    server.deliver("alice", &message("before")).await?;
    let mut alice = server.select("alice", "INBOX").await?;
    let mut idler = server.idle("alice", "INBOX").await?;
    for subject in ["superfluous", "superfluous too"] {
        server.deliver("alice", &message(subject)).await?;
    }
    alice.ok("NOOP").await?;
    alice.ok("STORE 2:3 +FLAGS.SILENT (\\Deleted)").await?;
    let filler = disk.fill();

    let large = format!("{}{}", message("too much"), "0123456789\r\n".repeat(100_000));
    let mut smtp = server.smtp().await?;
    smtp.begin(&["alice"]).await?;
    smtp.client.send(dotted(large.as_bytes())).await?;
    let reply = smtp.reply().await?;
    ensure!(reply.starts_with("452 4.3.1 "), "{reply}");
    let answer = alice.append("INBOX", "", large.as_bytes()).await?;
    ensure!(answer.starts_with("NO ["), "{answer}");
    // Reading goes on.
    let fetched = alice.ok("FETCH 1 BODY[TEXT]").await?.concat();
    ensure!(fetched.contains("before"), "{fetched}");
    // And so does making room.
    alice.ok("EXPUNGE").await?;
    idler.pushed("* 2 EXPUNGE").await?;

    std::fs::remove_file(filler)?;
    smtp.deliver(&["alice"], message("after").as_bytes()).await?;
    idler.pushed("* 2 EXISTS").await?;
    alice.ok("STORE 1 +FLAGS (\\Deleted)").await?;
    alice.ok("EXPUNGE").await?;
    idler.pushed("* 1 EXPUNGE").await?;
    let spool: Vec<_> = std::fs::read_dir(mounted.join("spool"))?.collect();
    ensure!(spool.is_empty(), "what was refused is left in the spool: {spool:?}");
    server.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_disk_refuses_mail_and_can_be_read() -> anyhow::Result<()> {
    let place = tempfile::tempdir()?;
    let mounted = place.path().join("data");
    let Some(disk) = Disk::mount(&mounted, 32) else {
        return Ok(());
    };
    let mut server = TestServer::with(|config| config.data.clone_from(&mounted)).await?;
    server.deliver("alice", &message("before")).await?;
    let mut alice = server.select("alice", "INBOX").await?;
    // As a file system that has seen an error: what is open for writing stays so, but nothing new can be made.
    let locked = mounted.join("mail").join(DOMAIN);
    let bound = Command::new("mount").arg("--bind").arg(&locked).arg(&locked).status()?;
    ensure!(bound.success(), "mount --bind");
    let read_only = Command::new("mount")
        .args(["-o", "remount,bind,ro"])
        .arg(&locked)
        .status()?;
    ensure!(read_only.success(), "remount read-only");

    let mut smtp = server.smtp().await?;
    smtp.begin(&["alice"]).await?;
    smtp.client
        .send(dotted(message("while it is read-only").as_bytes()))
        .await?;
    let reply = smtp.reply().await?;
    ensure!(reply.starts_with("451") || reply.starts_with("452"), "{reply}");
    let answer = alice.append("INBOX", "", message("appended").as_bytes()).await?;
    ensure!(answer.starts_with("NO ["), "{answer}");
    let fetched = alice.ok("FETCH 1 BODY.PEEK[TEXT]").await?.concat();
    ensure!(fetched.contains("before"), "{fetched}");

    let unbound = Command::new("umount").arg("-l").arg(&locked).status()?;
    ensure!(unbound.success(), "umount");
    smtp.deliver(&["alice"], message("after").as_bytes()).await?;
    alice.ok("NOOP").await?;
    let all = alice.ok("SEARCH ALL").await?;
    ensure!(all == ["* SEARCH 1 2"], "{all:?}");

    // And a start on a folder that cannot be written to is an error that names it.
    server.stop().await;
    disk.remount("ro");
    let error = server
        .restart(|_| ())
        .await
        .err()
        .context("it starts on a read-only folder")?;
    let text = format!("{error:#}");
    ensure!(
        text.contains(&mounted.display().to_string()),
        "the folder is not named: {text}"
    );
    disk.remount("rw");
    Ok(())
}
