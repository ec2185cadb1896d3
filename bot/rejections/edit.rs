//! Adds an entry at the end of the list and takes entries out, line by line.

use std::ops::Range;

use gantry_core::{
    facts::{Place, Rejected, Rejection},
    ids::ReleaseId,
    reason::Problem,
};
use gantry_edit::syntax::{Layout, NodeId, Shape, Tree};

use super::{
    MAX_BYTES, MAX_ENTRIES, problem,
    read::{list, read},
    text,
};

/// The file with one entry more; `None` where it holds the release already. `bytes` is the file, if there is one.
///
/// # Errors
/// The file can't be read, is full, or is written in a way in which it is not sure where the entry goes.
pub fn add(bytes: Option<&[u8]>, place: &Place, rejection: &Rejection) -> Result<Option<Vec<u8>>, Problem> {
    let entry = Rejected {
        place: place.clone(),
        rejection: Rejection {
            version: text::kept(&rejection.version),
            by: text::kept(&rejection.by),
            reason: text::kept(&rejection.reason),
            ..rejection.clone()
        },
    };
    let before = entries(bytes.unwrap_or(text::HEADER.as_bytes()))?;
    let same = |known: &Rejected| known.place == *place && known.rejection.release == rejection.release;
    if before.iter().any(same) {
        return Ok(None);
    }
    if before.len() >= MAX_ENTRIES {
        let message = format!("the file has {MAX_ENTRIES} entries, which is the limit; remove some");
        return Err(problem(None, message));
    }
    let after = match bytes {
        None => format!("{}{}", text::HEADER, text::lines(&entry, "  ", " ", "\n")).into_bytes(),
        Some(bytes) => appended(bytes, &entry)?,
    };
    let mut wanted = before;
    wanted.push(entry);
    proven(after, &wanted).map(Some)
}

/// The file without the entries of a release in a place; `None` where it has none.
///
/// # Errors
/// The file can't be read, or is written in a way in which it is not sure which lines are the entry's.
pub fn lift(bytes: &[u8], place: &Place, release: &ReleaseId) -> Result<Option<Vec<u8>>, Problem> {
    let before = entries(bytes)?;
    let lifted = |known: &Rejected| known.place == *place && known.rejection.release == *release;
    if !before.iter().any(lifted) {
        return Ok(None);
    }
    let tree = parse(bytes)?;
    let Some((_, list)) = list(&tree) else { return Ok(None) };
    let mut splices = Vec::new();
    for (item, _) in tree.items(list).zip(&before).filter(|(_, known)| lifted(known)) {
        splices.push((lines_of(&tree, item).ok_or_else(unsure)?.range, String::new()));
    }
    let after = spliced(&tree, bytes, splices);
    let wanted: Vec<Rejected> = before.into_iter().filter(|known| !lifted(known)).collect();
    proven(after, &wanted).map(Some)
}

fn entries(bytes: &[u8]) -> Result<Vec<Rejected>, Problem> {
    read(bytes).map_err(|problems| {
        problems.into_iter().next().unwrap_or_else(|| problem(None, "the file can't be read"))
    })
}

fn parse(bytes: &[u8]) -> Result<Tree<'_>, Problem> {
    Tree::parse(bytes).map_err(|refusal| {
        problem(refusal.line.map(|line| (line, refusal.column.unwrap_or(1))), refusal.reason.to_string())
    })
}

/// What was written says exactly what it should, or it is not written.
fn proven(after: Vec<u8>, wanted: &[Rejected]) -> Result<Vec<u8>, Problem> {
    if after.len() > MAX_BYTES {
        let message = format!("the file would have more than {MAX_BYTES} bytes; remove entries");
        return Err(problem(None, message));
    }
    match read(&after) {
        Ok(entries) if entries == wanted => Ok(after),
        Ok(_) | Err(_) => Err(unsure()),
    }
}

fn unsure() -> Problem {
    let message = "Gantry can't tell for sure where an entry begins and ends; write `rejections` as a list in which \
                   each entry begins with `- ` on a line of its own";
    problem(None, message)
}

fn appended(bytes: &[u8], entry: &Rejected) -> Result<Vec<u8>, Problem> {
    let tree = parse(bytes)?;
    let file = tree.text();
    let mut splices: Vec<(Range<usize>, String)> = Vec::new();
    let mut form = Lines { indent: "  ", gap: " ", range: 0..0 };
    let mut head = "";
    match list(&tree) {
        None => {
            head = "rejections:";
            form.range.end = file.len();
        }
        Some((key, list)) => match tree.items(list).last() {
            Some(last) => form = lines_of(&tree, last).ok_or_else(unsure)?,
            // `rejections:`, or `rejections: []`.
            None => {
                let key = tree.range(key).ok_or_else(unsure)?;
                let (_, contents, next) = tree.line_around(key.start);
                form.range.end = next;
                if !tree.node(list).is_absent() {
                    let value = tree.range(list).filter(|range| range.end <= contents).ok_or_else(unsure)?;
                    splices.push((file[..value.start].trim_end_matches(' ').len()..value.end, String::new()));
                }
            }
        },
    }
    let end = if file.contains("\r\n") { "\r\n" } else { "\n" };
    let (at, mut new) = (form.range.end, String::new());
    if !head.is_empty() {
        new.push_str(head);
        new.push_str(end);
    }
    new.push_str(&text::lines(entry, form.indent, form.gap, end));
    if !file[..at].is_empty() && !file[..at].ends_with('\n') {
        // A file without an end of its last line stays one.
        new = format!("{end}{}", new.strip_suffix(end).unwrap_or(&new));
    }
    splices.push((at..at, new));
    Ok(spliced(&tree, bytes, splices))
}

/// Makes the splices, which are in the order of the file.
fn spliced(tree: &Tree<'_>, bytes: &[u8], splices: Vec<(Range<usize>, String)>) -> Vec<u8> {
    let mut after = bytes.to_vec();
    for (range, new) in splices.into_iter().rev() {
        after.splice(range.start + tree.bom()..range.end + tree.bom(), new.into_bytes());
    }
    after
}

/// The lines of an entry, and how it is indented.
struct Lines<'t> {
    /// What stands before the dash.
    indent: &'t str,
    /// What stands between the dash and the first key.
    gap: &'t str,
    /// From the dash's line to the end of the last line that is further in.
    range: Range<usize>,
}

/// `None` where the entry does not begin with a dash on a line of its own.
fn lines_of<'t>(tree: &Tree<'t>, item: NodeId) -> Option<Lines<'t>> {
    let file = tree.text();
    let start = match tree.node(item).shape {
        Shape::Mapping(Layout::Flow) => tree.range(item)?.start,
        _ => tree.range(tree.pairs(item).next()?.0)?.start,
    };
    let (line, _, mut end) = tree.line_around(start);
    let (indent, gap) = file.get(line..start)?.split_once('-')?;
    let blank = |text: &str| text.bytes().all(|b| b == b' ');
    if !blank(indent) || gap.is_empty() || !blank(gap) {
        return None;
    }
    let mut at = end;
    for next in file.get(end..)?.split_inclusive('\n') {
        at += next.len();
        let further = next.len() - next.trim_start_matches(' ').len() > indent.len();
        match next.trim().is_empty() {
            true => {}
            false if further => end = at,
            false => break,
        }
    }
    Some(Lines { indent, gap, range: line..end })
}
