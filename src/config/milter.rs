//! Settings of filters that are asked about mail.

use serde::Deserialize;

use super::{Destination, Period};

/// A filter that is asked about mail, by the milter protocol of Sendmail.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Milter {
    /// What it is called in the log, and in the header of what it has sent to Junk.
    pub name: String,
    /// Where it listens.
    pub address: Destination,
    /// Which mail it is asked about: what comes by `smtp`, by `submission`, or both.
    #[serde(default = "smtp_only")]
    pub services: Vec<MilterService>,
    /// Of what comes by SMTP: that of `strangers`, or `all`, from `origin.trusted` too.
    #[serde(default)]
    pub mail: MilterMail,
    /// What becomes of mail when the filter cannot be asked: `tempfail` (the client tries again later) or `accept`.
    #[serde(default)]
    pub on_failure: MilterFailure,
    /// Fields with which it marks what it takes for spam, by a value that begins with "Yes": such mail goes to Junk.
    #[serde(default = "spam_fields")]
    pub junk_fields: Vec<String>,
    /// How long it may take to accept a connection.
    #[serde(default = "milter_connect")]
    pub connect_timeout: Period,
    /// How long it may take for one answer.
    #[serde(default = "milter_answer")]
    pub timeout: Period,
    /// How long it may take for a message altogether.
    #[serde(default = "milter_deadline")]
    pub deadline: Period,
}

fn smtp_only() -> Vec<MilterService> {
    vec![MilterService::Smtp]
}

fn spam_fields() -> Vec<String> {
    vec!["X-Spam".to_owned(), "X-Spam-Flag".to_owned()]
}

fn milter_connect() -> Period {
    Period::seconds(5)
}

fn milter_answer() -> Period {
    Period::seconds(30)
}

fn milter_deadline() -> Period {
    Period::seconds(120)
}

/// How mail comes about which a filter is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MilterService {
    /// From other servers.
    Smtp,
    /// From our users.
    Submission,
}

/// From whom mail comes by SMTP about which a filter is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum MilterMail {
    /// Whom nobody trusts.
    #[default]
    Strangers,
    /// Everybody.
    All,
}

/// What becomes of mail when a filter cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum MilterFailure {
    /// It goes on without having been filtered.
    Accept,
    /// It is refused for the time being.
    #[default]
    Tempfail,
}
