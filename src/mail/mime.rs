//! The MIME skeleton scanner: a message goes in as it arrives, its [`Summary`] comes out.

use super::summary::Summary;

/// How much structure one message may have. Beyond a limit the message is kept and served byte for byte all the same;
/// only its structure is told less finely.
#[derive(Clone, Copy, Debug)]
pub struct MimeLimits {
    /// Nesting of multipart and message parts.
    pub depth: usize,
    /// Parts in all.
    pub parts: usize,
    /// Bytes of one header block that are looked at.
    pub header: usize,
}

impl Default for MimeLimits {
    fn default() -> MimeLimits {
        MimeLimits {
            depth: 64,
            parts: 10_000,
            header: 256 * 1024,
        }
    }
}

/// Reads a message piece by piece, cut anywhere. Memory is bounded by the limits, not by the message.
pub struct Scanner {}

impl Scanner {
    /// A scanner at the start of a message.
    pub fn new(_limits: MimeLimits) -> Scanner {
        todo!()
    }

    /// The next bytes of the message.
    pub fn feed(&mut self, _bytes: &[u8]) {
        todo!()
    }

    /// The message is complete.
    pub fn finish(self) -> Summary {
        todo!()
    }
}

impl Summary {
    /// The form in which the index stores it: compact, with a version in front.
    pub fn encode(&self) -> Vec<u8> {
        todo!()
    }

    /// From the stored form; `None` when it is damaged or of another version (the caller scans the file again).
    pub fn decode(_bytes: &[u8]) -> Option<Summary> {
        todo!()
    }
}
