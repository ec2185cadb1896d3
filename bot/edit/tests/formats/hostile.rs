//! Input made to hurt ends in a refusal, soon and on a stack of 2 MiB, the stack of a server's worker.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use gantry_edit::format::{Format, MAX_DEPTH, MAX_VALUES, Pattern};
use gantry_edit::key::Key;
use gantry_edit::{MAX_BYTES, Reason};

/// Far above what a debug build takes here, far below what a lack of bounds would take.
const SOON: Duration = Duration::from_secs(20);

/// What `set` says, within the time.
fn outcome(format: Format, text: String, limit: Duration) -> Result<(), Reason> {
    let work = move || {
        let key: Key = "tag".parse().unwrap();
        let start = Instant::now();
        let result = format.set(text.as_bytes(), &key, "v2").map(drop).map_err(|refusal| refusal.reason);
        let taken = start.elapsed();
        let head: String = text.chars().take(20).collect();
        println!("{format:?} {head:?}: {} bytes, {taken:?}", text.len());
        assert!(taken < limit, "{format:?} {head:?}: {taken:?}");
        result
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap()
}

fn deep(format: Format, text: String) {
    // 100 ms is what is promised; a debug build on a busy machine is given ten times that.
    match outcome(format, text.clone(), Duration::from_secs(1)) {
        Err(Reason::TooDeep { .. }) => {}
        // 100,000 of what has a `=` or `:` are too many already.
        Err(Reason::TooMany { .. }) if format == Format::Hcl && text.contains([':', '{']) => {}
        other => panic!("{}: {other:?}", text.chars().take(20).collect::<String>()),
    }
}

#[test]
fn nesting_is_cut_off() {
    for unit in ["[", "{a=", "[{a=", "[[", "[\n"] {
        deep(Format::Toml, format!("a = {}", unit.repeat(100_000)));
    }
    deep(Format::Toml, format!("{}x = 1\n", "a.".repeat(100_000)));
    deep(Format::Toml, format!("[{}x]\n", "a.".repeat(100_000)));
    deep(Format::Toml, format!("[[{}x]]\n", "a . ".repeat(100_000)));
    deep(Format::Toml, format!("a = {{{}x = 1}}\n", "a.".repeat(100_000)));
    // Each alone is allowed; together they are too deep.
    let dots = "a.".repeat(25);
    deep(Format::Toml, format!("[{dots}a]\n{dots}b = {{{dots}c = [[[[]]]]}}\n"));
    for unit in ["[", "(", "{a=", "{\n", "f(", "a[", "\"${", "!", "-", "a?", "a ? b : ", "<<A\n${"] {
        deep(Format::Hcl, format!("a = {}\n", unit.repeat(100_000)));
    }
    deep(Format::Hcl, format!("a = {}1\n", "1+".repeat(100_000)));
    deep(Format::Hcl, format!("a = \"{}\"\n", "%{if a}".repeat(100_000)));
    deep(Format::Hcl, "a {\n".repeat(100_000));
}

#[test]
fn as_deep_as_allowed_is_read_and_set() {
    let open = "[".repeat(MAX_DEPTH - 1);
    let close = "]".repeat(MAX_DEPTH - 1);
    assert_eq!(outcome(Format::Toml, format!("a = {open}{close}\ntag = 'v1'\n"), SOON), Ok(()));
    let dots = "a.".repeat(MAX_DEPTH - 2);
    assert_eq!(
        outcome(Format::Toml, format!("tag = 'v1'\n[{dots}a]\nb = 1.5\nc = [1.5, 2.5]\n"), SOON),
        Ok(())
    );
    let mut lists = String::from("tag = 'v1'\nlist = [\n");
    lists += &"  1.5, # [\n  '[', \"\\\"[\", '''[''', \"\"\"[\"\"\"\",\n".repeat(200);
    assert_eq!(outcome(Format::Toml, format!("{lists}]\n"), SOON), Ok(()));
    let (open, close) = ("[".repeat(60), "]".repeat(60));
    assert_eq!(outcome(Format::Hcl, format!("a = {open}{close}\ntag = \"v1\"\n"), SOON), Ok(()));
    let blocks = format!("{}{}", "a {\n".repeat(60), "}\n".repeat(60));
    assert_eq!(outcome(Format::Hcl, format!("{blocks}tag = \"v1\"\n"), SOON), Ok(()));
}

#[test]
fn size_and_number_are_bounded() {
    let large = Reason::TooLarge { bytes: MAX_BYTES + 1, limit: MAX_BYTES };
    for format in [Format::Toml, Format::Dotenv, Format::Hcl] {
        let text = "a".repeat(MAX_BYTES + 1);
        assert_eq!(outcome(format, text, SOON), Err(large.clone()));
    }
    let found = Pattern::new("(?P<tag>a)").unwrap().find(&vec![b'a'; MAX_BYTES + 1]);
    assert_eq!(found.unwrap_err().reason, large);
    let many = Err(Reason::TooMany { what: "values", limit: MAX_VALUES });
    assert_eq!(outcome(Format::Dotenv, "A=\n".repeat(MAX_VALUES + 1), SOON), many);
    assert_eq!(outcome(Format::Toml, format!("a = [{}]", "1,".repeat(1_000_000)), SOON), many);
    let tables: String = (0..MAX_VALUES + 1).fold(String::new(), |mut text, at| {
        writeln!(text, "a{at} = 1").unwrap();
        text
    });
    assert_eq!(outcome(Format::Toml, tables, SOON), many);
}

#[test]
fn objects_with_too_many_keys_to_compare_are_refused() {
    let object = |count: usize, key: &str| {
        let mut text = String::from("tag = \"v1\"\nx = {\n");
        for at in 0..count {
            writeln!(text, "  {} = 1", key.replace('#', &at.to_string())).unwrap();
        }
        text + "}\n"
    };
    for (count, key) in [
        (20_000, "k#"),
        (10_000, "[[[[1]]], k#]"),
        (10_000, "\"k#\""),
        (10_000, "\"${\"}{\"}#\""),
        (10_000, "/*}{*/ k#"),
        (10_000, "\"$${\\\"#\""),
        (10_000, "(<<A\n}{ \" #\nA\n)"),
        (10_000, "{a = \"}\"}.k#"),
    ] {
        let refused = outcome(Format::Hcl, object(count, key), SOON);
        assert!(matches!(refused, Err(Reason::TooMany { .. })), "{key}: {refused:?}");
    }
    assert_eq!(outcome(Format::Hcl, object(1_000, "key_number_#"), SOON), Ok(()));
    // Attributes of a block are no keys of an object.
    let block = object(5_000, "key_#").replace("x = {", "x {");
    assert_eq!(outcome(Format::Hcl, block, SOON), Ok(()));
}

#[test]
fn what_has_no_end_ends_soon() {
    let fill = |unit: &str, size: usize| unit.repeat(size / unit.len());
    for unit in [
        "/*", "/**/ ", "\"", "\\", "$", "$${", "%%", "\n", " ", "<<A\n", "\n  A", "[],", "a.", "a::", "//",
        "{}", "''", "\"\"\"", "=", "#",
    ] {
        for before in ["", "a = ", "a = \"", "a = [", "a = <<A\n", "a = '''", "tag = \"v1\"\n"] {
            for format in [Format::Toml, Format::Dotenv, Format::Hcl] {
                let size = if format == Format::Hcl { 10 << 10 } else { 100 << 10 };
                let _ = outcome(format, format!("{before}{}", fill(unit, size)), SOON);
            }
        }
    }
}

#[test]
fn patterns_end_soon() {
    let limit = 1 << 20;
    for pattern in ["(?P<tag>\\w{1,12})[é=]", "(?P<tag>(?:[ab]{0,30}){30})[é=]", "(?s)(?P<tag>.*.*.*)é"] {
        let pattern = Pattern::new(pattern).unwrap();
        let start = Instant::now();
        assert!(matches!(pattern.find(&b"ab".repeat(5_000)).unwrap_err().reason, Reason::Pattern { .. }));
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
        let large = Reason::TooLarge { bytes: limit + 1, limit };
        assert_eq!(pattern.find(&vec![b'a'; limit + 1]).unwrap_err().reason, large);
    }
}
