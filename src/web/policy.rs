//! Our own MTA-STS policy (RFC 8461 §3): its text, and the name of its version, by which others know that it has changed.

use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};

use crate::config::{MtaSts, MtaStsMode};

/// The text at `/.well-known/mta-sts.txt`. `hostname`: the server that the policy names if the settings name none.
pub fn text(settings: &MtaSts, hostname: &str) -> String {
    let mode = match settings.mode {
        MtaStsMode::None => "none",
        MtaStsMode::Testing => "testing",
        MtaStsMode::Enforce => "enforce",
    };
    let mut text = format!("version: STSv1\r\nmode: {mode}\r\n");
    let own = [hostname.to_owned()];
    let hosts = if settings.mx.is_empty() {
        &own
    } else {
        settings.mx.as_slice()
    };
    for host in hosts {
        text.push_str(&format!("mx: {host}\r\n"));
    }
    text.push_str(&format!("max_age: {}\r\n", settings.max_age.get().as_secs()));
    text
}

/// The `id` in the TXT record (RFC 8461 §3.1): another one for another text.
pub fn id(settings: &MtaSts, hostname: &str) -> String {
    let hash = Blake2b::<U16>::digest(text(settings, hostname));
    hash.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_that_of_the_text() {
        let mut settings = MtaSts::default();
        let mut ids = vec![id(&settings, "mail.example.org")];
        assert!(ids[0].len() <= 32 && ids[0].bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(ids[0], id(&settings, "mail.example.org"));
        settings.mode = MtaStsMode::Enforce;
        ids.push(id(&settings, "mail.example.org"));
        settings.mx = vec!["a.example".to_owned(), "*.b.example".to_owned()];
        ids.push(id(&settings, "mail.example.org"));
        assert!(ids[0] != ids[1] && ids[1] != ids[2]);
        assert_eq!(
            text(&settings, "mail.example.org"),
            "version: STSv1\r\nmode: enforce\r\nmx: a.example\r\nmx: *.b.example\r\nmax_age: 604800\r\n"
        );
    }
}
