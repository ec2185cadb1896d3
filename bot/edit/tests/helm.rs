//! Values files made to hurt the finder of images: read in one pass, on a small stack, without copies of what
//! an alias repeats.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::fmt::Write;
use std::time::Instant;

use gantry_edit::{Change, Kind, Reason, Refusal, SetDigest, Target, read, set};

/// How many references there are; the time is printed, for people to look at.
fn count(name: &str, text: String) -> Result<usize, Refusal> {
    let name = name.to_owned();
    let work = move || {
        let start = Instant::now();
        let found = read(&Target::of(Kind::HelmValues), text.as_bytes());
        println!("{name}: {} bytes, {:?}", text.len(), start.elapsed());
        found.map(|all| all.len())
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(work).unwrap().join().unwrap()
}

fn repeated(times: usize, line: impl Fn(usize) -> String) -> String {
    (0..times).map(line).collect()
}

#[test]
fn many_images_are_read_in_one_pass() {
    let limit = 3_000;
    let mappings = repeated(limit, |at| format!("a{at}: {{image: {{repository: shop/web, tag: v{at}}}}}\n"));
    assert_eq!(count("mappings", mappings), Ok(limit));
    let flat = repeated(limit, |at| format!("a{at}Image: shop/web\na{at}ImageTag: v{at}\n"));
    assert_eq!(count("flattened in one mapping", flat), Ok(limit));
    let list = format!("images: [{}]\n", repeated(limit, |at| format!("shop/web:v{at}, ")));
    assert_eq!(count("a list", list), Ok(limit));
    let documents = repeated(limit, |at| format!("---\nimage: shop/web:v{at}\n"));
    assert_eq!(count("documents", documents), Ok(limit));
    let blocks = repeated(limit, |at| format!("a{at}: |\n  image: shop/web:v{at}\n"));
    assert_eq!(count("blocks", blocks), Ok(limit));
    let more = repeated(21_000, |at| format!("- image: shop/web:v{at}\n"));
    assert!(matches!(count("too many", more).unwrap_err().reason, Reason::TooMany { .. }));
}

#[test]
fn keys_that_are_no_images_cost_little() {
    let globals = repeated(8_000, |at| format!("a{at}: {{global: {{imageRegistry: r{at}.example.com}}}}\n"));
    assert_eq!(count("registries", globals), Ok(0));
    let keys = repeated(20_000, |at| format!("image{at}: 1\n"));
    assert_eq!(count("keys that start like images", keys), Ok(0));
    let blocks = repeated(10_000, |at| format!("a{at}: |\n  image {at}\n"));
    assert_eq!(count("blocks that are no mappings", blocks), Ok(0));
}

#[test]
fn blocks_within_blocks_are_followed_a_few_levels() {
    let mut text = String::new();
    for depth in 0..200 {
        let indent = " ".repeat(depth);
        writeln!(text, "{indent}image: shop/web:v1\n{indent}a: |").unwrap();
    }
    writeln!(text, "{}x", " ".repeat(200)).unwrap();
    let found = count("blocks within blocks", text).unwrap();
    assert!((1..10).contains(&found), "{found}");
}

#[test]
fn merges_are_followed_a_few_steps() {
    let mut text = String::from("m0: &m0 {repository: shop/web}\n");
    for at in 1..2_000 {
        writeln!(text, "m{at}: &m{at} {{<<: *m{}, tag: v1}}", at - 1).unwrap();
    }
    // The first mappings reach the name; later ones are too far from it to be sure of all that is between.
    assert!(count("a chain of merges", text).unwrap() < 300);
    let wide = format!(
        "base: &b {{{}}}\n{}",
        repeated(1_000, |at| format!("k{at}: 1, ")),
        repeated(1_000, |at| format!("a{at}: {{<<: *b, repository: shop/web, tag: v1}}\n"))
    );
    assert_eq!(count("wide merges", wide), Ok(0));
    let own = "m: &m {<<: *m, repository: shop/web, tag: v1}\n".to_owned();
    assert!(count("a merge of itself", own).is_ok());
}

#[test]
fn what_an_alias_repeats_is_not_copied() {
    let name = "n".repeat(1 << 19);
    let text = format!(
        "name: &n {name}\nglobal: {{imageRegistry: *n}}\n{}",
        repeated(3_000, |at| format!("a{at}: {{image: {{repository: *n, tag: v1}}, jobImage: *n}}\n"))
    );
    assert_eq!(count("a huge name", text), Ok(0));
    let text = format!(
        "tag: &t {}\n{}",
        "1".repeat(1 << 19),
        repeated(3_000, |at| format!("a{at}: {{image: {{repository: shop/web, tag: *t}}}}\n"))
    );
    assert_eq!(count("a huge tag", text), Ok(0));
}

#[test]
fn every_reference_of_a_large_file_can_be_set() {
    let text = repeated(2_000, |at| format!("a{at}:\n  image:\n    repository: shop/web\n    tag: v{at}\n"));
    let change = Change { tag: Some("v-new"), digest: SetDigest::Remove, ..Change::of("shop/web") };
    let start = Instant::now();
    let edited = set(&Target::of(Kind::HelmValues), text.as_bytes(), &[change]).unwrap();
    println!("2,000 edits: {:?}", start.elapsed());
    assert_eq!(edited.edits.len(), 2_000);
}
