//! The Helm charts that k3s and RKE2 install: `HelmChart` and `HelmChartConfig` of `helm.cattle.io`.
//!
//! `chart` is a name in the repository `repo`, an address `oci://`, or that of an archive, whose version is in the
//! address: the last has no version to set (k3s, "Using the Helm Controller", `HelmChartSpec`). `valuesContent`
//! is a text with Helm values, `values` has them as a mapping; `jobImage` is the image that runs Helm.

use crate::chart;
use crate::document::field;
use crate::helm;
use crate::kind::Kind;
use crate::manifest;
use crate::reference::What;
use crate::refusal::Refusal;
use crate::site::{Fields, Form, Found, Names, Nested, Site, Slot};
use crate::syntax::{NodeId, Shape, Tree};

/// The sites of one resource.
pub(crate) fn find(tree: &Tree<'_>, root: NodeId, found: &mut Found) -> Result<(), Refusal> {
    let Some((_, spec)) = tree.get(root, "spec")? else { return Ok(()) };
    found.sites.extend(version(tree, spec)?);
    if let Some(pair) = tree.get(spec, "jobImage")? {
        found.sites.extend(manifest::whole_text(tree, pair));
    }
    if let Some((key, value)) = tree.get(spec, "valuesContent")?
        && matches!(tree.node(value).shape, Shape::Scalar(_))
    {
        found.nested.push(Nested { key, value, kind: Kind::HelmValues });
    }
    if let Some((_, values)) = tree.get(spec, "values")? {
        helm::find(tree, values, found)?;
    }
    Ok(())
}

/// The version of the chart; where none is written it is the newest, and the key is added.
fn version(tree: &Tree<'_>, spec: NodeId) -> Result<Option<Site>, Refusal> {
    let Some(chart) = tree.get(spec, "chart")? else { return Ok(None) };
    let Some(name) = tree.string(chart.1) else { return Ok(None) };
    let image = match (name.split_once("://"), field(tree, spec, "repo")) {
        (Some(("oci", address)), _) => address.trim_end_matches('/').to_owned(),
        (Some(_), _) => return Ok(None),
        (None, Some(repository)) => chart::full_name(repository, name),
        (None, None) => name.to_owned(),
    };
    if name.is_empty() || image.len() > chart::MAX_NAME {
        return Ok(None);
    }
    let tag = tree.get(spec, "version")?.map(Slot::of);
    let names = Names::Beside(Slot::of(chart));
    let fields = Fields {
        mapping: Some(spec),
        names,
        tag_key: "version".into(),
        ..Fields::tag_alone(Slot::of(chart))
    };
    let form = Form::Fields(Fields { tag, ..fields });
    Ok(Some(Site { what: What::Chart, name: image.clone(), image, at: spec, form }))
}
