//! One command line, taken apart (RFC 5321 §4.1.1).
//!
//! smtp-proto knows the verbs, the mechanisms and the parameters. Paths it reads wrongly (it takes the quotes off local
//! parts, refuses address literals and cannot tell `<postmaster>` from `<>`), it takes a SIZE beyond 64 bits for a small one, and it
//! lets pass repeated parameters and arguments that nobody asked for: paths are cut out here before it sees the line,
//! and the rest is checked here.

use smtp_proto::{Error, MAIL_BODY_8BITMIME, MAIL_BODY_BINARYMIME, MAIL_SMTPUTF8, Request as Proto};

use super::reply::Reply;
use crate::mail::date::Timestamp;
use crate::mail::dsn::{EnvelopeId, Notify, OriginalRecipient, Return};
use crate::mail::envelope::BodyType;
use crate::mail::handling::{DeliverBy, Priority};

/// A command, with its arguments as they were written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Request<'a> {
    /// EHLO with the client's name.
    Ehlo(&'a str),
    /// HELO with the client's name.
    Helo(&'a str),
    /// LHLO with the client's name (RFC 2033 §4.1).
    Lhlo(&'a str),
    /// MAIL with the reverse-path, without its angle brackets.
    Mail(&'a str, Parameters),
    /// RCPT with the forward-path, without its angle brackets.
    Rcpt(&'a str, RcptParameters),
    /// DATA
    Data,
    /// BDAT with the octets of the chunk, and whether it is the last (RFC 3030 §2).
    Bdat(u64, bool),
    /// RSET
    Rset,
    /// NOOP, its argument ignored.
    Noop,
    /// VRFY, of whomever.
    Vrfy,
    /// HELP, with whatever.
    Help,
    /// QUIT
    Quit,
    /// STARTTLS
    StartTls,
    /// AUTH with the mechanism and the initial response.
    Auth(&'a str, Option<&'a str>),
    /// A command of SMTP that this server does not have.
    NotImplemented,
}

/// The parameters of MAIL.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Parameters {
    /// SIZE (RFC 1870 §6).
    pub(crate) size: Option<u64>,
    /// BODY (RFC 6152 §2).
    pub(crate) body: BodyType,
    /// BODY=BINARYMIME (RFC 3030 §3), which is 8BITMIME once it is here.
    pub(crate) binary: bool,
    /// SMTPUTF8 (RFC 6531 §3.4).
    pub(crate) smtputf8: bool,
    /// Whether AUTH was given (RFC 4954 §5). Whom it names is of no use to a server that trusts no client so far.
    pub(crate) auth: bool,
    /// RET (RFC 3461 §4.3).
    pub(crate) ret: Option<Return>,
    /// ENVID (RFC 3461 §4.4).
    pub(crate) envelope_id: Option<EnvelopeId>,
    /// HOLDFOR or HOLDUNTIL (RFC 4865 §4).
    pub(crate) hold: Option<Hold>,
    /// REQUIRETLS (RFC 8689 §2).
    pub(crate) requiretls: bool,
    /// MT-PRIORITY (RFC 6710 §3).
    pub(crate) priority: Option<Priority>,
    /// BY (RFC 2852 §4), from now on.
    pub(crate) by: Option<DeliverBy>,
}

/// Until when a message is to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hold {
    /// So many seconds.
    For(u64),
    /// Until this moment, in seconds since 1970.
    Until(i64),
}

/// The parameters of RCPT.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct RcptParameters {
    /// NOTIFY (RFC 3461 §4.1).
    pub(crate) notify: Option<Notify>,
    /// ORCPT (RFC 3461 §4.2).
    pub(crate) original: Option<OriginalRecipient>,
}

impl Parameters {
    /// None given.
    pub(crate) const NONE: Parameters = Parameters {
        size: None,
        body: BodyType::SevenBit,
        binary: false,
        smtputf8: false,
        auth: false,
        ret: None,
        envelope_id: None,
        hold: None,
        requiretls: false,
        priority: None,
        by: None,
    };
}

/// The parameters that MAIL may have.
const MAIL_PARAMETERS: [&str; 11] = [
    "SIZE",
    "BODY",
    "SMTPUTF8",
    "AUTH",
    "RET",
    "ENVID",
    "HOLDFOR",
    "HOLDUNTIL",
    "REQUIRETLS",
    "MT-PRIORITY",
    "BY",
];
/// The parameters that RCPT may have.
const RCPT_PARAMETERS: [&str; 2] = ["NOTIFY", "ORCPT"];

impl<'a> Request<'a> {
    /// Takes a line apart that holds no control characters. The error is the reply to it.
    pub(crate) fn parse(line: &'a str) -> Result<Request<'a>, Reply> {
        // RFC 5321 §4.1.1: trailing white space is tolerated.
        let line = line.trim_end_matches([' ', '\t']);
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        let argument = argument.trim_start_matches(' ');
        if verb.eq_ignore_ascii_case("EHLO") {
            return Ok(Request::Ehlo(argument));
        }
        if verb.eq_ignore_ascii_case("HELO") {
            return Ok(Request::Helo(argument));
        }
        if verb.eq_ignore_ascii_case("LHLO") {
            return Ok(Request::Lhlo(argument));
        }
        if verb.eq_ignore_ascii_case("MAIL") {
            let (path, parameters) = path(argument, "FROM:").ok_or(MAIL_SYNTAX)?;
            return Ok(Request::Mail(path, mail_parameters(parameters)?));
        }
        if verb.eq_ignore_ascii_case("RCPT") {
            let (path, parameters) = path(argument, "TO:").ok_or(RCPT_SYNTAX)?;
            return Ok(Request::Rcpt(path, rcpt_parameters(parameters)?));
        }
        if is_bdat(verb.as_bytes()) {
            let chunk = (verb.len() == BDAT.len()).then(|| bdat(argument)).flatten();
            return chunk.ok_or(Reply::LOST_CHUNK);
        }
        // What may be a password is not copied about.
        let (asked, response) = match argument.split_once(' ') {
            Some((mechanism, response)) if verb.eq_ignore_ascii_case("AUTH") => {
                (mechanism, Some(response.trim_matches(' ')))
            }
            _ => (argument, None),
        };
        let request = match proto(&format!("{verb} {asked}"))? {
            Proto::Noop { .. } => Request::Noop,
            Proto::Help { .. } => Request::Help,
            Proto::Vrfy { .. } => Request::Vrfy,
            Proto::Auth { .. } if response.is_some_and(|response| response.contains(' ')) => {
                return Err(Reply::new(501, "5.5.4", "Syntax: AUTH mechanism [initial-response]"));
            }
            Proto::Auth { .. } => Request::Auth(asked, response),
            // RFC 5321 §4.1.1: these have no argument.
            Proto::Data | Proto::Rset | Proto::Quit | Proto::StartTls if !argument.is_empty() => {
                return Err(Reply::NO_ARGUMENT);
            }
            Proto::Data => Request::Data,
            Proto::Rset => Request::Rset,
            Proto::Quit => Request::Quit,
            Proto::StartTls => Request::StartTls,
            _ => Request::NotImplemented,
        };
        Ok(request)
    }

    /// The verb, for logs.
    pub(crate) fn verb(&self) -> &'static str {
        match self {
            Request::Ehlo(_) => "EHLO",
            Request::Helo(_) => "HELO",
            Request::Lhlo(_) => "LHLO",
            Request::Mail(..) => "MAIL",
            Request::Rcpt(..) => "RCPT",
            Request::Data => "DATA",
            Request::Bdat(..) => "BDAT",
            Request::Rset => "RSET",
            Request::Noop => "NOOP",
            Request::Vrfy => "VRFY",
            Request::Help => "HELP",
            Request::Quit => "QUIT",
            Request::StartTls => "STARTTLS",
            Request::Auth(..) => "AUTH",
            Request::NotImplemented => "other",
        }
    }
}

const MAIL_SYNTAX: Reply = Reply::new(501, "5.5.4", "Syntax: MAIL FROM:<reverse-path> [parameters]");
const RCPT_SYNTAX: Reply = Reply::new(501, "5.5.4", "Syntax: RCPT TO:<forward-path> [parameters]");

/// `FROM:<path> parameters`, cut into path and parameters. A space before the path is wrong (RFC 5321 §3.3) and common.
fn path<'a>(argument: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let (found, rest) = argument.split_at_checked(keyword.len())?;
    if !found.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let rest = rest.trim_start_matches(' ').strip_prefix('<')?;
    let (mut quoted, mut escaped) = (false, false);
    // An angle bracket may stand in a quoted local part (RFC 5321 §4.1.2).
    let end = rest.bytes().position(|byte| {
        let end = byte == b'>' && !quoted;
        if byte == b'"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && byte == b'\\' && !escaped;
        end
    })?;
    let (path, rest) = rest.split_at(end);
    match rest.strip_prefix('>')? {
        "" => Some((path, "")),
        parameters => Some((path, parameters.strip_prefix(' ')?.trim_start_matches(' '))),
    }
}

fn mail_parameters(text: &str) -> Result<Parameters, Reply> {
    let mut parsed = Parameters::NONE;
    let mut others = "MAIL FROM:<>".to_owned();
    for (known, value, whole) in each(text, &MAIL_PARAMETERS)? {
        match known {
            "SIZE" => parsed.size = Some(parse_size(value)?),
            "RET" => parsed.ret = Some(value.parse().map_err(|_| invalid(known))?),
            "ENVID" => parsed.envelope_id = Some(value.parse().map_err(|_| invalid(known))?),
            // RFC 4865 §4: one or the other.
            "HOLDFOR" | "HOLDUNTIL" if parsed.hold.is_some() => return Err(invalid(known)),
            "HOLDFOR" => parsed.hold = Some(hold_for(value).ok_or_else(|| invalid(known))?),
            "HOLDUNTIL" => parsed.hold = Some(hold_until(value).ok_or_else(|| invalid(known))?),
            "REQUIRETLS" if whole.contains('=') => return Err(invalid(known)),
            "REQUIRETLS" => parsed.requiretls = true,
            "MT-PRIORITY" => parsed.priority = Some(value.parse().map_err(|_| invalid(known))?),
            "BY" => {
                let now = Timestamp::now().seconds.saturating_mul(1000);
                parsed.by = Some(DeliverBy::parse(value, now).map_err(|_| invalid(known))?);
            }
            _ => {
                others.push(' ');
                others.push_str(whole);
            }
        }
    }
    let Proto::Mail { from } = proto(&others)? else {
        return Err(MAIL_SYNTAX);
    };
    parsed.binary = from.flags & MAIL_BODY_BINARYMIME != 0;
    if from.flags & (MAIL_BODY_8BITMIME | MAIL_BODY_BINARYMIME) != 0 {
        parsed.body = BodyType::EightBitMime;
    }
    parsed.smtputf8 = from.flags & MAIL_SMTPUTF8 != 0;
    parsed.auth = from.auth.is_some();
    Ok(parsed)
}

fn rcpt_parameters(text: &str) -> Result<RcptParameters, Reply> {
    let mut parsed = RcptParameters::default();
    for (known, value, _) in each(text, &RCPT_PARAMETERS)? {
        match known {
            "NOTIFY" => parsed.notify = Some(value.parse().map_err(|_| invalid(known))?),
            _ => parsed.original = Some(value.parse().map_err(|_| invalid(known))?),
        }
    }
    Ok(parsed)
}

/// The parameters in a text, each as its keyword, its value and the whole: those known, each once.
fn each<'a>(text: &'a str, known: &[&'static str]) -> Result<Vec<(&'static str, &'a str, &'a str)>, Reply> {
    let mut found: Vec<(&str, &str, &str)> = Vec::new();
    for parameter in text.split(' ').filter(|parameter| !parameter.is_empty()) {
        let (keyword, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let keyword = known
            .iter()
            .find(|known| known.eq_ignore_ascii_case(keyword))
            .ok_or(Reply::UNSUPPORTED_PARAMETER)?;
        if found.iter().any(|(other, ..)| other == keyword) {
            return Err(Reply::new(501, "5.5.4", "A parameter is given twice"));
        }
        found.push((keyword, value, parameter));
    }
    Ok(found)
}

fn invalid(keyword: &'static str) -> Reply {
    Reply::made(501, "5.5.4", format!("Invalid value of {keyword}"))
}

/// `hold-for = "HOLDFOR" "=" future-release-integer`, of up to nine digits (RFC 4865 §5).
fn hold_for(value: &str) -> Option<Hold> {
    let digits = (1..=9).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| value.parse().ok())?.map(Hold::For)
}

/// `hold-until = "HOLDUNTIL" "=" future-release-date-time`, a date of RFC 3339.
fn hold_until(value: &str) -> Option<Hold> {
    Timestamp::from_rfc3339(value).map(|moment| Hold::Until(moment.seconds))
}

const BDAT: &[u8] = b"BDAT";

/// Whether a line means to be BDAT, though it may be malformed: then a chunk may follow it.
pub(crate) fn is_bdat(line: &[u8]) -> bool {
    line.get(..BDAT.len())
        .is_some_and(|verb| verb.eq_ignore_ascii_case(BDAT))
}

/// `chunk-size [SP "LAST"]`
fn bdat(argument: &str) -> Option<Request<'static>> {
    let (size, last) = match argument.split_once(' ') {
        Some((size, marker)) if marker.trim_start_matches(' ').eq_ignore_ascii_case("LAST") => (size, true),
        _ => (argument, false),
    };
    let digits = size.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| size.parse().ok())?.map(|size| Request::Bdat(size, last))
}

/// RFC 1870 §6: up to 20 digits, which may be more than 64 bits hold.
fn parse_size(value: &str) -> Result<u64, Reply> {
    let digits = (1..=20).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
    match digits {
        true => Ok(value.parse().unwrap_or(u64::MAX)),
        false => Err(Reply::new(501, "5.5.4", "Invalid value of SIZE")),
    }
}

fn proto(line: &str) -> Result<Proto<String>, Reply> {
    let line = format!("{line}\n");
    let parsed = Proto::parse(&mut line.as_bytes().iter());
    parsed.map(Proto::into_owned).map_err(|error| match error {
        Error::SyntaxError { syntax } => Reply::made(501, "5.5.4", format!("Syntax: {syntax}")),
        Error::InvalidParameter { param } => Reply::made(501, "5.5.4", format!("Invalid value of {param}")),
        Error::UnsupportedParameter { .. } => Reply::UNSUPPORTED_PARAMETER,
        _ => Reply::UNKNOWN,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(line: &str) -> u16 {
        Request::parse(line).map_or_else(|reply| reply.code(), |request| panic!("{line}: {request:?}"))
    }

    #[test]
    fn verbs_in_any_case_with_their_arguments() {
        for (line, request) in [
            ("EHLO mail.example.org", Request::Ehlo("mail.example.org")),
            ("ehlo [IPv6:::1] ", Request::Ehlo("[IPv6:::1]")),
            ("EHLO a b c", Request::Ehlo("a b c")),
            ("EHLO", Request::Ehlo("")),
            ("HELO x", Request::Helo("x")),
            ("DATA", Request::Data),
            ("data \t ", Request::Data),
            ("RSET", Request::Rset),
            ("NOOP", Request::Noop),
            ("NOOP what ever", Request::Noop),
            ("VRFY <alice>", Request::Vrfy),
            ("HELP", Request::Help),
            ("HELP MAIL", Request::Help),
            ("Quit", Request::Quit),
            ("STARTTLS", Request::StartTls),
            ("AUTH PLAIN", Request::Auth("PLAIN", None)),
            ("AUTH plain AGEAYg==", Request::Auth("plain", Some("AGEAYg=="))),
            ("auth LOGIN =", Request::Auth("LOGIN", Some("="))),
            ("AUTH FOO", Request::Auth("FOO", None)),
            ("EXPN list", Request::NotImplemented),
            ("BDAT 5 LAST", Request::Bdat(5, true)),
            ("bdat 0  last ", Request::Bdat(0, true)),
            ("BDAT 007", Request::Bdat(7, false)),
            ("BDAT 18446744073709551615", Request::Bdat(u64::MAX, false)),
            ("ETRN example.org", Request::NotImplemented),
            ("LHLO x", Request::Lhlo("x")),
        ] {
            assert_eq!(Request::parse(line), Ok(request), "{line}");
        }
    }

    #[test]
    fn what_is_no_command_or_has_the_wrong_arguments() {
        for line in [
            "",
            " ",
            "FOO",
            "FOO bar",
            "MAILFROM:<a@b>",
            "GET / HTTP/1.1",
            "DATAX",
            "\u{e9}",
            "NOOPS",
            "XCLIENT a",
        ] {
            assert_eq!(code(line), 500, "{line}");
        }
        for line in [
            "BDAT",
            "BDAT LAST",
            "BDAT\t5",
            "BDATA 5",
            "BDAT +1",
            "BDAT -1",
            "BDAT 1x",
            "BDAT 1 FIRST",
            "BDAT 1 LAST x",
            "BDAT 18446744073709551616",
        ] {
            assert_eq!(Request::parse(line), Err(Reply::LOST_CHUNK), "{line}");
        }
        for line in [
            "DATA foo",
            "RSET x",
            "QUIT now",
            "STARTTLS please",
            "VRFY",
            "AUTH",
            "AUTH PLAIN a b",
        ] {
            assert_eq!(code(line), 501, "{line}");
        }
    }

    #[test]
    fn paths_are_cut_out_as_they_are_written() {
        for (line, wanted) in [
            ("MAIL FROM:<>", ""),
            ("mail from:<a@b>", "a@b"),
            ("MAIL FROM: <a@b>", "a@b"),
            ("MAIL FROM:<\"a b\"@c>", "\"a b\"@c"),
            ("MAIL FROM:<\"a>b\"@c>", "\"a>b\"@c"),
            ("MAIL FROM:<\"a\\\"> b\"@c>", "\"a\\\"> b\"@c"),
            ("MAIL FROM:<a@[192.0.2.1]>", "a@[192.0.2.1]"),
            ("MAIL FROM:<a@[IPv6:::1]>", "a@[IPv6:::1]"),
            ("MAIL FROM:<@x,@y:a@b>", "@x,@y:a@b"),
        ] {
            assert_eq!(
                Request::parse(line),
                Ok(Request::Mail(wanted, Parameters::NONE)),
                "{line}"
            );
        }
        let none = RcptParameters::default;
        assert_eq!(
            Request::parse("RCPT TO:<postmaster>"),
            Ok(Request::Rcpt("postmaster", none()))
        );
        assert_eq!(Request::parse("RCPT TO:<>"), Ok(Request::Rcpt("", none())));
        for line in [
            "MAIL",
            "MAIL FROM",
            "MAIL FROM:",
            "MAIL FROM:a@b",
            "MAIL FROM:<a@b",
            "MAIL FROM:<\"a@b>",
            "MAIL FROM:<a@b>x",
            "MAIL FROM:<a@b>>",
            "MAIL TO:<a@b>",
            "MAIL  FROM",
            "MAIL FRO\u{e9}:<a@b>",
            "RCPT FROM:<a@b>",
            "RCPT TO:a@b",
        ] {
            assert_eq!(code(line), 501, "{line}");
        }
    }

    #[test]
    fn parameters_of_mail_once_each_and_only_those_announced() {
        let parsed = |line: &str| match Request::parse(line) {
            Ok(Request::Mail(_, parameters)) => parameters,
            other => panic!("{line}: {other:?}"),
        };
        let nothing = Parameters::NONE;
        assert_eq!(parsed("MAIL FROM:<a@b> "), nothing);
        let sized = |size| Parameters {
            size: Some(size),
            ..Parameters::NONE
        };
        assert_eq!(parsed("MAIL FROM:<a@b> SIZE=0"), sized(0));
        assert_eq!(parsed("MAIL FROM:<a@b>  size=1000  BODY=7BIT"), sized(1000));
        assert_eq!(
            parsed("MAIL FROM:<a@b> body=8bitmime SIZE=1").body,
            BodyType::EightBitMime
        );
        assert_eq!(parsed("MAIL FROM:<a@b> SIZE=99999999999999999999"), sized(u64::MAX));
        assert_eq!(parsed("MAIL FROM:<a@b> BODY=7bit"), nothing);
        let asked = parsed("MAIL FROM:<a@b> RET=hdrs ENVID=QQ314159");
        assert_eq!(
            (asked.ret, asked.envelope_id),
            (Some(Return::Headers), "QQ314159".parse().ok())
        );
        assert_eq!(parsed("MAIL FROM:<a@b> HOLDFOR=86400").hold, Some(Hold::For(86400)));
        assert_eq!(
            parsed("MAIL FROM:<a@b> HOLDUNTIL=1997-11-21T15:55:06Z").hold,
            Some(Hold::Until(880_127_706))
        );
        let handled = parsed("MAIL FROM:<a@b> requiretls MT-PRIORITY=-3 BY=120;r");
        assert!(handled.requiretls && handled.priority == "-3".parse().ok());
        assert!(
            handled
                .by
                .is_some_and(|by| by.mode == crate::mail::handling::ByMode::Return)
        );
        let binary = parsed("MAIL FROM:<a@b> body=BinaryMime");
        assert!(binary.binary && binary.body == BodyType::EightBitMime);
        assert!(parsed("MAIL FROM:<a@b> SMTPUTF8 BODY=8BITMIME").smtputf8);
        assert!(parsed("MAIL FROM:<a@b> AUTH=<>").auth);
        assert!(parsed("MAIL FROM:<a@b> AUTH=e+3Dmc2@example.com").auth);
        for line in [
            "MAIL FROM:<a@b> SIZE=",
            "MAIL FROM:<a@b> SIZE=x",
            "MAIL FROM:<a@b> SIZE=-1",
            "MAIL FROM:<a@b> SIZE=999999999999999999999",
            "MAIL FROM:<a@b> BODY=9BIT",
            "MAIL FROM:<a@b> BODY",
            "MAIL FROM:<a@b> SIZE=1 size=2",
            "MAIL FROM:<a@b> SMTPUTF8 SMTPUTF8",
            "MAIL FROM:<a@b> AUTH=",
            "MAIL FROM:<a@b> SMTPUTF8=yes",
            "MAIL FROM:<a@b> RET=ALL",
            "MAIL FROM:<a@b> ENVID=",
            "MAIL FROM:<a@b> HOLDFOR=1234567890",
            "MAIL FROM:<a@b> HOLDFOR=1 HOLDUNTIL=1997-11-21T15:55:06Z",
            "MAIL FROM:<a@b> HOLDUNTIL=tomorrow",
            "MAIL FROM:<a@b> REQUIRETLS=",
            "MAIL FROM:<a@b> REQUIRETLS REQUIRETLS",
            "MAIL FROM:<a@b> MT-PRIORITY",
            "MAIL FROM:<a@b> MT-PRIORITY=10",
            "MAIL FROM:<a@b> BY=0;R",
            "MAIL FROM:<a@b> BY=120",
            "RCPT TO:<a@b> NOTIFY=NEVER,DELAY",
            "RCPT TO:<a@b> NOTIFY=NEVER NOTIFY=NEVER",
            "RCPT TO:<a@b> ORCPT=a@b",
        ] {
            assert!([501, 555].contains(&code(line)), "{line}");
        }
        for line in [
            "MAIL FROM:<a@b> NOTIFY=NEVER",
            "MAIL FROM:<a@b> FOO",
            "MAIL FROM:<a@b> =",
            "RCPT TO:<a@b> RET=FULL",
            "RCPT TO:<a@b> SIZE=1",
        ] {
            assert_eq!(code(line), 555, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_has_an_answer(line in "(EHLO|MAIL FROM:|RCPT TO:|AUTH|DATA|BDAT|BURL|ATRN|)[ -~\u{a0}-\u{ff}]{0,40}") {
            let _ = Request::parse(&line);
        }

        #[test]
        fn any_parameters_have_an_answer(text in "((SIZE|BODY|SMTPUTF8|AUTH|RET|BY)=?[ -~]{0,4} ?){0,6}") {
            let _ = Request::parse(&format!("MAIL FROM:<a@b> {text}"));
        }
    }
}
