//! Flux's sources: where charts, artifacts and repositories come from, and which version of them.

use std::collections::HashMap;

use crate::document::field;
use crate::git_url;
use crate::oci;
use crate::reference::What;
use crate::refusal::{Reason, Refusal};
use crate::site::{Fields, Form, Found, Names, Pin, Site, Slot};
use crate::syntax::{NodeId, Tree};

/// The `HelmRepository` resources of a file, by name.
#[derive(Debug, Default)]
pub(crate) struct Repositories {
    by_name: HashMap<String, Named>,
}

/// The repositories of one name.
#[derive(Debug, Default)]
struct Named {
    /// The address in each namespace, or where none is told; nothing where they differ.
    within: HashMap<Option<String>, Option<String>>,
    /// The address that they all have.
    any: Option<String>,
}

impl Repositories {
    /// Those among the resources of a file.
    pub(crate) fn among(tree: &Tree<'_>, resources: &[NodeId]) -> Self {
        let mut by_name: HashMap<String, Named> = HashMap::new();
        for root in resources {
            let group = field(tree, *root, "apiVersion").unwrap_or_default();
            if field(tree, *root, "kind") != Some("HelmRepository")
                || !group.starts_with("source.toolkit.fluxcd.io/")
            {
                continue;
            }
            let below = |key, name| {
                let mapping = tree.get(*root, key).ok().flatten();
                mapping.and_then(|(_, mapping)| field(tree, mapping, name)).map(str::to_owned)
            };
            if let (Some(name), Some(address)) = (below("metadata", "name"), below("spec", "url"))
                && address.contains("://")
            {
                by_name.entry(name).or_default().add(below("metadata", "namespace"), address);
            }
        }
        Self { by_name }
    }

    /// The address of a repository, where the file leaves no doubt. A namespace that is not told may be any.
    pub(super) fn address(&self, name: &str, namespace: Option<&str>) -> Option<&str> {
        let named = self.by_name.get(name)?;
        let Some(namespace) = namespace else { return named.any.as_deref() };
        let within = |namespace| named.within.get(&namespace);
        match (within(Some(namespace.to_owned())), within(None)) {
            (Some(one), Some(other)) => one.as_deref().filter(|_| one == other),
            (Some(one), None) | (None, Some(one)) => one.as_deref(),
            (None, None) => None,
        }
    }
}

impl Named {
    fn add(&mut self, namespace: Option<String>, address: String) {
        let unlike = |known: &Option<String>| known.as_deref() != Some(&*address);
        if self.within.is_empty() {
            self.any = Some(address.clone());
        } else if unlike(&self.any) {
            self.any = None;
        }
        let known = self.within.entry(namespace).or_insert_with(|| Some(address.clone()));
        if unlike(known) {
            *known = None;
        }
    }
}

/// An `OCIRepository`.
pub(super) fn oci(tree: &Tree<'_>, spec_key: NodeId, spec: NodeId, found: &mut Found) -> Result<(), Refusal> {
    let url = field(tree, spec, "url").and_then(|url| url.strip_prefix("oci://"));
    let Some(name) = url.map(|url| url.trim_end_matches('/')) else { return Ok(()) };
    if oci::check_name(name).is_err() {
        return Ok(());
    }
    let reference = Ref::read(tree, spec, ["semver", "tag"])?;
    let digest = match reference.mapping {
        Some(mapping) => tree.get(mapping, "digest")?.map(Slot::of),
        None => None,
    };
    // A digest alone stays one: Flux does not look at a tag beside it.
    let alone = reference.slot.is_none() && digest.is_some();
    let fields = Fields { digest, pin: Pin::Key("digest"), ..reference.fields("tag") };
    let fields = Fields { mapping: fields.mapping.filter(|_| !alone), ..fields };
    reference.site(tree, spec_key, What::Image, name, fields, found);
    Ok(())
}

/// A `GitRepository`.
pub(super) fn git(tree: &Tree<'_>, spec_key: NodeId, spec: NodeId, found: &mut Found) -> Result<(), Refusal> {
    let Some(url) = field(tree, spec, "url").and_then(git_url::parse) else { return Ok(()) };
    let mut reference = Ref::read(tree, spec, ["commit", "name", "semver", "tag"])?;
    // A branch beside any other is only where to clone from.
    if let (None, Some(mapping)) = (&reference.slot, reference.mapping) {
        let branch = tree.get(mapping, "branch")?.map(Slot::of).filter(|slot| slot.text(tree).is_some());
        reference.slot = branch.map(|slot| ("branch", slot));
    }
    let fields = reference.fields("branch");
    reference.site(tree, spec_key, What::Revision, &url.name, fields, found);
    Ok(())
}

/// The `ref` of a source.
struct Ref {
    mapping: Option<NodeId>,
    /// The key that counts.
    slot: Option<(&'static str, Slot)>,
    /// Whether another key names a version too.
    doubtful: bool,
}

impl Ref {
    /// Reads it; the keys come in the order in which they count.
    fn read<const N: usize>(tree: &Tree<'_>, spec: NodeId, keys: [&'static str; N]) -> Result<Self, Refusal> {
        let mut read = Self { mapping: None, slot: None, doubtful: false };
        let Some((_, mapping)) = tree.get(spec, "ref")? else { return Ok(read) };
        read.mapping = Some(mapping);
        for key in keys {
            let slot = tree.get(mapping, key)?.map(Slot::of).filter(|slot| slot.text(tree).is_some());
            match (slot, &read.slot) {
                (Some(slot), None) => read.slot = Some((key, slot)),
                (Some(_), Some(_)) => read.doubtful = true,
                (None, _) => {}
            }
        }
        Ok(read)
    }

    fn fields(&self, otherwise: &'static str) -> Fields {
        Fields {
            mapping: self.mapping,
            names: Names::Elsewhere,
            tag: self.slot.as_ref().map(|(_, slot)| slot.clone()),
            tag_key: self.slot.as_ref().map_or(otherwise, |(key, _)| key).into(),
            digest: None,
            pin: Pin::Nowhere,
            bare_hex: false,
        }
    }

    fn site(&self, tree: &Tree<'_>, at: NodeId, what: What, name: &str, fields: Fields, found: &mut Found) {
        let (image, form) = (name.to_owned(), Form::Fields(fields));
        if self.doubtful {
            let expected = "given by one key: Flux takes just one of them";
            let reason = Reason::Shape { what: "the version in `ref`", expected };
            found.odd.insert(at, Refusal::at(tree.position(self.mapping.unwrap_or(at)), reason));
        }
        found.sites.push(Site { what, name: image.clone(), image, at, form });
    }
}
