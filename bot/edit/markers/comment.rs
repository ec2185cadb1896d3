//! Marker comments, and the scalars before them.

use crate::syntax::{NodeId, Shape, Tree};

const KEY: &str = "\"$imagepolicy\"";

/// What a marker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marker<'a> {
    /// `NAMESPACE:NAME`.
    pub(super) policy: &'a str,
    pub(super) part: Part,
}

/// Which part of a reference the value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// `NAME:TAG[@DIGEST]`.
    Whole,
    Name,
    Tag,
    Digest,
}

/// Every scalar (or alias, or key without a value) with a marker behind it, in the order of the file; nothing
/// in place of a marker that breaks its grammar.
pub(super) fn all<'t>(tree: &'t Tree<'_>) -> impl Iterator<Item = (NodeId, Option<Marker<'t>>)> {
    let text = tree.text();
    let mut done = 0;
    text.match_indices(KEY).filter_map(move |(at, _)| {
        if at < done {
            return None;
        }
        let (_, contents, _) = tree.line_around(at);
        let value = before(tree, at)?;
        let end = tree.range(value)?.end;
        let between = text.get(end..at)?;
        let comment = end + between.find('#')?;
        done = contents;
        let value = match between[..comment - end].trim_matches([' ', '\t']) {
            "" | "," => value,
            // A key, and no value.
            ":" => tree.id(value.index() + 1).filter(|value| tree.node(*value).is_absent())?,
            _ => return None,
        };
        let words = text.get(comment..contents)?.trim_start_matches('#').trim();
        words.starts_with('{').then(|| (value, parse(words)))
    })
}

/// The last scalar or alias that starts before the byte, on the same line.
fn before(tree: &Tree<'_>, at: usize) -> Option<NodeId> {
    let place = tree.position_at(at);
    let nodes = tree.nodes().len();
    let (mut low, mut high) = (0, nodes);
    while low < high {
        let middle = low + (high - low) / 2;
        if tree.place(middle) <= place { low = middle + 1 } else { high = middle }
    }
    let last = tree.id(low.checked_sub(1)?)?;
    let scalar = matches!(tree.node(last).shape, Shape::Scalar(_) | Shape::Alias(_));
    let range = tree.range(last)?;
    (scalar && range.end <= at && tree.line_around(range.end).1 >= at).then_some(last)
}

/// Reads `{"$imagepolicy": "NAMESPACE:NAME:PART"}`; other keys may stand beside, all with texts, as Flux demands
/// (kyaml, `fieldmeta`, "short-hand").
fn parse(words: &str) -> Option<Marker<'_>> {
    let mut rest = words.strip_prefix('{')?;
    let mut marker = None;
    loop {
        let (key, after) = string(rest)?;
        let (value, after) = string(after.trim_start().strip_prefix(':')?)?;
        if key == "$imagepolicy" && marker.replace(value).is_some() {
            return None;
        }
        match after.trim_start().strip_prefix(',') {
            Some(more) => rest = more,
            None => {
                rest = after.trim_start().strip_prefix('}')?;
                break;
            }
        }
    }
    if !rest.trim().is_empty() {
        return None;
    }
    let marker = marker?;
    let colons: Vec<usize> = marker.match_indices(':').map(|(at, _)| at).take(3).collect();
    let (policy, part) = match colons.as_slice() {
        [_] => (marker, Part::Whole),
        [_, second] => {
            let part = match &marker[second + 1..] {
                "tag" => Part::Tag,
                "name" => Part::Name,
                "digest" => Part::Digest,
                _ => return None,
            };
            (&marker[..*second], part)
        }
        _ => return None,
    };
    let (namespace, name) = policy.split_once(':')?;
    (!namespace.is_empty() && !name.is_empty()).then_some(Marker { policy, part })
}

/// A JSON text without escapes, and what follows it.
fn string(text: &str) -> Option<(&str, &str)> {
    let (value, rest) = text.trim_start().strip_prefix('"')?.split_once('"')?;
    (!value.contains('\\')).then_some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_json_objects_of_texts() {
        let whole = |policy| Some(Marker { policy, part: Part::Whole });
        assert_eq!(parse("{\"$imagepolicy\": \"a:b\"}"), whole("a:b"));
        assert_eq!(parse("{ \"x\" : \"y\",\"$imagepolicy\":\"a:b\" }"), whole("a:b"));
        for (text, part) in [("tag", Part::Tag), ("name", Part::Name), ("digest", Part::Digest)] {
            let comment = format!("{{\"$imagepolicy\": \"a:b:{text}\"}}");
            assert_eq!(parse(&comment), Some(Marker { policy: "a:b", part }));
        }
        for bad in [
            "{\"$imagepolicy\": \"a:b\"",
            "{\"$imagepolicy\": \"a:b\"} x",
            "{\"$imagepolicy\": \"a:b\",}",
            "{\"$imagepolicy\": \"a\"}",
            "{\"$imagepolicy\": \":b\"}",
            "{\"$imagepolicy\": \"a:b:c\"}",
            "{\"$imagepolicy\": \"a:b:tag:x\"}",
            "{\"$imagepolicy\": a:b}",
            "{\"$imagepolicy\": 1}",
            "{\"$imagepolicy\": \"a:b\", \"$imagepolicy\": \"a:b\"}",
            "{}",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn comments_are_seen_behind_scalars_only() {
        let marker = "# {\"$imagepolicy\": \"a:b\"}";
        let seen = |text: String| {
            let tree = Tree::parse(text.as_bytes()).unwrap();
            all(&tree).map(|(value, _)| tree.node(value).text.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(seen(format!("a: b {marker}\nc: 'd' {marker}\ne:\n- f\t{marker}\n")), ["b", "d", "f"]);
        assert_eq!(seen(format!("x: é\r\na: \"é ☃\" {marker}\r\nb: {marker}\r\n")), ["é ☃", ""]);
        assert_eq!(seen(format!("a: b%{{\"$imagepolicy\"c {marker}\n")), ["b%{\"$imagepolicy\"c"]);
        assert_eq!(seen(format!("{{a: b, {marker}\n c: d {marker}\n}}")), ["b", "d"]);
        for none in [
            format!("a: |\n  b {marker}\n"),
            format!("a: 'b {marker}'\n"),
            format!("a: >-  {marker}\n  b\n"),
            format!("{marker}\na: b\n"),
            format!("a: {marker}\n  b: c\n"),
            format!("a: {{b: c}} {marker}\n"),
            format!("a: b # see {marker}\n"),
        ] {
            assert_eq!(seen(none.clone()), Vec::<String>::new(), "{none}");
        }
    }
}
