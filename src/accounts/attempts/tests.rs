//! Each test has its own clock.

use super::*;
use crate::config::Period;

/// Attempts, and the time in seconds since some moment.
struct Clocked {
    attempts: Attempts,
    begin: Instant,
    seconds: u64,
}

impl Clocked {
    fn now(&self) -> Instant {
        self.begin + Duration::from_secs(self.seconds)
    }

    fn judge(&self, from: IpAddr, name: &str, shown: Option<&[&str]>) -> Verdict {
        self.attempts.judge(self.now(), from, name, shown)
    }

    fn failed(&self, from: IpAddr, name: &str, shown: Option<&[&str]>) -> Duration {
        self.attempts.failed(self.now(), from, name, shown)
    }

    fn succeeded(&self, from: IpAddr, name: &str) {
        self.attempts.succeeded(self.now(), from, name);
    }
}

fn clocked(settings: &Login) -> Clocked {
    Clocked {
        attempts: Attempts::new(settings),
        begin: Instant::now(),
        seconds: 0,
    }
}

fn attempts() -> Clocked {
    clocked(&Login {
        max_failures: 3,
        max_failures_per_address: 6,
        max_failures_per_account: 9,
        block: Period::seconds(600),
        ..Login::default()
    })
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

const HOME: &str = "192.0.2.1";
const AWAY: &str = "198.51.100.1";

/// Fails so many times with different passwords.
fn fail(attempts: &Clocked, from: &str, name: &str, times: usize) {
    for turn in 0..times {
        attempts.failed(address(from), name, Some(&[&turn.to_string(), "stored"]));
    }
}

fn judge(attempts: &Clocked, from: &str, name: &str) -> Verdict {
    attempts.judge(address(from), name, Some(&["another", "stored"]))
}

fn blocked(attempts: &Clocked, from: &str, name: &str) -> bool {
    matches!(judge(attempts, from, name), Verdict::Blocked(_))
}

#[test]
fn a_name_is_turned_away_where_it_failed_and_for_a_while() {
    let mut attempts = attempts();
    fail(&attempts, HOME, "alice", 2);
    assert_eq!(judge(&attempts, HOME, "alice"), Verdict::Look { acquainted: false });
    fail(&attempts, HOME, "alice", 3);
    assert_eq!(
        judge(&attempts, HOME, "alice"),
        Verdict::Blocked(Duration::from_secs(600))
    );
    assert!(!blocked(&attempts, HOME, "bob") && !blocked(&attempts, AWAY, "alice"));
    attempts.seconds += 599;
    assert!(blocked(&attempts, HOME, "alice"));
    attempts.seconds += 1;
    assert!(!blocked(&attempts, HOME, "alice"));
    fail(&attempts, HOME, "alice", 1);
    assert!(!blocked(&attempts, HOME, "alice"), "what was before is forgotten");
}

#[test]
fn an_address_that_guesses_many_names_is_turned_away() {
    let attempts = attempts();
    for name in ["a", "b", "c", "d", "e", "f"] {
        assert!(!blocked(&attempts, "2001:db8::1", "alice"));
        fail(&attempts, "2001:db8::1", name, 1);
    }
    assert!(blocked(&attempts, "2001:db8::2", "alice"), "the same customer");
    assert!(!blocked(&attempts, "2001:db8:0:1::1", "alice"));
}

#[test]
fn nobody_is_turned_away_for_what_another_does() {
    let attempts = attempts();
    // A family: alice's phone is logged in, bob's guesses.
    attempts.succeeded(address(HOME), "alice");
    for name in ["bob", "rob", "robert"] {
        fail(&attempts, HOME, name, 3);
    }
    assert!(blocked(&attempts, HOME, "bob"));
    assert_eq!(judge(&attempts, HOME, "alice"), Verdict::Look { acquainted: true });
    assert_eq!(judge(&attempts, HOME, "carol"), Verdict::Look { acquainted: false });

    // A container: everybody has the address of its gateway.
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        fail(&attempts, "172.17.0.1", name, 3);
    }
    assert!(!blocked(&attempts, "172.17.0.1", "alice"));
    assert!(blocked(&attempts, "172.17.0.1", "a"));
    attempts.succeeded(address("172.17.0.1"), "alice");
    assert_eq!(
        judge(&attempts, "172.17.0.1", "alice"),
        Verdict::Look { acquainted: true }
    );
    fail(&attempts, "172.17.0.1", "alice", 20);
    assert_eq!(
        judge(&attempts, "172.17.0.1", "alice"),
        Verdict::Look { acquainted: false }
    );
    assert!(attempts.attempts.book().explained);
}

#[test]
fn a_name_that_many_guess_at_gets_in_from_where_it_is_known() {
    let mut attempts = attempts();
    attempts.succeeded(address(HOME), "alice");
    for host in 1..=9 {
        fail(&attempts, &format!("198.51.100.{host}"), "alice", 1);
    }
    assert!(blocked(&attempts, "203.0.113.1", "alice"));
    assert!(!blocked(&attempts, HOME, "alice"));
    attempts.seconds += 600;
    assert!(!blocked(&attempts, "203.0.113.1", "alice"));
}

#[test]
fn the_same_wrong_password_counts_once_until_something_changes() {
    let attempts = attempts();
    let shown: &[&str] = &["old", "stored"];
    for _ in 0..20 {
        attempts.failed(address(HOME), "alice", Some(shown));
    }
    assert_eq!(attempts.judge(address(HOME), "alice", Some(shown)), Verdict::KnownWrong);
    let look = Verdict::Look { acquainted: false };
    assert_eq!(
        attempts.judge(address(HOME), "alice", Some(&["old", "stored anew"])),
        look
    );
    assert_eq!(attempts.judge(address(HOME), "bob", Some(shown)), look);
    // A proof is different each time.
    for _ in 0..2 {
        attempts.failed(address(HOME), "alice", None);
    }
    assert!(blocked(&attempts, HOME, "alice"));
}

#[test]
fn answers_take_longer_and_longer_until_one_is_right() {
    let attempts = attempts();
    let delays: Vec<_> = (0..8)
        .map(|turn: i32| {
            let shown = turn.to_string();
            attempts.failed(address(HOME), "alice", Some(&[&shown])).as_secs()
        })
        .collect();
    assert_eq!(delays, [1, 1, 1, 2, 4, 8, 8, 8]);
    attempts.succeeded(address(HOME), "alice");
    assert_eq!(attempts.failed(address(HOME), "alice", None).as_secs(), 1);
}

#[test]
fn limits_of_zero_are_none() {
    let attempts = clocked(&Login {
        max_failures: 0,
        max_failures_per_address: 0,
        max_failures_per_account: 0,
        ..Login::default()
    });
    fail(&attempts, HOME, "alice", 1000);
    assert!(!blocked(&attempts, HOME, "alice"));
}

#[test]
fn a_full_table_lets_the_older_half_go() {
    let now = Instant::now();
    let mut table: HashMap<usize, Instant> = (0..MAX_ENTRIES)
        .map(|number| (number, now + Duration::from_secs(1 + number as u64)))
        .collect();
    make_room(&mut table, |until| Some(*until), now);
    assert_eq!(table.len(), MAX_ENTRIES / 2 - 1);
    assert!(table.contains_key(&(MAX_ENTRIES - 1)));
    make_room(&mut table, |until| Some(*until), now + Duration::from_secs(3600 * 24));
    assert_eq!(table.len(), MAX_ENTRIES / 2 - 1, "there is room");
}
