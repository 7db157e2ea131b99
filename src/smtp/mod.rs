//! The SMTP server (RFC 5321): receiving from strangers and submission by users.

use crate::accounts::Accounts;
use crate::config::Config;
use crate::delivery::Delivery;
use crate::net::connection::Connection;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What all SMTP sessions of a server share.
pub struct Smtp {
    /// Settings.
    pub config: Arc<Config>,
    /// Who may submit.
    pub accounts: Accounts,
    /// Where accepted mail goes.
    pub delivery: Delivery,
}

/// On which side of the server a session is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Port 25: mail from other servers.
    Receive,
    /// Ports 587 and 465: mail from our users, after AUTH (RFC 6409).
    Submission,
}

/// Serves one connection until it ends or `shutdown` is cancelled (then: finish the running transaction, 421).
pub async fn serve(_smtp: Arc<Smtp>, _role: Role, _connection: Connection, _shutdown: CancellationToken) {
    todo!()
}
