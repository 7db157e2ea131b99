//! The Maildir belongs to the user: other programs drop, remove, rename and change messages, while the server runs and
//! while it does not, and every client is told.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::client::message;
use crate::server::TestServer;

/// As a mail program drops a message: written in `tmp/`, renamed into place.
fn drop_into(maildir: &Path, folder: &str, name: &str, subject: &str) -> PathBuf {
    let (written, placed) = (maildir.join("tmp").join(name), maildir.join(folder).join(name));
    fs::write(&written, message(subject).replace("\r\n", "\n")).unwrap();
    fs::rename(&written, &placed).unwrap();
    placed
}

/// The one message file of a Maildir.
fn only_file(maildir: &Path) -> PathBuf {
    let mut files: Vec<_> = ["new", "cur"]
        .iter()
        .flat_map(|folder| fs::read_dir(maildir.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

/// The file's name with these Maildir flags.
fn flagged(file: &Path, flags: &str) -> PathBuf {
    let name = file.file_name().unwrap().to_str().unwrap();
    let base = name.split_once(":2,").map_or(name, |(base, _)| base);
    file.parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("cur")
        .join(format!("{base}:2,{flags}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_another_program_drops_is_pushed() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    let mut idler = server.idle("alice", "INBOX").await?;
    let inbox = server.maildir("alice");
    drop_into(&inbox, "new", "1700000000.M1P1.elsewhere", "into new");
    idler.pushed("* 1 EXISTS").await?;
    drop_into(&inbox, "cur", "1700000001.M2P1.elsewhere:2,FS", "into cur");
    idler.pushed("* 2 EXISTS").await?;
    idler.done().await?;
    let fetched = idler.ok("FETCH 1:2 (FLAGS BODY.PEEK[])").await?;
    let whole = message("into new").replace("\r\n", "\n");
    let crlf = message("into new");
    ensure!(fetched[0].contains(&whole) || fetched[0].contains(&crlf), "{fetched:?}");
    ensure!(fetched[1].contains("FLAGS (\\Flagged \\Seen"), "{fetched:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_removed_or_renamed_is_told() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    server.deliver("alice", &message("the one")).await?;
    let inbox = server.maildir("alice");
    let mut idler = server.idle("alice", "INBOX").await?;

    let read = flagged(&only_file(&inbox), "RS");
    fs::rename(only_file(&inbox), &read)?;
    idler
        .pushed("* 1 FETCH (UID 1 FLAGS (\\Answered \\Seen \\Recent))")
        .await?;
    let flagged_only = flagged(&read, "F");
    fs::rename(&read, &flagged_only)?;
    idler.pushed("* 1 FETCH (UID 1 FLAGS (\\Flagged \\Recent))").await?;
    // Its bytes are still found.
    idler.done().await?;
    let fetched = idler.ok("FETCH 1 BODY.PEEK[TEXT]").await?.concat();
    ensure!(fetched.contains("the one"), "{fetched}");
    idler.idle().await?;
    fs::remove_file(&flagged_only)?;
    idler.pushed("* 1 EXPUNGE").await?;
    idler.done().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_and_none_is_missed() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    let mut idler = server.idle("alice", "INBOX").await?;
    let inbox = server.maildir("alice");
    for number in 0..300 {
        drop_into(
            &inbox,
            "new",
            &format!("170000{number:04}.M1P1.elsewhere"),
            &format!("subject {number}."),
        );
        if number % 10 == 0 {
            server
                .deliver("alice", &message(&format!("delivered {number}.")))
                .await?;
        }
    }
    idler.pushed("* 330 EXISTS").await?;
    idler.done().await?;
    let all = idler.ok("FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]").await?.concat();
    for number in 0..300 {
        let subject = format!("subject {number}.");
        ensure!(
            all.matches(&subject).count() == 1,
            "{subject} is not there exactly once"
        );
    }
    Ok(())
}

/// Removed, renamed and dropped while the server is stopped; a folder that another program made. UIDVALIDITY stays.
#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_the_server_is_stopped() -> anyhow::Result<()> {
    let mut server = TestServer::start().await?;
    for subject in ["removed", "renamed", "kept"] {
        server.deliver("alice", &message(subject)).await?;
    }
    let mut before = server.imap("alice").await?;
    let validity = before.ok("STATUS INBOX (UIDVALIDITY)").await?;
    let inbox = server.maildir("alice");
    server
        .restart(|_| {
            let holding = |subject: &str| {
                let files = ["new", "cur"]
                    .iter()
                    .flat_map(|folder| fs::read_dir(inbox.join(folder)).unwrap());
                let mut files = files.map(|entry| entry.unwrap().path());
                files
                    .find(|file| fs::read_to_string(file).unwrap().contains(subject))
                    .unwrap()
            };
            fs::remove_file(holding("Subject: removed")).unwrap();
            let renamed = holding("Subject: renamed");
            fs::rename(&renamed, flagged(&renamed, "T")).unwrap();
            drop_into(&inbox, "new", "1700000000.M1P1.elsewhere", "dropped");
            let folder = inbox.join(".From.elsewhere");
            for part in ["cur", "new", "tmp"] {
                fs::create_dir_all(folder.join(part)).unwrap();
            }
            drop_into(&folder, "cur", "1700000001.M1P1.elsewhere:2,S", "in a folder");
        })
        .await?;
    let mut alice = server.select("alice", "INBOX").await?;
    assert_eq!(alice.ok("STATUS INBOX (UIDVALIDITY)").await?, validity);
    let fetched = alice
        .ok("FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        .await?;
    let has = |index: usize, words: [&str; 2]| words.iter().all(|word| fetched[index].contains(word));
    ensure!(fetched.len() == 3, "{fetched:?}");
    ensure!(has(0, ["UID 2 FLAGS (\\Deleted", "renamed"]), "{fetched:?}");
    ensure!(
        has(1, ["UID 3 FLAGS (", "kept"]) && has(2, ["UID 4 FLAGS (", "dropped"]),
        "{fetched:?}"
    );
    let listed = alice.ok("LIST \"\" From/*").await?;
    ensure!(
        listed == ["* LIST (\\HasNoChildren) \"/\" \"From/elsewhere\""],
        "{listed:?}"
    );
    let status = alice.ok("STATUS From/elsewhere (MESSAGES UNSEEN)").await?;
    ensure!(status[0].ends_with("(MESSAGES 1 UNSEEN 0)"), "{status:?}");
    Ok(())
}

/// A client that names a message whose file another program has just taken away gets an answer, not a hang.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_when_it_is_fetched() -> anyhow::Result<()> {
    let server = TestServer::with(|config| config.storage.watch = false).await?;
    for subject in ["first", "second"] {
        server.deliver("alice", &message(subject)).await?;
    }
    let mut alice = server.select("alice", "INBOX").await?;
    let inbox = server.maildir("alice");
    let files: Vec<_> = ["new", "cur"]
        .iter()
        .flat_map(|folder| fs::read_dir(inbox.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    let first = files
        .iter()
        .find(|file| fs::read_to_string(file).unwrap().contains("Subject: first"))
        .context("the file of the first message")?;
    fs::remove_file(first)?;
    let (fetched, answer) = alice.command("FETCH 1:2 (UID BODY.PEEK[TEXT])").await?;
    ensure!(
        answer.starts_with("OK") && fetched.iter().any(|line| line.contains("second")),
        "{fetched:?} {answer}"
    );
    // The look that found it gone is told, too.
    alice.idle().await?;
    alice.pushed("* 1 EXPUNGE").await?;
    alice.done().await?;
    Ok(())
}
