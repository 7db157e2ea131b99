//! A filter that speaks the milter protocol: answers as a test tells it, and remembers what it was shown.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// A command or an answer, and its data.
type Packet = (u8, Vec<u8>);

/// What a filter says to a command.
type Answers = fn(u8) -> Vec<Packet>;

/// A running filter; it ends when it is dropped.
pub(crate) struct FakeFilter {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Packet>>>,
    _serving: AbortOnDropHandle<()>,
}

impl FakeFilter {
    /// One that says this to each command; the negotiation is done for it. `options` is what it wants not to be sent.
    pub(crate) async fn start(options: u32, answers: Answers) -> anyhow::Result<FakeFilter> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let seen = Arc::<Mutex<Vec<Packet>>>::default();
        let remembered = Arc::clone(&seen);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = converse(stream, options, answers, &remembered).await;
            }
        });
        Ok(FakeFilter {
            address,
            seen,
            _serving: AbortOnDropHandle::new(serving),
        })
    }

    /// As the settings name it.
    pub(crate) fn setting(&self) -> String {
        format!("inet:{}", self.address)
    }

    /// What came with a command, in order, with NUL as `|`.
    pub(crate) fn seen(&self, command: u8) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let texts = seen.iter().filter(|(known, _)| *known == command);
        texts
            .map(|(_, data)| String::from_utf8_lossy(data).replace('\0', "|"))
            .collect()
    }
}

async fn converse(
    mut stream: TcpStream,
    options: u32,
    answers: Answers,
    seen: &Mutex<Vec<Packet>>,
) -> std::io::Result<()> {
    loop {
        let length = stream.read_u32().await? as usize;
        let mut data = vec![0; length];
        stream.read_exact(&mut data).await?;
        let command = data.remove(0);
        seen.lock().unwrap().push((command, data));
        let answers = match command {
            b'O' => vec![(b'O', [6u32, 0x33, options].map(u32::to_be_bytes).concat())],
            b'D' => Vec::new(),
            b'Q' => return Ok(()),
            other => answers(other),
        };
        for (command, data) in answers {
            stream.write_u32(data.len() as u32 + 1).await?;
            stream.write_u8(command).await?;
            stream.write_all(&data).await?;
        }
    }
}
