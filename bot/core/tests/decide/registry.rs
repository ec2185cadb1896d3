//! What a registry does not have, and what CI told before the database was lost.

use gantry_core::{
    build::BuildStatus::Success,
    decide::standing::{RequestOutcome, Step},
    ids::ImageName,
    reason::Reason,
};

use crate::world::{IMAGE, NOTHING, World, at, digest};

impl World {
    fn image(&self) -> ImageName {
        IMAGE.parse().unwrap()
    }

    /// The registry is in the settings, and says this of a version's digest.
    fn registry_says(&mut self, version: &str, there: Option<bool>) {
        let image = self.image();
        let presence = std::sync::Arc::make_mut(&mut self.facts.presence);
        presence.hosts.insert(image.host().to_owned());
        let known = presence.digests.entry(image).or_default();
        match there {
            Some(there) => known.insert(digest(version), there),
            None => known.remove(&digest(version)),
        };
    }

    /// Only the registry tells of the build; CI never did, or its word was lost.
    fn unreported(&mut self, version: &str) {
        self.build(version, Success);
        let image = self.image();
        self.facts.catalog.image_mut(&image).checks.remove(&digest(version));
    }
}

#[test]
fn a_reported_digest_waits_until_the_registry_has_it() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.registry_says("1.1.0", None);
    assert_eq!(world.wants(100), NOTHING);
    let next = world.standing("dev", 100).next.remove(0);
    assert_eq!(next.step, Step::Waiting);
    assert!(matches!(next.holding(), Some(Reason::DigestUnseen { problem: None, .. })));
    world.registry_says("1.1.0", Some(true));
    assert_eq!(world.wants(100), ["commit dev 1.1.0"]);
    world.registry_says("1.1.0", Some(false));
    assert_eq!(world.wants(100), NOTHING);
    let next = world.standing("dev", 100).next.remove(0);
    assert_eq!(next.step, Step::Stopped);
    assert!(matches!(next.holding(), Some(Reason::DigestGone { .. })));
}

#[test]
fn a_digest_that_the_registry_described_is_believed_until_it_is_gone() {
    let mut world = World::new();
    world.build("1.1.0", Success);
    world.registry_says("1.1.0", None);
    let image = world.image();
    world.facts.catalog.image_mut(&image).artifacts.get_mut(&digest("1.1.0")).unwrap().described = true;
    assert_eq!(world.wants(100), ["commit dev 1.1.0"], "a registry that is down holds nothing back");
    world.promoted("dev", "1.1.0", 100);
    world.promoted("qa", "1.1.0", 200);
    world.proposal("prod", "1.1.0");
    world.approve("prod");
    assert_eq!(world.wants(300), ["merge prod #1"]);
    world.registry_says("1.1.0", Some(false));
    assert_eq!(world.wants(300), NOTHING, "gone: not even with an approval");
    world.facts.proposals.clear();
    world.asks("prod", Some("1.1.0"));
    assert!(matches!(world.answer(300), Some(RequestOutcome::Refused { reason: Reason::DigestGone { .. } })));
}

#[test]
fn after_the_loss_of_the_database_a_build_waits_for_the_word_of_its_ci() {
    let mut world = World::new();
    world.unreported("1.1.0");
    assert_eq!(world.wants(100), ["commit dev 1.1.0"]);
    world.facts.reports_lost = Some(at(50));
    assert_eq!(world.wants(100), NOTHING);
    assert!(matches!(world.why("dev", None, 100).reasons[0], Reason::ReportsLost { .. }));
    world.asks("dev", Some("1.1.0"));
    assert_eq!(world.wants(100), ["commit dev 1.1.0"], "a person vouches for it");
    world.facts.requests.clear();
    world.built("1.1.0", 60);
    assert_eq!(world.wants(100), ["commit dev 1.1.0"], "made after the loss");
    world.built("1.1.0", 40);
    assert_eq!(world.wants(100), NOTHING);
    world.build("1.1.0", Success);
    assert_eq!(world.wants(100), ["commit dev 1.1.0"], "CI told it again");
}

#[test]
fn a_team_whose_ci_never_reports_is_not_stopped() {
    let mut world = World::new();
    world.facts.reports_lost = Some(at(50));
    world.unreported("1.1.0");
    for stage in &mut world.pipeline.environments {
        stage.gates.retain(|gate| gate.name() != "checks");
    }
    assert_eq!(world.wants(100), ["commit dev 1.1.0"]);
    world.promoted("dev", "1.1.0", 100);
    world.last("dev").record.as_mut().map(std::sync::Arc::make_mut).unwrap().checks = vec!["ci".to_owned()];
    world.unreported("1.2.0");
    assert_eq!(world.wants(120).iter().filter(|want| want.starts_with("commit")).count(), 0);
}
