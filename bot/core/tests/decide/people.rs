//! What people do by hand and ask for, which `decide` never fights.

use gantry_core::{
    build::BuildStatus::Success, decide::place::RequestOutcome, decide::view::Put, facts::PromotionRequest,
    reason::Reason,
};

use crate::world::{NOTHING, World, place, release};

#[test]
fn a_persons_commit_is_drift_and_is_not_fought() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.person_sets("dev", "1.0.0", 200);
    let dev = world.standing("dev", 1_000);
    assert!(matches!(&dev.put, Put::Drift { by, .. } if by.name == "Alice"));
    assert_eq!(world.wants(1_000), NOTHING, "neither back to 1.1.0 in dev nor on to qa");
    assert!(matches!(dev.next[0].reason, Some(Reason::Withdrawn { .. })));
    world.build("1.2.0", Success);
    assert_eq!(world.wants(1_000), ["commit dev 1.2.0"], "a newer build goes on");
}

#[test]
fn what_a_person_puts_into_dev_goes_on_by_the_same_gates() {
    let mut world = World::new();
    world.build("1.3.0", Success);
    world.person_sets("dev", "1.3.0", 100);
    assert_eq!(world.wants(159), NOTHING);
    assert_eq!(world.wants(160), ["open qa 1.3.0"]);
}

#[test]
fn a_revert_in_prod_is_not_fought() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.promoted("qa", "1.1.0", 200);
    world.promoted("prod", "1.1.0", 300);
    world.person_sets("prod", "1.0.0", 400);
    assert_eq!(world.wants(1_000), NOTHING);
}

fn request(environment: &str, version: Option<&str>) -> PromotionRequest {
    PromotionRequest {
        id: 7,
        place: place(environment),
        release: version.map(|version| release(version).id),
        by: "rita".to_owned(),
        reason: "needed".to_owned(),
    }
}

#[test]
fn a_person_may_ask_for_a_proposal_before_its_soak_but_it_merges_after() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.facts.requests.push(request("qa", None));
    assert_eq!(world.wants(110), ["open qa 1.1.0"]);
    world.proposal("qa", "1.1.0");
    assert_eq!(world.wants(110), NOTHING, "open, and soaking");
    assert!(matches!(world.decide(110).requests[..], [(7, RequestOutcome::Done { .. })]));
    assert_eq!(world.wants(160), ["merge qa #1"]);
}

#[test]
fn a_person_lifts_a_rejection_by_asking_again() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.ruling("qa", "1.1.0", true, None);
    world.facts.requests.push(request("qa", Some("1.1.0")));
    assert_eq!(world.wants(500), ["accept qa 1.1.0"]);
}

#[test]
fn going_back_is_no_promotion() {
    let mut world = World::new();
    for (version, second) in [("1.1.0", 100), ("1.2.0", 200)] {
        world.build(version, Success);
        world.promoted("dev", version, second);
    }
    world.promoted("qa", "1.2.0", 300);
    world.facts.requests.push(request("qa", Some("1.1.0")));
    assert_eq!(world.wants(320), NOTHING);
    assert!(matches!(world.decide(320).requests[..], [(7, RequestOutcome::Refused { .. })]));
}

#[test]
fn what_a_person_asked_for_stays_theirs_when_its_branch_is_built_anew() {
    let mut world = World::new();
    for (version, second) in [("1.1.0", 100), ("1.2.0", 200)] {
        world.build(version, Success);
        world.promoted("dev", version, second);
    }
    world.proposal("qa", "1.1.0");
    let branch = world.facts.branches.get_mut(&place("qa")).unwrap();
    branch.record.as_mut().unwrap().by = Some("rita".to_owned());
    branch.current = false;
    let effects = world.decide(500).effects;
    match &effects[..] {
        [gantry_core::effects::Effect::Propose { promotion, .. }] => {
            assert_eq!(
                (promotion.release.version().as_str(), promotion.by.as_deref()),
                ("1.1.0", Some("rita"))
            );
        }
        other => panic!("{other:?}"),
    }
}
