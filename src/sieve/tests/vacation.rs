//! RFC 5230: who is answered, and who is not.

use super::*;

const AWAY: &str = "require \"vacation\"; vacation :days 3 \"I am away.\";";

fn reply(outcome: &Outcome) -> Option<&Vacation> {
    outcome.actions.iter().find_map(|action| match action {
        Action::Vacation(vacation) => Some(vacation),
        _ => None,
    })
}

#[test]
fn a_person_is_answered_once() {
    let mut world = World::new(COYOTE);
    let outcome = world.run(AWAY);
    assert_eq!(told(&outcome), ["vacation coyote@desert.example.org", "keep"]);
    let vacation = reply(&outcome).unwrap();
    assert_eq!(vacation.subject, "Auto: I have a present for you");
    let id = "<present@desert.example.org>".to_owned();
    assert_eq!(vacation.references, Some((id.clone(), id)));
    assert_eq!(outcome.remember.values().collect::<Vec<_>>(), [&(NOW + 3 * 86_400)]);
    world.memory = outcome.remember;
    assert_eq!(told(&world.run(AWAY)), ["keep"]);
    // Another text, another reply; the same handle, the same.
    assert!(reply(&world.run("require \"vacation\"; vacation \"Still away.\";")).is_some());
    world.now += 3 * 86_400;
    assert!(reply(&world.run(AWAY)).is_some());
}

#[test]
fn handles_tell_which_reply_it_is() {
    let mut world = World::new(COYOTE);
    let one = "require \"vacation\"; vacation :handle \"trip\" \"one\";";
    world.memory = world.run(one).remember;
    assert!(reply(&world.run("require \"vacation\"; vacation :handle \"trip\" \"other\";")).is_none());
    assert!(reply(&world.run("require \"vacation\"; vacation \"one\";")).is_some());
    let at_once = "require [\"vacation\", \"vacation-seconds\"]; vacation :seconds 0 \"x\";";
    world.memory = world.run(at_once).remember;
    assert!(reply(&world.run(at_once)).is_some());
}

#[test]
fn what_is_no_letter_to_this_person_is_not_answered() {
    for field in [
        "List-Id: <x.example.org>",
        "List-Unsubscribe: <mailto:x@example.org>",
        "Auto-Submitted: auto-generated (x)",
        "Precedence: Bulk",
        "X-Auto-Response-Suppress: DR, OOF",
    ] {
        let world = World::new(&format!("{field}\r\n{COYOTE}"));
        assert_eq!(told(&world.run(AWAY)), ["keep"], "{field}");
    }
    assert!(reply(&World::new(&format!("Auto-Submitted: no\r\n{COYOTE}")).run(AWAY)).is_some());
    for from in [
        "",
        "MAILER-DAEMON@x.test",
        "owner-list@x.test",
        "list-request@x.test",
        "roadrunner@ACME.example.com",
    ] {
        let mut world = World::new(COYOTE);
        world.from = from;
        assert_eq!(told(&world.run(AWAY)), ["keep"], "{from}");
    }
    let other = World::new(&COYOTE.replace("roadrunner@", "everybody@"));
    assert_eq!(told(&other.run(AWAY)), ["keep"]);
    let known = "require \"vacation\"; vacation :addresses [\"Everybody@acme.example.com\"] \"x\";";
    assert!(reply(&other.run(known)).is_some());
}

#[test]
fn what_a_script_says_of_the_reply() {
    let source = "require [\"vacation\", \"variables\"]; if header :matches \"subject\" \"*\" { vacation :from \"Road Runner <rr@acme.example.com>\" \
        :subject \"Gone: ${1}\" :mime text:\nContent-Type: text/html\n\n<p>Gone</p>\n.\n; }";
    let outcome = World::new(COYOTE).run(source);
    let vacation = reply(&outcome).unwrap();
    let address = Address::parse("rr@acme.example.com").unwrap();
    assert_eq!(vacation.from, Some((Some("Road Runner".to_owned()), address)));
    assert_eq!(vacation.subject, "Gone: I have a present for you");
    assert!(vacation.mime && vacation.reason.starts_with("Content-Type"));
    let twice = actions("require \"vacation\"; vacation \"a\"; vacation \"b\";");
    assert_eq!(
        twice,
        ["keep", "failed line 1: a message is answered by one vacation only"]
    );
}
