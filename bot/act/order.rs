//! What goes first, where not all can go at once.
//!
//! What people asked for goes before what Gantry does by itself, builds before what follows from them, and what is
//! furthest on its way before what comes behind it. No class takes all there is: a stream of builds does not keep
//! the merges out.

use std::collections::HashMap;

use gantry_core::{
    config::{
        pipeline::Pipeline,
        types::{Delivery, Merge},
    },
    effects::Effect,
    ids::EnvironmentName,
};

/// What an effect is, those that go first first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// A person asked for it, or has answered.
    Person,
    /// A build on its way into the first environments, or whatever is delivered by commit.
    Build,
    /// What follows by itself.
    Follows,
    /// A branch that nothing needs any more.
    Leftover,
}

/// Puts effects in order.
pub(super) struct Order<'a> {
    pipeline: &'a Pipeline,
    /// How far behind the first one each environment is.
    depth: HashMap<&'a EnvironmentName, usize>,
}

impl<'a> Order<'a> {
    pub(super) fn new(pipeline: &'a Pipeline) -> Self {
        let depth = pipeline.environments.iter().enumerate().map(|(at, stage)| (&stage.name, at)).collect();
        Self { pipeline, depth }
    }

    fn class(&self, effect: &Effect) -> Class {
        match effect {
            Effect::Rule { .. } | Effect::MoveRejections { .. } => Class::Person,
            Effect::Commit { promotion } | Effect::Propose { promotion, .. } if promotion.by.is_some() => {
                Class::Person
            }
            Effect::Commit { .. } => Class::Build,
            Effect::Merge { place, .. } => match self.pipeline.stage(&place.environment) {
                // Somebody approved it.
                Some(stage) if stage.delivery == Delivery::PullRequest && stage.merge == Merge::Manual => {
                    Class::Person
                }
                Some(_) | None => Class::Follows,
            },
            Effect::Propose { .. } | Effect::Describe { .. } | Effect::Close { .. } => Class::Follows,
            Effect::Prune { .. } => Class::Leftover,
        }
    }

    /// How urgent an effect is; less is more.
    pub(super) fn urgency(&self, effect: &Effect) -> usize {
        let depth = self.depth.get(&effect.place().environment).copied().unwrap_or(0);
        let behind = self.pipeline.environments.len().saturating_sub(depth);
        self.class(effect) as usize * (self.pipeline.environments.len() + 1) + behind
    }

    /// The first `most` of `effects` in order, by their index. Each class leaves a quarter of what it finds for
    /// those behind it.
    pub(super) fn first(&self, effects: &[Effect], wanted: &[usize], most: usize) -> Vec<usize> {
        let mut ranked: Vec<(Class, usize, usize)> = wanted
            .iter()
            .map(|index| {
                let effect = &effects[*index];
                let depth = self.depth.get(&effect.place().environment).copied().unwrap_or(0);
                (self.class(effect), usize::MAX - depth, *index)
            })
            .collect();
        ranked.sort_unstable();
        let mut left = most;
        let (mut chosen, mut passed) = (Vec::new(), Vec::new());
        let mut rest = ranked.as_slice();
        while let Some((class, ..)) = rest.first() {
            let (these, behind) = rest.split_at(rest.partition_point(|(other, ..)| other == class));
            let room = if behind.is_empty() { left } else { left - left / 4 };
            let taken = these.len().min(room);
            left -= taken;
            chosen.extend(these[..taken].iter().copied());
            passed.extend(these[taken..].iter().copied());
            rest = behind;
        }
        // What those behind did not need.
        chosen.extend(passed.into_iter().take(left));
        chosen.sort_unstable();
        chosen.into_iter().map(|(.., index)| index).collect()
    }
}

#[cfg(test)]
mod tests {
    use gantry_core::{
        facts::Place,
        ids::{BranchName, CommitId, ProposalNumber},
    };

    use super::*;

    const CONFIG: &str = "\
version: 1
environments:
  - {name: dev, delivery: commit}
  - {name: qa, after: [dev], delivery: pull-request, merge: auto}
  - {name: prod, after: [qa], delivery: pull-request, merge: manual}
applications:
  - name: shop
    images: [{image: registry.example.com/shop, select: {semver: '*'}}]
    files: apps/shop/{environment}.yaml
";

    fn merge(environment: &str) -> Effect {
        let head: CommitId = "1".repeat(40).parse().unwrap();
        let place = Place { application: "shop".parse().unwrap(), environment: environment.parse().unwrap() };
        Effect::Merge { place, proposal: ProposalNumber(1), head }
    }

    fn prune(environment: &str) -> Effect {
        let Effect::Merge { place, head, .. } = merge(environment) else { unreachable!() };
        Effect::Prune { place, head }
    }

    fn chosen(effects: &[Effect], most: usize) -> Vec<usize> {
        let parsed = gantry_core::config::parse(CONFIG.as_bytes(), "gantry.yaml").unwrap();
        let main: BranchName = "main".parse().unwrap();
        let files = ["dev", "qa", "prod"].map(|name| format!("apps/shop/{name}.yaml")).into();
        let pipeline = parsed.pipeline(&main, &[(main.clone(), files)].into()).unwrap();
        let all: Vec<usize> = (0..effects.len()).collect();
        Order::new(&pipeline).first(effects, &all, most)
    }

    #[test]
    fn what_people_did_goes_first_and_leftovers_last() {
        let effects = [prune("qa"), merge("qa"), merge("prod"), prune("prod"), merge("qa")];
        assert_eq!(chosen(&effects, 100), [2, 1, 4, 3, 0]);
    }

    #[test]
    fn no_class_takes_all_there_is() {
        let mut effects: Vec<Effect> = (0..100).map(|_| merge("prod")).collect();
        effects.push(merge("qa"));
        effects.push(prune("qa"));
        let first = chosen(&effects, 8);
        assert_eq!(first.len(), 8);
        assert_eq!(&first[..6], [0, 1, 2, 3, 4, 5]);
        assert_eq!(&first[6..], [100, 101]);
        assert_eq!(chosen(&effects[..100], 8).len(), 8, "nobody is behind");
        assert_eq!(chosen(&effects[..100], 0), [] as [usize; 0]);
    }
}
