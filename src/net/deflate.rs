//! Compression of a connection in both directions (RFC 1951, as RFC 4978 uses it: raw, without header or checksum).
//!
//! All that is written leaves at once and can be read at once: each write ends with a sync flush, which also brings the
//! stream to the boundary of an octet. From there it may go on with any block that refers to nothing before it; so a
//! connection that has little to say gives its compressor back, 320 KB, and tells that little in stored blocks. What remains
//! is the window of the other direction, some 40 KB, to which the peer's compressor may refer at any time.
//!
//! No read makes more than one piece of plain text, whatever it was compressed to.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::stream::{PIECE, Stream};

/// Up to here no compressor is made for a write: the five octets of a stored block are less than it could save.
const LITTLE: usize = 256;

/// The two ends of a compressed connection.
pub(super) struct Deflate {
    /// `None` until there is much to say.
    compress: Option<Compress>,
    decompress: Decompress,
    /// What has arrived and is not decompressed yet.
    input: BytesMut,
    /// The last piece was full: there may be more of it without any further input.
    more: bool,
}

impl Deflate {
    /// From here on. `input` has arrived already, compressed.
    pub(super) fn new(input: BytesMut) -> Deflate {
        Deflate {
            compress: None,
            decompress: Decompress::new(false),
            input,
            more: false,
        }
    }

    /// As [`Stream::poll_read`]: appends plain text to `buffer`; 0 at the end.
    pub(super) fn poll_read(
        &mut self,
        stream: &mut Stream,
        buffer: &mut BytesMut,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.more || !self.input.is_empty() {
                match self.inflate(buffer)? {
                    Inflated::Octets(0) => {}
                    Inflated::Octets(count) => return Poll::Ready(Ok(count)),
                    Inflated::End => return Poll::Ready(Ok(0)),
                }
            }
            let arrived = stream.poll_read(&mut self.input, cx);
            if arrived.is_pending() && buffer.is_empty() && buffer.capacity() > 0 {
                *buffer = BytesMut::new();
            }
            if ready!(arrived)? == 0 {
                return Poll::Ready(Ok(0));
            }
        }
    }

    /// One piece at most. Takes in all input before it makes nothing.
    fn inflate(&mut self, buffer: &mut BytesMut) -> io::Result<Inflated> {
        let mut piece = [0; PIECE];
        let (taken, made) = (self.decompress.total_in(), self.decompress.total_out());
        let status = self
            .decompress
            .decompress(&self.input, &mut piece, FlushDecompress::Sync)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not compressed as agreed"))?;
        let taken = (self.decompress.total_in() - taken) as usize;
        let made = (self.decompress.total_out() - made) as usize;
        self.input.advance(taken.min(self.input.len()));
        self.more = made == PIECE;
        buffer.extend_from_slice(piece.get(..made).unwrap_or_default());
        match status {
            Status::StreamEnd if made == 0 => Ok(Inflated::End),
            _ if taken == 0 && made == 0 && !self.input.is_empty() => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a compressed stream that does not go on",
            )),
            _ => Ok(Inflated::Octets(made)),
        }
    }

    /// The octets that say this, to the last one.
    pub(super) fn deflate(&mut self, bytes: &[u8]) -> Vec<u8> {
        match &mut self.compress {
            None if bytes.len() <= LITTLE => stored(bytes),
            compress => {
                let compress = compress.get_or_insert_with(|| Compress::new(Compression::fast(), false));
                compressed(compress, bytes)
            }
        }
    }

    /// What has arrived behind the end of the compressed stream.
    pub(super) fn into_rest(self) -> BytesMut {
        self.input
    }

    /// Gives back what only a busy connection needs.
    pub(super) fn rest(&mut self) {
        self.compress = None;
    }
}

/// What came out of a read.
enum Inflated {
    Octets(usize),
    /// The peer has ended its stream.
    End,
}

/// A block that holds the bytes as they are (RFC 1951 §3.2.4), not the last one of the stream.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len() as u16;
    let mut block = vec![0];
    block.extend_from_slice(&length.to_le_bytes());
    block.extend_from_slice(&(!length).to_le_bytes());
    block.extend_from_slice(bytes);
    block
}

/// Compressed, with a sync flush behind it.
fn compressed(compress: &mut Compress, bytes: &[u8]) -> Vec<u8> {
    let mut block = Vec::with_capacity(bytes.len() / 2 + 64);
    let mut rest = bytes;
    loop {
        let before = compress.total_in();
        // In memory, and with nothing that could be wrong, this cannot fail.
        let _ = compress.compress_vec(rest, &mut block, FlushCompress::Sync);
        rest = rest.get((compress.total_in() - before) as usize..).unwrap_or_default();
        // Room left over means that all has come out.
        if rest.is_empty() && block.len() < block.capacity() {
            return block;
        }
        block.reserve(PIECE);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::net::connection::{Connection, ReadError};

    const SOON: Duration = Duration::from_secs(20);

    /// A client, and the server's compressed connection.
    async fn pair() -> (TcpStream, Connection) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let mut connection = Connection::plain(server, None).unwrap();
        connection.compress(true);
        (client, connection)
    }

    fn client_says(bytes: &[u8]) -> Vec<u8> {
        compressed(&mut Compress::new(Compression::best(), false), bytes)
    }

    #[tokio::test]
    async fn a_line_cut_anywhere_is_read_as_soon_as_it_is_whole() {
        let (mut client, mut connection) = pair().await;
        let mut compress = Compress::new(Compression::default(), false);
        let mut line = Vec::new();
        for text in ["1 NOOP", "2 NOOP", "3 UID FETCH 1:* (FLAGS)"] {
            for octet in compressed(&mut compress, format!("{text}\r\n").as_bytes()) {
                client.write_all(&[octet]).await.unwrap();
            }
            connection.read_line(&mut line, 100, SOON).await.unwrap();
            assert_eq!(line, text.as_bytes());
        }
        drop(client);
        assert!(matches!(
            connection.read_line(&mut line, 100, SOON).await,
            Err(ReadError::Closed)
        ));
    }

    #[tokio::test]
    async fn a_bomb_is_read_piece_by_piece() {
        let (mut client, mut connection) = pair().await;
        let bomb = client_says(&vec![b'x'; 30 << 20]);
        assert!(bomb.len() < 50_000);
        client.write_all(&bomb).await.unwrap();
        let mut seen = 0;
        while seen < 30 << 20 {
            let count = connection.fill(SOON).await.unwrap().len();
            assert!(count <= PIECE);
            connection.consume(count);
            seen += count;
        }
    }

    #[tokio::test]
    async fn what_is_not_compressed_ends_the_connection() {
        let (mut client, mut connection) = pair().await;
        client.write_all(b"1 NOOP\r\n\xff\xff\xff\xff").await.unwrap();
        let mut line = Vec::new();
        let read = connection.read_line(&mut line, 100, SOON).await;
        assert!(matches!(read, Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::InvalidData));
    }

    #[tokio::test]
    async fn what_was_pipelined_is_compressed_already() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut connection = Connection::plain(listener.accept().await.unwrap().0, None).unwrap();
        client.write_all(b"1 COMPRESS DEFLATE\r\n").await.unwrap();
        client.write_all(&client_says(b"2 NOOP\r\n")).await.unwrap();
        let mut line = Vec::new();
        connection.read_line(&mut line, 100, SOON).await.unwrap();
        connection.compress(true);
        connection.read_line(&mut line, 100, SOON).await.unwrap();
        assert_eq!(line, b"2 NOOP");
    }

    #[tokio::test]
    async fn each_write_can_be_read_before_the_next_one() {
        let (mut client, mut connection) = pair().await;
        let mut decompress = Decompress::new(false);
        let mut received = Vec::new();
        let long = "* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n".repeat(3000);
        for (text, rest) in [
            ("* OK\r\n", false),
            (&long, false),
            ("* 2 EXISTS\r\n", true),
            (&long, true),
        ] {
            connection.write(text.as_bytes(), SOON).await.unwrap();
            if rest {
                connection.rest();
            }
            let mut read = Vec::with_capacity(text.len());
            while read.len() < text.len() {
                received.extend_from_slice(&[0; 1]);
                let at = received.len() - 1;
                client.read_exact(&mut received[at..]).await.unwrap();
                let taken = decompress.total_in();
                decompress
                    .decompress_vec(&received, &mut read, FlushDecompress::Sync)
                    .unwrap();
                received.drain(..(decompress.total_in() - taken) as usize);
            }
            assert_eq!(read, text.as_bytes());
        }
        assert!(decompress.total_in() < decompress.total_out() / 20);
    }

    proptest! {
        #[test]
        fn whatever_is_written_comes_out(
            writes in prop::collection::vec((prop::collection::vec(0u8..4, 0..3000), any::<bool>()), 0..12),
        ) {
            let mut ours = Deflate::new(BytesMut::new());
            let mut theirs = Deflate::new(BytesMut::new());
            for (bytes, rest) in writes {
                theirs.input.extend_from_slice(&ours.deflate(&bytes));
                if rest {
                    ours.rest();
                }
                let mut read = BytesMut::new();
                while theirs.more || !theirs.input.is_empty() {
                    theirs.inflate(&mut read).unwrap();
                }
                prop_assert_eq!(&read[..], &bytes[..]);
            }
        }
    }
}
