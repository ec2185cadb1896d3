//! What is remembered of decisions is what deciding anew says, after any sequence of changes.

use std::sync::Arc;

use gantry_core::{
    build::BuildStatus,
    config::pipeline::Pipeline,
    decide::{
        decide,
        decider::{Decider, Wanted},
    },
    facts::{Facts, Failure, Look, Place, PromotionRequest},
    ids::ApplicationName,
    reason::Owner,
};
use proptest::prelude::*;

use crate::world::{IMAGE, World, at, place, release};

const APPLICATIONS: [&str; 3] = ["checkout", "basket", "search"];

fn name(application: usize) -> ApplicationName {
    APPLICATIONS[application].parse().unwrap()
}

/// States of the one application of a world, in the order of a life.
fn states() -> Vec<Facts> {
    let mut states = Vec::new();
    let mut world = World::new();
    let mut keep = |world: &World| states.push(world.facts.clone());
    keep(&world);
    world.build("1.1.0", BuildStatus::Success);
    world.promoted("dev", "1.1.0", 100);
    keep(&world);
    world.proposal("qa", "1.1.0");
    keep(&world);
    world.approve("qa");
    world.promoted("qa", "1.1.0", 180);
    keep(&world);
    world.close("qa", "Gantry", true);
    world.proposal("prod", "1.1.0");
    keep(&world);
    world.approve("prod");
    keep(&world);
    world.close("prod", "rita", false);
    keep(&world);
    world.ruling("prod", "1.1.0", true, Some(1));
    keep(&world);
    world.person_sets("dev", "1.0.0", 400);
    keep(&world);
    states
}

/// Three applications of one image.
fn pipeline() -> Pipeline {
    let mut pipeline = World::new().pipeline;
    let application = pipeline.applications.values().next().unwrap().clone();
    for name in APPLICATIONS.iter().skip(1) {
        let name: ApplicationName = name.parse().unwrap();
        let mut application = application.clone();
        application.name = name.clone();
        pipeline.applications.insert(name, application);
    }
    pipeline
}

/// One change of the facts, or of the time.
#[derive(Debug, Clone)]
enum Change {
    /// An application's places, proposals and branches are those of a state.
    State(usize, usize),
    /// A build of the image.
    Build(u8, bool),
    /// Time goes on, or back.
    Time(i64),
    /// A write is refused for some time.
    Refused(usize, i64),
    /// Nothing is refused any more.
    Tried,
    /// A person asks for a version.
    Asks(usize, bool),
    /// Nobody asks for anything.
    Answered,
    /// Git or the forge is silent, or speaks again.
    Silent(bool, bool),
    /// The registry has a problem, or none.
    Registry(Option<u8>),
    /// The branch has another head.
    Head(u8),
    /// Gantry has another pipeline: one application less or more.
    Pipeline(bool),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (0..3_usize, 0..9_usize).prop_map(|(application, state)| Change::State(application, state)),
        2 => (0..4_u8, any::<bool>()).prop_map(|(minor, good)| Change::Build(minor, good)),
        3 => (-20..90_i64).prop_map(Change::Time),
        1 => (0..3_usize, 0..100_i64).prop_map(|(application, wait)| Change::Refused(application, wait)),
        1 => Just(Change::Tried),
        1 => (0..3_usize, any::<bool>()).prop_map(|(application, named)| Change::Asks(application, named)),
        1 => Just(Change::Answered),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(git, forge)| Change::Silent(git, forge)),
        1 => proptest::option::of(any::<u8>()).prop_map(Change::Registry),
        1 => any::<u8>().prop_map(Change::Head),
        1 => any::<bool>().prop_map(Change::Pipeline),
    ]
}

/// What an application was in a state of the world's, under its own name.
fn renamed(place: &Place, application: usize) -> Place {
    Place { application: name(application), environment: place.environment.clone() }
}

fn take(facts: &mut Facts, state: &Facts, application: usize) {
    for (from, seen) in state.places.iter() {
        let to = renamed(from, application);
        let mut seen = seen.clone();
        for arrival in &mut seen.history {
            if let Some(record) = &mut arrival.record {
                Arc::make_mut(record).place = to.clone();
            }
        }
        facts.places.insert(to.clone(), seen);
        match state.proposals.get(from) {
            Some(proposals) => drop(facts.proposals.insert(to.clone(), proposals.clone())),
            None => drop(facts.proposals.remove(&to)),
        }
        match state.branches.get(from) {
            Some(branch) => drop(facts.branches.insert(to.clone(), branch.clone())),
            None => drop(facts.branches.remove(&to)),
        }
        let rejections = Arc::make_mut(&mut facts.rejections);
        match state.rejections.get(from) {
            Some(list) => drop(rejections.insert(to, list.clone())),
            None => drop(rejections.remove(&to)),
        }
    }
}

proptest! {
    #[test]
    fn remembering_decides_the_same(changes in proptest::collection::vec(change(), 1..60)) {
        let states = states();
        let (mut pipeline, mut facts, mut now) = (Arc::new(pipeline()), states[0].clone(), 200);
        (1..3).for_each(|application| take(&mut facts, &states[0], application));
        let mut decider = Decider::default();
        for change in changes {
            match &change {
                Change::State(application, state) => take(&mut facts, &states[*state], *application),
                Change::Build(minor, good) => {
                    let mut world = World::new();
                    world.facts = facts.clone();
                    let status = if *good { BuildStatus::Success } else { BuildStatus::Failed };
                    world.build(&format!("1.{minor}.0"), status);
                    facts = world.facts;
                }
                Change::Time(seconds) => now += seconds,
                Change::Refused(application, wait) => {
                    let key = (renamed(&place("dev"), *application), release("1.1.0").id);
                    let failure = Failure {
                        head: facts.heads.values().next().unwrap().clone(),
                        message: "no".to_owned(),
                        owner: Owner::Team,
                        retry: at(now + wait),
                    };
                    facts.failures.insert(key, failure);
                }
                Change::Tried => facts.failures.clear(),
                Change::Asks(application, named) => facts.requests.push(PromotionRequest {
                    id: i64::try_from(facts.requests.len()).unwrap(),
                    place: renamed(&place("prod"), *application),
                    release: named.then(|| release("1.1.0").id),
                    by: "rita".to_owned(),
                    reason: String::new(),
                }),
                Change::Answered => facts.requests.clear(),
                Change::Silent(git, forge) => (facts.git_silent, facts.forge_silent) = (*git, *forge),
                Change::Registry(problem) => {
                    let problem = problem.map(|number| number.to_string());
                    facts.looks.insert(IMAGE.parse().unwrap(), Look { at: at(now), problem });
                }
                Change::Head(number) => {
                    let head = format!("{number:040x}").parse().unwrap();
                    facts.heads.insert("main".parse().unwrap(), head);
                }
                Change::Pipeline(all) => {
                    let mut other = self::pipeline();
                    if !all {
                        other.applications.remove(&name(2));
                    }
                    pipeline = Arc::new(other);
                }
            }
            let anew = Wanted::from(decide(&pipeline, &facts, at(now)));
            let remembered = decider.decide(&pipeline, &Arc::new(facts.clone()), at(now));
            prop_assert_eq!(remembered, anew, "after {:?}", change);
        }
    }
}

#[test]
fn only_what_changed_is_decided_on_again() {
    let states = states();
    let (pipeline, mut facts) = (Arc::new(pipeline()), states[0].clone());
    (1..3).for_each(|application| take(&mut facts, &states[0], application));
    let mut decider = Decider::default();
    let mut again = |facts: &Facts, now: i64| {
        decider.decide(&pipeline, &Arc::new(facts.clone()), at(now));
        decider.again()
    };
    assert_eq!(again(&facts, 200), 3, "the first time");
    assert_eq!(again(&facts, 201), 0, "nothing changed");
    take(&mut facts, &states[1], 1);
    assert_eq!(again(&facts, 202), 1, "one of them");
    facts.looks.insert(IMAGE.parse().unwrap(), Look { at: at(202), problem: None });
    assert_eq!(again(&facts, 203), 0, "a look that went well tells nothing");
    facts.heads.insert("main".parse().unwrap(), "1".repeat(40).parse().unwrap());
    assert_eq!(again(&facts, 204), 0, "a commit that changed none of its files");
    let mut world = World::new();
    world.facts = facts;
    world.build("1.1.0", BuildStatus::Success);
    assert_eq!(again(&world.facts, 205), 3, "all have the image");
}
