//! What a fetch brings, and what is read from it.

use gantry::git::{GitError, Kind};

use super::{Own, remote};
use crate::support::git_repository::{Bare, assert_sound, file};

#[test]
fn branches_come_move_and_go() {
    let bare = Bare::new();
    let first = bare.commit("main", "first", &[file("a.yaml", "a: 1\n")]);
    bare.commit("qa", "qa", &[file("b", "1")]);
    let own = Own::of_bare(&bare);

    let heads = own.mirror.fetch().unwrap();
    assert_eq!(heads.default_branch.as_deref(), Some("main"));
    assert_eq!(heads.require("main").unwrap(), &first);
    assert_eq!(heads.branches.len(), 2);

    let second = bare.commit("main", "second", &[file("a.yaml", "a: 2\n")]);
    bare.git(&["update-ref", "-d", "refs/heads/qa"]);
    bare.commit("qa/deeper", "takes the name's place", &[file("c", "1")]);
    let heads = own.mirror.fetch().unwrap();
    assert_eq!(heads.branches.keys().collect::<Vec<_>>(), ["main", "qa/deeper"]);
    assert_eq!(heads.require("main").unwrap(), &second);

    bare.git(&["update-ref", "-d", "refs/heads/qa/deeper"]);
    bare.commit("qa", "and back", &[file("b", "2")]);
    assert_eq!(own.mirror.fetch().unwrap().branches.keys().collect::<Vec<_>>(), ["main", "qa"]);
    assert_eq!(own.mirror.fetch().unwrap(), own.mirror.heads());
    assert_sound(&own.path());
}

#[test]
fn a_rewound_or_recreated_repository_just_works() {
    let bare = Bare::new();
    let first = bare.commit("main", "first", &[file("a", "1")]);
    bare.commit("main", "second", &[file("a", "2")]);
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();

    bare.git(&["update-ref", "refs/heads/main", first.as_str()]);
    assert_eq!(own.mirror.fetch().unwrap().require("main").unwrap(), &first);

    std::fs::remove_dir_all(bare.path()).unwrap();
    crate::support::git_repository::run(
        crate::support::git_repository::git()
            .args(["init", "--quiet", "--bare", "-b", "trunk"])
            .arg(bare.path()),
        b"",
    );
    let heads = own.mirror.fetch().unwrap();
    assert!(heads.is_empty());
    assert!(matches!(heads.require("main"), Err(GitError::Empty { .. })));
    let other = bare.commit("trunk", "other", &[file("z", "1")]);
    let heads = own.mirror.fetch().unwrap();
    assert_eq!((heads.default_branch.as_deref(), heads.require("trunk").unwrap()), (Some("trunk"), &other));
    let text = heads.require("main").unwrap_err().to_string();
    assert!(text.contains("main") && text.contains("file://"), "{text}");
}

#[test]
fn an_empty_repository_is_a_state_and_not_an_error() {
    let bare = Bare::new();
    let own = Own::of_bare(&bare);
    let heads = own.mirror.fetch().unwrap();
    assert!(heads.is_empty());
    assert_eq!(heads.default_branch.as_deref(), Some("main"));
    let text = heads.require("main").unwrap_err().to_string();
    assert!(text.contains("is empty"), "{text}");
}

#[test]
fn files_are_read_as_they_are() {
    let bare = Bare::new();
    let lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    let inner = bare.commit("inner", "x", &[file("x", "x")]);
    let head = bare.commit(
        "main",
        "all kinds",
        &[
            file("apps/a/crlf.yaml", "a: 1\r\nb: 2"),
            ("run.sh", "100755", Some(b"#!/bin/sh\n")),
            ("link", "120000", Some(b"run.sh")),
            ("module", "160000", Some(inner.as_str().as_bytes())),
            file("big.bin", lfs),
            ("wide.bin", "100644", Some(&vec![0; 5 << 20])),
        ],
    );
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    let snapshot = own.mirror.snapshot(&head).unwrap();
    for indexed in [false, true] {
        if indexed {
            let paths: Vec<_> = snapshot.paths().unwrap().into_iter().map(|l| (l.path, l.kind)).collect();
            assert_eq!(
                paths.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
                ["apps/a/crlf.yaml", "big.bin", "link", "module", "run.sh", "wide.bin"]
            );
            assert_eq!(paths[2].1, Kind::Symlink);
            assert_eq!(paths[3].1, Kind::Submodule);
        }
        let read = |path: &str| snapshot.read(path).unwrap();
        assert_eq!(read("apps/a/crlf.yaml").unwrap().bytes, b"a: 1\r\nb: 2");
        let script = read("run.sh").unwrap();
        assert!(script.executable && script.kind == Kind::Regular);
        let id = bare.git(&["rev-parse", "main:run.sh"]);
        assert_eq!(script.id.to_string(), id);
        assert_eq!(id.parse::<gantry::git::BlobId>().unwrap(), script.id);
        assert_eq!(read("link").unwrap().kind, Kind::Symlink);
        assert_eq!(read("module").unwrap().kind, Kind::Submodule);
        assert_eq!(read("big.bin").unwrap().kind, Kind::LfsPointer);
        for nothing in ["", "/", "apps", "apps/", "apps/a", "/run.sh", "run.sh/x", "none", "../x", "apps//a"]
        {
            assert_eq!(read(nothing), None, "{nothing:?}");
        }
        let text = snapshot.read("wide.bin").unwrap_err().to_string();
        assert!(text.contains("wide.bin") && text.contains("4 MiB"), "{text}");
    }
}

#[test]
fn history_is_told() {
    let bare = Bare::new();
    let one = bare.commit("main", "one", &[file("a", "1")]);
    bare.git(&["branch", "side", "main"]);
    let side = bare.commit("side", "side\n\nGantry-Application: a", &[file("s", "1")]);
    let two = bare.commit("main", "two\nlines\n\nbody", &[file("a", "2")]);
    let merge = bare.git(&["commit-tree", "main^{tree}", "-p", "main", "-p", "side", "-m", "merge"]);
    bare.git(&["update-ref", "refs/heads/main", &merge]);
    let merge = merge.parse().unwrap();
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();

    let log = own.mirror.log(&merge, None, 10).unwrap();
    assert_eq!(log.iter().map(|c| c.subject.as_str()).collect::<Vec<_>>(), ["merge", "two lines", "one"]);
    assert_eq!(log[0].parents, [two.clone(), side.clone()]);
    assert_eq!((log[1].author.name.as_str(), log[1].author.email.as_str()), ("Pat", "pat@example.com"));
    assert_eq!(log[1].message, "two\nlines\n\nbody");
    assert_eq!(log[2].at.as_second(), 1_700_000_000);
    assert_eq!(own.mirror.log(&merge, Some(&two), 10).unwrap().len(), 1);
    assert_eq!(own.mirror.log(&merge, None, 2).unwrap().len(), 2);

    let between = own.mirror.commits_between(&two, &merge, 10).unwrap();
    let mut ids: Vec<_> = between.into_iter().map(|c| c.id).collect();
    ids.sort();
    let mut wanted = vec![merge.clone(), side.clone()];
    wanted.sort();
    assert_eq!(ids, wanted);
    assert!(own.mirror.commits_between(&merge, &two, 10).unwrap().is_empty());
    assert_eq!(own.mirror.merge_base(&two, &side).unwrap(), Some(one.clone()));
    assert!(own.mirror.is_ancestor(&one, &merge).unwrap() && !own.mirror.is_ancestor(&merge, &one).unwrap());
    assert!(own.mirror.is_ancestor(&one, &one).unwrap());
    assert_eq!(own.mirror.commit_info(&side).unwrap().subject, "side");

    let unknown = "00000000000000000000000000000000000000aa".parse().unwrap();
    assert!(matches!(own.mirror.log(&unknown, None, 1), Err(GitError::NoCommit { .. })));
    let unrelated = bare.git(&["commit-tree", "main^{tree}", "-m", "alone"]);
    bare.git(&["update-ref", "refs/heads/alone", &unrelated]);
    own.mirror.fetch().unwrap();
    assert_eq!(own.mirror.merge_base(&one, &unrelated.parse().unwrap()).unwrap(), None);
}

#[test]
fn changes_are_those_of_git() {
    let bare = Bare::new();
    let before = bare.commit(
        "main",
        "before",
        &[
            file("apps/a/k.yaml", "1"),
            file("apps/b/k.yaml", "1"),
            file("apps/c", "a file"),
            file("apps/c.d/x", "1"),
            file("gone/x", "1"),
        ],
    );
    let after = bare.commit(
        "main",
        "after",
        &[
            file("apps/a/k.yaml", "2"),
            ("apps/b/k.yaml", "100755", Some(b"1")),
            ("apps/c", "", None),
            file("apps/c/now a folder", "1"),
            ("gone/x", "", None),
            file("new", "1"),
        ],
    );
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    let names = |parent, commit, wanted: &dyn Fn(&str) -> bool| -> Vec<String> {
        own.mirror.changed(parent, commit, wanted).unwrap().into_iter().map(|c| c.path).collect()
    };
    let oracle =
        bare.git(&["diff-tree", "-r", "--name-only", "--no-renames", before.as_str(), after.as_str()]);
    let mut oracle: Vec<&str> = oracle.lines().collect();
    oracle.sort_unstable();
    assert_eq!(names(Some(&before), &after, &|_| true), oracle);
    assert_eq!(
        names(Some(&before), &after, &|path| path.ends_with(".yaml")),
        ["apps/a/k.yaml", "apps/b/k.yaml"]
    );
    assert!(names(Some(&after), &after, &|_| true).is_empty());
    assert_eq!(names(None, &before, &|_| true).len(), 5);
    let changed = own.mirror.changed(Some(&before), &after, &|path| path == "gone/x").unwrap();
    assert!(changed[0].before.is_some() && changed[0].after.is_none());
}

#[test]
fn what_was_fetched_is_there_after_a_restart() {
    let bare = Bare::new();
    let head = bare.commit("main", "one", &[file("a", "1")]);
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    let own = own.reopened(remote(&bare));
    assert_eq!(own.mirror.heads().require("main").unwrap(), &head);
    assert!(own.mirror.snapshot(&head).unwrap().read("a").unwrap().is_some());
}

#[test]
fn a_fetch_brings_what_is_new_and_nothing_else() {
    let bare = Bare::new();
    let names: Vec<String> = (0..500).map(|n| format!("apps/a{n}/k.yaml")).collect();
    let text = |n: usize| format!("name: a{n}\n{}", "x: 0123456789abcdef\n".repeat(n % 7));
    let texts: Vec<String> = (0..500).map(text).collect();
    let files: Vec<_> = names.iter().zip(&texts).map(|(name, text)| file(name, text)).collect();
    bare.commit("main", "all", &files);
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    let packs = || {
        let entries = std::fs::read_dir(own.path().join("objects/pack")).unwrap().map(|entry| entry.unwrap());
        entries
            .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "pack"))
            .map(|entry| entry.metadata().unwrap().len())
            .collect::<Vec<u64>>()
    };
    let all: u64 = packs().iter().sum();
    let head = bare.commit("main", "one", &[file("apps/a7/k.yaml", "name: other\n")]);
    bare.git(&["branch", "qa", "main"]);
    own.mirror.fetch().unwrap();
    // The folder's list comes whole, because the mirror keeps its objects complete; the files do not.
    let more: u64 = packs().iter().sum::<u64>() - all;
    assert!(packs().len() == 2 && more < all / 2, "{more} after {all}");
    let objects = bare.git(&["rev-list", "--objects", "--count", "main~1..main"]);
    let found = crate::support::git_repository::git()
        .arg("--git-dir")
        .arg(own.path())
        .args(["count-objects", "-v"])
        .output()
        .unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    let total = bare.git(&["rev-list", "--objects", "--count", "--all"]);
    let in_pack = found.lines().find_map(|line| line.strip_prefix("in-pack: ")).unwrap();
    // The few that a delta of the second pack stands on may be there twice.
    let (total, in_pack): (usize, usize) = (total.parse().unwrap(), in_pack.parse().unwrap());
    assert!(objects == "5" && (total..total + 5).contains(&in_pack), "{objects} {total} {in_pack}");
    own.mirror.fetch().unwrap();
    assert_eq!(packs().len(), 2, "nothing new brings nothing");
    assert!(own.mirror.snapshot(&head).unwrap().read("apps/a8/k.yaml").unwrap().is_some());
}
