//! Settings of SMTP and LMTP.

use serde::Deserialize;

use super::{Endpoint, Mode, Period, Size};

/// Limits and timeouts of SMTP.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Smtp {
    /// The largest message taken, announced by SIZE (RFC 1870).
    pub max_message_size: Size,
    /// Recipients of one message. RFC 5321 §4.5.3.1.8 wants at least 100.
    pub max_recipients: usize,
    /// How long the client may take for a command or a piece of a message (RFC 5321 §4.5.3.2).
    pub timeout: Period,
    /// Commands refused before the connection is closed; recipients that are not served do not count.
    pub max_errors: usize,
    /// Connections at the same time, all SMTP and submission ports together.
    pub max_connections: usize,
    /// How long our users may have a message wait before it is delivered (FUTURERELEASE); "0s" for not at all.
    pub max_hold: Period,
    /// Whether the fields From and Sender of what an account submits must name addresses of its own only, as the envelope
    /// must.
    pub check_author: bool,
    /// Whether what accounts submit says nothing of where it was written: neither the address nor the name of the client in
    /// Received, no X-Originating-IP and the like. The log has them, with the message's id.
    pub hide_client: bool,
    /// Messages that an account may submit within an hour; 0 for no limit.
    pub messages_per_hour: u64,
    /// Messages that an account may submit within a day; 0 for no limit.
    pub messages_per_day: u64,
    /// Recipients that an account may write to within an hour, counted anew for each message; 0 for no limit.
    pub recipients_per_hour: u64,
    /// Recipients that an account may write to within a day; 0 for no limit.
    pub recipients_per_day: u64,
    /// Recipients elsewhere to whom an account may have mail waiting in the queue; 0 for no limit.
    pub max_queued_recipients: u64,
}

impl Default for Smtp {
    fn default() -> Smtp {
        Smtp {
            max_message_size: Size::mebibytes(50),
            max_recipients: 1000,
            timeout: Period::seconds(300),
            max_errors: 20,
            max_connections: 1000,
            max_hold: Period::seconds(30 * 24 * 3600),
            check_author: true,
            hide_client: true,
            messages_per_hour: 500,
            messages_per_day: 2000,
            recipients_per_hour: 2000,
            recipients_per_day: 5000,
            max_queued_recipients: 10_000,
        }
    }
}

/// Local delivery for another MTA in front (LMTP, RFC 2033).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lmtp {
    /// Unix sockets and ports to listen on. Whoever reaches them is trusted and delivers to accounts of this server, without
    /// login or TLS. The limits and timeouts are those of SMTP.
    pub listen: Vec<Endpoint>,
    /// Permissions of the Unix sockets' files, which belong to the user and group of the server.
    pub mode: Mode,
}

impl Default for Lmtp {
    fn default() -> Lmtp {
        Lmtp {
            listen: Vec::new(),
            mode: Mode::new(0o660),
        }
    }
}
