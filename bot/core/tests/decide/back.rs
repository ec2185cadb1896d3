//! A person's way back: nothing up to what was taken out returns by itself, and a person lifts that.

use gantry_core::{build::BuildStatus::Success, decide::standing::RequestOutcome, reason::Reason};

use crate::world::{NOTHING, World, at, place};

/// 1.1.0 to 1.3.0 went all the way; `environment` was set back to 1.1.0 by hand at 1,000.
fn set_back(environment: &str) -> World {
    let mut world = World::new();
    for (version, second) in [("1.1.0", 100), ("1.2.0", 300), ("1.3.0", 500)] {
        world.build(version, Success);
        for (index, environment) in ["dev", "qa", "prod"].into_iter().enumerate() {
            world.promoted(environment, version, second + 10 * index as i64);
        }
    }
    world.person_sets(environment, "1.1.0", 1_000);
    world
}

#[test]
fn nothing_up_to_what_was_taken_out_comes_back_by_itself() {
    for environment in ["dev", "qa", "prod"] {
        let world = set_back(environment);
        assert_eq!(world.wants(9_000), NOTHING, "{environment}");
        let next = world.standing(environment, 9_000).next.remove(0);
        assert_eq!(next.release.version(), "1.3.0");
        assert!(matches!(next.reason, Some(Reason::Withdrawn { .. })), "{:?}", next.reason);
        let between = world.why(environment, Some("1.2.0"), 9_000);
        let told = between.reasons.iter().any(|reason| {
            matches!(reason, Reason::TakenBack { version, .. } if version == "1.3.0")
                || matches!(reason, Reason::WasInPlace { .. })
        });
        assert!(told, "{environment}: {:?}", between.reasons);
    }
}

#[test]
fn what_is_newer_than_what_was_taken_out_goes_in() {
    let mut world = set_back("prod");
    world.build("1.4.0", Success);
    world.promoted("dev", "1.4.0", 1_100);
    world.promoted("qa", "1.4.0", 1_200);
    assert_eq!(world.wants(2_000), ["open prod 1.4.0"]);
    world.promoted("prod", "1.4.0", 2_000);
    world.person_sets("prod", "1.2.0", 3_000);
    assert_eq!(world.wants(9_000), NOTHING, "the same again, one further");
}

#[test]
fn a_step_back_in_two_steps_counts_as_one() {
    let mut world = set_back("prod");
    world.person_sets("prod", "1.0.0", 1_100);
    assert_eq!(world.wants(9_000), NOTHING);
    world.person_sets("prod", "1.1.0", 1_200);
    assert_eq!(world.wants(9_000), NOTHING);
}

#[test]
fn files_that_were_removed_and_added_again_are_no_beginning() {
    let mut world = set_back("prod");
    world.last("prod").first = true;
    assert_eq!(world.wants(9_000), NOTHING);
}

#[test]
fn a_step_forward_by_hand_takes_nothing_out() {
    let mut world = World::new();
    for version in ["1.1.0", "1.2.0"] {
        world.build(version, Success);
    }
    world.person_sets("dev", "1.1.0", 100);
    world.person_sets("dev", "1.2.0", 200);
    assert_eq!(world.wants(210), ["open qa 1.1.0"], "a CI that commits to dev starves nobody");
}

#[test]
fn a_person_lifts_it_by_asking_and_the_proposal_stays() {
    for version in ["1.2.0", "1.3.0"] {
        let mut world = set_back("prod");
        world.asks("prod", Some(version));
        assert_eq!(world.wants(2_000), [format!("open prod {version}")]);
        world.proposal("prod", version);
        world.asked_for("prod", 2_000);
        assert!(matches!(
            world.answer(2_001),
            Some(RequestOutcome::Done { reason: Reason::Proposed { .. } })
        ));
        world.facts.requests.clear();
        assert_eq!(world.wants(9_000), NOTHING, "it stays open");
        world.approve("prod");
        assert_eq!(world.wants(9_000), ["merge prod #1"]);
    }
}

#[test]
fn an_open_proposal_becomes_the_persons_instead_of_being_closed() {
    let mut world = set_back("prod");
    world.proposal("prod", "1.3.0");
    assert_eq!(world.wants(2_000), ["close prod #1"]);
    world.asks("prod", Some("1.3.0"));
    assert_eq!(world.wants(2_000), ["update prod 1.3.0"]);
    assert_eq!(world.answer(2_000), None, "nothing is said before it is so");
}

#[test]
fn who_takes_it_out_after_it_was_asked_for_has_the_last_word() {
    let mut world = set_back("prod");
    world.proposal("prod", "1.3.0");
    world.asked_for("prod", 1_100);
    assert_eq!(world.wants(2_000), NOTHING);
    world.promoted("prod", "1.2.0", 2_100);
    world.person_sets("prod", "1.1.0", 2_200);
    world.facts.branches.get_mut(&place("prod")).unwrap().current = false;
    assert_eq!(world.wants(2_300), ["update prod 1.3.0"], "what was taken out this time is older than 1.3.0");
    world.last("prod").since = at(2_200);
    world.promoted("prod", "1.3.0", 2_300);
    world.person_sets("prod", "1.1.0", 2_400);
    assert_eq!(world.wants(2_500), ["close prod #1"]);
}

#[test]
fn a_release_taken_out_of_qa_goes_to_prod_when_a_person_says_so() {
    let mut world = set_back("qa");
    world.person_sets("prod", "1.2.0", 1_050);
    world.asks("prod", Some("1.3.0"));
    assert_eq!(world.wants(2_000), ["open prod 1.3.0"]);
    world.proposal("prod", "1.3.0");
    world.asked_for("prod", 2_000);
    world.facts.requests.clear();
    assert_eq!(world.wants(2_100), NOTHING);
    world.promoted("qa", "1.3.0", 2_200);
    world.person_sets("qa", "1.1.0", 2_300);
    assert_eq!(world.wants(2_400), ["close prod #1"], "it was taken out of qa once more, after that");
}

#[test]
fn going_back_is_answered_with_the_way_to_do_it() {
    let mut world = set_back("dev");
    world.asks("prod", Some("1.1.0"));
    match world.answer(2_000) {
        Some(RequestOutcome::Refused { reason: Reason::GoesBack { held, .. } }) => assert_eq!(held, "1.3.0"),
        other => panic!("{other:?}"),
    }
}
