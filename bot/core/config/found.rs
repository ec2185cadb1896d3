//! What the rules of a config found, on the way to a pipeline.

use std::collections::BTreeMap;

use super::pipeline::Application;

/// An application and the rule that it comes from.
pub(super) struct Found {
    pub(super) application: Application,
    pub(super) rule: usize,
    /// What the named parts of its path were.
    pub(super) parts: Parts,
    /// The patterns of images that are looked for in its files: which of the rule's images, and the pattern.
    pub(super) matches: Vec<(usize, String)>,
}

/// What the named parts of a path were, `application` among them.
pub(super) type Parts = BTreeMap<String, String>;
