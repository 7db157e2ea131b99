//! What became of a claim, made durable.

use std::time::Duration;

use super::report::Told;
use super::tell::{is_delay_due, remove_reports, told};
use super::{Answer, Claim, Destination, Entry, Failure, Outcome, Queue, Recipient, RecipientId, Result};
use super::{blocking, lock, now};
use crate::config;
use crate::storage::database::StoreError;
use crate::storage::queue::{NewRows, RecipientChange, RecipientRow};

/// The first and the longest pause before it is tried again to write outcomes that could not be written.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

impl Claim {
    /// Writes what became of the recipients; those that are not named are due again. Durable when it returns, together
    /// with the reports that it causes. A disk that refuses is tried again until it does not: what was delivered must not
    /// be sent again for it. So this may take long; dropping the future leaves the outcomes unwritten.
    pub async fn settle(self, outcomes: Vec<(RecipientId, Outcome)>) -> Result<()> {
        let (queue, entry, now) = (self.lease.queue.clone(), self.entry.clone(), now());
        let mut changes = Vec::with_capacity(outcomes.len());
        let mut reported = Vec::new();
        for (id, outcome) in outcomes {
            if let Some(recipient) = self.recipients.iter().find(|recipient| recipient.id == id) {
                log(&entry, recipient, &outcome);
                if let (Some(account), Outcome::Failed(answer)) = (entry.account, &outcome) {
                    // Nobody may be listening.
                    let _ = queue.0.failures.send(Failure {
                        account,
                        to: recipient.address.clone(),
                        answer: answer.clone(),
                    });
                }
                reported.extend(told(&queue.0.settings, &entry, recipient, &outcome, now));
                changes.push(change(&queue.0.settings, &entry, recipient, outcome, now));
            }
        }
        let finished = queue.write(&entry, &changes, &reported).await?;
        self.lease.end(finished).await;
        queue.settled(&entry, &changes, finished).await
    }
}

impl Queue {
    /// Writes outcomes, as often as it takes. Whether the entry is gone.
    async fn write(&self, entry: &Entry, changes: &[RecipientChange], told: &[Told]) -> Result<bool> {
        let mut pause = PAUSES[0];
        loop {
            match self.try_to_write(entry, changes, told.to_vec()).await {
                Ok(finished) => return Ok(finished),
                Err(StoreError::Closed) => return Err(StoreError::Closed.into()),
                Err(error) => tracing::error!(%error, id = %entry.id, "outcomes cannot be written, trying again"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES[1]);
        }
    }

    /// Writes the files of the reports, then all rows at once.
    async fn try_to_write(
        &self,
        entry: &Entry,
        changes: &[RecipientChange],
        told: Vec<Told>,
    ) -> std::result::Result<bool, StoreError> {
        let failed = |error: std::io::Error| StoreError::Failed(error.to_string());
        let reports = self.reports(entry, told).await.map_err(failed)?;
        let id = entry.id.0 as i64;
        match self.0.store.settle(id, changes.to_vec(), reports.clone()).await {
            Ok(settled) => {
                match settled.reported {
                    true => self.arrived(&reports),
                    false => self.forget_reports(reports).await,
                }
                Ok(settled.finished)
            }
            Err(error) => {
                // When it is not known whether it was written, the files stay: the next start removes them if nobody wants them.
                if !matches!(error, StoreError::Failed(_)) {
                    self.forget_reports(reports).await;
                }
                Err(error)
            }
        }
    }

    async fn forget_reports(&self, reports: Vec<NewRows>) {
        let files = self.0.store.files().clone();
        let _ = tokio::task::spawn_blocking(move || remove_reports(&files, &reports)).await;
    }

    /// What was just written is known, and a message that nobody waits for is removed.
    async fn settled(&self, entry: &Entry, changes: &[RecipientChange], finished: bool) -> Result<()> {
        let mut done = 0;
        for change in changes {
            match change {
                RecipientChange::Done(_) => done += 1,
                RecipientChange::Tried(row) => {
                    self.0.schedule.offer(&Destination::from_row(&row.destination), row.due);
                }
            }
        }
        {
            let mut totals = lock(&self.0.totals);
            totals.recipients = totals.recipients.saturating_sub(done);
            if finished {
                totals.entries = totals.entries.saturating_sub(1);
                totals.octets = totals.octets.saturating_sub(entry.stored);
            }
        }
        if finished {
            let (files, id) = (self.0.store.files().clone(), entry.id);
            let removed = move || {
                files.remove(id);
                Ok(())
            };
            blocking(removed).await?;
        }
        Ok(())
    }
}

/// What an outcome makes of a recipient.
fn change(
    settings: &config::Queue,
    entry: &Entry,
    recipient: &Recipient,
    outcome: Outcome,
    now: i64,
) -> RecipientChange {
    let tried = |answer: &Answer, due: i64, delay_told: bool| {
        RecipientChange::Tried(Box::new(RecipientRow {
            due,
            delay_told: delay_told || recipient.row.delay_told,
            attempts: i64::from(recipient.attempts) + 1,
            tried: Some(now),
            host: answer.host.clone().unwrap_or_default(),
            status: answer.status.to_string(),
            reply: answer.text().to_owned(),
            ..recipient.row.clone()
        }))
    };
    match outcome {
        Outcome::Delivered(_) | Outcome::Forwarded(_) | Outcome::Relayed { .. } | Outcome::Failed(_) => {
            RecipientChange::Done(recipient.id.0)
        }
        Outcome::Deferred { .. } if now >= entry.expires => RecipientChange::Done(recipient.id.0),
        Outcome::Deferred { answer, retry } => {
            let pause = retry.unwrap_or_else(|| backoff(settings, recipient.attempts));
            let due = now.saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
            // That it takes longer than was wanted is told in time.
            let wanted = entry
                .handling
                .by
                .filter(|by| !by.is_over(now))
                .map_or(due, |by| by.moment);
            // One last attempt when the time is up.
            tried(
                &answer,
                due.min(wanted).min(entry.expires),
                is_delay_due(settings, entry, recipient, now),
            )
        }
        Outcome::Rerouted(destination) => RecipientChange::Tried(Box::new(RecipientRow {
            destination: destination.as_row().to_owned(),
            due: now,
            ..recipient.row.clone()
        })),
    }
}

/// The pause behind an attempt: doubled each time, and a fifth more or less, so that what failed together does not come
/// back together.
fn backoff(settings: &config::Queue, attempts: u32) -> Duration {
    let pause = settings.retry_first.get().saturating_mul(1 << attempts.min(20));
    pause
        .min(settings.retry_max.get())
        .mul_f64(0.8 + 0.4 * rand::random::<f64>())
}

/// A line for whoever looks after the server.
fn log(entry: &Entry, recipient: &Recipient, outcome: &Outcome) {
    let (id, to, age_ms) = (entry.id, &recipient.address, now() - entry.arrived);
    let (what, answer) = match outcome {
        Outcome::Delivered(answer) => ("delivered", answer),
        Outcome::Forwarded(answer) => ("forwarded", answer),
        Outcome::Relayed { answer, .. } => ("relayed", answer),
        Outcome::Deferred { answer, .. } => ("deferred", answer),
        Outcome::Failed(answer) => ("failed", answer),
        Outcome::Rerouted(destination) => return tracing::debug!(%id, %to, %destination, "rerouted"),
    };
    let host = answer.host.as_deref().unwrap_or_default();
    tracing::info!(%id, %to, host, status = %answer.status, reply = answer.text(), age_ms, "{what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_differ() {
        let settings = config::Queue::default();
        let seconds = |attempts| backoff(&settings, attempts).as_secs_f64();
        for (attempts, pause) in [(0, 300.0), (1, 600.0), (3, 2400.0), (5, 7200.0), (60, 7200.0)] {
            for _ in 0..20 {
                assert!((0.8 * pause..=1.2 * pause).contains(&seconds(attempts)));
            }
        }
        assert_ne!(seconds(1), seconds(1));
    }
}
