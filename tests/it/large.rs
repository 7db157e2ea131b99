//! A mailbox of 10,000 messages that another program has filled: opened, fetched, searched and changed.

use std::fs;
use std::time::Instant;

use anyhow::ensure;

use crate::client::message;
use crate::server::TestServer;

const MESSAGES: usize = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_messages() -> anyhow::Result<()> {
    let mut server = TestServer::start().await?;
    // Makes the Maildir.
    server.select("alice", "INBOX").await?;
    let inbox = server.maildir("alice");
    server
        .restart(|_| {
            for number in 0..MESSAGES {
                let file = inbox.join(format!("cur/{}.M1P1.elsewhere:2,S", 1_600_000_000 + number));
                fs::write(file, message(&format!("subject {number}."))).unwrap();
            }
        })
        .await?;
    let clock = Instant::now();
    let mut alice = server.imap("alice").await?;
    let told = alice.ok("SELECT INBOX").await?;
    ensure!(told.contains(&format!("* {MESSAGES} EXISTS")), "{told:?}");
    eprintln!("opened for the first time in {:?}", clock.elapsed());
    let flags = alice.ok("FETCH 1:* (UID FLAGS)").await?;
    ensure!(
        flags.len() == MESSAGES && flags[41].starts_with("* 42 FETCH (UID 42 FLAGS (\\Seen"),
        "{:?}",
        flags[41]
    );
    let envelopes = alice.ok("FETCH 1:* (ENVELOPE RFC822.SIZE)").await?;
    for (number, envelope) in envelopes.iter().enumerate() {
        ensure!(envelope.contains(&format!("\"subject {number}.\"")), "{envelope}");
    }
    let found = alice.ok("UID SEARCH SUBJECT \"subject 9999.\"").await?;
    ensure!(found == [format!("* SEARCH {MESSAGES}")], "{found:?}");
    let found = alice.ok("SEARCH RETURN (COUNT MIN MAX) SEEN").await?.concat();
    ensure!(
        found.ends_with(&format!("MIN 1 MAX {MESSAGES} COUNT {MESSAGES}")),
        "{found}"
    );

    let mut idler = server.idle("alice", "INBOX").await?;
    alice.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)").await?;
    alice.ok("UID EXPUNGE 2:9999").await?;
    idler.pushed("* 9999 EXPUNGE").await?;
    idler.pushed("* 2 EXPUNGE").await?;
    let left = alice.ok("UID SEARCH ALL").await?;
    ensure!(left == [format!("* SEARCH 1 {MESSAGES}")], "{left:?}");
    Ok(())
}
