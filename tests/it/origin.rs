//! Mail of other servers: what is found out about it, and what becomes of it. The client's address is 127.0.0.1 throughout, which
//! here is neither trusted nor a gateway.

use std::net::SocketAddr;

use posthaste::config::{Action, Blocklist, Config, Greylisting, Period};
use posthaste::dkim::keys;
use posthaste::storage::dkim_keys::KeyFolder;

use crate::client::{Smtp, dotted};
use crate::peers::name_server::NameServer;
use crate::server::TestServer;

/// A server that judges loopback, with a name server of its own.
async fn judging(change: impl FnOnce(&mut Config)) -> anyhow::Result<(TestServer, NameServer)> {
    let names = NameServer::start().await?;
    let address = names.address();
    let server = TestServer::with(|config| {
        config.dns.servers = vec![address];
        config.origin.trusted.clear();
        config.origin.gateways.clear();
        config.origin.greylisting = Greylisting::Off;
        config.origin.tarpit = Period::seconds(0);
        change(config);
    })
    .await?;
    Ok((server, names))
}

/// Sends a message to alice; the last reply: that to RCPT, if it refuses.
async fn send(server: &TestServer, hello: &str, from: &str, message: &str) -> anyhow::Result<String> {
    let mut smtp = Smtp::greeted(server.connect("smtp").await?).await?;
    smtp.command(&format!("EHLO {hello}"), "250").await?;
    smtp.command(&format!("MAIL FROM:<{from}>"), "250").await?;
    let reply = smtp.command("RCPT TO:<alice@example.org>", "").await?;
    if !reply.starts_with("250 ") {
        return Ok(reply);
    }
    smtp.command("DATA", "354").await?;
    smtp.client
        .send(dotted(message.replace('\n', "\r\n").as_bytes()))
        .await?;
    smtp.reply().await
}

/// The newest message in a mailbox of alice.
async fn newest(server: &TestServer, mailbox: &str) -> anyhow::Result<String> {
    let mut imap = server.select("alice", mailbox).await?;
    Ok(imap.ok("FETCH * BODY.PEEK[]").await?.concat())
}

fn plain(from: &str) -> String {
    format!("From: {from}\nSubject: hello\n\nText\n")
}

/// RFC 8463 Appendix A.3.
const SIGNED_8463: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
";

/// RFC 6376 Appendix A.2, with the blanks that its layout has changed put back: six before folded lines, one in the body.
const SIGNED_6376: &str = "DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;
      c=simple/simple; q=dns/txt; i=joe@football.example.com;
      h=Received : From : To : Subject : Date : Message-ID;
      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB
      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut
      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV
      4bmp/YzhwvcubU4=;
Received: from client1.football.example.com  [192.0.2.1]
      by submitserver.example.com with SUBMISSION;
      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game. Are you hungry yet?

Joe.
";

fn publish_keys(names: &NameServer) -> anyhow::Result<()> {
    names.add(
        "brisbane._domainkey.football.example.com",
        "TXT \"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"",
    )?;
    names.add(
        "test._domainkey.football.example.com",
        "TXT \"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR\" \
         \"iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC\" \
         \"DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3\" \
         \"Ip3G+2kryOTIKT+l/K4w3QIDAQAB\"",
    )?;
    names.add(
        "brisbane._domainkey.example.com",
        "TXT \"v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQ\" \"KBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt\" \
         \"IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v\" \"/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhi\" \
         \"tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB\"",
    )?;
    names.add("football.example.com", "MX 10 mx.football.example.com.")
}

#[tokio::test]
async fn the_signatures_of_the_standards_are_right_and_a_changed_letter_is_seen() -> anyhow::Result<()> {
    let (server, names) = judging(|_| ()).await?;
    publish_keys(&names)?;
    names.add("_dmarc.football.example.com", "TXT \"v=DMARC1; p=reject\"")?;
    let from = "joe@football.example.com";
    // RFC 8463 Appendix A.
    let reply = send(&server, "client.example", from, SIGNED_8463).await?;
    assert!(reply.starts_with("250 "), "{reply}");
    let text = newest(&server, "INBOX").await?;
    for wanted in [
        "Authentication-Results: mx.example.org;\r\n",
        "dkim=pass header.d=football.example.com header.s=brisbane header.a=ed25519-sha256 header.b=/gCrinpc",
        "dkim=pass header.d=football.example.com header.s=test header.a=rsa-sha256 header.b=F45dVWDf",
        "dmarc=pass header.from=football.example.com policy.dmarc=reject",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    // Both signatures broken: the author's domain wants it refused (RFC 7489 §6.3).
    let reply = send(
        &server,
        "client.example",
        from,
        &SIGNED_8463.replace("hungry", "thirsty"),
    )
    .await?;
    assert!(reply.starts_with("550 5.7.1 "), "{reply}");
    // RFC 6376 Appendix A.2. Its author's domain is another one.
    let (server, names) = judging(|_| ()).await?;
    publish_keys(&names)?;
    let reply = send(&server, "client.example", from, SIGNED_6376).await?;
    assert!(reply.starts_with("250 "), "{reply}");
    let text = newest(&server, "INBOX").await?;
    assert!(
        text.contains("dkim=pass header.d=example.com header.s=brisbane"),
        "{text}"
    );
    Ok(())
}

#[tokio::test]
async fn spf_as_the_examples_of_its_standard() -> anyhow::Result<()> {
    let (server, names) = judging(|_| ()).await?;
    // RFC 7208 Appendix A.1, with this client in the place of 192.0.2.129, and 192.0.2.10 as it is.
    names.add("mail-a.example.com", "A 127.0.0.1")?;
    names.add("example.com", "A 192.0.2.10")?;
    names.add("example.com", "MX 10 mail-a.example.com.")?;
    names.add("amy.example.com", "A 192.0.2.65")?;
    for (number, (record, result)) in [
        ("+all", "pass"),
        ("a -all", "fail"),
        ("a:example.org -all", "fail"),
        ("mx -all", "pass"),
        ("mx:example.org -all", "fail"),
        ("mx mx:example.org -all", "pass"),
        ("mx/30 mx:example.org/30 -all", "pass"),
        // 127.0.0.1 is localhost without anybody being asked.
        ("ptr:example.com -all", "fail"),
        ("ip4:192.0.2.128/28 -all", "fail"),
        ("ip4:127.0.0.0/28 -all", "pass"),
        ("include:mx.policies.example.com ?all", "pass"),
        ("redirect=mx.policies.example.com", "pass"),
        ("~all", "softfail"),
        ("?all", "neutral"),
        ("include:nothing.example.com -all", "permerror"),
    ]
    .into_iter()
    .enumerate()
    {
        let domain = format!("case{number}.example.com");
        names.add(&domain, &format!("TXT \"v=spf1 {record}\""))?;
        names.add(&domain, "MX 10 mail-a.example.com.")?;
        names.add(&domain, "A 192.0.2.10")?;
        if number == 0 {
            names.add("mx.policies.example.com", "TXT \"v=spf1 mx:example.com -all\"")?;
        }
        let reply = send(
            &server,
            "client.example",
            &format!("a@{domain}"),
            &plain("a@example.com"),
        )
        .await?;
        assert!(reply.starts_with("250 "), "{reply}");
        let text = newest(&server, "INBOX").await?;
        let wanted = format!("spf={result} smtp.mailfrom={domain}");
        assert!(text.contains(&wanted), "{record}: {wanted}\n{text}");
        assert!(text.contains("iprev=pass smtp.remote-name=localhost"), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_suspected_is_in_junk_with_the_reasons_and_forged_ones_are_gone() -> anyhow::Result<()> {
    let (server, names) = judging(|_| ()).await?;
    names.add("_dmarc.example.net", "TXT \"v=DMARC1; p=quarantine\"")?;
    names.add("example.net", "MX 10 mx.example.net.")?;
    let forged = "Authentication-Results: mx.example.org; dmarc=pass\nAuthentication-Results: mx.example.net; spf=pass\n\
                  X-Posthaste-Verdict: accept;\n very good\n";
    let message = format!("{forged}{}", plain("a@example.net"));
    let reply = send(&server, "client.example", "a@example.net", &message).await?;
    assert!(reply.starts_with("250 "), "{reply}");
    let text = newest(&server, "Junk").await?;
    for wanted in [
        "dmarc=fail header.from=example.net policy.dmarc=quarantine\r\n",
        "X-Posthaste-Verdict: junk;\r\n\tnot proven to be from its author's domain, which wants it suspected (DMARC)\r\n",
        "Authentication-Results: mx.example.net; spf=pass\r\n",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    assert!(
        !text.contains("very good") && !text.contains("mx.example.org; dmarc=pass"),
        "{text}"
    );
    Ok(())
}

#[tokio::test]
async fn senders_that_cannot_be_written_to_and_addresses_on_lists() -> anyhow::Result<()> {
    let list = |zone: &str, action| Blocklist {
        zone: zone.to_owned(),
        action,
        answers: Vec::new(),
    };
    let lists = vec![list("soft.test", Action::Junk), list("hard.test", Action::Reject)];
    let (server, names) = judging(|config| config.origin.blocklists = lists).await?;
    names.add("null.example", "MX 0 .")?;
    names.add("example.net", "A 192.0.2.1")?;
    let reply = send(&server, "client.example", "a@null.example", &plain("a@example.net")).await?;
    assert!(reply.starts_with("550 5.7.27 "), "{reply}");
    let reply = send(&server, "client.example", "a@nothing.example", &plain("a@example.net")).await?;
    assert!(reply.starts_with("250 "), "{reply}");
    assert!(
        newest(&server, "Junk")
            .await?
            .contains("the sender's domain has no mail server")
    );
    names.add("1.0.0.127.soft.test", "A 127.0.0.2")?;
    // Nobody asked for it yet.
    let reply = send(&server, "mx.example.org", "a@example.net", &plain("a@example.net")).await?;
    assert!(reply.starts_with("250 "), "{reply}");
    assert!(
        newest(&server, "Junk")
            .await?
            .contains("calls itself by what it is not")
    );
    Ok(())
}

#[tokio::test]
async fn lists_may_refuse() -> anyhow::Result<()> {
    let list = Blocklist {
        zone: "hard.test".to_owned(),
        action: Action::Reject,
        answers: vec!["127.0.0.4".parse()?],
    };
    let (server, names) = judging(|config| config.origin.blocklists = vec![list]).await?;
    names.add("example.net", "A 192.0.2.1")?;
    names.add("1.0.0.127.hard.test", "A 127.0.0.4")?;
    let reply = send(&server, "client.example", "a@example.net", &plain("a@example.net")).await?;
    assert_eq!(reply, "550 5.7.1 Your address is listed by hard.test");
    Ok(())
}

/// RFC 5321 §4.5.1; and that nothing of a message travels which is refused for its client, whatever is sent ahead.
#[tokio::test]
async fn what_is_refused_for_its_client_is_refused_at_rcpt_but_for_who_hears_complaints() -> anyhow::Result<()> {
    let lists = ["silent.test", "hard.test"].map(|zone| Blocklist {
        zone: zone.to_owned(),
        action: Action::Reject,
        answers: Vec::new(),
    });
    let (server, names) = judging(|config| config.origin.blocklists = lists.into()).await?;
    server
        .server()
        .accounts()
        .add_alias("abuse@example.org", &["alice@example.org".to_owned()])
        .await?;
    names.add("example.net", "A 192.0.2.1")?;
    names.fail("1.0.0.127.silent.test")?;
    names.add("1.0.0.127.hard.test", "A 127.0.0.2")?;
    let mut smtp = server.smtp().await?;
    let ahead = "MAIL FROM:<a@example.net>\r\nRCPT TO:<alice@example.org>\r\nRCPT TO:<nobody@example.org>\r\nDATA\r\nBDAT 6 LAST\r\nRSET\r\nNOOP\r\n";
    smtp.client.send(ahead).await?;
    for wanted in [
        "250 2.1.0 ",
        "550 5.7.1 Your address is listed by hard.test",
        "550 5.1.1 ",
        "554 5.5.1 ",
        "554 5.5.1 ",
    ] {
        let reply = smtp.reply().await?;
        assert!(reply.starts_with(wanted), "{wanted}: {reply}");
    }
    // RSET was the chunk.
    smtp.expect("250").await?;
    smtp.command("MAIL FROM:<a@example.net>", "250").await?;
    smtp.command("RCPT TO:<bob@example.org>", "550 5.7.1 ").await?;
    smtp.command("RCPT TO:<Abuse@example.org>", "250").await?;
    smtp.command("DATA", "354").await?;
    smtp.client
        .send(dotted(b"From: a@example.net\r\n\r\nHello\r\n"))
        .await?;
    smtp.expect("250").await?;
    let text = newest(&server, "Junk").await?;
    assert!(text.contains("the sending server is listed by hard.test"), "{text}");
    Ok(())
}

#[tokio::test]
async fn who_is_put_off_without_regard_to_signatures_is_put_off_at_rcpt() -> anyhow::Result<()> {
    let (server, names) = judging(|config| {
        config.origin.greylisting = Greylisting::All;
        config.origin.greylist_delay = Period::seconds(0);
    })
    .await?;
    names.add("example.net", "A 192.0.2.1")?;
    let mut smtp = server.smtp().await?;
    smtp.command("MAIL FROM:<a@example.net>", "250").await?;
    smtp.command("RCPT TO:<alice@example.org>", "451 4.7.1 ").await?;
    smtp.command("RCPT TO:<bob@example.org>", "451 4.7.1 ").await?;
    smtp.command("RCPT TO:<alice@example.org>", "250").await?;
    smtp.command("DATA", "354").await?;
    smtp.client
        .send(dotted(b"From: a@example.net\r\n\r\nHello\r\n"))
        .await?;
    smtp.expect("250").await?;
    Ok(())
}

#[tokio::test]
async fn names_that_nobody_knows_delay_no_mail_for_long() -> anyhow::Result<()> {
    // A name server that hears and never answers.
    let silent = std::net::UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let address = silent.local_addr()?;
    let (server, _names) = judging(|config| {
        config.dns.servers = vec![address];
        config.origin.timeout = Period::milliseconds(300);
        config.origin.greylisting = Greylisting::Unverified;
    })
    .await?;
    let reply = send(&server, "client.example", "a@example.net", &plain("a@example.net")).await?;
    assert!(reply.starts_with("250 "), "{reply}");
    let text = newest(&server, "INBOX").await?;
    assert!(text.contains("spf=temperror smtp.mailfrom=example.net"), "{text}");
    assert!(text.contains("dmarc=temperror"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_stranger_comes_back_and_passes() -> anyhow::Result<()> {
    let (server, names) = judging(|config| {
        config.origin.greylisting = Greylisting::Unverified;
        config.origin.greylist_delay = Period::seconds(0);
    })
    .await?;
    names.add("example.net", "A 192.0.2.1")?;
    names.add("good.example", "TXT \"v=spf1 ip4:127.0.0.1 -all\"")?;
    names.add("good.example", "A 192.0.2.1")?;
    for (sender, code) in [
        ("a@example.net", "451 4.7.1 "),
        ("a@example.net", "250 "),
        ("b@example.net", "451 4.7.1 "),
        ("a@good.example", "250 "),
    ] {
        let reply = send(&server, "client.example", sender, &plain("a@example.net")).await?;
        assert!(reply.starts_with(code), "{sender} {code}: {reply}");
    }
    Ok(())
}

#[tokio::test]
async fn who_asks_for_too_much_is_turned_away_for_a_while() -> anyhow::Result<()> {
    let (server, _names) = judging(|config| {
        config.origin.max_unknown_recipients = 1;
        config.origin.max_messages = 2;
        config.origin.max_recipients = 3;
    })
    .await?;
    let mut smtp = server.smtp().await?;
    smtp.command("MAIL FROM:<>", "250").await?;
    smtp.command("RCPT TO:<alice@example.org>", "250").await?;
    smtp.command("RCPT TO:<nobody@example.org>", "550").await?;
    smtp.command("RCPT TO:<bob@example.org>", "250").await?;
    smtp.command("RCPT TO:<carol@example.org>", "450").await?;
    smtp.command("RSET", "250").await?;
    smtp.command("MAIL FROM:<>", "250").await?;
    smtp.command("RSET", "250").await?;
    smtp.command("MAIL FROM:<>", "450").await?;
    Ok(())
}

#[tokio::test]
async fn a_list_with_recipients_that_are_gone_goes_through_and_guessing_does_not() -> anyhow::Result<()> {
    let (server, _names) = judging(|config| {
        config.smtp.max_errors = 2;
        config.origin.max_unknown_recipients = 5;
    })
    .await?;
    let mut smtp = server.smtp().await?;
    smtp.command("MAIL FROM:<>", "250").await?;
    for number in 0..5 {
        smtp.command(&format!("RCPT TO:<gone{number}@example.org>"), "550")
            .await?;
    }
    smtp.command("RCPT TO:<alice@example.org>", "250").await?;
    smtp.command(
        "RCPT TO:<gone@example.org>",
        "421 4.7.0 Too many recipients that do not exist",
    )
    .await?;
    smtp.client.end().await
}

#[tokio::test]
async fn from_a_trusted_network_nothing_is_asked() -> anyhow::Result<()> {
    let (server, names) = judging(|config| config.origin.trusted = Config::default().origin.trusted).await?;
    names.add("null.example", "MX 0 .")?;
    let reply = send(&server, "mx.example.org", "a@null.example", &plain("a@null.example")).await?;
    assert!(reply.starts_with("250 "), "{reply}");
    assert!(!newest(&server, "INBOX").await?.contains("Authentication-Results"));
    assert_eq!(names.asked("null.example", "MX")?, 0);
    Ok(())
}

#[tokio::test]
async fn behind_a_gateway_signatures_count_and_addresses_do_not() -> anyhow::Result<()> {
    let (server, names) = judging(|config| config.origin.gateways = vec!["127.0.0.0/8".parse().unwrap()]).await?;
    publish_keys(&names)?;
    names.add("_dmarc.football.example.com", "TXT \"v=DMARC1; p=reject\"")?;
    let broken = SIGNED_8463.replace("hungry", "thirsty");
    for (message, results) in [
        (SIGNED_8463, "dmarc=pass header.from=football.example.com"),
        (&broken, "dmarc=none reason=\"the sender's address is not known\""),
    ] {
        let reply = send(&server, "client.example", "joe@football.example.com", message).await?;
        assert!(reply.starts_with("250 "), "{reply}");
        let text = newest(&server, "INBOX").await?;
        assert!(text.contains(results) && !text.contains("spf="), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn what_our_users_send_is_signed_and_the_signatures_are_right_elsewhere() -> anyhow::Result<()> {
    let ours = TestServer::with(|config| config.smtp.check_author = false).await?;
    let folder = KeyFolder::new(ours.data());
    let (elsewhere, names) = judging(|_| ()).await?;
    names.add("_dmarc.example.org", "TXT \"v=DMARC1; p=reject\"")?;
    names.add("example.org", "MX 10 mx.example.org.")?;
    for key in keys::create(&folder, "example.org")? {
        let line = key.zone_line("example.org")?;
        let (owner, record) = line.split_once(". IN ").unwrap();
        names.add(owner, &record.replace(['(', ')'], ""))?;
    }
    let message = "From: Alice <alice@example.org>\r\nTo: bob@example.org\r\nSubject: hello\r\n there\r\nBcc: x@y.z\r\n\r\n\
                   .A dot  and blanks \r\n\r\n\r\n";
    let mut smtp = Smtp::greeted(ours.connect("submission").await?).await?;
    // alice@example.org, correct horse
    let plain = "AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAGNvcnJlY3QgaG9yc2U=";
    smtp.command(plain, "235").await?;
    // The reverse-path may be null, as of a notice (RFC 8098 §3): the author signs.
    smtp.command("MAIL FROM:<>", "250").await?;
    smtp.command("RCPT TO:<bob@example.org>", "250").await?;
    smtp.command("DATA", "354").await?;
    smtp.client.send(dotted(message.as_bytes())).await?;
    smtp.expect("250").await?;
    // Somebody else's address in From: that is not signed for.
    smtp.command("MAIL FROM:<>", "250").await?;
    smtp.command("RCPT TO:<carol@example.org>", "250").await?;
    smtp.command("DATA", "354").await?;
    smtp.client
        .send(dotted(message.replace("alice@", "bob@").as_bytes()))
        .await?;
    smtp.expect("250").await?;

    let fetched = |account: &'static str| {
        let ours = &ours;
        async move {
            let mut imap = ours.select(account, "INBOX").await?;
            let text = imap.ok("FETCH * BODY.PEEK[]").await?.concat();
            let (_, text) = text.split_once("}\r\n").unwrap();
            anyhow::Ok(text.trim_end_matches(")\r\n").trim_end_matches(')').to_owned())
        }
    };
    assert!(!fetched("carol").await?.contains("DKIM-Signature"));
    let signed = fetched("bob").await?;
    if let Some(file) = std::env::var_os("SIGNED_MESSAGE") {
        std::fs::write(file, &signed)?;
    }
    assert_eq!(signed.matches("DKIM-Signature:").count(), 2, "{signed}");
    let reply = send(
        &elsewhere,
        "client.example",
        "bounce@example.org",
        &signed.replace("\r\n", "\n"),
    )
    .await?;
    assert!(reply.starts_with("250 "), "{reply}");
    let text = newest(&elsewhere, "INBOX").await?;
    assert_eq!(text.matches("dkim=pass header.d=example.org").count(), 2, "{text}");
    assert!(text.contains("dmarc=pass header.from=example.org"), "{text}");
    Ok(())
}
