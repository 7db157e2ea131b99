//! An HTTPS server with a certificate of its own that gives everybody the same answer, and remembers what it was asked.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use posthaste::net::connection::Connection;
use posthaste::net::tls::{SelfSigned, Tls};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

const SOON: Duration = Duration::from_secs(20);

/// A running server; it ends when it is dropped.
pub(crate) struct HttpsHost {
    address: SocketAddr,
    answer: Arc<Mutex<String>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    _serving: AbortOnDropHandle<()>,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Request line and fields.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl HttpsHost {
    /// With a certificate for this name, which is written to a file as an authority to be trusted.
    pub(crate) async fn start(name: &str, authority: &Path) -> anyhow::Result<HttpsHost> {
        let made = SelfSigned::generate(name)?;
        std::fs::write(authority, &made.certificate)?;
        let tls = Tls::from_self_signed(&made)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let answer = Arc::new(Mutex::new(answer("200 OK", "")));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let serving = {
            let (answer, asked) = (answer.clone(), asked.clone());
            tokio::spawn(async move {
                while let Ok((tcp, _)) = listener.accept().await {
                    let Ok(connection) = Connection::accept_tls(tcp, &tls, SOON).await else {
                        continue;
                    };
                    let answer = answer.lock().unwrap().clone();
                    let _ = serve(connection, &answer, &asked).await;
                }
            })
        };
        Ok(HttpsHost {
            address,
            answer,
            asked,
            _serving: AbortOnDropHandle::new(serving),
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// What it says from now on.
    pub(crate) fn answer(&self, status: &str, text: &str) {
        *self.answer.lock().unwrap() = answer(status, text);
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(status: &str, text: &str) -> String {
    let length = text.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{text}")
}

/// What was asked is remembered by the time it is answered.
async fn serve(mut connection: Connection, answer: &str, asked: &Mutex<Vec<Asked>>) -> Option<()> {
    let mut read = Vec::new();
    let end = loop {
        let piece = connection.fill(SOON).await.ok()?.to_vec();
        connection.consume(piece.len());
        read.extend(piece);
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    while read.len() < end + length.unwrap_or(0) {
        let piece = connection.fill(SOON).await.ok()?.to_vec();
        connection.consume(piece.len());
        read.extend(piece);
    }
    asked.lock().unwrap().push(Asked {
        head,
        body: read.split_off(end),
    });
    connection.write(answer.as_bytes(), SOON).await.ok()?;
    connection.close().await;
    Some(())
}
