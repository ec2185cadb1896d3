//! Facts for a board: applications in `dev` (commit), `qa` (merges itself after a soak of 60 s) and `prod` (a
//! release manager merges), each holding 1.0.0 since second 0.

use std::{collections::BTreeMap, sync::Arc};

use gantry::store::board::Seen;
use gantry_core::{
    artifact::{Artifact, Release},
    build::BuildStatus,
    catalog::{CheckResult, TagFact, TagState},
    config::{
        pipeline::{Application, FileEntry, Image, Pipeline, Stage},
        types::{Delivery, First, Gate, Merge, Select, Write},
    },
    decide::{decide, decider::Tally, place_of},
    duration::Span,
    facts::{
        Arrival, Facts, Held, Person, Place, PlaceFacts, Proposal, ProposalBranch, ProposalState, Record,
        Rejection,
    },
    ids::{CommitId, Digest, ImageName, ProposalNumber},
    select::Selector,
};
use jiff::Timestamp;

pub(crate) const ENVIRONMENTS: [&str; 3] = ["dev", "qa", "prod"];

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(crate) fn image(app: &str) -> ImageName {
    format!("registry.example.com/shop/{app}").parse().unwrap()
}

pub(crate) fn digest(version: &str) -> Digest {
    let hex: String = version.bytes().map(|b| format!("{b:02x}")).collect();
    format!("sha256:{hex:0>64}").parse().unwrap()
}

pub(crate) fn commit(number: usize) -> CommitId {
    format!("{number:040x}").parse().unwrap()
}

pub(crate) fn place(app: &str, environment: &str) -> Place {
    place_of(&app.parse().unwrap(), &environment.parse().unwrap())
}

pub(crate) fn release(app: &str, version: &str) -> Release {
    let artifact = Artifact {
        image: image(app),
        entry: None,
        tag: version.parse().unwrap(),
        digest: digest(version),
        built: None,
        revision: None,
        source: None,
    };
    Release::new(app.parse().unwrap(), vec![artifact])
}

/// One infra repository.
pub(crate) struct Scene {
    pub(crate) repository: String,
    pub(crate) pipeline: Pipeline,
    pub(crate) facts: Facts,
    commits: usize,
    proposals: u64,
}

impl Scene {
    pub(crate) fn new(repository: &str, apps: &[&str]) -> Self {
        let stage = |name: &str, after: &[&str], delivery, merge, gates| Stage {
            name: name.parse().unwrap(),
            after: after.iter().map(|name| name.parse().unwrap()).collect(),
            branch: "main".parse().unwrap(),
            delivery,
            merge,
            gates,
            first: First::Anyone,
        };
        let soak = || vec![Gate::Soak(Span::seconds(60))];
        let environments = vec![
            stage("dev", &[], Delivery::Commit, Merge::Manual, vec![]),
            stage("qa", &["dev"], Delivery::PullRequest, Merge::Auto, soak()),
            stage("prod", &["qa"], Delivery::PullRequest, Merge::Manual, soak()),
        ];
        let mut scene = Self {
            repository: repository.to_owned(),
            pipeline: Pipeline { environments, applications: BTreeMap::new(), renamed: BTreeMap::new() },
            facts: Facts::default(),
            commits: 0,
            proposals: 0,
        };
        scene.facts.heads.insert("main".parse().unwrap(), commit(0xfff));
        apps.iter().for_each(|app| scene.application(app));
        scene
    }

    fn application(&mut self, app: &str) {
        let path = |name: &str| format!("apps/{app}/{name}/kustomization.yaml");
        let files = |name: &str| (name.parse().unwrap(), vec![FileEntry::of_path(path(name))]);
        let select = Select { semver: Some("*".to_owned()), ..Select::default() };
        let application = Application {
            name: app.parse().unwrap(),
            was: Vec::new(),
            source: Some(format!("https://git.example.com/shop/{app}")),
            images: vec![Image {
                image: image(app),
                entry: None,
                together: None,
                select: Selector::compile(&select).unwrap(),
                write: Write::TagAndDigest,
            }],
            refs: Vec::new(),
            files: ENVIRONMENTS.map(files).into_iter().collect(),
            config: None,
        };
        self.pipeline.applications.insert(application.name.clone(), application);
        self.build(app, "1.0.0");
        for environment in ENVIRONMENTS {
            self.arrives(app, environment, "1.0.0", 0, false);
        }
    }

    pub(crate) fn build(&mut self, app: &str, version: &str) {
        let (tag, facts): (gantry_core::ids::Tag, _) =
            (version.parse().unwrap(), self.facts.catalog.image_mut(&image(app)));
        let fact = TagFact { digest: Some(digest(version)), state: TagState::Listed, seen: at(0) };
        facts.tags.insert(tag.clone(), fact);
        facts.artifacts.entry(digest(version)).or_default();
        let result = CheckResult { status: BuildStatus::Success, tag, url: None, at: at(0) };
        facts.checks.entry(digest(version)).or_default().insert("ci".to_owned(), result);
    }

    fn record(&self, app: &str, environment: &str, version: &str) -> Record {
        let release = release(app, version);
        Record {
            place: place(app, environment),
            release: release.id,
            from: None,
            artifacts: release.artifacts,
            config: None,
            checks: vec![],
            by: None,
        }
    }

    fn arrives(&mut self, app: &str, environment: &str, version: &str, second: i64, promoted: bool) {
        self.commits += 1;
        let record = promoted.then(|| self.record(app, environment, version));
        let holds = vec![Held {
            image: image(app),
            entry: None,
            refs: Vec::new(),
            tag: Some(version.parse().unwrap()),
            digest: Some(digest(version)),
        }];
        let fresh =
            || PlaceFacts { contents: Ok(vec![]), notes: vec![], config: None, history: vec![], older: None };
        let seen = self.facts.places.get_or_insert_with(place(app, environment), fresh);
        seen.contents = Ok(holds.clone());
        let arrival = Arrival {
            commit: commit(self.commits),
            at: at(second),
            since: at(second),
            author: Person { name: "Alice".to_owned(), email: String::new() },
            subject: String::new(),
            holds,
            config: None,
            record: record.map(Into::into),
            claimed: false,
            found: false,
            first: seen.history.is_empty(),
        };
        seen.history.insert(0, arrival);
    }

    /// Gantry put the version there.
    pub(crate) fn promoted(&mut self, app: &str, environment: &str, version: &str, second: i64) {
        self.build(app, version);
        self.arrives(app, environment, version, second, true);
    }

    /// Alice put it there by hand.
    pub(crate) fn drifts(&mut self, app: &str, environment: &str, version: &str, second: i64) {
        self.arrives(app, environment, version, second, false);
    }

    /// A proposal is open; answers its number.
    pub(crate) fn proposed(&mut self, app: &str, environment: &str, version: &str) -> u64 {
        self.build(app, version);
        self.commits += 1;
        self.proposals += 1;
        let (place, head) = (place(app, environment), commit(self.commits));
        let record = self.record(app, environment, version);
        let release = record.release.clone();
        let branch = ProposalBranch {
            head: head.clone(),
            record: Some(record),
            current: true,
            foreign: None,
            at: at(0),
        };
        self.facts.branches.insert(place.clone(), branch);
        let proposal = Proposal {
            number: ProposalNumber(self.proposals),
            place: place.clone(),
            base: "main".parse().unwrap(),
            head,
            state: ProposalState::Open,
            title: String::new(),
            body: String::new(),
            url: format!("https://git.example.com/infra/pulls/{}", self.proposals),
            release: Some(release),
            opened: at(0),
            approvals: vec![],
            statuses: vec![],
        };
        self.facts.proposals.get_or_insert_with(place, Vec::new).insert(0, proposal);
        self.proposals
    }

    /// Rita rejected the version there.
    pub(crate) fn rejected(&mut self, app: &str, environment: &str, version: &str, second: i64) {
        let rejection = Rejection {
            release: release(app, version).id,
            version: version.to_owned(),
            by: "rita".to_owned(),
            at: at(second),
            reason: "too slow".to_owned(),
            proposal: None,
        };
        let all = Arc::make_mut(&mut self.facts.rejections);
        all.entry(place(app, environment)).or_default().push(rejection);
    }

    /// As the loop puts it on the board.
    pub(crate) fn seen(self) -> Seen {
        let under_way = Tally::of(&decide(&self.pipeline, &self.facts, at(100)));
        Seen {
            repository: self.repository,
            pipeline: Some(Arc::new(self.pipeline)),
            facts: Arc::new(self.facts),
            config_at: Some(commit(0xfff)),
            problems: vec![],
            at: at(100),
            settled: true,
            under_way,
        }
    }
}
