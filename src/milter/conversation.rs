//! One message shown to one filter: negotiate, connect, helo, mail, rcpt, data, header, end of header, body, end of message.
//!
//! There is no RFC; the protocol is that of libmilter (sendmail 8.14), version 6: packets of a length in four octets, a command
//! in one, and data.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::edits::{Edit, fields};
use super::{Answer, Letter};

/// The largest packet taken.
const MAX_PACKET: usize = 1024 * 1024;
/// The largest piece of a body that a filter is sent.
const BODY_PIECE: usize = 65_535;
/// Packets that may come after the end of the message: changes, and signs that it takes longer.
const MAX_CHANGES: usize = 10_000;
/// Octets of a new body that a filter may send.
const MAX_BODY: usize = 256 * 1024 * 1024;

const VERSION: u32 = 6;
/// What a filter may do here: add header fields, change the body, change header fields, quarantine.
const ACTIONS: u32 = 0x01 | 0x02 | 0x10 | 0x20;
/// What a filter may want not to be sent.
const NO_CONNECT: u32 = 0x01;
const NO_HELO: u32 = 0x02;
const NO_MAIL: u32 = 0x04;
const NO_RCPT: u32 = 0x08;
const NO_BODY: u32 = 0x10;
const NO_HEADERS: u32 = 0x20;
const NO_EOH: u32 = 0x40;
const NO_DATA: u32 = 0x200;
/// That it may say that it has seen enough of a body.
const SKIP: u32 = 0x400;
/// What a filter may want to give no answer to.
const SILENT_HEADERS: u32 = 0x80;
const SILENT_CONNECT: u32 = 0x1000;
const SILENT_HELO: u32 = 0x2000;
const SILENT_MAIL: u32 = 0x4000;
const SILENT_RCPT: u32 = 0x8000;
const SILENT_DATA: u32 = 0x10000;
const SILENT_EOH: u32 = 0x40000;
const SILENT_BODY: u32 = 0x80000;
/// That blanks behind the colon belong to a field's value.
const LEADING_SPACE: u32 = 0x10_0000;
/// All of these.
const OPTIONS: u32 = 0x7f
    | NO_DATA
    | SKIP
    | SILENT_HEADERS
    | SILENT_CONNECT
    | SILENT_HELO
    | SILENT_MAIL
    | SILENT_RCPT
    | SILENT_DATA
    | SILENT_EOH
    | SILENT_BODY
    | LEADING_SPACE;

/// A socket of either kind.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection to a filter.
pub(super) struct Conversation {
    stream: Box<dyn Stream>,
    limit: Duration,
    /// What the filter chose of [`OPTIONS`].
    options: u32,
}

/// What comes after a step.
enum Next {
    Continue,
    /// No more of the body.
    Skip,
    Done(Answer),
}

impl Conversation {
    pub(super) fn new(stream: Box<dyn Stream>, limit: Duration) -> Conversation {
        Conversation {
            stream,
            limit,
            options: 0,
        }
    }

    /// Shows the message.
    pub(super) async fn hold(mut self, letter: &Letter<'_>, message: &[u8], own: usize) -> io::Result<Answer> {
        self.negotiate().await?;
        let answer = self.show(letter, message, own).await?;
        // Courtesy; whether it arrives is of no account.
        let _ = self.send(b'Q', &[]).await;
        Ok(answer)
    }

    async fn negotiate(&mut self) -> io::Result<()> {
        let offer = [VERSION, ACTIONS, OPTIONS].map(u32::to_be_bytes).concat();
        self.send(b'O', &offer).await?;
        let (command, data) = self.receive().await?;
        let number = |at: usize| {
            let octets: Option<[u8; 4]> = data.get(at..at + 4).and_then(|octets| octets.try_into().ok());
            octets.map(u32::from_be_bytes).ok_or_else(|| rubbish("negotiation"))
        };
        if command != b'O' || number(0)? < 2 {
            return Err(rubbish("negotiation"));
        }
        let (actions, options) = (number(4)?, number(8)?);
        if actions & !ACTIONS != 0 || options & !OPTIONS != 0 {
            return Err(rubbish(
                "negotiation: the filter wants what is not offered, such as to change recipients",
            ));
        }
        self.options = options;
        Ok(())
    }

    async fn show(&mut self, letter: &Letter<'_>, message: &[u8], own: usize) -> io::Result<Answer> {
        macro_rules! step {
            ($command:expr, $data:expr, $no:expr, $silent:expr) => {
                match self.step($command, $data, $no, $silent).await? {
                    Next::Done(answer) => return Ok(answer),
                    next => next,
                }
            };
        }
        self.macros(
            b'C',
            &[
                ("j", letter.hostname),
                ("{daemon_name}", "posthaste"),
                ("v", "Posthaste"),
            ],
        )
        .await?;
        let client = letter.client.ip().to_canonical();
        let mut connect = format!("[{client}]\0").into_bytes();
        connect.push(if client.is_ipv4() { b'4' } else { b'6' });
        connect.extend_from_slice(&letter.client.port().to_be_bytes());
        connect.extend_from_slice(
            match client {
                IpAddr::V4(v4) => format!("{v4}\0"),
                IpAddr::V6(v6) => format!("{v6}\0"),
            }
            .as_bytes(),
        );
        step!(b'C', &connect, NO_CONNECT, SILENT_CONNECT);
        step!(b'H', &text(letter.hello), NO_HELO, SILENT_HELO);
        self.macros(b'M', &[("i", &letter.id), ("{mail_addr}", &letter.sender)])
            .await?;
        step!(b'M', &text(&format!("<{}>", letter.sender)), NO_MAIL, SILENT_MAIL);
        for recipient in &letter.recipients {
            self.macros(b'R', &[("{rcpt_addr}", recipient)]).await?;
            step!(b'R', &text(&format!("<{recipient}>")), NO_RCPT, SILENT_RCPT);
        }
        step!(b'T', &[], NO_DATA, SILENT_DATA);
        let (header, body) = fields(message);
        for field in header.iter().skip(own) {
            let (name, value) = field.split(self.options & LEADING_SPACE != 0);
            let data = [&name[..], b"\0", &value, b"\0"].concat();
            step!(b'L', &data, NO_HEADERS, SILENT_HEADERS);
        }
        step!(b'N', &[], NO_EOH, SILENT_EOH);
        for piece in body.chunks(BODY_PIECE) {
            if let Next::Skip = step!(b'B', piece, NO_BODY, SILENT_BODY) {
                break;
            }
        }
        self.macros(b'E', &[("i", &letter.id)]).await?;
        self.send(b'E', &[]).await?;
        self.changes().await
    }

    /// What the filter says at the end: changes, then what becomes of the message.
    async fn changes(&mut self) -> io::Result<Answer> {
        let (mut edits, mut body, mut junk) = (Vec::new(), None::<Vec<u8>>, false);
        for _ in 0..MAX_CHANGES {
            let (command, data) = self.receive().await?;
            match command {
                b'p' => {}
                b'q' => {
                    tracing::info!(reason = %String::from_utf8_lossy(&data), "a filter wants a message in quarantine: it goes to Junk");
                    junk = true;
                }
                b'b' => {
                    let body = body.get_or_insert_default();
                    if body.len() + data.len() > MAX_BODY {
                        return Err(rubbish("a body without end"));
                    }
                    body.extend_from_slice(&data);
                }
                b'h' | b'i' | b'm' => edits.push(Edit::read(command, &data).ok_or_else(|| rubbish("a change"))?),
                _ => {
                    let Next::Done(answer) = next(command, &data, true)? else {
                        return Err(rubbish("an answer to the end of a message"));
                    };
                    if let Some(body) = body {
                        edits.push(Edit::Body(body));
                    }
                    return Ok(match answer {
                        Answer::Accept(_) if junk => Answer::Junk(edits),
                        Answer::Accept(_) => Answer::Accept(edits),
                        Answer::Junk(_) => Answer::Junk(edits),
                        refused => refused,
                    });
                }
            }
        }
        Err(rubbish("changes without end"))
    }

    async fn step(&mut self, command: u8, data: &[u8], no: u32, silent: u32) -> io::Result<Next> {
        if self.options & no != 0 {
            return Ok(Next::Continue);
        }
        self.send(command, data).await?;
        if self.options & silent != 0 {
            return Ok(Next::Continue);
        }
        loop {
            let (command, data) = self.receive().await?;
            // It takes longer, and has not gone away.
            if command != b'p' {
                return next(command, &data, false);
            }
        }
    }

    async fn macros(&mut self, of: u8, macros: &[(&str, &str)]) -> io::Result<()> {
        let mut data = vec![of];
        for (name, value) in macros {
            data.extend_from_slice(&text(name));
            data.extend_from_slice(&text(value));
        }
        self.send(b'D', &data).await
    }

    async fn send(&mut self, command: u8, data: &[u8]) -> io::Result<()> {
        let length = u32::try_from(data.len() + 1).map_err(|_| rubbish("too long"))?;
        let packet = [&length.to_be_bytes()[..], &[command], data].concat();
        timeout(self.limit, self.stream.write_all(&packet))
            .await
            .map_err(|_| io::ErrorKind::TimedOut)?
    }

    async fn receive(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let reading = async {
            let length = self.stream.read_u32().await? as usize;
            if !(1..=MAX_PACKET).contains(&length) {
                return Err(rubbish("the length of a packet"));
            }
            let mut data = vec![0; length];
            self.stream.read_exact(&mut data).await?;
            let command = data.remove(0);
            Ok((command, data))
        };
        timeout(self.limit, reading)
            .await
            .map_err(|_| io::ErrorKind::TimedOut)?
    }
}

/// What an answer means. `last`: the message is over, so to go on is to take it.
fn next(command: u8, data: &[u8], last: bool) -> io::Result<Next> {
    Ok(Next::Done(match command {
        b'c' if last => Answer::Accept(Vec::new()),
        b'c' => return Ok(Next::Continue),
        b's' if !last => return Ok(Next::Skip),
        b'a' => Answer::Accept(Vec::new()),
        // What was accepted is not dropped.
        b'd' => Answer::Junk(Vec::new()),
        b'r' => Answer::Reject,
        b't' | b'f' | b'4' => Answer::Tempfail,
        b'y' => {
            tracing::info!(reply = %String::from_utf8_lossy(data).trim_end_matches('\0'), "a filter refuses a message");
            match data.first() {
                Some(b'5') => Answer::Reject,
                _ => Answer::Tempfail,
            }
        }
        _ => return Err(rubbish("an answer")),
    }))
}

fn text(text: &str) -> Vec<u8> {
    let mut octets: Vec<u8> = text.bytes().filter(|octet| *octet != 0).collect();
    octets.push(0);
    octets
}

fn rubbish(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("rubbish from a filter: {what}"))
}
