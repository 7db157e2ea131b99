//! What is told of a script that is not in order.

use super::*;

fn problems(source: &str) -> String {
    let problems = Script::compile(source.as_bytes()).err().unwrap_or_default();
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("|")
}

#[test]
fn problems_have_a_place_and_clear_words() {
    for (source, wanted) in [
        ("keep", "line 1, column 5: a ; is missing behind keep (line 1)"),
        ("kep;", "line 1, column 1: the command \"kep\" is not known here"),
        (
            "if foo { keep; }",
            "line 1, column 4: the test \"foo\" is not known here",
        ),
        (
            "require \"foo\";",
            "line 1, column 9: the extension \"foo\" is not known here",
        ),
        (
            "keep;\nrequire \"copy\";",
            "line 2, column 1: require stands at the top of the script, in front of all else",
        ),
        (
            "fileinto \"x\";",
            "line 1, column 1: fileinto needs a line at the top of the script: require \"fileinto\";",
        ),
        (
            "require \"fileinto\";\n\n  fileinto :copy \"x\";",
            "line 3, column 12: :copy needs a line at the top of the script: require \"copy\";",
        ),
        (
            "require \"fileinto\"; fileinto;",
            "line 1, column 21: fileinto lacks the mailbox",
        ),
        (
            "require \"fileinto\"; fileinto 1;",
            "line 1, column 30: fileinto wants a string here: the mailbox",
        ),
        (
            "require \"fileinto\"; fileinto \"a//b\";",
            "line 1, column 30: \"a//b\" is no name of a mailbox: a mailbox name has no empty level",
        ),
        (
            "require \"fileinto\"; fileinto [\"a\", \"b\"];",
            "line 1, column 30: fileinto wants a single string here: the mailbox",
        ),
        (
            "redirect \"nobody\";",
            "line 1, column 10: \"nobody\" is no mail address",
        ),
        ("stop 1;", "line 1, column 6: stop has no such number"),
        ("keep { stop; }", "line 1, column 1: keep has no block, but ends with ;"),
        ("if true;", "line 1, column 1: if has a block in braces"),
        ("if { }", "line 1, column 1: if has one test"),
        ("else { }", "line 1, column 1: else has no if in front of it"),
        (
            "if true { } else { } elsif true { }",
            "line 1, column 22: elsif cannot come behind else",
        ),
        (
            "if allof true { }",
            "line 1, column 4: allof has a list of tests in parentheses",
        ),
        ("if (true) { }", "line 1, column 1: if has one test"),
        (
            "if header :is :contains \"a\" \"b\" { }",
            "line 1, column 15: a second match type, where one has its place",
        ),
        (
            "if header \"a\" :is \"b\" { }",
            "line 1, column 15: header has no tag :is here; what to compare with is expected, a string",
        ),
        (
            "if header \"a\" \"b\" :is { }",
            "line 1, column 19: the tag :is must stand in front of the other arguments of header",
        ),
        (
            "if header :foo \"a\" \"b\" { }",
            "line 1, column 11: header has no tag :foo",
        ),
        (
            "if header :comparator \"x\" \"a\" \"b\" { }",
            "line 1, column 23: the comparator \"x\" is not known here",
        ),
        ("if size 1K { }", "line 1, column 4: size has :over or :under"),
        (
            "if size :over 1T { }",
            "line 1, column 15: a number has digits and perhaps K, M or G behind them",
        ),
        (
            "if size :over 99999999999G { }",
            "line 1, column 15: this number is too large",
        ),
        ("keep; }", "line 1, column 7: there is no block that this } could end"),
        (
            "if true {\nkeep;",
            "line 1, column 1: the block of this command has no end (})",
        ),
        ("redirect \"a", "line 1, column 10: this string has no end (\")"),
        ("/* x", "line 1, column 1: this comment has no end (*/)"),
        (
            "redirect text:\nx\n",
            "line 1, column 10: this text has no end (a line with nothing but a dot)",
        ),
        ("redirect [];", "line 1, column 11: a string is expected here"),
        ("§", "line 1, column 1: the character '§' has no place here"),
        (
            "# \u{fc}\n  \u{fc};",
            "line 2, column 3: the character '\u{fc}' has no place here",
        ),
        (
            "require \"variables\"; set \"a.b\" \"x\";",
            "line 1, column 26: \"a.b\" is no name of a variable",
        ),
        (
            "require \"variables\"; redirect \"${a.b}\";",
            "line 1, column 31: the namespace of \"a.b\" is not known here",
        ),
        (
            "require \"encoded-character\"; redirect \"${unicode:d800}\";",
            "line 1, column 39: this string has a number that is no Unicode character",
        ),
        (
            "require \"encoded-character\"; redirect \"${hex:ff}\";",
            "line 1, column 39: the octets encoded in this string are no UTF-8",
        ),
        (
            "require \"envelope\"; if envelope \"auth\" \"x\" { }",
            "line 1, column 33: the envelope has no part \"auth\", but from and to",
        ),
        (
            "kep;\nif foo { bar; }\nkeep;",
            "line 1, column 1: the command \"kep\" is not known here|line 2, column 4: the test \"foo\" is not known here",
        ),
    ] {
        assert_eq!(problems(source), wanted, "{source}");
    }
    assert!(problems("keep; # \0").is_empty());
    assert!(Script::compile(b"keep; # \xff").is_err());
    assert!(Script::compile(&vec![b' '; limits::SCRIPT + 1]).is_err());
    assert!(Script::compile(b"\xef\xbb\xbfkeep;").is_ok());
    assert_eq!(
        Script::compile("x; ".repeat(1000).as_bytes()).unwrap_err().len(),
        limits::PROBLEMS
    );
}

#[test]
fn warnings_are_no_errors() {
    let script = Script::compile(b"require [\"fileinto\", \"copy\"];\nstop;\nkeep;").unwrap();
    let told: Vec<String> = script.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "line 1, column 10: \"fileinto\" is required and not used",
            "line 1, column 22: \"copy\" is required and not used",
            "line 3, column 1: nothing behind stop is reached",
        ]
    );
}
