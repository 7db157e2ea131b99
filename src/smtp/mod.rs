//! The SMTP server: mail from other servers (RFC 5321) and from our users (RFC 6409).
//!
//! One connection is one [`session`], which owns at most one mail transaction; its lines are taken apart by [`request`],
//! judged by the one table in [`dispatch`], and run by their file in [`commands`]. A message while it arrives is an
//! [`arrival`]; [`data`] knows where it ends, and [`header`] what is in front.
//!
//! RFC 5321 (SMTP), RFC 6409 (submission), RFC 1870 (SIZE), RFC 2034 and RFC 3463 (status codes), RFC 2920 (PIPELINING),
//! RFC 3030 (CHUNKING), RFC 2033 (LMTP), RFC 3207 (STARTTLS), RFC 3461 (DSN), RFC 4865 (FUTURERELEASE),
//! RFC 4954 (AUTH), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8), RFC 9422 (LIMITS), RFC 2852 (DELIVERBY),
//! RFC 6710 (MT-PRIORITY), RFC 8689 (REQUIRETLS).
//!
//! Invariants: reply lines exist only here; nothing of one transaction outlives it; no 250 to a message before every copy
//! is durable; neither lines nor messages pile up in memory.
//!
//! Deliberately absent: XCLIENT.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::accounts::Accounts;
use crate::config::Config;
use crate::delivery::Delivery;
use crate::dkim::Signers;
use crate::milter::Milters;
use crate::net::connection::Connection;
use crate::origin::{Kind, Origin};
use crate::storage::reports::ReportStore;

mod allowance;
mod arrival;
mod author;
mod commands;
mod data;
mod dispatch;
mod extension;
mod filters;
mod header;
mod judgement;
mod reply;
mod request;
mod session;
mod signature;
mod tls_required;

pub use allowance::Allowances;

/// What all SMTP sessions of a server share.
pub struct Smtp {
    /// Settings.
    pub config: Arc<Config>,
    /// Who may submit.
    pub accounts: Accounts,
    /// Where accepted mail goes.
    pub delivery: Delivery,
    /// What signs mail of our users.
    pub signers: Signers,
    /// How much each account may submit.
    pub allowances: Allowances,
    /// Filters that see mail of other servers.
    pub milters: Milters,
    /// What judges mail of other servers.
    pub origin: Origin,
    /// What reports to their domains are made of.
    pub reports: ReportStore,
}

/// On which side of the server a session is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Port 25: mail from other servers.
    Receive,
    /// Ports 587 and 465: mail from our users, after AUTH (RFC 6409).
    Submission,
    /// LMTP: mail from another MTA in front, which is trusted (RFC 2033).
    Lmtp,
}

/// What a client is told when its address has no place left (RFC 5321 §3.8).
const TOO_MANY_CONNECTIONS: &[u8] = b"421 4.7.0 Too many connections from your address: close some, or have \
    login.max_connections_per_address raised\r\n";

/// What a server is told that comes too often (RFC 5321 §3.8).
const TOO_OFTEN: &[u8] = b"421 4.7.0 Too many connections from your network, try again later\r\n";

/// Serves one connection until it ends or `shutdown` is cancelled (then: finish the running transaction, 421).
pub async fn serve(smtp: Arc<Smtp>, role: Role, mut connection: Connection, shutdown: CancellationToken) {
    let peer = connection.peer();
    let Some(_slot) = smtp.accounts.connected(peer.ip()).await else {
        tracing::warn!(%peer, "connection refused: too many from one address");
        let _ = connection
            .write(TOO_MANY_CONNECTIONS, smtp.config.smtp.timeout.get())
            .await;
        return connection.close().await;
    };
    if role == Role::Receive && !smtp.origin.allows(Kind::Connections, peer.ip()) {
        tracing::info!(%peer, "connection refused: too many from one network within the hour");
        let _ = connection.write(TOO_OFTEN, smtp.config.smtp.timeout.get()).await;
        return connection.close().await;
    }
    let id = format!("{:08x}", rand::random::<u32>());
    let span = tracing::info_span!("smtp", id, peer = %connection.peer(), ?role);
    session::Session::new(smtp, role, connection, shutdown)
        .run()
        .instrument(span)
        .await;
}
