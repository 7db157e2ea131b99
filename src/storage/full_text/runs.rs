//! Sets of UIDs as octets: each run as its first and its last.

use crate::mail::ids::Uid;
use crate::mail::uidset::UidSet;

/// The octets of a set.
pub(super) fn written(uids: &UidSet) -> Vec<u8> {
    let numbers = uids.runs().iter().flat_map(|&(first, last)| [first, last]);
    numbers.flat_map(u32::to_be_bytes).collect()
}

/// The set; what is no run is left out.
pub(super) fn read(octets: &[u8]) -> UidSet {
    let mut uids = UidSet::new();
    for run in octets.chunks_exact(8) {
        let number = |octets: &[u8]| octets.iter().fold(0, |number, octet| number << 8 | u32::from(*octet));
        if let (Some(first), Some(last)) = (Uid::new(number(&run[..4])), Uid::new(number(&run[4..]))) {
            uids.insert_range(first, last);
        }
    }
    uids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_as_written() {
        let uids: UidSet = [1, 2, 3, 70_000, u32::MAX].into_iter().filter_map(Uid::new).collect();
        assert_eq!(written(&uids).len(), 24);
        assert_eq!(read(&written(&uids)), uids);
        assert!(read(&[]).is_empty() && read(&[0; 11]).is_empty());
    }
}
