//! The program killed at each stage of a message's way through the queue: taken from its sender, claimed, sent, settled, tried
//! again, reported. What was accepted arrives, twice only where the standard leaves the doubt (RFC 5321 §6.1); each failure is
//! reported once; what was not accepted never arrives in part. `docs/mail-flow.md` has the table of what a crash does.
//!
//! `TEST_KILLS` is how often it is killed at each stage.

use anyhow::{Context, ensure};

use crate::cli::{Place, Server};
use crate::client::{Client, Imap, Smtp, within};
use crate::peers::receiver::Act::{Hang, Say};
use crate::peers::receiver::{Act, Moment, Receiver};
use crate::server::{DOMAIN, PASSWORD};

/// When it is killed.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// When the sender has sent so many of the pieces of [`submission`], and read the replies to all but the last.
    Sent(usize),
    /// When the sender has heard that its message is taken.
    Taken,
    /// When the other server does this, and what it has not heard the end of.
    Received(Moment, Act),
    /// At the second attempt, when the other server does this.
    Again(Moment, Act),
    /// When the report is in the mailbox.
    Reported,
}

const STAGES: [Stage; 22] = [
    Stage::Sent(1),
    Stage::Sent(2),
    Stage::Sent(3),
    Stage::Sent(4),
    Stage::Sent(5),
    Stage::Sent(6),
    Stage::Taken,
    Stage::Received(Moment::Connect, Hang),
    Stage::Received(Moment::Ehlo, Hang),
    Stage::Received(Moment::Mail, Hang),
    Stage::Received(Moment::Rcpt, Hang),
    Stage::Received(Moment::Nobody, Hang),
    Stage::Received(Moment::Nobody, Say(b"550 5.1.1 nobody\r\n")),
    Stage::Received(Moment::Data, Hang),
    Stage::Received(Moment::Data, Say(b"554 5.7.1 no\r\n")),
    Stage::Received(Moment::Body, Hang),
    Stage::Received(Moment::End, Hang),
    Stage::Received(Moment::End, Say(b"250 2.0.0 taken\r\n")),
    Stage::Received(Moment::Quit, Hang),
    Stage::Again(Moment::Mail, Hang),
    Stage::Again(Moment::End, Hang),
    Stage::Reported,
];

/// The last line of each message.
const LAST: &str = "That was all.";

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_stage_of_the_queue() -> anyhow::Result<()> {
    let kills = std::env::var("TEST_KILLS").map_or(Ok(1), |kills| kills.parse::<usize>())?;
    let receiver = Receiver::start(true, None).await?;
    let place = Place::serving(&format!(
        "[login]\nrequire_tls = false\n[smtp]\nmessages_per_hour = 0\nmessages_per_day = 0\n\
         recipients_per_hour = 0\nrecipients_per_day = 0\n\
         [queue]\nretry_first = \"50ms\"\nretry_max = \"100ms\"\n[outbound]\nkeep_idle = \"10ms\"\n\
         [[route]]\ndomain = \"*\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"off\"\n",
        receiver.port()
    ));
    place.run(&["domain", "add", DOMAIN]).ok("");
    let (address, password) = (format!("alice@{DOMAIN}"), format!("{PASSWORD}\n"));
    place
        .run_with_input(&["account", "add", &address, "--password-stdin"], &password)
        .ok("");
    let mut server = place.serve();
    for (number, stage) in (0..kills).flat_map(|_| STAGES).enumerate() {
        let to = format!("somebody{number}@elsewhere.example");
        let accepted = until(stage, &server, &receiver, &to)
            .await
            .with_context(|| format!("before kill {number}, {stage:?}"))?;
        server.child.kill()?;
        server.child.wait()?;
        receiver.be(None);
        server = place.serve();
        empty(&place).await?;
        settled(stage, accepted, &server, &receiver, &to)
            .await
            .with_context(|| format!("after kill {number}, {stage:?}"))?;
    }
    Ok(())
}

/// A message to somebody and to nobody, which comes to this stage. Whether it was accepted, if that can be known.
async fn until(stage: Stage, server: &Server, receiver: &Receiver, to: &str) -> anyhow::Result<Option<bool>> {
    let mut smtp = Smtp::greeted(Client::connect(server.address("submission").parse()?).await?).await?;
    smtp.command("AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAGNvcnJlY3QgaG9yc2U=", "235")
        .await?;
    let pieces = submission(to);
    if let Stage::Sent(count) = stage {
        for (index, (piece, reply)) in pieces.iter().take(count).enumerate() {
            smtp.client.send(piece).await?;
            if !reply.is_empty() && index + 1 < count {
                smtp.expect(reply).await?;
            }
        }
        // With the final dot it is under way, and nobody can know how far.
        return Ok((count < pieces.len()).then_some(false));
    }
    let mut reached = receiver.be(match stage {
        Stage::Received(moment, act) => Some((moment, act)),
        Stage::Again(..) => Some((Moment::Mail, Say(b"451 4.3.0 not now\r\n"))),
        _ => None,
    });
    let mut idle = imap(server).await?;
    idle.idle().await?;
    for (piece, reply) in pieces {
        smtp.client.send(piece).await?;
        if !reply.is_empty() {
            smtp.expect(reply).await?;
        }
    }
    match stage {
        Stage::Sent(_) | Stage::Taken => {}
        Stage::Received(..) => drop(within("the stage", reached.wait_for(|times| *times > 0)).await??),
        Stage::Again(moment, act) => {
            within("a first attempt", reached.wait_for(|times| *times > 0)).await??;
            let mut reached = receiver.be(Some((moment, act)));
            within("the stage", reached.wait_for(|times| *times > 0)).await??;
        }
        Stage::Reported => while !idle.client.line().await?.ends_with(b" EXISTS") {},
    }
    Ok(Some(true))
}

/// What the sender sends, piece by piece, and the replies that are due.
fn submission(to: &str) -> [(String, &'static str); 6] {
    [
        (format!("MAIL FROM:<alice@{DOMAIN}>\r\n"), "250"),
        (format!("RCPT TO:<{to}>\r\n"), "250"),
        (format!("RCPT TO:<nobody-{to}>\r\n"), "250"),
        ("DATA\r\n".to_owned(), "354"),
        (
            format!(
                "From: alice@{DOMAIN}\r\nSubject: x\r\n\r\n{}\r\n",
                "Text\r\n".repeat(10_000)
            ),
            "",
        ),
        (format!("{LAST}\r\n.\r\n"), "250"),
    ]
}

/// Nothing is on its way any more.
async fn empty(place: &Place) -> anyhow::Result<()> {
    within("an empty queue", async {
        while !place.run(&["queue", "list"]).ok("").said.trim().ends_with("WHY") {
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// What became of it is what may become of it.
async fn settled(
    stage: Stage,
    accepted: Option<bool>,
    server: &Server,
    receiver: &Receiver,
    to: &str,
) -> anyhow::Result<()> {
    let arrived = receiver.ended(to);
    let told = reported(server, &format!("nobody-{to}")).await?;
    let refused = reported(server, to).await?;
    let most = match stage {
        // The end of the message was seen, and what was said of that was not written down.
        Stage::Received(Moment::End, _) | Stage::Again(Moment::End, _) => 2,
        _ => 1,
    };
    match accepted {
        Some(true) => {
            // It may have been refused for good, and that too is told once.
            let is_refusal = matches!(stage, Stage::Received(Moment::Data, Say(_)));
            ensure!(
                arrived + refused >= 1 && arrived <= most,
                "arrived {arrived} times, returned {refused}"
            );
            ensure!(
                refused == 0 || is_refusal && refused == 1 && arrived == 0,
                "returned {refused} times"
            );
            ensure!(told == 1, "its failure was reported {told} times");
        }
        Some(false) => ensure!((arrived, told, refused) == (0, 0, 0), "what was never accepted arrived"),
        None => ensure!(
            arrived <= 1 && told == arrived && refused == 0,
            "arrived {arrived} times, reported {told} times"
        ),
    }
    for last in receiver.last_lines(to) {
        ensure!(last == LAST, "cut off at {last:?}");
    }
    Ok(())
}

async fn imap(server: &Server) -> anyhow::Result<Imap> {
    let mut imap = Imap::greeted(Client::connect(server.address("imap").parse()?).await?).await?;
    imap.ok(&format!("LOGIN alice@{DOMAIN} \"{PASSWORD}\"")).await?;
    imap.ok("SELECT INBOX").await?;
    Ok(imap)
}

/// How often alice was told that this recipient failed.
async fn reported(server: &Server, recipient: &str) -> anyhow::Result<usize> {
    let told = imap(server).await?.ok("UID FETCH 1:* (BODY.PEEK[])").await?;
    let field = format!("Final-Recipient: rfc822; {recipient}\r\nAction: failed\r\n");
    Ok(told.iter().map(|line| line.matches(&field).count()).sum())
}
