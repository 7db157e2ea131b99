//! A script that was checked: what `run/` executes. Nothing in it is unknown, and every argument has its type.

use crate::mail::address::Address;
use crate::mail::mime;

/// A string of a script: its pieces in order (RFC 5229 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text(pub(super) Vec<Piece>);

impl Text {
    /// One without variables.
    pub(super) fn literal(text: &str) -> Text {
        Text(vec![Piece::Literal(text.to_owned())])
    }
}

/// A piece of a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(String),
    /// `${name}`, in lower case.
    Variable(String),
    /// `${1}`
    Capture(usize),
}

/// A command, and the line that it stands on.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) line: usize,
    pub(super) command: Command,
}

/// What there is to do.
#[derive(Debug)]
pub(super) enum Command {
    If {
        /// `if` and each `elsif`.
        branches: Vec<(Test, Vec<Statement>)>,
        otherwise: Vec<Statement>,
    },
    Stop,
    Keep {
        flags: Option<Vec<Text>>,
    },
    Discard,
    FileInto {
        mailbox: Text,
        copy: bool,
        create: bool,
        special_use: Option<Text>,
        flags: Option<Vec<Text>>,
    },
    Redirect {
        address: Text,
        copy: bool,
    },
    Reject {
        reason: Text,
    },
    Vacation(Box<Vacation>),
    Flags {
        change: FlagChange,
        /// The internal variable when there is none.
        variable: Option<String>,
        flags: Vec<Text>,
    },
    Set {
        variable: String,
        modifiers: Vec<Modifier>,
        value: Text,
    },
    AddHeader {
        last: bool,
        name: Text,
        value: Text,
    },
    DeleteHeader {
        compare: Compare,
        index: Option<Index>,
        name: Text,
        /// All values when there is none.
        patterns: Option<Vec<Text>>,
    },
}

/// RFC 5230 §4.
#[derive(Debug)]
pub(super) struct Vacation {
    pub(super) seconds: u64,
    pub(super) subject: Option<Text>,
    pub(super) from: Option<Text>,
    pub(super) addresses: Vec<Text>,
    pub(super) mime: bool,
    pub(super) handle: Option<Text>,
    pub(super) reason: Text,
}

/// RFC 5232 §3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlagChange {
    Set,
    Add,
    Remove,
}

/// RFC 5229 §4.1, the first to be applied first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Modifier {
    Lower,
    Upper,
    LowerFirst,
    UpperFirst,
    QuoteWildcard,
    Length,
}

impl Modifier {
    /// Of two with the same precedence only one may be given.
    pub(super) fn precedence(self) -> u8 {
        match self {
            Modifier::Lower | Modifier::Upper => 40,
            Modifier::LowerFirst | Modifier::UpperFirst => 30,
            Modifier::QuoteWildcard => 20,
            Modifier::Length => 10,
        }
    }
}

/// A question.
#[derive(Debug)]
pub(super) enum Test {
    True,
    False,
    Not(Box<Test>),
    AllOf(Vec<Test>),
    AnyOf(Vec<Test>),
    Exists(Vec<Text>),
    Size {
        over: bool,
        octets: u64,
    },
    Header {
        compare: Compare,
        index: Option<Index>,
        fields: Vec<Text>,
        keys: Vec<Text>,
    },
    Address {
        compare: Compare,
        index: Option<Index>,
        part: AddressPart,
        fields: Vec<Text>,
        keys: Vec<Text>,
    },
    Envelope {
        compare: Compare,
        part: AddressPart,
        parts: Vec<Text>,
        keys: Vec<Text>,
    },
    Body {
        compare: Compare,
        transform: Transform,
        keys: Vec<Text>,
    },
    /// `string` (RFC 5229 §5).
    Strings {
        compare: Compare,
        sources: Vec<Text>,
        keys: Vec<Text>,
    },
    HasFlag {
        compare: Compare,
        /// The internal variable when there is none.
        variables: Option<Vec<Text>>,
        flags: Vec<Text>,
    },
    MailboxExists(Vec<Text>),
    SpecialUseExists {
        mailbox: Option<Text>,
        uses: Vec<Text>,
    },
    Duplicate(Box<Duplicate>),
    Date {
        compare: Compare,
        index: Option<Index>,
        /// The field, or none for the current date.
        field: Option<Text>,
        zone: Zone,
        part: Text,
        keys: Vec<Text>,
    },
}

/// How values are compared with keys (RFC 5228 §2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Compare {
    pub(super) comparator: Comparator,
    pub(super) matching: Matching,
}

/// RFC 4790, RFC 5051.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparator {
    Octet,
    AsciiCasemap,
    AsciiNumeric,
    UnicodeCasemap,
}

/// RFC 5228 §2.7.1, RFC 5231 §4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matching {
    Is,
    Contains,
    Matches,
    Value(Relation),
    Count(Relation),
}

/// RFC 5231 §4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Gt,
    Ge,
    Lt,
    Le,
    Eq,
    Ne,
}

/// The only one of several fields that counts, from 1 (RFC 5260 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) number: usize,
    /// From the last.
    pub(super) last: bool,
}

/// RFC 5228 §2.7.4, RFC 5233 §4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AddressPart {
    All,
    LocalPart,
    Domain,
    User,
    Detail,
}

/// RFC 5173 §5.
#[derive(Debug)]
pub(super) enum Transform {
    Raw,
    Content(Vec<Text>),
    Text,
}

/// RFC 7352 §3.
#[derive(Debug)]
pub(super) struct Duplicate {
    pub(super) handle: Option<Text>,
    pub(super) id: DuplicateId,
    pub(super) seconds: u64,
    pub(super) last: bool,
}

/// What a message is known by.
#[derive(Debug)]
pub(super) enum DuplicateId {
    Field(Text),
    Unique(Text),
}

/// In which zone a date is told (RFC 5260 §4).
#[derive(Debug)]
pub(super) enum Zone {
    /// The server's.
    Local,
    /// As the field has it.
    Original,
    /// `:zone`
    Offset(Text),
}

/// An address for `redirect`.
pub(super) fn address(text: &str) -> Option<Address> {
    Address::parse(text.trim()).ok()
}

/// An address for `vacation :from`, which may have a name with it (RFC 5230 §4.3).
pub(super) fn named_address(text: &str) -> Option<(Option<String>, Address)> {
    let mut list = mime::addresses(text.as_bytes());
    let only = list.pop().filter(|_| list.is_empty())?;
    let part = |part: Option<Vec<u8>>| part.and_then(|bytes| String::from_utf8(bytes).ok());
    let address = Address::new(&part(only.mailbox)?, &part(only.host)?).ok()?;
    let name = part(only.name).filter(|name| !name.is_empty() && !name.chars().any(char::is_control));
    Some((name, address))
}

/// Whether a header field can have that name (RFC 5322 §2.2).
pub(super) fn is_field_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 76 && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
}
