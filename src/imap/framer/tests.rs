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
    "7 Select { mailbox: Ok(MailboxName(\"{2+}\")), condstore: false }",
    "bad 8 binary literals are not supported",
    "9 append 12 true",
    "10 append 3 false",
    "end APPEND: expected the end of the command behind the message",
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
            if std::mem::take(&mut ending) && framer.taken.is_empty() {
                framer.reset();
            } else if let Some(frame) = framer.frame(&mut output, BOUNDS, false) {
                frames.push(match &frame {
                    Frame::Invalid(error) if bad(error).contains("APPEND:") => bad(error).replacen("bad 10", "end", 1),
                    frame => told(frame),
                });
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

/// Everything a session does: frames until one is Logout.
async fn serve(connection: &mut Connection) -> Vec<String> {
    let (mut framer, mut output, mut frames) = (Framer::new(), Output::new(), Vec::new());
    loop {
        let frame = framer.next(connection, &mut output, BOUNDS, false).await.unwrap();
        frames.push(told(&frame));
        match frame {
            Frame::Command(command) if command.body == CommandBody::Logout => return frames,
            Frame::Append(_, literal) => {
                framer.accept(connection, &mut output, BOUNDS, literal).await.unwrap();
                let mut left = literal.size as usize;
                while left > 0 {
                    let count = connection.fill(BOUNDS.timeout).await.unwrap().len().min(left);
                    connection.consume(count);
                    left -= count;
                }
                if let Err(error) = framer.end(connection, &mut output, BOUNDS).await.unwrap() {
                    frames.push(bad(&error).replacen("bad 10", "end", 1));
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
            _ = framer.next(&mut connection, &mut output, BOUNDS, false) => unreachable!("no line yet"),
            () = tokio::task::yield_now() => {}
        }
    }
    client.write_all(&[*last]).await.unwrap();
    let frame = framer.next(&mut connection, &mut output, BOUNDS, false).await.unwrap();
    assert_eq!(told(&frame), "a Login { user: \"me \", password: \"x\" }");
}
