//! Crashes, broken files, refused writes and a silent Git.

use gantry_core::{
    build::BuildStatus::Success,
    facts::Failure,
    reason::{Owner, Problem, Reason},
};

use crate::world::{NOTHING, World, at, place, release};

// Promise 3: each step is found again after a crash.
#[test]
fn after_a_crash_each_step_goes_on_where_it_ended() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.proposal("qa", "1.1.0");
    let open = world.facts.proposals.clone();
    world.facts.proposals.clear();
    assert_eq!(world.wants(200), ["open qa 1.1.0 pushed"], "pushed, not yet proposed");
    world.facts.proposals = open;
    world.facts.proposals.get_mut(&place("qa")).unwrap()[0].release = Some(release("1.0.5").id);
    assert_eq!(world.wants(200), ["update qa 1.1.0 pushed"], "pushed, not yet described");
}

#[test]
fn a_broken_file_stops_its_own_place_only() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    let problem = Problem {
        file: Some("qa/kustomization.yaml".to_owned()),
        line: Some(3),
        column: Some(1),
        message: "no image".to_owned(),
        owner: Owner::Team,
    };
    world.facts.places.get_mut(&place("qa")).unwrap().contents = Err(problem.clone());
    world.build("1.2.0", Success);
    assert_eq!(world.wants(500), ["commit dev 1.2.0"]);
    assert_eq!(world.standing("qa", 500).problem, Some(Reason::Broken { problem }));
}

#[test]
fn a_refused_write_is_not_repeated_until_something_changes() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    let head = world.facts.heads[&"main".parse().unwrap()].clone();
    let release = release("1.1.0").id;
    let failure = Failure { head, message: "hook declined".to_owned(), owner: Owner::Team, retry: at(900) };
    world.facts.failures.insert((place("dev"), release), failure);
    assert_eq!(world.wants(500), NOTHING);
    assert_eq!(world.standing("dev", 500).problem.map(|reason| reason.owner()), Some(Owner::Team));
    assert_eq!(world.decide(500).next_look, Some(at(900)));
    assert_eq!(world.wants(900), ["commit dev 1.1.0"]);
    world.facts.heads.insert("main".parse().unwrap(), format!("{:040x}", 77).parse().unwrap());
    assert_eq!(world.wants(500), ["commit dev 1.1.0"], "on another head it is tried at once");
}

#[test]
fn while_git_is_silent_nothing_is_done() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.facts.git_silent = true;
    assert_eq!(world.wants(100), NOTHING);
    world.facts.git_silent = false;
    assert_eq!(world.wants(100), ["commit dev 1.1.0"]);
}
