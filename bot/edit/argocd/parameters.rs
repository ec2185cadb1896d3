//! `helm.parameters`: pairs of name and value, as `helm --set` takes them.
//!
//! Parameters of one prefix belong together: `web.image.repository`, `web.image.tag`. Where the repository is
//! not among them, the values of the same source may name it: a parameter wins over them (Argo CD, "Helm",
//! "Values files and parameters precedence"), so both must move. Else the tag is of an image that the chart
//! names; only a key that names its value tells that it is meant.

use std::collections::{BTreeMap, HashMap};

use crate::document::field;
use crate::helm;
use crate::oci;
use crate::reference::What;
use crate::refusal::{Reason, Refusal};
use crate::site::{Fields, Form, Found, Joined, Names, Pin, Site, Slot};
use crate::syntax::{NodeId, Tree};

/// The most lines that a message counts.
const MAX_LINES: usize = 100;
/// How far into the values a parameter's name may lead.
const MAX_STEPS: usize = 64;

/// The parameters of one prefix.
#[derive(Default)]
struct Group {
    registry: Option<Slot>,
    repository: Option<Slot>,
    /// `image.name`, by which Argo CD Image Updater sets the repository.
    name: Option<Slot>,
    tag: Option<Slot>,
    digest: Option<Slot>,
    /// Where names stand twice.
    twice: Vec<NodeId>,
}

/// The values that stand beside the parameters in one source.
pub(super) struct Values<'t> {
    object: Option<NodeId>,
    text: Option<Tree<'t>>,
}

impl<'t> Values<'t> {
    /// Those of a source's `helm`. A text that can't be read names nothing.
    pub(super) fn of(tree: &'t Tree<'_>, helm: NodeId) -> Result<Self, Refusal> {
        let object = tree.get(helm, "valuesObject")?.map(|(_, values)| values);
        let text = tree.get(helm, "values")?.and_then(|(_, value)| tree.string(value));
        Ok(Self { object, text: text.and_then(|text| Tree::parse(text.as_bytes()).ok()) })
    }

    /// The image at the prefix, and whether a digest has a key there.
    fn image(&self, tree: &Tree<'_>, prefix: &str) -> Option<(String, bool)> {
        let text = self.text.as_ref().and_then(|text| Some((text, text.roots().next()?)));
        // The object wins where there are both.
        let (tree, root) = self.object.map(|object| (tree, object)).or(text)?;
        let mut here = root;
        for step in prefix.split('.').take(MAX_STEPS) {
            here = tree.get(here, step).ok()??.1;
        }
        let site = helm::image_mapping(tree, here).ok()??;
        let Form::Fields(fields) = &site.form else { return None };
        Some((site.image.clone(), fields.digest.is_some()))
    }
}

/// The images of a list of parameters.
pub(super) fn find(
    tree: &Tree<'_>,
    list: NodeId,
    values: &Values<'_>,
    found: &mut Found,
) -> Result<(), Refusal> {
    let mut groups: HashMap<&str, Group> = HashMap::new();
    let mut order: Vec<&str> = Vec::new();
    let mut whole: BTreeMap<&str, Vec<(NodeId, Slot)>> = BTreeMap::new();
    for item in tree.items(list) {
        let Some(name) = field(tree, item, "name") else { continue };
        let Some(slot) = tree.get(item, "value")?.map(Slot::of) else { continue };
        let (prefix, last) = name.rsplit_once('.').unwrap_or(("", name));
        if last == "image" {
            whole.entry(name).or_default().push((item, slot));
            continue;
        }
        if !matches!(last, "registry" | "repository" | "name" | "tag" | "digest") {
            continue;
        }
        let group = groups.entry(prefix).or_insert_with(|| {
            order.push(prefix);
            Group::default()
        });
        let place = match last {
            "registry" => &mut group.registry,
            "repository" => &mut group.repository,
            "name" => &mut group.name,
            "tag" => &mut group.tag,
            _ => &mut group.digest,
        };
        if let Some(first) = place.replace(slot) {
            group.twice.extend([first.key, item]);
        }
    }
    for prefix in order {
        if let Some(site) = groups.remove(prefix).and_then(|group| group.site(tree, values, prefix, found)) {
            found.sites.push(site);
        }
    }
    for items in whole.into_values() {
        let clear = |slot: &Slot| {
            let text = slot.text(tree).unwrap_or_default();
            Joined::parse(text).is_some_and(|joined| joined.names_image(text)) || text.contains("{{")
        };
        // Once for all of them: a list may set one name thousands of times.
        let lines = lines_of(tree, items.iter().map(|(item, _)| *item));
        for (item, slot) in items.iter().filter(|(_, slot)| clear(slot)) {
            let Some(site) = Site::joined(tree, slot.clone()) else { continue };
            if items.len() > 1 {
                refuse_twice(tree, &site, *item, lines.clone(), found);
            }
            found.sites.push(site);
        }
    }
    Ok(())
}

impl Group {
    fn site(mut self, tree: &Tree<'_>, values: &Values<'_>, prefix: &str, found: &mut Found) -> Option<Site> {
        let Some(repository) = self.repository.take().or(self.name.take()) else {
            return self.beside(tree, values, prefix, found);
        };
        let at = repository.key;
        let path = repository.text(tree)?;
        let image = match self.registry.as_ref().and_then(|slot| slot.text(tree)) {
            Some(registry) => format!("{registry}/{path}"),
            None => path.to_owned(),
        };
        if (self.tag.is_none() && self.digest.is_none()) || oci::check_name(&image).is_err() {
            return None;
        }
        let fields = Fields {
            mapping: None,
            names: Names::Repository { registry: self.registry, repository },
            tag: self.tag,
            tag_key: "tag".into(),
            digest: self.digest,
            pin: Pin::BehindTag,
            bare_hex: false,
        };
        let form = Form::Fields(fields);
        let site = Site { what: What::Image, name: image.clone(), image, at, form };
        if let Some(first) = self.twice.first() {
            let lines = lines_of(tree, self.twice.iter().copied());
            refuse_twice(tree, &site, *first, lines, found);
        }
        Some(site)
    }
}

impl Group {
    /// A tag or digest of an image that the values beside the parameters name.
    fn beside(self, tree: &Tree<'_>, values: &Values<'_>, prefix: &str, found: &mut Found) -> Option<Site> {
        let at = self.tag.as_ref().or(self.digest.as_ref())?.key;
        let (image, digest) = values.image(tree, prefix)?;
        let slot = self.tag.clone().or(self.digest.clone())?;
        let fields = Fields {
            tag: self.tag,
            digest: self.digest,
            // A digest in both places would be written twice into the reference.
            pin: if digest { Pin::Nowhere } else { Pin::BehindTag },
            ..Fields::tag_alone(slot)
        };
        let form = Form::Fields(fields);
        let site = Site { what: What::Image, name: image.clone(), image, at, form };
        if let Some(first) = self.twice.first() {
            refuse_twice(tree, &site, *first, lines_of(tree, self.twice.iter().copied()), found);
        }
        Some(site)
    }
}

/// The lines of the first of the items, each once.
fn lines_of(tree: &Tree<'_>, items: impl Iterator<Item = NodeId>) -> Vec<usize> {
    let mut lines: Vec<usize> = items.take(MAX_LINES).map(|item| tree.position(item).0).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// Blocks a site of whose parameters one is set twice: only the last one counts.
fn refuse_twice(tree: &Tree<'_>, site: &Site, at: NodeId, lines: Vec<usize>, found: &mut Found) {
    let reason = Reason::Ambiguous { image: site.image.clone(), lines };
    found.odd.insert(site.at, Refusal::at(tree.position(at), reason));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of that many parameters that all set one name, and what it was found to hold.
    fn repeated(name: &str, value: &str, times: usize) -> Found {
        let text = format!("- {{name: {name}, value: '{value}'}}\n").repeat(times);
        let text = format!("{text}- {{name: image.repository, value: shop/web}}\n");
        let tree = Tree::parse(text.as_bytes()).unwrap();
        let mut found = Found::default();
        find(&tree, tree.roots().next().unwrap(), &Values { object: None, text: None }, &mut found).unwrap();
        found
    }

    fn lines(found: &Found) -> Vec<&Vec<usize>> {
        let lines = found.odd.values().map(|refusal| match &refusal.reason {
            Reason::Ambiguous { lines, .. } => lines,
            other => panic!("{other}"),
        });
        lines.collect()
    }

    #[test]
    fn what_is_set_many_times_tells_a_bounded_number_of_lines() {
        let found = repeated("image", "shop/web:1", 3000);
        assert_eq!(found.odd.len(), 3000);
        assert!(lines(&found).iter().all(|lines| lines.len() == MAX_LINES), "a line for each of each");
    }

    #[test]
    fn each_line_is_told_once_and_in_order() {
        let found = repeated("image.tag", "1", 4);
        assert_eq!(lines(&found), [&vec![1, 2, 3, 4]]);
    }
}
