//! The task that hands messages over to rspamd.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Class, Lesson};
use crate::config;
use crate::mail::ids::Uid;
use crate::net::http::{Client, HttpError, Request, Url, UrlError};

/// The pauses before a message is shown again to a controller that does not answer.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(60)];

/// The longest answer that is read.
const MAX_ANSWER: usize = 64 * 1024;

/// Hands lessons over, one message after the other.
pub struct Teacher {
    client: Client,
    spam: Url,
    ham: Url,
    settings: config::Training,
    lessons: mpsc::Receiver<Lesson>,
}

/// Why a message was not learnt.
#[derive(Debug, thiserror::Error)]
enum Unlearnt {
    /// Another try may do better.
    #[error("the controller cannot be asked: {0}")]
    Silent(#[from] HttpError),
    /// So may it here.
    #[error("the controller is in trouble, with status {0}")]
    Trouble(u16),
    /// No use in asking again.
    #[error("the controller refuses, with status {0}: {1}")]
    Refused(u16, String),
    #[error("the message cannot be read: {0}")]
    Unreadable(#[from] crate::mailbox::Error),
    #[error("it is larger than training.max_message_size")]
    TooLarge,
}

impl Teacher {
    pub(super) fn new(
        url: &Url,
        settings: &config::Training,
        client: Client,
        lessons: mpsc::Receiver<Lesson>,
    ) -> Result<Teacher, UrlError> {
        Ok(Teacher {
            client,
            spam: url.below("learnspam")?,
            ham: url.below("learnham")?,
            settings: settings.clone(),
            lessons,
        })
    }

    /// Teaches until `shutdown`.
    pub async fn run(mut self, shutdown: CancellationToken) {
        while let Some(Some(lesson)) = shutdown.run_until_cancelled(self.lessons.recv()).await {
            for uid in lesson.uids.iter() {
                let taught = shutdown.run_until_cancelled(self.teach(&lesson, uid)).await;
                match taught {
                    None => return,
                    Some(Ok(true)) => {
                        tracing::info!(account = lesson.mailbox.account(), class = ?lesson.class, "a message was learnt");
                    }
                    Some(Ok(false)) => {}
                    Some(Err(error)) => {
                        tracing::warn!(%error, account = lesson.mailbox.account(), class = ?lesson.class, "a message was not learnt");
                    }
                }
            }
        }
    }

    /// Has one message learnt. `false`: it is gone meanwhile, or was known already.
    async fn teach(&self, lesson: &Lesson, uid: Uid) -> Result<bool, Unlearnt> {
        let Some(file) = lesson.mailbox.open_message(uid).await? else {
            return Ok(false);
        };
        if file.size() > self.settings.max_message_size.get() {
            return Err(Unlearnt::TooLarge);
        }
        let message = file.read(0, usize::MAX).await?;
        let mut pauses = PAUSES.iter();
        loop {
            let error = match self.show(lesson, message.clone()).await {
                Err(error @ (Unlearnt::Silent(_) | Unlearnt::Trouble(_))) => error,
                shown => return shown,
            };
            let Some(pause) = pauses.next() else {
                return Err(error);
            };
            tracing::debug!(%error, "the message is shown again in a while");
            tokio::time::sleep(*pause).await;
        }
    }

    async fn show(&self, lesson: &Lesson, message: Vec<u8>) -> Result<bool, Unlearnt> {
        let url = match lesson.class {
            Class::Spam => &self.spam,
            Class::Ham => &self.ham,
        };
        // Where statistics are kept by user, these are the user's.
        let mut request = Request::post_body(url, "message/rfc822", message)
            .in_clear()
            .field("deliver-to", lesson.mailbox.account());
        if let Some(password) = &self.settings.password {
            request = request.field("password", password.reveal());
        }
        let answer = self
            .client
            .send(request, self.settings.timeout.get(), MAX_ANSWER)
            .await?;
        match answer.status {
            // It has nothing to learn from it, or has learnt it before, which some versions call an error.
            204 | 208 => Ok(false),
            404 if said(&answer.body).contains("already learned") => Ok(false),
            200..=299 => Ok(true),
            500..=599 => Err(Unlearnt::Trouble(answer.status)),
            status => Err(Unlearnt::Refused(status, said(&answer.body))),
        }
    }
}

/// The beginning of an answer, as a line of the log.
fn said(body: &[u8]) -> String {
    const MAX_SAID: usize = 200;
    let text = String::from_utf8_lossy(body);
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_SAID)
        .collect()
}
