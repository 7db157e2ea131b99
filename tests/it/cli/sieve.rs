//! `posthaste sieve`.

use super::Place;

#[test]
fn scripts_are_checked_stored_and_activated() {
    let place = Place::new("data = \"data\"");
    let good = "require \"fileinto\";\nfileinto \"Archive\";\n";
    place.write("good.sieve", good);
    place.write("bad.sieve", "keep;\nfileinto \"Archive\";\n");
    place.run(&["sieve", "check", "good.sieve"]).ok("in order");
    place
        .run(&["sieve", "check", "bad.sieve"])
        .failed(1, "line 2, column 1: fileinto needs");

    place.run(&["domain", "add", "example.org"]).ok("added");
    let alice = "alice@example.org";
    place.run(&["account", "add", alice]).ok("added");
    place
        .run(&["sieve", "put", "bad.sieve", alice, "main"])
        .failed(1, "line 2");
    place
        .run(&["sieve", "put", "good.sieve", "nobody@example.org", "main"])
        .failed(1, "there is no account");
    place
        .run(&["sieve", "put", "good.sieve", alice, "main", "--activate"])
        .ok("main is stored and active");
    place.run(&["sieve", "put", "good.sieve", alice, "other"]).ok("stored");
    let file = place.path("data/mail/example.org/alice/sieve/main.sieve");
    assert_eq!(std::fs::read_to_string(file).unwrap(), good);
    place
        .run(&["sieve", "list", alice])
        .ok("active  40      main")
        .ok("        40      other");
    place.run(&["sieve", "show", alice, "main"]).ok("Archive");
    place
        .run(&["sieve", "delete", alice, "main"])
        .failed(1, "posthaste sieve deactivate");
    place.run(&["sieve", "activate", alice, "other"]).ok("other is active");
    place.run(&["sieve", "delete", alice, "main"]).ok("deleted");
    place
        .run(&["sieve", "activate", alice, "main"])
        .failed(1, "there is no script of that name");
    place.run(&["sieve", "deactivate", alice]).ok("no script is active");
}
