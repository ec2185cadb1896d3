//! Tag selection: which of an image's tags is the newest.

use super::config::types::Select;

/// A compiled `select`.
#[derive(Debug, Clone)]
pub struct Selector {
    select: Select,
}
