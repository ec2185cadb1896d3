//! The differences that promotions would make, for `plan`, `diff` and the API.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use gantry_core::effects::Promotion;

use crate::{act, git::Mirror, http::Planner, store::board::Board};

/// Computes differences on the mirrors, at the heads that the board shows.
pub(super) struct Diffs {
    board: Arc<Board>,
    mirrors: BTreeMap<String, Arc<Mirror>>,
}

impl Diffs {
    pub(super) fn new(board: Arc<Board>) -> Self {
        Self { board, mirrors: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, repository: &str, mirror: Arc<Mirror>) {
        self.mirrors.insert(repository.to_owned(), mirror);
    }
}

#[async_trait]
impl Planner for Diffs {
    async fn diff(&self, repository: &str, promotion: &Promotion) -> Result<String, String> {
        match (self.mirrors.get(repository), self.board.of(repository)) {
            (Some(mirror), Some(seen)) => act::diff(mirror, &seen, promotion).await,
            _ => Err(format!("{repository} was not looked at yet")),
        }
    }
}
