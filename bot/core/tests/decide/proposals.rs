//! The life of a proposal: opened, updated in place, merged, closed.

use gantry_core::{
    build::BuildStatus::{Failed, Success},
    decide::place::Step,
    facts::Person,
    gates::Verdict,
};

use crate::world::{NOTHING, World, place};

#[test]
fn an_automatic_proposal_merges_when_its_gates_pass() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.proposal("qa", "1.1.0");
    assert_eq!(world.wants(200), ["merge qa #1"]);
    world.build("1.1.0", Failed);
    assert_eq!(world.wants(200), NOTHING, "a check that fails later holds the open proposal");
}

#[test]
fn a_manual_proposal_waits_for_an_approval_of_its_very_head() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.promoted("qa", "1.1.0", 200);
    world.proposal("prod", "1.1.0");
    assert_eq!(world.wants(300), NOTHING);
    let next = &world.standing("prod", 300).next[0];
    let merge = next.gates.iter().find(|gate| gate.gate == "merge").unwrap();
    assert_eq!((next.step, merge.verdict), (Step::Proposed, Verdict::Wait));
    world.approve("prod");
    assert_eq!(world.wants(300), ["merge prod #1"]);
}

#[test]
fn an_approval_of_an_old_head_does_not_count() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.promoted("qa", "1.1.0", 200);
    world.proposal("prod", "1.1.0");
    world.approve("prod");
    let old = world.facts.proposals[&place("prod")][0].approvals.clone();
    world.facts.proposals.clear();
    world.proposal("prod", "1.1.0").approvals = old;
    assert_eq!(world.wants(300), NOTHING);
}

#[test]
fn a_newer_build_updates_the_open_proposal_in_place() {
    let mut world = World::new();
    for (version, second) in [("1.1.0", 100), ("1.2.0", 300)] {
        world.build(version, Success);
        world.promoted("dev", version, second);
        world.promoted("qa", version, second + 100);
    }
    world.proposal("prod", "1.1.0");
    let waits = world.standing("prod", 410);
    assert_eq!(waits.next.len(), 2, "the proposal, and the newer release behind it");
    assert_eq!(world.wants(410), NOTHING);
    assert_eq!(world.wants(460), ["update prod 1.2.0"]);
}

#[test]
fn a_proposal_that_serves_nothing_any_more_is_closed() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.proposal("qa", "1.1.0");
    world.person_sets("qa", "1.1.0", 200);
    assert_eq!(world.wants(210), ["close qa #1"], "a person did it by hand");
    world.person_sets("qa", "1.5.0", 300);
    assert_eq!(world.wants(310), ["close qa #1"], "a person went further");
}

#[test]
fn a_release_that_was_taken_out_of_dev_loses_its_proposal() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.proposal("qa", "1.1.0");
    world.person_sets("dev", "1.0.0", 200);
    assert_eq!(world.wants(300), ["close qa #1"]);
}

#[test]
fn a_branch_whose_base_moved_under_its_files_is_built_anew() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.proposal("qa", "1.1.0");
    world.facts.branches.get_mut(&place("qa")).unwrap().current = false;
    assert_eq!(world.wants(200), ["update qa 1.1.0"]);
}

#[test]
fn a_branch_that_a_person_committed_to_is_left_alone() {
    let mut world = World::new();
    for (version, second) in [("1.1.0", 100), ("1.2.0", 200)] {
        world.build(version, Success);
        world.promoted("dev", version, second);
    }
    world.proposal("qa", "1.1.0");
    let person = Person { name: "Bob".to_owned(), email: String::new() };
    let branch = world.facts.branches.get_mut(&place("qa")).unwrap();
    branch.foreign = Some((branch.head.clone(), person));
    assert_eq!(world.wants(500), NOTHING, "neither updated nor merged");
    world.facts.proposals.clear();
    assert_eq!(world.wants(500), NOTHING, "nor replaced or removed");
}
