//! Scripts, messages and what becomes of them: the examples of the RFCs, and what cannot be compiled.

mod extensions;
mod scripts;
mod vacation;
mod wrong;

use proptest::prelude::*;

use super::*;
use crate::mail::address::Address;
use crate::mail::date::Timestamp;
use crate::mail::envelope::ReversePath;
use crate::mail::mailbox_name::{MailboxName, SpecialUse};
use crate::mail::mime::{MimeLimits, Scanner};

/// 2026-11-25 12:00:00 UTC, a Wednesday.
const NOW: i64 = 1_795_608_000;

/// What a script is run with.
struct World {
    message: String,
    from: &'static str,
    to: &'static str,
    memory: Memory,
    now: i64,
}

/// RFC 5228 §5.1, roughly.
const COYOTE: &str = "Date: Tue, 1 Apr 1997 09:06:31 -0800 (PST)\r\n\
    From: coyote@desert.example.org\r\n\
    To: roadrunner@acme.example.com\r\n\
    Subject: I have a present for you\r\n\
    Message-ID: <present@desert.example.org>\r\n\r\n\
    Look, I'm sorry about the whole anvil thing.\r\n";

impl World {
    fn new(message: &str) -> World {
        World {
            message: message.to_owned(),
            from: "coyote@desert.example.org",
            to: "roadrunner@acme.example.com",
            memory: Memory::new(),
            now: NOW,
        }
    }

    fn run(&self, source: &str) -> Outcome {
        let script = Script::compile(source.as_bytes()).unwrap_or_else(|problems| panic!("{problems:?}\n{source}"));
        let mut scanner = Scanner::new(MimeLimits::default());
        scanner.feed(self.message.as_bytes());
        let summary = scanner.finish();
        let mailbox = |(name, special_use): (&str, _)| KnownMailbox {
            name: MailboxName::new(name).unwrap(),
            special_use,
        };
        let mailboxes = [
            ("INBOX", None),
            ("INBOX/harassment", None),
            ("Lists", None),
            ("Spam", Some(SpecialUse::Junk)),
            ("Archive", Some(SpecialUse::Archive)),
        ];
        script.run(&Input {
            message: Message {
                bytes: self.message.as_bytes(),
                size: self.message.len() as u64,
                summary: &summary,
            },
            reverse_path: &ReversePath::parse(self.from).unwrap(),
            forward_paths: &[Address::parse(self.to).unwrap()],
            addresses: &[Address::parse("roadrunner@acme.example.com").unwrap()],
            mailboxes: &mailboxes.map(mailbox),
            now: Timestamp {
                seconds: self.now,
                offset_minutes: 0,
            },
            memory: &self.memory,
        })
    }
}

/// The actions as they are written in a line, `discard` when there is none, and how the run failed.
fn told(outcome: &Outcome) -> Vec<String> {
    let mut told: Vec<String> = outcome.actions.iter().map(Action::to_string).collect();
    if told.is_empty() {
        told.push("discard".to_owned());
    }
    told.extend(outcome.failure.iter().map(|failure| format!("failed {failure}")));
    told
}

/// What becomes of the message of RFC 5228.
fn actions(source: &str) -> Vec<String> {
    told(&World::new(COYOTE).run(source))
}

/// Whether a test is true of a message.
fn holds(require: &str, test: &str, message: &str) -> bool {
    let source = format!("{require}\nif {test} {{ discard; }}");
    match told(&World::new(message).run(&source)).as_slice() {
        [only] if only == "discard" => true,
        [only] if only == "keep" => false,
        other => panic!("{other:?}\n{source}"),
    }
}

proptest! {
    #[test]
    fn any_bytes_can_be_compiled(bytes: Vec<u8>) {
        let _ = Script::compile(&bytes);
    }

    /// Of the words of the language in any order.
    #[test]
    fn any_words_can_be_compiled_and_run(words in prop::collection::vec(prop::sample::select(vec![
        "require", "\"fileinto\"", "\"variables\"", "[\"imap4flags\", \"body\", \"date\"]", "if", "elsif", "else", "not", "allof",
        "anyof", "header", "address", "envelope", ":is", ":contains", ":matches", ":count", "\"gt\"", "\"*\"", "\"${1}\"", "\"subject\"",
        "fileinto", "redirect", "keep", "discard", "stop", "set", "(", ")", "{", "}", "[", "]", ";", ";", ",", "12K", "true", "text:\nx\n.\n",
        "#c\n", "/*", "*/", "body", ":raw", "currentdate", "vacation", "addflag", "hasflag",
    ]), 0..40)) {
        let source = words.join(" ");
        if Script::compile(source.as_bytes()).is_ok() {
            actions(&source);
        }
    }

    #[test]
    fn any_message_can_be_looked_at(message in "[a-zA-Z:<>@;=?\r\n \"ü-]{0,200}") {
        let world = World::new(&message);
        world.run("require [\"body\", \"variables\", \"date\", \"subaddress\", \"editheader\", \"relational\"];\n\
            if header :matches \"a\" \"*-*\" { deleteheader \"a\"; addheader \"b\" \"${1}\"; }\n\
            if allof (not body :contains \"x\", not date \"date\" \"year\" \"1\", not address :detail \"to\" \"y\",\n\
            not body :content \"\" :count \"gt\" \"3\") { keep; }");
    }
}
