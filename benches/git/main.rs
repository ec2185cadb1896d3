//! What a push costs: ours, and the ways of the `git` program, in one run on this machine.
//!
//! `cargo bench --bench git [-- [file|http] [one|commit|chain|branches] [fsck] [ROUNDS]]`;
//! see benches/README.md. Every round has a fresh copy of
//! the repository and a fresh mirror; the table shows the median of the rounds. Bytes are those of the
//! request that carries the push, counted by the HTTP server. Over HTTP the server is `git http-backend`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on says so and stops"
)]

#[path = "../../tests/support/git_http.rs"]
#[allow(dead_code, reason = "the tests use the rest of it")]
mod git_http;
#[path = "../../tests/support/git_repository.rs"]
#[allow(dead_code, reason = "the tests use the rest of it")]
mod git_repository;
mod infra;
mod ours;
mod peers;
mod table;

use std::time::Duration;

use infra::{APPLICATIONS, Copy, Infra};
use ours::Ours;
use table::{Measured, Table};

/// Rounds of each measurement, unless told otherwise.
const ROUNDS: usize = 5;
const TAG: &str = "2.17.1";

/// How the repository is reached.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    File,
    Http,
}

struct Bench {
    infra: Infra,
    server: git_http::Server,
    rounds: usize,
    words: Vec<String>,
}

impl Bench {
    /// The median time of `work`, and the bytes of its last push where the way can tell.
    fn measure(&self, way: Way, work: &dyn Fn(&Copy, &str) -> Duration) -> Measured {
        let mut times = Vec::with_capacity(self.rounds);
        let mut sent = 0;
        for _ in 0..self.rounds {
            let copy = self.infra.copy();
            let url = match way {
                Way::File => format!("file://{}", copy.path().display()),
                Way::Http => self.server.url(&copy.name(&self.infra.root())),
            };
            let before = self.server.pushed();
            times.push(work(&copy, &url));
            sent = self.server.pushed() - before;
        }
        times.sort();
        Measured { time: times[times.len() / 2], sent: (way == Way::Http).then_some(sent) }
    }

    fn run(&self, way: Way, table: &mut Table) {
        let ours = |work: &dyn Fn(&Ours) -> Duration| {
            self.measure(way, &|copy, url| {
                let time = work(&Ours::fetched(copy, url));
                assert_eq!(copy.git(&["rev-parse", "--verify", "-q", "main^0"]).len(), 40);
                time
            })
        };
        let peer = |work: &dyn Fn(&Copy, &str) -> Duration| self.measure(way, work);

        table.head(match way {
            Way::File => "file://",
            Way::Http => "http://, by git http-backend",
        });
        for part in PARTS.iter().filter(|part| self.wanted(PARTS, part)) {
            match *part {
                "one" => one(table, &ours, &peer),
                "commit" => commit(table, &ours, &peer),
                "chain" => chain(table, &ours, &peer),
                _ => branches(table, &ours, &peer),
            }
        }
    }

    /// Whether one of several was asked for, or none of them.
    fn wanted(&self, all: &[&str], one: &str) -> bool {
        let asked = |name: &str| self.words.iter().any(|word| word == name);
        asked(one) || !all.iter().any(|name| asked(name))
    }
}

const PARTS: &[&str] = &["one", "commit", "chain", "branches"];

type OfOurs<'a> = &'a dyn Fn(&dyn Fn(&Ours) -> Duration) -> Measured;
type OfPeer<'a> = &'a dyn Fn(&dyn Fn(&Copy, &str) -> Duration) -> Measured;

fn one(table: &mut Table, ours: OfOurs<'_>, peer: OfPeer<'_>) {
    let one = ours(&|ours| ours.one_update(TAG));
    table.row("1 update", one, "< 2000 B sent", one.sent.is_none_or(|sent| sent < 2_000));
    let clone = peer(&|copy, url| peers::clone_and_push(copy, url, 1, TAG));
    table.peer("  depth-1 clone, sed, commit, push", clone, one, ">= 25", |ratio| ratio >= 25.0);
    let floor = peer(&|copy, url| peers::push_one_object(copy, url));
    table.peer("  git push of one ready-made commit", floor, one, "> 0.5", |ratio| ratio > 0.5);
    let tree = peer(&|copy, url| peers::work_tree(copy, url, 1, TAG));
    table.peer("  a work tree that is there", tree, one, "", |_| true);
}

fn commit(table: &mut Table, ours: OfOurs<'_>, peer: OfPeer<'_>) {
    let all = ours(&|ours| ours.chain(APPLICATIONS, APPLICATIONS, TAG));
    table.row("5,000 updates, 1 commit", all, "< 1 s", all.under(1.0));
    let clone = peer(&|copy, url| peers::clone_and_push(copy, url, APPLICATIONS, TAG));
    table.peer("  depth-1 clone, sed, commit, push", clone, all, ">= 10", |ratio| ratio >= 10.0);
    let tree = peer(&|copy, url| peers::work_tree(copy, url, APPLICATIONS, TAG));
    table.peer("  a work tree that is there", tree, all, "", |_| true);
    let import = peer(&|copy, url| peers::import_and_push(copy, url, APPLICATIONS, APPLICATIONS, TAG));
    table.peer("  git fast-import and git push", import, all, ">= 1", |ratio| ratio >= 1.0);
}

fn chain(table: &mut Table, ours: OfOurs<'_>, peer: OfPeer<'_>) {
    let chain = ours(&|ours| ours.chain(1_000, 1, TAG));
    let good = chain.under(2.0) && chain.sent.is_none_or(|sent| sent < 2_000_000);
    table.row("1,000 updates, 1,000 commits, 1 push", chain, "< 2 s, < 2 MB", good);
    let import = peer(&|copy, url| peers::import_and_push(copy, url, 1_000, 1, TAG));
    table.peer("  git fast-import and git push", import, chain, "", |_| true);
}

fn branches(table: &mut Table, ours: OfOurs<'_>, peer: OfPeer<'_>) {
    let branches = ours(&|ours| ours.branches(500, TAG));
    table.row("500 branches, 1 commit each, 1 push", branches, "< 1 s", branches.under(1.0));
    let import = peer(&|copy, url| peers::import_branches(copy, url, 500, TAG));
    table.peer("  git fast-import and git push", import, branches, "", |_| true);
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let rounds = words.iter().find_map(|word| word.parse().ok()).unwrap_or(ROUNDS).max(1);
    let fsck = words.iter().any(|word| word == "fsck");
    let infra = Infra::make(fsck);
    let server = git_http::Server::start(infra.root(), git_http::Behaviour::default());
    let bench = Bench { infra, server, rounds, words };
    let mut table = Table::new(rounds, fsck);
    for (name, way) in [("file", Way::File), ("http", Way::Http)] {
        if bench.wanted(&["file", "http"], name) {
            bench.run(way, &mut table);
        }
    }
    if table.missed() > 0 {
        println!("\n{} targets missed", table.missed());
        std::process::exit(1);
    }
}
