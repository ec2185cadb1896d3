//! The registry that a chart puts before the images of all its parts.

use super::text::{is_host, is_template};
use crate::syntax::{NodeId, Tree};

/// The longest registry, with a path: what a name may be.
const MAX_REGISTRY: usize = 255;

/// The registries that are set for everything below a mapping.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Global<'t> {
    /// `imageRegistry`, `image.registry` or `registry` under `global`: comes before an image's own.
    registry: Option<&'t str>,
    /// `hub` under `global`: comes behind an image's own.
    hub: Option<&'t str>,
}

impl<'t> Global<'t> {
    /// What is set for the parts of a mapping with that value of `global`. Values of the parent chart come
    /// before those of the subchart (Helm, "Subcharts and Global Values").
    pub(super) fn below(self, tree: &'t Tree<'_>, global: NodeId) -> Self {
        let field = |mapping, key| tree.get(mapping, key).ok().flatten().map(|(_, value)| value);
        let text = |value| {
            let text = tree.string(value)?.trim_end_matches('/');
            (!text.is_empty() && text.len() <= MAX_REGISTRY).then_some(text)
        };
        let set = |key| field(global, key).and_then(text);
        let of_image = || field(field(global, "image")?, "registry").and_then(text);
        Self {
            registry: self
                .registry
                .or_else(|| set("imageRegistry"))
                .or_else(of_image)
                .or_else(|| set("registry")),
            hub: self.hub.or_else(|| set("hub")),
        }
    }

    /// The registry before a name, where it is not the image's own. `own` is the key and text of the image's
    /// registry; the text is absent where it is empty.
    pub(super) fn before(self, own: Option<(&str, Option<&str>)>, name: &str) -> Option<&'t str> {
        match own {
            Some(("hub", text)) => self.hub.filter(|_| text.is_none()),
            Some(_) => self.registry,
            None if name.split_once('/').is_some_and(|(host, _)| is_host(host)) || is_template(name) => None,
            None => self.registry,
        }
    }
}
