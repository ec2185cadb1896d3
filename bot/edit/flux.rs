//! Flux: Helm releases and their charts, Kustomizations, and the sources of OCI artifacts and of Git.
//!
//! Which of several keys of a source's `ref` counts is Flux's rule (source-controller, "OCI Repositories" and
//! "Git Repositories", section "Reference"): `digest` before `semver` before `tag`, and `commit` before `name`
//! before `semver` before `tag` before `branch`. What is set goes where the one stands that counts, so that the
//! edit has effect; a key takes only what it can hold ([`crate::oci::check_under`]), and a range under `semver`
//! becomes the one version that was asked for. Where two keys that count name a version each, the site is
//! blocked: only its owner knows which of them is meant to go.
//!
//! `ImageRepository`, `ImagePolicy` and `ImageUpdateAutomation` hold names without versions: no references.

mod source;

pub(crate) use source::Repositories;

use crate::chart;
use crate::document::field;
use crate::helm;
use crate::kind::Kind;
use crate::kustomization;
use crate::manifest;
use crate::reference::What;
use crate::refusal::{Reason, Refusal};
use crate::site::{Fields, Form, Found, Names, Nested, Site, Slot};
use crate::syntax::{NodeId, Shape, Tree};

/// The sites of one of Flux's resources.
pub(crate) fn find(
    tree: &Tree<'_>,
    root: NodeId,
    kind: &str,
    repositories: &Repositories,
    found: &mut Found,
) -> Result<(), Refusal> {
    let Some((spec_key, spec)) = tree.get(root, "spec")? else { return Ok(()) };
    let namespace = namespace(tree, root);
    match kind {
        "HelmRelease" => {
            if let Some((_, chart)) = tree.get(spec, "chart")?
                && let Some((_, chart)) = tree.get(chart, "spec")?
            {
                found.sites.extend(chart_of(tree, chart, namespace, repositories)?);
            }
            if let Some((_, values)) = tree.get(spec, "values")? {
                helm::find(tree, values, found)?;
            }
            if let Some((_, renderers)) = tree.get(spec, "postRenderers")? {
                for renderer in tree.items(renderers) {
                    if let Some((_, kustomize)) = tree.get(renderer, "kustomize")? {
                        overlays(tree, kustomize, found)?;
                    }
                }
            }
        }
        "HelmChart" => found.sites.extend(chart_of(tree, spec, namespace, repositories)?),
        "Kustomization" => overlays(tree, spec, found)?,
        "OCIRepository" => source::oci(tree, spec_key, spec, found)?,
        "GitRepository" => source::git(tree, spec_key, spec, found)?,
        _ => {}
    }
    Ok(())
}

fn namespace<'t>(tree: &'t Tree<'_>, root: NodeId) -> Option<&'t str> {
    let metadata = tree.get(root, "metadata").ok().flatten();
    metadata.and_then(|(_, metadata)| field(tree, metadata, "namespace"))
}

/// The version of a chart from a Helm repository. That of a chart in Git or a bucket is not looked at by Flux.
fn chart_of(
    tree: &Tree<'_>,
    spec: NodeId,
    namespace: Option<&str>,
    repositories: &Repositories,
) -> Result<Option<Site>, Refusal> {
    let Some(chart) = tree.get(spec, "chart")? else { return Ok(None) };
    let Some(name) = tree.string(chart.1).filter(|name| !name.is_empty()) else { return Ok(None) };
    let mut address = None;
    if let Some((_, source)) = tree.get(spec, "sourceRef")? {
        if field(tree, source, "kind").is_some_and(|kind| kind != "HelmRepository") {
            return Ok(None);
        }
        address = field(tree, source, "name")
            .and_then(|name| repositories.address(name, field(tree, source, "namespace").or(namespace)));
    }
    let image = address.map_or(name.to_owned(), |address| chart::full_name(address, name));
    let fields = Fields {
        mapping: Some(spec),
        names: Names::Beside(Slot::of(chart)),
        tag_key: "version".into(),
        ..Fields::tag_alone(Slot::of(chart))
    };
    let fields = Fields { tag: tree.get(spec, "version")?.map(Slot::of), ..fields };
    Ok(Some(Site { what: What::Chart, name: image.clone(), image, at: spec, form: Form::Fields(fields) }))
}

/// Images and patches that kustomize lays over what is rendered.
fn overlays(tree: &Tree<'_>, around: NodeId, found: &mut Found) -> Result<(), Refusal> {
    if let Some((_, images)) = tree.get(around, "images")? {
        for item in tree.items(images) {
            image(tree, item, found)?;
        }
    }
    for key in ["patches", "patchesJson6902"] {
        if let Some((_, patches)) = tree.get(around, key)? {
            for item in tree.items(patches) {
                patch(tree, tree.get(item, "patch")?, found)?;
            }
        }
    }
    // Objects here, where a kustomization has texts.
    if let Some((_, patches)) = tree.get(around, "patchesStrategicMerge")? {
        for item in tree.items(patches) {
            manifest::find(tree, item, found)?;
        }
    }
    Ok(())
}

/// An entry of `images`. One that Flux could not read is no reference.
fn image(tree: &Tree<'_>, item: NodeId, found: &mut Found) -> Result<(), Refusal> {
    match kustomization::entry(tree, item) {
        Ok(site) => found.sites.push(site),
        Err(refusal) if matches!(refusal.reason, Reason::DuplicateKey { .. }) => return Err(refusal),
        Err(_) => {}
    }
    Ok(())
}

/// A patch as a text, or the operations of one as a list.
pub(crate) fn patch(
    tree: &Tree<'_>,
    pair: Option<(NodeId, NodeId)>,
    found: &mut Found,
) -> Result<(), Refusal> {
    let Some((key, value)) = pair else { return Ok(()) };
    match tree.node(value).shape {
        Shape::Scalar(_) => found.nested.push(Nested { key, value, kind: Kind::Manifest }),
        Shape::Sequence(_) => manifest::find_in_json_patch(tree, value, found)?,
        Shape::Mapping(_) | Shape::Alias(_) => {}
    }
    Ok(())
}
