//! Against servers that say, octet for octet, what a test wants.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::net::tls::{SelfSigned, Tls};

const SOON: Duration = Duration::from_secs(20);

/// Takes one connection, reads a request up to `end`, and says `answer`; then what it was asked.
async fn server(end: &'static str, answer: &'static [u8]) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        serve(tcp, end, answer).await
    });
    (address, serving)
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, end: &str, answer: &[u8]) -> String {
    let mut asked = Vec::new();
    while !asked.ends_with(end.as_bytes()) {
        assert_ne!(stream.read_buf(&mut asked).await.unwrap(), 0, "the request ends early");
    }
    stream.write_all(answer).await.unwrap();
    stream.shutdown().await.unwrap();
    String::from_utf8(asked).unwrap()
}

fn client() -> Client {
    Client::new(&Roots::trusted(None).unwrap()).unwrap()
}

fn url(address: SocketAddr, path: &str) -> Url {
    Url::parse(&format!("http://{address}{path}")).unwrap()
}

#[tokio::test]
async fn a_document_is_fetched() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello";
    let (address, asked) = server("\r\n\r\n", answer).await;
    let url = url(address, "/a?b=c");
    let response = client()
        .send(Request::get(&url).accept("text/plain"), SOON, 5)
        .await
        .unwrap();
    assert_eq!((response.status, &*response.body), (200, &b"hello"[..]));
    assert_eq!(response.content_type.as_deref(), Some("text/plain; charset=utf-8"));
    let asked = asked.await.unwrap().to_lowercase();
    assert!(asked.starts_with("get /a?b=c http/1.1\r\n"), "{asked}");
    assert!(asked.contains(&format!("\r\nhost: {address}\r\n")), "{asked}");
    assert!(
        asked.contains("\r\naccept: text/plain\r\n") && !asked.contains("authorization"),
        "{asked}"
    );
}

#[tokio::test]
async fn a_form_is_posted_with_credentials() {
    let (address, asked) = server("token=a%2Bb", b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n").await;
    let url = url(address, "/introspect");
    let request = Request::post(&url, &[("token", "a+b")]).authorization(Some("Bearer x"));
    let response = client().send(request, SOON, 100).await.unwrap();
    assert_eq!(
        (response.status, response.content_type, response.body.len()),
        (401, None, 0)
    );
    let asked = asked.await.unwrap().to_lowercase();
    assert!(asked.starts_with("post /introspect http/1.1\r\n"), "{asked}");
    assert!(
        asked.contains("\r\nauthorization: bearer x\r\n") && asked.contains("\r\ncontent-length: 11\r\n"),
        "{asked}"
    );
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let answer = b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.test/\r\nContent-Length: 0\r\n\r\n";
    let (address, _) = server("\r\n\r\n", answer).await;
    let url = url(address, "/");
    assert_eq!(client().send(Request::get(&url), SOON, 100).await.unwrap().status, 302);
}

#[tokio::test]
async fn bodies_that_are_too_large_broken_or_no_http_are_refused() {
    let large = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n4\r\nfour\r\n0\r\n\r\n";
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour";
    for (answer, expected) in [
        (&large[..], "the answer is too large"),
        (&cut[..], "no HTTP"),
        (&b"220 mx.example.org ESMTP\r\n"[..], "no HTTP"),
        (&b""[..], "no HTTP"),
    ] {
        let (address, _) = server("\r\n\r\n", answer).await;
        let url = url(address, "/");
        let error = client().send(Request::get(&url), SOON, 7).await.unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[tokio::test]
async fn the_deadline_is_for_all_of_it() {
    // Takes connections, and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = url(listener.local_addr().unwrap(), "/");
    let sent = client().send(Request::get(&url), Duration::from_millis(50), 100).await;
    assert!(matches!(sent, Err(HttpError::TimedOut)));
}

#[tokio::test]
async fn nothing_leaves_the_machine_without_tls() {
    let url = Url::parse("http://id.example.org/").unwrap();
    let request = Request::get(&url).at(vec![SocketAddr::from(([127, 0, 0, 1], 9))]);
    assert!(matches!(client().send(request, SOON, 100).await, Err(HttpError::Plain)));
}

#[tokio::test]
async fn the_certificate_is_for_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("ca.pem");
    let made = SelfSigned::generate("id.example.org").unwrap();
    std::fs::write(&trusted, &made.certificate).unwrap();
    let trusting = Client::new(&Roots::trusted(Some(&trusted)).unwrap()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let tls = Tls::from_self_signed(&made).unwrap();
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            if let Ok((stream, _)) = tls.accept(tcp, SOON).await {
                serve(stream, "\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n").await;
            }
        }
    });
    let ask = async |client: &Client, host: &str| {
        let url = Url::parse(&format!("https://{host}/")).unwrap();
        client.send(Request::get(&url).at(vec![address]), SOON, 100).await
    };
    assert_eq!(ask(&trusting, "id.example.org").await.unwrap().status, 204);
    assert_eq!(ask(&trusting, "127.0.0.1").await.unwrap().status, 204);
    assert!(matches!(
        ask(&trusting, "other.example.org").await,
        Err(HttpError::Tls(_))
    ));
    assert!(matches!(ask(&client(), "id.example.org").await, Err(HttpError::Tls(_))));
    serving.abort();
    std::fs::write(&trusted, "none").unwrap();
    assert!(Roots::trusted(Some(&trusted)).is_err() && Roots::trusted(Some(&folder.path().join("no"))).is_err());
}
