//! Internationalised addresses end to end (RFC 6531): a domain is the same in U-labels and in A-labels, for whom mail is, who
//! logs in, and who sends; a local part beyond ASCII needs SMTPUTF8 and is the same however it is composed.

use anyhow::ensure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::client::{Imap, Smtp};
use crate::server::{PASSWORD, TestServer};

#[tokio::test]
async fn an_account_beyond_ascii_gets_mail_and_sends_it() -> anyhow::Result<()> {
    let server = TestServer::start().await?;
    let accounts = server.server().accounts();
    accounts.add_domain("bücher.example").await?;
    accounts.add("jörg@bücher.example", PASSWORD).await?;
    accounts.add("info@xn--bcher-kva.example", PASSWORD).await?;
    accounts
        .add_alias(
            "büro@bücher.example",
            &[
                "jörg@xn--bcher-kva.example".to_owned(),
                "info@bücher.example".to_owned(),
            ],
        )
        .await?;

    let mut smtp = server.smtp().await?;
    // Without SMTPUTF8, what ASCII can say.
    smtp.command("MAIL FROM:<a@xn--srensen-90a.example>", "250").await?;
    smtp.command("RCPT TO:<info@xn--bcher-kva.example>", "250").await?;
    smtp.command("RCPT TO:<info@XN--BCHER-KVA.example>", "250").await?;
    smtp.command("RCPT TO:<info@bücher.example>", "553 5.6.7").await?;
    smtp.command("RCPT TO:<jörg@xn--bcher-kva.example>", "553 5.6.7")
        .await?;
    smtp.command("RSET", "250").await?;
    // With it, everything.
    smtp.command("MAIL FROM:<müller@sörensen.example> SMTPUTF8 BODY=8BITMIME", "250")
        .await?;
    for recipient in [
        "jörg@bücher.example",
        "JÖRG+läden@Bücher.example",
        "jo\u{308}rg@xn--bcher-kva.example",
        "büro@bücher.example",
    ] {
        smtp.command(&format!("RCPT TO:<{recipient}>"), "250").await?;
    }
    smtp.command("RCPT TO:<jürgen@bücher.example>", "550 5.1.1").await?;
    smtp.command("RCPT TO:<jörg@bücher.example.example>", "550 5.7.1")
        .await?;
    smtp.command("DATA", "354").await?;
    smtp.client
        .send("From: müller@sörensen.example\r\nSubject: Grüße\r\n\r\nfür dich\r\n.\r\n")
        .await?;
    smtp.expect("250 2.0.0").await?;
    smtp.quit().await?;

    // To log in, and to send as oneself, by either form of the domain.
    for login in ["jörg@bücher.example", "jörg@xn--bcher-kva.example"] {
        let response = STANDARD.encode(format!("\0{login}\0{PASSWORD}"));
        let mut imap = Imap::greeted(server.connect("imap").await?).await?;
        imap.ok(&format!("AUTHENTICATE PLAIN {response}")).await?;
        imap.ok("SELECT INBOX").await?;
        let told = imap.ok("UID SEARCH RETURN (COUNT) HEADER Received UTF8SMTP").await?;
        ensure!(
            told.iter()
                .any(|line| !line.contains("COUNT 0") && line.contains("COUNT")),
            "{told:?}"
        );

        let mut smtp = Smtp::greeted(server.connect("submission").await?).await?;
        smtp.command(&format!("AUTH PLAIN {response}"), "235").await?;
        smtp.command("MAIL FROM:<jörg@bücher.example> SMTPUTF8", "250").await?;
        smtp.command("RSET", "250").await?;
        smtp.command("MAIL FROM:<jörg+x@xn--bcher-kva.example> SMTPUTF8", "250")
            .await?;
        smtp.command("RSET", "250").await?;
        smtp.command("MAIL FROM:<info@bücher.example> SMTPUTF8", "550 5.7.1")
            .await?;
        smtp.command("MAIL FROM:<jörg@bücher.example> SMTPUTF8", "250").await?;
        smtp.command("RCPT TO:<info@bücher.example>", "250").await?;
        smtp.command("DATA", "354").await?;
        smtp.client.send("Subject: hinaus\r\n\r\n.\r\n").await?;
        smtp.expect("250 2.0.0").await?;
        smtp.quit().await?;
    }
    let response = STANDARD.encode(format!("\0info@bücher.example\0{PASSWORD}"));
    let mut imap = Imap::greeted(server.connect("imap").await?).await?;
    imap.ok(&format!("AUTHENTICATE PLAIN {response}")).await?;
    imap.ok("SELECT INBOX").await?;
    let told = imap.ok("FETCH 1:* BODY.PEEK[HEADER.FIELDS (RECEIVED)]").await?;
    let (keywords, text) = (["UTF8SMTP ", "UTF8SMTPA ", "UTF8SMTPA "], told.join("\n"));
    ensure!(text.matches("Received:").count() == keywords.len(), "{text}");
    for keyword in keywords {
        ensure!(text.contains(&format!("with {keyword}")), "{text}");
    }
    Ok(())
}
