//! `why`, the standing and the effects speak of the same release in the same words.

use gantry_core::{
    build::BuildStatus,
    decide::{decide_application, standing::Step},
    effects::Effect,
    reason::{Mark, OrderBy, Reason},
};
use proptest::prelude::*;

use crate::world::{World, place};

const STAGES: [&str; 3] = ["dev", "qa", "prod"];
const VERSIONS: [&str; 5] = ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0"];

/// Something that happens in a world.
#[derive(Debug, Clone)]
enum Event {
    Build(usize, BuildStatus),
    Promoted(usize, usize),
    ByHand(usize, usize, bool),
    Found(usize),
    Proposal(usize, usize),
    Asked(usize),
    Approve(usize),
    Close(usize),
    Reject(usize, usize),
    Presence(usize, Option<bool>),
    Lost,
    Silent(bool, bool),
}

fn event() -> impl Strategy<Value = Event> {
    let (stage, version) = (0..STAGES.len(), 0..VERSIONS.len());
    let status =
        prop_oneof![Just(BuildStatus::Success), Just(BuildStatus::Pending), Just(BuildStatus::Failed)];
    prop_oneof![
        3 => (version.clone(), status).prop_map(|(v, s)| Event::Build(v, s)),
        5 => (stage.clone(), version.clone()).prop_map(|(s, v)| Event::Promoted(s, v)),
        3 => (stage.clone(), version.clone(), any::<bool>()).prop_map(|(s, v, c)| Event::ByHand(s, v, c)),
        1 => stage.clone().prop_map(Event::Found),
        3 => (1..STAGES.len(), version.clone()).prop_map(|(s, v)| Event::Proposal(s, v)),
        1 => (1..STAGES.len()).prop_map(Event::Asked),
        1 => (1..STAGES.len()).prop_map(Event::Approve),
        1 => (1..STAGES.len()).prop_map(Event::Close),
        1 => (stage, version.clone()).prop_map(|(s, v)| Event::Reject(s, v)),
        1 => (version, any::<Option<bool>>()).prop_map(|(v, p)| Event::Presence(v, p)),
        1 => Just(Event::Lost),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(git, forge)| Event::Silent(git, forge)),
    ]
}

fn happens(world: &mut World, event: &Event, second: i64) {
    let open = |world: &World, stage: usize| world.facts.open_proposal(&place(STAGES[stage])).is_some();
    match *event {
        Event::Build(version, status) => world.build(VERSIONS[version], status),
        Event::Promoted(stage, version) => world.promoted(STAGES[stage], VERSIONS[version], second),
        Event::ByHand(stage, version, claimed) => {
            world.person_sets(STAGES[stage], VERSIONS[version], second);
            world.last(STAGES[stage]).claimed = claimed;
        }
        Event::Found(stage) => world.last(STAGES[stage]).found = true,
        Event::Proposal(stage, version) if !open(world, stage) => {
            world.proposal(STAGES[stage], VERSIONS[version]);
        }
        Event::Asked(stage) if open(world, stage) => world.asked_for(STAGES[stage], second),
        Event::Approve(stage) if open(world, stage) => world.approve(STAGES[stage]),
        Event::Close(stage) if open(world, stage) => {
            world.close(STAGES[stage], "rita", false);
            world.facts.branches.remove(&place(STAGES[stage]));
        }
        Event::Reject(stage, version) => world.ruling(STAGES[stage], VERSIONS[version], true, None),
        Event::Presence(version, there) => {
            let image: gantry_core::ids::ImageName = crate::world::IMAGE.parse().unwrap();
            let presence = std::sync::Arc::make_mut(&mut world.facts.presence);
            presence.hosts.insert(image.host().to_owned());
            let known = presence.digests.entry(image).or_default();
            if let Some(there) = there {
                known.insert(crate::world::digest(VERSIONS[version]), there);
            }
        }
        Event::Lost => world.facts.reports_lost = Some(crate::world::at(second)),
        Event::Silent(git, forge) => {
            world.facts.git_silent = git;
            world.facts.forge_silent = forge;
        }
        Event::Proposal(..) | Event::Asked(_) | Event::Approve(_) | Event::Close(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_view_speaks_of_the_same_release_in_the_same_words(
        events in prop::collection::vec(event(), 1..25),
        later in 0_i64..200,
    ) {
        let mut world = World::new();
        let mut second = 100;
        for event in &events {
            second += 40;
            happens(&mut world, event, second);
        }
        let now = second + later;
        let application = "checkout".parse().unwrap();
        let decisions = decide_application(&world.pipeline, &world.facts, crate::world::at(now), &application);
        for decision in &decisions {
            let standing = &decision.standing;
            prop_assert_eq!(standing, &world.standing(standing.place.environment.as_str(), now));
            let said = standing.said();
            if let Some(reason) = said.reason {
                prop_assert_eq!((said.mark, said.owner), (reason.mark(), reason.owner()), "{:?}", reason);
            }
            if let Some(release) = said.release {
                let environment = standing.place.environment.as_str();
                let by_name = world.why(environment, Some(release.id.as_str()), now);
                let unnamed = world.why(environment, None, now);
                prop_assert_eq!(&by_name, &unnamed);
                prop_assert_eq!(by_name.release.as_ref(), Some(release));
                let last = by_name.steps.last().unwrap();
                let next = standing.next.first().unwrap();
                prop_assert_eq!(&last.gates, &next.gates);
                prop_assert_eq!(last.proposal, next.proposal);
                if let Some(reason) = said.reason {
                    prop_assert_eq!(&last.reason, reason);
                    prop_assert_eq!(last.owner, said.owner);
                }
                if by_name.at.as_ref() == Some(&standing.place.environment) {
                    prop_assert_eq!(last.mark, said.mark);
                }
            }
            for next in &standing.next {
                let stops = next.holding().is_some_and(|reason| reason.mark() == Mark::Stopped);
                prop_assert_eq!(next.step == Step::Stopped, stops, "{:?}", next);
            }
            if said.release.is_none() && standing.rest == Some(Reason::NothingNewer) {
                for before in decisions.iter().take_while(|before| before.standing.place != standing.place) {
                    let waits = before.standing.next.iter().find(|next| next.step != Step::Stopped);
                    let newer = waits.is_some_and(|next| next.release.version() > standing.version());
                    prop_assert!(!newer, "{:?} waits before {}", waits, standing.place);
                }
            }
            for effect in &decision.effects {
                if let Effect::Commit { promotion } | Effect::Propose { promotion, .. }
                | Effect::Describe { promotion, .. } = effect {
                    let next = standing.next.iter().find(|next| next.release.id == promotion.release.id);
                    let told = next.map(|next| &next.gates);
                    prop_assert_eq!(told, Some(&promotion.gates));
                }
            }
        }
    }
}

#[test]
fn while_a_newer_one_waits_before_it_nothing_newer_is_not_said() {
    let mut world = World::new();
    world.build("1.1.0", BuildStatus::Success);
    world.promoted("dev", "1.1.0", 100);
    match world.standing("prod", 110).rest {
        Some(Reason::NewerUpstream { version, environment }) => {
            assert_eq!((version.as_str(), environment.as_str()), ("1.1.0", "qa"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_build_that_failed_after_dev_is_stopped_everywhere() {
    let mut world = World::new();
    world.build("1.1.0", BuildStatus::Success);
    world.promoted("dev", "1.1.0", 100);
    world.build("1.1.0", BuildStatus::Failed);
    let next = world.standing("qa", 500).next.remove(0);
    assert_eq!((next.step, next.said().mark), (Step::Stopped, Mark::Stopped));
    let why = world.why("qa", None, 500);
    assert_eq!(why.steps.last().unwrap().mark, Mark::Stopped);
}

#[test]
fn what_was_taken_out_has_no_mark_of_success() {
    let mut world = World::new();
    world.build("1.1.0", BuildStatus::Success);
    world.promoted("dev", "1.1.0", 100);
    world.promoted("qa", "1.1.0", 200);
    world.person_sets("qa", "1.0.0", 300);
    let why = world.why("prod", Some("1.1.0"), 500);
    let marks: Vec<Mark> = why.steps.iter().map(|step| step.mark).collect();
    assert_eq!(marks, [Mark::Done, Mark::Stopped, Mark::Stopped]);
}

#[test]
fn older_is_said_with_the_order() {
    let mut world = World::new();
    for (version, second) in [("1.1.0", 100), ("1.2.0", 200)] {
        world.build(version, BuildStatus::Success);
        world.promoted("dev", version, second);
    }
    world.promoted("qa", "1.2.0", 300);
    let why = world.why("qa", Some("1.1.0"), 400);
    assert!(
        matches!(&why.reasons[0], Reason::OlderThanHeld { order: OrderBy::Semver, .. }),
        "{:?}",
        why.reasons
    );
}

#[test]
fn while_the_forge_or_git_is_away_the_open_proposal_is_still_shown() {
    let mut world = World::new();
    world.build("1.1.0", BuildStatus::Success);
    world.promoted("dev", "1.1.0", 100);
    world.proposal("qa", "1.1.0");
    for (git, forge, reason) in [
        (false, true, Reason::ForgeSilent),
        (true, true, Reason::GitSilent),
        (true, false, Reason::GitSilent),
    ] {
        world.facts.git_silent = git;
        world.facts.forge_silent = forge;
        let qa = world.standing("qa", 500);
        assert_eq!(qa.next[0].proposal.map(|number| number.0), Some(1));
        assert_eq!(qa.said().reason, Some(&reason));
        assert!(world.decide(500).effects.is_empty());
    }
}
