//! Mail that was never seen before and that nothing vouches for is put off once: most programs that send spam do not try
//! again (RFC 6647). Decided when the message is there, for only then its signatures are known.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{SystemTime, UNIX_EPOCH};

use super::Origin;
use super::findings::Findings;
use super::inquiry::Peer;
use super::verdict::is_verified;
use crate::config::Greylisting;
use crate::net::network::network;
use crate::storage::greylist::{Terms, Triplet};

/// Between two tidyings, in seconds.
const TIDY: u64 = 3600;

impl Origin {
    /// Whether the message may pass. One that is for several recipients passes when it does for each.
    pub(super) async fn may_pass(&self, peer: &Peer, findings: &Findings, recipients: &[String]) -> bool {
        let settings = &self.0.settings;
        let spared = match settings.greylisting {
            Greylisting::Off => true,
            Greylisting::Unverified => is_verified(findings, settings),
            Greylisting::All => false,
        };
        if spared || findings.client.hidden {
            return true;
        }
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let now = i64::try_from(seconds).unwrap_or(0);
        let terms = Terms {
            delay: as_seconds(settings.greylist_delay),
            window: as_seconds(settings.greylist_window),
            memory: as_seconds(settings.greylist_memory),
        };
        let mut passes = true;
        for recipient in recipients {
            let triplet = Triplet {
                network: neighbourhood(peer.address).to_string(),
                sender: peer.reverse_path.to_string().to_lowercase(),
                recipient: recipient.to_lowercase(),
            };
            match self.0.greylist.passes(now, &triplet, terms).await {
                Ok(passed) => passes &= passed,
                // Mail does not wait for this.
                Err(error) => tracing::warn!(%error, "the greylist does not answer: the message passes"),
            }
        }
        if self.is_time_to_tidy(seconds) {
            let greylist = self.0.greylist.clone();
            tokio::spawn(async move {
                if let Err(error) = greylist.tidy(now, terms).await {
                    tracing::warn!(%error, "the greylist is not tidied");
                }
            });
        }
        passes
    }

    fn is_time_to_tidy(&self, now: u64) -> bool {
        use std::sync::atomic::Ordering::Relaxed;
        let last = self.0.tidied.load(Relaxed);
        now >= last + TIDY && self.0.tidied.compare_exchange(last, now, Relaxed, Relaxed).is_ok()
    }
}

fn as_seconds(period: crate::config::Period) -> i64 {
    i64::try_from(period.get().as_secs()).unwrap_or(i64::MAX / 2)
}

/// From where the next try may come: large senders have many servers side by side.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match network(address) {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            Ipv4Addr::new(a, b, c, 0).into()
        }
        v6 => v6,
    }
}
