use gantry_core::{
    build::BuildStatus::{Failed, Pending, Success},
    decide::place::{Step, WishOutcome},
    decide::view::Put,
    facts::{Failure, Person, Wish},
    gates::Verdict,
    reason::{Owner, Problem, Reason},
};

use crate::world::{World, at, place, release};

const NOTHING: [&str; 0] = [];

#[test]
fn a_quiet_world_wants_nothing() {
    let world = World::new();
    assert_eq!(world.wants(1_000), NOTHING);
    assert!(matches!(world.standing("dev", 1_000).put, Put::Initial { .. }));
    assert_eq!(world.standing("dev", 1_000).rest, Some(Reason::NothingNewer));
}

#[test]
fn a_build_goes_to_dev_soaks_and_is_proposed() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    assert_eq!(world.wants(100), ["commit dev 1.1.0"]);
    world.promoted("dev", "1.1.0", 100);
    assert_eq!(world.wants(159), NOTHING);
    assert_eq!(world.decide(159).next_look, Some(at(160)));
    assert_eq!(world.wants(160), ["open qa 1.1.0"]);
}

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
fn frequent_builds_do_not_starve_the_next_environment() {
    let mut world = World::new();
    for (version, second) in [("1.1.0", 100), ("1.2.0", 161), ("1.3.0", 170), ("1.4.0", 230)] {
        world.build(version, Success);
        world.promoted("dev", version, second);
    }
    assert_eq!(world.wants(240), ["open qa 1.3.0"], "1.3.0 had its 60 s, 1.2.0 had not");
}

#[test]
fn a_failed_build_never_goes_anywhere_and_the_one_before_it_does() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.build("1.2.0", Failed);
    assert_eq!(world.wants(100), ["commit dev 1.1.0"]);
}

#[test]
fn a_check_that_runs_holds_the_proposal_back() {
    let mut world = World::new();
    world.build("1.1.0", Pending);
    world.promoted("dev", "1.1.0", 100);
    assert_eq!(world.wants(500), NOTHING);
    let gates = world.standing("qa", 500).next[0].gates.clone();
    assert!(matches!(gates[1].reason, Reason::CheckRunning { .. }));
}

// LESSONS: flux2 #4984, tags in Git were downgraded after half a list was lost.
#[test]
fn an_empty_or_partial_registry_downgrades_nothing() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.facts.catalog = gantry_core::catalog::Catalog::default();
    world.build("1.0.0", Success);
    assert!(!world.wants(1_000).iter().any(|want| want.starts_with("commit")));
    world.facts.catalog = gantry_core::catalog::Catalog::default();
    assert!(!world.wants(1_000).iter().any(|want| want.starts_with("commit")));
}

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
fn a_branch_whose_base_moved_under_its_files_is_built_anew() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.proposal("qa", "1.1.0");
    world.facts.branches.get_mut(&place("qa")).unwrap().current = false;
    assert_eq!(world.wants(200), ["update qa 1.1.0"]);
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

fn wish(environment: &str, version: Option<&str>) -> Wish {
    Wish {
        request: 7,
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
    world.facts.wishes.push(wish("qa", None));
    assert_eq!(world.wants(110), ["open qa 1.1.0"]);
    world.proposal("qa", "1.1.0");
    assert_eq!(world.wants(110), NOTHING, "open, and soaking");
    assert!(matches!(world.decide(110).wishes[..], [(7, WishOutcome::Done { .. })]));
    assert_eq!(world.wants(160), ["merge qa #1"]);
}

#[test]
fn a_person_lifts_a_rejection_by_asking_again() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.ruling("qa", "1.1.0", true, None);
    world.facts.wishes.push(wish("qa", Some("1.1.0")));
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
    world.facts.wishes.push(wish("qa", Some("1.1.0")));
    assert_eq!(world.wants(320), NOTHING);
    assert!(matches!(world.decide(320).wishes[..], [(7, WishOutcome::Refused { .. })]));
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

#[test]
fn a_tag_pushed_again_is_nothing_to_write_where_only_tags_are_written() {
    let mut world = World::new();
    world.write(gantry_core::config::types::Write::Tag);
    world.build("1.1.0", Success);
    world.promoted("dev", "1.1.0", 100);
    world.push_again("1.1.0", "other bytes");
    world.built("1.1.0", 50);
    world.built("other bytes", 105);
    assert_eq!(world.wants(110), NOTHING);
    world.write(gantry_core::config::types::Write::TagAndDigest);
    assert_eq!(world.wants(110), ["commit dev 1.1.0"], "its digest is something to write");
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

#[test]
fn while_git_is_silent_nothing_is_done() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.facts.git_silent = true;
    assert_eq!(world.wants(100), NOTHING);
    world.facts.git_silent = false;
    assert_eq!(world.wants(100), ["commit dev 1.1.0"]);
}
