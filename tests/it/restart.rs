//! What a restart must not change, with the index and without it.

use std::path::Path;

use anyhow::ensure;

use crate::client::{Imap, message};
use crate::server::TestServer;

/// Everything that a client keeps of an account.
#[derive(PartialEq, Debug)]
struct Picture {
    mailboxes: Vec<String>,
    subscribed: Vec<String>,
    status: Vec<String>,
    messages: Vec<String>,
    highest_mod_seq: u64,
}

impl Picture {
    async fn of(server: &TestServer) -> anyhow::Result<Picture> {
        let mut imap = server.imap("alice").await?;
        let mut picture = Picture {
            mailboxes: imap.ok("LIST \"\" *").await?,
            subscribed: imap.ok("LSUB \"\" *").await?,
            status: Vec::new(),
            messages: Vec::new(),
            highest_mod_seq: 0,
        };
        for name in ["INBOX", "Archive", "Work/&APw-ber", "Empty"] {
            picture.status.extend(
                imap.ok(&format!("STATUS \"{name}\" (MESSAGES UIDNEXT UIDVALIDITY UNSEEN SIZE)"))
                    .await?,
            );
            imap.ok(&format!("EXAMINE \"{name}\"")).await?;
            if picture
                .status
                .last()
                .is_some_and(|status| !status.contains("MESSAGES 0 "))
            {
                picture.messages.extend(
                    imap.ok("FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])")
                        .await?,
                );
            }
        }
        // Who has seen a message as recent is for the run that it came in.
        for message in &mut picture.messages {
            *message = message.replace(" \\Recent", "").replace("\\Recent", "");
        }
        let status = imap.ok("STATUS INBOX (HIGHESTMODSEQ)").await?.concat();
        let digits: String = status.chars().filter(char::is_ascii_digit).collect();
        picture.highest_mod_seq = digits.parse()?;
        Ok(picture)
    }
}

/// Mail of every kind: delivered, appended with flags, keywords and dates, copied, moved, changed, and gaps in the UIDs.
async fn fill(server: &TestServer) -> anyhow::Result<()> {
    let mut imap = server.imap("alice").await?;
    for command in [
        "CREATE Work/&APw-ber",
        "CREATE Empty",
        "UNSUBSCRIBE Junk",
        "SUBSCRIBE Nowhere",
    ] {
        imap.ok(command).await?;
    }
    for number in 0..6 {
        server
            .deliver("alice", &message(&format!("delivered {number}")))
            .await?;
    }
    for (flags, date) in [
        ("(\\Seen $Label1)", "\"17-Jul-1996 02:44:25 -0700\" "),
        ("(\\Answered \\Draft Odd-Word)", "\" 1-Jan-2024 00:00:00 +0530\" "),
        ("(\\Flagged $Forwarded)", ""),
    ] {
        let answer = imap
            .append("INBOX", &format!("{flags} {date}"), message("appended").as_bytes())
            .await?;
        ensure!(answer.starts_with("OK"), "{answer}");
    }
    imap.ok("SELECT INBOX").await?;
    for command in [
        "STORE 2,3 +FLAGS (\\Deleted)",
        "EXPUNGE",
        "STORE 1 FLAGS (\\Seen Second-Word)",
        "COPY 1:5 Archive",
        "MOVE 2:3 Work/&APw-ber",
        "STORE 4 -FLAGS (\\Seen)",
        // The highest UID is removed: it must not come again.
        "STORE * +FLAGS.SILENT (\\Deleted)",
        "EXPUNGE",
    ] {
        imap.ok(command).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_clients_get_bye_and_nothing_is_different() -> anyhow::Result<()> {
    let mut server = TestServer::start().await?;
    fill(&server).await?;
    let before = Picture::of(&server).await?;
    let mut idlers: Vec<Imap> = Vec::new();
    for mailbox in ["INBOX", "Archive", "INBOX"] {
        idlers.push(server.idle("alice", mailbox).await?);
    }
    server.restart(|_| ()).await?;
    for mut idler in idlers {
        let goodbye = idler.response().await?;
        ensure!(goodbye.starts_with("* BYE"), "{goodbye}");
        idler.client.end().await?;
    }
    assert_eq!(before, Picture::of(&server).await?);
    Ok(())
}

/// The index is disposable: nobody downloads anything again. (`docs/architecture.md`)
#[tokio::test(flavor = "multi_thread")]
async fn without_the_index_nothing_is_different() -> anyhow::Result<()> {
    let mut server = TestServer::start().await?;
    fill(&server).await?;
    let before = Picture::of(&server).await?;
    server.restart(remove_index).await?;
    let mut after = Picture::of(&server).await?;
    ensure!(
        after.highest_mod_seq >= before.highest_mod_seq,
        "a client that knows {} would miss what comes after {}",
        before.highest_mod_seq,
        after.highest_mod_seq
    );
    after.highest_mod_seq = before.highest_mod_seq;
    // UIDNEXT may only have risen.
    let next = |picture: &Picture| -> Vec<u64> {
        let status = picture.status.iter();
        status.map(|line| number_behind(line, "UIDNEXT ")).collect()
    };
    ensure!(
        next(&after)
            .iter()
            .zip(next(&before))
            .all(|(after, before)| *after >= before),
        "{before:?} {after:?}"
    );
    for (after, before) in after.status.iter_mut().zip(&before.status) {
        let (was, is) = (number_behind(before, "UIDNEXT "), number_behind(after, "UIDNEXT "));
        *after = after.replace(&format!("UIDNEXT {is} "), &format!("UIDNEXT {was} "));
    }
    assert_eq!(before, after);

    // And what comes now does not get a UID that a client has seen.
    let mut alice = server.select("alice", "INBOX").await?;
    let known = alice.ok("UID SEARCH ALL").await?;
    server.deliver("alice", &message("after")).await?;
    alice.ok("NOOP").await?;
    let answer = alice.ok("FETCH * UID").await?.concat();
    let uid = number_behind(&answer, "UID ");
    ensure!(uid > 9, "UID {uid} was given before; {known:?}");
    Ok(())
}

fn remove_index(data: &Path) {
    for entry in std::fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("index.db") {
            std::fs::remove_file(path).unwrap();
        }
    }
}

fn number_behind(text: &str, word: &str) -> u64 {
    let digits: String = text
        .split_once(word)
        .map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect())
        .unwrap_or_default();
    digits
        .parse()
        .unwrap_or_else(|_| panic!("no number behind {word:?} in {text:?}"))
}
