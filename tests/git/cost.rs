//! What a push sends, and that what it sends is what Git itself would have made.

use std::collections::BTreeMap;

use gantry::git::{Draft, RefResult};
use gantry_core::ids::CommitId;

use super::{Own, draft, remote, update};
use crate::support::{
    git_http::{Behaviour, Server},
    git_repository::{Bare, file, git, run},
};

/// A repository with so many applications, each with one overlay.
fn applications(count: usize) -> (Bare, CommitId) {
    let bare = Bare::new();
    let files: Vec<(String, String)> =
        (0..count).map(|n| (overlay(n), format!("# application {n}\nnewTag: 1.0.0\n"))).collect();
    let entries: Vec<_> = files.iter().map(|(path, text)| file(path, text)).collect();
    let main = bare.commit("main", "first", &entries);
    (bare, main)
}

fn overlay(application: usize) -> String {
    format!("apps/app-{application:05}/overlays/dev/kustomization.yaml")
}

fn land(own: &Own, branch: &str, old: Option<&CommitId>, new: &CommitId) {
    let outcome = own.mirror.push(&[update(branch, old, Some(new))]).unwrap().remove(0);
    assert_eq!(outcome.result, RefResult::Landed);
}

#[test]
fn one_update_in_a_folder_of_5000_sends_under_2000_bytes() {
    let (bare, main) = applications(5_000);
    let server = Server::start(bare.path().parent().unwrap().to_owned(), Behaviour::default());
    let own = Own::of(gantry::git::Remote::new(&server.url("infra.git")).unwrap());
    own.mirror.fetch().unwrap();
    let id = own.mirror.commit(&draft(&main, &overlay(2_500), b"newTag: 1.0.1\n")).unwrap();
    land(&own, "main", Some(&main), &id);
    let first = server.pushed();
    assert!((200..2_000).contains(&first), "{first} bytes");
    // As after a restart between commit and push: nothing is at hand, and it costs no more.
    let next = own.mirror.commit(&draft(&id, &overlay(7), b"newTag: 1.0.1\n")).unwrap();
    let http = gantry::git::Remote::new(&server.url("infra.git")).unwrap();
    let own = own.reopened(http);
    land(&own, "main", Some(&id), &next);
    let second = server.pushed() - first;
    assert!((200..2_000).contains(&second), "{second} bytes");
    assert_eq!(bare.git(&["diff", "--name-only", "main~2", "main"]).lines().count(), 2);
    bare.assert_sound();
}

/// A proposal on the head that a person has just moved: what the server has of it is not sent again.
#[test]
fn a_lost_race_does_not_send_the_whole_history() {
    let bare = Bare::new();
    let long = |n: u64| {
        (0..500)
            .map(|m| format!("{:x}\n", (n * 500 + m).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
            .collect::<String>()
    };
    let mut main = bare.commit("main", "first", &[file("a", "1")]);
    for n in 0..20 {
        main = bare.commit("main", "more", &[file("data", &long(n))]);
    }
    let server = Server::start(bare.path().parent().unwrap().to_owned(), Behaviour::default());
    let own = Own::of(gantry::git::Remote::new(&server.url("infra.git")).unwrap());
    own.mirror.fetch().unwrap();
    let chain = draft(&main, "a", b"2");
    let mut drafting = own.mirror.drafting();
    let (commit, proposal) =
        (drafting.commit(&chain).unwrap(), drafting.commit(&draft(&main, "b", b"2")).unwrap());
    let theirs = bare.commit("main", "a person's", &[file("c", "1")]);
    let updates =
        [update("main", Some(&main), Some(&commit)), update("gantry/prod/a", None, Some(&proposal))];
    let results: Vec<RefResult> =
        drafting.push(&updates).unwrap().into_iter().map(|outcome| outcome.result).collect();
    assert_eq!(results, [RefResult::LostRace { now: Some(theirs) }, RefResult::Landed]);
    assert!(server.pushed() < 2_000, "{} bytes", server.pushed());
    bare.assert_sound();
}

#[test]
fn a_changed_line_of_a_large_file_sends_that_line() {
    let bare = Bare::new();
    let text: String =
        (0_u64..20_000).map(|n| format!("key{n}: {:x}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let main = bare.commit("main", "first", &[file("values.yaml", &text)]);
    let server = Server::start(bare.path().parent().unwrap().to_owned(), Behaviour::default());
    let own = Own::of(gantry::git::Remote::new(&server.url("infra.git")).unwrap());
    own.mirror.fetch().unwrap();
    let new = text.replace("key777: ", "key777: new-");
    let id = own.mirror.commit(&draft(&main, "values.yaml", new.as_bytes())).unwrap();
    land(&own, "main", Some(&main), &id);
    assert!(server.pushed() < 1_000, "{} bytes of {}", server.pushed(), text.len());
    assert_eq!(bare.show("main", "values.yaml"), new.as_bytes());
    bare.assert_sound();
}

/// How many deltas stand on each other in a repository's packs.
fn deepest(folder: &std::path::Path) -> usize {
    let mut deepest = 0;
    for file in std::fs::read_dir(folder.join("objects/pack")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "idx") {
            let listed = run(git().args(["verify-pack", "-v"]).arg(path), b"");
            let depths = listed.lines().filter_map(|line| line.split_whitespace().nth(5)?.parse().ok());
            deepest = deepest.max(depths.max().unwrap_or(0));
        }
    }
    deepest
}

#[test]
fn a_long_chain_of_commits_is_no_long_chain_of_deltas() {
    let (bare, main) = applications(60);
    let large: String = (0..500).map(|n| format!("key{n}: {n}\n")).collect();
    // The server keeps the pack as it came.
    bare.git(&["config", "receive.unpackLimit", "1"]);
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    let mut drafting = own.mirror.drafting();
    let mut head = main.clone();
    for n in 0..130 {
        let mut draft = draft(&head, &overlay(n % 60), format!("newTag: 1.1.{n}\n").as_bytes());
        // A folder's list stands on an early one; a file stands on the one before it.
        draft.changes.push(("values.yaml".into(), Some(format!("{large}tag: {n}\n").into_bytes())));
        head = drafting.commit(&draft).unwrap();
    }
    let outcome = drafting.push(&[update("main", Some(&main), Some(&head))]).unwrap().remove(0);
    assert_eq!(outcome.result, RefResult::Landed);
    for folder in [bare.path(), own.path()] {
        assert_eq!(deepest(&folder), 50, "{}", folder.display());
    }
    assert_eq!(bare.git(&["rev-list", "--count", "main"]), "131");
    bare.assert_sound();
    crate::support::git_repository::assert_sound(&own.path());
}

/// An object and the one that it was made of must not each be told by the other.
#[test]
fn a_promotion_and_its_undoing_go_in_one_push() {
    for limit in ["1", "100000"] {
        for restart in [false, true] {
            let (bare, main) = applications(60);
            bare.git(&["config", "receive.unpackLimit", limit]);
            let mut own = Own::of_bare(&bare);
            own.mirror.fetch().unwrap();
            let first = bare.show("main", &overlay(7));
            let mut drafting = own.mirror.drafting();
            let mut head = main.clone();
            for n in 0..9 {
                let bytes = if n % 2 == 0 { b"newTag: 2.0.0\n" } else { &*first };
                let mut draft = draft(&head, &overlay(7), bytes);
                draft.message = format!("step {n}");
                head = drafting.commit(&draft).unwrap();
            }
            if restart {
                drafting.keep().unwrap();
                own = own.reopened(remote(&bare));
                land(&own, "main", Some(&main), &head);
            } else {
                let outcomes = drafting.push(&[update("main", Some(&main), Some(&head))]).unwrap();
                assert_eq!(outcomes[0].result, RefResult::Landed);
            }
            assert_eq!(bare.git(&["rev-parse", "main~1^{tree}"]), bare.git(&["rev-parse", "main~9^{tree}"]));
            assert_eq!(bare.show("main", &overlay(7)), b"newTag: 2.0.0\n");
            bare.assert_sound();
            crate::support::git_repository::assert_sound(&own.path());
        }
    }
}

/// Two branches hold the same new file and folder; the one that was drafted first does not go out.
#[test]
fn what_is_not_pushed_is_not_relied_on() {
    let (bare, main) = applications(60);
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    let mut drafting = own.mirror.drafting();
    let one = drafting.commit(&draft(&main, &overlay(1), b"newTag: 9\n")).unwrap();
    let two = drafting.commit(&draft(&one, &overlay(2), b"newTag: 9\n")).unwrap();
    let both = Draft {
        changes: vec![
            (overlay(2), Some(b"newTag: 9\n".to_vec())),
            (overlay(1), Some(b"newTag: 9\n".to_vec())),
        ],
        ..draft(&main, "", b"")
    };
    let both = drafting.commit(&both).unwrap();
    let outcome = drafting.push(&[update("gantry/both", None, Some(&both))]).unwrap().remove(0);
    assert_eq!(outcome.result, RefResult::Landed);
    assert_eq!(bare.git(&["rev-list", "--all", "--count"]), "2");
    bare.assert_sound();
    land(&own, "gantry/two", None, &two);
    assert_eq!(bare.git(&["rev-parse", "gantry/two^{tree}"]), bare.git(&["rev-parse", "gantry/both^{tree}"]));
    bare.assert_sound();
}

/// The same changes by Gantry and by `git fast-import` with `git push`: the same trees at every step.
#[test]
fn trees_and_refs_are_those_that_git_push_makes() {
    let (ours, theirs, clone) = (Bare::new(), Bare::new(), Bare::new());
    let first = [
        file("a-b/x", "1"),
        file("a.b", "1"),
        file("a/b/c", "1"),
        ("a0", "100755", Some(&b"1"[..])),
        file("é/ü", "1"),
        file("z/only", "1"),
        ("link", "120000", Some(b"a-b/x")),
    ];
    let mut head = ours.commit("main", "first", &first);
    clone.commit("main", "first", &first);
    let own = Own::of_bare(&ours);
    own.mirror.fetch().unwrap();
    // A small generator of our own: the same steps in every run.
    let mut state = 20_261_121_u64;
    let mut below = |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    let paths = [
        "a/b/c",
        "a/b/d",
        "a-b/x",
        "a-b/y/z",
        "a.b",
        "a0",
        "é/ü",
        "z/only",
        "z/more",
        "new/deep/er/f",
        "new.d/f",
        "new-",
        "0",
        "~",
    ];
    let start = head.clone();
    let mut drafting = own.mirror.drafting();
    for step in 0..60 {
        let mut changes: BTreeMap<&str, Option<Vec<u8>>> = BTreeMap::new();
        for _ in 0..=below(3) {
            let path = paths[below(paths.len())];
            // Deleted and made again, a program would be a plain file.
            let stays = below(3) > 0 || path == "a0";
            changes.insert(path, stays.then(|| format!("{}\n", below(4)).into_bytes()));
        }
        let entries: Vec<_> = changes
            .iter()
            .map(|(path, bytes)| (*path, if *path == "a0" { "100755" } else { "100644" }, bytes.as_deref()))
            .collect();
        clone.commit("main", "step", &entries);
        let changes = changes.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.clone())).collect();
        head = drafting
            .commit(&Draft { changes, message: format!("step {step}"), ..draft(&head, "", b"") })
            .unwrap();
    }
    let branch = update("gantry/qa/x", None, Some(&head));
    let outcomes = drafting.push(&[update("main", Some(&start), Some(&head)), branch]).unwrap();
    assert!(outcomes.iter().all(|outcome| outcome.result == RefResult::Landed));
    let url = theirs.path().display().to_string();
    clone.git(&["push", "--quiet", &url, "main", "main:refs/heads/gantry/qa/x"]);
    let trees = |bare: &Bare| bare.git(&["log", "--format=%T", "main"]);
    let refs = |bare: &Bare| bare.git(&["for-each-ref", "--format=%(refname) %(tree)"]);
    assert_eq!(trees(&ours).lines().collect::<Vec<_>>(), trees(&theirs).lines().collect::<Vec<_>>());
    assert_eq!(refs(&ours), refs(&theirs));
    ours.assert_sound();
    crate::support::git_repository::assert_sound(&own.path());
}
