//! A filter that speaks the milter protocol and says what a test wants: also nothing, or rubbish.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio_util::task::AbortOnDropHandle;

/// What a filter does when it has heard a packet.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    /// Sends these octets.
    Octets(Vec<u8>),
    /// Says nothing, and reads no more until the other side goes.
    Hang,
    /// Ends the connection.
    Drop,
}

/// What a filter says to a packet of this kind, with these contents.
type Script = Box<dyn Fn(char, &[u8]) -> Say + Send>;

/// A running filter; it ends when it is dropped.
pub(crate) struct Filter {
    address: SocketAddr,
    shared: Arc<Shared>,
    _serving: AbortOnDropHandle<()>,
}

struct Shared {
    script: Mutex<Script>,
    heard: Mutex<Vec<(char, Vec<u8>)>>,
}

impl Filter {
    /// One that lets everything pass.
    pub(crate) async fn start() -> anyhow::Result<Filter> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Shared::new();
        let serving = shared.clone();
        let serve = async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(tcp));
            }
        };
        Ok(Filter {
            address,
            shared,
            _serving: AbortOnDropHandle::new(tokio::spawn(serve)),
        })
    }

    /// The same on a Unix socket.
    pub(crate) async fn start_unix(path: &Path) -> anyhow::Result<Filter> {
        let listener = UnixListener::bind(path)?;
        let shared = Shared::new();
        let serving = shared.clone();
        let serve = async move {
            while let Ok((unix, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(unix));
            }
        };
        Ok(Filter {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            shared,
            _serving: AbortOnDropHandle::new(tokio::spawn(serve)),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it says this. What it has heard is forgotten.
    pub(crate) fn script(&self, script: impl Fn(char, &[u8]) -> Say + Send + 'static) {
        *self.shared.script.lock().unwrap() = Box::new(script);
        self.shared.heard.lock().unwrap().clear();
    }

    /// From now on it says this to packets of this kind, and lets pass everything else.
    pub(crate) fn says(&self, to: char, say: Say) {
        self.script(move |kind, packet| match kind == to {
            true => say.clone(),
            false => usual(kind, packet),
        });
    }

    /// All packets that it has heard.
    pub(crate) fn heard(&self) -> Vec<(char, Vec<u8>)> {
        self.shared.heard.lock().unwrap().clone()
    }

    /// The kinds of all packets that it has heard, without macros.
    pub(crate) fn kinds(&self) -> String {
        self.heard()
            .iter()
            .map(|(kind, _)| *kind)
            .filter(|kind| *kind != 'D')
            .collect()
    }
}

impl Shared {
    fn new() -> Arc<Shared> {
        Arc::new(Shared {
            script: Mutex::new(Box::new(usual)),
            heard: Mutex::default(),
        })
    }

    async fn serve(self: Arc<Shared>, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        while let Ok(length @ 1..) = stream.read_u32().await {
            let mut packet = vec![0; length as usize];
            if stream.read_exact(&mut packet).await.is_err() {
                return;
            }
            let kind = char::from(packet.remove(0));
            self.heard.lock().unwrap().push((kind, packet.clone()));
            let say = self.script.lock().unwrap()(kind, &packet);
            match say {
                Say::Octets(octets) => {
                    if stream.write_all(&octets).await.is_err() {
                        return;
                    }
                }
                Say::Hang => {
                    let mut rest = Vec::new();
                    let _ = stream.read_to_end(&mut rest).await;
                    return;
                }
                Say::Drop => return,
            }
        }
    }
}

/// Lets everything pass, and may do everything.
pub(crate) fn usual(kind: char, _packet: &[u8]) -> Say {
    match kind {
        'O' => options(0xff, 0),
        'D' | 'Q' => Say::Octets(Vec::new()),
        _ => packet('c', b""),
    }
}

/// What it may do, and which steps it does not want or does not answer.
pub(crate) fn options(actions: u32, steps: u32) -> Say {
    packet('O', &[6, actions, steps].map(u32::to_be_bytes).concat())
}

/// One packet.
pub(crate) fn packet(kind: char, contents: &[u8]) -> Say {
    packets(&[(kind, contents)])
}

/// Several packets.
pub(crate) fn packets(all: &[(char, &[u8])]) -> Say {
    let mut octets = Vec::new();
    for (kind, contents) in all {
        octets.extend_from_slice(&(contents.len() as u32 + 1).to_be_bytes());
        octets.push(*kind as u8);
        octets.extend_from_slice(contents);
    }
    Say::Octets(octets)
}
