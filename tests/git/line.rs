//! What the line of a branch tells is what a search through the history tells.

use gantry::git::{Line, Mirror, Remote};
use gantry_core::ids::CommitId;

use crate::support::git_repository::Bare;

/// A history with merges, with branches of one and of several commits, and with one that was taken back.
struct History {
    bare: Bare,
    mirror: Mirror,
    _folder: tempfile::TempDir,
}

impl History {
    fn new() -> Self {
        let (bare, folder) = (Bare::new(), tempfile::tempdir().unwrap());
        let mut stream = String::new();
        let mut mark = 0;
        let mut commit = |branch: &str, from: &[usize]| {
            mark += 1;
            stream.push_str(&format!(
                "commit refs/heads/{branch}\nmark :{mark}\ncommitter Pat <pat@example.com> {} +0000\n\
                 data 1\nx\n",
                // Clocks that go backwards now and then.
                1_700_000_000 + mark * 10 - (mark % 3) * 25
            ));
            for (position, parent) in from.iter().enumerate() {
                let word = if position == 0 { "from" } else { "merge" };
                stream.push_str(&format!("{word} :{parent}\n"));
            }
            stream.push_str(&format!("M 100644 inline f{mark}\ndata 1\nx\n\n"));
            mark
        };
        let mut main = commit("main", &[]);
        let mut side = Vec::new();
        for n in 0..30 {
            if n % 4 == 0 {
                let one = commit(&format!("one{n}"), &[main]);
                side.push(one);
                let two = commit(&format!("two{n}"), &[main]);
                side.push(commit(&format!("two{n}"), &[two]));
            }
            main = match n {
                9 => commit("main", &[main, side[0]]),
                21 => commit("main", &[main, side[5], side[2]]),
                _ => commit("main", &[main]),
            };
        }
        commit("alien", &[]);
        let mut load = crate::support::git_repository::git();
        load.arg("--git-dir").arg(bare.path()).args(["fast-import", "--quiet"]);
        crate::support::git_repository::run(&mut load, stream.as_bytes());
        let remote = Remote::new(&format!("file://{}", bare.path().display())).unwrap();
        let mirror = Mirror::open(remote, &folder.path().join("mirror")).unwrap();
        mirror.fetch().unwrap();
        Self { bare, mirror, _folder: folder }
    }

    fn commits(&self, range: &str) -> Vec<CommitId> {
        self.bare.git(&["rev-list", range]).lines().map(|line| line.parse().unwrap()).collect()
    }

    fn id(&self, name: &str) -> CommitId {
        self.bare.git(&["rev-parse", name]).parse().unwrap()
    }
}

#[test]
fn the_line_tells_what_the_search_tells() {
    let history = History::new();
    let all = history.commits("--all");
    // One line for all heads, forward and back, as a branch that is pushed to by force would go.
    let mut followed = Line::default();
    for back in [25, 20, 8, 0, 12, 3, 0] {
        let head = history.id(&format!("main~{back}"));
        followed.follow(&history.mirror, &head).unwrap();
        let mut fresh = Line::default();
        fresh.follow(&history.mirror, &head).unwrap();
        for commit in &all {
            let searched = history.mirror.is_ancestor(commit, &head).unwrap();
            let base = history.mirror.merge_base(&head, commit).unwrap();
            for line in [&mut followed, &mut fresh] {
                assert_eq!(line.holds(&history.mirror, commit).unwrap(), searched, "{commit} in main~{back}");
                let own = line.own(&history.mirror, commit, 100).unwrap();
                assert_eq!(own.as_ref().map(|own| own.start.clone()), base, "{commit} over main~{back}");
                let mut own: Vec<_> = own.into_iter().flat_map(|own| own.commits).map(|one| one.id).collect();
                let mut expected = history.commits(&format!("{head}..{commit}"));
                if base.is_some() {
                    own.sort();
                    expected.sort();
                    assert_eq!(own, expected, "{commit} over main~{back}");
                }
            }
        }
    }
    let missing: CommitId = "1".repeat(40).parse().unwrap();
    assert!(!followed.holds(&history.mirror, &missing).unwrap());
}

#[test]
fn what_is_new_on_the_line_is_told_where_there_is_no_merge() {
    let history = History::new();
    let mut line = Line::default();
    line.follow(&history.mirror, &history.id("main")).unwrap();
    let since =
        |line: &mut Line, before: &str, most| line.since(&history.mirror, &history.id(before), most).unwrap();
    assert_eq!(since(&mut line, "main~5", 5).unwrap(), history.commits("main~5..main"));
    assert_eq!(since(&mut line, "main", 5), Some(Vec::new()));
    assert_eq!(since(&mut line, "main~5", 4), None, "more than were asked for");
    assert_eq!(since(&mut line, "main~9", 20), None, "a merge among them");
    assert_eq!(since(&mut line, "alien", 100), None);
    assert_eq!(since(&mut line, "one0", 100), None);
}
