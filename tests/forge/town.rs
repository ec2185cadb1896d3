//! A bare repository, a mirror of it, a local forge, and people with the `git` program.
//!
//! People work on the bare repository itself with plumbing, which is what a push of theirs leaves behind. Gantry's
//! pushes go through `git-receive-pack`, with hooks.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
};

use gantry::{
    clock::Clock,
    forge::{Draft, Forge as _, local::LocalForge},
    git::{self, Mirror, Remote},
};
use gantry_core::{
    facts::{Person, Place, Proposal, ProposalState},
    ids::{BranchName, CommitId, ProposalNumber, ReleaseId},
};
use jiff::{Span, Timestamp};

use crate::support::git_repository;

/// A clock that stands until somebody moves it.
#[derive(Debug)]
pub(crate) struct Hand(Mutex<Timestamp>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Everything of one story. `main` holds two files in the beginning.
pub(crate) struct Town {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) mirror: Arc<Mirror>,
    pub(crate) clock: Arc<Hand>,
    pub(crate) forge: LocalForge,
}

pub(crate) fn bot() -> Person {
    Person { name: "Gantry".into(), email: "gantry@example.com".into() }
}

pub(crate) fn place(environment: &str, application: &str) -> Place {
    Place { application: application.parse().unwrap(), environment: environment.parse().unwrap() }
}

pub(crate) fn file(environment: &str, application: &str) -> String {
    format!("apps/{application}/{environment}.yaml")
}

pub(crate) fn release(digit: char) -> ReleaseId {
    digit.to_string().repeat(32).parse().unwrap()
}

impl Town {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bare = folder.path().join("infra.git");
        run(git_repository::git().args(["init", "--quiet", "--bare", "-b", "main"]).arg(&bare), "");
        let remote = Remote::new(&format!("file://{}", bare.display())).unwrap();
        let mirror = Arc::new(Mirror::open(remote, &folder.path().join("mirror")).unwrap());
        let clock = Arc::new(Hand(Mutex::new("2026-11-21T12:00:00Z".parse().unwrap())));
        let forge = LocalForge::open(
            &folder.path().join("data/forge-infra.db"),
            mirror.clone(),
            bot(),
            clock.clone(),
        )
        .await
        .unwrap();
        let town = Self { folder, mirror, clock, forge };
        let files = [("apps/shop/qa.yaml", Some("tag: 1\n")), ("apps/pay/qa.yaml", Some("tag: 1\n"))];
        town.commit("main", None, &files, "begin", "Ada");
        town.mirror.fetch().unwrap();
        town
    }

    pub(crate) fn bare(&self) -> PathBuf {
        self.folder.path().join("infra.git")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("data/forge-infra.db")
    }

    /// The forge of a process that was started anew.
    pub(crate) async fn reopen(&mut self) {
        self.forge =
            LocalForge::open(&self.database(), self.mirror.clone(), bot(), self.clock.clone()).await.unwrap();
    }

    pub(crate) fn pass(&self, hours: i64) {
        let mut now = self.clock.0.lock().unwrap();
        *now = now.checked_add(Span::new().hours(hours)).unwrap();
    }

    /// Runs `git` on the bare repository, as a person.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        run(self.command().args(arguments), "")
    }

    fn command(&self) -> Command {
        let mut command = git_repository::git();
        command.arg("--git-dir").arg(self.bare());
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_DATE"), "2026-11-21T11:00:00Z");
        }
        command
    }

    /// Commits files to a branch on `parent` (the branch's head if none is given; nothing if it has none).
    pub(crate) fn commit(
        &self,
        branch: &str,
        parent: Option<&CommitId>,
        files: &[(&str, Option<&str>)],
        message: &str,
        author: &str,
    ) -> CommitId {
        let parent = parent.cloned().or_else(|| self.head(branch));
        let index = self.folder.path().join("index");
        let _ = std::fs::remove_file(&index);
        let with = |arguments: &[&str], input: &str| {
            let mut command = self.command();
            command.args(arguments).env("GIT_INDEX_FILE", &index).env("GIT_AUTHOR_NAME", author);
            run(&mut command, input)
        };
        if let Some(parent) = &parent {
            with(&["read-tree", parent.as_str()], "");
        }
        for (path, text) in files {
            match text {
                Some(text) => {
                    let blob = with(&["hash-object", "-w", "--stdin"], text);
                    with(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{path}")], "");
                }
                None => {
                    // The mode 0 takes a path out, without a work tree.
                    with(&["update-index", "--index-info"], &format!("0 {}\t{path}\n", "0".repeat(40)));
                }
            }
        }
        let tree = with(&["write-tree"], "");
        let mut arguments = vec!["commit-tree", tree.as_str()];
        if let Some(parent) = &parent {
            arguments.extend(["-p", parent.as_str()]);
        }
        let commit = with(&arguments, message);
        self.set(branch, &commit.parse().unwrap());
        commit.parse().unwrap()
    }

    /// Pushes by force.
    pub(crate) fn set(&self, branch: &str, commit: &CommitId) {
        self.git(&["update-ref", &format!("refs/heads/{branch}"), commit.as_str()]);
    }

    pub(crate) fn delete(&self, branch: &str) {
        self.git(&["update-ref", "-d", &format!("refs/heads/{branch}")]);
    }

    pub(crate) fn head(&self, branch: &str) -> Option<CommitId> {
        let refs = self.git(&["for-each-ref", "--format=%(objectname)", &format!("refs/heads/{branch}")]);
        (!refs.is_empty()).then(|| refs.parse().unwrap())
    }

    pub(crate) fn show(&self, at: &str, path: &str) -> String {
        self.git(&["show", &format!("{at}:{path}")])
    }

    /// Commits in a range such as `main` or `A..main`.
    pub(crate) fn count(&self, range: &str) -> usize {
        self.git(&["rev-list", "--count", range]).parse().unwrap()
    }

    /// Gantry's commit on the branch of a place, on the base's head.
    pub(crate) fn promote(&self, environment: &str, application: &str, tag: &str) -> CommitId {
        let message = format!(
            "promote({environment}): {application} {tag}\n\nGantry-Application: {application}\nGantry-Environment: {environment}\n"
        );
        let path = file(environment, application);
        let text = format!("tag: {tag}\n");
        let branch = place(environment, application).branch();
        self.commit(branch.as_str(), self.head("main").as_ref(), &[(&path, Some(&text))], &message, "Gantry")
    }

    pub(crate) fn draft(&self, environment: &str, application: &str, digit: char) -> Draft {
        let branch = place(environment, application).branch();
        let head = self.head(branch.as_str()).unwrap_or_else(|| "0".repeat(40).parse().unwrap());
        Draft {
            release: release(digit),
            title: format!("promote({environment}): {application} {digit}"),
            body: format!("Release {digit}."),
            ..self.draft_at(environment, application, head)
        }
    }

    pub(crate) fn draft_at(&self, environment: &str, application: &str, head: CommitId) -> Draft {
        let place = place(environment, application);
        Draft {
            branch: place.branch(),
            head,
            place,
            base: "main".parse().unwrap(),
            release: release('2'),
            title: format!("promote({environment}): {application} 2"),
            body: String::new(),
        }
    }

    /// Runs `git fast-import`.
    pub(crate) fn import(&self, stream: &str) {
        run(self.command().args(["fast-import", "--quiet"]), stream);
    }

    /// A commit on its branch, and a proposal open for it.
    pub(crate) async fn propose(
        &self,
        environment: &str,
        application: &str,
        digit: char,
    ) -> (ProposalNumber, CommitId) {
        let head = self.promote(environment, application, &digit.to_string());
        self.mirror.fetch().unwrap();
        let number = self.forge.open(&self.draft(environment, application, digit)).await.unwrap();
        (number, head)
    }

    pub(crate) async fn proposal(&self, number: ProposalNumber) -> Proposal {
        let all = self.forge.proposals().await.unwrap();
        all.into_iter().find(|proposal| proposal.number == number).unwrap()
    }

    pub(crate) async fn state(&self, number: ProposalNumber) -> ProposalState {
        self.proposal(number).await.state
    }

    /// Who merged it; panics when it isn't merged.
    pub(crate) async fn merger(&self, number: ProposalNumber) -> String {
        match self.state(number).await {
            ProposalState::Merged { by, .. } => by,
            other => panic!("{number} is {other:?}"),
        }
    }

    /// Who closed it, whether that was Gantry, and why; panics when it isn't closed.
    pub(crate) async fn closer(&self, number: ProposalNumber) -> (String, bool, String) {
        match self.state(number).await {
            ProposalState::Closed { by, by_gantry, reason, .. } => (by, by_gantry, reason),
            other => panic!("{number} is {other:?}"),
        }
    }

    pub(crate) fn hook(&self, name: &str, script: &str) {
        let path = self.bare().join("hooks").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn unhook(&self, name: &str) {
        std::fs::remove_file(self.bare().join("hooks").join(name)).unwrap();
    }

    /// Runs SQL on the forge's file, as a process that died would have.
    pub(crate) async fn sql(&self, statement: &'static str, values: &[&str]) {
        let pool = sqlite(&self.database()).await;
        let mut query = sqlx::query(statement);
        for value in values {
            query = query.bind(*value);
        }
        query.execute(&pool).await.unwrap();
        pool.close().await;
    }
}

pub(crate) async fn sqlite(file: &Path) -> sqlx::SqlitePool {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
    sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap()
}

pub(crate) fn branch(name: &str) -> BranchName {
    name.parse().unwrap()
}

/// What the forge would write for a merge of `head` at `base`, made by hand.
pub(crate) fn replayed(town: &Town, head: &CommitId, base: &CommitId, path: &str) -> CommitId {
    let info = town.mirror.commit_info(head).unwrap();
    let bytes = town.mirror.snapshot(head).unwrap().read(path).unwrap().unwrap().bytes;
    let bot = bot();
    let draft = git::Draft {
        parent: base.clone(),
        merges: Vec::new(),
        changes: vec![(path.to_owned(), Some(bytes))],
        message: info.message,
        author: info.author,
        committer: git::Person { name: bot.name, email: bot.email },
        at: town.clock.now(),
    };
    town.mirror.commit(&draft).unwrap()
}

fn run(command: &mut Command, input: &str) -> String {
    git_repository::run(command, input.as_bytes()).trim_end().to_owned()
}
