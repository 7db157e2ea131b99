//! Addresses that do not exist go to the suppression list of the account that wrote to them, if the settings say so.

use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::Delivery;
use crate::mail::dsn::Status;

/// The failures that tell of an address and not of a message: no such mailbox, no such domain, one that takes no mail
/// (RFC 3463 §3.2, RFC 7505 §4.1).
const OF_AN_ADDRESS: [Status; 3] = [Status::new(5, 1, 1), Status::new(5, 1, 2), Status::new(5, 1, 10)];

impl Delivery {
    /// Takes note of them until `shutdown`. `expire`: for how long.
    pub async fn suppress_failed(&self, expire: Duration, shutdown: CancellationToken) {
        let mut failures = self.queue.failures();
        while let Some(next) = shutdown.run_until_cancelled(failures.recv()).await {
            let failure = match next {
                Ok(failure) if OF_AN_ADDRESS.contains(&failure.answer.status) => failure,
                Ok(_) | Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => break,
            };
            let (account, to, reason) = (failure.account, &failure.to, failure.answer.text());
            match self.accounts.suppress_failed(account, to, reason, expire).await {
                Ok(()) => tracing::info!(account = account.0, %to, reason, "put on the suppression list"),
                Err(error) => tracing::error!(%error, "an address could not be put on the suppression list"),
            }
        }
    }
}
