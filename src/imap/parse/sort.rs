//! SORT, THREAD (RFC 5256 §5) and CANCELUPDATE (RFC 5267 §4.3.5), with RETURN (RFC 5267 §3), DISPLAYFROM and DISPLAYTO (RFC 5957) and RELEVANCY (RFC 6203).

use super::cursor::{Cursor, Fault, Parsed};
use super::{search, search_return};
use crate::imap::command::{CommandBody, SortCriterion, SortKey, ThreadAlgorithm};

/// The most criteria, repeated ones included.
const MAX_CRITERIA: usize = 50;

/// SORT.
pub(super) fn sort(cursor: &mut Cursor<'_>, uid: bool) -> Parsed<CommandBody> {
    cursor.space()?;
    let returns = search_return::options(cursor)?;
    let start = cursor.position();
    let criteria = criteria(cursor)?;
    cursor.space()?;
    let search = search::criteria(cursor, returns)?;
    let by_relevancy = criteria.iter().any(|criterion| criterion.key == SortKey::Relevancy);
    match by_relevancy && !search.is_fuzzy() {
        true => Err(Fault::bad("RELEVANCY goes with FUZZY only", start)),
        false => Ok(CommandBody::Sort { uid, criteria, search }),
    }
}

/// `sort-criteria`. A key that comes again decides nothing and is left out.
fn criteria(cursor: &mut Cursor<'_>) -> Parsed<Vec<SortCriterion>> {
    let mut criteria: Vec<SortCriterion> = Vec::new();
    cursor.list(1..=MAX_CRITERIA, |cursor| {
        let criterion = criterion(cursor)?;
        if criteria.iter().all(|other| other.key != criterion.key) {
            criteria.push(criterion);
        }
        Ok(())
    })?;
    Ok(criteria)
}

fn criterion(cursor: &mut Cursor<'_>) -> Parsed<SortCriterion> {
    let reverse = cursor.keyword("REVERSE");
    if reverse {
        cursor.space()?;
    }
    let start = cursor.position();
    let key = match cursor.word("a sort key")?.as_str() {
        "ARRIVAL" => SortKey::Arrival,
        "CC" => SortKey::Cc,
        "DATE" => SortKey::Date,
        "DISPLAYFROM" => SortKey::DisplayFrom,
        "DISPLAYTO" => SortKey::DisplayTo,
        "FROM" => SortKey::From,
        "RELEVANCY" => SortKey::Relevancy,
        "SIZE" => SortKey::Size,
        "SUBJECT" => SortKey::Subject,
        "TO" => SortKey::To,
        _ => return Err(Fault::bad("unknown sort key", start)),
    };
    Ok(SortCriterion { reverse, key })
}

/// THREAD.
pub(super) fn thread(cursor: &mut Cursor<'_>, uid: bool) -> Parsed<CommandBody> {
    cursor.space()?;
    let start = cursor.position();
    let algorithm = match cursor.word("a threading algorithm")?.as_str() {
        "ORDEREDSUBJECT" => ThreadAlgorithm::OrderedSubject,
        "REFERENCES" => ThreadAlgorithm::References,
        "REFS" => ThreadAlgorithm::Refs,
        _ => return Err(Fault::bad("unknown threading algorithm", start)),
    };
    cursor.space()?;
    let search = search::criteria(cursor, None)?;
    Ok(CommandBody::Thread { uid, algorithm, search })
}

/// The most tags of one CANCELUPDATE.
const MAX_TAGS: usize = 100;

/// CANCELUPDATE.
pub(super) fn cancel_update(cursor: &mut Cursor<'_>) -> Parsed<CommandBody> {
    cursor.space()?;
    let mut tags = vec![cursor.text("a tag")?];
    while cursor.more() {
        if tags.len() == MAX_TAGS {
            return Err(Fault::bad(format!("more than {MAX_TAGS} tags"), cursor.position()));
        }
        tags.push(cursor.text("a tag")?);
    }
    Ok(CommandBody::CancelUpdate(tags))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::command::{Search, SearchKey, SearchReturn};
    use crate::imap::dialect::Dialect;
    use crate::imap::parse::tests::{bad, same};
    use crate::imap::parse::{ParseError, command};

    fn all(returns: Option<SearchReturn>) -> Search {
        Search {
            returns,
            charset: Some("UTF-8".to_owned()),
            key: SearchKey::All,
        }
    }

    #[test]
    fn criteria_in_their_order() {
        use SortKey::*;
        let forward = |key| SortCriterion { reverse: false, key };
        let reverse = |key| SortCriterion { reverse: true, key };
        for (written, criteria) in [
            ("(DATE)", vec![forward(Date)]),
            ("( reverse  date )", vec![reverse(Date)]),
            ("(SUBJECT REVERSE DATE)", vec![forward(Subject), reverse(Date)]),
            ("(FROM DATE REVERSE FROM DATE)", vec![forward(From), forward(Date)]),
            (
                "(ARRIVAL CC FROM SIZE TO DISPLAYFROM REVERSE DISPLAYTO)",
                vec![
                    forward(Arrival),
                    forward(Cc),
                    forward(From),
                    forward(Size),
                    forward(To),
                    forward(DisplayFrom),
                    reverse(DisplayTo),
                ],
            ),
        ] {
            for uid in [false, true] {
                let name = if uid { "UID SORT" } else { "SORT" };
                let body = |returns| CommandBody::Sort {
                    uid,
                    criteria: criteria.clone(),
                    search: all(returns),
                };
                same(
                    &[
                        &format!("{name} {written} UTF-8 ALL"),
                        &format!("{name}  {written}  \"UTF-8\"  (ALL)"),
                    ],
                    &body(None),
                );
                let returns = SearchReturn {
                    all: true,
                    ..SearchReturn::default()
                };
                same(
                    &[&format!("{name} RETURN () {written} UTF-8 ALL")],
                    &body(Some(returns)),
                );
            }
        }
    }

    #[test]
    fn algorithms() {
        for (written, algorithm) in [
            ("ORDEREDSUBJECT", ThreadAlgorithm::OrderedSubject),
            ("references", ThreadAlgorithm::References),
            ("Refs", ThreadAlgorithm::Refs),
        ] {
            for (name, uid) in [("THREAD", false), ("UID THREAD", true)] {
                let search = all(None);
                let thread = CommandBody::Thread { uid, algorithm, search };
                same(&[&format!("{name} {written} UTF-8 ALL")], &thread);
            }
        }
    }

    #[test]
    fn tags() {
        let tags = ["B01", "B02"].map(str::to_owned).to_vec();
        same(
            &["CANCELUPDATE \"B01\" \"B02\"", "cancelupdate B01  {3}\r\nB02 "],
            &CommandBody::CancelUpdate(tags),
        );
        let many = format!("CANCELUPDATE{}", " \"a\"".repeat(MAX_TAGS + 1));
        bad(&[
            ("CANCELUPDATE", "CANCELUPDATE: expected a space, at octet 15"),
            ("CANCELUPDATE (a)", "CANCELUPDATE: expected a tag, at octet 16"),
            (&many, "CANCELUPDATE: more than 100 tags, at octet 416"),
        ]);
    }

    #[test]
    fn what_is_none() {
        bad(&[
            ("SORT", "SORT: expected a space, at octet 7"),
            ("SORT DATE UTF-8 ALL", "SORT: expected a parenthesis, at octet 8"),
            ("SORT () UTF-8 ALL", "SORT: expected a sort key, at octet 9"),
            ("SORT (REVERSE) UTF-8 ALL", "SORT: expected a space, at octet 16"),
            (
                "SORT (REVERSE REVERSE DATE) UTF-8 ALL",
                "SORT: unknown sort key, at octet 17",
            ),
            ("SORT (DATES) UTF-8 ALL", "SORT: unknown sort key, at octet 9"),
            ("SORT (DATE) UTF-8", "SORT: expected a space, at octet 20"),
            ("SORT (DATE) UTF-8 ", "SORT: expected a search key, at octet 21"),
            (
                "SORT (RELEVANCY) UTF-8 ALL",
                "SORT: RELEVANCY goes with FUZZY only, at octet 8",
            ),
            (
                "SORT RETURN (PARTIAL 1:2 ALL) (DATE) UTF-8 ALL",
                "SORT: ALL and PARTIAL exclude each other, at octet 28",
            ),
            ("THREAD UTF-8 ALL", "THREAD: unknown threading algorithm, at octet 10"),
            ("THREAD REFS UTF-8 NONSENSE", "THREAD: unknown search key, at octet 21"),
        ]);
        // A program without a charset.
        let refused = command(b"t SORT (DATE) ALL", Dialect::Rev1);
        let (tag, saving) = ("t".to_owned(), false);
        assert_eq!(refused, Err(ParseError::BadCharset { tag, saving }));
    }
}
