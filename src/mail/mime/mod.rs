//! The MIME skeleton scanner: a message goes in as it arrives, its [`Summary`](super::summary::Summary) comes out.
//!
//! RFC 2045 and 2046 for the structure, RFC 5322 for the header, RFC 2183, 1864, 3282 and 2557 for what else BODYSTRUCTURE
//! tells. One pass. A message with mistakes has a structure all the same: the one that most mail programs would see.
//!
//! Invariants: however the message is cut, the summary is the same; every part has
//! `header_start ≤ body_start ≤ body_end ≤ size` and lies within the body of the part around it; memory is bounded by
//! [`MimeLimits`], whatever the message is.
//!
//! `scanner` cuts lines, `block` keeps the header fields that matter, `tree` builds the parts, whose cost `values` counts; `content` and `envelope`
//! read fields, with `addresses`, `continuations` and `lexer` below them; `codec` is the form in which the index stores a summary.

mod addresses;
mod block;
mod codec;
mod content;
mod continuations;
mod envelope;
mod lexer;
mod scanner;
mod tree;
mod values;

pub use scanner::Scanner;

/// The addresses of a field's unfolded value (RFC 5322 §3.4), those of groups among them, without the groups' names.
pub(crate) fn addresses(value: &[u8]) -> Vec<super::summary::EnvelopeAddress> {
    let mut list = Vec::new();
    // What is beyond the most that are kept is not seen.
    addresses::read(value, &mut list);
    list.retain(|address| address.host.is_some());
    list
}

/// How much structure one message may have. Beyond a limit the message is kept and served byte for byte all the same;
/// only its structure is told less finely.
#[derive(Clone, Copy, Debug)]
pub struct MimeLimits {
    /// Nesting of multipart and message parts.
    pub depth: usize,
    /// Parts in all. What comes behind them in a multipart is presented as one more.
    pub parts: usize,
    /// Bytes of one header block that are kept while it is read. A field that does not fit is not seen.
    pub header: usize,
    /// Bytes that the headers of all parts, and the envelopes of enclosed messages, may fill in the summary. Those of the
    /// message itself do not count.
    pub values: usize,
}

impl Default for MimeLimits {
    fn default() -> MimeLimits {
        MimeLimits {
            depth: 64,
            parts: 2_000,
            header: 256 * 1024,
            values: 256 * 1024,
        }
    }
}

#[cfg(test)]
mod tests;
