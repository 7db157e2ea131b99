//! Settings of teaching a filter what is spam.

use serde::Deserialize;

use super::{Period, Secret, Size};
use crate::net::http::Url;

/// Teaching rspamd: what users move into Junk is learnt as spam, what they move out of it as ham. Off without `url`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Training {
    /// Where rspamd's controller listens. With `http`, messages and password go there in clear text: only for this machine and
    /// for networks of your own.
    pub url: Option<Url>,
    /// The controller's password.
    pub password: Option<Secret>,
    /// How long it may take to learn one message.
    pub timeout: Period,
    /// The largest message that it is shown.
    pub max_message_size: Size,
}

impl Default for Training {
    fn default() -> Training {
        Training {
            url: None,
            password: None,
            timeout: Period::seconds(30),
            max_message_size: Size::mebibytes(10),
        }
    }
}
