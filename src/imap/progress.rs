//! How far a long command is (INPROGRESS, RFC 9585): a client that hears nothing for minutes would take the server for dead.
//!
//! The work counts; whoever waits for it tells the count from time to time. A command that ends soon says nothing.

use super::answer::Failure;
use super::output::Output;
use super::session::Session;
use crate::net::connection::Connection;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// Between two responses, and before the first.
const INTERVAL: Duration = Duration::from_secs(10);

/// What a command has done so far.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    done: AtomicU32,
    goal: AtomicU32,
}

impl Progress {
    /// There are so many messages to look at.
    pub(crate) fn expect(&self, messages: usize) {
        let messages = u32::try_from(messages).unwrap_or(u32::MAX);
        self.goal.store(messages, Ordering::Relaxed);
    }

    /// One more was looked at.
    pub(crate) fn advance(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits for the work of the command with this tag.
    pub(crate) async fn during<T>(
        &self,
        session: &mut Session,
        tag: &str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let timeout = session.write_timeout;
        let (output, connection) = (&mut session.output, &mut session.connection);
        self.told(output, connection, timeout, INTERVAL, tag, work).await
    }

    async fn told<T>(
        &self,
        output: &mut Output,
        connection: &mut Connection,
        timeout: Duration,
        interval: Duration,
        tag: &str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let mut work = pin!(work);
        let mut ticks = interval_at(Instant::now() + interval, interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                _ = ticks.tick() => {}
            }
            output.raw(b"* OK [INPROGRESS (");
            output.string(tag.as_bytes());
            match (self.done.load(Ordering::Relaxed), self.goal.load(Ordering::Relaxed)) {
                (_, 0) => output.raw(b" NIL NIL)] Still at work\r\n"),
                (done, goal) => output.line(format_args!(" {} {goal})] Still at work", done.min(goal))),
            }
            output.flush(connection, timeout).await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncBufReadExt, BufReader};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::oneshot;

    const SOON: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn what_takes_long_is_told_until_it_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let mut connection = Connection::plain(server, None).unwrap();
        let mut output = Output::new();
        let progress = Progress::default();
        let (go_on, gone_on) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let work = async {
            gone_on.await.unwrap();
            progress.expect(3);
            progress.advance();
            progress.advance();
            ended.await.unwrap();
            Ok(7)
        };
        let client = tokio::spawn(async move {
            let mut lines = BufReader::new(client).lines();
            let unknown = lines.next_line().await.unwrap();
            go_on.send(()).unwrap();
            loop {
                let line = lines.next_line().await.unwrap();
                if line != unknown {
                    end.send(()).unwrap();
                    return (unknown.unwrap(), line.unwrap());
                }
            }
        });
        let often = Duration::from_millis(1);
        let done = progress
            .told(&mut output, &mut connection, SOON, often, "a\"1", work)
            .await;
        assert_eq!(done.unwrap(), 7);
        let (unknown, known) = client.await.unwrap();
        assert_eq!(unknown, "* OK [INPROGRESS (\"a\\\"1\" NIL NIL)] Still at work");
        assert_eq!(known, "* OK [INPROGRESS (\"a\\\"1\" 2 3)] Still at work");
        // One that ends at once says nothing.
        let short = async { Ok(8) };
        let done = progress
            .told(&mut output, &mut connection, SOON, often, "a2", short)
            .await;
        assert!(done.unwrap() == 8 && output.written().is_empty());
    }
}
