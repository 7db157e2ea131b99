//! Addresses of documents: `https://host/path`, and `http://` (RFC 3986, RFC 9110 §4.2).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use hyper::Uri;
use hyper::http::uri::PathAndQuery;
use serde::Deserialize;

/// An absolute http or https URL with a host, without user and fragment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Url(Uri);

/// Why a text is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no URL of a document, such as \"https://id.example.org/keys\"")]
pub struct UrlError;

impl Url {
    /// From its text.
    pub fn parse(text: &str) -> Result<Url, UrlError> {
        let uri = Uri::from_str(text).map_err(|_| UrlError)?;
        let known = matches!(uri.scheme_str(), Some("https" | "http"));
        let authority = uri.authority().ok_or(UrlError)?;
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => true,
            _ => authority.port_u16().is_some_and(|port| port != 0),
        };
        if !known || !port || authority.host().is_empty() || text.contains('#') {
            return Err(UrlError);
        }
        Ok(Url(uri))
    }

    /// What is called so below it.
    pub fn below(&self, name: &str) -> Result<Url, UrlError> {
        Url::parse(&format!("{}/{name}", self.to_string().trim_end_matches('/')))
    }

    /// Whether it is asked for by TLS.
    pub fn is_https(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }

    /// Whether its host is this machine, by its name alone.
    pub fn is_loopback(&self) -> bool {
        let host = self.bare_host();
        match host.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback(),
            Err(_) => host.eq_ignore_ascii_case("localhost"),
        }
    }

    /// Whether nobody on the way can read or change what is asked for there: TLS, or it does not leave this machine.
    pub fn is_safe(&self) -> bool {
        self.is_https() || self.is_loopback()
    }

    /// Its host: a name, or an address without brackets.
    pub fn bare_host(&self) -> &str {
        let host = self.0.host().unwrap_or_default();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        bare.unwrap_or(host)
    }

    /// Where it is listened.
    pub fn port(&self) -> u16 {
        let usual = if self.is_https() { 443 } else { 80 };
        self.0.port_u16().unwrap_or(usual)
    }

    /// The value of Host.
    pub(super) fn authority(&self) -> &str {
        self.0.authority().map_or("", |authority| authority.as_str())
    }

    /// What a request line says (RFC 9112 §3.2.1).
    pub(super) fn origin_form(&self) -> Uri {
        let path = self.0.path_and_query().cloned();
        Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Url {
    type Error = UrlError;

    fn try_from(text: String) -> Result<Url, UrlError> {
        Url::parse(&text)
    }
}

/// `name=value&name=value` (WHATWG URL §5.2).
pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    let mut form = String::new();
    for (name, value) in pairs {
        if !form.is_empty() {
            form.push('&');
        }
        form.push_str(&encoded(name));
        form.push('=');
        form.push_str(&encoded(value));
    }
    form
}

/// A text as it stands in a form.
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => encoded.push(char::from(octet)),
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{octet:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_one_and_where_it_leads() {
        for (text, host, port, loopback, path) in [
            ("https://id.example.org", "id.example.org", 443, false, "/"),
            (
                "https://id.example.org/keys?a=b",
                "id.example.org",
                443,
                false,
                "/keys?a=b",
            ),
            ("http://127.1.2.3:8080/", "127.1.2.3", 8080, true, "/"),
            ("http://[::1]:8080/x", "::1", 8080, true, "/x"),
            ("https://[2001:db8::1]/", "2001:db8::1", 443, false, "/"),
            ("http://LocalHost/x", "LocalHost", 80, true, "/x"),
            ("http://localhost.example.org/", "localhost.example.org", 80, false, "/"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!(
                (url.bare_host(), url.port(), url.is_loopback()),
                (host, port, loopback),
                "{text}"
            );
            assert_eq!(url.origin_form().to_string(), path);
        }
        for none in [
            "",
            "/keys",
            "id.example.org",
            "ftp://id.example.org/",
            "https://",
            "https:///x",
            "https://user:secret@id.example.org/",
            "https://user@id.example.org/",
            "https://id.example.org:99999/",
            "https://id.example.org:0/",
            "https://id.example.org/#keys",
            "https://id.example.org/ keys",
            "https://id.example.org/\r\nX: y",
        ] {
            assert_eq!(Url::parse(none), Err(UrlError), "{none}");
        }
    }

    #[test]
    fn forms_hold_any_text() {
        assert_eq!(
            form(&[("token", "a+b/c=~"), ("t\u{e9}", "x y")]),
            "token=a%2Bb%2Fc%3D%7E&t%C3%A9=x+y"
        );
        assert_eq!(form(&[]), "");
    }
}
