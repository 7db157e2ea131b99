//! The client's side of a compressed connection (RFC 4978).

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

/// Both directions.
pub(crate) struct Deflate {
    compress: Compress,
    decompress: Decompress,
}

impl Deflate {
    pub(crate) fn new() -> Deflate {
        Deflate {
            compress: Compress::new(Compression::default(), false),
            decompress: Decompress::new(false),
        }
    }

    /// Compressed, so that the server can read all of it at once.
    pub(crate) fn pack(&mut self, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
        // Room for the worst case: then one call does it.
        let mut packed = Vec::with_capacity(bytes.len() + bytes.len() / 1000 + 100);
        self.compress.compress_vec(bytes, &mut packed, FlushCompress::Sync)?;
        anyhow::ensure!(packed.len() < packed.capacity(), "more than was given");
        Ok(packed)
    }

    /// Appends what these octets say.
    pub(crate) fn unpack(&mut self, mut octets: &[u8], plain: &mut Vec<u8>) -> anyhow::Result<()> {
        loop {
            plain.reserve(64 * 1024);
            let before = self.decompress.total_in();
            self.decompress.decompress_vec(octets, plain, FlushDecompress::Sync)?;
            octets = &octets[(self.decompress.total_in() - before) as usize..];
            if octets.is_empty() && plain.len() < plain.capacity() {
                return Ok(());
            }
        }
    }
}
