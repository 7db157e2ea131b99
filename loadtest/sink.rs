//! An SMTP server that takes everything and keeps only which message arrived when (RFC 5321, RFC 2920).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::message::ID_FIELD;

/// The longest line that is read; RFC 5321 §4.5.3.1.6 allows 1,000 octets.
const MAX_LINE: u64 = 64 * 1024;

/// Whom mail goes to that another server takes, which this tool plays.
#[derive(Args)]
pub(crate) struct Elsewhere {
    /// Where the other server listens; the server under load must send mail for the recipients here
    #[arg(long, default_value = "127.0.0.1:2526")]
    pub(crate) sink: SocketAddr,
    /// Domains of the recipients; %d stands for a number from 1 to --domains
    #[arg(long, default_value = "sink%d.test")]
    domain: String,
    /// How many different domains
    #[arg(long, default_value_t = 1)]
    pub(crate) domains: usize,
}

impl Elsewhere {
    /// The recipient of each message.
    pub(crate) fn recipients(&self) -> impl Fn(usize) -> String + Send + Sync + 'static {
        let (domain, domains) = (self.domain.clone(), self.domains.max(1));
        move |number| {
            let domain = domain.replace("%d", &(number % domains + 1).to_string());
            format!("load{number}@{domain}")
        }
    }
}

/// What has arrived. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Sink(Arc<Inner>);

#[derive(Default)]
struct Inner {
    arrivals: Mutex<HashMap<String, Arrival>>,
    connections: Mutex<u64>,
    news: Notify,
}

/// A message that arrived.
#[derive(Clone, Copy)]
pub(crate) struct Arrival {
    /// The final dot was read, of the first copy.
    pub(crate) when: Instant,
    pub(crate) copies: usize,
}

impl Sink {
    /// Listens, until the program ends. Each message is answered after `delay`.
    pub(crate) async fn listen(address: SocketAddr, delay: Duration) -> Result<Sink> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))?;
        let sink = Sink::default();
        let accepting = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *lock(&accepting.0.connections) += 1;
                let sink = accepting.clone();
                // A peer that goes away in the middle is its own affair: what it owes is counted.
                tokio::spawn(async move { sink.serve(stream, delay).await });
            }
        });
        Ok(sink)
    }

    /// Returns when so many different messages have arrived.
    pub(crate) async fn wait_for(&self, count: usize) {
        loop {
            let news = self.0.news.notified();
            if lock(&self.0.arrivals).len() >= count {
                return;
            }
            news.await;
        }
    }

    /// All that has arrived, by identifier.
    pub(crate) fn arrivals(&self) -> HashMap<String, Arrival> {
        lock(&self.0.arrivals).clone()
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> u64 {
        *lock(&self.0.connections)
    }

    async fn serve(&self, stream: TcpStream, delay: Duration) -> Result<()> {
        stream.set_nodelay(true)?;
        let (read, mut write) = stream.into_split();
        let mut read = BufReader::with_capacity(64 * 1024, read);
        let mut replies = b"220 sink.invalid\r\n".to_vec();
        let mut line = Vec::new();
        loop {
            // Replies to what came in one piece leave in one piece.
            if read.buffer().is_empty() {
                write.write_all(&replies).await?;
                replies.clear();
            }
            line.clear();
            if (&mut read).take(MAX_LINE).read_until(b'\n', &mut line).await? == 0 {
                return Ok(());
            }
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            match verb.as_slice() {
                b"EHLO" => {
                    replies.extend(b"250-sink.invalid\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 104857600\r\n")
                }
                b"DATA" => {
                    replies.extend(b"354 go on\r\n");
                    write.write_all(&replies).await?;
                    replies.clear();
                    self.data(&mut read).await?;
                    if !delay.is_zero() {
                        tokio::time::sleep(delay).await;
                    }
                    replies.extend(b"250 2.0.0 taken\r\n");
                }
                b"QUIT" => {
                    replies.extend(b"221 bye\r\n");
                    write.write_all(&replies).await?;
                    return Ok(());
                }
                _ => replies.extend(b"250 2.0.0 yes\r\n"),
            }
        }
    }

    async fn data(&self, read: &mut (impl AsyncBufReadExt + Unpin)) -> Result<()> {
        let (mut line, mut id) = (Vec::new(), None);
        loop {
            line.clear();
            if (&mut *read).take(MAX_LINE).read_until(b'\n', &mut line).await? == 0 || line == b".\r\n" {
                break;
            }
            if id.is_none() {
                id = identifier(&line);
            }
        }
        // A message without identifier is a notice of the server's own.
        if let Some(id) = id.filter(|_| line == b".\r\n") {
            let mut arrivals = lock(&self.0.arrivals);
            let arrival = arrivals.entry(id).or_insert(Arrival {
                when: Instant::now(),
                copies: 0,
            });
            arrival.copies += 1;
            drop(arrivals);
            self.0.news.notify_waiters();
        }
        Ok(())
    }
}

/// The identifier that this line of a header holds.
fn identifier(line: &[u8]) -> Option<String> {
    let value = line.strip_prefix(ID_FIELD.as_bytes())?.strip_prefix(b":")?;
    Some(String::from_utf8_lossy(value).trim().to_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_found_in_their_field_only() {
        assert_eq!(identifier(b"X-Load-Id: a.7\r\n").as_deref(), Some("a.7"));
        assert_eq!(identifier(b"Subject: X-Load-Id: a.7\r\n"), None);
    }
}
