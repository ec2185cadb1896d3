//! The ways of the `git` program that Gantry is measured against.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    git_repository::{git, run},
    infra::{Copy, FIRST, kustomization, overlay},
    ours::scattered,
    table::{Clock, Spent},
};

fn at(folder: &Path) -> Command {
    let mut git = git();
    git.arg("-C").arg(folder);
    git
}

/// What other tools do for each update: a depth-1 clone with a work tree, sed, commit, push.
pub(crate) fn clone_and_push(copy: &Copy, url: &str, updates: usize, tag: &str) -> Spent {
    let clock = Clock::start();
    let folder = checkout(copy, url);
    edit_and_push(&folder, updates, tag);
    clock.stop()
}

/// The same with a clone and a work tree that are there already.
pub(crate) fn work_tree(copy: &Copy, url: &str, updates: usize, tag: &str) -> Spent {
    let folder = checkout(copy, url);
    let clock = Clock::start();
    edit_and_push(&folder, updates, tag);
    clock.stop()
}

fn checkout(copy: &Copy, url: &str) -> PathBuf {
    let folder = copy.beside("tree");
    run(git().args(["clone", "--quiet", "--depth", "1", url]).arg(&folder), b"");
    folder
}

fn edit_and_push(folder: &Path, updates: usize, tag: &str) {
    let mut sed = Command::new("sed");
    sed.current_dir(folder).args(["-i", "-e", &format!("s/newTag: {FIRST} /newTag: {tag} /")]);
    run(sed.args(scattered(updates).map(overlay)), b"");
    run(at(folder).args(["commit", "--quiet", "--all", "--message", "promote"]), b"");
    run(at(folder).args(["push", "--quiet", "origin", "main"]), b"");
}

/// A bare clone, which is not measured: the program's counterpart of a mirror.
fn bare_clone(copy: &Copy, url: &str) -> PathBuf {
    let folder = copy.beside("bare.git");
    run(git().args(["clone", "--quiet", "--bare", url]).arg(&folder), b"");
    folder
}

/// The floor of every push: `git push` of one commit, the only new object, made before.
pub(crate) fn push_one_object(copy: &Copy, url: &str) -> Spent {
    let folder = bare_clone(copy, url);
    let commit = run(at(&folder).args(["commit-tree", "main^{tree}", "-p", "main", "-m", "empty"]), b"");
    run(at(&folder).args(["update-ref", "refs/heads/main", commit.trim()]), b"");
    let clock = Clock::start();
    run(at(&folder).args(["push", "--quiet", url, "main"]), b"");
    clock.stop()
}

/// `git fast-import` of a ready-made stream with the updates in commits of `each`, then `git push`.
pub(crate) fn import_and_push(copy: &Copy, url: &str, updates: usize, each: usize, tag: &str) -> Spent {
    let folder = bare_clone(copy, url);
    let applications: Vec<usize> = scattered(updates).collect();
    let mut stream = String::new();
    for (place, part) in applications.chunks(each).enumerate() {
        begin(&mut stream, "main", place == 0);
        part.iter().for_each(|application| modify(&mut stream, *application, tag));
    }
    import(&folder, url, &stream, &["main"])
}

/// The same with one commit on each of `count` new branches.
pub(crate) fn import_branches(copy: &Copy, url: &str, count: usize, tag: &str) -> Spent {
    let folder = bare_clone(copy, url);
    let mut stream = String::new();
    for application in scattered(count) {
        begin(&mut stream, &format!("gantry/dev/app-{application:05}"), true);
        modify(&mut stream, application, tag);
    }
    import(&folder, url, &stream, &["refs/heads/gantry/*:refs/heads/gantry/*"])
}

fn import(folder: &Path, url: &str, stream: &str, refs: &[&str]) -> Spent {
    let clock = Clock::start();
    run(at(folder).args(["fast-import", "--quiet"]), stream.as_bytes());
    run(at(folder).args(["push", "--quiet", url]).args(refs), b"");
    clock.stop()
}

fn begin(stream: &mut String, branch: &str, from_main: bool) {
    let who = "Gantry <gantry@example.com> 1795255200 +0000";
    stream.push_str(&format!("commit refs/heads/{branch}\ncommitter {who}\ndata 7\npromote\n"));
    if from_main {
        stream.push_str("from refs/heads/main^0\n");
    }
}

fn modify(stream: &mut String, application: usize, tag: &str) {
    let text = kustomization(application, "dev", tag);
    stream.push_str(&format!("M 100644 inline {}\ndata {}\n{text}\n", overlay(application), text.len()));
}
