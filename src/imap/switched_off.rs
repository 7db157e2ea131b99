//! Capabilities that are switched off, for the server or for one account: some clients break on what they should not read.
//!
//! What is switched off is not announced; a command or an option that it brings is answered by BAD, as one that is not known;
//! and response codes and attributes that it brings are left out. Some extensions have nothing of this, such as LITERAL+: those
//! are not announced, and that is all.

use super::capability;
use super::command::{
    AppendPiece, CommandBody, FetchItem, LiteralPlace, Search, SearchKey, SelectParameters, SequenceSet, SortCriterion,
    SortKey, StatusItem, Store, ThreadAlgorithm,
};
use crate::config::{Config, ConfigError, Problem};
use smallvec::SmallVec;
use std::fmt;
use std::sync::Arc;

/// Capabilities of which the second makes no sense without the first.
const NEEDS: &[(&str, &str)] = &[
    ("CONDSTORE", "QRESYNC"),
    ("SPECIAL-USE", "CREATE-SPECIAL-USE"),
    ("ESEARCH", "SEARCHRES"),
    ("ESEARCH", "PARTIAL"),
    ("SORT", "SORT=DISPLAY"),
    ("SORT", "ESORT"),
    ("ESEARCH", "CONTEXT=SEARCH"),
    ("ESORT", "CONTEXT=SORT"),
    ("ESEARCH", "MULTISEARCH"),
    ("SORT", "CONTEXT=SORT"),
    ("METADATA", "LIST-METADATA"),
    ("METADATA", "METADATA-SERVER"),
    ("ACL", "RIGHTS=texk"),
    ("ACL", "LIST-MYRIGHTS"),
    // What RFC 9051 has taken in (appendix E).
    ("BINARY", "IMAP4REV2"),
    ("CHILDREN", "IMAP4REV2"),
    ("ENABLE", "IMAP4REV2"),
    ("ESEARCH", "IMAP4REV2"),
    ("IDLE", "IMAP4REV2"),
    ("LIST-EXTENDED", "IMAP4REV2"),
    ("LIST-STATUS", "IMAP4REV2"),
    ("MOVE", "IMAP4REV2"),
    ("NAMESPACE", "IMAP4REV2"),
    ("SASL-IR", "IMAP4REV2"),
    ("SEARCHRES", "IMAP4REV2"),
    ("STATUS=SIZE", "IMAP4REV2"),
    ("UIDPLUS", "IMAP4REV2"),
    ("UNSELECT", "IMAP4REV2"),
    ("QUOTA", "QUOTASET"),
    ("QUOTA", "QUOTA=RES-STORAGE"),
    ("QUOTA", "QUOTA=RES-MESSAGE"),
    ("QUOTA", "QUOTA=RES-MAILBOX"),
];

/// The names of those that are off. Cheap to clone.
#[derive(Clone, Default, Debug)]
pub(crate) struct SwitchedOff(Arc<[String]>);

impl SwitchedOff {
    /// These, and what makes no sense without them.
    pub(crate) fn new(names: impl IntoIterator<Item = String>) -> SwitchedOff {
        let mut all: Vec<String> = names.into_iter().map(|name| name.to_ascii_uppercase()).collect();
        let needy = |(needed, name): &(&str, &str)| all.iter().any(|off| off == needed).then(|| (*name).to_owned());
        let needy: Vec<String> = NEEDS.iter().filter_map(needy).collect();
        all.extend(needy);
        SwitchedOff(all.into())
    }

    /// These, and more.
    pub(crate) fn and(&self, more: Vec<String>) -> SwitchedOff {
        match more.is_empty() {
            true => self.clone(),
            false => SwitchedOff::new(self.0.iter().cloned().chain(more)),
        }
    }

    /// Whether this one is among them.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|off| off.eq_ignore_ascii_case(name))
    }

    /// The one that a command would need.
    pub(crate) fn behind(&self, command: &CommandBody) -> Option<&'static str> {
        if self.0.is_empty() {
            return None;
        }
        behind(command).into_iter().find(|name| self.has(name))
    }

    /// Whether a response code, with its arguments, belongs to one of them.
    pub(crate) fn has_code(&self, code: &str) -> bool {
        let brings = match code.split(' ').next() {
            Some("APPENDUID" | "COPYUID" | "UIDNOTSTICKY") => "UIDPLUS",
            Some("HIGHESTMODSEQ" | "NOMODSEQ" | "MODIFIED") => "CONDSTORE",
            Some("MAILBOXID") => "OBJECTID",
            _ => return false,
        };
        self.has(brings)
    }

    /// Whether an attribute of LIST belongs to one of them.
    pub(crate) fn has_attribute(&self, attribute: &str) -> bool {
        match attribute {
            "\\HasChildren" | "\\HasNoChildren" => self.has("CHILDREN"),
            "\\All" | "\\Archive" | "\\Drafts" | "\\Flagged" | "\\Important" | "\\Junk" | "\\Sent" | "\\Trash" => {
                self.has("SPECIAL-USE")
            }
            _ => false,
        }
    }
}

/// What is no capability that can be switched off.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct UnknownCapability(String);

impl fmt::Display for UnknownCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<String> = capability::names().collect();
        write!(
            f,
            "{:?} is no capability that can be switched off; here are {}",
            self.0,
            known.join(", ")
        )
    }
}

/// A capability's name as it is announced, given in any case.
pub fn capability_named(name: &str) -> Result<String, UnknownCapability> {
    capability::names()
        .find(|known| known.eq_ignore_ascii_case(name))
        .ok_or_else(|| UnknownCapability(name.to_owned()))
}

/// Checks the settings that only IMAP understands.
pub fn check(config: &Config) -> Result<(), ConfigError> {
    let unknown = |name: &String| capability_named(name).err();
    let problems: Vec<Problem> = config
        .imap
        .disable
        .iter()
        .filter_map(unknown)
        .map(|error| Problem {
            place: String::new(),
            key: "imap.disable".to_owned(),
            what: error.to_string(),
        })
        .collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(ConfigError { problems }),
    }
}

/// The capabilities that bring a command and its options, those of IMAP itself apart.
fn behind(command: &CommandBody) -> SmallVec<[&'static str; 4]> {
    use CommandBody as C;
    let mut names = SmallVec::new();
    match command {
        C::Id(_) => names.push("ID"),
        C::Enable(_) => names.push("ENABLE"),
        C::Idle => names.push("IDLE"),
        C::Namespace => names.push("NAMESPACE"),
        C::Unselect => names.push("UNSELECT"),
        C::UidExpunge(_) => names.push("UIDPLUS"),
        C::Compress => names.push("COMPRESS=DEFLATE"),
        C::Unauthenticate => names.push("UNAUTHENTICATE"),
        C::Notify(_) => names.push("NOTIFY"),
        C::GetQuota(_) | C::GetQuotaRoot(_) => names.push("QUOTA"),
        C::SetQuota { .. } => names.push("QUOTASET"),
        C::GetAcl(_) | C::MyRights(_) | C::ListRights { .. } | C::ChangeAcl { .. } => names.push("ACL"),
        C::GetMetadata { .. } | C::SetMetadata { .. } => names.push("METADATA"),
        C::StartTls => names.push("STARTTLS"),
        C::Authenticate { initial: Some(_), .. } => names.push("SASL-IR"),
        C::Create {
            special_use: Some(_), ..
        } => names.push("CREATE-SPECIAL-USE"),
        C::Select { parameters, .. } | C::Examine { parameters, .. } => {
            let SelectParameters { condstore, resync, .. } = parameters;
            names.extend(condstore.then_some("CONDSTORE"));
            names.extend(resync.as_ref().map(|_| "QRESYNC"));
        }
        C::List(list) => {
            names.extend(list.extended.then_some("LIST-EXTENDED"));
            names.extend((list.select_special_use || list.return_special_use).then_some("SPECIAL-USE"));
            names.extend(list.return_status.as_ref().map(|_| "LIST-STATUS"));
            names.extend(list.return_metadata.as_ref().map(|_| "LIST-METADATA"));
            names.extend(list.return_my_rights.then_some("LIST-MYRIGHTS"));
            names.extend(list.return_status.iter().flatten().filter_map(status_item));
        }
        C::Status { items, .. } => names.extend(items.iter().filter_map(status_item)),
        C::Append { pieces, .. } => names.extend(pieces.iter().filter_map(piece)),
        C::Replace(replace) => {
            names.push("REPLACE");
            names.extend(replace.pieces.iter().filter_map(piece));
        }
        C::Move { set, .. } => {
            names.push("MOVE");
            names.extend(saved(set));
        }
        C::Copy { set, .. } => names.extend(saved(set)),
        C::Store(Store {
            set, unchanged_since, ..
        }) => {
            names.extend(saved(set));
            names.extend(unchanged_since.map(|_| "CONDSTORE"));
        }
        C::Fetch {
            set,
            items,
            changed_since,
            vanished_since,
            partial,
            ..
        } => {
            names.extend(saved(set));
            names.extend(items.iter().filter_map(fetch_item));
            names.extend(changed_since.map(|_| "CONDSTORE"));
            names.extend(vanished_since.map(|_| "QRESYNC"));
            names.extend(partial.as_ref().map(|_| "PARTIAL"));
        }
        C::Esearch { search, .. } => {
            names.push("MULTISEARCH");
            names.extend(keeps_up_to_date(search).then_some("CONTEXT=SEARCH"));
            search_options(search, &mut names);
        }
        C::CancelUpdate(_) => names.push("CONTEXT=SEARCH"),
        C::Search { search, .. } => {
            names.extend(keeps_up_to_date(search).then_some("CONTEXT=SEARCH"));
            names.extend(search.returns.map(|_| "ESEARCH"));
            search_options(search, &mut names);
        }
        C::Sort { criteria, search, .. } => {
            names.push("SORT");
            let display = |one: &SortCriterion| matches!(one.key, SortKey::DisplayFrom | SortKey::DisplayTo);
            names.extend(criteria.iter().any(display).then_some("SORT=DISPLAY"));
            names.extend(search.returns.map(|_| "ESORT"));
            names.extend(keeps_up_to_date(search).then_some("CONTEXT=SORT"));
            search_options(search, &mut names);
        }
        C::Thread { algorithm, search, .. } => {
            names.push(match algorithm {
                ThreadAlgorithm::OrderedSubject => "THREAD=ORDEREDSUBJECT",
                ThreadAlgorithm::References => "THREAD=REFERENCES",
                ThreadAlgorithm::Refs => "THREAD=REFS",
            });
            search_options(search, &mut names);
        }
        _ => {}
    }
    names
}

fn keeps_up_to_date(search: &Search) -> bool {
    search.returns.is_some_and(|returns| returns.update || returns.context)
}

/// What SEARCH, SORT and THREAD have in common.
fn search_options(search: &Search, names: &mut SmallVec<[&'static str; 4]>) {
    if let Some(returns) = &search.returns {
        names.extend(returns.partial.map(|_| "PARTIAL"));
        names.extend(returns.save.then_some("SEARCHRES"));
    }
    search.key.each(&mut |key| names.extend(search_key(key)));
}

/// A message of one literal needs nothing.
fn piece(piece: &AppendPiece) -> Option<&'static str> {
    matches!(piece, AppendPiece::Url(_) | AppendPiece::Literal(LiteralPlace::Part)).then_some("CATENATE")
}

fn status_item(item: &StatusItem) -> Option<&'static str> {
    match item {
        StatusItem::Size => Some("STATUS=SIZE"),
        StatusItem::HighestModSeq => Some("CONDSTORE"),
        StatusItem::AppendLimit => Some("APPENDLIMIT"),
        StatusItem::MailboxId => Some("OBJECTID"),
        StatusItem::DeletedStorage => Some("QUOTA"),
        _ => None,
    }
}

fn fetch_item(item: &FetchItem) -> Option<&'static str> {
    match item {
        FetchItem::ModSeq => Some("CONDSTORE"),
        FetchItem::Preview { .. } => Some("PREVIEW"),
        FetchItem::SaveDate => Some("SAVEDATE"),
        FetchItem::EmailId | FetchItem::ThreadId => Some("OBJECTID"),
        FetchItem::Binary(_) | FetchItem::BinarySize(_) => Some("BINARY"),
        _ => None,
    }
}

fn search_key(key: &SearchKey) -> Option<&'static str> {
    match key {
        SearchKey::ModSeq(_) => Some("CONDSTORE"),
        SearchKey::Older(_) | SearchKey::Younger(_) => Some("WITHIN"),
        SearchKey::SavedBefore(_) | SearchKey::SavedOn(_) | SearchKey::SavedSince(_) => Some("SAVEDATE"),
        SearchKey::ObjectId(_) => Some("OBJECTID"),
        SearchKey::Fuzzy(_) => Some("SEARCH=FUZZY"),
        SearchKey::Sequence(set) | SearchKey::Uid(set) => saved(set),
        _ => None,
    }
}

fn saved(set: &SequenceSet) -> Option<&'static str> {
    matches!(set, SequenceSet::Saved).then_some("SEARCHRES")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::dialect::Dialect;
    use crate::imap::parse;

    /// Every line with the one capability that it needs and that is off.
    #[test]
    fn commands_and_options_know_what_brings_them() {
        for (line, name) in [
            ("ID NIL", "ID"),
            ("ENABLE CONDSTORE", "ENABLE"),
            ("IDLE", "IDLE"),
            ("UID EXPUNGE 1", "UIDPLUS"),
            ("MOVE 1 a", "MOVE"),
            ("UID MOVE $ a", "SEARCHRES"),
            ("SELECT a (CONDSTORE)", "CONDSTORE"),
            ("SELECT a (QRESYNC (1 1))", "QRESYNC"),
            ("CREATE a (USE (\\Sent))", "CREATE-SPECIAL-USE"),
            ("LIST (SPECIAL-USE) \"\" *", "SPECIAL-USE"),
            ("LIST \"\" (a b)", "LIST-EXTENDED"),
            ("LIST \"\" * RETURN (STATUS (SIZE))", "STATUS=SIZE"),
            ("LIST \"\" * RETURN (STATUS (UNSEEN))", "LIST-STATUS"),
            ("STATUS a (MESSAGES HIGHESTMODSEQ)", "CONDSTORE"),
            ("STATUS a (MAILBOXID)", "OBJECTID"),
            ("FETCH 1 (FLAGS MODSEQ)", "CONDSTORE"),
            ("FETCH 1 (FLAGS) (CHANGEDSINCE 1)", "CONDSTORE"),
            ("UID FETCH 1 (FLAGS) (CHANGEDSINCE 1 VANISHED)", "QRESYNC"),
            ("FETCH 1 BINARY[1]", "BINARY"),
            ("FETCH $ FLAGS", "SEARCHRES"),
            ("STORE 1 (UNCHANGEDSINCE 1) +FLAGS (a)", "CONDSTORE"),
            ("SEARCH RETURN () ALL", "ESEARCH"),
            ("SEARCH RETURN (SAVE) ALL", "SEARCHRES"),
            ("SEARCH OR SEEN NOT (YOUNGER 5)", "WITHIN"),
            ("SEARCH FUZZY SUBJECT x", "SEARCH=FUZZY"),
            ("SORT (ARRIVAL) UTF-8 ALL", "SORT"),
            ("SORT (REVERSE DISPLAYFROM) UTF-8 ALL", "SORT=DISPLAY"),
            ("UID SORT RETURN (COUNT) (ARRIVAL) UTF-8 ALL", "ESORT"),
            ("SORT RETURN (SAVE) (ARRIVAL) UTF-8 ALL", "SEARCHRES"),
            ("THREAD REFERENCES UTF-8 ALL", "THREAD=REFERENCES"),
            ("THREAD REFS UTF-8 OLDER 5", "WITHIN"),
            ("GETMETADATA INBOX /private/comment", "METADATA"),
            ("LIST \"\" * RETURN (METADATA (/private/comment))", "LIST-METADATA"),
            ("LIST \"\" * RETURN (MYRIGHTS)", "LIST-MYRIGHTS"),
            ("SETACL INBOX bob lr", "ACL"),
            ("MYRIGHTS INBOX", "ACL"),
            ("AUTHENTICATE PLAIN =", "SASL-IR"),
            ("GETQUOTAROOT INBOX", "QUOTA"),
            ("SETQUOTA \"\" (STORAGE 512)", "QUOTASET"),
        ] {
            let command = parse::command(format!("a {line}").as_bytes(), Dialect::Rev1)
                .unwrap()
                .body;
            let off = SwitchedOff::new([name.to_ascii_lowercase()]);
            assert_eq!(off.behind(&command), Some(name), "{line}");
            assert!(capability_named(name).is_ok(), "{name}");
            assert_eq!(SwitchedOff::default().behind(&command), None, "{line}");
        }
        for line in [
            "NOOP",
            "SEARCH ALL",
            "FETCH 1 FLAGS",
            "LIST \"\" *",
            "AUTHENTICATE PLAIN",
        ] {
            let command = parse::command(format!("a {line}").as_bytes(), Dialect::Rev1)
                .unwrap()
                .body;
            assert!(behind(&command).is_empty(), "{line}");
        }
    }

    #[test]
    fn what_makes_no_sense_alone_goes_along() {
        let off = SwitchedOff::new(["condstore".to_owned()]).and(vec!["ESEARCH".to_owned()]);
        for name in ["CONDSTORE", "QRESYNC", "ESEARCH", "SEARCHRES", "PARTIAL", "IMAP4rev2"] {
            assert!(off.has(name), "{name}");
        }
        assert!(!off.has("IDLE"));
        assert!(off.has_code("HIGHESTMODSEQ 7") && !off.has_code("COPYUID 1 2 3"));
        for (needed, name) in NEEDS {
            assert!(
                capability_named(needed).is_ok() && capability_named(name).is_ok(),
                "{needed} {name}"
            );
        }
    }

    #[test]
    fn unknown_names_are_named() {
        let mut config = Config::default();
        config.imap.disable = vec!["move".to_owned(), "MOVED".to_owned(), "IMAP4rev1".to_owned()];
        let told = check(&config).unwrap_err().to_string();
        assert!(
            told.starts_with("imap.disable: \"MOVED\" is no capability that can be switched off; here are IMAP4rev2, "),
            "{told}"
        );
        assert!(told.contains("\nimap.disable: \"IMAP4rev1\" is no") && told.contains(", AUTH=PLAIN, "));
        config.imap.disable.truncate(1);
        assert!(check(&config).is_ok());
    }
}
