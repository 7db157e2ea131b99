//! A small HTTPS client (RFC 9110, RFC 9112): one request on one connection, for the few documents that a mail server asks
//! others for.
//!
//! Invariants: one deadline for all of it, the lookup of the host included; a body is never larger than asked for; no
//! redirect is followed; the certificate is always checked for the host of the URL; without TLS nothing goes farther
//! than this machine, but for what a network of one's own is trusted with.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::roots::{Roots, RootsError};

pub use url::{Url, UrlError, encoded};

mod url;

/// The head of a response, status line and all fields.
const MAX_HEAD: usize = 64 * 1024;

/// What this server calls itself.
const USER_AGENT: &str = concat!("posthaste/", env!("CARGO_PKG_VERSION"));

/// Who asks, and whose certificates it trusts. Cheap to clone.
#[derive(Clone)]
pub struct Client(Arc<ClientConfig>);

/// What is asked for.
pub struct Request<'a> {
    url: &'a Url,
    /// Instead of those that the host's name leads to.
    addresses: Option<Vec<SocketAddr>>,
    /// The value of Authorization.
    authorization: Option<&'a str>,
    accept: &'static str,
    /// More fields.
    fields: Vec<(&'static str, &'a str)>,
    /// Whether it may go without TLS wherever it goes.
    in_clear: bool,
    /// Type and body of a POST.
    body: Option<(&'static str, Vec<u8>)>,
}

/// What was answered.
#[derive(Debug)]
pub struct Response {
    /// The status code: a redirect is an answer like any other.
    pub status: u16,
    /// The value of Content-Type.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Nothing but https leaves this machine.
    #[error("not asked without TLS")]
    Plain,
    /// A value that cannot stand in a request.
    #[error("no request can be made of it")]
    Request,
    /// The time was over.
    #[error("no answer in time")]
    TimedOut,
    /// The host has no address.
    #[error("the host cannot be looked up: {0}")]
    Lookup(#[source] io::Error),
    /// None of its addresses took the connection.
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    /// The handshake failed, of which most are certificates that are not good for the host.
    #[error("no TLS: {0}")]
    Tls(#[source] io::Error),
    /// What came is no HTTP.
    #[error("no HTTP: {0}")]
    Protocol(#[from] hyper::Error),
    /// The body is larger than was asked for.
    #[error("the answer is too large")]
    TooLarge,
}

impl Client {
    /// Trusts these authorities.
    pub fn new(roots: &Roots) -> Result<Client, RootsError> {
        let mut config = ClientConfig::builder_with_provider(super::tls::provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots.0.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Client(Arc::new(config)))
    }

    /// Asks once. All of it takes at most `time`, and the body has at most `max_body` octets.
    pub async fn send(&self, request: Request<'_>, time: Duration, max_body: usize) -> Result<Response, HttpError> {
        let deadline = Instant::now() + time;
        let answer = timeout_at(deadline, self.ask(request, deadline, max_body)).await;
        answer.unwrap_or(Err(HttpError::TimedOut))
    }

    async fn ask(&self, request: Request<'_>, deadline: Instant, max_body: usize) -> Result<Response, HttpError> {
        let url = request.url;
        if !url.is_safe() && !request.in_clear {
            return Err(HttpError::Plain);
        }
        let wanted = request.message()?;
        let addresses = match request.addresses {
            Some(addresses) => addresses,
            None => look_up(url).await?,
        };
        let tcp = connect(&addresses, deadline).await?;
        if !url.is_https() {
            return exchange(tcp, wanted, max_body).await;
        }
        let host = ServerName::try_from(url.bare_host().to_owned()).map_err(|_| HttpError::Request)?;
        let connector = TlsConnector::from(self.0.clone());
        let tls = connector.connect(host, tcp).await.map_err(HttpError::Tls)?;
        exchange(tls, wanted, max_body).await
    }
}

impl<'a> Request<'a> {
    /// GET.
    pub fn get(url: &'a Url) -> Request<'a> {
        Request {
            url,
            addresses: None,
            authorization: None,
            accept: "*/*",
            fields: Vec::new(),
            in_clear: false,
            body: None,
        }
    }

    /// POST of a form (`application/x-www-form-urlencoded`).
    pub fn post(url: &'a Url, form: &[(&str, &str)]) -> Request<'a> {
        let form = url::form(form).into_bytes();
        Request::post_body(url, "application/x-www-form-urlencoded", form)
    }

    /// POST of something of this type.
    pub fn post_body(url: &'a Url, media_type: &'static str, body: Vec<u8>) -> Request<'a> {
        Request {
            body: Some((media_type, body)),
            ..Request::get(url)
        }
    }

    /// Of this type, if it can be had.
    pub fn accept(mut self, media_type: &'static str) -> Request<'a> {
        self.accept = media_type;
        self
    }

    /// With these credentials (RFC 9110 §11.6.2).
    pub fn authorization(mut self, value: Option<&'a str>) -> Request<'a> {
        self.authorization = value;
        self
    }

    /// With a field that is nobody else's business.
    pub fn field(mut self, name: &'static str, value: &'a str) -> Request<'a> {
        self.fields.push((name, value));
        self
    }

    /// Without TLS, if the URL says so, even if it leaves this machine.
    pub fn in_clear(mut self) -> Request<'a> {
        self.in_clear = true;
        self
    }

    /// At these addresses: the caller has looked up the host. The certificate is checked for its name all the same.
    pub fn at(mut self, addresses: Vec<SocketAddr>) -> Request<'a> {
        self.addresses = Some(addresses);
        self
    }

    fn message(&self) -> Result<hyper::Request<Full<Bytes>>, HttpError> {
        let (media_type, body) = self.body.clone().unzip();
        let body = body.unwrap_or_default();
        let mut message = hyper::Request::new(Full::from(body));
        *message.uri_mut() = self.url.origin_form();
        let headers = message.headers_mut();
        let mut insert = |name: HeaderName, value: &str, secret: bool| {
            let mut value = HeaderValue::from_str(value).map_err(|_| HttpError::Request)?;
            value.set_sensitive(secret);
            headers.insert(name, value);
            Ok::<_, HttpError>(())
        };
        for (name, value) in &self.fields {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| HttpError::Request)?;
            insert(name, value, true)?;
        }
        if let Some(credentials) = self.authorization {
            insert(header::AUTHORIZATION, credentials, true)?;
        }
        let mut set = |name, value| insert(name, value, false);
        set(header::HOST, self.url.authority())?;
        set(header::USER_AGENT, USER_AGENT)?;
        set(header::ACCEPT, self.accept)?;
        set(header::CONNECTION, "close")?;
        if let Some(media_type) = media_type {
            set(header::CONTENT_TYPE, media_type)?;
            *message.method_mut() = hyper::Method::POST;
        }
        Ok(message)
    }
}

async fn look_up(url: &Url) -> Result<Vec<SocketAddr>, HttpError> {
    let found = tokio::net::lookup_host((url.bare_host(), url.port())).await;
    Ok(found.map_err(HttpError::Lookup)?.collect())
}

/// One address after the other, each with its share of the time that is left: one that never answers must not take all.
async fn connect(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, HttpError> {
    let mut failed = io::Error::from(io::ErrorKind::NotFound);
    for (tried, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = Instant::now() + deadline.saturating_duration_since(Instant::now()) / left;
        match timeout_at(share, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(cause)) => failed = cause,
            Err(_) => failed = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(HttpError::Connect(failed))
}

async fn exchange<S>(stream: S, message: hyper::Request<Full<Bytes>>, max_body: usize) -> Result<Response, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.max_buf_size(MAX_HEAD);
    let (mut sender, connection) = http.handshake(TokioIo::new(stream)).await?;
    let answer = async {
        let response = sender.send_request(message).await?;
        let status = response.status().as_u16();
        let content_type = response.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut pieces = response.into_body();
        let mut body = Vec::new();
        while let Some(frame) = pieces.frame().await {
            if let Ok(piece) = frame?.into_data() {
                if body.len() + piece.len() > max_body {
                    return Err(HttpError::TooLarge);
                }
                body.extend_from_slice(&piece);
            }
        }
        Ok(Response {
            status,
            content_type,
            body,
        })
    };
    tokio::pin!(answer);
    // The connection may be over before all that it has brought is taken; if it broke, the answer says so.
    tokio::select! {
        answer = &mut answer => answer,
        _ = connection => answer.await,
    }
}

#[cfg(test)]
mod tests;
