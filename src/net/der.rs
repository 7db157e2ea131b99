//! DER (ITU-T X.690), as far as it takes to find one thing in a structure whose shape is known.

/// Tag of SEQUENCE.
pub(crate) const SEQUENCE: u8 = 0x30;
/// Tag of OBJECT IDENTIFIER.
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
/// Tag of BIT STRING.
pub(crate) const BIT_STRING: u8 = 0x03;
/// Tag of INTEGER.
pub(crate) const INTEGER: u8 = 0x02;

/// What is still to be read of a structure.
#[derive(Clone, Copy)]
pub(crate) struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Der<'a> {
        Der(input)
    }

    /// The contents of the next element, if it has this tag.
    pub(crate) fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (&[found, length], mut rest) = self.0.split_first_chunk::<2>()?;
        if found != tag {
            return None;
        }
        let length = match length {
            short @ ..0x80 => usize::from(short),
            // 0x80 is the indefinite form, which DER does not have.
            long => {
                let octets = usize::from(long & 0x7f);
                if !(1..=4).contains(&octets) {
                    return None;
                }
                let (digits, behind) = rest.split_at_checked(octets)?;
                rest = behind;
                digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit))
            }
        };
        let (contents, behind) = rest.split_at_checked(length)?;
        self.0 = behind;
        Some(contents)
    }

    /// As [`Der::take`], for an element that holds others.
    pub(crate) fn enter(&mut self, tag: u8) -> Option<Der<'a>> {
        self.take(tag).map(Der)
    }

    /// Passes over the next element, whatever it is.
    pub(crate) fn skip(&mut self) -> Option<()> {
        self.take(*self.0.first()?).map(drop)
    }
}

/// An element made of these contents.
#[cfg(test)]
pub(crate) fn element(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let contents = contents.concat();
    let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
    [&[tag, 0x82][..], &length, &contents].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_in_their_order() {
        let long = [&[INTEGER, 0x81, 0x80][..], &[7; 128]].concat();
        let inner = element(OBJECT_IDENTIFIER, &[&[1, 2]]);
        let outer = element(SEQUENCE, &[&long, &inner]);
        let mut outer = Der::new(&outer);
        let mut sequence = outer.enter(SEQUENCE).unwrap();
        assert_eq!(outer.skip(), None);
        assert_eq!(sequence.take(OBJECT_IDENTIFIER), None);
        assert_eq!(sequence.take(INTEGER).map(<[u8]>::len), Some(128));
        assert_eq!(sequence.take(OBJECT_IDENTIFIER), Some(&[1, 2][..]));
        assert_eq!(sequence.take(OBJECT_IDENTIFIER), None);
    }

    #[test]
    fn what_is_cut_off_or_has_no_such_length_is_nothing() {
        for broken in [
            &[][..],
            &[SEQUENCE],
            &[SEQUENCE, 1],
            &[SEQUENCE, 0x80, 0, 0],
            &[SEQUENCE, 0x82, 1],
            &[SEQUENCE, 0x85, 0, 0, 0, 0, 0],
            &[SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert_eq!(Der::new(broken).take(SEQUENCE), None, "{broken:?}");
            assert_eq!(Der::new(broken).skip(), None, "{broken:?}");
        }
    }
}
