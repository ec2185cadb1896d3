//! What a splice must amount to in meaning: what the draft wants and the proof demands.

use crate::syntax::NodeId;

/// What a splice must mean, and nothing else.
#[derive(Debug)]
pub(crate) enum Intent {
    /// The scalar has this value.
    Value { node: NodeId, value: String },
    /// The scalar has this text in place of another; its edits have their lines within the text, which starts
    /// `content` lines below the node, or above it.
    Text { node: NodeId, value: String, content: isize },
    /// After the pair with this key stands another pair.
    Added { after: NodeId, key: String, value: String },
    /// The pair with this key is gone.
    Removed { key: NodeId },
}
