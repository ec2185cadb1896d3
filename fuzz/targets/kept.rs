//! Files taken over in which a value is kept. The first line of an input is the key; a line `====` stands between
//! the file that is taken over and one's own.

use gantry_edit::{blank, keep};

use super::{first_line, outcome, refused};

pub(super) fn run(data: &[u8]) -> u64 {
    let Some((key, files)) = first_line(data) else { return 0 };
    const BETWEEN: &[u8] = b"====\n";
    let Some(at) = files.windows(BETWEEN.len()).position(|window| window == BETWEEN) else { return 0 };
    let (theirs, ours) = (&files[..at], &files[at + BETWEEN.len()..]);
    let keys = [key];
    let kept = match keep(theirs, ours, &keys) {
        Ok(kept) => kept,
        Err(refusal) => return refused(&refusal),
    };
    let common = blank(theirs, &keys);
    assert!(blank(&kept, &keys) == common, "more than the kept value differs");
    // A key that ours has not is not looked for in theirs.
    let again = keep(theirs, &kept, &keys);
    assert!(again.map_or(kept == theirs, |again| again == kept), "what was kept is kept");
    assert!(keep(&kept, theirs, &keys).is_ok() || kept == theirs, "and goes back");
    if let Ok(own) = keep(theirs, theirs, &keys) {
        assert!(own == theirs, "one's own values change nothing");
    }
    outcome(&(kept == theirs, kept.len() > theirs.len(), common.is_ok(), lines(&kept).cmp(&lines(theirs))))
}

fn lines(file: &[u8]) -> usize {
    file.iter().filter(|byte| **byte == b'\n').count()
}
