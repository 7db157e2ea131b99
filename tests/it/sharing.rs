//! Mailboxes that others share (RFC 4314), as far as a dialog cannot show it: what is on disk, accounts that go, and a server of
//! a thousand accounts.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::ensure;

use crate::client::{Imap, message};
use crate::server::TestServer;

const SHARED: &str = "\"Other Users/alice@example.org/Team\"";
/// Accounts that have mail.
const ACCOUNTS: usize = 1000;

async fn listed(imap: &mut Imap) -> anyhow::Result<Vec<String>> {
    imap.ok("LIST \"\" \"Other Users/*\"").await
}

/// Alice shares a mailbox with Bob.
async fn share(server: &TestServer) -> anyhow::Result<()> {
    let mut alice = server.imap("alice").await?;
    alice.ok("CREATE Team").await?;
    alice.ok("SETACL Team bob lrs").await?;
    alice.append("Team", "", message("shared").as_bytes()).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_with_the_mail_and_not_in_the_index() -> anyhow::Result<()> {
    let mut server = TestServer::start().await?;
    share(&server).await?;
    let list = server.maildir("alice").join(".Team/posthaste-acl");
    assert_eq!(
        fs::read_to_string(&list)?,
        "posthaste-acl 1\nlrswipkxtea owner\nlrs bob@example.org\n"
    );
    server
        .restart(|data| {
            for entry in fs::read_dir(data).unwrap() {
                let path = entry.unwrap().path();
                if path.file_name().unwrap().to_string_lossy().starts_with("index.db") {
                    fs::remove_file(path).unwrap();
                }
            }
        })
        .await?;
    let mut bob = server.imap("bob").await?;
    assert_eq!(listed(&mut bob).await?.len(), 1);
    let told = bob.ok(&format!("SELECT {SHARED}")).await?;
    ensure!(told.iter().any(|line| line == "* 1 EXISTS"), "{told:?}");
    drop(bob);

    // By hand, while the server is stopped; what cannot be read gives nothing away.
    server
        .restart(|_| fs::write(&list, "posthaste-acl 1\nlr carol@example.org\nnonsense\n").unwrap())
        .await?;
    assert!(listed(&mut server.imap("bob").await?).await?.is_empty());
    assert_eq!(listed(&mut server.imap("carol").await?).await?.len(), 1);
    let mut alice = server.imap("alice").await?;
    assert_eq!(alice.ok("MYRIGHTS Team").await?, ["* MYRIGHTS \"Team\" la"]);

    alice.ok("SETACL Team alice lrx").await?;
    alice.ok("DELETE Team").await?;
    ensure!(!list.exists());
    assert!(listed(&mut server.imap("carol").await?).await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_gone_shares_nothing() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    share(&server).await?;
    let mut bob = server.imap("bob").await?;
    assert_eq!(listed(&mut bob).await?.len(), 1);
    server.server().accounts().remove("alice@example.org").await?;
    assert!(listed(&mut bob).await?.is_empty());
    let (_, answer) = bob.command(&format!("SELECT {SHARED}")).await?;
    ensure!(answer.starts_with("NO [NONEXISTENT]"), "{answer}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn among_a_thousand_accounts_only_those_that_share_are_opened() -> anyhow::Result<()> {
    let mut server = TestServer::start().await?;
    share(&server).await?;
    let mail = server.data().join("mail/example.org");
    server
        .restart(|_| {
            for number in 0..ACCOUNTS {
                for folder in ["", ".Archive", ".Drafts", ".Junk", ".Sent", ".Trash"] {
                    fs::create_dir_all(mail.join(format!("user{number}")).join(folder).join("cur")).unwrap();
                }
            }
        })
        .await?;
    let mut bob = server.imap("bob").await?;
    let clock = Instant::now();
    assert_eq!(listed(&mut bob).await?.len(), 1);
    let first = clock.elapsed();
    let clock = Instant::now();
    for _ in 0..100 {
        assert_eq!(listed(&mut bob).await?.len(), 1);
    }
    eprintln!(
        "LIST among {ACCOUNTS} accounts: the first {first:?}, another {:?}",
        clock.elapsed() / 100
    );
    // An account that is opened gets control files.
    let opened = |account: &Path| account.join("posthaste-mailbox").exists();
    ensure!(opened(&mail.join("alice")));
    ensure!(!opened(&mail.join("user7")));
    Ok(())
}
