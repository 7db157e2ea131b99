//! How much an account may submit: over restarts, and as long as its mail waits.

use crate::client::{Smtp, dotted};
use crate::server::TestServer;

/// alice@example.org, correct horse
const LOGIN: &str = "AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAGNvcnJlY3QgaG9yc2U=";

async fn alice(server: &TestServer) -> anyhow::Result<Smtp> {
    let mut smtp = Smtp::greeted(server.connect("submission").await?).await?;
    smtp.command("EHLO client.test", "250").await?;
    smtp.command(LOGIN, "235").await?;
    Ok(smtp)
}

async fn submit(smtp: &mut Smtp, recipients: &[&str]) -> anyhow::Result<()> {
    smtp.command("MAIL FROM:<alice@example.org>", "250").await?;
    for recipient in recipients {
        smtp.command(&format!("RCPT TO:<{recipient}>"), "250").await?;
    }
    smtp.command("DATA", "354").await?;
    smtp.client
        .send(dotted(b"From: alice@example.org\r\n\r\nHello\r\n"))
        .await?;
    smtp.expect("250").await?;
    Ok(())
}

#[tokio::test]
async fn a_restart_does_not_begin_the_day_anew() -> anyhow::Result<()> {
    let mut server = TestServer::with(|config| config.smtp.messages_per_day = 2).await?;
    let mut smtp = alice(&server).await?;
    submit(&mut smtp, &["bob@example.org"]).await?;
    submit(&mut smtp, &["bob@example.org"]).await?;
    drop(smtp);
    server.restart(|_| ()).await?;
    let mut smtp = alice(&server).await?;
    let refused = smtp.command("MAIL FROM:<alice@example.org>", "450").await?;
    assert_eq!(
        refused,
        "450 4.7.1 No more than 2 messages may be sent within a day, try again later"
    );
    Ok(())
}

#[tokio::test]
async fn what_waits_in_the_queue_counts_until_it_is_gone() -> anyhow::Result<()> {
    let server = TestServer::with(|config| {
        config.smtp.max_queued_recipients = 3;
        config.outbound.enabled = false;
    })
    .await?;
    let mut smtp = alice(&server).await?;
    submit(&mut smtp, &["a@elsewhere.test", "b@elsewhere.test"]).await?;
    smtp.command("MAIL FROM:<alice@example.org>", "250").await?;
    smtp.command("RCPT TO:<c@elsewhere.test>", "250").await?;
    let refused = smtp.command("RCPT TO:<d@elsewhere.test>", "452").await?;
    assert_eq!(
        refused,
        "452 4.7.1 No more than 3 recipients may wait for your mail, try again later"
    );
    // Mail that does not wait is no matter of this.
    smtp.command("RCPT TO:<bob@example.org>", "250").await?;
    Ok(())
}
