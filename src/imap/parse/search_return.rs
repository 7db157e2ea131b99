//! RETURN of SEARCH (RFC 4731 §3.1) with SAVE (RFC 5182), PARTIAL (RFC 9394 §3.1), RELEVANCY (RFC 6203 §4), UPDATE and
//! CONTEXT (RFC 5267 §4).

use super::cursor::{Cursor, Fault, Parsed};
use crate::imap::command::{PartialRange, SearchReturn};

/// The most options, repeated ones included.
const MAX_OPTIONS: usize = 20;

/// `["RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")" SP]`; an empty list means ALL.
pub(super) fn options(cursor: &mut Cursor<'_>) -> Parsed<Option<SearchReturn>> {
    if !cursor.keyword("RETURN") {
        return Ok(None);
    }
    cursor.spaces();
    let mut returns = SearchReturn::default();
    cursor.list(0..=MAX_OPTIONS, |cursor| option(cursor, &mut returns))?;
    if returns == SearchReturn::default() {
        returns.all = true;
    }
    cursor.space()?;
    Ok(Some(returns))
}

fn option(cursor: &mut Cursor<'_>, returns: &mut SearchReturn) -> Parsed<()> {
    let start = cursor.position();
    match cursor.word("a RETURN option")?.as_str() {
        "MIN" => returns.min = true,
        "MAX" => returns.max = true,
        "ALL" => returns.all = true,
        "COUNT" => returns.count = true,
        "RELEVANCY" => returns.relevancy = true,
        "SAVE" => returns.save = true,
        "UPDATE" => returns.update = true,
        "CONTEXT" => returns.context = true,
        "PARTIAL" if returns.partial.is_some() => return Err(Fault::bad("PARTIAL twice", start)),
        "PARTIAL" => {
            cursor.space()?;
            returns.partial = Some(partial_range(cursor)?);
        }
        _ => return Err(Fault::bad("unknown RETURN option", start)),
    }
    match returns.all && returns.partial.is_some() {
        true => Err(Fault::bad("ALL and PARTIAL exclude each other", start)),
        false => Ok(()),
    }
}

/// `partial-range` (RFC 9394 §4): both ends with the same sign.
pub(super) fn partial_range(cursor: &mut Cursor<'_>) -> Parsed<PartialRange> {
    let from_end = cursor.skip(b'-');
    let first = cursor.nz_number()?;
    cursor.require(b':', "a colon")?;
    if from_end {
        cursor.require(b'-', "a minus")?;
    }
    let last = cursor.nz_number()?;
    Ok(PartialRange { first, last, from_end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::command::{CommandBody, Search, SearchKey};
    use crate::imap::parse::tests::{bad, same};

    fn partial(first: u32, last: u32, from_end: bool) -> Option<PartialRange> {
        Some(PartialRange { first, last, from_end })
    }

    #[test]
    fn lists_of_options() {
        let none = SearchReturn::default();
        for (written, wanted) in [
            ("()", SearchReturn { all: true, ..none }),
            ("(MIN)", SearchReturn { min: true, ..none }),
            ("(save)", SearchReturn { save: true, ..none }),
            (
                "(CONTEXT update)",
                SearchReturn {
                    context: true,
                    update: true,
                    ..none
                },
            ),
            (
                "( max  count )",
                SearchReturn {
                    max: true,
                    count: true,
                    ..none
                },
            ),
            (
                "(MIN MAX ALL COUNT SAVE MIN)",
                SearchReturn {
                    min: true,
                    max: true,
                    all: true,
                    count: true,
                    save: true,
                    ..none
                },
            ),
            (
                "(PARTIAL 1:500)",
                SearchReturn {
                    partial: partial(1, 500, false),
                    ..none
                },
            ),
            (
                "(COUNT partial  -100:-1)",
                SearchReturn {
                    count: true,
                    partial: partial(100, 1, true),
                    ..none
                },
            ),
        ] {
            let search = Search {
                returns: Some(wanted),
                charset: None,
                key: SearchKey::All,
            };
            same(
                &[
                    &format!("SEARCH RETURN {written} ALL"),
                    &format!("SEARCH return{written}  ALL"),
                ],
                &CommandBody::Search { uid: false, search },
            );
        }
    }

    #[test]
    fn what_is_no_option() {
        bad(&[
            ("SEARCH RETURN (ALL)", "SEARCH: expected a space, at octet 22"),
            ("SEARCH RETURN ALL", "SEARCH: expected a parenthesis, at octet 17"),
            (
                "SEARCH RETURN (FIRST) ALL",
                "SEARCH: unknown RETURN option, at octet 18",
            ),
            (
                "SEARCH RETURN (ALL PARTIAL 1:2) ALL",
                "SEARCH: ALL and PARTIAL exclude each other, at octet 22",
            ),
            (
                "SEARCH RETURN (PARTIAL 1:2 ALL) ALL",
                "SEARCH: ALL and PARTIAL exclude each other, at octet 30",
            ),
            (
                "SEARCH RETURN (PARTIAL 1:2 PARTIAL 1:2) ALL",
                "SEARCH: PARTIAL twice, at octet 30",
            ),
            ("SEARCH RETURN (PARTIAL) ALL", "SEARCH: expected a space, at octet 25"),
            (
                "SEARCH RETURN (PARTIAL 1:*) ALL",
                "SEARCH: expected a number, at octet 28",
            ),
            (
                "SEARCH RETURN (PARTIAL 0:1) ALL",
                "SEARCH: 0 is not allowed, at octet 26",
            ),
            ("SEARCH RETURN (PARTIAL 1) ALL", "SEARCH: expected a colon, at octet 27"),
            (
                "SEARCH RETURN (PARTIAL -1:2) ALL",
                "SEARCH: expected a minus, at octet 29",
            ),
            (
                "SEARCH RETURN (PARTIAL 1:-2) ALL",
                "SEARCH: expected a number, at octet 28",
            ),
        ]);
    }
}
