//! Frames out of scripts, split at every octet, and over real connections.

use super::*;
use crate::imap::command::CommandBody;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const BOUNDS: Bounds = Bounds {
    command: 200,
    timeout: Duration::from_secs(20),
    write_timeout: Duration::from_secs(20),
};

/// Commands of all kinds one behind the other, a message among them.
const SCRIPT: &[u8] = b"1 NOOP\r\n\
    2 LOGIN {3+}\r\n{5} {4}\r\np\nwd\r\n\
    3 LOGIN {0+}\r\n {3+}\r\n\r\n.\n\
    DONE\r\n\
    4 IDLE\n\
    5 nonsense {9+}\r\n6 NOOP\r\n x\r\n\
    7 SELECT \"{2+}\"\r\n\
    8 LIST ~{6+}\r\n\0NOOP\n\r\n\
    9 APPEND {5+}\r\nINBOX (\\Seen) {12}\r\nSubject: x\r\n\r\n\
    10 APPEND INBOX {3+}\r\nabc (\\Seen) {7+}\r\n11 NOOP\r\n\
    12 STATUS {2000+}\r\n";

/// What [`SCRIPT`] with 2,000 octets and a last command behind it comes to.
const SUMMARY: &[&str] = &[
    "1 Noop",
    "2 Login { user: \"{5}\", password: \"p\\nwd\" }",
    "3 Login { user: \"\", password: \"\\r\\n.\" }",
    "bad DONE expected a space, at octet 5",
    "4 Idle",
    "bad 5 unknown command, at octet 3",
    "7 Select { mailbox: Ok(MailboxName(\"{2+}\")), parameters: SelectParameters { condstore: false, resync: None, supplied: None } }",
    "bad 8 only a message can be a binary literal",
    "9 append 12 true",
    "end",
    "10 append 3 false",
    "message 7 false",
    "end",
    "bad 12 a literal that makes a command of more than 200 octets",
    "13 Logout",
];

fn script() -> Vec<u8> {
    [SCRIPT, &[b'\n'; 2000], b" (MESSAGES)\r\n13 LOGOUT\r\n"].concat()
}

fn bad(error: &ParseError) -> String {
    match error {
        ParseError::Bad { tag, text } => format!("bad {} {text}", tag.as_deref().unwrap_or("*")),
        other => format!("{other:?}"),
    }
}

fn told(frame: &Frame) -> String {
    match frame {
        Frame::Command(command) => format!("{} {:?}", command.tag, command.body),
        Frame::Append(command, literal) => {
            assert!(matches!(command.body, CommandBody::Append { .. }));
            format!("{} append {} {}", command.tag, literal.size, literal.synchronizing)
        }
        Frame::Invalid(error) => bad(error),
    }
}

fn told_behind(taken: &Taken<Vec<AppendPiece>>) -> String {
    match taken {
        Ok((_, Some(literal))) => format!("message {} {}", literal.size, literal.synchronizing),
        Ok((pieces, None)) => {
            assert!(pieces.is_empty());
            "end".to_owned()
        }
        Err(error) => bad(error),
    }
}

async fn pair() -> (TcpStream, Connection) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    client.set_nodelay(true).unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (client, Connection::plain(server, None).unwrap())
}

/// Without any connection: `pieces` as they arrive.
fn frames(pieces: &[&[u8]]) -> Vec<String> {
    let (mut framer, mut output, mut frames) = (Framer::new(), Output::new(), Vec::new());
    // Octets of a message left, and whether its end is awaited.
    let (mut message, mut ending) = (0, false);
    for piece in pieces {
        let mut input = *piece;
        while !input.is_empty() {
            if message > 0 {
                let count = input.len().min(message);
                (input, message) = (&input[count..], message - count);
                continue;
            }
            let (count, whole) = framer.take(input, BOUNDS.command);
            input = &input[count..];
            if !whole {
                continue;
            }
            if ending {
                let grammar = |bytes: &[u8], _| append::rest(bytes, Dialect::Rev1, LiteralPlace::Message);
                if let Some(taken) = framer.taken(&mut output, BOUNDS, grammar) {
                    frames.push(told_behind(&taken));
                    ending = matches!(taken, Ok((_, Some(_))));
                    message = taken
                        .ok()
                        .and_then(|(_, literal)| literal)
                        .map_or(0, |literal| literal.size as usize);
                }
            } else if let Some(taken) = framer.taken(&mut output, BOUNDS, |bytes, is| command(bytes, is, Dialect::Rev1))
            {
                let frame = Frame::from(taken);
                frames.push(told(&frame));
                if let Frame::Append(_, literal) = frame {
                    (message, ending) = (literal.size as usize, true);
                }
            }
        }
    }
    frames
}

#[test]
fn a_script_gives_the_same_frames_wherever_it_is_split() {
    let script = script();
    assert_eq!(frames(&[&script]), SUMMARY);
    for at in 0..script.len() {
        let (one, other) = script.split_at(at);
        assert_eq!(frames(&[one, other]), SUMMARY, "split at {at}");
    }
    assert_eq!(frames(&script.chunks(1).collect::<Vec<_>>()), SUMMARY);
}

async fn pass(connection: &mut Connection, mut octets: usize) {
    while octets > 0 {
        let count = connection.fill(BOUNDS.timeout).await.unwrap().len().min(octets);
        connection.consume(count);
        octets -= count;
    }
}

/// Everything a session does: frames until one is Logout.
async fn serve(connection: &mut Connection) -> Vec<String> {
    let (mut framer, mut output, mut frames) = (Framer::new(), Output::new(), Vec::new());
    loop {
        let frame = framer
            .next(connection, &mut output, BOUNDS, Dialect::Rev1)
            .await
            .unwrap();
        frames.push(told(&frame));
        match frame {
            Frame::Command(command) if command.body == CommandBody::Logout => return frames,
            Frame::Append(_, literal) => {
                let mut literal = Some(literal);
                while let Some(message) = literal.take() {
                    framer.accept(connection, &mut output, BOUNDS, message).await.unwrap();
                    pass(connection, message.size as usize).await;
                    let more = framer.more(connection, &mut output, BOUNDS, Dialect::Rev1, LiteralPlace::Message);
                    let taken = more.await.unwrap();
                    frames.push(told_behind(&taken));
                    literal = taken.ok().and_then(|(_, literal)| literal);
                }
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_script_over_a_connection_in_two_pieces() {
    let script = script();
    for at in (0..SCRIPT.len() + 10).step_by(3) {
        let (mut client, mut connection) = pair().await;
        let served = tokio::spawn(async move { serve(&mut connection).await });
        client.write_all(&script[..at]).await.unwrap();
        tokio::task::yield_now().await;
        client.write_all(&script[at..]).await.unwrap();
        assert_eq!(served.await.unwrap(), SUMMARY, "split at {at}");
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_loses_nothing() {
    let (mut client, mut connection) = pair().await;
    let (mut framer, mut output) = (Framer::new(), Output::new());
    let script = b"a LOGIN {3+}\r\nme  \"x\"\r\n";
    let (last, first) = script.split_last().unwrap();
    for byte in first {
        client.write_all(&[*byte]).await.unwrap();
        tokio::select! {
            biased;
            _ = framer.next(&mut connection, &mut output, BOUNDS, Dialect::Rev1) => unreachable!("no line yet"),
            () = tokio::task::yield_now() => {}
        }
    }
    client.write_all(&[*last]).await.unwrap();
    let frame = framer
        .next(&mut connection, &mut output, BOUNDS, Dialect::Rev1)
        .await
        .unwrap();
    assert_eq!(told(&frame), "a Login { user: \"me \", password: \"x\" }");
}

/// A client that has written `script` and what our end makes of it.
struct Dialog {
    client: TcpStream,
    connection: Connection,
    framer: Framer,
    output: Output,
}

impl Dialog {
    async fn new(script: &[u8]) -> Dialog {
        let (mut client, connection) = pair().await;
        client.write_all(script).await.unwrap();
        let (framer, output) = (Framer::new(), Output::new());
        Dialog {
            client,
            connection,
            framer,
            output,
        }
    }

    async fn frame(&mut self) -> Frame {
        self.next(BOUNDS).await.unwrap()
    }

    async fn next(&mut self, bounds: Bounds) -> Result<Frame, ReadError> {
        self.framer
            .next(&mut self.connection, &mut self.output, bounds, Dialect::Rev1)
            .await
    }

    async fn expect(&mut self, frames: &[&str]) {
        for wanted in frames {
            assert_eq!(&told(&self.frame().await), wanted);
        }
    }

    /// What the client was sent up to now.
    async fn sent(&mut self) -> String {
        self.connection.write(b"#", BOUNDS.write_timeout).await.unwrap();
        let mut sent = Vec::new();
        while sent.last() != Some(&b'#') {
            assert!(self.client.read_buf(&mut sent).await.unwrap() > 0);
        }
        sent.pop();
        String::from_utf8(sent).unwrap()
    }
}

#[tokio::test]
async fn a_literal_is_asked_for_behind_what_was_said_before() {
    let mut dialog = Dialog::new(b"a LOGIN {2}\r\n").await;
    dialog.output.line(format_args!("* OK hello"));
    let Dialog {
        client,
        connection,
        framer,
        output,
    } = &mut dialog;
    let (frame, ()) = tokio::join!(framer.next(connection, output, BOUNDS, Dialect::Rev1), async {
        let asked = b"* OK hello\r\n+ Ready for the literal\r\n";
        let mut said = vec![0; asked.len()];
        client.read_exact(&mut said).await.unwrap();
        assert_eq!(said, asked);
        client.write_all(b"me x\r\n").await.unwrap();
    });
    assert_eq!(told(&frame.unwrap()), "a Login { user: \"me\", password: \"x\" }");
}

#[tokio::test]
async fn answers_wait_while_further_commands_are_there() {
    let mut dialog = Dialog::new(b"a NOOP\r\nb NOOP\r\nc NOOP\r\nd").await;
    while dialog.connection.buffered().len() < 20 {
        dialog.frame().await;
        dialog
            .client
            .write_all(b" NOOP\r\na NOOP\r\nb NOOP\r\nc NOOP\r\nd")
            .await
            .unwrap();
    }
    dialog.output.line(format_args!("answer"));
    dialog.frame().await;
    assert_eq!(dialog.sent().await, "");
    dialog.output.raw(&[b'.'; Output::FULL]);
    dialog.frame().await;
    assert_eq!(dialog.sent().await.len(), "answer\r\n".len() + Output::FULL);
    dialog.output.line(format_args!("last"));
    while !dialog.output.written().is_empty() {
        tokio::select! {
            biased;
            _ = dialog.framer.next(&mut dialog.connection, &mut dialog.output, BOUNDS, Dialect::Rev1) => {}
            () = tokio::task::yield_now() => {}
        }
    }
    assert_eq!(dialog.sent().await, "last\r\n");
}

#[tokio::test]
async fn what_cannot_be_right_is_refused_before_the_literal_comes() {
    let mut dialog = Dialog::new(
        b"a LOGIN {201}\r\nb LOGIN me {190}\r\nc BLURDYBLOOP {10}\r\nd SELECT \"x {3}\r\ne LOGIN {99999999999999999999}\r\n\
          f APPEND INBOX (\xff {10}\r\ng APPEND INBOX {99999999999999999999}\r\nh LIST ~{3}\r\n{3}\r\ni NOOP\r\n",
    )
    .await;
    dialog
        .expect(&[
            "bad a a literal that makes a command of more than 200 octets",
            "bad b a literal that makes a command of more than 200 octets",
            "bad c unknown command, at octet 3",
            "bad d SELECT: a quoted string without its end, at octet 10",
            "bad e LOGIN: a number above 9223372036854775807, at octet 10",
            "bad f APPEND: expected a flag, at octet 17",
            "bad g APPEND: a number above 9223372036854775807, at octet 17",
            "bad h LIST: expected a space, at octet 9",
            "bad * expected a tag, at octet 1",
            "i Noop",
        ])
        .await;
    assert_eq!(dialog.sent().await, "");
}

#[tokio::test]
async fn a_command_that_is_too_long_is_passed_over_with_its_literals() {
    let long = "x".repeat(3_000_000);
    let (fits, over) = ("y".repeat(191), "y".repeat(192));
    let script = format!(
        "a LOGIN {long} {{8+}}\r\nb NOOP\r\n{long}\r\nc LOGIN {{3000000+}}\r\n{long} {{3+}}\r\n{{9 {{9}}\r\nd SELECT {fits}\r\n\
         e SELECT {fits}\ne SELECT {over}\r\nf SELECT {over}\n{long}\r\ng LOGIN {{150+}}\r\n{} {long}{{7+}}\r\nh NOOP\n\r\n\
         i NOOP\r\n",
        &long[..150]
    );
    let (mut client, connection) = pair().await;
    let writer = tokio::spawn(async move {
        client.write_all(script.as_bytes()).await.unwrap();
        client
    });
    let (framer, output) = (Framer::new(), Output::new());
    let mut dialog = Dialog {
        client: pair().await.0,
        connection,
        framer,
        output,
    };
    let too_long = |tag: &str| format!("bad {tag} a command of more than 200 octets");
    let name = format!(
        "Select {{ mailbox: Ok(MailboxName(\"{fits}\")), parameters: SelectParameters {{ condstore: false, resync: None, supplied: None }} }}"
    );
    for wanted in [
        too_long("a"),
        "bad c a literal that makes a command of more than 200 octets".to_owned(),
        format!("d {name}"),
        format!("e {name}"),
        too_long("e"),
        too_long("f"),
        too_long("*"),
        too_long("g"),
        "i Noop".to_owned(),
    ] {
        assert_eq!(told(&dialog.frame().await), wanted);
        assert!(dialog.framer.taken.capacity() <= ROOM);
    }
    writer.await.unwrap();
}

#[test]
fn the_literal_of_a_line_at_the_limit_is_seen_wherever_it_is_split() {
    for length in 185..210 {
        let script = format!("a LOGIN {} {{8+}}\r\nb NOOP\r\n\r\nc NOOP\r\n", "x".repeat(length - 13));
        for at in 0..script.len() {
            let (one, other) = script.as_bytes().split_at(at);
            let frames = frames(&[one, other]);
            assert!(
                frames.len() == 2 && frames[1] == "c Noop",
                "{length}, split at {at}: {frames:?}"
            );
        }
    }
}

#[tokio::test]
async fn what_would_take_for_ever_to_skip_ends_the_connection() {
    for line in [
        &b"a LOGIN {1073741825+}\r\n"[..],
        b"a NONSENSE {99999999999999999999+}\r\n",
        b"a APPEND INBOX (\xff {1073741825+}\r\n",
        b"a LOGIN ~{1073741825+}\r\n",
    ] {
        let frame = Dialog::new(line).await.frame().await;
        assert!(
            matches!(frame, Frame::Invalid(ParseError::Hopeless { .. })),
            "{frame:?}"
        );
    }
    let mut dialog = Dialog::new(b"a APPEND INBOX {1073741825+}\r\n").await;
    let Frame::Append(_, literal) = dialog.frame().await else {
        panic!("no APPEND")
    };
    let refused = dialog
        .framer
        .refuse(&mut dialog.connection, &mut dialog.output, BOUNDS, literal)
        .await;
    assert!(matches!(refused, Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::InvalidData));
}

#[tokio::test]
async fn a_message_is_taken_or_refused() {
    for (script, refused, asked) in [
        (&b"a APPEND INBOX {8}\r\nb NOOP\r\n"[..], true, ""),
        (b"a APPEND INBOX {8+}\r\nx NOOP\r\n\r\nb NOOP\r\n", true, ""),
        (
            b"a APPEND INBOX {8+}\r\nx NOOP\r\n (\\Seen) {8+}\r\ny NOOP\r\n {3}\r\nb NOOP\r\n",
            true,
            "",
        ),
        (b"a APPEND INBOX {8+}\r\nx NOOP\r\n\r\nb NOOP\r\n", false, ""),
        (
            b"a APPEND INBOX {8}\r\nx NOOP\r\n  \nb NOOP\r\n",
            false,
            "+ Ready for the message\r\n",
        ),
    ] {
        let mut dialog = Dialog::new(script).await;
        let Frame::Append(_, literal) = dialog.frame().await else {
            panic!("no APPEND")
        };
        assert_eq!(literal.size, 8);
        let (connection, output) = (&mut dialog.connection, &mut dialog.output);
        if refused {
            dialog.framer.refuse(connection, output, BOUNDS, literal).await.unwrap();
        } else {
            dialog.framer.accept(connection, output, BOUNDS, literal).await.unwrap();
            pass(connection, 8).await;
            let more = dialog
                .framer
                .more(connection, output, BOUNDS, Dialect::Rev1, LiteralPlace::Message);
            assert_eq!(told_behind(&more.await.unwrap()), "end");
        }
        assert_eq!(dialog.sent().await, asked);
        dialog.expect(&["b Noop"]).await;
    }
}

#[tokio::test]
async fn behind_a_message_is_another_or_nothing() {
    let long = format!("{}{}", "x".repeat(300), " ".repeat(100));
    let expected = "bad  behind the message: expected";
    for (rest, wanted) in [
        ("", "end".to_owned()),
        ("   ", "end".to_owned()),
        ("x", format!("{expected} the end of the command, at octet 1")),
        (
            " x {4+}\r\nmail",
            format!("{expected} the message as a literal, at octet 2"),
        ),
        (" (\\Seen {4}", format!("{expected} a flag, at octet 9")),
        (
            "x {4+}\r\nmail {5+}\r\nmail2",
            format!("{expected} the end of the command, at octet 1"),
        ),
        (&long, "bad * a command of more than 200 octets".to_owned()),
    ] {
        let mut dialog = Dialog::new(format!("{rest}\r\nb NOOP\r\n").as_bytes()).await;
        let (connection, output) = (&mut dialog.connection, &mut dialog.output);
        let more = dialog
            .framer
            .more(connection, output, BOUNDS, Dialect::Rev1, LiteralPlace::Message);
        assert_eq!(told_behind(&more.await.unwrap()), wanted, "{rest:?}");
        dialog.expect(&["b Noop"]).await;
    }
}

#[tokio::test]
async fn other_protocols_are_told_at_once() {
    for bytes in [&b"\x16\x03\x01\x02\x00\x01"[..], b"GET / HTTP/1.1\r\nHost: x\r\n"] {
        let frame = Dialog::new(bytes).await.frame().await;
        assert!(
            matches!(frame, Frame::Invalid(ParseError::Hopeless { .. })),
            "{frame:?}"
        );
    }
}

#[tokio::test]
async fn a_command_has_its_time_however_it_comes() {
    let bounds = Bounds {
        timeout: Duration::from_millis(20),
        ..BOUNDS
    };
    let mut dialog = Dialog::new(b"").await;
    assert!(matches!(dialog.next(bounds).await, Err(ReadError::TimedOut)));
    // Octet by octet, and without end.
    for drip in [&b"x"[..], &[b'x'; 60_000]] {
        let mut dialog = Dialog::new(b"").await;
        let Dialog {
            client,
            connection,
            framer,
            output,
        } = &mut dialog;
        let frame = tokio::select! {
            frame = framer.next(connection, output, bounds, Dialect::Rev1) => frame,
            () = async { while client.write_all(drip).await.is_ok() {} } => unreachable!("the server listens"),
        };
        assert!(matches!(frame, Err(ReadError::TimedOut)), "{frame:?}");
    }
}
