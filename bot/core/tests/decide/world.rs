//! A small world of facts: one application, `dev` (commit), `qa` (merges itself after a soak of 60 s and the
//! check `ci`) and `prod` (a release manager merges).

use std::{collections::BTreeMap, sync::Arc};

use gantry_core::{
    artifact::{Artifact, Release},
    build::BuildStatus,
    catalog::{ArtifactFact, CheckResult, TagFact, TagState},
    config::{
        pipeline::{Application, FileEntry, Image, Pipeline, PromotedConfig, Stage},
        types::{Delivery, First, Gate, Merge, Select, Write},
    },
    decide::{
        Decision, decide, place_of,
        standing::{RequestOutcome, Standing},
    },
    duration::Span,
    effects::Effect,
    facts::{
        Approval, Arrival, Facts, Held, Person, Place, PlaceFacts, PromotionRequest, Proposal,
        ProposalBranch, ProposalState, Record, Rejection,
    },
    ids::{CommitId, ConfigId, Digest, ImageName, ProposalNumber},
    promoted::{ConfigEntry, ConfigState},
    select::Selector,
    why::{Why, why},
};
use jiff::Timestamp;

/// What a world wants in which there is nothing to do.
pub(crate) const NOTHING: [&str; 0] = [];

pub(crate) const IMAGE: &str = "registry.example.com/shop/checkout";

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(crate) fn digest(version: &str) -> Digest {
    let hex: String = version.bytes().map(|b| format!("{b:02x}")).collect();
    format!("sha256:{hex:0>64}").parse().unwrap()
}

fn commit(number: usize) -> CommitId {
    format!("{number:040x}").parse().unwrap()
}

pub(crate) fn place(environment: &str) -> Place {
    place_of(&"checkout".parse().unwrap(), &environment.parse().unwrap())
}

pub(crate) fn release(version: &str) -> Release {
    Release::new(
        "checkout".parse().unwrap(),
        vec![Artifact {
            image: IMAGE.parse().unwrap(),
            entry: None,
            tag: version.parse().unwrap(),
            digest: digest(version),
            built: None,
            revision: None,
            source: None,
        }],
    )
}

/// The id of a config with a name.
pub(crate) fn config_id(name: &str) -> ConfigId {
    let hex: String = name.bytes().map(|b| format!("{b:02x}")).collect();
    format!("0123abcd{hex:0<24}").parse().unwrap()
}

pub(crate) struct World {
    pub(crate) pipeline: Pipeline,
    pub(crate) facts: Facts,
    commits: usize,
    /// The config that each environment holds.
    configs: BTreeMap<String, ConfigId>,
}

impl World {
    pub(crate) fn new() -> Self {
        let stage = |name: &str, after: &[&str], delivery, merge, gates| Stage {
            name: name.parse().unwrap(),
            after: after.iter().map(|name| name.parse().unwrap()).collect(),
            branch: "main".parse().unwrap(),
            delivery,
            merge,
            gates,
            first: First::Anyone,
        };
        let soak = || Gate::Soak(Span::seconds(60));
        let environments = vec![
            stage("dev", &[], Delivery::Commit, Merge::Manual, vec![]),
            stage(
                "qa",
                &["dev"],
                Delivery::PullRequest,
                Merge::Auto,
                vec![soak(), Gate::Checks(vec!["ci".to_owned()])],
            ),
            stage("prod", &["qa"], Delivery::PullRequest, Merge::Manual, vec![soak()]),
        ];
        let files = |name: &str| {
            (name.parse().unwrap(), vec![FileEntry::of_path(format!("{name}/kustomization.yaml"))])
        };
        let application = Application {
            name: "checkout".parse().unwrap(),
            was: Vec::new(),
            source: None,
            images: vec![Image {
                image: IMAGE.parse().unwrap(),
                entry: None,
                together: None,
                select: Selector::compile(&Select { semver: Some("*".to_owned()), ..Select::default() })
                    .unwrap(),
                write: Write::TagAndDigest,
            }],
            refs: Vec::new(),
            files: ["dev", "qa", "prod"].map(files).into_iter().collect(),
            config: None,
        };
        let mut world = Self {
            pipeline: Pipeline {
                environments,
                applications: BTreeMap::from([(application.name.clone(), application)]),
                renamed: BTreeMap::new(),
            },
            facts: Facts::default(),
            commits: 0,
            configs: BTreeMap::new(),
        };
        world.facts.default_branch = Some("main".parse().unwrap());
        world.facts.recorded = Some(Arc::default());
        world.facts.heads.insert("main".parse().unwrap(), commit(0xfff));
        for environment in ["dev", "qa", "prod"] {
            let seen = PlaceFacts {
                contents: Ok(vec![]),
                notes: vec![],
                config: None,
                history: vec![],
                older: None,
            };
            world.facts.places.insert(place(environment), seen);
            world.person_sets(environment, "1.0.0", 0);
        }
        world.build("1.0.0", BuildStatus::Success);
        world
    }

    pub(crate) fn build(&mut self, version: &str, status: BuildStatus) {
        let image: ImageName = IMAGE.parse().unwrap();
        let release = release(version);
        let facts = self.facts.catalog.image_mut(&image);
        facts.artifacts.insert(digest(version), ArtifactFact::default());
        let point = TagFact { digest: Some(digest(version)), state: TagState::Listed, seen: at(0) };
        facts.tags.insert(release.artifacts[0].tag.clone(), point);
        let result = CheckResult { status, tag: release.artifacts[0].tag.clone(), url: None, at: at(0) };
        facts.checks.entry(digest(version)).or_default().insert("ci".to_owned(), result);
    }

    /// What is written to the files.
    pub(crate) fn write(&mut self, write: Write) {
        for application in self.pipeline.applications.values_mut() {
            application.images[0].write = write;
        }
    }

    /// The tag points to other bytes now, of which nothing is known but their digest.
    pub(crate) fn push_again(&mut self, version: &str, bytes: &str) {
        let image: ImageName = IMAGE.parse().unwrap();
        let facts = self.facts.catalog.image_mut(&image);
        facts.artifacts.insert(digest(bytes), ArtifactFact::default());
        let point = TagFact { digest: Some(digest(bytes)), state: TagState::Listed, seen: at(0) };
        facts.tags.insert(version.parse().unwrap(), point);
    }

    /// Says when these bytes were built.
    pub(crate) fn built(&mut self, bytes: &str, second: i64) {
        let facts = self.facts.catalog.image_mut(&IMAGE.parse().unwrap());
        facts.artifacts.get_mut(&digest(bytes)).unwrap().built = Some(at(second));
    }

    fn arrives(&mut self, environment: &str, version: &str, second: i64, promoted: bool) {
        self.commits += 1;
        let place = place(environment);
        let record = promoted.then(|| self.record(environment, version));
        let seen = self.facts.places.get_mut(&place).unwrap();
        let holds = vec![Held {
            image: IMAGE.parse().unwrap(),
            entry: None,
            refs: Vec::new(),
            tag: Some(version.parse().unwrap()),
            digest: Some(digest(version)),
        }];
        seen.contents = Ok(holds.clone());
        let config = self.configs.get(environment).cloned();
        seen.config = config.clone().map(|id| ConfigState {
            id: Some(id),
            at: commit(self.commits),
            files: Vec::new().into(),
        });
        let arrival = Arrival {
            commit: commit(self.commits),
            at: at(second),
            since: at(second),
            author: Person { name: "Alice".to_owned(), email: String::new() },
            subject: String::new(),
            holds,
            config,
            record: record.map(Into::into),
            claimed: false,
            found: false,
            first: seen.history.is_empty(),
        };
        seen.history.insert(0, arrival);
    }

    fn record(&self, environment: &str, version: &str) -> Record {
        let release = Release::with_config(
            "checkout".parse().unwrap(),
            release(version).artifacts,
            self.configs.get(environment).cloned(),
        );
        Record {
            place: place(environment),
            release: release.id,
            from: None,
            artifacts: release.artifacts,
            config: release.config,
            checks: vec![],
            by: None,
        }
    }

    /// All environments hold config `a`, which is promoted from now on.
    pub(crate) fn promotes_config(&mut self) {
        let stages = ["dev", "qa", "prod"];
        let entry = |name: &str| ConfigEntry { path: format!("{name}/settings.yaml"), keep: [].into() };
        let entries = stages.map(|name| (name.parse().unwrap(), vec![entry(name)])).into_iter().collect();
        for application in self.pipeline.applications.values_mut() {
            let definition = "0123abcd".to_owned();
            application.config = Some(PromotedConfig { definition, entries: BTreeMap::clone(&entries) });
        }
        for environment in stages {
            self.facts.places.get_mut(&place(environment)).unwrap().history.clear();
            self.commits_config(environment, "a", 0);
        }
    }

    /// A person commits config beside the image that is there, or with another one.
    pub(crate) fn commits_config(&mut self, environment: &str, config: &str, second: i64) {
        let Ok(holds) = &self.facts.places[&place(environment)].contents else { panic!() };
        let version = holds[0].tag.clone().unwrap();
        self.configs.insert(environment.to_owned(), config_id(config));
        self.person_sets(environment, version.as_str(), second);
    }

    /// Gantry brings a version with config.
    pub(crate) fn promoted_with(&mut self, environment: &str, version: &str, config: &str, second: i64) {
        self.configs.insert(environment.to_owned(), config_id(config));
        self.promoted(environment, version, second);
    }

    /// A proposal of a version with config.
    pub(crate) fn proposal_with(&mut self, environment: &str, version: &str, config: &str) -> &mut Proposal {
        let present = self.configs.insert(environment.to_owned(), config_id(config));
        self.proposal(environment, version);
        self.configs.insert(environment.to_owned(), present.unwrap());
        &mut self.facts.proposals.get_mut(&place(environment)).unwrap()[0]
    }

    pub(crate) fn promoted(&mut self, environment: &str, version: &str, second: i64) {
        self.arrives(environment, version, second, true);
    }

    pub(crate) fn person_sets(&mut self, environment: &str, version: &str, second: i64) {
        self.arrives(environment, version, second, false);
    }

    pub(crate) fn proposal(&mut self, environment: &str, version: &str) -> &mut Proposal {
        self.commits += 1;
        let place = place(environment);
        let head = commit(self.commits);
        let record = self.record(environment, version);
        let release = record.release.clone();
        let branch = ProposalBranch {
            head: head.clone(),
            record: Some(record),
            current: true,
            foreign: None,
            at: at(0),
        };
        self.facts.branches.insert(place.clone(), branch);
        let list = self.facts.proposals.get_or_insert_with(place.clone(), Vec::new);
        let proposal = Proposal {
            number: ProposalNumber(list.len() as u64 + 1),
            place,
            base: "main".parse().unwrap(),
            head,
            state: ProposalState::Open,
            title: String::new(),
            body: String::new(),
            url: String::new(),
            release: Some(release),
            opened: at(0),
            approvals: vec![],
            statuses: vec![],
        };
        list.insert(0, proposal);
        &mut list[0]
    }

    /// The last arrival of an environment.
    pub(crate) fn last(&mut self, environment: &str) -> &mut Arrival {
        &mut self.facts.places.get_mut(&place(environment)).unwrap().history[0]
    }

    /// Rita asks for a promotion.
    pub(crate) fn asks(&mut self, environment: &str, version: Option<&str>) {
        self.facts.requests.push(PromotionRequest {
            id: 7,
            place: place(environment),
            release: version.map(|version| release(version).id),
            by: "rita".to_owned(),
            reason: "needed".to_owned(),
        });
    }

    /// What became of her request.
    pub(crate) fn answer(&self, second: i64) -> Option<RequestOutcome> {
        self.decide(second).requests.into_iter().next().map(|(_, outcome)| outcome)
    }

    /// The open proposal of an environment is Rita's, on a branch of this time.
    pub(crate) fn asked_for(&mut self, environment: &str, second: i64) {
        let branch = self.facts.branches.get_mut(&place(environment)).unwrap();
        branch.record.as_mut().unwrap().by = Some("rita".to_owned());
        branch.at = at(second);
    }

    pub(crate) fn approve(&mut self, environment: &str) {
        let proposal = &mut self.facts.proposals.get_mut(&place(environment)).unwrap()[0];
        proposal.approvals.push(Approval {
            by: "rita".to_owned(),
            head: proposal.head.clone(),
            at: at(0),
            reason: String::new(),
        });
    }

    pub(crate) fn close(&mut self, environment: &str, by: &str, by_gantry: bool) {
        let proposal = &mut self.facts.proposals.get_mut(&place(environment)).unwrap()[0];
        proposal.state =
            ProposalState::Closed { at: at(0), by: by.to_owned(), by_gantry, reason: "no".to_owned() };
    }

    /// Rita's rejection stands in Git, or is lifted; `number` is the closed proposal that said so.
    pub(crate) fn ruling(&mut self, environment: &str, version: &str, rejects: bool, number: Option<u64>) {
        let release = release(version).id;
        if let (Some(number), Some(recorded)) = (number, &mut self.facts.recorded) {
            Arc::make_mut(recorded).insert((ProposalNumber(number), release.clone()));
        }
        let all = Arc::make_mut(&mut self.facts.rejections);
        let list = all.entry(place(environment)).or_default();
        list.retain(|rejection| rejection.release != release);
        if rejects {
            list.push(Rejection {
                release,
                version: version.to_owned(),
                by: "rita".to_owned(),
                at: at(0),
                reason: String::new(),
                proposal: number.map(ProposalNumber),
            });
        }
    }

    pub(crate) fn decide(&self, second: i64) -> Decision {
        decide(&self.pipeline, &self.facts, at(second))
    }

    pub(crate) fn standing(&self, environment: &str, second: i64) -> Standing {
        let place = place(environment);
        self.decide(second).standings.into_iter().find(|standing| standing.place == place).unwrap()
    }

    /// The effects in words: `commit dev 1.1.0`, `merge qa #1`.
    pub(crate) fn wants(&self, second: i64) -> Vec<String> {
        let say = |effect: &Effect| match effect {
            Effect::Commit { promotion } => {
                format!("commit {} {}", promotion.place.environment, promotion.release.version())
            }
            Effect::Propose { promotion, update, pushed, .. } => format!(
                "{} {} {}{}",
                if update.is_some() { "update" } else { "open" },
                promotion.place.environment,
                promotion.release.version(),
                if *pushed { " pushed" } else { "" }
            ),
            Effect::Describe { .. } => String::new(),
            Effect::Merge { place, proposal, .. } => format!("merge {} {proposal}", place.environment),
            Effect::Close { place, proposal, .. } => format!("close {} {proposal}", place.environment),
            Effect::Prune { place, .. } => format!("prune {}", place.environment),
            Effect::MoveRejections { rejections, .. } => format!("move {}", rejections.len()),
            Effect::Rule { place, version, rejects, .. } => {
                format!("{} {} {version}", if *rejects { "reject" } else { "accept" }, place.environment)
            }
        };
        self.decide(second).effects.iter().map(say).filter(|text| !text.is_empty()).collect()
    }

    pub(crate) fn why(&self, environment: &str, subject: Option<&str>, second: i64) -> Why {
        let (app, env) = ("checkout".parse().unwrap(), environment.parse().unwrap());
        why(&self.pipeline, &self.facts, at(second), &app, &env, subject).unwrap()
    }
}
