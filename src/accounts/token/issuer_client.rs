//! Asking the issuer: one who is slow, or says too much, fails.

use std::time::Duration;

use crate::net::http::{Client, HttpError, Request, UrlError};

/// The largest document that is taken.
const MAX_DOCUMENT: usize = 256 * 1024;

/// Asks one issuer.
pub(super) struct IssuerClient {
    http: Client,
    time: Duration,
}

/// Why the issuer has told nothing that can be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("the issuer answers with status {0}")]
    Status(u16),
    #[error("the issuer's answer is no {0}")]
    Content(&'static str),
    #[error("the issuer names an address that is none")]
    Url(#[from] UrlError),
    #[error("too many tokens are asked about")]
    TooBusy,
}

impl IssuerClient {
    /// Each answer may take so long.
    pub(super) fn new(http: Client, time: Duration) -> IssuerClient {
        IssuerClient { http, time }
    }

    /// The document that is asked for.
    pub(super) async fn ask(&self, request: Request<'_>) -> Result<Vec<u8>, AskError> {
        let request = request.accept("application/json");
        let response = self.http.send(request, self.time, MAX_DOCUMENT).await?;
        match response.status {
            200 => Ok(response.body),
            other => Err(AskError::Status(other)),
        }
    }

    /// How long an answer may take.
    pub(super) fn time(&self) -> Duration {
        self.time
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::HashMap;
    use std::net::SocketAddr;
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::task::JoinHandle;

    use super::*;
    use crate::net::http::Url;
    use crate::net::roots::Roots;

    pub(crate) fn client() -> IssuerClient {
        IssuerClient::new(
            Client::new(&Roots::trusted(None).unwrap()).unwrap(),
            Duration::from_secs(20),
        )
    }

    /// An issuer on loopback that says what it is told to, and counts.
    pub(crate) struct Issuer {
        address: SocketAddr,
        pages: Arc<Mutex<HashMap<String, Page>>>,
        serving: JoinHandle<()>,
    }

    #[derive(Default, Clone)]
    struct Page {
        answer: Option<(u16, String)>,
        asked: usize,
        last: String,
    }

    impl Issuer {
        pub(crate) async fn start() -> Issuer {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let pages: Arc<Mutex<HashMap<String, Page>>> = Arc::default();
            let served = pages.clone();
            let serving = tokio::spawn(async move {
                loop {
                    let (mut tcp, _) = listener.accept().await.unwrap();
                    let request = read(&mut tcp).await;
                    let path = request.split(' ').nth(1).unwrap().to_owned();
                    let (status, body) = {
                        let mut pages = served.lock().unwrap();
                        let page = pages.entry(path).or_default();
                        page.asked += 1;
                        page.last = request;
                        page.answer.clone().unwrap_or((404, String::new()))
                    };
                    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len());
                    tcp.write_all((head + &body).as_bytes()).await.unwrap();
                }
            });
            Issuer {
                address,
                pages,
                serving,
            }
        }

        pub(crate) fn url(&self, path: &str) -> Url {
            Url::parse(&format!("http://{}{path}", self.address)).unwrap()
        }

        /// From now on at this path.
        pub(crate) fn says(&self, path: &str, status: u16, body: &str) {
            let mut pages = self.pages.lock().unwrap();
            pages.entry(path.to_owned()).or_default().answer = Some((status, body.to_owned()));
        }

        /// How often it was asked there.
        pub(crate) fn asked(&self, path: &str) -> usize {
            self.pages.lock().unwrap().get(path).map_or(0, |page| page.asked)
        }

        /// The last request there, head and body.
        pub(crate) fn last(&self, path: &str) -> String {
            self.pages.lock().unwrap()[path].last.clone()
        }
    }

    impl Drop for Issuer {
        fn drop(&mut self) {
            self.serving.abort();
        }
    }

    /// A request with its body.
    async fn read(tcp: &mut tokio::net::TcpStream) -> String {
        let mut request = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&request).to_lowercase();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .split("content-length: ")
                    .nth(1)
                    .and_then(|rest| rest.lines().next());
                if length.is_none_or(|length| body.len() == length.parse::<usize>().unwrap()) {
                    return String::from_utf8(request).unwrap();
                }
            }
            assert_ne!(tcp.read_buf(&mut request).await.unwrap(), 0);
        }
    }
}
