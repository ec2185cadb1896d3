//! What an edit left alone, byte for byte.

use std::ops::Range;

/// Whether the new bytes are the old ones with other bytes in the ranges (in order, not overlapping) alone,
/// and with whole lines that end in `added` put in.
pub(crate) fn differ_only_in(
    old: &[u8],
    new: &[u8],
    ranges: &[Range<usize>],
    added: &str,
) -> Result<(), String> {
    let (mut old, new) = (lines(old), lines(new));
    // A last line without a line end gets one when a line is put in behind it.
    if let Some((_, last)) = old.last_mut()
        && let Some((_, now)) = new.get(new.len().wrapping_sub(2))
        && now.trim_ascii_end() == *last
    {
        *last = now;
    }
    let more = new.len().saturating_sub(old.len());
    let (mut at, mut put) = (0, 0);
    for (start, line) in &old {
        while put < more
            && new.get(at + 1).is_some()
            && new[at].1 != *line
            && is_added(new[at].1, added)
            && !fits(*start, line, new[at].1, ranges, added)
        {
            at += 1;
            put += 1;
        }
        let Some((_, now)) = new.get(at) else { return Err(format!("{:?} is gone", text(line))) };
        if now != line && !fits(*start, line, now, ranges, added) {
            return Err(format!("{:?} became {:?}", text(line), text(now)));
        }
        at += 1;
    }
    match new[at..].iter().all(|(_, line)| is_added(line, added)) {
        true => Ok(()),
        false => Err(format!("{:?} was added", text(new[at].1))),
    }
}

/// The line is the old one but for the bytes of the ranges on it.
fn fits(start: usize, old: &[u8], new: &[u8], ranges: &[Range<usize>], added: &str) -> bool {
    let end = start + old.len();
    let here = ranges.iter().filter(|range| range.start >= start && range.end <= end);
    let mut kept = Vec::new();
    let mut done = 0;
    for range in here {
        kept.push(&old[done..range.start - start]);
        done = range.end - start;
    }
    kept.push(&old[done..]);
    let (Some(first), Some(last)) = (kept.first(), kept.last()) else { return false };
    if kept.len() == 1 {
        let same = old.iter().zip(new).take_while(|(a, b)| a == b).count();
        let behind = old[same..].iter().rev().zip(new[same.min(new.len())..].iter().rev());
        let inserted = same + behind.take_while(|(a, b)| a == b).count() == old.len();
        // A null gives way to the value as well.
        let null = [": null", ": ~"]
            .iter()
            .any(|null| text(old).replacen(null, &format!(": {added}"), 1) == text(new));
        return old == new || null || inserted && !text(old).trim().is_empty() && text(new).contains(added);
    }
    if !(new.starts_with(first) && new.ends_with(last) && new.len() >= first.len() + last.len()) {
        return false;
    }
    let mut rest = &new[first.len()..new.len() - last.len()];
    // Blanks around a value are none of its bytes.
    if rest.trim_ascii().len() < rest.len() {
        return false;
    }
    kept[1..kept.len() - 1].iter().all(|part| {
        let found = (0..=rest.len()).find(|at| rest[*at..].starts_with(part));
        found.is_some_and(|at| {
            rest = &rest[at + part.len()..];
            true
        })
    })
}

fn is_added(line: &[u8], added: &str) -> bool {
    let line = text(line);
    let line = line.trim();
    line.trim_end_matches(['"', '\'']).ends_with(added) && line.contains(": ")
}

/// Lines with their ends, and where they start.
fn lines(bytes: &[u8]) -> Vec<(usize, &[u8])> {
    let mut start = 0;
    let line = |line: &'_ [u8]| {
        start += line.len();
        start - line.len()
    };
    let all: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
    let starts: Vec<usize> = all.iter().copied().map(line).collect();
    starts.into_iter().zip(all).collect()
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

#[test]
fn only_the_ranges_and_added_lines_may_differ() {
    let good = |old: &str, new: &str, range: Option<Range<usize>>| {
        let ranges: Vec<Range<usize>> = range.into_iter().collect();
        differ_only_in(old.as_bytes(), new.as_bytes(), &ranges, "NEW").is_ok()
    };
    assert!(good("a: 1\nb: 2\n", "a: NEW\nb: 2\n", Some(3..4)));
    assert!(good("a: x\n\nb: 2", "a: x\n  tag: NEW\n\nb: 2", None));
    assert!(good("a: x", "a: x\ntag: NEW", None));
    assert!(good("a: {b: x}\n", "a: {b: x, tag: NEW}\n", None));
    assert!(good("a: null\n", "a: NEW\n", None));
    for bad in ["a: NEW\nb: 3\n", "a: NEW\n", "a: NEW\nb: 2\nc: 3\n", "a: NEW \nb: 2\n", "a:  NEW\nb: 2\n"] {
        assert!(!good("a: 1\nb: 2\n", bad, Some(3..4)), "{bad}");
    }
    assert!(!good("a: x\n", "a: y\n", None));
}
