//! The MIME scanner: what deriving a summary adds to receiving a message.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use posthaste::mail::mime::{MimeLimits, Scanner};
use posthaste::mail::summary::Summary;

fn main() {
    divan::main();
}

/// Kinds of messages: what people write, what they attach, and what nobody should send.
const KINDS: [&str; 4] = ["text 4 KB", "alternative 30 KB", "attachment 10 MB", "nested 64 deep"];

#[divan::bench(args = KINDS)]
fn scan(bencher: Bencher<'_, '_>, kind: &str) {
    let message = message(kind);
    bencher
        .counter(BytesCount::new(message.len()))
        .bench(|| scanned(black_box(&message)));
}

#[divan::bench(args = KINDS)]
fn encode(bencher: Bencher<'_, '_>, kind: &str) {
    let summary = scanned(&message(kind));
    bencher.bench(|| black_box(&summary).encode());
}

#[divan::bench(args = KINDS)]
fn decode(bencher: Bencher<'_, '_>, kind: &str) {
    let stored = scanned(&message(kind)).encode();
    bencher.bench(|| Summary::decode(black_box(&stored)));
}

/// In pieces, as a socket gives them.
fn scanned(message: &[u8]) -> Summary {
    let mut scanner = Scanner::new(MimeLimits::default());
    message.chunks(16 * 1024).for_each(|piece| scanner.feed(piece));
    scanner.finish()
}

const HEADER: &str = "Return-Path: <alice@example.org>\r\n\
    Received: from mail.example.org (mail.example.org [192.0.2.1])\r\n\tby mx.example.net with ESMTPS id 7f3a;\r\n\
    \tTue, 24 Nov 2026 08:00:00 +0000\r\nFrom: \"Alice A.\" <alice@example.org>\r\n\
    To: Bob <bob@example.net>, carol@example.net\r\nCc: =?utf-8?q?J=C3=BCrgen?= <j@example.net>\r\n\
    Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from the bench\r\nDate: Tue, 24 Nov 2026 08:00:00 +0000\r\n\
    Message-ID: <1234@example.org>\r\nMIME-Version: 1.0\r\n";

fn message(kind: &str) -> Vec<u8> {
    let text = |size: usize| "A line of text as people write them, of some seventy characters.\r\n".repeat(size / 66);
    let body = match kind {
        "text 4 KB" => format!("Content-Type: text/plain\r\n\r\n{}", text(4_000)),
        "alternative 30 KB" => format!(
            "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n{}\r\n--b\r\n\
             Content-Type: text/html\r\n\r\n{}\r\n--b--\r\n",
            text(10_000),
            text(20_000)
        ),
        "attachment 10 MB" => format!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n{}\r\n--b\r\n\
             Content-Type: application/pdf; name=x.pdf\r\nContent-Disposition: attachment; filename=x.pdf\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
            text(1_000),
            format!("{}\r\n", "JVBERi0xLjQK".repeat(6)).repeat(10_000_000 / 74)
        ),
        _ => {
            let open = |depth| format!("Content-Type: multipart/mixed; boundary=\"b{depth}\"\r\n\r\n--b{depth}\r\n");
            let opened = (0..64).map(open).collect::<String>();
            let closed = (0..64)
                .rev()
                .map(|depth| format!("\r\n--b{depth}--\r\n"))
                .collect::<String>();
            format!("{opened}Content-Type: text/plain\r\n\r\n{}{closed}", text(2_000))
        }
    };
    format!("{HEADER}{body}").into_bytes()
}
