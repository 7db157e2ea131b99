//! What a session says: responses are written into one buffer and leave in large pieces.

use super::dialect::Dialect;
use crate::mail::utf7;
use crate::net::connection::Connection;
use std::io;
use std::time::Duration;

/// The output side of a session. Commands write lines here; the session flushes before it waits for the client.
pub(crate) struct Output {
    buffer: Vec<u8>,
    /// Which IMAP is said: quoted strings may hold UTF-8 or not (RFC 6855 §3, RFC 9051 §4.3).
    dialect: Dialect,
}

impl Output {
    /// Past this many bytes [`Output::relieve`] sends.
    pub(crate) const FULL: usize = 64 * 1024;

    /// Room kept for the next answer while the client is silent.
    const KEPT: usize = 1024;

    /// Empty.
    pub(crate) fn new() -> Output {
        Output {
            buffer: Vec::new(),
            dialect: Dialect::default(),
        }
    }

    /// What is said from now on.
    pub(crate) fn speak(&mut self, dialect: Dialect) {
        self.dialect = dialect;
    }

    /// What is said.
    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// What was written and not sent.
    #[cfg(test)]
    pub(crate) fn written(&self) -> &[u8] {
        &self.buffer
    }

    /// One whole line; adds the CRLF. The text must hold no CR or LF: everything a client or a message could have chosen goes
    /// through [`Output::string`] and its siblings instead.
    pub(crate) fn line(&mut self, text: std::fmt::Arguments<'_>) {
        use std::io::Write;
        let _ = self.buffer.write_fmt(text);
        self.buffer.extend_from_slice(b"\r\n");
    }

    /// Bytes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Formatted text as it is, without line end.
    pub(crate) fn text(&mut self, text: std::fmt::Arguments<'_>) {
        use std::io::Write;
        let _ = self.buffer.write_fmt(text);
    }

    /// A string: quoted when it may be, else a literal (RFC 9051 §4.3).
    pub(crate) fn string(&mut self, bytes: &[u8]) {
        let quotable = bytes.len() <= 1024
            && match self.dialect.is_utf8() {
                true => std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(char::is_control)),
                false => bytes.iter().all(|b| matches!(b, 0x20..=0x7e)),
            };
        if quotable {
            self.buffer.push(b'"');
            for &byte in bytes {
                if byte == b'"' || byte == b'\\' {
                    self.buffer.push(b'\\');
                }
                self.buffer.push(byte);
            }
            self.buffer.push(b'"');
        } else {
            self.text(format_args!("{{{}}}\r\n", bytes.len()));
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// An `astring`: an atom when it may be, else a string. For what clients expect to see as it is.
    pub(crate) fn astring(&mut self, bytes: &[u8]) {
        let is_atom = |byte: &u8| byte.is_ascii_graphic() && !b"(){%*\"\\".contains(byte);
        match !bytes.is_empty() && bytes.iter().all(is_atom) {
            true => self.raw(bytes),
            false => self.string(bytes),
        }
    }

    /// A mailbox name, or what stands in its place, in modified UTF-7 (RFC 3501 §5.1.3), or as it is to a client that speaks
    /// UTF-8. It holds no control characters, so it is quoted.
    pub(crate) fn mailbox(&mut self, name: &str) {
        match self.dialect.is_utf8() {
            true => self.string(name.as_bytes()),
            false => self.string(utf7::encode(name).as_bytes()),
        }
    }

    /// A string, or NIL.
    pub(crate) fn nstring(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.string(bytes),
            None => self.buffer.extend_from_slice(b"NIL"),
        }
    }

    /// Sends what there is when it is much, so that a long answer neither piles up in memory nor waits for its end.
    pub(crate) async fn relieve(&mut self, connection: &mut Connection, timeout: Duration) -> io::Result<()> {
        if self.buffer.len() >= Output::FULL {
            connection.write(&self.buffer, timeout).await?;
            self.buffer.clear();
            self.buffer.shrink_to(2 * Output::FULL);
        }
        Ok(())
    }

    /// Sends what there is, and gives the room back that a long answer took: the client may idle for hours now.
    pub(crate) async fn flush(&mut self, connection: &mut Connection, timeout: Duration) -> io::Result<()> {
        if !self.buffer.is_empty() {
            connection.write(&self.buffer, timeout).await?;
            self.buffer.clear();
            self.buffer.shrink_to(Output::KEPT);
        }
        Ok(())
    }
}
