//! Commits made without a work tree.

use gantry::git::{GitError, Kind, Person};

use super::{Own, draft, remote, update};
use crate::support::git_repository::{Bare, assert_sound, file};

#[test]
fn bytes_modes_and_neighbours_stay() {
    let bare = Bare::new();
    let head = bare.commit(
        "main",
        "first",
        &[
            file("apps/a/k.yaml", "tag: 1\r\n# end"),
            ("apps/a/run.sh", "100755", Some(b"1")),
            ("apps/a/link", "120000", Some(b"k.yaml")),
            file("apps/b/k.yaml", "tag: 1"),
        ],
    );
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    let mut draft = draft(&head, "apps/a/k.yaml", b"tag: 2\r\n# end");
    draft.changes.push(("apps/a/run.sh".into(), Some(b"2".to_vec())));
    draft.changes.push(("apps/b/k.yaml".into(), None));
    draft.changes.push(("apps/b/never there".into(), None));
    draft.changes.push(("new/deep/f".into(), Some(b"\xff\x00".to_vec())));
    let id = own.mirror.commit(&draft).unwrap();
    assert_eq!(own.mirror.commit(&draft).unwrap(), id, "the same draft is the same commit");

    let snapshot = own.mirror.snapshot(&id).unwrap();
    assert_eq!(snapshot.read("apps/a/k.yaml").unwrap().unwrap().bytes, b"tag: 2\r\n# end");
    assert!(snapshot.read("apps/a/run.sh").unwrap().unwrap().executable);
    assert_eq!(snapshot.read("apps/a/link").unwrap().unwrap().kind, Kind::Symlink);
    let paths: Vec<_> = snapshot.paths().unwrap().into_iter().map(|l| l.path).collect();
    assert_eq!(paths, ["apps/a/k.yaml", "apps/a/link", "apps/a/run.sh", "new/deep/f"]);
    let info = own.mirror.commit_info(&id).unwrap();
    assert_eq!((info.parents, info.subject.as_str()), (vec![head.clone()], "promote(dev): apps/a/k.yaml"));
    assert_eq!(
        (info.committer.name.as_str(), info.at.to_string().as_str()),
        ("Gantry", "2026-11-21T10:00:00Z")
    );

    own.mirror.push(&[update("main", Some(&head), Some(&id))]).unwrap();
    assert_eq!(bare.show("main", "new/deep/f"), b"\xff\x00");
    assert_eq!(bare.git(&["ls-tree", "main", "apps/a/run.sh"]).split(' ').next(), Some("100755"));
    bare.assert_sound();
    assert_sound(&own.path());
}

#[test]
fn what_must_not_be_written_is_refused_by_name() {
    let bare = Bare::new();
    let lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    let inner = bare.commit("inner", "x", &[file("x", "x")]);
    let head = bare.commit(
        "main",
        "all kinds",
        &[
            ("link", "120000", Some(b"/etc/passwd")),
            ("folder link", "120000", Some(b"/etc")),
            ("module", "160000", Some(inner.as_str().as_bytes())),
            file("lfs.bin", lfs),
            file("folder/file", "1"),
        ],
    );
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    for path in [
        "link",
        "folder link/passwd",
        "module",
        "module/x",
        "lfs.bin",
        "folder",
        "folder/file/x",
        "",
        "/etc/passwd",
        "../x",
        "a/../b",
        "a//b",
        "a/",
        ".git/config",
        "a/.GIT/hooks/x",
        "git~1/x",
        "a\nb",
        &"d/".repeat(70),
    ] {
        let error = own.mirror.commit(&draft(&head, path, b"x")).unwrap_err();
        assert!(matches!(error, GitError::Draft { .. }), "{path:?}: {error}");
    }
    let mut delete = draft(&head, "x", b"");
    delete.changes = vec![("link".into(), None)];
    assert!(matches!(own.mirror.commit(&delete), Err(GitError::Draft { .. })));
    let large = draft(&head, "large", &vec![0; 5 << 20]);
    assert!(matches!(own.mirror.commit(&large), Err(GitError::TooLarge { .. })));
    let mut silent = draft(&head, "x", b"");
    silent.message = " \n".into();
    assert!(matches!(own.mirror.commit(&silent), Err(GitError::Draft { .. })));
    let orphan = draft(&"00000000000000000000000000000000000000aa".parse().unwrap(), "x", b"");
    assert!(matches!(own.mirror.commit(&orphan), Err(GitError::NoCommit { .. })));
}

#[test]
fn hostile_names_make_a_sound_commit() {
    let bare = Bare::new();
    let head = bare.commit("main", "first", &[file("a", "1")]);
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    let mut last = head.clone();
    for (name, email) in [("A <b> \n\0c", "a>b\n<c"), ("", ""), (".,;\"", "\u{202e}"), ("é", "é@x")] {
        let mut draft = draft(&last, "a", name.as_bytes());
        draft.author = Person { name: name.into(), email: email.into() };
        last = own.mirror.commit(&draft).unwrap();
    }
    let outcome = own.mirror.push(&[update("main", Some(&head), Some(&last))]).unwrap();
    assert_eq!(outcome[0].result, gantry::git::RefResult::Landed);
    bare.assert_sound();
}

#[test]
fn an_empty_commit_and_a_merge_are_made() {
    let bare = Bare::new();
    let base = bare.commit("main", "base", &[file("a", "1")]);
    bare.git(&["branch", "side", "main"]);
    let side = bare.commit("side", "side", &[file("b", "1")]);
    let main = bare.commit("main", "main", &[file("a", "2")]);
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    let mut merge = draft(&main, "b", b"1");
    merge.merges = vec![side.clone()];
    let merged = own.mirror.commit(&merge).unwrap();
    let mut empty = draft(&merged, "", b"");
    empty.changes.clear();
    let last = own.mirror.commit(&empty).unwrap();
    own.mirror.push(&[update("main", Some(&main), Some(&last))]).unwrap();
    assert_eq!(bare.git(&["rev-parse", "main^{tree}"]), bare.git(&["rev-parse", "main^^{tree}"]));
    assert_eq!(bare.git(&["rev-parse", "main~1^2"]), side.as_str());
    assert_eq!(own.mirror.merge_base(&last, &side).unwrap(), Some(side));
    assert_eq!(own.mirror.merge_base(&base, &last).unwrap(), Some(base));
    bare.assert_sound();
}

#[test]
fn a_long_series_is_one_pack_and_survives_a_restart() {
    let bare = Bare::new();
    let head = bare.commit("main", "first", &[file("apps/x", "1")]);
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    let packs = |own: &Own| std::fs::read_dir(own.path().join("objects/pack")).unwrap().count();
    let before = packs(&own);
    let mut drafting = own.mirror.drafting();
    let mut last = head.clone();
    for n in 0..100 {
        last = drafting.commit(&draft(&last, &format!("apps/a{n}/k"), format!("{n}").as_bytes())).unwrap();
    }
    assert!(own.mirror.snapshot(&last).is_err(), "not in the mirror yet");
    drafting.keep().unwrap();
    assert_eq!(packs(&own), before + 2, "a pack and its index");
    let own = own.reopened(remote(&bare));
    assert_eq!(own.mirror.log(&last, Some(&head), 1000).unwrap().len(), 100);
    own.mirror.push(&[update("main", Some(&head), Some(&last))]).unwrap();
    assert_eq!(bare.head("main"), Some(last));
    bare.assert_sound();
}
