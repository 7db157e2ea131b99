//! Parameters that were cut into pieces, put together again, as IMAP servers should for BODYSTRUCTURE (RFC 2231 §3 and §6).
//! Their percent-encoding stays: it tells the charset.

use crate::mail::summary::Parameters;
use std::collections::BTreeMap;

/// `name*0`, `name*1` and so on become one parameter in place of the first: `name`, or `name*` if any piece was encoded.
/// A piece whose forerunner is missing stays as it is.
pub(super) fn join(parameters: Parameters) -> Parameters {
    let mut groups: BTreeMap<Vec<u8>, Group<'_>> = BTreeMap::new();
    for (name, value) in &parameters {
        if let Some(piece) = Piece::parse(name) {
            let group = groups.entry(piece.name.to_ascii_lowercase()).or_default();
            group.pieces.entry(piece.number).or_insert((piece.encoded, value));
        }
    }
    if groups.is_empty() {
        return parameters;
    }
    for group in groups.values_mut() {
        group.run = (0..)
            .zip(group.pieces.keys())
            .take_while(|(wanted, number)| wanted == *number)
            .count() as u32;
    }
    let mut joined = Parameters::new();
    for (name, value) in &parameters {
        let piece = Piece::parse(name);
        let group = piece
            .as_ref()
            .and_then(|piece| groups.get_mut(&piece.name.to_ascii_lowercase()));
        match (piece, group) {
            (Some(piece), Some(group)) if piece.number == 0 => joined.extend(group.take(piece.name)),
            (Some(piece), Some(group)) if piece.number < group.run => {}
            _ => joined.push((name.clone(), value.clone())),
        }
    }
    joined
}

/// The pieces of one parameter, by their numbers.
#[derive(Default)]
struct Group<'a> {
    /// Each with whether it was encoded.
    pieces: BTreeMap<u32, (bool, &'a [u8])>,
    /// How many there are from number 0 on without a gap.
    run: u32,
}

impl Group<'_> {
    /// The parameter; nothing the second time.
    fn take(&mut self, name: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut pieces = std::mem::take(&mut self.pieces);
        pieces.split_off(&self.run);
        let (charset_follows, _) = *pieces.get(&0)?;
        if !pieces.values().any(|(encoded, _)| *encoded) {
            return Some((
                name.to_vec(),
                pieces.into_values().flat_map(|(_, value)| value).copied().collect(),
            ));
        }
        // The first piece has charset and language in front; when it was not encoded there are none.
        let mut text = if charset_follows { Vec::new() } else { b"''".to_vec() };
        for (encoded, value) in pieces.into_values() {
            match encoded {
                true => text.extend_from_slice(value),
                false => percent_encode(value, &mut text),
            }
        }
        Some(([name, b"*"].concat(), text))
    }
}

/// `name*number` or `name*number*`
struct Piece<'a> {
    name: &'a [u8],
    number: u32,
    encoded: bool,
}

impl<'a> Piece<'a> {
    fn parse(name: &'a [u8]) -> Option<Piece<'a>> {
        let (rest, encoded) = match name.strip_suffix(b"*") {
            Some(rest) => (rest, true),
            None => (name, false),
        };
        let star = memchr::memrchr(b'*', rest)?;
        let digits = std::str::from_utf8(&rest[star + 1..]).ok()?;
        let number: u32 = digits.parse().ok()?;
        // One spelling for each number: no sign, no zeros in front.
        (star > 0 && number.to_string() == digits).then_some(Piece {
            name: &rest[..star],
            number,
            encoded,
        })
    }
}

/// RFC 2231 §7: all but `attribute-char`.
fn percent_encode(value: &[u8], into: &mut Vec<u8>) {
    for byte in value {
        if byte.is_ascii_graphic() && !b"*'%()<>@,;:\\\"/[]?=".contains(byte) {
            into.push(*byte);
        } else {
            into.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_joined_in_place() {
        for (pieces, wanted) in [
            ("a=1 b*0=x c=2 b*1=y", "a=1 b=xy c=2"),
            ("b*1=y b*0=x", "b=xy"),
            ("B*0=x b*1=y", "B=xy"),
            ("b*0*=utf-8'en'%20 b*1=%; b*2*=%21", "b*=utf-8'en'%20%25%3B%21"),
            ("b*0=x b*1*=%20", "b*=''x%20"),
            ("b*0=x b*2=z", "b=x b*2=z"),
            (
                "b*1=y b*01=x b*-1=x *0=x b*=x b*x=x b*99999999999=x",
                "b*1=y b*01=x b*-1=x *0=x b*=x b*x=x b*99999999999=x",
            ),
            ("b*0=x b*0=again b*1=y b=z", "b=xy b=z"),
            ("a=1 a=2", "a=1 a=2"),
        ] {
            let parameters = pieces.split(' ').map(|piece| {
                let (name, value) = piece.split_once('=').unwrap();
                (name.as_bytes().to_vec(), value.as_bytes().to_vec())
            });
            let joined: Vec<_> = join(parameters.collect())
                .into_iter()
                .map(|(name, value)| [name, value].map(|text| String::from_utf8(text).unwrap()).join("="))
                .collect();
            assert_eq!(joined.join(" "), wanted);
        }
    }
}
