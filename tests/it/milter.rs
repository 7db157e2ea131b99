//! Filters by the milter protocol: what they are shown, what they may change, and what becomes of mail when they are not there.

use posthaste::config::{Action, Filter, Period};

use crate::peers::filter::FakeFilter;
use crate::server::TestServer;

const MESSAGE: &[u8] = b"From: a@example.net\r\nSubject: one\r\n two\r\nX-Spam: Yes\r\n\r\nText\r\n";

async fn filtered(filters: &[&FakeFilter]) -> anyhow::Result<TestServer> {
    let filters: Result<Vec<Filter>, _> = filters.iter().map(|filter| filter.setting().try_into()).collect();
    let filters = filters.map_err(anyhow::Error::msg)?;
    TestServer::with(|config| config.milter.filters = filters).await
}

/// Sends the message to alice; the last reply.
async fn send(server: &TestServer) -> anyhow::Result<String> {
    let mut smtp = server.smtp().await?;
    smtp.begin(&["alice"]).await?;
    smtp.client.send([MESSAGE, b".\r\n"].concat()).await?;
    smtp.reply().await
}

async fn newest(server: &TestServer, mailbox: &str) -> anyhow::Result<String> {
    let mut imap = server.select("alice", mailbox).await?;
    Ok(imap.ok("FETCH * BODY.PEEK[]").await?.concat())
}

/// Says that all is well to everything.
fn content(_: u8) -> Vec<(u8, Vec<u8>)> {
    vec![(b'c', Vec::new())]
}

#[tokio::test]
async fn a_filter_sees_all_and_its_changes_are_made() -> anyhow::Result<()> {
    let filter = FakeFilter::start(0, |command| match command {
        b'E' => vec![
            (b'p', Vec::new()),
            (b'h', b"X-Seen\0by me\n really\0".to_vec()),
            (b'm', b"\0\0\0\x01Subject\0other\0".to_vec()),
            (b'i', b"\0\0\0\0X-First\0yes\0".to_vec()),
            (b'b', b"New ".to_vec()),
            (b'b', b"text\r\n".to_vec()),
            (b'c', Vec::new()),
        ],
        other => content(other),
    })
    .await?;
    let server = filtered(&[&filter]).await?;
    assert!(send(&server).await?.starts_with("250 "));
    assert_eq!(filter.seen(b'H'), ["client.test|"]);
    assert!(filter.seen(b'C')[0].starts_with("[127.0.0.1]|4"));
    assert_eq!(filter.seen(b'R'), ["<alice@example.org>|"]);
    assert_eq!(
        filter.seen(b'L'),
        ["From|a@example.net|", "Subject|one\n two|", "X-Spam|Yes|"]
    );
    assert_eq!(
        (filter.seen(b'B'), filter.seen(b'N').len()),
        (vec!["Text\r\n".to_owned()], 1)
    );
    let text = newest(&server, "INBOX").await?;
    assert!(
        text.contains("X-First: yes\r\nFrom: a@example.net\r\nSubject: other\r\nX-Spam: Yes\r\nX-Seen: by me\r\n really\r\n\r\nNew text\r\n"),
        "{text}"
    );
    Ok(())
}

#[tokio::test]
async fn what_a_filter_wants_quarantined_dropped_or_marked_is_in_junk() -> anyhow::Result<()> {
    for answers in [
        (|_| vec![(b'd', Vec::new())]) as fn(u8) -> Vec<(u8, Vec<u8>)>,
        |command| match command {
            b'E' => vec![(b'q', b"bad\0".to_vec()), (b'a', Vec::new())],
            other => content(other),
        },
        |command| match command {
            b'E' => vec![(b'h', b"X-Spam\0Yes\0".to_vec()), (b'c', Vec::new())],
            other => content(other),
        },
    ] {
        let filter = FakeFilter::start(0, answers).await?;
        let server = filtered(&[&filter]).await?;
        assert!(send(&server).await?.starts_with("250 "));
        assert!(newest(&server, "Junk").await?.contains("Text\r\n"));
    }
    Ok(())
}

#[tokio::test]
async fn a_filter_may_refuse_at_each_step_and_be_silent_where_it_said_so() -> anyhow::Result<()> {
    let reject = FakeFilter::start(0, |command| match command {
        b'M' => vec![(b'y', b"550 5.7.1 nasty\r\n words\0".to_vec())],
        other => content(other),
    })
    .await?;
    assert_eq!(
        send(&filtered(&[&reject]).await?).await?,
        "550 5.7.1 Refused by a filter"
    );
    // No connect, helo and body; nothing said to header fields (0x80), to the end of the header (0x40000).
    let later = FakeFilter::start(0x01 | 0x02 | 0x10 | 0x80 | 0x40000, |command| match command {
        b'L' | b'N' => Vec::new(),
        b'E' => vec![(b't', Vec::new())],
        other => content(other),
    })
    .await?;
    let reply = send(&filtered(&[&later]).await?).await?;
    assert_eq!(reply, "451 4.7.1 Put off by a filter, try again later");
    assert!(later.seen(b'C').is_empty() && later.seen(b'B').is_empty() && later.seen(b'L').len() == 3);
    Ok(())
}

#[tokio::test]
async fn without_its_filter_mail_is_taken_or_put_off_as_the_settings_say() -> anyhow::Result<()> {
    // One that is not there, one that says nothing, one that speaks rubbish.
    let silent = FakeFilter::start(0, |_| Vec::new()).await?;
    let rubbish = FakeFilter::start(0, |_| vec![(b'?', vec![0; 100])]).await?;
    for (setting, unavailable, code) in [
        ("inet:127.0.0.1:1".to_owned(), Action::Accept, "250 "),
        ("inet:127.0.0.1:1".to_owned(), Action::Tempfail, "451 4.7.1 "),
        (silent.setting(), Action::Tempfail, "451 4.7.1 "),
        (rubbish.setting(), Action::Accept, "250 "),
        ("unix:/nowhere/at/all".to_owned(), Action::Reject, "550 5.7.1 "),
    ] {
        let filter = Filter::try_from(setting).map_err(anyhow::Error::msg)?;
        let server = TestServer::with(|config| {
            config.milter.filters = vec![filter];
            config.milter.unavailable = unavailable;
            config.milter.timeout = Period::milliseconds(200);
        })
        .await?;
        let reply = send(&server).await?;
        assert!(reply.starts_with(code), "{code}: {reply}");
    }
    Ok(())
}
