//! How the server does on large repositories: the real process over HTTP, with a bare repository beside it.
//!
//! `cargo bench --bench scale [-- [one] [merges] [slow] [history] [start] [small] [middle] [large]]`; see
//! benches/README.md. What is compared with the `git` program is measured in the same run.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on says so and stops"
)]

#[path = "../../tests/support/git_repository.rs"]
#[allow(dead_code, reason = "the tests use the rest of it")]
mod git_repository;
mod infra;
mod server;
mod slow;
mod watch;

use std::time::{Duration, Instant};

use infra::{Infra, SHUT, Size, name};
use server::Server;
use watch::Watch;

const SMALL: Size = Size { applications: 1_000, environments: 3 };
const MIDDLE: Size = Size { applications: 5_000, environments: 3 };
const LARGE: Size = Size { applications: 10_000, environments: 5 };

/// How many merges become due at once.
const MERGES: usize = 1_000;
/// How often a build is sent meanwhile.
const PROBE: Duration = Duration::from_millis(200);

/// Prints row by row, and counts the targets that were missed.
struct Table {
    words: Vec<String>,
    missed: usize,
}

impl Table {
    fn row(&mut self, what: &str, measured: &str, target: &str, reached: bool) {
        let said = match (target, reached) {
            ("", _) => "",
            (_, true) => "ok",
            (_, false) => "MISSED",
        };
        println!("{what:<66} {measured:>12} {target:>20} {said:>6}");
        self.missed += usize::from(!reached);
    }

    /// A time with a most that it may be.
    fn time(&mut self, what: &str, took: Duration, most: Option<Duration>) {
        let target = most.map(|most| format!("<= {}", shown(most))).unwrap_or_default();
        self.row(what, &shown(took), &target, most.is_none_or(|most| took <= most));
    }

    fn wants(&self, all: &[&str], one: &str) -> bool {
        let asked = |name: &str| self.words.iter().any(|word| word == name);
        asked(one) || !all.iter().any(|name| asked(name))
    }
}

fn shown(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1_000.0),
        seconds => format!("{seconds:.2} s"),
    }
}

/// The value that so many of a hundred are not above.
fn percentile(times: &mut [Duration], of_a_hundred: usize) -> Duration {
    times.sort();
    let last = times.len().saturating_sub(1);
    times.get((last * of_a_hundred).div_ceil(100)).copied().unwrap_or_default()
}

/// One build after the other from the API to the pushed commit, and the memory after them. Tells the median.
fn one(table: &mut Table, size: Size) -> Duration {
    let infra = Infra::make(size, 0, 0, SHUT);
    let (server, _) = Server::start(&infra);
    let watch = Watch::start(infra.path());
    let mut times: Vec<Duration> = Vec::new();
    for application in 0..15 {
        let begin = Instant::now();
        server.build(application * 61, "1.1.0");
        times.push(watch.wait(&[name(application * 61)], "dev", 1) - begin);
    }
    let median = percentile(&mut times, 50);
    let most = (size == LARGE).then_some(Duration::from_millis(150));
    table.time(&format!("{size}: one build, API to pushed commit"), median, most);
    let (now, peak) = (server.memory("VmRSS:"), server.memory("VmHWM:"));
    let target = if size == LARGE { "<= 256 MB" } else { "" };
    let reached = size != LARGE || now <= 256.0;
    table.row(&format!("{size}: memory after them"), &format!("{now:.0} MB"), target, reached);
    table.row(&format!("{size}: and at most since the start"), &format!("{peak:.0} MB"), "", true);
    median
}

/// What the merges and the builds among them came to.
struct Merged {
    all: Duration,
    probes: Vec<Duration>,
    /// When the server was told to end, how long that took.
    end: Option<Duration>,
}

/// Applications far from each other, as builds come in.
fn scattered(size: Size, count: usize) -> Vec<usize> {
    (0..count).map(|number| number * 1_999 % size.applications).collect()
}

/// Takes the gate of qa away, and waits until all merges that are due then have landed; builds of others are sent
/// meanwhile.
fn merge(
    infra: &Infra,
    watch: &Watch,
    merged: &[usize],
    times: usize,
    send: &mut dyn FnMut(usize),
    mut end: impl FnMut(usize) -> Option<Duration>,
) -> Merged {
    let names: Vec<String> = merged.iter().map(|application| name(*application)).collect();
    let others = (0..infra.size.applications).rev().filter(|application| !merged.contains(application));
    let before = watch.count("qa");
    infra.configure("");
    let begin = Instant::now();
    let mut sent: Vec<(usize, Instant)> = Vec::new();
    for application in others {
        let landed = watch.count("qa") - before;
        if let Some(took) = end(landed) {
            return Merged { all: begin.elapsed(), probes: Vec::new(), end: Some(took) };
        }
        if landed >= merged.len() {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(300), "{landed} merges have landed");
        if sent.last().is_none_or(|(_, last)| last.elapsed() >= PROBE) {
            sent.push((application, Instant::now()));
            send(application);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let all = watch.wait(&names, "qa", times) - begin;
    let probes = sent.iter().map(|(application, at)| {
        watch.wait(&[name(*application)], "dev", 1);
        watch.when(&name(*application), "dev").expect("it landed") - *at
    });
    Merged { all, probes: probes.collect(), end: None }
}

/// A thousand builds, then their merges at once with builds among them, then the end amid a thousand others.
fn merges(table: &mut Table, size: Size) {
    let infra = Infra::make(size, 0, 0, SHUT);
    let (server, _) = Server::start(&infra);
    let watch = Watch::start(infra.path());
    let merged = scattered(size, MERGES.min(size.applications / 2));
    let names: Vec<String> = merged.iter().map(|application| name(*application)).collect();
    let count = merged.len();

    let begin = Instant::now();
    server.builds(&merged, "1.1.0");
    let took = watch.wait(&names, "dev", 1) - begin;
    table.time(&format!("{size}: {count} builds, API to all in dev"), took, None);

    let mut done =
        merge(&infra, &watch, &merged, 1, &mut |application| server.build(application, "1.1.0"), |_| None);
    let (ten, second) = (Duration::from_secs(10), Duration::from_secs(1));
    table.time(&format!("{size}: {count} automatic merges into qa"), done.all, Some(ten));
    let sent = done.probes.len();
    let last = percentile(&mut done.probes, 99);
    table.time(&format!("{size}: {sent} builds sent meanwhile reach dev: p99"), last, Some(second));
    table.time(&format!("{size}: the same: median"), percentile(&mut done.probes, 50), None);

    infra.configure(SHUT);
    server.builds(&merged, "1.2.0");
    watch.wait(&names, "dev", 2);
    let mut server = Some(server);
    let ended = merge(&infra, &watch, &merged, 2, &mut |_| {}, |landed| {
        (landed >= count / 10).then(|| server.take().expect("it runs").terminate())
    });
    let end = ended.end.unwrap_or_default();
    table.time(&format!("{size}: SIGTERM amid {count} merges to the end of the process"), end, Some(ten));
    let (_server, _) = Server::start(&infra);
    watch.wait(&names, "qa", 2);
    let leftover = infra.git(&["rev-list", "--count", "main"]);
    // What is known of the repository: its first commit, three of gantry.yaml, two promotions to each place, and
    // those of the builds sent meanwhile.
    let promotions = watch.count("dev") + watch.count("qa");
    assert_eq!(
        leftover,
        (1 + 3 + promotions).to_string(),
        "the next start has finished it, and nothing twice"
    );
}

/// One of a hundred merges with a long history behind it.
fn history(table: &mut Table) {
    const COMMITS: usize = 250_000;
    let size = Size { applications: 200, environments: 3 };
    let infra = Infra::make(size, COMMITS, 0, SHUT);
    // A branch that nobody has touched for long, as each repository has one.
    infra.git(&["branch", "old", "main~200000"]);
    let (server, ready) = Server::start(&infra);
    table.time("250,000 commits: start to ready, without a database", ready, None);
    let watch = Watch::start(infra.path());
    let merged: Vec<usize> = (0..100).collect();
    let names: Vec<String> = merged.iter().map(|application| name(*application)).collect();
    server.builds(&merged, "1.1.0");
    watch.wait(&names, "dev", 1);
    std::thread::sleep(Duration::from_secs(2));
    let before = server.work();
    infra.configure("");
    watch.wait(&names, "qa", 1);
    let each = (server.work() - before) / 100;
    let most = Duration::from_millis(30);
    table.time("250,000 commits: one of 100 merges, processor time of the server", each, Some(most));
}

/// Starts with and without the database, beside the program's way through the same history.
fn start(table: &mut Table, size: Size) {
    let infra = Infra::make(size, 2_000, 2_000, SHUT);
    let begin = Instant::now();
    infra.git(&["log", "--first-parent", "-m", "--raw", "--format=%H", "main"]);
    let git = begin.elapsed();
    table.time(&format!("{size}, 2,000 commits: git log --first-parent -m --raw"), git, None);
    let (server, cold) = Server::start(&infra);
    let ratio = cold.as_secs_f64() / git.as_secs_f64();
    let what = format!("{size}, 2,000 commits: start without a database, by git log's");
    table.row(&what, &format!("{ratio:.2}"), "<= 1.5", ratio <= 1.5);
    table.time(&format!("{size}, 2,000 commits: the same in seconds"), cold, None);
    drop(server);
    let (_server, warm) = Server::start(&infra);
    let most = Some(Duration::from_secs(1));
    table.time(&format!("{size}, 2,000 commits: start with the database"), warm, most);
}

const ROWS: &[&str] = &["one", "merges", "slow", "history", "start"];
const SIZES: &[(&str, Size)] = &[("small", SMALL), ("middle", MIDDLE), ("large", LARGE)];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let mut table = Table { words, missed: 0 };
    println!("{:<66} {:>12} {:>20}", "what", "measured", "target");
    let names: Vec<&str> = SIZES.iter().map(|(name, _)| *name).collect();
    let sizes: Vec<Size> =
        SIZES.iter().filter(|(name, _)| table.wants(&names, name)).map(|(_, size)| *size).collect();
    if table.wants(ROWS, "one") {
        let medians: Vec<(Size, Duration)> =
            sizes.iter().map(|size| (*size, one(&mut table, *size))).collect();
        if let ([(SMALL, small), ..], [.., (LARGE, large)]) = (&medians[..], &medians[..]) {
            let ratio = large.as_secs_f64() / small.as_secs_f64();
            let what = format!("{LARGE}: one build, by that of {SMALL}");
            table.row(&what, &format!("{ratio:.2}"), "<= 2", ratio <= 2.0);
        }
    }
    let middle = if sizes.contains(&MIDDLE) { MIDDLE } else { sizes.first().copied().unwrap_or(MIDDLE) };
    if table.wants(ROWS, "merges") {
        merges(&mut table, middle);
    }
    if table.wants(ROWS, "slow") {
        slow::run(&mut table, middle);
    }
    if table.wants(ROWS, "history") {
        history(&mut table);
    }
    if table.wants(ROWS, "start") {
        start(&mut table, middle);
    }
    if table.missed > 0 {
        println!("\n{} targets missed", table.missed);
        std::process::exit(1);
    }
}
