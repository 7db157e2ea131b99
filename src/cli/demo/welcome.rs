//! The first message in the demo's first INBOX.

use super::ACCOUNTS;
use crate::mail::address::Address;
use crate::mail::date::Timestamp;
use crate::mail::flags::FlagList;
use crate::mail::ids::SessionId;
use crate::mail::mailbox_name::MailboxName;
use crate::mailbox::NewMessage;
use crate::server::Server;

/// Leaves it.
pub(super) async fn leave(server: &Server) -> anyhow::Result<()> {
    let [(alice, _), (bob, _)] = ACCOUNTS;
    let mailboxes = server.mailboxes();
    let mut incoming = mailboxes.spool().begin();
    incoming.write(text(alice, bob).as_bytes()).await?;
    let message = NewMessage {
        spooled: incoming.finish().await?,
        flags: FlagList::default(),
        internal_date: None,
    };
    let inbox = mailboxes
        .account(&Address::parse(alice)?)
        .await?
        .open(&MailboxName::inbox())
        .await?;
    inbox.append(SessionId::NONE, vec![message]).await?;
    Ok(())
}

fn text(alice: &str, bob: &str) -> String {
    let date = Timestamp::now();
    let lines = [
        "From: Posthaste <postmaster@posthaste.test>",
        &format!("To: Alice <{alice}>"),
        "Subject: Welcome",
        &format!("Date: {}", date.to_rfc5322()),
        &format!("Message-ID: <welcome.{}@posthaste.test>", date.seconds),
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8; format=flowed",
        "",
        "Hello Alice,",
        "",
        "this message is a file in your Maildir, and what you send to this server",
        "will be another one. Leave a mail program open on this folder and send",
        &format!("something, from {bob} perhaps: it appears at once, without"),
        "polling.",
        "",
        "The terminal that runs the demo shows each delivery: how long it took to",
        "be safe on disk, and how soon every waiting mail program was told.",
    ];
    lines.map(|line| format!("{line}\r\n")).concat()
}
