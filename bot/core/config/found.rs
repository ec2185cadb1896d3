//! What the rules of a config found, on the way to a pipeline.

use super::pipeline::Application;

/// An application and the rule that it comes from.
pub(super) struct Found {
    pub(super) application: Application,
    pub(super) rule: usize,
}
