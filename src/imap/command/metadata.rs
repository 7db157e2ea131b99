//! What GETMETADATA asks for.

/// How far below an entry GETMETADATA looks (RFC 5464 §4.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub enum Depth {
    #[default]
    Zero,
    One,
    Infinity,
}
