//! Values of Helm charts: image mappings and image texts.

use crate::reference::What;
use crate::refusal::Refusal;
use crate::site::{Fields, Form, Found, Names, Pin, Site, Slot};
use crate::syntax::{NodeId, Tree};

/// Every image below the node.
pub(crate) fn find(tree: &Tree<'_>, root: NodeId, found: &mut Found) -> Result<(), Refusal> {
    for (_, value) in crate::manifest::pairs_below(tree, root) {
        found.sites.extend(image_mapping(tree, value)?);
    }
    Ok(())
}

/// A mapping with `repository`, as charts write images.
pub(crate) fn image_mapping(tree: &Tree<'_>, mapping: NodeId) -> Result<Option<Site>, Refusal> {
    let field = |key| Ok::<_, Refusal>(tree.get(mapping, key)?.map(Slot::of));
    let Some(repository) = field("repository")? else { return Ok(None) };
    let registry = field("registry")?;
    let Some(path) = repository.text(tree) else { return Ok(None) };
    let image = match registry.as_ref().and_then(|slot| slot.text(tree)) {
        Some(registry) => format!("{registry}/{path}"),
        None => path.to_owned(),
    };
    let (tag, digest) = (field("tag")?, field("digest")?);
    let fields = Fields {
        mapping: Some(mapping),
        names: Names::Repository { registry, repository },
        tag,
        tag_key: "tag",
        digest,
        pin: Pin::BehindTag,
        bare_hex: false,
    };
    let form = Form::Fields(fields);
    Ok(Some(Site { what: What::Image, name: image.clone(), image, at: mapping, form }))
}
