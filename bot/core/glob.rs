//! Patterns of names divided by `/`: `*` stands for any characters within a name, `**` for any names.
//!
//! Hostile patterns cost no more than the length of the pattern times that of the path.

/// Whether the path is one that the pattern means.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    let names: Vec<&str> = path.split('/').collect();
    // Which beginnings of the path the parts so far can have eaten.
    let mut reached = vec![false; names.len() + 1];
    reached[0] = true;
    for part in pattern.split('/') {
        let mut next = vec![false; names.len() + 1];
        for at in 0..=names.len() {
            if part == "**" {
                next[at] = reached[at] || (at > 0 && next[at - 1]);
            } else {
                next[at] = at > 0 && reached[at - 1] && named(part, names[at - 1]);
            }
        }
        reached = next;
    }
    reached[names.len()]
}

/// Whether a name is what a pattern with `*` says: it goes back to the last `*` only.
fn named(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, n));
            p += 1;
        } else if pattern.get(p) == Some(&name[n]) {
            p += 1;
            n += 1;
        } else if let Some((at, eaten)) = star {
            star = Some((at, eaten + 1));
            p = at + 1;
            n = eaten + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}
