//! The head of a request (RFC 9112 §2 to §5). A body is not read: nothing here takes one.

use std::time::Duration;

use crate::net::connection::{Connection, ReadError};

/// Octets of a line.
const MAX_LINE: usize = 4096;
/// Header fields.
const MAX_FIELDS: usize = 100;

/// A request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: Method,
    /// Without a query.
    pub(super) path: String,
    /// In lower case, without a port.
    pub(super) host: String,
}

/// What is to be done with what it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Head,
    Other,
}

/// Why there is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// It is no HTTP/1.
    Request,
    /// It is more than anybody needs.
    TooLarge,
    /// There is nobody to answer.
    Gone,
}

impl From<ReadError> for Bad {
    fn from(error: ReadError) -> Bad {
        match error {
            ReadError::LineTooLong => Bad::TooLarge,
            ReadError::Closed | ReadError::TimedOut | ReadError::Io(_) => Bad::Gone,
        }
    }
}

impl Request {
    /// Reads up to the empty line; `limit` for each line.
    pub(super) async fn read(connection: &mut Connection, limit: Duration) -> Result<Request, Bad> {
        let mut line = Vec::new();
        connection.read_line(&mut line, MAX_LINE, limit).await?;
        let (method, target) = request_line(&line).ok_or(Bad::Request)?;
        let mut host = None;
        for _ in 0..=MAX_FIELDS {
            connection.read_line(&mut line, MAX_LINE, limit).await?;
            if line.is_empty() {
                return request(method, &target, host);
            }
            // A name with white space behind it, and a folded line, are refused (RFC 9112 §5.1, §5.2).
            let text = std::str::from_utf8(&line).map_err(|_| Bad::Request)?;
            let (name, value) = text.split_once(':').ok_or(Bad::Request)?;
            if name.is_empty() || name.contains([' ', '\t']) {
                return Err(Bad::Request);
            }
            // RFC 9112 §3.2: twice is once too often.
            if name.eq_ignore_ascii_case("Host") && host.replace(value.trim().to_owned()).is_some() {
                return Err(Bad::Request);
            }
        }
        Err(Bad::TooLarge)
    }
}

/// Method and target (RFC 9112 §3).
fn request_line(line: &[u8]) -> Option<(Method, String)> {
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let method = match words.next()? {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        word if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') => {
            Method::Other
        }
        _ => return None,
    };
    let target = words.next().filter(|target| !target.is_empty())?;
    match (words.next(), words.next()) {
        (Some("HTTP/1.1" | "HTTP/1.0"), None) => Some((method, target.to_owned())),
        _ => None,
    }
}

/// The target is a path, or with a whole URL names its host, too (RFC 9112 §3.2.2).
fn request(method: Method, target: &str, host: Option<String>) -> Result<Request, Bad> {
    let (host, path) = match target.strip_prefix("https://") {
        Some(rest) => match rest.find('/') {
            Some(at) => (rest.get(..at), rest.get(at..)),
            None => (Some(rest), Some("/")),
        },
        None => (host.as_deref(), Some(target)),
    };
    let (host, path) = host.zip(path).ok_or(Bad::Request)?;
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    Ok(Request {
        method,
        path: path.split('?').next().unwrap_or_default().to_owned(),
        host: name.trim_end_matches('.').to_ascii_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_lines() {
        let read = |line: &str| request_line(line.as_bytes());
        assert_eq!(read("GET /a?b HTTP/1.1"), Some((Method::Get, "/a?b".to_owned())));
        assert_eq!(read("HEAD / HTTP/1.0"), Some((Method::Head, "/".to_owned())));
        assert_eq!(read("PROPFIND / HTTP/1.1"), Some((Method::Other, "/".to_owned())));
        for bad in [
            "",
            "GET",
            "GET /",
            "GET / HTTP/2",
            "GET / / HTTP/1.1",
            "GET  HTTP/1.1",
            "\u{16}\u{3} / HTTP/1.1",
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn hosts_and_paths() {
        for (target, host, found) in [
            (
                "/a?b",
                Some("MTA-STS.Example.org:443"),
                Some(("mta-sts.example.org", "/a")),
            ),
            ("/", Some("a.example."), Some(("a.example", "/"))),
            ("https://b.example/c", Some("a.example"), Some(("b.example", "/c"))),
            ("https://b.example", None, Some(("b.example", "/"))),
            ("/", Some("[::1]:443"), Some(("[::1]", "/"))),
            ("/", None, None),
        ] {
            let read = request(Method::Get, target, host.map(str::to_owned)).ok();
            let read = read.map(|read| (read.host, read.path));
            assert_eq!(
                read,
                found.map(|(host, path)| (host.to_owned(), path.to_owned())),
                "{target}"
            );
        }
    }
}
