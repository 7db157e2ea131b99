//! A line for each delivery: from, to, size, time to durable, how many waiting clients were told and how soon.

use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep};

use crate::cli::say;
use crate::delivery::Report;
use crate::mailbox::Notice;

/// How long a line waits for the last client to be told.
const PATIENCE: Duration = Duration::from_millis(500);
/// Between two looks at who has been told.
const LOOK: Duration = Duration::from_millis(2);

/// Prints until it is aborted. Who looks on never delays mail: what it misses is counted.
pub(super) async fn watch(mut reports: Receiver<Report>) {
    loop {
        let line = match reports.recv().await {
            Ok(report) => {
                let time = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
                let told = told(&report).await;
                line(&time, &report, told)
            }
            Err(RecvError::Lagged(missed)) => format!("         … and {missed} more"),
            Err(RecvError::Closed) => return,
        };
        if say(line).is_err() {
            return;
        }
    }
}

/// Who was waiting, who of them has been told, and when the last was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Told {
    waiting: usize,
    reached: usize,
    after: Duration,
}

async fn told(report: &Report) -> Told {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = report
            .notices
            .iter()
            .map(|notice| of(notice))
            .fold(Told::default(), |all, one| Told {
                waiting: all.waiting + one.waiting,
                reached: all.reached + one.reached,
                after: all.after.max(one.after),
            });
        if told.reached >= told.waiting || Instant::now() >= deadline {
            return told;
        }
        sleep(LOOK).await;
    }
}

fn of(notice: &Notice) -> Told {
    let (reached, after) = notice.reached();
    let waiting = notice.waiting();
    Told {
        waiting,
        // Those who came later are told as well.
        reached: reached.min(waiting),
        after,
    }
}

fn line(time: &str, report: &Report, told: Told) -> String {
    let from = if report.from.is_empty() { "<>" } else { &report.from };
    let to = report.to.join(", ");
    let clients = match told {
        Told { waiting: 0, .. } => "no client was waiting".to_owned(),
        Told {
            waiting,
            reached,
            after,
        } => format!(
            "told {reached} of {waiting} waiting client{} in {}",
            if waiting == 1 { "" } else { "s" },
            milliseconds(after)
        ),
    };
    let line = format!(
        "{time} {from} → {to}  {}  durable in {}  {clients}",
        size(report.size),
        milliseconds(report.durable)
    );
    // Addresses are what a peer chose: nothing of it may steer the terminal.
    line.replace(char::is_control, "?")
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn size(octets: u64) -> String {
    match octets {
        0..1000 => format!("{octets} B"),
        1000..1_000_000 => format!("{:.1} kB", octets as f64 / 1e3),
        _ => format!("{:.1} MB", octets as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_it_all_and_steers_no_terminal() {
        let report = Report {
            from: "bob\u{1b}[2J@example.org".to_owned(),
            to: vec!["alice@example.org".to_owned()],
            size: 1234,
            durable: Duration::from_micros(3140),
            notices: Vec::new(),
        };
        let told = Told {
            waiting: 2,
            reached: 2,
            after: Duration::from_micros(400),
        };
        assert_eq!(
            line("12:00:01", &report, told),
            "12:00:01 bob?[2J@example.org → alice@example.org  1.2 kB  durable in 3.1 ms  told 2 of 2 waiting clients in 0.4 ms"
        );
        let bounce = Report {
            from: String::new(),
            ..report
        };
        let line = line("12:00:01", &bounce, Told::default());
        assert!(
            line.starts_with("12:00:01 <> → ") && line.ends_with("  no client was waiting"),
            "{line}"
        );
    }
}
