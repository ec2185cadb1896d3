//! What a kustomization holds besides `images`: inline patches, charts, and revisions of remote resources.
//!
//! Nothing here is refused: a field of another shape than kustomize demands has no references.

use crate::chart;
use crate::document::field;
use crate::git_url;
use crate::helm;
use crate::kind::Kind;
use crate::reference::What;
use crate::refusal::Refusal;
use crate::site::{Fields, Form, Found, Nested, Site, Slot};
use crate::syntax::{NodeId, Shape, Tree};

/// The references in the fields of one document.
pub(super) fn find(tree: &Tree<'_>, root: NodeId, found: &mut Found) -> Result<(), Refusal> {
    for (key, value) in tree.pairs(root) {
        match &*tree.node(key).text {
            "resources" | "bases" | "components" => {
                found.sites.extend(tree.items(value).filter_map(|item| remote(tree, item)));
            }
            "patches" | "patchesJson6902" => {
                for item in tree.items(value) {
                    inline(tree, tree.get(item, "patch")?, found);
                }
            }
            "patchesStrategicMerge" => {
                for item in tree.items(value) {
                    // An item of one line is the path of a file, or JSON.
                    let text = tree.string(item).unwrap_or_default();
                    if text.contains('\n') || text.starts_with('{') {
                        inline(tree, Some((item, item)), found);
                    }
                }
            }
            "helmCharts" => {
                for item in tree.items(value) {
                    found.sites.extend(chart_of(tree, item, ["name", "repo", "version"])?);
                    values(tree, tree.get(item, "valuesInline")?, found)?;
                }
            }
            "helmChartInflationGenerator" => {
                for item in tree.items(value) {
                    let keys = ["chartName", "chartRepoUrl", "chartVersion"];
                    found.sites.extend(chart_of(tree, item, keys)?);
                    values(tree, tree.get(item, "values")?, found)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A patch in a text, strategic merge or JSON 6902.
fn inline(tree: &Tree<'_>, pair: Option<(NodeId, NodeId)>, found: &mut Found) {
    if let Some((key, value)) = pair
        && matches!(tree.node(value).shape, Shape::Scalar(_))
    {
        found.nested.push(Nested { key, value, kind: Kind::Manifest });
    }
}

/// A remote resource that asks for a revision.
fn remote(tree: &Tree<'_>, item: NodeId) -> Option<Site> {
    let url = git_url::parse(tree.string(item)?)?;
    let slot = Slot::part((item, item), url.revision?);
    let form = Form::Fields(Fields { tag_key: "ref".into(), ..Fields::tag_alone(slot) });
    Some(Site { what: What::Revision, image: url.name.clone(), name: url.name, at: item, form })
}

/// A chart with a version. One without a repository is a folder beside the file.
fn chart_of(
    tree: &Tree<'_>,
    item: NodeId,
    [name, repository, version]: [&'static str; 3],
) -> Result<Option<Site>, Refusal> {
    let Some(slot) = tree.get(item, version)?.map(Slot::of) else { return Ok(None) };
    let (Some(name), Some(repository), Some(_)) =
        (field(tree, item, name), field(tree, item, repository), slot.text(tree))
    else {
        return Ok(None);
    };
    let image = chart::full_name(repository, name);
    let form = Form::Fields(Fields { tag_key: version.into(), ..Fields::tag_alone(slot) });
    Ok(Some(Site { what: What::Chart, name: image.clone(), image, at: item, form }))
}

fn values(tree: &Tree<'_>, pair: Option<(NodeId, NodeId)>, found: &mut Found) -> Result<(), Refusal> {
    match pair {
        Some((_, value)) if matches!(tree.node(value).shape, Shape::Mapping(_)) => {
            helm::find(tree, value, found)
        }
        _ => Ok(()),
    }
}
