//! Many rows in one value. Each row that sqlx carries from SQLite's thread to ours costs more than reading it from the database
//! does, so what is read by the thousand is put together there and taken apart here.

use crate::mail::ids::Uid;

/// Blobs of messages, as SQLite has written them one behind the other: `uid:length:` and the blob, ascending.
#[derive(Debug, Default)]
pub(crate) struct Packed(Vec<u8>);

impl Packed {
    /// Of what a query has put together.
    pub(super) fn new(bytes: Vec<u8>) -> Packed {
        Packed(bytes)
    }

    /// Each message with its blob. Ends where something makes no sense: the rest is as if it were not there.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Uid, &[u8])> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            let uid = Uid::new(number(&mut rest)?)?;
            let length = number(&mut rest)?;
            let (blob, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            rest = behind;
            Some((uid, blob))
        })
    }
}

/// A number in front of a colon.
fn number(rest: &mut &[u8]) -> Option<u32> {
    let end = rest.iter().position(|octet| *octet == b':')?;
    let digits = std::str::from_utf8(&rest[..end]).ok()?;
    *rest = &rest[end + 1..];
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<(u32, Vec<u8>)> {
        let packed = Packed::new(bytes.to_vec());
        packed.iter().map(|(uid, blob)| (uid.get(), blob.to_vec())).collect()
    }

    #[test]
    fn blobs_may_hold_anything() {
        assert_eq!(read(b""), []);
        assert_eq!(
            read(b"1:3:a:\x007:0:4294967295:2:\xff\n"),
            [(1, b"a:\0".to_vec()), (7, Vec::new()), (u32::MAX, b"\xff\n".to_vec())]
        );
    }

    #[test]
    fn what_makes_no_sense_ends_it() {
        for bad in [
            &b"1:1:a0:1:b"[..],
            b"1:1:ax:1:b",
            b"1:1:a2:5:b",
            b"1:1:a2:-1:b",
            b"1:1:a2:99999999999999999999:",
            b"1:1:a2:",
            b"1:1:a22",
        ] {
            assert_eq!(read(bad), [(1, b"a".to_vec())]);
        }
    }
}
