//! What a server answers (RFC 5321 §4.2), with its enhanced status code (RFC 2034), read with limits.
//!
//! Invariant: the text of a [`Reply`] holds no control character and is bounded, so that it can stand in logs and reports.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::mail::dsn::Status;
use crate::net::connection::{Connection, ReadError};

/// The longest line of a reply. RFC 5321 §4.5.3.1.5 allows 512 octets, and some have more.
const MAX_LINE: usize = 2048;
/// Lines of one reply.
const MAX_LINES: usize = 100;
/// Characters kept of a reply's text.
const MAX_TEXT: usize = 1000;

/// A reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Reply {
    /// Of three digits, the first 2 to 5.
    pub(super) code: u16,
    /// Such as 5.1.1, of the class that the code has.
    pub(super) status: Option<Status>,
    /// Its lines, without codes.
    pub(super) lines: Vec<String>,
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoReply {
    /// The server closed the connection.
    #[error("the connection was closed")]
    Closed,
    /// It took too long.
    #[error("timed out")]
    TimedOut,
    /// What came is no reply.
    #[error("what came is no SMTP reply")]
    Rubbish,
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(std::io::Error),
}

impl Reply {
    /// The next reply, which must be whole within this time.
    pub(super) async fn read(connection: &mut Connection, limit: Duration) -> Result<Reply, NoReply> {
        let deadline = Instant::now() + limit;
        let (mut line, mut reply) = (Vec::new(), None::<Reply>);
        for _ in 0..MAX_LINES {
            let left = deadline.saturating_duration_since(Instant::now());
            connection.read_line(&mut line, MAX_LINE, left).await?;
            let (code, last, text) = parse(&line).ok_or(NoReply::Rubbish)?;
            let reply = reply.get_or_insert_with(|| Reply {
                code,
                status: None,
                lines: Vec::new(),
            });
            if code != reply.code {
                return Err(NoReply::Rubbish);
            }
            reply.add(text);
            if last {
                return Ok(reply.clone());
            }
        }
        Err(NoReply::Rubbish)
    }

    /// 2yz
    pub(super) fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    /// 5yz
    pub(super) fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// The service is closing, whatever was asked (RFC 5321 §3.8).
    pub(super) fn is_closing(&self) -> bool {
        self.code == 421
    }

    fn add(&mut self, text: &[u8]) {
        let (status, text) = split_status(text);
        let of_class = status.filter(|status| u16::from(status.class) == self.code / 100);
        self.status = self.status.or(of_class);
        let room = MAX_TEXT.saturating_sub(self.lines.iter().map(String::len).sum());
        if room > 0 {
            self.lines.push(clean(text, room));
        }
    }
}

/// One line, as it stands in logs and reports.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(status) = self.status {
            write!(f, " {status}")?;
        }
        for line in self.lines.iter().filter(|line| !line.is_empty()) {
            write!(f, " {line}")?;
        }
        Ok(())
    }
}

impl From<ReadError> for NoReply {
    fn from(error: ReadError) -> NoReply {
        match error {
            ReadError::Closed => NoReply::Closed,
            ReadError::TimedOut => NoReply::TimedOut,
            ReadError::LineTooLong => NoReply::Rubbish,
            ReadError::Io(error) => NoReply::Broken(error),
        }
    }
}

/// Code, whether the line is the last, text.
fn parse(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (digits, rest) = line.split_first_chunk::<3>()?;
    let [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9'] = digits else {
        return None;
    };
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest.split_first() {
        None => Some((code, true, rest)),
        Some((b' ', text)) => Some((code, true, text)),
        Some((b'-', text)) => Some((code, false, text)),
        Some(_) => None,
    }
}

/// An enhanced status code at the front, and what is behind it.
fn split_status(text: &[u8]) -> (Option<Status>, &[u8]) {
    let end = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    match std::str::from_utf8(word).ok().and_then(|word| word.parse().ok()) {
        Some(status) => (Some(status), rest.strip_prefix(b" ").unwrap_or(rest)),
        None => (None, text),
    }
}

/// At most so many octets of the text, nothing in it that could end a line, colour a terminal or hide.
fn clean(text: &[u8], room: usize) -> String {
    let mut cleaned = String::new();
    for character in String::from_utf8_lossy(text).chars() {
        let shown = match character {
            '\t' => ' ',
            hidden if hidden.is_control() || is_invisible(hidden) => '?',
            other => other,
        };
        if cleaned.len() + shown.len_utf8() > room {
            break;
        }
        cleaned.push(shown);
    }
    cleaned.truncate(cleaned.trim_end().len());
    cleaned
}

/// Characters that change the direction of others, separate lines, or have no width.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    async fn read(said: &[u8]) -> Result<Reply, NoReply> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut server = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut connection = Connection::plain(listener.accept().await.unwrap().0, None).unwrap();
        server.write_all(said).await.unwrap();
        server.shutdown().await.unwrap();
        Reply::read(&mut connection, Duration::from_secs(20)).await
    }

    #[tokio::test]
    async fn replies() {
        for (said, code, written) in [
            (&b"250 OK\r\n"[..], 250, "250 OK"),
            (b"220\r\n", 220, "220"),
            (b"250 2.1.0 Ok\n", 250, "250 2.1.0 Ok"),
            (
                b"550-5.1.1 no\r\n550-5.1.1\r\n550 5.1.1 such user\r\n",
                550,
                "550 5.1.1 no such user",
            ),
            (b"451 4.7.1\r\n", 451, "451 4.7.1"),
            (b"550 4.1.1 of another class\r\n", 550, "550 of another class"),
            (b"550 5.1.1.1 no status\r\n", 550, "550 5.1.1.1 no status"),
            (
                b"554 a\rb\0c\x1b[31m\xff\xe2\x80\xae\r\n",
                554,
                "554 a?b?c?[31m\u{fffd}?",
            ),
        ] {
            let reply = read(said).await.unwrap();
            assert_eq!((reply.code, &*reply.to_string()), (code, written));
        }
    }

    #[tokio::test]
    async fn what_is_no_reply() {
        for said in [
            &b"hello\r\n"[..],
            b"25\r\n",
            b"150 x\r\n",
            b"999 x\r\n",
            b"250x\r\n",
            b"250-a\r\n251 b\r\n",
            b"\r\n",
            &[b"250 ", &[b'x'; 3000][..], b"\r\n"].concat(),
            &b"250-x\r\n".repeat(1000),
        ] {
            assert!(matches!(read(said).await, Err(NoReply::Rubbish)), "{said:?}");
        }
        assert!(matches!(read(b"250-a\r\n").await, Err(NoReply::Closed)));
    }

    #[tokio::test]
    async fn the_text_is_bounded() {
        let said = [
            &b"550-"[..],
            &[b'x'; 2000],
            b"\r\n550-",
            &[b'y'; 2000],
            b"\r\n550 end\r\n",
        ]
        .concat();
        assert!(read(&said).await.unwrap().to_string().len() < MAX_TEXT + 20);
    }
}
