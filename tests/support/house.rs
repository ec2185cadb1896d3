//! A whole Gantry for one story: a real bare repository, the server's parts with their databases in a folder,
//! and a clock that is moved by hand. Nothing in it is played but the time.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use gantry::{
    clock::Clock,
    forge::Forge,
    intake::request::{Outcome, Request},
    observe::BUILD,
    serve::Server,
    settings::Settings,
    store::{Store, board::Seen},
};
use gantry_core::{
    decide::place::Standing,
    facts::{Place, Proposal, ProposalState},
    ids::{CommitId, ProposalNumber},
    why::{Why, why},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::git_repository::{Bare, Entry, git, run};

pub(crate) const IMAGE: &str = "registry.example.com/shop/checkout";

/// `dev` (commit), `qa` (merges itself after a soak of a minute and the check `ci`), `prod` (by hand).
pub(crate) const CONFIG: &str = "\
version: 1
environments:
  - {name: dev, delivery: commit}
  - name: qa
    after: [dev]
    delivery: pull-request
    merge: auto
    gates: [{soak: 1m}, {checks: [ci]}]
  - name: prod
    after: [qa]
    delivery: pull-request
    merge: manual
    gates: [{soak: 1m}]
applications:
  - name: checkout
    images:
      - image: IMAGE
        select: {semver: '>=1.0.0'}
    files: apps/checkout/{environment}/kustomization.yaml
";

/// A clock that stands still until it is moved.
pub(crate) struct HandClock(Mutex<Timestamp>);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

pub(crate) struct House {
    pub(crate) infra: Bare,
    pub(crate) folder: TempDir,
    clock: Arc<HandClock>,
    settings: String,
    server: Option<Server>,
    requests: u32,
}

/// An overlay that holds `version` of `image`.
pub(crate) fn overlay(image: &str, version: &str) -> String {
    format!(
        "kind: Kustomization\nresources: [../base]\nimages:\n  - name: {image}\n    newTag: {version} # ours\n"
    )
}

pub(crate) fn path(environment: &str) -> String {
    format!("apps/checkout/{environment}/kustomization.yaml")
}

pub(crate) fn place(environment: &str) -> Place {
    Place { application: "checkout".parse().unwrap(), environment: environment.parse().unwrap() }
}

impl House {
    /// All environments hold 1.0.0, and everything is at rest.
    pub(crate) async fn new() -> Self {
        Self::with(IMAGE, &CONFIG.replace("IMAGE", IMAGE), "").await
    }

    /// The same with another image, config and further settings.
    pub(crate) async fn with(image: &str, config: &str, settings: &str) -> Self {
        let mut house = Self::empty(settings);
        let overlays: Vec<(String, String)> =
            ["dev", "qa", "prod"].map(|environment| (path(environment), overlay(image, "1.0.0"))).into();
        let mut files = vec![("gantry.yaml", config)];
        files.extend(overlays.iter().map(|(path, text)| (path.as_str(), text.as_str())));
        house.person("alice", "Set up", &files);
        house.start().await;
        house.pass().await;
        house
    }

    /// An empty infra repository, and no server yet.
    pub(crate) fn empty(settings: &str) -> Self {
        let infra = Bare::new();
        let folder = tempfile::tempdir().unwrap();
        let settings = format!(
            "listen: 127.0.0.1:0\ndata: data\nrepositories:\n  - {{name: shop, url: 'file://{}'}}\n{settings}",
            infra.path().display()
        );
        let clock = Arc::new(HandClock(Mutex::new(Timestamp::from_second(1_800_000_000).unwrap())));
        Self { infra, folder, clock, settings, server: None, requests: 0 }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Starts the server's parts on what lies in the folder.
    pub(crate) async fn start(&mut self) {
        self.start_behind(&|forge| forge).await;
    }

    /// The same with the forge behind something else.
    async fn start_behind(&mut self, wrap: &(dyn Fn(Arc<dyn Forge>) -> Arc<dyn Forge> + Sync)) {
        let file = self.folder.path().join("settings.yaml");
        std::fs::write(&file, &self.settings).unwrap();
        let settings = match Settings::load(&file, &|_| None) {
            Ok(settings) => settings,
            Err(error) => panic!("{error}"),
        };
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as Arc<dyn Clock>;
        self.server = Some(Server::with_forges(settings, clock, wrap).await.unwrap());
    }

    /// Ends the process, so to speak, and starts another on the same folder.
    pub(crate) async fn restart(&mut self) {
        self.server = None;
        self.start().await;
    }

    /// The same with the forge behind something else.
    pub(crate) async fn restart_behind(&mut self, wrap: &(dyn Fn(Arc<dyn Forge>) -> Arc<dyn Forge> + Sync)) {
        self.server = None;
        self.start_behind(wrap).await;
    }

    /// The server, to be run.
    pub(crate) fn take_server(&mut self) -> Server {
        self.server.take().unwrap()
    }

    /// The same with another key for the infra repository in the settings.
    pub(crate) async fn restart_with(&mut self, key: &str) {
        self.settings = self.settings.replacen("{name: shop,", &format!("{{name: shop, {key},"), 1);
        self.restart().await;
    }

    /// The same with further settings of the server.
    pub(crate) async fn restart_with_settings(&mut self, settings: &str) {
        self.settings.push_str(settings);
        self.restart().await;
    }

    /// The same without the database.
    pub(crate) async fn lose_database(&mut self) {
        self.server = None;
        for entry in std::fs::read_dir(self.data()).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with("gantry.db") {
                std::fs::remove_file(path).unwrap();
            }
        }
        self.start().await;
    }

    pub(crate) fn server(&mut self) -> &mut Server {
        self.server.as_mut().unwrap()
    }

    /// Looks and acts until nothing is left to do now.
    pub(crate) async fn pass(&mut self) {
        self.server().pass().await.unwrap();
    }

    /// Lets time go by, then looks and acts.
    pub(crate) async fn later(&mut self, seconds: i64) {
        let now = self.clock.now();
        *self.clock.0.lock().unwrap() = now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        self.pass().await;
    }

    /// Lets time go by.
    pub(crate) fn go_on(&self, seconds: i64) {
        let now = self.clock.now();
        *self.clock.0.lock().unwrap() = now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// CI reports a build; what the API does after it has checked the body.
    pub(crate) async fn build(&mut self, version: &str, status: &str) {
        let store = Arc::clone(&self.server().store);
        self.tell_build(&*store, version, status).await;
        self.pass().await;
    }

    /// The same, and nobody looks.
    pub(crate) async fn tell_build(&self, store: &dyn Store, version: &str, status: &str) {
        let body = json!({
            "image": IMAGE, "tag": version, "digest": digest(version), "revision": "0123abc",
            "source": "https://git.example.com/shop/checkout", "created": self.now().to_string(),
            "status": status, "url": null, "check": "ci",
        });
        let now = self.now();
        let key = format!("{version}:{status}");
        store.enqueue(BUILD, Some(&key), "ci", &body, now).await.unwrap();
    }

    /// A release manager asks for something; what came of it.
    pub(crate) async fn ask(&mut self, request: &Request) -> Outcome {
        self.requests += 1;
        let (now, key) = (self.now(), self.requests.to_string());
        let payload = serde_json::to_value(request).unwrap();
        let store = Arc::clone(&self.server().store);
        let entry = store.enqueue(Request::KIND, Some(&key), "rita", &payload, now).await.unwrap();
        self.pass().await;
        let (_, outcome): (_, Value) = store.entry(entry.id).await.unwrap().unwrap().finished.unwrap();
        serde_json::from_value(outcome).unwrap()
    }

    pub(crate) async fn approve(&mut self, environment: &str) -> Outcome {
        let proposal = self.open(environment).unwrap();
        let (proposal, head) = (proposal.number, proposal.head);
        self.ask(&Request::Approve { repository: "shop".to_owned(), proposal, head, reason: String::new() })
            .await
    }

    pub(crate) async fn reject(&mut self, proposal: ProposalNumber, reason: &str) -> Outcome {
        let repository = "shop".to_owned();
        self.ask(&Request::Reject { repository, proposal, reason: reason.to_owned() }).await
    }

    /// A person commits to `main`.
    pub(crate) fn person(&mut self, who: &str, subject: &str, files: &[(&str, &str)]) -> CommitId {
        self.person_on("main", who, subject, files)
    }

    pub(crate) fn person_on(
        &mut self,
        branch: &str,
        who: &str,
        subject: &str,
        files: &[(&str, &str)],
    ) -> CommitId {
        let entries: Vec<Entry<'_>> =
            files.iter().map(|(path, text)| (*path, "100644", Some(text.as_bytes()))).collect();
        self.infra.commit_as(branch, who, self.clock.now().as_second(), subject, &entries)
    }

    pub(crate) fn seen(&mut self) -> Arc<Seen> {
        self.server().board.of("shop").unwrap()
    }

    pub(crate) fn standing(&mut self, environment: &str) -> Standing {
        let (seen, now, place) = (self.seen(), self.now(), place(environment));
        seen.decide(now).standings.into_iter().find(|standing| standing.place == place).unwrap()
    }

    pub(crate) fn why(&mut self, environment: &str, subject: Option<&str>) -> Why {
        let (seen, now, place) = (self.seen(), self.now(), place(environment));
        let pipeline = seen.pipeline.clone().unwrap();
        why(&pipeline, &seen.facts, now, &place.application, &place.environment, subject).unwrap()
    }

    /// The versions that dev, qa and prod hold.
    pub(crate) fn versions(&mut self) -> [String; 3] {
        ["dev", "qa", "prod"].map(|environment| self.standing(environment).version())
    }

    pub(crate) fn proposals(&mut self) -> Vec<Proposal> {
        let mut all: Vec<Proposal> = self.seen().facts.proposals.values().flatten().cloned().collect();
        all.sort_by_key(|proposal| proposal.number);
        all
    }

    pub(crate) fn open(&mut self, environment: &str) -> Option<Proposal> {
        let place = place(environment);
        self.proposals().into_iter().find(|p| p.place == place && p.state == ProposalState::Open)
    }

    /// The subjects on a branch, newest first.
    pub(crate) fn log(&self, branch: &str) -> Vec<String> {
        self.infra.git(&["log", "--format=%s", branch]).lines().map(str::to_owned).collect()
    }

    /// The branches of the infra repository.
    pub(crate) fn branches(&self) -> Vec<String> {
        self.infra
            .git(&["for-each-ref", "--format=%(refname:short)", "refs/heads"])
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// What an outsider can see of the state: all branches with their trees, the proposals, and what is said.
    pub(crate) fn outside(&mut self) -> String {
        let refs = self.infra.git(&["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads"]);
        let now = self.now();
        let decision = self.seen().decide(now);
        let proposals: Vec<String> = self
            .proposals()
            .iter()
            .map(|p| format!("{} {} {:?} {:?}\n{}", p.number, p.head, p.state, p.title, p.body))
            .collect();
        format!("{refs}\n{}\n{:#?}", proposals.join("\n"), decision.standings)
    }
}

/// A digest that belongs to a version.
pub(crate) fn digest(version: &str) -> String {
    let hex: String = version.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex:0>64}")
}

/// A clone with a work tree, for what people do with plain git.
pub(crate) fn plain_git(bare: &Bare, script: &[&[&str]]) {
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().join("work");
    run(git().args(["clone", "--quiet"]).arg(bare.path()).arg(&work), &[]);
    for arguments in script {
        let who = ["-c", "user.name=Bob", "-c", "user.email=bob@example.com"];
        run(git().arg("-C").arg(&work).args(who).args(*arguments), &[]);
    }
}
