//! Fuzzing on stable Rust: seeds, mutation, and the outcomes that targets tell apart instead of coverage.
//!
//! The same target, seconds' worth of inputs and seed give the same inputs in the same order; only how many
//! of them fit into the time differs. An input that breaks a promise, or takes too long, is written to
//! `crashes/` and ends the run with status 1. See README.md.

#![forbid(unsafe_code)]

mod targets;

use std::collections::HashSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use targets::{TARGETS, Target};

const USAGE: &str = "usage: gantry-fuzz TARGET|all [--seconds N] [--seed N] | gantry-fuzz TARGET FILE...";
/// The largest input that is made, in bytes.
const MAX_INPUT: usize = 16 << 10;
/// The most inputs that are kept to be mutated further.
const MAX_POOL: usize = 4_000;
/// How long one input may take: far above what any of this size needs, also on a machine that has other work
/// (3.6 s were seen there for what takes 0.1 s alone).
const SLOW: Duration = Duration::from_secs(10);

struct Options {
    targets: Vec<(&'static str, Target)>,
    seconds: u64,
    seed: u64,
    files: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let mut good = true;
    for (name, target) in &options.targets {
        good &= if options.files.is_empty() {
            fuzz(name, *target, &options)
        } else {
            options.files.iter().all(|file| replay(name, *target, file))
        };
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let name = args.next().ok_or("no target was named")?;
    let targets: Vec<_> =
        TARGETS.iter().filter(|(known, _)| name == "all" || name == *known).copied().collect();
    if targets.is_empty() {
        let known: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
        return Err(format!("no target `{name}`; there are {}", known.join(", ")));
    }
    let mut options = Options { targets, seconds: 10, seed: 1, files: Vec::new() };
    while let Some(arg) = args.next() {
        let mut number = || {
            let value = args.next().and_then(|value| value.parse::<u64>().ok());
            value.ok_or(format!("{arg} needs a number"))
        };
        match arg.as_str() {
            "--seconds" => options.seconds = number()?,
            "--seed" => options.seed = number()?,
            file if !file.starts_with('-') => options.files.push(PathBuf::from(file)),
            _ => return Err(format!("{arg} is not known")),
        }
    }
    Ok(options)
}

/// Runs the seeds, then mutations of them until the time is over; false where a promise broke.
fn fuzz(name: &str, target: Target, options: &Options) -> bool {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pool = match seeds(&folder.join("seeds").join(name)) {
        Ok(seeds) if !seeds.is_empty() => seeds,
        Ok(_) => {
            eprintln!("{name}: no seeds; add some to fuzz/seeds/{name}");
            return false;
        }
        Err(error) => {
            eprintln!("{name}: fuzz/seeds/{name}: {error}");
            return false;
        }
    };
    let words = words(&pool);
    let mut random = Random(options.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut outcomes = HashSet::new();
    let (start, mut runs, mut slowest) = (Instant::now(), 0_u64, Duration::ZERO);
    let mut first = pool.clone().into_iter();
    while first.len() > 0 || start.elapsed() < Duration::from_secs(options.seconds) {
        let input = first.next().unwrap_or_else(|| mutated(&pool, &words, &mut random));
        let (result, mut taken) = attempt(target, &input);
        if taken >= SLOW {
            // A busy machine is slow once, a costly input twice.
            taken = taken.min(attempt(target, &input).1);
        }
        runs += 1;
        slowest = slowest.max(taken);
        match result {
            Ok(outcome) if taken < SLOW => {
                if outcomes.insert(outcome) && pool.len() < MAX_POOL {
                    pool.push(input);
                }
            }
            result => {
                let what = result.map_or_else(|what| what, |_| format!("took {taken:?}"));
                let file = keep(&folder.join("crashes"), name, &input);
                eprintln!("{name}: run {runs} of seed {}: {what}\n{name}: the input is {file}", options.seed);
                return false;
            }
        }
    }
    println!(
        "{name}: {runs} runs in {:.1} s, {} outcomes, {} inputs kept, slowest {:.1} ms, seed {}",
        start.elapsed().as_secs_f64(),
        outcomes.len(),
        pool.len(),
        slowest.as_secs_f64() * 1e3,
        options.seed
    );
    true
}

/// Runs one file, with the panic's own words and place.
fn replay(name: &str, target: Target, file: &Path) -> bool {
    let input = match fs::read(file) {
        Ok(input) => input,
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            return false;
        }
    };
    let (result, taken) = attempt(target, &input);
    println!("{name}: {}: {} in {taken:?}", file.display(), if result.is_ok() { "sound" } else { "BROKEN" });
    result.is_ok() && taken < SLOW
}

fn attempt(target: Target, input: &[u8]) -> (Result<u64, String>, Duration) {
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| target(input)));
    let result = result.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_else(|| String::from("a panic without words"))
    });
    (result, start.elapsed())
}

/// The seeds in the order of their names, so that a seed number means the same everywhere.
fn seeds(folder: &Path) -> std::io::Result<Vec<Vec<u8>>> {
    let mut files =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    files.sort();
    files.iter().map(fs::read).collect()
}

fn keep(folder: &Path, name: &str, input: &[u8]) -> String {
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let file = folder.join(format!("{name}-{hash:016x}"));
    let kept = fs::create_dir_all(folder).and_then(|()| fs::write(&file, input));
    kept.map_or_else(|error| format!("not kept: {error}"), |()| file.display().to_string())
}

/// Words and marks of the seeds, and what parsers stumble over.
fn words(seeds: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = [
        "\r\n", "\n", "\u{feff}", "\0", "\t", " ", "'''", "\"\"\"", "${", "$${", "%{", "}", "<<EOT\n",
        "\nEOT\n", "/*", "*/", "//", "#", "{{", "[[", "]]", "=", ":", ".", ",", "\\", "\\u0041", "\\\n",
        "&a ", "*a", "<<: ", "!!str ", "- ", "? ", "|\n", ">-\n", "---\n", "...\n", "é", "\u{2028}",
        "\u{85}", "`", "1e3", "null", "~",
    ]
    .iter()
    .map(|word| word.as_bytes().to_vec())
    .collect();
    let mut known: HashSet<Vec<u8>> = words.iter().cloned().collect();
    for seed in seeds {
        for word in seed.split(|byte| !byte.is_ascii_alphanumeric() && *byte < 0x80 && *byte != b'_') {
            if (2..40).contains(&word.len()) && known.insert(word.to_vec()) {
                words.push(word.to_vec());
            }
        }
    }
    words
}

/// One of the pool with a few changes.
fn mutated(pool: &[Vec<u8>], words: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = pool[random.below(pool.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(input.len() + 1);
        let end = (at + 1 + random.below(16)).min(input.len());
        match random.below(9) {
            0 if at < input.len() => input[at] = u8::try_from(random.below(256)).unwrap_or(0),
            1 if at < input.len() => input[at] = b' ' + u8::try_from(random.below(95)).unwrap_or(0),
            2 => drop(input.drain(at..end)),
            3 => {
                // A piece again, once or many times: depth and length.
                let piece = input[at..end].to_vec();
                let times = if random.below(20) == 0 { 400 } else { 1 };
                let room = (MAX_INPUT - input.len().min(MAX_INPUT)) / piece.len().max(1);
                drop(input.splice(at..at, piece.repeat(times.min(room))));
            }
            4 => {
                let other = &pool[random.below(pool.len())];
                let from = random.below(other.len() + 1);
                let to = (from + random.below(64)).min(other.len());
                drop(input.splice(at..end.max(at), other[from..to].iter().copied()));
            }
            5 => {
                // Two lines change places.
                let mut lines: Vec<&[u8]> = input.split_inclusive(|byte| *byte == b'\n').collect();
                if lines.len() > 1 {
                    let (one, two) = (random.below(lines.len()), random.below(lines.len()));
                    lines.swap(one, two);
                    input = lines.concat();
                }
            }
            _ => {
                let word = &words[random.below(words.len())];
                let end = if random.below(3) == 0 { end.max(at) } else { at };
                drop(input.splice(at..end, word.iter().copied()));
            }
        }
    }
    input.truncate(MAX_INPUT);
    input
}

/// xorshift64*: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let value = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(value).unwrap_or(0) % bound.max(1)
    }
}
