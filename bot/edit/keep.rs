//! A file taken over from elsewhere in which some values stay one's own.
//!
//! [`keep`] gives the bytes of `theirs` with the values at some keys replaced by those of `ours`, byte for byte but
//! for line ends, which are theirs, and for the indentation of lines, where the keys have another: quotes, block
//! scalars and comments within a kept list or mapping come along. [`blank`] gives the bytes with those values
//! taken out, which is what two files have in common that differ in kept values alone.
//!
//! A block list or mapping takes the place of another, and any scalar that of any.
//!
//! A key that ours has not keeps nothing: their value is taken. A key that they have not is refused, since no
//! place in their file is known to be the right one. The result is parsed again: it must mean what theirs
//! means, with the kept values in place, and have the same bytes without them.

mod region;

use std::ops::Range;

use crate::MAX_BYTES;
use crate::key::Key;
use crate::keyed;
use crate::refusal::{Reason, Refusal};
use crate::syntax::{Layout, Node, NodeId, Shape, Style, Tree};
use region::Region;

/// The bytes of `theirs` with the values at `keys` of `ours`.
///
/// # Errors
/// A [`Refusal`] of `theirs` where either file cannot be read for sure, a key stands in ours and not in theirs,
/// or a value cannot be taken over as it is.
pub fn keep(theirs: &[u8], ours: &[u8], keys: &[&str]) -> Result<Vec<u8>, Refusal> {
    let (taken, own) = (Tree::parse(theirs)?, Tree::parse(ours)?);
    let mut kept = Vec::new();
    for text in keys {
        let key = keyed::parse(text)?;
        let Some((own_name, from)) = own.at(&key)? else { continue };
        let Some((name, to)) = taken.at(&key)? else {
            let (deepest, present) = taken.nearest(&key);
            let reason = Reason::NoSuchKey { key: (*text).to_owned(), deepest, present };
            return Err(Refusal::whole(reason));
        };
        // Empty in both: nothing to take over.
        if !(taken.node(to).is_absent() && own.node(from).is_absent()) {
            kept.push(Kept { to, from, name, own_name });
        }
    }
    kept.sort_by_key(|kept| kept.to);
    let mut out = theirs[..taken.bom()].to_vec();
    let mut done = 0;
    for kept in &kept {
        let (place, text) = kept.splice(&taken, &own)?;
        let Some(before) = taken.text().get(done..place.start) else {
            return Err(kept.refuse(&taken, "a kept key lies in another one; name the outer one alone"));
        };
        out.extend_from_slice(before.as_bytes());
        out.extend_from_slice(text.as_bytes());
        done = place.end;
    }
    out.extend_from_slice(&taken.text().as_bytes()[done..]);
    if out.len() > MAX_BYTES {
        return Err(Refusal::whole(Reason::TooLarge { bytes: out.len(), limit: MAX_BYTES }));
    }
    prove(&taken, &own, &kept, &out)?;
    if blank(&out, keys) != blank(theirs, keys) {
        let detail = String::from("where a kept value ends is not sure; write it alike in both files");
        return Err(Refusal::whole(Reason::ProofFailed { detail }));
    }
    Ok(out)
}

/// The bytes without the values at the keys; keys that it has not change nothing.
///
/// # Errors
/// A [`Refusal`] where the file cannot be read for sure, or where the bytes of a value are not known (a text
/// without quotes over several lines).
pub fn blank(bytes: &[u8], keys: &[&str]) -> Result<Vec<u8>, Refusal> {
    let tree = Tree::parse(bytes)?;
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for text in keys {
        let key: Key = keyed::parse(text)?;
        if let Some((name, value)) = tree.at(&key)?
            && !tree.node(value).is_absent()
        {
            ranges.push(Region::of(&tree, name, value).ok_or_else(|| no_bytes(&tree, name))?.range);
        }
    }
    ranges.sort_by_key(|range| range.start);
    let mut out = bytes[..tree.bom()].to_vec();
    let mut done = 0;
    for range in ranges {
        out.extend_from_slice(tree.text().get(done..range.start).unwrap_or_default().as_bytes());
        done = done.max(range.end);
    }
    out.extend_from_slice(&tree.text().as_bytes()[done..]);
    Ok(out)
}

/// A value of ours, and the place in theirs that it takes.
struct Kept {
    to: NodeId,
    from: NodeId,
    name: NodeId,
    own_name: NodeId,
}

impl Kept {
    fn splice(&self, theirs: &Tree<'_>, ours: &Tree<'_>) -> Result<(Range<usize>, String), Refusal> {
        let (to, from) = (theirs.node(self.to), ours.node(self.from));
        let plain = |tree: &Tree<'_>, id: NodeId| {
            let all = &tree.nodes()[id.index()..tree.next(id)];
            tree.aliases(id).is_empty()
                && all.iter().all(|node| node.anchor() == 0 && !matches!(node.shape, Shape::Alias(_)))
        };
        if !plain(theirs, self.to) || !plain(ours, self.from) || to.tag.is_some() || from.tag.is_some() {
            return Err(self.refuse(theirs, "a kept value has an anchor, an alias or a tag; write it out"));
        }
        let block = |node: &Node<'_>| {
            matches!(node.shape, Shape::Mapping(Layout::Block) | Shape::Sequence(Layout::Block))
        };
        if to.is_absent() || from.is_absent() {
            let reason = Reason::NotEditable {
                key: theirs.name(self.name),
                is: "is empty in one of the two files",
                advice: "write a value there, such as `''` or `null`, or leave it out of `keep`",
            };
            return Err(Refusal::at(theirs.position(self.name), reason));
        }
        let place = Region::of(theirs, self.name, self.to).ok_or_else(|| no_bytes(theirs, self.name))?;
        let own = Region::of(ours, self.own_name, self.from).ok_or_else(|| no_bytes(theirs, self.name))?;
        let text = &ours.text()[own.range.clone()];
        let behind = theirs.line_around(place.range.end).1;
        if from.shape == Shape::Scalar(Style::Block) && behind != place.range.end {
            // A comment would be a part of the text.
            return Err(self.refuse(theirs, "a kept block has no place before what stands on this line"));
        }
        // Where both have lines of their own the keys tell the indentation, else it must be the same.
        let columns = |tree: &Tree<'_>, id: NodeId| isize::try_from(tree.position(id).1).unwrap_or_default();
        let moved = match (place.column, own.column) {
            (Some(there), Some(here)) => there.checked_signed_diff(here).unwrap_or_default(),
            _ if block(to) => columns(theirs, self.to) - columns(ours, self.from),
            (_, Some(_)) if text.contains('\n') || from.shape == Shape::Scalar(Style::Block) => {
                return Err(self.refuse(theirs, "a kept block has no place there; write both alike"));
            }
            _ => 0,
        };
        if block(to) != block(from) || place.column.is_none() && moved != 0 {
            return Err(
                self.refuse(theirs, "a kept list or mapping is indented otherwise; indent both alike")
            );
        }
        let end = region::line_end(theirs.text());
        let text = region::moved(text, block(to) && own.column.is_some(), moved, end);
        Ok((place.range, text))
    }

    fn refuse(&self, theirs: &Tree<'_>, detail: &str) -> Refusal {
        Refusal::at(theirs.position(self.name), Reason::ProofFailed { detail: detail.to_owned() })
    }
}

fn no_bytes(tree: &Tree<'_>, name: NodeId) -> Refusal {
    Refusal::at(tree.position(name), Reason::MultiLine { key: tree.name(name) })
}

/// The new file means theirs, but for the kept values, which mean ours.
fn prove(theirs: &Tree<'_>, ours: &Tree<'_>, kept: &[Kept], out: &[u8]) -> Result<(), Refusal> {
    let after = Tree::parse(out)?;
    let mut now = after.nodes().iter();
    let mut same = |node: &Node<'_>, deeper: i32| {
        now.next().is_some_and(|new| {
            let shape = match (node.shape, new.shape) {
                // Aliases point at nodes by their place, which shifts.
                (Shape::Alias(_), Shape::Alias(_)) => true,
                (old, new) => old == new,
            };
            shape
                && new.text == node.text
                && new.tag == node.tag
                && i32::from(new.depth) == i32::from(node.depth) + deeper
        })
    };
    let mut at = 0;
    for kept in kept {
        let deeper = i32::from(theirs.node(kept.to).depth) - i32::from(ours.node(kept.from).depth);
        let before = theirs.nodes()[at..kept.to.index()].iter().all(|node| same(node, 0));
        let own = ours.nodes()[kept.from.index()..ours.next(kept.from)].iter().all(|node| same(node, deeper));
        if !before || !own {
            return Err(kept.refuse(theirs, "the kept value reads back as another one"));
        }
        at = theirs.next(kept.to);
    }
    let rest = theirs.nodes()[at..].iter().all(|node| same(node, 0));
    if !rest || now.next().is_some() {
        let detail = String::from("what stands behind the kept values reads back as another");
        return Err(Refusal::whole(Reason::ProofFailed { detail }));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(theirs: &str, ours: &str, keys: &[&str]) -> Result<String, String> {
        keep(theirs.as_bytes(), ours.as_bytes(), keys)
            .map(|bytes| String::from_utf8(bytes).unwrap())
            .map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn kept_values_stay_as_they_were_written() {
        let theirs =
            "replicas: 1 # few\nlog: debug\ningress:\n  host: dev.example.com\n  tls: no\nend: [1]\n";
        let ours = "# prod\nreplicas: '5'  # many\ningress:\n  host: \"shop.example.com\"\n  # ours\n  tls: yes\nlog: info\n";
        assert_eq!(
            kept(theirs, ours, &["replicas", "ingress.host"]).unwrap(),
            theirs.replace("replicas: 1", "replicas: '5'").replace("dev.example.com", "\"shop.example.com\"")
        );
        assert_eq!(
            kept(theirs, ours, &["ingress"]).unwrap(),
            "replicas: 1 # few\nlog: debug\ningress:\n  host: \"shop.example.com\"\n  # ours\n  tls: yes\nend: [1]\n"
        );
        assert_eq!(kept(theirs, ours, &["gone"]).unwrap(), theirs, "nothing to keep");
        assert_eq!(kept(theirs, theirs, &["replicas", "ingress", "end[0]"]).unwrap(), theirs);
        assert_eq!(kept("a: # c\nb: 1\n", "a:\nb: 2\n", &["a"]).unwrap(), "a: # c\nb: 1\n", "empty in both");
        assert_eq!(kept("a: 1\r\nb: {c: 2}", "b: {c: 3}\na: x", &["a", "b"]).unwrap(), "a: x\r\nb: {c: 3}");
    }

    #[test]
    fn blocks_are_kept_with_the_line_ends_and_the_indentation_of_the_other_file() {
        for (theirs, ours, key, wanted) in [
            ("a: x\nb: 1\n", "a: |\n  y\n\n   z\n\nb: 2\n", "a", "a: |\n  y\n\n   z\nb: 1\n"),
            ("a: |\n  x\n\n\nb: 1\n", "a: 'y'\n", "a", "a: 'y'\n\n\nb: 1\n"),
            ("a: >- # c\r\n  x\r\nb: 1\r\n", "a: |\n  y\n  z\n", "a", "a: |\r\n  y\r\n  z\r\nb: 1\r\n"),
            ("a: |\n  x\nb: 1\n", "a: |\r\n  y\r\n", "a", "a: |\n  y\nb: 1\n"),
            (
                "x:\n    a: |\n        x\n",
                "x:\n  a: |2\n      y\n    z\n",
                "x.a",
                "x:\n    a: |2\n        y\n      z\n",
            ),
            (
                "x:\n  a: |+\n    x\n\n",
                "x:\n      a: |+\n          y\n\n\n",
                "x.a",
                "x:\n  a: |+\n      y\n\n\n",
            ),
            (
                "a:\n  b: 1\nc: 1\n",
                "a:\n    # own\n    b: |\n       x\n    d: [1,\n     2]\n",
                "a",
                "a:\n    b: |\n       x\n    d: [1,\n     2]\nc: 1\n",
            ),
            (
                "x:\n    a:\n      b: 1\n    c: 1\n",
                "x:\r\n  a:\r\n  - b: |\r\n      y\r\n\r\n  - 'c\r\n\r\n    d'\r\n",
                "x.a",
                "x:\n    a:\n    - b: |\n        y\n\n    - 'c\n\n      d'\n    c: 1\n",
            ),
            ("- |\n  x\n- z\n", "- |-\n  y\n", "[0]", "- |-\n  y\n- z\n"),
            ("- x\n- z\n", "-   |\n    y\n", "[0]", "- |\n    y\n- z\n"),
            ("a: [1]\r\nb: 1\r\n", "a: [1,\n  2]\n", "a", "a: [1,\r\n  2]\r\nb: 1\r\n"),
        ] {
            let found = kept(theirs, ours, &[key]);
            assert_eq!(found.as_deref(), Ok(wanted), "{theirs:?} with {ours:?}");
            let blanked = |text: &str| blank(text.as_bytes(), &[key]).unwrap();
            assert_eq!(blanked(wanted), blanked(theirs), "{theirs:?} with {ours:?}");
            assert_eq!(kept(theirs, theirs, &[key]).as_deref(), Ok(theirs));
        }
    }

    #[test]
    fn every_form_takes_the_place_of_every_other_of_its_kind() {
        // A value below a key that is indented by `@`.
        const SCALARS: [&str; 6] =
            ["x", "'x y'", "\"x\\n\n@  y\"", "|\n@  x\n\n@   y", ">-  # c\n@    x\n@    y", "|1-\n@ x"];
        const BLOCKS: [&str; 4] = [
            "\n@  x: 1",
            "\n@- x\n@-  - y",
            "\n@   # c\n@   x: |-\n@    y\n@   z: [1,\n@    2]",
            "\n@  - x\n\n@  - y",
        ];
        let file = |value: &str, indent: &str, end: &str| {
            let above = if indent.is_empty() { String::new() } else { format!("top:\n{indent}u: 0\n") };
            let below = format!("{indent}w: 2{end}");
            let space = if value.starts_with('\n') { "" } else { " " };
            format!("{above}{indent}v:{space}{}\n{below}", value.replace('@', indent))
        };
        for (kind, forms) in [&SCALARS[..], &BLOCKS[..]].into_iter().enumerate() {
            for (one, other) in forms.iter().flat_map(|one| forms.iter().map(move |other| (one, other))) {
                for (here, there) in [("", ""), ("  ", "  "), ("  ", "    "), ("     ", " ")] {
                    let key = if here.is_empty() { "v" } else { "top.v" };
                    let theirs =
                        file(one, here, " # end\n").replace('\n', if kind == 0 { "\r\n" } else { "\n" });
                    let ours = file(other, there, "");
                    let found = kept(&theirs, &ours, &[key])
                        .unwrap_or_else(|refused| panic!("{theirs}{ours}{refused}"));
                    assert_eq!(blank(found.as_bytes(), &[key]), blank(theirs.as_bytes(), &[key]));
                    assert_eq!(
                        found.matches("\r\n").count(),
                        if kind == 0 { found.matches('\n').count() } else { 0 }
                    );
                    // And back again.
                    if here == there && !one.contains("# c") && !other.contains("# c") {
                        assert_eq!(kept(&found, &theirs, &[key]).unwrap(), theirs);
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_unsure_is_refused() {
        // The empty line behind theirs would become a part of ours.
        let (theirs, ours) = ("x:\n    a: |\n        t\n\n    b: 1\n", "x:\n  a: >+  # c\n     v\n");
        assert!(kept(theirs, ours, &["x.a"]).is_err());
        let ours = "x:\r\n  a: >+  # c\r\n";
        assert!(kept(theirs, ours, &["x.a"]).unwrap_err().contains("is not sure"));
        for (theirs, ours, key, why) in [
            ("a: 1\n", "a: 1\nb: 2\n", "b", "nothing stands at `b`"),
            ("a: 1\na: 2\n", "a: 1\n", "a", "already set"),
            ("a: &x 1\nb: *x\n", "a: 2\n", "a", "anchor"),
            ("- a: 1\n  b: 1\n", "-   a: 2\n    b: 2\n", "[0]", "indented otherwise"),
            ("a: x\n", "a:\n  b: 1\n", "a", "indented otherwise"),
            ("a:\n  b: 1\n", "a: {b: 1}\n", "a", "indented otherwise"),
            ("a: x\n", "a: x\n  y\n", "a", "spans lines"),
            ("a: x\n\nb: 1\n", "a: |+\n  y\nb: 1\n", "a", "reads back"),
            ("[x, y]\n", "- |\n  z\n", "[0]", "before what stands on this line"),
            ("a:\n  x\n", "a: |\n  y\n", "a", "no place there"),
            ("a:\n  x\n", "a: |\n", "a", "no place there"),
            ("a: x # c\n", "a: |\n  y\n", "a", "before what stands on this line"),
            ("{a: x}\n", "a: |\n  y\n", "a", "before what stands on this line"),
            ("a: 1\n", "a:\n", "a", "is empty in one"),
            ("a:\n", "a: 1\n", "a", "is empty in one"),
            ("a: 1\n", "a: {{ x }}\n", "a", "template"),
            ("a: 1\n", "a: 1\n", "a..b", "a name is missing"),
        ] {
            let refused = kept(theirs, ours, &[key]).unwrap_err();
            assert!(refused.contains(why), "{theirs:?}: {refused}");
        }
        assert!(kept("a: {b: 1}\n", "a: {b: 2}\n", &["a", "a.b"]).unwrap_err().contains("outer"));
    }

    #[test]
    fn a_blank_is_what_both_have_in_common() {
        let blanked = |text: &str| blank(text.as_bytes(), &["a", "b.c", "none"]).unwrap();
        assert_eq!(blanked("a: 1\nb: {c: 2, d: 3}\n"), blanked("a: '9'\nb: {c: [1, 2], d: 3}\n"));
        assert_ne!(blanked("a: 1\nb: {c: 2, d: 3}\n"), blanked("a: 1\nb: {c: 2, d: 4}\n"));
        assert_eq!(blanked("x: 1"), b"x: 1");
    }
}
