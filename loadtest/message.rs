//! Messages that can be told apart: each carries an identifier of its run and number, and is known to the last octet.

use std::time::{SystemTime, UNIX_EPOCH};

/// The header field with the identifier.
pub(crate) const ID_FIELD: &str = "X-Load-Id";

/// The messages of one run, all of about one size.
pub(crate) struct Run {
    /// Tells this run's messages from all others.
    pub(crate) name: String,
    date: String,
    text: Vec<u8>,
    text_stuffed: Vec<u8>,
}

/// One message, in both of its forms.
pub(crate) struct Message<'a> {
    header: String,
    run: &'a Run,
}

impl Run {
    /// Messages of about `size` octets.
    pub(crate) fn new(size: usize) -> Run {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let date = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
        let mut run = Run {
            name: format!("{:x}", now.as_micros()),
            date: date.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string(),
            text: Vec::new(),
            text_stuffed: Vec::new(),
        };
        run.text = text(size.saturating_sub(run.plain(0, "someone@example.test").header.len()));
        run.text_stuffed = stuff(&run.text);
        run
    }

    /// The identifier of a message.
    pub(crate) fn id(&self, number: usize) -> String {
        format!("{}.{number}", self.name)
    }

    /// A message of plain text.
    pub(crate) fn plain(&self, number: usize, to: &str) -> Message<'_> {
        let header = self.header(number, to) + "Content-Type: text/plain; charset=us-ascii\r\n\r\n";
        Message { header, run: self }
    }

    /// As people's mail programs write them, for a mailbox that is read: every second one is HTML beside plain text,
    /// with an attached file. The text begins with a line that no other message of the run has.
    pub(crate) fn varied(&self, number: usize, to: &str) -> Vec<u8> {
        if number.is_multiple_of(2) {
            let mut message = self.plain(number, to);
            message.header += &Run::line(number);
            return message.stored();
        }
        let boundary = format!("=_{}", self.id(number));
        let (half, quarter) = (self.text.len() / 2, self.text.len() / 4);
        let mut message = self.header(number, to).into_bytes();
        let plain = [Run::line(number).as_bytes(), &self.text[..quarter]].concat();
        let parts: [(&str, &[u8]); 4] = [
            ("Content-Type: multipart/alternative; boundary=inner", b"--inner"),
            ("Content-Type: text/plain; charset=utf-8", &plain),
            ("Content-Type: text/html; charset=utf-8", &self.text[quarter..half]),
            (
                "Content-Type: application/octet-stream; name=\"report.bin\"\r\n\
                 Content-Disposition: attachment; filename=\"report.bin\"\r\nContent-Transfer-Encoding: 7bit",
                &self.text[half..],
            ),
        ];
        message.extend(format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n").bytes());
        message.extend(format!("--{boundary}\r\n{}\r\n\r\n", parts[0].0).bytes());
        for (fields, body) in &parts[1..3] {
            message.extend(format!("--inner\r\n{fields}\r\n\r\n").bytes());
            message.extend_from_slice(body);
            message.extend_from_slice(b"\r\n");
        }
        message.extend(format!("--inner--\r\n--{boundary}\r\n{}\r\n\r\n", parts[3].0).bytes());
        message.extend_from_slice(parts[3].1);
        message.extend(format!("\r\n--{boundary}--\r\n").bytes());
        message
    }

    /// The line by which the text of one message is found.
    fn line(number: usize) -> String {
        format!("Your order {number} is on its way.\r\n")
    }

    fn header(&self, number: usize, to: &str) -> String {
        let (id, date) = (self.id(number), &self.date);
        format!(
            "From: \"Sender {}\" <sender{}@loadtest.invalid>\r\nTo: <{to}>\r\nSubject: Message {number} of run {}\r\n\
             Date: {date}\r\nMessage-ID: <{id}@loadtest.invalid>\r\n{ID_FIELD}: {id}\r\nMIME-Version: 1.0\r\n",
            number % 50,
            number % 50,
            self.name,
        )
    }
}

impl Message<'_> {
    /// As it must be stored: what a server adds stands before it.
    pub(crate) fn stored(&self) -> Vec<u8> {
        [self.header.as_bytes(), &self.run.text].concat()
    }

    /// As it crosses SMTP, with the final dot (RFC 5321 §4.5.2).
    pub(crate) fn stuffed(&self) -> Vec<u8> {
        [self.header.as_bytes(), &self.run.text_stuffed, b".\r\n"].concat()
    }
}

/// Lines of text; some begin with a dot, so that transparency is tried as well. Never empty, always whole lines.
fn text(size: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(size + 80);
    let mut number = 0;
    while text.len() < size.max(1) {
        let start = ["The quick brown fox", ".", "..", "jumps over the lazy dog"][number % 4];
        let line = format!("{start} {number:06} {}", "0123456789abcdef".repeat(2));
        let room = size.saturating_sub(text.len() + 2).max(1);
        text.extend(line.bytes().take(room));
        text.extend_from_slice(b"\r\n");
        number += 1;
    }
    text
}

/// Doubles the dots that begin a line.
fn stuff(text: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(text.len() + 64);
    for line in text.split_inclusive(|octet| *octet == b'\n') {
        if line.starts_with(b".") {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
    }
    stuffed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_size_asked_for_and_cross_smtp() {
        for size in [0, 500, 4096, 100_000] {
            let run = Run::new(size);
            let message = run.plain(12, "user1@example.test");
            let stored = message.stored();
            assert!(stored.ends_with(b"\r\n"));
            assert!(
                size < 500 || stored.len().abs_diff(size) < 90,
                "{size}: {}",
                stored.len()
            );
            let wire = message.stuffed();
            let text = wire.strip_suffix(b".\r\n").unwrap();
            let lines = text.split_inclusive(|octet| *octet == b'\n');
            let plain = lines
                .flat_map(|line| line.strip_prefix(b".").unwrap_or(line))
                .copied()
                .collect::<Vec<_>>();
            assert_eq!(plain, stored);
        }
    }

    #[test]
    fn identifiers_are_in_the_header() {
        let run = Run::new(3000);
        for number in [6, 7] {
            let message = String::from_utf8(run.varied(number, "a@b")).unwrap();
            assert!(message.contains(&format!("\r\n{ID_FIELD}: {}\r\n", run.id(number))));
        }
    }
}
