//! Argo CD: Application, ApplicationSet and `.argocd-source` files.
//!
//! A source (Argo CD, `ApplicationSource`) says by its fields what `targetRevision` is: with `chart` the version
//! of a chart, with an address `oci://` a tag or digest, else a revision of a Git repository. Its `helm` and
//! `kustomize` hold images besides. What an ApplicationSet's generators fill in (`{{ .tag }}`) is blocked, since
//! the value stands in the generator: an element of a list generator, alone or in a matrix or merge, that has an
//! image, or a tag whose image the caller tells. `elementsYaml`, `templatePatch` and the templates of generators
//! are left alone.

mod parameters;

use crate::chart;
use crate::document::field;
use crate::flux;
use crate::git_url;
use crate::helm;
use crate::kind::Kind;
use crate::oci;
use crate::reference::What;
use crate::refusal::Refusal;
use crate::site::{Fields, Form, Found, Names, Nested, Pin, Site, Slot};
use crate::syntax::{NodeId, Shape, Tree};

/// The sites of an Application or ApplicationSet.
pub(crate) fn find(tree: &Tree<'_>, root: NodeId, kind: &str, found: &mut Found) -> Result<(), Refusal> {
    let Some((_, mut spec)) = tree.get(root, "spec")? else { return Ok(()) };
    if kind == "ApplicationSet" {
        if let Some((_, generators)) = tree.get(spec, "generators")? {
            elements(tree, generators, found)?;
        }
        let Some((_, template)) = tree.get(spec, "template")? else { return Ok(()) };
        let Some((_, inner)) = tree.get(template, "spec")? else { return Ok(()) };
        spec = inner;
    }
    if let Some((_, source)) = tree.get(spec, "source")? {
        find_source(tree, source, found)?;
    }
    if let Some((_, sources)) = tree.get(spec, "sources")? {
        for source in tree.items(sources) {
            find_source(tree, source, found)?;
        }
    }
    if let Some((_, hydrator)) = tree.get(spec, "sourceHydrator")?
        && let Some((_, source)) = tree.get(hydrator, "drySource")?
    {
        find_source(tree, source, found)?;
    }
    Ok(())
}

/// The elements of list generators, those inside of other generators too.
fn elements(tree: &Tree<'_>, generators: NodeId, found: &mut Found) -> Result<(), Refusal> {
    let mut open = vec![generators];
    while let Some(generators) = open.pop() {
        for generator in tree.items(generators) {
            for around in ["matrix", "merge"] {
                if let Some((_, inner)) = tree.get(generator, around)? {
                    open.extend(tree.get(inner, "generators")?.map(|(_, inner)| inner));
                }
            }
            let Some((_, list)) = tree.get(generator, "list")? else { continue };
            let Some((_, elements)) = tree.get(list, "elements")? else { continue };
            for element in tree.items(elements) {
                let before = found.sites.len();
                helm::find(tree, element, found)?;
                if found.sites.len() == before {
                    found.sites.extend(helm::tag_mapping(tree, element)?);
                }
            }
        }
    }
    Ok(())
}

/// `.argocd-source.yaml`: parts of a source at the root.
pub(crate) fn find_source_file(tree: &Tree<'_>, found: &mut Found) -> Result<(), Refusal> {
    for root in tree.roots() {
        find_source(tree, root, found)?;
    }
    Ok(())
}

fn find_source(tree: &Tree<'_>, source: NodeId, found: &mut Found) -> Result<(), Refusal> {
    found.sites.extend(revision(tree, source)?);
    if let Some((_, helm)) = tree.get(source, "helm")? {
        if let Some((_, list)) = tree.get(helm, "parameters")? {
            parameters::find(tree, list, &parameters::Values::of(tree, helm)?, found)?;
        }
        if let Some((_, values)) = tree.get(helm, "valuesObject")? {
            helm::find(tree, values, found)?;
        }
        if let Some((key, value)) = tree.get(helm, "values")?
            && matches!(tree.node(value).shape, Shape::Scalar(_))
        {
            found.nested.push(Nested { key, value, kind: Kind::HelmValues });
        }
    }
    if let Some((_, kustomize)) = tree.get(source, "kustomize")? {
        if let Some((_, images)) = tree.get(kustomize, "images")? {
            found.sites.extend(tree.items(images).filter_map(|item| image(tree, item)));
        }
        if let Some((_, patches)) = tree.get(kustomize, "patches")? {
            for item in tree.items(patches) {
                flux::patch(tree, tree.get(item, "patch")?, found)?;
            }
        }
    }
    Ok(())
}

/// What `targetRevision` is of; nothing where a generator or the address leaves that open.
fn revision(tree: &Tree<'_>, source: NodeId) -> Result<Option<Site>, Refusal> {
    let Some(address) = tree.get(source, "repoURL")? else { return Ok(None) };
    let Some(text) = tree.string(address.1) else { return Ok(None) };
    let chart = field(tree, source, "chart").filter(|chart| !chart.is_empty());
    if text.contains("{{") || chart.is_some_and(|chart| chart.contains("{{")) {
        return Ok(None);
    }
    let (what, image) = match (chart, text.strip_prefix("oci://")) {
        (Some(chart), None) if !text.contains("://") => {
            (What::Chart, format!("{}/{chart}", text.trim_end_matches('/')))
        }
        (Some(chart), _) => (What::Chart, chart::full_name(text, chart)),
        (None, Some(name)) => {
            let name = name.trim_end_matches('/');
            if oci::check_name(name).is_err() {
                return Ok(None);
            }
            (What::Image, name.to_owned())
        }
        (None, None) => match git_url::parse(text) {
            Some(url) => (What::Revision, url.name),
            None => return Ok(None),
        },
    };
    let slot = tree.get(source, "targetRevision")?.map(Slot::of);
    let at = slot.as_ref().map_or(address.0, |slot| slot.key);
    let alone = Fields::tag_alone(Slot::of(address));
    let pinned = slot.as_ref().and_then(|slot| slot.text(tree)).is_some_and(oci::is_digest);
    let fields = if what == What::Image && pinned {
        Fields { tag: None, digest: slot, ..alone }
    } else {
        // Without one it is `HEAD`, or the newest chart.
        let names = Names::Beside(Slot::of(address));
        Fields { mapping: Some(source), names, tag: slot, tag_key: "targetRevision".into(), ..alone }
    };
    Ok(Some(Site { what, name: image.clone(), image, at, form: Form::Fields(fields) }))
}

/// An item of `kustomize.images`, as `kustomize edit set image` takes it: `NAME:TAG` or `OLD=NEW:TAG`, where
/// `*` as the new name stands for the old one.
fn image(tree: &Tree<'_>, item: NodeId) -> Option<Site> {
    let text = tree.string(item)?;
    let Some((old, new)) = text.split_once('=') else { return Site::joined(tree, Slot::item(item)) };
    let start = old.len() + 1;
    if let Some(rest) = new.strip_prefix("*:").or_else(|| new.strip_prefix("*@")) {
        let slot = Slot::part((item, item), start + 2..text.len());
        let alone = Fields { pin: Pin::BehindTag, ..Fields::tag_alone(slot.clone()) };
        let fields =
            if oci::is_digest(rest) { Fields { tag: None, digest: Some(slot), ..alone } } else { alone };
        let (image, name) = (old.to_owned(), old.to_owned());
        return Some(Site { what: What::Image, image, name, at: item, form: Form::Fields(fields) });
    }
    let site = Site::joined(tree, Slot::part((item, item), start..text.len()))?;
    Some(Site { name: old.to_owned(), ..site })
}
