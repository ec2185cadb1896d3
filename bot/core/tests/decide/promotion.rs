//! How builds go from environment to environment.

use gantry_core::{
    build::BuildStatus::{Failed, Pending, Success},
    decide::view::Put,
    reason::Reason,
};

use crate::world::{NOTHING, World, at};

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
