//! Capabilities that are switched off for one account.

use anyhow::ensure;

use crate::client::printable;
use crate::server::{DOMAIN, PASSWORD, TestServer};

#[tokio::test]
async fn nothing_that_is_switched_off_is_announced() -> anyhow::Result<()> {
    let names = [
        "UIDPLUS",
        "condstore",
        "AUTH=LOGIN",
        "SPECIAL-USE",
        "COMPRESS=DEFLATE",
        "APPENDLIMIT",
        "STARTTLS",
    ];
    let gone = ["QRESYNC", "CREATE-SPECIAL-USE", "CONDSTORE"];
    let off = names.map(str::to_owned).to_vec();
    let (all, fewer) = (
        TestServer::start().await?,
        TestServer::with(|config| config.imap.disable = off).await?,
    );
    let greeting = async |server: &TestServer| -> anyhow::Result<String> {
        Ok(printable(&server.connect("imap").await?.line().await?).replace(']', " "))
    };
    let (all, fewer) = (greeting(&all).await?, greeting(&fewer).await?);
    for name in names.into_iter().chain(gone).map(str::to_uppercase) {
        // APPENDLIMIT has a number behind it.
        let in_list = |list: &str| list.contains(&format!(" {name} ")) || list.contains(&format!(" {name}=5"));
        ensure!(in_list(&all) && !in_list(&fewer), "{name}: {all} {fewer}");
    }
    Ok(())
}

#[tokio::test]
async fn an_account_is_spared_what_its_program_does_not_bear() -> anyhow::Result<()> {
    let server = TestServer::with(|config| config.imap.disable = vec!["NOTIFY".to_owned()]).await?;
    let accounts = server.server().accounts();
    let alice = format!("alice@{DOMAIN}");
    accounts.set_capability(&alice, "MOVE", false).await?;
    accounts.set_capability(&alice, "MOVE", false).await?;
    let mut imap = server.select("bob", "INBOX").await?;
    imap.ok("UID MOVE 1:* Trash").await?;

    let mut imap = crate::client::Imap::greeted(server.connect("imap").await?).await?;
    let (_, answer) = imap.command(&format!("LOGIN {alice} \"{PASSWORD}\"")).await?;
    ensure!(
        answer.contains(" UIDPLUS ") && !answer.contains(" MOVE ") && !answer.contains(" NOTIFY "),
        "{answer}"
    );
    imap.ok("SELECT INBOX").await?;
    for command in ["UID MOVE 1:* Trash", "NOTIFY NONE"] {
        let (_, answer) = imap.command(command).await?;
        ensure!(answer.starts_with("BAD"), "{command}: {answer}");
    }
    // Another may log in on the same connection (RFC 8437), and is spared nothing.
    imap.ok("UNAUTHENTICATE").await?;
    let (_, answer) = imap.command(&format!("LOGIN bob@{DOMAIN} \"{PASSWORD}\"")).await?;
    ensure!(answer.contains(" MOVE ") && !answer.contains(" NOTIFY "), "{answer}");

    accounts.set_capability(&alice, "MOVE", true).await?;
    let account = accounts.find(&alice).await?;
    ensure!(accounts.disabled_capabilities(&account).await?.is_empty());
    let mut imap = server.select("alice", "INBOX").await?;
    imap.ok("UID MOVE 1:* Trash").await?;
    let greeting = printable(&server.connect("imap").await?.line().await?);
    ensure!(greeting.contains(" MOVE "), "{greeting}");
    Ok(())
}
