//! Whose word counts: what Gantry sealed, what people put in by hand, and what stood there before.

use gantry_core::{
    build::BuildStatus::{Pending, Success},
    config::types::First,
    decide::{standing::Step, view::Put},
    facts::Person,
    reason::Reason,
};

use crate::world::{NOTHING, World, at, place};

fn in_qa_by_hand() -> World {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.person_sets("qa", "1.1.0", 200);
    world
}

#[test]
fn what_somebody_put_into_qa_goes_no_further_by_itself() {
    let mut world = in_qa_by_hand();
    world.last("qa").claimed = true;
    assert!(matches!(world.standing("qa", 900).put, Put::Drift { claimed: true, .. }));
    assert_eq!(world.wants(900), NOTHING);
    let next = world.standing("prod", 900).next.remove(0);
    assert_eq!(next.step, Step::Stopped);
    match next.reason {
        Some(Reason::NotPromoted { environment, by, claimed, .. }) => {
            assert_eq!((environment.as_str(), by.as_str(), claimed), ("qa", "Alice", true));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_person_may_take_it_on_and_the_gates_of_the_whole_way_are_asked() {
    let mut world = in_qa_by_hand();
    world.build("1.1.0", Pending);
    world.asks("prod", Some("1.1.0"));
    assert_eq!(world.wants(900), ["open prod 1.1.0"]);
    world.facts.requests.clear();
    world.proposal("prod", "1.1.0");
    world.asked_for("prod", 900);
    world.approve("prod");
    assert_eq!(world.wants(900), NOTHING, "the check of qa never came");
    let gates: Vec<String> =
        world.standing("prod", 900).next[0].gates.iter().map(|gate| gate.gate.clone()).collect();
    assert_eq!(gates, ["soak", "qa/soak", "qa/checks", "merge"]);
    world.build("1.1.0", Success);
    assert_eq!(world.wants(900), ["merge prod #1"]);
}

#[test]
fn a_proposal_that_nobody_asked_for_does_not_merge_what_was_never_promoted() {
    let mut world = in_qa_by_hand();
    world.proposal("prod", "1.1.0");
    world.approve("prod");
    assert_eq!(world.wants(900), NOTHING);
    assert!(matches!(world.standing("prod", 900).next[0].reason, Some(Reason::NotPromoted { .. })));
}

#[test]
fn what_was_promoted_once_counts_when_people_put_it_back() {
    let mut world = World::new();
    for (version, second) in [("1.1.0", 100), ("1.2.0", 110)] {
        world.build(version, Success);
        world.promoted("dev", version, second);
    }
    world.promoted("qa", "1.1.0", 200);
    world.person_sets("qa", "1.2.0", 300);
    world.person_sets("qa", "1.1.0", 400);
    assert_eq!(world.wants(459), NOTHING);
    assert_eq!(world.wants(460), ["open prod 1.1.0"], "after a soak of the latest stay");
}

#[test]
fn where_builds_arrive_anyones_commit_goes_on_unless_it_must_be_sealed() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.person_sets("dev", "1.1.0", 100);
    world.last("dev").since = at(500);
    assert_eq!(world.wants(559), NOTHING, "it soaks from first sight, not from its own date");
    assert_eq!(world.wants(560), ["open qa 1.1.0"]);
    world.pipeline.environments[0].first = First::Sealed;
    assert_eq!(world.wants(9_000), NOTHING);
    let next = world.standing("qa", 9_000).next.remove(0);
    assert!(matches!(next.reason, Some(Reason::NotPromoted { .. })), "{:?}", next.reason);
    world.asks("qa", Some("1.1.0"));
    assert_eq!(world.wants(9_000), ["open qa 1.1.0"]);
    world.facts.requests.clear();
    world.promoted("dev", "1.1.0", 600);
    assert_eq!(world.wants(9_000), ["open qa 1.1.0"], "now it is sealed");
}

#[test]
fn what_was_found_is_no_drift_and_nothing_waits_for_it() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    for environment in ["dev", "qa", "prod"] {
        world.last(environment).found = true;
    }
    world.facts.places.get_mut(&place("qa")).unwrap().history.clear();
    world.person_sets("qa", "1.1.0", 0);
    world.last("qa").found = true;
    world.last("qa").at = at(-900_000);
    world.last("qa").author = Person { name: "Ravi".to_owned(), email: String::new() };
    let qa = world.standing("qa", 900);
    assert!(matches!(&qa.put, Put::Found { by, at: when, .. } if by.name == "Ravi" && *when == at(-900_000)));
    let prod = world.standing("prod", 900);
    assert!(prod.next.is_empty() && prod.problem.is_none());
    assert!(matches!(&prod.rest, Some(Reason::NeverPromoted { version, .. }) if version == "1.1.0"));
    world.asks("prod", None);
    assert_eq!(world.wants(900), ["commit dev 1.1.0", "open prod 1.1.0"]);
}

#[test]
fn content_older_than_the_history_that_was_read_is_in_place() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    let dev = world.facts.places.get_mut(&place("dev")).unwrap();
    dev.history.clear();
    dev.older = Some(at(100));
    assert!(matches!(
        world.why("dev", Some("1.1.0"), 900).reasons[0],
        Reason::InPlace { at_least: true, .. }
    ));
    assert_eq!(world.wants(900), ["open qa 1.1.0"], "it soaked for at least 800 s");
    world.promoted("qa", "1.1.0", 200);
    let qa = world.facts.places.get_mut(&place("qa")).unwrap();
    qa.history.clear();
    qa.older = Some(at(200));
    assert_eq!(world.wants(900), NOTHING, "how it came into qa is not known yet");
    assert!(matches!(world.why("prod", Some("1.1.0"), 900).reasons[0], Reason::HistoryUnread { .. }));
}
