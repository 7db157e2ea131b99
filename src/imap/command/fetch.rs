//! What FETCH asks for.

/// A FETCH item. The macros ALL, FAST and FULL are expanded by the parser.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum FetchItem {
    Flags,
    Uid,
    InternalDate,
    /// RFC 8514 §4.2.
    SaveDate,
    /// RFC 8474 §5.3.
    EmailId,
    ThreadId,
    ModSeq,
    Rfc822Size,
    /// PREVIEW (RFC 8970); `lazy`: only where it costs no time.
    Preview {
        lazy: bool,
    },
    Envelope,
    /// BODY without brackets: structure without extension data.
    Body,
    BodyStructure,
    /// BODY[...], BODY.PEEK[...], RFC822, RFC822.HEADER, RFC822.TEXT.
    BodySection(BodySection),
    /// BINARY[...] and BINARY.PEEK[...] (RFC 3516).
    Binary(BinarySection),
    /// BINARY.SIZE[...]: the part.
    BinarySize(Vec<u32>),
}

/// The bytes of a part without its transfer encoding (RFC 3516 §4.2).
#[derive(Clone, Debug, PartialEq)]
pub struct BinarySection {
    /// Part numbers; empty is the whole message.
    pub part: Vec<u32>,
    /// `<start.length>` of what is decoded: length is never 0.
    pub partial: Option<(u64, u64)>,
    /// Whether \Seen stays as it is.
    pub peek: bool,
}

/// Bytes of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct BodySection {
    /// How the answer names it.
    pub name: SectionName,
    /// Part numbers, `1.2` is [1, 2]; empty is the whole message.
    pub part: Vec<u32>,
    /// What of the part.
    pub text: SectionText,
    /// `<start.length>`: length is never 0.
    pub partial: Option<(u64, u64)>,
    /// Whether \Seen stays as it is.
    pub peek: bool,
}

/// Under which name the answer goes out: the old items are answered by their own name (RFC 3501 §7.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SectionName {
    Body,
    Rfc822,
    Rfc822Header,
    Rfc822Text,
}

/// What of a part (RFC 9051 §6.4.5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SectionText {
    /// All of it: `BODY[]` or `BODY[1]`.
    All,
    /// HEADER.
    Header,
    /// HEADER.FIELDS, names as the client wrote them.
    HeaderFields(Vec<String>),
    /// HEADER.FIELDS.NOT.
    HeaderFieldsNot(Vec<String>),
    /// TEXT.
    Text,
    /// MIME, only with a part number.
    Mime,
}
