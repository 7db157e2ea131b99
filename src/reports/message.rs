//! A report as a message: some words for people, and what programs read (RFC 7489 §7.2.1.1, RFC 8460 §5.3).

use super::Letterhead;
use crate::mail::date::Timestamp;
use crate::mail::encode::Encoder;

/// What is different from one kind of reports to the other.
pub(super) struct Message<'a> {
    /// What it is about, in front of the domain.
    pub(super) about: &'static str,
    /// Header fields of its own, each with its line end.
    pub(super) fields: String,
    /// The type of the whole.
    pub(super) multipart: &'static str,
    /// The type of the attachment.
    pub(super) media_type: &'static str,
    /// How its name ends.
    pub(super) extension: &'static str,
    pub(super) attachment: &'a [u8],
}

impl Message<'_> {
    /// From the Letterhead, to an address.
    pub(super) fn written(&self, head: &Letterhead<'_>, to: &str) -> Vec<u8> {
        let Letterhead {
            submitter,
            from,
            domain,
            day: _,
        } = head;
        let ((begin, end), id) = (head.range(), head.id());
        let Message {
            about,
            fields,
            multipart,
            media_type,
            extension,
            attachment,
        } = self;
        let date = Timestamp::now().to_rfc5322();
        let (unique, boundary) = (rand::random::<u128>(), rand::random::<u128>());
        let mut message = format!(
            "From: {from}\r\nTo: {to}\r\nDate: {date}\r\n\
             Subject: Report Domain: {domain}\r\n\tSubmitter: {submitter}\r\n\tReport-ID: <{id}>\r\n\
             Message-ID: <{unique:032x}@{submitter}>\r\n{fields}Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n\
             Content-Type: {multipart};\r\n\tboundary=\"{boundary:032x}\"\r\n\r\n\
             --{boundary:032x}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
             This is a report about {about} {domain},\r\n\
             as it was seen by {submitter} on {day} (UTC). The attachment is for programs.\r\n\r\n\
             --{boundary:032x}\r\nContent-Type: {media_type}\r\nContent-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment;\r\n\tfilename=\"{submitter}!{domain}!{begin}!{end}.{extension}\"\r\n\r\n",
            day = super::date(head.day),
        )
        .into_bytes();
        let mut encoder = Encoder::base64();
        encoder.feed(attachment, &mut message);
        encoder.finish(false, &mut message);
        message.extend_from_slice(format!("\r\n--{boundary:032x}--\r\n").as_bytes());
        message
    }
}
