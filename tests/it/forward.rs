//! Mail that aliases and scripts forward to other servers: in whose name, sealed, and never for strangers. Two servers; the
//! first judges loopback and forwards, the second is everybody else.

use posthaste::config::{Config, Greylisting, Period};
use posthaste::dkim::keys;
use posthaste::mail::address::Address;
use posthaste::mail::script_name::ScriptName;
use posthaste::mailbox::ScriptQuota;
use posthaste::storage::dkim_keys::KeyFolder;

use crate::client::{Imap, Smtp, dotted, within};
use crate::peers::name_server::NameServer;
use crate::server::TestServer;

/// Who forwards, who gets it, and what both look up.
struct Two {
    here: TestServer,
    there: TestServer,
    names: NameServer,
}

const MESSAGE: &str = "From: Sam <sam@example.net>\nSubject: hello\nMessage-ID: <1@example.net>\n\nText  and blanks \n";

fn judging(config: &mut Config) {
    config.origin.trusted.clear();
    config.origin.gateways.clear();
    config.origin.greylisting = Greylisting::Off;
    config.origin.tarpit = Period::seconds(0);
}

impl Two {
    async fn start() -> anyhow::Result<Two> {
        Two::with(|_| ()).await
    }

    /// With other settings for the one that forwards.
    async fn with(change: impl FnOnce(&mut Config)) -> anyhow::Result<Two> {
        let names = NameServer::start().await?;
        let there = TestServer::with(|config| {
            config.dns.servers = vec![names.address()];
            judging(config);
        })
        .await?;
        for (alias, account) in [("bob@example.com", "bob"), ("sam@example.net", "carol")] {
            let (_, domain) = alias.split_once('@').unwrap();
            let accounts = there.server().accounts();
            accounts.add_domain(domain).await?;
            accounts.add_alias(alias, &[format!("{account}@example.org")]).await?;
            names.add(domain, "MX 10 mx.example.com.")?;
        }
        names.add("mx.example.com", "A 127.0.0.1")?;
        names.add("example.org", "MX 10 mx.example.org.")?;
        let port = there.address("smtp")?.port();
        let here = TestServer::with(|config| {
            config.hostname = "fwd.example.org".to_owned();
            config.dns.servers = vec![names.address()];
            config.outbound.port = port;
            judging(config);
            change(config);
        })
        .await?;
        Ok(Two { here, there, names })
    }

    /// Makes keys for the domain of the one that forwards, and publishes them.
    fn sign(&self) -> anyhow::Result<()> {
        for key in keys::create(&KeyFolder::new(self.here.data()), "example.org")? {
            let line = key.zone_line("example.org")?;
            let (owner, record) = line.split_once(". IN ").unwrap();
            self.names.add(owner, &record.replace(['(', ')'], ""))?;
        }
        Ok(())
    }

    /// Makes this the script of alice.
    async fn script(&self, script: &str) -> anyhow::Result<()> {
        let alice = Address::parse("alice@example.org")?;
        let mailboxes = self.here.server().mailboxes().account(&alice).await?;
        let name = ScriptName::new("main").unwrap();
        let quota = ScriptQuota {
            scripts: 1,
            octets: 1000,
        };
        mailboxes.scripts().put(&name, script.into(), quota).await??;
        mailboxes.scripts().activate(Some(&name)).await??;
        Ok(())
    }

    async fn alias(&self, alias: &str, targets: &[&str]) -> anyhow::Result<()> {
        let targets: Vec<String> = targets.iter().map(|target| (*target).to_owned()).collect();
        self.here.server().accounts().add_alias(alias, &targets).await?;
        Ok(())
    }

    /// Sends a message from sam to somebody here; the last reply.
    async fn send(&self, hello: &str, to: &str, message: &str) -> anyhow::Result<String> {
        let mut smtp = Smtp::greeted(self.here.connect("smtp").await?).await?;
        smtp.command(&format!("EHLO {hello}"), "250").await?;
        smtp.command("MAIL FROM:<sam@example.net> ENVID=e1", "250").await?;
        smtp.command(&format!("RCPT TO:<{to}> NOTIFY=SUCCESS,FAILURE"), "250")
            .await?;
        smtp.command("DATA", "354").await?;
        smtp.client
            .send(dotted(message.replace('\n', "\r\n").as_bytes()))
            .await?;
        smtp.reply().await
    }
}

/// Waits for the next message in an INBOX, and reads it.
async fn arrived(idle: &mut Imap, server: &TestServer, account: &str, number: u32) -> anyhow::Result<String> {
    idle.pushed(&format!("* {number} EXISTS")).await?;
    let mut imap = server.select(account, "INBOX").await?;
    Ok(imap.ok(&format!("FETCH {number} BODY.PEEK[]")).await?.concat())
}

/// The address in Return-Path.
fn return_path(message: &str) -> &str {
    let (_, rest) = message.split_once("Return-Path: <").unwrap_or_default();
    rest.split_once('>').unwrap_or_default().0
}

#[tokio::test]
async fn an_alias_leads_elsewhere_with_a_rewritten_sender_and_a_seal() -> anyhow::Result<()> {
    let two = Two::start().await?;
    two.sign()?;
    two.alias("sales@example.org", &["bob@example.com, alice@example.org"])
        .await?;
    let mut bob = two.there.idle("bob", "INBOX").await?;
    let mut sam = two.there.idle("carol", "INBOX").await?;
    let reply = two.send("client.example", "Sales+x@example.org", MESSAGE).await?;
    assert!(reply.starts_with("250 "), "{reply}");
    let text = arrived(&mut bob, &two.there, "bob", 1).await?;
    for wanted in [
        "Delivered-To: sales+x@example.org\r\n",
        "ARC-Seal: i=1; a=rsa-sha256; d=example.org;",
        "ARC-Authentication-Results: i=1; fwd.example.org;\r\n",
        ";\r\n\tarc=pass;\r\n",
        "Return-Path: <SRS0=",
        "=example.net=sam@example.org>",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    // The alias's account here has it as well.
    let mut alice = two.here.select("alice", "INBOX").await?;
    let text_here = alice.ok("FETCH 1 BODY.PEEK[]").await?.concat();
    assert_eq!(return_path(&text_here), "sam@example.net");
    // RFC 3461 §5.2.7.3 (c).
    let report = arrived(&mut sam, &two.there, "carol", 1).await?;
    for wanted in [
        "Action: expanded\r\n",
        "Original-Envelope-Id: e1\r\n",
        "Final-Recipient: rfc822; Sales+x@example.org\r\n",
        // From fwd.example.org, signed by the domain that it is in.
        "From: Mail Delivery System <MAILER-DAEMON@fwd.example.org>\r\n",
        "dkim=pass header.d=example.org",
    ] {
        assert!(report.contains(wanted), "{wanted}\n{report}");
    }

    // What comes back to the rewritten sender finds the true one, and nothing else does.
    let rewritten = return_path(&text).to_owned();
    let mut smtp = Smtp::greeted(two.here.connect("smtp").await?).await?;
    smtp.command("EHLO mx.example.com", "250").await?;
    smtp.command("MAIL FROM:<bob@example.com>", "250").await?;
    smtp.command(&format!("RCPT TO:<{rewritten}>"), "550 5.7.1").await?;
    smtp.command("RSET", "250").await?;
    smtp.command("MAIL FROM:<>", "250").await?;
    let forged = rewritten.replace("=sam@", "=eve@");
    smtp.command(&format!("RCPT TO:<{forged}>"), "550 5.1.1").await?;
    smtp.command(&format!("RCPT TO:<{}>", rewritten.to_lowercase()), "250")
        .await?;
    smtp.command("DATA", "354").await?;
    let bounce = "From: MAILER-DAEMON@mx.example.com\r\nSubject: failed\r\n\r\nText\r\n";
    smtp.client.send(dotted(bounce.as_bytes())).await?;
    smtp.expect("250").await?;
    let bounced = arrived(&mut sam, &two.there, "carol", 2).await?;
    assert!(bounced.contains("Subject: failed\r\n"), "{bounced}");
    assert_eq!(return_path(&bounced), "");
    Ok(())
}

#[tokio::test]
async fn an_alias_with_one_address_hands_on_what_reports_are_asked_for() -> anyhow::Result<()> {
    let two = Two::start().await?;
    two.alias("one@example.org", &["bob@example.com"]).await?;
    two.alias("two@example.org", &["one@example.org"]).await?;
    let mut bob = two.there.idle("bob", "INBOX").await?;
    let reply = two.send("client.example", "two@example.org", MESSAGE).await?;
    assert!(reply.starts_with("250 2.0.0 Queued"), "{reply}");
    let text = arrived(&mut bob, &two.there, "bob", 1).await?;
    // Without a key nothing is sealed.
    assert!(!text.contains("ARC-Seal:"), "{text}");
    // An alias that others lead to stays, and an alias leads to what is there.
    let accounts = two.here.server().accounts();
    assert!(accounts.remove_alias("one@example.org").await.is_err());
    assert!(
        accounts
            .add_alias("three@example.org", &["three@example.org".to_owned()])
            .await
            .is_err()
    );
    assert!(
        accounts
            .add_alias("three@example.org", &["nobody@example.org".to_owned()])
            .await
            .is_err()
    );
    Ok(())
}

#[tokio::test]
async fn nobody_relays_through_an_alias_and_neither_junk_nor_circles_are_forwarded() -> anyhow::Result<()> {
    let two = Two::start().await?;
    two.alias("away@example.org", &["bob@example.com"]).await?;
    two.alias("both@example.org", &["bob@example.com", "alice@example.org"])
        .await?;
    let mut smtp = Smtp::greeted(two.here.connect("smtp").await?).await?;
    smtp.command("EHLO client.example", "250").await?;
    smtp.command("MAIL FROM:<sam@example.net>", "250").await?;
    for refused in [
        "bob@example.com",
        "away%example.com@example.org",
        "SRS0=AAAA=AA=example.com=bob@example.org",
    ] {
        smtp.command(&format!("RCPT TO:<{refused}>"), "550").await?;
    }
    smtp.quit().await?;
    // Calling itself by our name makes it junk.
    let reply = two.send("fwd.example.org", "away@example.org", MESSAGE).await?;
    assert_eq!(reply, "550 5.7.1 Judged to be junk, which is not forwarded");
    let reply = two.send("fwd.example.org", "both@example.org", MESSAGE).await?;
    assert!(reply.starts_with("250 "), "{reply}");
    let mut junk = two.here.select("alice", "Junk").await?;
    assert_eq!(junk.ok("FETCH 1:* UID").await?.len(), 1);
    let again = format!("Delivered-To: Away@example.org\n{MESSAGE}");
    let reply = two.send("client.example", "away@example.org", &again).await?;
    assert!(reply.starts_with("554 5.4.6 "), "{reply}");
    // Nothing of all that has gone on: what is sent now is the first.
    let mut bob = two.there.idle("bob", "INBOX").await?;
    let last = MESSAGE.replace("hello", "last");
    two.send("client.example", "away@example.org", &last).await?;
    let text = arrived(&mut bob, &two.there, "bob", 1).await?;
    assert!(text.contains("Subject: last\r\n"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_script_redirects_with_a_rewritten_sender() -> anyhow::Result<()> {
    let two = Two::start().await?;
    let mut bob = two.there.idle("bob", "INBOX").await?;
    two.script("redirect \"bob@example.com\";\r\n").await?;
    two.send("client.example", "alice@example.org", MESSAGE).await?;
    let text = arrived(&mut bob, &two.there, "bob", 1).await?;
    assert!(return_path(&text).starts_with("SRS0=") && return_path(&text).ends_with("=example.net=sam@example.org"));
    // Junk stays.
    let reply = two.send("fwd.example.org", "alice@example.org", MESSAGE).await?;
    assert!(reply.starts_with("250 "), "{reply}");
    let mut junk = two.here.select("alice", "Junk").await?;
    assert_eq!(junk.ok("FETCH 1:* UID").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn what_rules_answer_is_signed_if_it_is_from_whom_it_says() -> anyhow::Result<()> {
    let two = Two::start().await?;
    let mut sam = two.there.idle("carol", "INBOX").await?;
    let message = MESSAGE.replacen("Subject", "To: alice@example.org\nSubject", 1);
    let require = "require [\"vacation\", \"ereject\", \"reject\"];\r\n";
    let (away, as_bob) = (
        "vacation \"Bin weg, schöne Grüße\";",
        "vacation :from \"bob@example.org\" \"Fort\";",
    );
    // For two recipients with one reply, a refusal is a message.
    let reject = "reject \"no\";";
    for (number, script, is_signed) in [
        (1, "vacation \"early\";", false),
        (2, away, true),
        (3, as_bob, false),
        (4, reject, true),
    ] {
        if number == 2 {
            two.sign()?;
        }
        two.script(&format!("{require}{script}\r\n")).await?;
        let mut smtp = Smtp::greeted(two.here.connect("smtp").await?).await?;
        smtp.command("EHLO client.example", "250").await?;
        smtp.command("MAIL FROM:<sam@example.net>", "250").await?;
        smtp.command("RCPT TO:<alice@example.org>", "250").await?;
        smtp.command("RCPT TO:<bob@example.org>", "250").await?;
        smtp.command("DATA", "354").await?;
        smtp.client
            .send(dotted(message.replace('\n', "\r\n").as_bytes()))
            .await?;
        smtp.expect("250").await?;
        let text = arrived(&mut sam, &two.there, "carol", number).await?;
        let passed = text.matches("dkim=pass header.d=example.org").count();
        assert_eq!(passed, if is_signed { 2 } else { 0 }, "{text}");
        assert_eq!(text.contains("DKIM-Signature:"), is_signed, "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn a_binary_submission_is_signed_as_it_is_sent() -> anyhow::Result<()> {
    let two = Two::start().await?;
    two.sign()?;
    let mut bob = two.there.idle("bob", "INBOX").await?;
    let mut smtp = submission(&two.here).await?;
    smtp.command("MAIL FROM:<alice@example.org> BODY=BINARYMIME", "250")
        .await?;
    smtp.command("RCPT TO:<bob@example.com>", "250").await?;
    let message = b"From: alice@example.org\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n\
                    Content-Transfer-Encoding: binary\r\n\r\n\0\x01\n\xff";
    smtp.client.send(format!("BDAT {} LAST\r\n", message.len())).await?;
    smtp.client.send(message).await?;
    smtp.expect("250").await?;
    let text = arrived(&mut bob, &two.there, "bob", 1).await?;
    for wanted in ["Content-Transfer-Encoding: base64\r\n", "\r\n\r\nAAEK/w==\r\n"] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    assert_eq!(text.matches("dkim=pass header.d=example.org").count(), 2, "{text}");
    Ok(())
}

#[tokio::test]
async fn addresses_on_the_suppression_list_get_nothing() -> anyhow::Result<()> {
    let two = Two::start().await?;
    two.alias("away@example.org", &["bob@example.com"]).await?;
    let accounts = two.here.server().accounts();
    accounts
        .suppress("alice@example.org", "Bob@example.com", "has moved", None)
        .await?;
    accounts.suppress("away@example.org", "@example.com", "", None).await?;
    assert!(
        accounts
            .suppress("nobody@example.org", "@example.com", "", None)
            .await
            .is_err()
    );
    let mut smtp = submission(&two.here).await?;
    smtp.command("MAIL FROM:<alice@example.org>", "250").await?;
    let refused = smtp.command("RCPT TO:<bob@example.com>", "550").await?;
    assert!(refused.contains("posthaste suppression remove"), "{refused}");
    smtp.command("RCPT TO:<away@example.org>", "550").await?;
    smtp.command("RCPT TO:<carol@example.com>", "250").await?;
    assert_eq!(
        accounts
            .unsuppress("alice@example.org", Some("bob@example.com"))
            .await?,
        1
    );
    assert_eq!(accounts.unsuppress("away@example.org", None).await?, 1);
    smtp.command("RCPT TO:<bob@example.com>", "250").await?;
    smtp.command("RCPT TO:<away@example.org>", "250").await?;
    Ok(())
}

#[tokio::test]
async fn addresses_that_do_not_exist_go_to_the_list_if_that_is_wanted() -> anyhow::Result<()> {
    let two = Two::with(|config| config.forward.suppress_failed = true).await?;
    let mut inbox = two.here.idle("alice", "INBOX").await?;
    let mut smtp = submission(&two.here).await?;
    smtp.command("MAIL FROM:<alice@example.org>", "250").await?;
    smtp.command("RCPT TO:<nobody@example.com>", "250").await?;
    smtp.command("DATA", "354").await?;
    smtp.client
        .send(dotted(b"From: alice@example.org\r\n\r\nText\r\n"))
        .await?;
    smtp.expect("250").await?;
    // The report tells that it has failed.
    inbox.pushed("* 1 EXISTS").await?;
    let accounts = two.here.server().accounts();
    let listed = within("an entry", async {
        loop {
            let listed = accounts.suppressions("alice@example.org").await?;
            if !listed.is_empty() {
                return anyhow::Ok(listed);
            }
        }
    })
    .await??;
    assert_eq!(listed[0].address, "nobody@example.com");
    assert!(
        listed[0].failed && listed[0].expires.is_some() && listed[0].reason.contains("550"),
        "{listed:?}"
    );
    // What was put there by hand stays as it is, and ends by hand only.
    smtp.command("MAIL FROM:<alice@example.org>", "250").await?;
    smtp.command("RCPT TO:<nobody@example.com>", "550").await?;
    Ok(())
}

async fn submission(server: &TestServer) -> anyhow::Result<Smtp> {
    let mut smtp = Smtp::greeted(server.connect("submission").await?).await?;
    smtp.command("EHLO client.example", "250").await?;
    // alice@example.org, correct horse
    smtp.command("AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAGNvcnJlY3QgaG9yc2U=", "235")
        .await?;
    Ok(smtp)
}
