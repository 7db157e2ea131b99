//! What FETCH needs of a message without its file: envelope, structure, sizes and often-asked header fields.
//!
//! Derived once, while the message arrives, by [`super::mime::Scanner`]; stored in the index as one blob. Everything
//! is kept as written (RFC 9051 §7.5.2 wants encoded words untouched): bytes, not decoded text.

/// The IMAP ENVELOPE of a message (RFC 9051 §7.5.2), as written in its header. `None` is NIL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageEnvelope {
    /// The Date field's value.
    pub date: Option<Vec<u8>>,
    /// The Subject field's value, unfolded.
    pub subject: Option<Vec<u8>>,
    /// From.
    pub from: Vec<EnvelopeAddress>,
    /// Sender; equal to `from` when the field is absent or empty.
    pub sender: Vec<EnvelopeAddress>,
    /// Reply-To; equal to `from` when the field is absent or empty.
    pub reply_to: Vec<EnvelopeAddress>,
    /// To.
    pub to: Vec<EnvelopeAddress>,
    /// Cc.
    pub cc: Vec<EnvelopeAddress>,
    /// Bcc.
    pub bcc: Vec<EnvelopeAddress>,
    /// In-Reply-To.
    pub in_reply_to: Option<Vec<u8>>,
    /// Message-ID.
    pub message_id: Option<Vec<u8>>,
}

/// One address of an ENVELOPE, or a group's start (`host` is `None`) or end (`mailbox` too).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvelopeAddress {
    /// Display name, quotes taken off, encoded words left.
    pub name: Option<Vec<u8>>,
    /// Source route (obsolete).
    pub route: Option<Vec<u8>>,
    /// Local part; a group's name at its start.
    pub mailbox: Option<Vec<u8>>,
    /// Domain.
    pub host: Option<Vec<u8>>,
}

/// A media type's or disposition's parameters, in order, as written, with those joined that were cut into pieces (RFC 2231
/// §3); percent-encoding and encoded words stay.
pub type Parameters = Vec<(Vec<u8>, Vec<u8>)>;

/// One MIME part with its place in the file (RFC 2045, RFC 2046).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Offset in the file of the part's header.
    pub header_start: u64,
    /// Offset of its body: behind the empty line that ends the header.
    pub body_start: u64,
    /// Offset of its body's end: the CRLF in front of a boundary belongs to the boundary (RFC 2046 §5.1.1).
    pub body_end: u64,
    /// Lines of the body.
    pub lines: u64,
    /// Media type in upper case, such as `TEXT`.
    pub media_type: Vec<u8>,
    /// Subtype in upper case.
    pub subtype: Vec<u8>,
    /// Parameters of Content-Type.
    pub parameters: Parameters,
    /// Content-ID.
    pub id: Option<Vec<u8>>,
    /// Content-Description.
    pub description: Option<Vec<u8>>,
    /// Content-Transfer-Encoding in upper case; `7BIT` when absent.
    pub encoding: Vec<u8>,
    /// Content-MD5.
    pub md5: Option<Vec<u8>>,
    /// Content-Disposition: type and parameters.
    pub disposition: Option<(Vec<u8>, Parameters)>,
    /// Content-Language tags.
    pub language: Vec<Vec<u8>>,
    /// Content-Location.
    pub location: Option<Vec<u8>>,
    /// What is inside.
    pub content: Content,
}

/// What a part holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Text or bytes.
    Leaf,
    /// multipart/*: never empty, for one without any part is a [`Content::Leaf`].
    Multipart(Vec<Part>),
    /// message/rfc822 or message/global, not itself encoded: the enclosed message.
    Message(Box<EnclosedMessage>),
}

/// The message inside a message/rfc822 part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnclosedMessage {
    /// Its envelope.
    pub envelope: MessageEnvelope,
    /// Its top part: header and body of the enclosed message.
    pub root: Part,
}

/// All that FETCH needs of a message without opening its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Octets of the file (RFC822.SIZE).
    pub size: u64,
    /// BLAKE2b of the file, cut to 128 bits: the same bytes have the same everywhere (EMAILID, RFC 8474 §5.1).
    pub digest: [u8; 16],
    /// ENVELOPE.
    pub envelope: MessageEnvelope,
    /// The message's own header and body, and everything below.
    pub root: Part,
    /// The fields named in [`CACHED_FIELDS`], as written, each with its final CRLF, in the order of the message.
    pub headers: Vec<u8>,
    /// Whether a limit (parts, depth, header size) made the structure less than the whole: then parts beyond it are
    /// presented as one leaf, and `headers` may lack fields.
    pub truncated: bool,
}

/// Header fields that the summary keeps, in lower case: what mail clients ask for when they list a mailbox. A request
/// for only these is answered without opening the message.
pub const CACHED_FIELDS: &[&str] = &[
    "bcc",
    "cc",
    "content-language",
    "content-transfer-encoding",
    "content-type",
    "date",
    "delivered-to",
    "disposition-notification-to",
    "from",
    "importance",
    "in-reply-to",
    "list-id",
    "list-post",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "message-id",
    "mime-version",
    "newsgroups",
    "priority",
    "references",
    "reply-to",
    "sender",
    "subject",
    "to",
    "x-mailer",
    "x-priority",
    "x-spam-flag",
    "x-spam-status",
    "x-uniform-type-identifier",
    "x-universally-unique-identifier",
];
