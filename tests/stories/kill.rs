//! Promise 3 against the real process: killed with SIGKILL 200 times during a run of promotions and started
//! again each time, Gantry loses no build and makes no second commit or proposal, and it ends where a run that
//! nobody disturbed ends.
//!
//! The moments are random. The seed is printed; `GANTRY_KILL_SEED` repeats its choices (not the machine's timing).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{Row as _, SqlitePool, sqlite::SqliteConnectOptions};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::support::{
    git_repository::{Bare, assert_sound},
    house::{digest, overlay},
    process::{CI, MANAGER, Process, RECHECK, Visitor},
};

const KILLS: usize = 200;
const APPLICATIONS: [&str; 6] = ["basket", "catalog", "checkout", "invoices", "payments", "search"];
/// This one's overlays have CRLF line ends.
const CRLF: &str = "invoices";
/// Builds of each application: 1.1.0, 1.2.0 and so on.
const BUILDS: usize = 8;
const ALL_BUILDS: usize = APPLICATIONS.len() * BUILDS;
const ENVIRONMENTS: [&str; 3] = ["dev", "qa", "prod"];
/// How long an undisturbed server may take to bring everything to rest.
const REST: Duration = Duration::from_secs(60);

const CONFIG: &str = "\
version: 1
environments:
  - {name: dev, delivery: commit}
  - {name: qa, after: [dev], delivery: pull-request, merge: auto, gates: [{soak: 1s}, {checks: [ci]}]}
  - {name: prod, after: [qa], delivery: pull-request, merge: manual, gates: [{soak: 1s}]}
applications:
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_kills_change_nothing_in_the_end() {
    let seed = match std::env::var("GANTRY_KILL_SEED") {
        Ok(seed) => seed.parse().expect("GANTRY_KILL_SEED is a number"),
        Err(_) => getrandom::u64().unwrap(),
    };
    eprintln!("GANTRY_KILL_SEED={seed}");
    let undisturbed = Town::new().live(0, Random(seed)).await;
    let killed = Town::new().live(KILLS, Random(seed)).await;
    assert_eq!(killed, undisturbed, "the same files with the same bytes");
}

/// An infra repository, and a Gantry that serves it.
struct Town {
    infra: Bare,
    process: Process,
    _folder: tempfile::TempDir,
}

impl Town {
    fn new() -> Self {
        let (infra, folder) = (Bare::new(), tempfile::tempdir().unwrap());
        let mut files = Vec::new();
        let mut config = CONFIG.to_owned();
        for application in APPLICATIONS {
            config += &format!(
                "  - name: {application}\n    images: [{{image: {}, select: {{semver: '*'}}}}]\n    \
                 files: apps/{application}/{{environment}}/kustomization.yaml\n",
                image(application)
            );
            for environment in ENVIRONMENTS {
                let text = overlay(&image(application), "1.0.0");
                let text = if application == CRLF { text.replace('\n', "\r\n") } else { text };
                files.push((format!("apps/{application}/{environment}/kustomization.yaml"), text));
            }
        }
        files.push(("gantry.yaml".to_owned(), config));
        let entries: Vec<_> =
            files.iter().map(|(path, text)| (path.as_str(), "100644", Some(text.as_bytes()))).collect();
        infra.commit("main", "Set up", &entries);
        let process = Process::new(folder.path(), &infra.path());
        Self { infra, process, _folder: folder }
    }

    /// Promotes all builds, with so many kills meanwhile; answers the files of `main` once all is at rest.
    async fn live(mut self, kills: usize, random: Random) -> String {
        let begin = Instant::now();
        let mut people = People::of(&self.process.visitor());
        self.suffer(kills, random, &mut people).await;
        let during = self.commits().len();
        people.send_up_to(ALL_BUILDS);
        self.process.start();
        let ready = self.process.ready().await;
        self.rest().await;
        eprintln!(
            "{kills} kills; {during} promotions before the last of them, {} in all; ready after {} ms; {} s",
            self.commits().len(),
            ready.as_millis(),
            begin.elapsed().as_secs()
        );
        let visitor = self.process.visitor();
        people.go_home().await;
        assert_builds_are_known(&visitor).await;
        self.process.kill();
        self.assert_exactly_once().await;
        assert!(!self.process.log().contains("panicked"), "{}", self.process.log());
        self.infra.git(&["ls-tree", "-r", "main"])
    }

    /// Starts and kills it so many times, while builds come in all the time.
    async fn suffer(&mut self, kills: usize, mut random: Random, people: &mut People) {
        let mut starts: Vec<Duration> = Vec::new();
        for kill in 0..kills {
            let sent = people.send_up_to(kill * ALL_BUILDS / kills + 1);
            self.process.start();
            let after = match random.below(3) {
                // Right after it said that a build is stored.
                0..2 if sent => {
                    people.next_acknowledged(&mut self.process).await;
                    random.below(20)
                }
                // While it starts.
                0 => random.below(400),
                // While it works.
                _ => {
                    starts.push(self.process.ready().await);
                    random.below(400)
                }
            };
            tokio::time::sleep(Duration::from_millis(after)).await;
            self.process.kill();
        }
        starts.sort();
        if let Some(longest) = starts.last() {
            let middle = starts[starts.len() / 2].as_millis();
            eprintln!(
                "{} starts to ready: {middle} ms in the middle, {} at most",
                starts.len(),
                longest.as_millis()
            );
        }
    }

    /// Waits until every environment holds the last build and nothing is on its way.
    async fn rest(&self) {
        let (begin, visitor) = (Instant::now(), self.process.visitor());
        let mut last = Value::Null;
        while begin.elapsed() < REST {
            let found =
                (visitor.items("/api/v1/applications").await, visitor.items("/api/v1/promotions").await);
            if let (Some(applications), Some(promotions)) = found {
                let versions = versions(&applications);
                let there = versions.len() == APPLICATIONS.len() * ENVIRONMENTS.len();
                if there && promotions.is_empty() && versions.values().all(|one| *one == version(BUILDS)) {
                    return;
                }
                last = json!({ "applications": applications, "promotions": promotions });
            }
            tokio::time::sleep(RECHECK).await;
        }
        panic!("not at rest after {REST:?}: {last:#}\n{}", self.process.log());
    }

    /// The promotions in the history of `main`: application, environment, release.
    fn commits(&self) -> Vec<(String, String, String)> {
        let key = |key: &str| format!("%(trailers:key=Gantry-{key},valueonly,separator=)");
        let format =
            format!("--format=%s\t{}\t{}\t{}", key("Application"), key("Environment"), key("Release"));
        let log = self.infra.git(&["log", &format, "main"]);
        let fields = log.lines().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
        let promotions = fields.filter(|fields| fields[0].starts_with("promote("));
        promotions.map(|fields| (fields[1].clone(), fields[2].clone(), fields[3].clone())).collect()
    }

    async fn assert_exactly_once(&self) {
        let commits = self.commits();
        let once: BTreeSet<_> = commits.iter().cloned().collect();
        assert_eq!(once.len(), commits.len(), "a promotion was committed twice: {commits:#?}");
        let total = self.infra.git(&["rev-list", "--count", "main"]);
        assert_eq!(total, (commits.len() + 1).to_string(), "nothing but promotions");
        assert_eq!(self.infra.git(&["for-each-ref", "--format=%(refname)"]), "refs/heads/main");
        assert_sound(&self.infra.path());

        let proposals = self.proposals().await;
        let merged: BTreeSet<_> = proposals.iter().cloned().collect();
        assert_eq!(merged.len(), proposals.len(), "a promotion was proposed twice: {proposals:#?}");
        let proposed = once.into_iter().filter(|(_, environment, _)| environment != "dev").collect();
        assert_eq!(merged, proposed, "each proposal became one commit, and none came without a proposal");
    }

    /// Every proposal ever made, from the forge's own file, which must all have been merged.
    async fn proposals(&self) -> Vec<(String, String, String)> {
        let file = SqliteConnectOptions::new().filename(self.process.data().join("forge-shop.db"));
        let pool = SqlitePool::connect_with(file.read_only(true)).await.unwrap();
        let rows = sqlx::query("SELECT branch, release, state FROM proposal").fetch_all(&pool).await.unwrap();
        let of = |row: &sqlx::sqlite::SqliteRow| {
            let (branch, release): (String, String) = (row.get("branch"), row.get("release"));
            assert_eq!(row.get::<&str, _>("state"), "merged", "{branch} {release}");
            let (environment, application) = branch.strip_prefix("gantry/").unwrap().split_once('/').unwrap();
            (application.to_owned(), environment.to_owned(), release)
        };
        rows.iter().map(of).collect()
    }
}

/// Version and environment of each application.
fn versions(applications: &[Value]) -> BTreeMap<String, String> {
    let of = |application: &Value| {
        let name = application["application"].as_str().unwrap().to_owned();
        let places = application["places"].as_array().unwrap().clone();
        places.into_iter().map(move |place| {
            let key = format!("{name} {}", place["place"]["environment"].as_str().unwrap());
            (key, place["version"].as_str().unwrap().to_owned())
        })
    };
    applications.iter().flat_map(of).collect()
}

async fn assert_builds_are_known(visitor: &Visitor) {
    let known = visitor.items("/api/v1/builds").await.unwrap();
    let known: BTreeSet<_> = known
        .iter()
        .map(|build| (build["image"].as_str().unwrap().to_owned(), build["tag"].as_str().unwrap().to_owned()))
        .collect();
    for application in APPLICATIONS {
        for build in 1..=BUILDS {
            assert!(
                known.contains(&(image(application), version(build))),
                "{application} {build}: {known:#?}"
            );
        }
    }
}

fn image(application: &str) -> String {
    format!("registry.example.com/shop/{application}")
}

/// The version of the n-th build.
fn version(build: usize) -> String {
    format!("1.{build}.0")
}

/// CI of each application, which sends its builds one after the other, and a release manager who approves
/// whatever waits for prod. They try again until they are answered.
struct People {
    /// For each application, how many more builds may be sent.
    finished: Vec<Arc<Semaphore>>,
    /// How many builds may be sent in all, by turns.
    sent: usize,
    /// Builds that the server said it has stored.
    acknowledged: Arc<Semaphore>,
    senders: JoinSet<()>,
    manager: JoinSet<()>,
}

impl People {
    fn of(visitor: &Visitor) -> Self {
        let acknowledged = Arc::new(Semaphore::new(0));
        let (mut senders, mut manager) = (JoinSet::new(), JoinSet::new());
        let finished: Vec<_> = APPLICATIONS.iter().map(|_| Arc::new(Semaphore::new(0))).collect();
        for (application, finished) in APPLICATIONS.into_iter().zip(&finished) {
            senders.spawn(send_all(visitor.clone(), application, finished.clone(), acknowledged.clone()));
        }
        manager.spawn(approve_all(visitor.clone()));
        Self { finished, sent: 0, acknowledged, senders, manager }
    }

    /// Lets CI finish builds until there are `builds` of them; whether that was any.
    fn send_up_to(&mut self, builds: usize) -> bool {
        let before = self.sent;
        while self.sent < builds {
            self.finished[self.sent % APPLICATIONS.len()].add_permits(1);
            self.sent += 1;
        }
        self.sent > before
    }

    /// Waits until a build is acknowledged that is not yet, by a process that lives.
    async fn next_acknowledged(&self, process: &mut Process) {
        self.acknowledged.forget_permits(ALL_BUILDS);
        let begin = Instant::now();
        loop {
            match tokio::time::timeout(RECHECK, self.acknowledged.acquire()).await {
                Ok(permit) => return permit.unwrap().forget(),
                Err(_) => process.must_live(),
            }
            assert!(begin.elapsed() < REST, "no build was acknowledged: {}", process.log());
        }
    }

    /// Everything was sent, acknowledged and approved.
    async fn go_home(&mut self) {
        while let Some(sender) = self.senders.join_next().await {
            sender.unwrap();
        }
        assert!(self.manager.try_join_next().is_none(), "the release manager failed");
        self.manager.shutdown().await;
    }
}

/// CI: sends each build until the server has said that it is stored.
async fn send_all(
    visitor: Visitor,
    application: &'static str,
    finished: Arc<Semaphore>,
    acknowledged: Arc<Semaphore>,
) {
    for build in 1..=BUILDS {
        finished.acquire().await.unwrap().forget();
        let version = version(build);
        let body = json!({
            "image": image(application), "tag": version, "digest": digest(&format!("{application} {version}")),
            "revision": "0123abc", "source": format!("https://git.example.com/shop/{application}"),
            "created": format!("2026-11-01T10:{build:02}:00Z"), "status": "success",
        });
        let key = format!("{application}-{version}");
        loop {
            match visitor.post("/api/v1/builds", CI, &key, &body).await {
                Some((status, _)) if status.is_success() => break,
                Some((status, said)) => assert!(status.is_server_error(), "{key}: {status} {said}"),
                None => {}
            }
            tokio::time::sleep(RECHECK).await;
        }
        acknowledged.add_permits(1);
    }
}

/// A release manager: approves each proposal that waits for prod, at the head that is shown.
async fn approve_all(visitor: Visitor) {
    let mut approved = BTreeSet::new();
    loop {
        for promotion in visitor.items("/api/v1/promotions").await.unwrap_or_default() {
            let (number, head) = (&promotion["proposal"], &promotion["head"]);
            let waits = promotion["place"]["environment"] == "prod" && number.is_u64() && head.is_string();
            let key = format!("approve-{number}-{}", head.as_str().unwrap_or_default());
            if !waits || approved.contains(&key) {
                continue;
            }
            let path = format!("/api/v1/promotions/{number}/approve");
            let answer = visitor.post(&path, MANAGER, &key, &json!({ "head": head })).await;
            match answer {
                Some((status, _)) if status.is_success() => drop(approved.insert(key)),
                // It is merged by now.
                Some((StatusCode::NOT_FOUND, _)) | None => {}
                Some((status, said)) => assert!(status.is_server_error(), "{key}: {status} {said}"),
            }
        }
        tokio::time::sleep(RECHECK).await;
    }
}

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}
