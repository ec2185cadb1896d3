//! Gantry's way: edit bytes of the mirror, draft commits in memory, push once and keep them meanwhile.

use std::time::Duration;

use gantry::git::{Draft, Drafting, Mirror, Person, RefResult, RefUpdate, Remote};
use gantry_core::ids::CommitId;
use gantry_edit::{Change, Kind, Target};

use crate::{
    infra::{Copy, image, overlay},
    table::{Clock, Spent},
};

/// A path and its new bytes.
type Edit = (String, Option<Vec<u8>>);

/// A fetched mirror of one copy.
pub(crate) struct Ours {
    mirror: Mirror,
    main: CommitId,
}

impl Ours {
    /// Opens and fetches; this is not measured, a server has its mirror at hand.
    pub(crate) fn fetched(copy: &Copy, url: &str) -> Self {
        let remote = Remote::new(url).expect("a URL");
        let mirror = Mirror::open(remote, &copy.beside("mirror")).expect("it opens");
        let main = mirror.fetch().expect("it fetches").require("main").expect("main").clone();
        Self { mirror, main }
    }

    /// One proven edit, one commit, one push.
    pub(crate) fn one_update(&self, tag: &str) -> Spent {
        self.chain(1, 1, tag)
    }

    /// `updates` edits in commits of `each` on one branch, in one push.
    pub(crate) fn chain(&self, updates: usize, each: usize, tag: &str) -> Spent {
        let clock = Clock::start();
        let mut drafting = self.mirror.drafting_to_push();
        let mut head = self.main.clone();
        let mut changes = self.edits(updates, tag).into_iter().map(|(_, change)| change).peekable();
        let edited = clock.elapsed();
        while changes.peek().is_some() {
            let changes = changes.by_ref().take(each).collect();
            head = drafting.commit(&draft(&head, changes, tag)).expect("a commit");
        }
        let drafted = clock.elapsed();
        let update = RefUpdate { branch: "main".into(), old: Some(self.main.clone()), new: Some(head) };
        push(drafting, &[update]);
        phases(&clock, edited, drafted)
    }

    /// One commit on each of `count` new branches, in one push.
    pub(crate) fn branches(&self, count: usize, tag: &str) -> Spent {
        let clock = Clock::start();
        let mut drafting = self.mirror.drafting_to_push();
        let mut updates = Vec::with_capacity(count);
        let edits = self.edits(count, tag);
        let edited = clock.elapsed();
        for (application, change) in edits {
            let new = drafting.commit(&draft(&self.main, vec![change], tag)).expect("a commit");
            let branch = format!("gantry/dev/app-{application:05}");
            updates.push(RefUpdate { branch, old: None, new: Some(new) });
        }
        let drafted = clock.elapsed();
        push(drafting, &updates);
        phases(&clock, edited, drafted)
    }

    /// Proven edits of so many overlays at the head.
    fn edits(&self, count: usize, tag: &str) -> Vec<(usize, Edit)> {
        let applications: Vec<usize> = scattered(count).collect();
        self.mirror.each(&applications, |reader, application| {
            let path = overlay(*application);
            let file = reader.read(&self.main, &path).expect("it reads").expect("it is there");
            let image = image(*application);
            let change = Change { tag: Some(tag), ..Change::of(&image) };
            let target = Target::of(Kind::Kustomization);
            let edited = gantry_edit::set(&target, &file.bytes, &[change]).expect("it edits");
            assert!(edited.changed, "{path}");
            (*application, (path, Some(edited.bytes)))
        })
    }
}

fn push(drafting: Drafting<'_>, updates: &[RefUpdate]) {
    for outcome in drafting.push(updates).expect("it pushes") {
        assert_eq!(outcome.result, RefResult::Landed, "{}", outcome.branch);
    }
}

/// The whole time; with `PHASES` set, also where it went.
fn phases(clock: &Clock, edited: Duration, drafted: Duration) -> Spent {
    let spent = clock.stop();
    if std::env::var_os("PHASES").is_some() {
        let (push, commit) = (spent.time - drafted, drafted - edited);
        eprintln!("    edited in {edited:.1?}, drafted in {commit:.1?}, pushed and kept in {push:.1?}");
    }
    spent
}

/// Applications far from each other, as builds come in.
pub(crate) fn scattered(count: usize) -> impl Iterator<Item = usize> {
    // 1,999 is a prime that does not divide 5,000: each application comes once.
    (0..count).map(|n| n * 1_999 % crate::infra::APPLICATIONS)
}

fn draft(parent: &CommitId, changes: Vec<Edit>, tag: &str) -> Draft {
    let bot = Person { name: "Gantry".into(), email: "gantry@example.com".into() };
    let what = changes.first().map(|(path, _)| path.clone()).unwrap_or_default();
    let message = format!(
        "promote(dev): {what} -> {tag}\n\nGantry-Application: {what}\nGantry-Environment: dev\n\
         Gantry-Release: r-0000000000000000000000000000\nGantry-From: 1.0.0\n"
    );
    Draft {
        parent: parent.clone(),
        merges: Vec::new(),
        changes,
        message,
        author: bot.clone(),
        committer: bot,
        at: "2026-11-21T10:00:00Z".parse().expect("a time"),
    }
}
