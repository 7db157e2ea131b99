//! What a filter is told, step by step, and the macros that go before each.

use std::net::IpAddr;

use super::Client;
use super::packet::Packet;
use crate::config::MilterService;
use crate::mail::envelope::{BodyType, Envelope, ForwardPath};

/// Of commands that nobody knows filters are never told; they may say that they want it so.
pub(super) const NO_UNKNOWN: u32 = 0x100;

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Somebody has connected.
    Connect,
    /// EHLO or HELO.
    Hello,
    /// MAIL.
    Sender,
    /// RCPT, for each recipient.
    Recipient,
    /// DATA.
    Data,
    /// Each field of the header.
    Field,
    /// The header is over.
    EndOfHeader,
    /// Each piece of the body.
    Body,
    /// The message is over.
    End,
}

impl Step {
    pub(super) const ALL: [Step; 9] = [
        Step::Connect,
        Step::Hello,
        Step::Sender,
        Step::Recipient,
        Step::Data,
        Step::Field,
        Step::EndOfHeader,
        Step::Body,
        Step::End,
    ];

    /// What its packet is.
    pub(super) fn kind(self) -> u8 {
        match self {
            Step::Connect => b'C',
            Step::Hello => b'H',
            Step::Sender => b'M',
            Step::Recipient => b'R',
            Step::Data => b'T',
            Step::Field => b'L',
            Step::EndOfHeader => b'N',
            Step::Body => b'B',
            Step::End => b'E',
        }
    }

    /// The bit by which a filter says that it does not want to be told.
    pub(super) fn unwanted(self) -> u32 {
        match self {
            Step::Connect => 0x01,
            Step::Hello => 0x02,
            Step::Sender => 0x04,
            Step::Recipient => 0x08,
            Step::Body => 0x10,
            Step::Field => 0x20,
            Step::EndOfHeader => 0x40,
            Step::Data => 0x200,
            Step::End => 0,
        }
    }

    /// The bit by which a filter says that it will not answer.
    pub(super) fn unanswered(self) -> u32 {
        match self {
            Step::Field => 0x80,
            Step::Connect => 0x1000,
            Step::Hello => 0x2000,
            Step::Sender => 0x4000,
            Step::Recipient => 0x8000,
            Step::Data => 0x1_0000,
            Step::EndOfHeader => 0x4_0000,
            Step::Body => 0x8_0000,
            Step::End => 0,
        }
    }

    /// The version of the protocol that brought it.
    pub(super) fn since(self) -> u32 {
        match self {
            Step::Data => 4,
            _ => 2,
        }
    }
}

/// Macros that go before this step.
pub(super) fn macros(step: Step, of: &[(&str, String)]) -> Packet {
    let packet = Packet::new(b'D').octets(&[step.kind()]);
    of.iter()
        .filter(|(_, value)| !value.is_empty())
        .fold(packet, |packet, (name, value)| {
            packet.text(name.as_bytes()).text(value.as_bytes())
        })
}

/// Who has connected.
pub(super) fn connect(client: &Client) -> Packet {
    let address = client.peer.ip().to_canonical();
    let (family, address) = match address {
        IpAddr::V4(v4) => (b'4', v4.to_string()),
        IpAddr::V6(v6) => (b'6', format!("IPv6:{v6}")),
    };
    Packet::new(Step::Connect.kind())
        .text(client.shown_name().as_bytes())
        .octets(&[family])
        .octets(&client.peer.port().to_be_bytes())
        .text(address.as_bytes())
}

/// What is known of the client.
pub(super) fn connect_macros(client: &Client) -> Vec<(&'static str, String)> {
    let (peer, local) = (client.peer, client.local);
    let address = peer.ip().to_canonical();
    let name = client.shown_name();
    let service = match client.service {
        MilterService::Smtp => "smtp",
        MilterService::Submission => "submission",
    };
    vec![
        ("j", client.server.clone()),
        (
            "_",
            match &client.name {
                Some(name) => format!("{name} [{address}]"),
                None => format!("[{address}]"),
            },
        ),
        ("v", concat!("Posthaste ", env!("CARGO_PKG_VERSION")).to_owned()),
        ("{daemon_name}", service.to_owned()),
        ("{daemon_port}", local.port().to_string()),
        ("{if_addr}", local.ip().to_canonical().to_string()),
        ("{client_addr}", address.to_string()),
        ("{client_port}", peer.port().to_string()),
        ("{client_name}", name.clone()),
        ("{client_ptr}", name),
    ]
}

/// How the connection is encrypted.
pub(super) fn hello_macros(client: &Client) -> Vec<(&'static str, String)> {
    match client.tls {
        Some(tls) => vec![
            ("{tls_version}", tls.version.to_owned()),
            ("{cipher}", tls.cipher.to_owned()),
            ("{cipher_bits}", cipher_bits(tls.cipher).to_owned()),
        ],
        None => Vec::new(),
    }
}

/// How long the keys of a cipher are.
fn cipher_bits(cipher: &str) -> &'static str {
    match cipher {
        _ if cipher.contains("AES_128") => "128",
        _ if cipher.contains("AES_256") || cipher.contains("CHACHA20") => "256",
        _ => "",
    }
}

/// MAIL, with the parameters that matter to filters.
pub(super) fn sender(envelope: &Envelope) -> Packet {
    let mut packet = Packet::new(Step::Sender.kind()).text(format!("<{}>", envelope.reverse_path).as_bytes());
    if let Some(size) = envelope.declared_size {
        packet = packet.text(format!("SIZE={size}").as_bytes());
    }
    if envelope.body == BodyType::EightBitMime {
        packet = packet.text(b"BODY=8BITMIME");
    }
    if envelope.smtputf8 {
        packet = packet.text(b"SMTPUTF8");
    }
    packet
}

/// The message's name here, its sender, and who submitted it.
pub(super) fn sender_macros(client: &Client, envelope: &Envelope) -> Vec<(&'static str, String)> {
    let (login, mechanism) = client.login.clone().unwrap_or_default();
    let host = envelope
        .reverse_path
        .address()
        .map(|address| address.domain().to_owned());
    vec![
        ("i", client.id.to_string()),
        // By this filters that sign know mail of our users.
        ("{auth_type}", mechanism.to_owned()),
        ("{auth_authen}", login.clone()),
        ("{auth_author}", login),
        ("{mail_addr}", envelope.reverse_path.to_string()),
        ("{mail_host}", host.unwrap_or_default()),
        ("{mail_mailer}", "smtp".to_owned()),
    ]
}

/// RCPT.
pub(super) fn recipient(path: &ForwardPath) -> Packet {
    Packet::new(Step::Recipient.kind()).text(format!("<{path}>").as_bytes())
}

/// The recipient.
pub(super) fn recipient_macros(path: &ForwardPath) -> Vec<(&'static str, String)> {
    let host = match path {
        ForwardPath::Address(address) => address.domain().to_owned(),
        ForwardPath::Postmaster => String::new(),
    };
    vec![
        ("{rcpt_addr}", path.to_string()),
        ("{rcpt_host}", host),
        ("{rcpt_mailer}", "local".to_owned()),
    ]
}

/// A field. Lines of its value end with LF among filters, and the first has no white space in front if that was not agreed on.
pub(super) fn field(name: &[u8], value: &[u8], leading_space: bool) -> Packet {
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    let value = value.strip_suffix(b"\r").unwrap_or(value);
    let value = match leading_space {
        true => value,
        false => value.trim_ascii_start(),
    };
    let mut lines = Vec::with_capacity(value.len());
    for (at, &octet) in value.iter().enumerate() {
        if octet != b'\r' || value.get(at + 1) != Some(&b'\n') {
            lines.push(octet);
        }
    }
    Packet::new(Step::Field.kind()).text(name).text(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(packet: &Packet) -> Vec<u8> {
        let mut out = Vec::new();
        packet.write(&mut out);
        out.split_off(4)
    }

    #[test]
    fn as_filters_read_it() {
        let mut client = Client::example();
        assert_eq!(written(&connect(&client)), b"C[192.0.2.1]\x004\x04\xd2192.0.2.1\0");
        client.peer = "[2001:db8::1]:25".parse().unwrap();
        client.name = Some("mail.example.net".to_owned());
        assert_eq!(
            written(&connect(&client)),
            b"Cmail.example.net\x006\0\x19IPv6:2001:db8::1\0"
        );
        assert_eq!(
            written(&field(b"Subject", b" a\r\n\tb\r\n", false)),
            b"LSubject\0a\n\tb\0"
        );
        assert_eq!(written(&field(b"Subject", b" a\r\n", true)), b"LSubject\0 a\0");
        let of = [("i", "1".to_owned()), ("{empty}", String::new())];
        assert_eq!(written(&macros(Step::Sender, &of)), b"DMi\x001\0");
    }
}
