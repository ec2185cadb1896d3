//! References in what a container is told and does not run itself: variables, arguments, parameters of tasks.
//!
//! Nothing but a name says that such a text is an image, so little is believed: a variable whose name ends in
//! `_IMAGE` or starts with `RELATED_IMAGE_` (as operators of OLM have them), an argument `--...image=REF` or
//! `--...-reloader=REF` (the prometheus operator's), and the default of a Tekton parameter with `image` in its
//! name. The text must be a whole reference, with a path and with a tag or digest.

use crate::document::field;
use crate::refusal::Refusal;
use crate::site::{Joined, Site, Slot};
use crate::syntax::{NodeId, Tree};

/// The longest text that is looked at, well above a name, tag and digest; an alias may repeat a huge text many
/// times.
const MAX_TEXT: usize = 600;

/// The reference in an item of the list under the key.
pub(super) fn mapping(tree: &Tree<'_>, item: NodeId, list: &str) -> Result<Option<Site>, Refusal> {
    let name = || field(tree, item, "name").unwrap_or_default();
    let value = match list {
        "env" if is_variable(name()) => "value",
        "params" if name().len() <= MAX_TEXT && name().to_ascii_lowercase().contains("image") => "default",
        _ => return Ok(None),
    };
    let slot = tree.get(item, value)?.map(Slot::of);
    Ok(slot.filter(|slot| slot.text(tree).is_some_and(is_whole)).and_then(|slot| Site::joined(tree, slot)))
}

/// The reference in an argument, an item of the list under the key.
pub(super) fn argument(tree: &Tree<'_>, item: NodeId, list: &str) -> Option<Site> {
    if !matches!(list, "args" | "command") {
        return None;
    }
    let text = tree.string(item)?;
    let (flag, value) = text.split_once('=')?;
    let good = flag.starts_with('-') && ["image", "Image", "-reloader"].iter().any(|end| flag.ends_with(end));
    let slot = Slot::part((item, item), flag.len() + 1..text.len());
    (good && is_whole(value)).then(|| Site::joined(tree, slot)).flatten()
}

fn is_variable(name: &str) -> bool {
    name.ends_with("_IMAGE") || name.starts_with("RELATED_IMAGE_")
}

/// Whether the text is a reference with a path, and with a tag or digest.
fn is_whole(text: &str) -> bool {
    text.len() <= MAX_TEXT
        && Joined::parse(text).is_some_and(|joined| {
            text[joined.name.clone()].contains('/') && (joined.tag.is_some() || joined.digest.is_some())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The images that are found in a list under the key.
    fn found(list: &str, item: &str) -> Vec<String> {
        let text = format!("{list}:\n- {item}\n");
        let tree = Tree::parse(text.as_bytes()).unwrap();
        let (_, value) = tree.get(tree.roots().next().unwrap(), list).unwrap().unwrap();
        let item = tree.items(value).next().unwrap();
        let sites = [mapping(&tree, item, list).unwrap(), argument(&tree, item, list)];
        sites.into_iter().flatten().map(|site| site.image).collect()
    }

    #[test]
    fn whole_references_under_telling_names_are_found() {
        for (list, item, image) in [
            ("env", "{name: SIDECAR_IMAGE, value: 'a/b:1'}", "a/b"),
            ("env", "{name: RELATED_IMAGE_PROXY, value: 'r.io/b:1'}", "r.io/b"),
            ("params", "{name: builder-image, default: 'r.io/b:1'}", "r.io/b"),
            ("params", "{name: BUILDER_IMAGE, default: 'r.io/b:1'}", "r.io/b"),
            ("args", "--sidecar-image=a/b:1", "a/b"),
            ("args", "--prometheus-config-reloader=quay.io/a/b:v1", "quay.io/a/b"),
            ("command", "-initImage=a/b:1", "a/b"),
        ] {
            assert_eq!(found(list, item), [image], "{item}");
        }
    }

    #[test]
    fn all_else_is_left_alone() {
        for (list, item) in [
            ("env", "{name: IMAGE_URL, value: 'a/b:1'}"),
            ("env", "{name: SIDECAR_IMAGE, value: 'b:1'}"),
            ("env", "{name: SIDECAR_IMAGE, value: a/b}"),
            ("env", "{name: SIDECAR_IMAGE, value: 'https://a.io/b:1'}"),
            ("env", "{name: SIDECAR_IMAGE, value: 'a/b:$(TAG)'}"),
            ("env", "{name: SIDECAR_IMAGE, valueFrom: {fieldRef: {fieldPath: x}}}"),
            ("env", "{name: [SIDECAR_IMAGE], value: 'a/b:1'}"),
            ("others", "{name: SIDECAR_IMAGE, value: 'a/b:1'}"),
            ("params", "{name: image, value: 'a/b:1'}"),
            ("params", "{name: source, default: 'a/b:1'}"),
            ("params", "{name: images, default: ['a/b:1']}"),
            ("args", "--sidecar=a/b:1"),
            ("args", "--image=b:1"),
            ("args", "--base-image=a/b"),
            ("args", "run --image=a/b:1"),
            ("args", "--image=a/b:1 --x"),
            ("extraArgs", "--image=a/b:1"),
            ("args", "--image"),
        ] {
            assert_eq!(found(list, item), Vec::<String>::new(), "{item}");
        }
    }
}
