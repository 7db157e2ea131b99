//! The service extensions (RFC 5321 §2.2): the one table that EHLO prints from and commands ask, so that what is
//! announced and what is accepted cannot drift apart.

use super::Role;
use super::session::State;
use crate::config::Smtp;
use crate::mail::date::Timestamp;

/// The largest number that LIMITS can name (RFC 9422 §4.2): who takes more tells of no limit.
const MAX_RCPTMAX: usize = 999_999;

/// The shortest time in seconds in which mail is to be delivered or else returned (RFC 2852 §2, min-by-time). With less even
/// a server that answers at once has no time left for a second attempt.
pub(crate) const MIN_BY_TIME: i64 = 60;

/// A service extension.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Extension {
    /// RFC 2920: commands may come in groups.
    Pipelining,
    /// RFC 1870: MAIL may declare the message's size.
    Size,
    /// RFC 6152: messages may have octets beyond ASCII.
    EightBitMime,
    /// RFC 2034: replies carry the codes of RFC 3463.
    EnhancedStatusCodes,
    /// RFC 6531: addresses and header fields may be in UTF-8.
    SmtpUtf8,
    /// RFC 3030: BDAT.
    Chunking,
    /// RFC 3030 §3: messages may be binary.
    BinaryMime,
    /// RFC 3207.
    StartTls,
    /// RFC 4954.
    Auth,
    /// RFC 3461: senders say of what they want to be told.
    Dsn,
    /// RFC 4865: mail that waits for its time.
    FutureRelease,
    /// RFC 2852: mail that is to be there in time.
    DeliverBy,
    /// RFC 6710: mail that comes first.
    MtPriority,
    /// RFC 8689: mail that goes encrypted or not at all.
    RequireTls,
    /// RFC 9422: what a client may not exceed.
    Limits,
    /// RFC 5321 §4.1.1.8.
    Help,
}

impl Extension {
    const ALL: [Extension; 16] = [
        Extension::Pipelining,
        Extension::Size,
        Extension::EightBitMime,
        Extension::EnhancedStatusCodes,
        Extension::SmtpUtf8,
        Extension::Chunking,
        Extension::BinaryMime,
        Extension::StartTls,
        Extension::Auth,
        Extension::Dsn,
        Extension::FutureRelease,
        Extension::DeliverBy,
        Extension::MtPriority,
        Extension::RequireTls,
        Extension::Limits,
        Extension::Help,
    ];

    /// Whether the client may use it now.
    pub(crate) fn is_offered(self, state: &State) -> bool {
        match self {
            Extension::StartTls => state.can_start_tls,
            // RFC 4954 §4: not offered where its mechanisms would need TLS first.
            Extension::Auth => state.role == Role::Submission && !state.needs_tls() && state.account.is_none(),
            // A delivery by LMTP is told by its reply, and by whoever asked for it.
            Extension::Dsn => state.role != Role::Lmtp,
            // Its notices are those of DSN.
            Extension::DeliverBy => state.role != Role::Lmtp,
            // RFC 8689 §2: in an encrypted session only.
            Extension::RequireTls => state.tls,
            Extension::FutureRelease => state.account.is_some(),
            _ => true,
        }
    }

    /// The lines of the reply to EHLO, in the order of the table.
    pub(crate) fn lines(state: &State, config: &Smtp) -> impl Iterator<Item = String> {
        Extension::ALL
            .into_iter()
            .filter(|extension| extension.is_offered(state))
            .filter_map(|extension| extension.line(state, config))
    }

    fn line(self, state: &State, config: &Smtp) -> Option<String> {
        let keyword = match self {
            Extension::Pipelining => "PIPELINING",
            Extension::Size => return Some(format!("SIZE {}", config.max_message_size.get())),
            Extension::EightBitMime => "8BITMIME",
            Extension::EnhancedStatusCodes => "ENHANCEDSTATUSCODES",
            Extension::SmtpUtf8 => "SMTPUTF8",
            Extension::Chunking => "CHUNKING",
            Extension::BinaryMime => "BINARYMIME",
            Extension::StartTls => "STARTTLS",
            Extension::Auth => {
                let names = state.mechanisms.iter().map(|mechanism| mechanism.name());
                return Some(std::iter::once("AUTH").chain(names).collect::<Vec<_>>().join(" "));
            }
            Extension::Dsn => "DSN",
            Extension::FutureRelease => return future_release(config),
            Extension::DeliverBy => return Some(format!("DELIVERBY {MIN_BY_TIME}")),
            // Without the name of a policy: ours gives no number a meaning of its own (RFC 6710 §3).
            Extension::MtPriority => "MT-PRIORITY",
            Extension::RequireTls => "REQUIRETLS",
            Extension::Limits if config.max_recipients > MAX_RCPTMAX => return None,
            Extension::Limits => return Some(format!("LIMITS RCPTMAX={}", config.max_recipients)),
            Extension::Help => "HELP",
        };
        Some(keyword.to_owned())
    }
}

/// The longest time to wait in seconds, and when that is over (RFC 4865 §3).
fn future_release(config: &Smtp) -> Option<String> {
    let longest = config.max_hold.get().as_secs();
    let until = Timestamp {
        seconds: Timestamp::now().seconds.saturating_add(longest as i64),
        offset_minutes: 0,
    };
    (longest > 0).then(|| format!("FUTURERELEASE {longest} {}", until.to_rfc3339()))
}
