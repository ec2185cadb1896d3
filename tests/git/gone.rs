//! Parts of a mirror are taken away, under a running process or between two: whatever is gone, the second
//! fetch at the latest has it again.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use gantry::git::{GitError, Mirror, RefResult, Remote};
use gantry_core::ids::CommitId;

use super::{Own, draft, remote, update};
use crate::support::{
    git_http::{Behaviour, Server},
    git_repository::{Bare, assert_sound, file, git, run},
};

type Harm = (&'static str, fn(&Path));

fn empty(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        removed.unwrap();
    }
}

fn loose(mirror: &Path) {
    for entry in fs::read_dir(mirror.join("objects")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().len() == 2 {
            fs::remove_dir_all(path).unwrap();
        }
    }
}

const HARMS: [Harm; 9] = [
    ("packs", |mirror| empty(&mirror.join("objects/pack"))),
    ("single objects", loose),
    ("packs and single objects", |mirror| {
        empty(&mirror.join("objects/pack"));
        loose(mirror);
    }),
    ("the folder of packs", |mirror| fs::remove_dir_all(mirror.join("objects/pack")).unwrap()),
    ("all in the folder of objects", |mirror| empty(&mirror.join("objects"))),
    ("the folder of objects", |mirror| fs::remove_dir_all(mirror.join("objects")).unwrap()),
    ("the folder of branches", |mirror| fs::remove_dir_all(mirror.join("refs")).unwrap()),
    ("all in the mirror", empty),
    ("the mirror", |mirror| fs::remove_dir_all(mirror).unwrap()),
];

/// A file that goes over the line as a difference from the one that the mirror should hold.
fn long(first: &str) -> String {
    let lines: String = (0..2_000_u32).map(|n| format!("{}\n", n.wrapping_mul(2_654_435_761))).collect();
    format!("{first}\n{lines}")
}

/// Reads everything that is behind a commit.
fn read_all(mirror: &Mirror, head: &CommitId) -> Result<usize, GitError> {
    let log = mirror.log(head, None, 100)?;
    for commit in &log {
        mirror.changed(commit.parents.first(), &commit.id, &|_| true)?;
        let snapshot = mirror.snapshot(&commit.id)?;
        for listed in snapshot.paths()? {
            snapshot.read(&listed.path)?;
        }
    }
    Ok(log.len())
}

/// What goes wrong with one mirror.
fn story(hurt: fn(&Path), ours_on_top: bool, new_process: bool, person: bool) -> Result<(), String> {
    let bare = Bare::new();
    bare.commit("main", "first", &[file("apps/a/k.yaml", "1"), file("notes.txt", &long("one"))]);
    let mut head = bare.commit("main", "second", &[file("apps/b/k.yaml", "1")]);
    let mut own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    read_all(&own.mirror, &head).unwrap();
    let mut commits = 2;
    if ours_on_top {
        let id = own.mirror.commit(&draft(&head, "apps/a/k.yaml", b"2")).unwrap();
        own.mirror.push(&[update("main", Some(&head), Some(&id))]).unwrap();
        (head, commits) = (id, commits + 1);
    }
    hurt(&own.path());
    if new_process {
        own = own.reopened(remote(&bare));
    }
    if person {
        (head, commits) = (bare.commit("main", "third", &[file("notes.txt", &long("two"))]), commits + 1);
    }
    let once = |n: u8| {
        let found = own.mirror.fetch().map_err(|error| format!("fetch {n}: {error}"))?;
        assert_eq!(found.require("main").unwrap(), &head);
        let read = read_all(&own.mirror, &head).map_err(|error| format!("reading {n}: {error}"))?;
        assert_eq!(read, commits);
        let id = own.mirror.commit(&draft(&head, "apps/b/k.yaml", b"3"));
        let id = id.map_err(|error| format!("writing {n}: {error}"))?;
        let pushed = own.mirror.push(&[update("main", Some(&head), Some(&id))]);
        let pushed = pushed.map_err(|error| format!("pushing {n}: {error}"))?.remove(0);
        assert_eq!(pushed.result, RefResult::Landed);
        Ok::<_, String>(())
    };
    once(1).or_else(|first| once(2).map_err(|second| format!("{first}; {second}")))?;
    let own = own.reopened(remote(&bare));
    // What is kept in memory stays right, so that it may show only now that something is gone.
    let read = || {
        let last = own.mirror.fetch().unwrap().require("main").unwrap().clone();
        read_all(&own.mirror, &last)
    };
    assert_eq!(read().or_else(|_| read()).map_err(|error| error.to_string())?, commits + 1);
    bare.assert_sound();
    Ok(())
}

#[test]
fn whatever_is_gone_is_there_again_after_two_fetches() {
    let harmed = |(harm, hurt): Harm| {
        let cases = (0..8).filter_map(move |case| {
            let [ours_on_top, new_process, person] = [1, 2, 4].map(|bit| case & bit != 0);
            let error = story(hurt, ours_on_top, new_process, person).err()?;
            Some(format!("{harm} {ours_on_top} {new_process} {person}: {error}"))
        });
        cases.collect::<Vec<String>>()
    };
    let bad: Vec<String> = std::thread::scope(|scope| {
        let threads = HARMS.map(|harm| scope.spawn(move || harmed(harm)));
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(bad.is_empty(), "{} of 72\n{}", bad.len(), bad.join("\n"));
}

/// A branch that comes or goes brings no object: nothing would be missed, and half a mirror would be written.
#[test]
fn no_half_mirror_is_made_where_one_was_removed() {
    let bare = Bare::new();
    let main = bare.commit("main", "first", &[file("a", "1")]);
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    fs::remove_dir_all(own.path()).unwrap();
    bare.git(&["update-ref", "refs/heads/qa", main.as_str()]);
    own.mirror.fetch().unwrap();
    assert_sound(&own.path());
    let own = own.reopened(remote(&bare));
    assert_eq!(own.mirror.heads().branches.len(), 2);
}

/// A push that was under way writes its branches into a folder that is gone; a process that is started next must not
/// take that for something of another program's.
#[test]
fn what_a_push_leaves_of_a_removed_mirror_does_not_hold_up_the_next_start() {
    let bare = Bare::new();
    let main = bare.commit("main", "first", &[file("a", "1")]);
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    fs::remove_dir_all(own.path()).unwrap();
    let _ = own.mirror.push(&[update("qa", None, Some(&main))]);
    fs::create_dir_all(own.path().join("refs/heads")).unwrap();
    let own = own.reopened(remote(&bare));
    assert_eq!(own.mirror.fetch().unwrap().require("main").unwrap(), &main);
    assert_sound(&own.path());
}

#[test]
fn what_another_program_put_there_is_not_removed() {
    let bare = Bare::new();
    bare.commit("main", "first", &[file("a", "1")]);
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    fs::remove_dir_all(own.path()).unwrap();
    fs::create_dir(own.path()).unwrap();
    fs::write(own.path().join("thesis.txt"), "years of work").unwrap();
    let error = own.mirror.fetch().unwrap_err();
    assert!(error.to_string().contains("no mirror of Gantry's"), "{error}");
    assert!(own.path().join("thesis.txt").exists());
    fs::remove_file(own.path().join("thesis.txt")).unwrap();
    own.mirror.fetch().unwrap();
    assert_sound(&own.path());
}

/// What lies behind a tip must be there: that it is not is no stale plan, which a new one would follow for ever.
#[test]
fn a_commit_behind_a_tip_that_is_gone_is_damage() {
    let bare = Bare::new();
    let first = bare.commit("main", "first", &[file("a", "1")]);
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    let id = own.mirror.commit(&draft(&first, "a", b"2")).unwrap();
    own.mirror.push(&[update("main", Some(&first), Some(&id))]).unwrap();
    empty(&own.path().join("objects/pack"));
    let own = own.reopened(remote(&bare));
    assert_eq!(own.mirror.heads().require("main").unwrap(), &id, "the tip is there, outside the packs");
    let error = own.mirror.changed(Some(&first), &id, &|_| true).unwrap_err();
    assert!(matches!(error, GitError::Damaged { .. }), "{error}");
    own.mirror.fetch().unwrap();
    assert_eq!(own.mirror.changed(Some(&first), &id, &|_| true).unwrap().len(), 1);
}

/// A plan that is only stale, because a person rewrote history, makes no mirror anew.
#[test]
fn a_commit_that_never_was_is_no_damage() {
    let bare = Bare::new();
    bare.commit("main", "first", &[file("a", "1")]);
    let own = Own::of_bare(&bare);
    own.mirror.fetch().unwrap();
    let never: CommitId = "0123456789012345678901234567890123456789".parse().unwrap();
    let error = own.mirror.snapshot(&never).err().unwrap();
    assert!(matches!(error, GitError::NoCommit { .. }), "{error}");
    assert!(!own.mirror.will_mend());
}

/// The server itself holds what can't be read: to fetch it all at each look would mend nothing.
#[test]
fn what_is_no_damage_of_the_mirror_is_not_fetched_over_and_over() {
    use std::os::unix::fs::MetadataExt;
    let bare = Bare::new();
    let whole = bare.commit("main", "first", &[file("a", "1")]);
    // A mode of 13 digits, which the git program reads.
    let blob = bare.git(&["rev-parse", "main:a"]);
    let mut tree = b"0000000100644 a\0".to_vec();
    tree.extend((0..20).map(|n| u8::from_str_radix(&blob[2 * n..2 * n + 2], 16).unwrap()));
    let mut hash = git();
    hash.arg("--git-dir").arg(bare.path());
    let tree = run(hash.args(["hash-object", "-t", "tree", "-w", "--literally", "--stdin"]), &tree);
    let commit = bare.git(&["commit-tree", "-m", "odd", "-p", whole.as_str(), tree.trim_end()]);
    bare.git(&["update-ref", "refs/heads/main", &commit]);
    let own = Own::of_bare(&bare);
    let inode = || fs::metadata(own.path().join("config")).unwrap().ino();
    let mut seen = Vec::new();
    for _ in 0..5 {
        let head = own.mirror.fetch().unwrap().require("main").unwrap().clone();
        let error = own.mirror.snapshot(&head).and_then(|snapshot| snapshot.read("a")).unwrap_err();
        assert!(matches!(error, GitError::Damaged { .. }), "{error}");
        seen.push(inode());
    }
    seen.dedup();
    assert_eq!(seen.len(), 2, "it is made anew once");
    assert!(own.mirror.snapshot(&whole).unwrap().read("a").unwrap().is_some(), "all else can be read");
}

/// A server that dies within its answer is no reason to fetch everything.
#[test]
fn half_a_pack_is_the_servers_fault_and_not_damage() {
    use std::os::unix::fs::MetadataExt;
    let bare = Bare::new();
    bare.commit("main", "first", &[file("a", "1")]);
    let halves = Arc::new(AtomicU64::new(0));
    let behaviour = Behaviour { halves_packs: Arc::clone(&halves), ..Behaviour::default() };
    let server = Server::start(bare.path().parent().unwrap().to_owned(), behaviour);
    let own = Own::of(Remote::new(&server.url("infra.git")).unwrap());
    own.mirror.fetch().unwrap();
    let inode = || fs::metadata(own.path().join("config")).unwrap().ino();
    let before = inode();
    let second = bare.commit("main", "second", &[file("notes.txt", &long("one"))]);
    halves.store(1, Ordering::SeqCst);
    let error = own.mirror.fetch().unwrap_err();
    assert!(!matches!(error, GitError::Damaged { .. }), "{error}");
    assert_eq!(own.mirror.fetch().unwrap().require("main").unwrap(), &second);
    assert_eq!(inode(), before, "it is the same mirror");
    assert_eq!(read_all(&own.mirror, &second).unwrap(), 2);
}
