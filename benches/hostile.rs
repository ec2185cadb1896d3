//! What files made to hurt cost: the time on a processor, and the peak of memory beyond the file itself.
//!
//! `cargo bench -p gantry-edit --bench hostile [PART OF A NAME]`. Each case runs in a child process of its
//! own, so that peaks do not add up; it reads `VmHWM` of `/proc/self/status`, and where that file is absent
//! memory is not shown. Nothing is asserted here: `bot/edit/tests/hostile.rs` holds what must be refused.

use std::process::Command;
use std::time::Duration;

use gantry_edit::{Change, Kind, Target, detect, read, set};

/// What a case gives: a path that tells the kind, and the text.
type Case = (&'static str, Kind, fn() -> String);

const MIB: usize = 1 << 20;

/// Repeats what the number gives until the text is as large as a file may be.
fn fill(head: &str, bytes: usize, unit: impl Fn(usize) -> String) -> String {
    let mut text = head.to_owned();
    for at in 0.. {
        let next = unit(at);
        if text.len() + next.len() > bytes {
            break;
        }
        text.push_str(&next);
    }
    text
}

fn times(count: usize, head: &str, unit: impl Fn(usize) -> String) -> String {
    head.chars().collect::<String>() + &(0..count).map(unit).collect::<String>()
}

fn bomb() -> String {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let item = format!("*a{}", level - 1);
        text += &format!("a{level}: &a{level} [{}]\n", vec![item; 9].join(", "));
    }
    text + "images: [{name: a, newTag: v1}]\n"
}

/// A text in a text in a text: each level a block scalar of the one around it.
fn texts_in_texts() -> String {
    let mut text = fill("", MIB / 2, |at| format!("c{at}: {{image: {{repository: a/b, tag: v{at}}}}}\n"));
    for _ in 0..2 {
        let lines: String = text.lines().map(|line| format!("      {line}\n")).collect();
        text = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  source:\n    helm:\n      values: |\n  {}",
            lines.replace('\n', "\n  ").trim_end()
        );
        text.push('\n');
    }
    text
}

const CASES: [Case; 27] = [
    ("100,000 levels of [", Kind::HelmValues, || "[".repeat(100_000)),
    ("100,000 levels of - ", Kind::Manifest, || "- ".repeat(100_000)),
    ("100,000 levels of {a:", Kind::HelmValues, || "{a: ".repeat(100_000)),
    ("2,000 levels of keys", Kind::HelmValues, || {
        (0..2_000).map(|at| format!("{}a:\n", " ".repeat(at))).collect()
    }),
    ("alias bomb", Kind::Kustomization, bomb),
    ("100 MB scalar", Kind::HelmValues, || "a".repeat(100 * MIB)),
    ("4 MiB scalar", Kind::HelmValues, || "a".repeat(4 * MIB)),
    ("4 MiB block scalar", Kind::HelmValues, || fill("a: |\n", 4 * MIB, |_| "  some words\n".to_owned())),
    ("a million anchors", Kind::HelmValues, || format!("[{}", "&a,".repeat(1_000_000))),
    ("9,000 anchored images, aliases", Kind::HelmValues, || {
        times(9_000, "", |at| {
            format!("c{at}: {{image: {{repository: a/b, tag: &t{at} v1}}}}\nd{at}: *t{at}\n")
        })
    }),
    ("9,000 aliases of one tag", Kind::HelmValues, || {
        times(9_000, "t: &t v1\n", |at| format!("c{at}: {{image: {{repository: a/b, tag: *t}}}}\n"))
    }),
    ("250,000 images entries", Kind::Kustomization, || {
        times(250_000, "images:\n", |at| format!("- name: a{at}\n"))
    }),
    ("80,000 images entries", Kind::Kustomization, || {
        times(80_000, "images:\n", |at| format!("- name: a{at}\n"))
    }),
    ("35,000 entries renamed to one", Kind::Kustomization, || {
        times(35_000, "images:\n", |at| format!("- name: a{at}\n  newName: a/b\n"))
    }),
    ("35,000 entries and an anchor", Kind::Kustomization, || {
        times(35_000, "x: &x y\nz: *x\nimages:\n", |at| format!("- name: a{at}\n  newTag: v1\n"))
    }),
    ("4 MiB of nested image mappings", Kind::HelmValues, || {
        fill("", 4 * MIB, |at| {
            format!(
                "c{at}:\n  image:\n    registry: registry.example.com\n    repository: some/team/name-of-it\n    tag: v1.2.3\n    pullPolicy: IfNotPresent\n"
            )
        })
    }),
    ("image mappings of one image", Kind::HelmValues, || {
        times(24_000, "", |at| format!("c{at}:\n  image:\n    repository: a/b\n    tag: v1\n"))
    }),
    ("image mappings 100 deep", Kind::HelmValues, || {
        times(1_200, "", |at| {
            let levels: String = (0..60)
                .map(|level| {
                    format!("{}image:\n{}repository: a/b\n", " ".repeat(level + 1), " ".repeat(level + 2))
                })
                .collect();
            format!("c{at}:\n{levels}")
        })
    }),
    ("60,000 containers in a list", Kind::Manifest, || {
        times(60_000, "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n", |_| {
            "  - image: a/b:v1\n".to_owned()
        })
    }),
    ("60,000 containers, not ASCII", Kind::Manifest, || {
        times(60_000, "apiVersion: v1\nkind: Pod\nx: é\nspec:\n  containers:\n", |_| {
            "  - image: a/b:v1\n".to_owned()
        })
    }),
    ("one line in brackets, not ASCII", Kind::Manifest, || {
        times(60_000, "{apiVersion: v1, kind: Pod, x: é, spec: {containers: [", |_| {
            "{image: a/b:v1},".to_owned()
        }) + "]}}\n"
    }),
    ("100,000 documents", Kind::Manifest, || "---\n".repeat(100_000)),
    ("40,000 documents with an image", Kind::Manifest, || {
        times(25_000, "", |_| "---\napiVersion: v1\nspec: {containers: [{image: a/b:v1}]}\n".to_owned())
    }),
    ("texts in texts", Kind::Manifest, texts_in_texts),
    ("200,000 keys in one mapping", Kind::HelmValues, || times(120_000, "", |at| format!("k{at}: v\n"))),
    ("a key of 1 MB over many images", Kind::HelmValues, || {
        times(20_000, &format!("{}:\n", "k".repeat(1_000)), |at| {
            format!("  c{at}: {{image: {{repository: a/b, tag: v1}}}}\n")
        })
    }),
    ("braces that do not parse", Kind::HelmValues, || "a: {{ b }}\n".repeat(100_000)),
];

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (first, second) = (arguments.next(), arguments.next());
    if let (Some("--case"), Some(name)) = (first.as_deref(), second) {
        CASES.iter().filter(|(case, ..)| *case == name).for_each(one);
        return;
    }
    let Ok(own) = std::env::current_exe() else {
        return eprintln!("cannot find this program to start it again");
    };
    eprintln!(
        "{:<34} {:>9} {:>9} {:>9} {:>9} {:>8}  outcome",
        "case", "bytes", "detect ms", "read ms", "set ms", "peak MB"
    );
    for (name, ..) in CASES.iter().filter(|(name, ..)| first.as_ref().is_none_or(|part| name.contains(part)))
    {
        if Command::new(&own).args(["--case", name]).status().is_err() {
            eprintln!("{name}: cannot start it");
        }
    }
}

fn one((name, kind, text): &Case) {
    let text = text();
    let before = memory("VmRSS:");
    let target = Target::of(*kind);
    let (_, found) = timed(|| detect("some.yaml", text.as_bytes()));
    let (references, reading) = timed(|| read(&target, text.as_bytes()));
    let outcome = match &references {
        Ok(references) => format!("{} references", references.len()),
        Err(refusal) => refusal.to_string().chars().take(70).collect(),
    };
    let change = Change { tag: Some("v2"), ..Change::of("a/b") };
    drop(references);
    let (edited, setting) = timed(|| set(&target, text.as_bytes(), &[change]));
    let edits = edited.map_or_else(
        |refusal| refusal.to_string().chars().take(40).collect(),
        |edited| format!("{} edits", edited.edits.len()),
    );
    let peak = memory("VmHWM:").zip(before).map_or_else(String::new, |(peak, before)| {
        format!("{:.1}", (peak.saturating_sub(before)) as f64 / 1024.0)
    });
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    eprintln!(
        "{name:<34} {:>9} {:>9.1} {:>9.1} {:>9.1} {peak:>8}  {outcome}; {edits}",
        text.len(),
        ms(found),
        ms(reading),
        ms(setting)
    );
}

/// The result and the time that this thread had a processor, so that other work on the machine counts less.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = (processor(), std::time::Instant::now());
    let result = work();
    let spent = processor().zip(start.0).map(|(now, then)| now.saturating_sub(then));
    (result, spent.unwrap_or_else(|| start.1.elapsed()))
}

fn processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// A line of `/proc/self/status`, in KiB.
fn memory(line: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    text.lines().find_map(|found| found.strip_prefix(line))?.split_whitespace().next()?.parse().ok()
}
