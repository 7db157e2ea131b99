//! Teaching a filter: what it is shown when messages are moved into Junk and out of it, and that nobody waits for it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use posthaste::config::{Size, Training};
use posthaste::net::http::Url;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::server::TestServer;

const MESSAGE: &str = "From: a@client.test\r\nSubject: hello\r\n\r\nbody\r\n";

/// What a controller was asked.
#[derive(Debug, PartialEq)]
struct Asked {
    path: String,
    password: String,
    user: String,
    message: String,
}

/// A controller on loopback that learns nothing.
struct Controller {
    url: Url,
    asked: mpsc::Receiver<Asked>,
    serving: JoinHandle<()>,
}

impl Controller {
    /// One that answers with these statuses, and with 200 from then on.
    async fn start(statuses: &[u16]) -> anyhow::Result<Controller> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = Url::parse(&format!("http://{}/", listener.local_addr()?))?;
        let (told, asked) = mpsc::channel(16);
        let statuses = Arc::new(Mutex::new(VecDeque::from(statuses.to_vec())));
        let serving = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (told, statuses) = (told.clone(), statuses.clone());
                let answer = service_fn(move |request| answer(request, told.clone(), statuses.clone()));
                let http = hyper::server::conn::http1::Builder::new();
                let _ = http.serve_connection(TokioIo::new(tcp), answer).await;
            }
        });
        Ok(Controller { url, asked, serving })
    }

    /// A server that teaches it.
    async fn pupil(&self) -> anyhow::Result<TestServer> {
        let training = Training {
            url: Some(self.url.clone()),
            password: Some("secret".to_owned().into()),
            max_message_size: Size::kibibytes(1),
            ..Training::default()
        };
        TestServer::with(|config| config.training = training).await
    }

    /// The path of the next question, whose other parts must be right.
    async fn next(&mut self) -> anyhow::Result<String> {
        let asked = self.asked.recv().await.context("the controller is gone")?;
        assert_eq!((&*asked.password, &*asked.user), ("secret", "alice@example.org"));
        assert!(asked.message.ends_with(MESSAGE), "{}", asked.message);
        Ok(asked.path)
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(
    request: Request<Incoming>,
    told: mpsc::Sender<Asked>,
    statuses: Arc<Mutex<VecDeque<u16>>>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let field = |name| request.headers().get(name).map_or("", |value| value.to_str().unwrap());
    let (password, user) = (field("password").to_owned(), field("deliver-to").to_owned());
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let mut response = Response::new(Empty::new());
    let status = statuses.lock().unwrap().pop_front().unwrap_or(200);
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap();
    let asked = Asked {
        path,
        password,
        user,
        message: String::from_utf8(body.to_vec()).unwrap(),
    };
    let _ = told.send(asked).await;
    Ok(response)
}

#[tokio::test]
async fn what_is_moved_into_junk_is_spam_and_out_of_it_ham() -> anyhow::Result<()> {
    let mut controller = Controller::start(&[]).await?;
    let server = controller.pupil().await?;
    let mut imap = server.select("alice", "INBOX").await?;
    for _ in 0..4 {
        imap.append("INBOX", "", MESSAGE.as_bytes()).await?;
    }
    imap.ok("NOOP").await?;
    imap.ok("MOVE 1:2 Junk").await?;
    assert_eq!(controller.next().await?, "/learnspam");
    assert_eq!(controller.next().await?, "/learnspam");
    imap.ok("COPY 1 Archive").await?;
    imap.ok("COPY 1 Junk").await?;
    assert_eq!(
        controller.next().await?,
        "/learnspam",
        "nothing was to be learnt of Archive"
    );
    imap.ok("SELECT Junk").await?;
    imap.ok("MOVE 1 Trash").await?;
    imap.ok("UID MOVE 2 INBOX").await?;
    assert_eq!(
        controller.next().await?,
        "/learnham",
        "nothing was to be learnt of Trash"
    );
    Ok(())
}

#[tokio::test]
async fn a_controller_in_trouble_is_asked_again_and_one_that_refuses_is_not() -> anyhow::Result<()> {
    let mut controller = Controller::start(&[503, 200, 403]).await?;
    let server = controller.pupil().await?;
    let mut imap = server.select("alice", "INBOX").await?;
    let large = format!("Subject: large\r\n\r\n{}\r\n", "x".repeat(2000));
    for message in [MESSAGE, &large, MESSAGE, MESSAGE] {
        imap.append("INBOX", "", message.as_bytes()).await?;
    }
    imap.ok("NOOP").await?;
    imap.ok("MOVE 1 Junk").await?;
    assert_eq!(controller.next().await?, "/learnspam");
    assert_eq!(controller.next().await?, "/learnspam", "again");
    // What is too large is not shown, what was refused not again.
    imap.ok("MOVE 1:2 Junk").await?;
    assert_eq!(controller.next().await?, "/learnspam");
    imap.ok("MOVE 1 Junk").await?;
    assert_eq!(controller.next().await?, "/learnspam");
    imap.ok("SELECT Junk").await?;
    imap.ok("MOVE 1 INBOX").await?;
    assert_eq!(controller.next().await?, "/learnham");
    Ok(())
}

#[tokio::test]
async fn a_controller_that_says_nothing_keeps_nobody_waiting() -> anyhow::Result<()> {
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let mut server = TestServer::with(|config| {
        config.training.url = Url::parse(&format!("http://{}", silent.local_addr().unwrap())).ok();
    })
    .await?;
    let mut imap = server.select("alice", "INBOX").await?;
    imap.append("INBOX", "", MESSAGE.as_bytes()).await?;
    imap.ok("NOOP").await?;
    for _ in 0..3 {
        imap.ok("COPY 1 Junk").await?;
    }
    let _asking = silent.accept().await?;
    imap.ok("COPY 1 Junk").await?;
    // Nor the end of the server.
    server.stop().await;
    Ok(())
}
