//! What a person refused: written once, counted for its release, lifted by a person.

use gantry_core::build::BuildStatus::Success;

use crate::world::{NOTHING, World};

#[test]
fn a_closed_proposal_is_a_rejection_written_to_git_once() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.proposal("qa", "1.1.0");
    world.close("qa", "rita", false);
    assert_eq!(world.wants(500), ["reject qa 1.1.0", "prune qa"]);
    world.ruling("qa", "1.1.0", true, Some(1));
    world.facts.branches.clear();
    assert_eq!(world.wants(500), NOTHING);
    world.build("1.2.0", Success);
    world.promoted("dev", "1.2.0", 600);
    assert_eq!(world.wants(700), ["open qa 1.2.0"], "a newer release is another question");
}

#[test]
fn a_rejection_that_a_person_lifts_is_lifted() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.ruling("qa", "1.1.0", true, Some(1));
    assert_eq!(world.wants(500), NOTHING);
    world.ruling("qa", "1.1.0", false, None);
    assert_eq!(world.wants(500), ["open qa 1.1.0"]);
}

#[test]
fn behind_a_rejected_release_no_older_one_is_proposed() {
    let mut world = World::new();
    for (version, second) in [("1.1.0", 100), ("1.2.0", 200)] {
        world.build(version, Success);
        world.promoted("dev", version, second);
    }
    world.ruling("qa", "1.2.0", true, None);
    assert_eq!(world.wants(500), NOTHING);
}

#[test]
fn what_gantry_closed_itself_is_no_rejection() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.proposal("qa", "1.1.0");
    world.close("qa", "gantry", true);
    world.facts.branches.clear();
    assert_eq!(world.wants(500), ["open qa 1.1.0"]);
}

#[test]
fn a_rejection_counts_for_its_release_though_numbers_start_anew() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.ruling("qa", "0.9.0", true, Some(1));
    world.proposal("qa", "1.1.0");
    world.close("qa", "rita", false);
    assert_eq!(world.wants(500), ["reject qa 1.1.0", "prune qa"], "#1 of a forge before was another one");
}
