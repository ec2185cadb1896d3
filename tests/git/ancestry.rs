//! What one commit has over another, against what Git itself says, whatever the dates.

use std::{collections::BTreeSet, fmt::Write as _};

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
        for (one, two) in pairs {
            let (one, two) = (one.get(&ids), two.get(&ids));
            let listed = bare.git(&["rev-list", &format!("{one}..{two}")]);
            let theirs: BTreeSet<&str> = listed.lines().collect();
            let between = own.mirror.commits_between(one, two, 1_000).unwrap();
            prop_assert_eq!(between.len(), theirs.len());
            prop_assert!(between.iter().all(|commit| theirs.contains(commit.id.as_str())));
            let base = own.mirror.merge_base(one, two).unwrap();
            let output = git().arg("--git-dir").arg(bare.path())
                .args(["merge-base", "--all", one.as_str(), two.as_str()]).output().unwrap();
            let bases = String::from_utf8(output.stdout).unwrap();
            match base {
                None => prop_assert_eq!(bases, ""),
                Some(base) => prop_assert!(bases.lines().any(|line| line == base.as_str())),
            }
        }
    }
}
