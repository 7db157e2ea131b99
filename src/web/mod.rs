//! What others fetch from this server by HTTPS: the MTA-STS policy of our domains (RFC 8461 §3.3), and nothing else.
//!
//! One request on one connection (RFC 9110, RFC 9112), read within fixed bounds; the answer closes it. Whose policy is
//! wanted says the Host field, which must be `mta-sts.` in front of a domain of ours.

pub mod policy;
mod request;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::accounts::{Accounts, Resolution};
use crate::config::MtaSts;
use crate::mail::address::Address;
use crate::net::connection::Connection;

use request::{Bad, Method, Request};

/// Connections at the same time.
pub const MAX_CONNECTIONS: usize = 100;
/// How long a client may take for its request, and to take the answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Where a policy is (RFC 8461 §3.2).
const POLICY_PATH: &str = "/.well-known/mta-sts.txt";
/// The label in front of a domain whose policy it is.
const POLICY_HOST: &str = "mta-sts.";

/// What all connections share.
pub struct Web {
    /// Whose domains are ours.
    pub accounts: Accounts,
    /// What our policy is.
    pub settings: MtaSts,
    /// The host that our policy names if the settings name none.
    pub hostname: String,
}

/// An answer: status line, what else stands in its head, body.
struct Answer {
    status: &'static str,
    fields: &'static str,
    body: String,
}

impl Answer {
    fn empty(status: &'static str) -> Answer {
        Answer {
            status,
            fields: "",
            body: String::new(),
        }
    }
}

/// Answers one request, unless `shutdown` is cancelled before it has come.
pub async fn serve(web: Arc<Web>, mut connection: Connection, shutdown: CancellationToken) {
    let read = tokio::time::timeout(TIMEOUT, Request::read(&mut connection, TIMEOUT));
    let (method, answer) = match shutdown.run_until_cancelled(read).await {
        Some(Ok(Ok(request))) => (request.method, web.answer(&request).await),
        Some(Ok(Err(Bad::Request))) => (Method::Get, Answer::empty("400 Bad Request")),
        Some(Ok(Err(Bad::TooLarge))) => (Method::Get, Answer::empty("431 Request Header Fields Too Large")),
        Some(Ok(Err(Bad::Gone)) | Err(_)) | None => return connection.close().await,
    };
    tracing::debug!(peer = %connection.peer(), status = answer.status, "answered");
    let Answer { status, fields, body } = answer;
    let mut text = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{fields}\r\n",
        body.len()
    );
    if method != Method::Head {
        text.push_str(&body);
    }
    let _ = connection.write(text.as_bytes(), TIMEOUT).await;
    connection.close().await;
}

impl Web {
    async fn answer(&self, request: &Request) -> Answer {
        if request.method == Method::Other {
            return Answer {
                fields: "Allow: GET, HEAD\r\n",
                ..Answer::empty("405 Method Not Allowed")
            };
        }
        if request.path != POLICY_PATH || !self.is_policy_host(&request.host).await {
            return Answer::empty("404 Not Found");
        }
        Answer {
            status: "200 OK",
            fields: "Content-Type: text/plain; charset=utf-8\r\n",
            body: policy::text(&self.settings, &self.hostname),
        }
    }

    async fn is_policy_host(&self, host: &str) -> bool {
        let domain = host.strip_prefix(POLICY_HOST);
        let address = domain.and_then(|domain| Address::new("postmaster", domain).ok());
        match address {
            Some(address) => matches!(
                self.accounts.resolve(&address).await,
                Ok(Resolution::Local(_) | Resolution::UnknownUser)
            ),
            None => false,
        }
    }
}
