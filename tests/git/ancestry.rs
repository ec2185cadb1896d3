//! What one commit has over another, against what Git itself says, whatever the dates.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write as _,
};

use gantry_core::ids::CommitId;
use proptest::prelude::*;

use super::Own;
use crate::support::git_repository::{Bare, git, run};

/// A history in which each commit has up to two parents among the eight before it, and any date.
fn made(commits: &[(u8, Option<u8>, u32)]) -> (Bare, Vec<CommitId>) {
    let bare = Bare::new();
    let mut stream = String::new();
    for (n, (first, second, date)) in commits.iter().enumerate() {
        let _ = write!(
            stream,
            "commit refs/heads/c{n}\nmark :{}\ncommitter Pat <pat@example.com> {} +0000\ndata {}\n{n}\n",
            n + 1,
            1_000_000_000 + date % 100,
            n.to_string().len()
        );
        let back = |by: u8| n.checked_sub(usize::from(by) % 8).filter(|at| *at > 0);
        if let Some(first) = back(*first) {
            let _ = writeln!(stream, "from :{first}");
            if let Some(second) = second.and_then(back).filter(|second| *second != first) {
                let _ = writeln!(stream, "merge :{second}");
            }
        }
    }
    run(git().arg("--git-dir").arg(bare.path()).args(["fast-import", "--quiet"]), stream.as_bytes());
    let ids = (0..commits.len()).map(|n| bare.head(&format!("c{n}")).unwrap()).collect();
    (bare, ids)
}

/// A commit and all that stands behind it, by parents alone. Git's own walks between two commits go by dates, so
/// that `rev-list one..two` and `merge-base` are wrong themselves where the dates lie.
fn behind(parents: &HashMap<String, Vec<String>>, commit: &CommitId) -> BTreeSet<String> {
    let (mut found, mut open) = (BTreeSet::new(), vec![commit.to_string()]);
    while let Some(id) = open.pop() {
        if found.insert(id.clone()) {
            open.extend(parents[&id].iter().cloned());
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn it_is_as_git_says(
        commits in prop::collection::vec((0u8..8, prop::option::of(0u8..8), any::<u32>()), 2..30),
        pairs in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 8),
    ) {
        let (bare, ids) = made(&commits);
        let own = Own::of_bare(&bare);
        own.mirror.fetch().unwrap();
        let listed = bare.git(&["rev-list", "--parents", "--all"]);
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let parents: HashMap<String, Vec<String>> =
            listed.lines().map(words).map(|mut ids| (ids.remove(0), ids)).collect();
        for (one, two) in pairs {
            let (one, two) = (one.get(&ids), two.get(&ids));
            let (ours, theirs) = (behind(&parents, one), behind(&parents, two));
            let expected: BTreeSet<&String> = theirs.difference(&ours).collect();
            let between = own.mirror.commits_between(one, two, 1_000).unwrap();
            let between: Vec<String> = between.iter().map(|commit| commit.id.to_string()).collect();
            prop_assert_eq!(between.len(), expected.len());
            prop_assert_eq!(between.iter().collect::<BTreeSet<_>>(), expected);
            let common: Vec<CommitId> = ours.intersection(&theirs).map(|id| id.parse().unwrap()).collect();
            let best = |id: &&CommitId| {
                !common.iter().any(|other| other != *id && behind(&parents, other).contains(id.as_str()))
            };
            let bases: BTreeSet<&CommitId> = common.iter().filter(best).collect();
            match own.mirror.merge_base(one, two).unwrap() {
                None => prop_assert!(bases.is_empty()),
                Some(base) => prop_assert!(bases.contains(&base)),
            }
        }
    }
}
