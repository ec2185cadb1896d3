//! The routes of the API, one file for each kind of thing; each declares its routes beside its handlers.

pub(super) mod applications;
pub(super) mod audit;
pub(super) mod builds;
pub(super) mod environments;
pub(super) mod events;
pub(super) mod history;
pub(super) mod places;
pub(super) mod plan;
pub(super) mod problems;
pub(super) mod process;
pub(super) mod promotions;
pub(super) mod requests;

use std::sync::Arc;

use gantry_core::{
    config::pipeline::{Application, Pipeline},
    ids::ApplicationName,
};

use super::{problem::Refusal, server::Server};
use crate::store::board::Seen;

/// An application and the look that holds it.
pub(super) struct Found {
    pub(super) seen: Arc<Seen>,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) name: ApplicationName,
}

impl Found {
    /// Finds an application.
    ///
    /// # Errors
    /// 404 if there is none of that name, 409 if two infra repositories hold it and none is named, 503 before
    /// all repositories were looked at.
    pub(super) fn find(
        server: &Server,
        name: ApplicationName,
        repository: Option<&str>,
    ) -> Result<Self, Refusal> {
        let holds = |seen: &Arc<Seen>| {
            let pipeline = seen.pipeline.clone()?;
            pipeline.applications.contains_key(&name).then(|| Self {
                seen: seen.clone(),
                pipeline,
                name: name.clone(),
            })
        };
        let mut found: Vec<Self> = server.looks(repository)?.iter().filter_map(holds).collect();
        match (found.pop(), found.is_empty()) {
            (Some(one), true) => Ok(one),
            (Some(last), false) => {
                let mut names: Vec<&str> = found.iter().map(|found| found.seen.repository.as_str()).collect();
                names.push(&last.seen.repository);
                let hint = format!("Name the infra repository (`repository`): {}.", names.join(" or "));
                let detail = format!("several infra repositories hold an application {name}");
                Err(Refusal::conflict(detail, &hint).field("repository"))
            }
            (None, _) if !server.app.board.complete() => Err(Server::not_yet()),
            (None, _) => {
                let hint = "`gantry status` lists all; its owner adds one to gantry.yaml.";
                let detail = format!("no application {name} is in gantry.yaml");
                Err(Refusal::missing(detail, hint).field("application"))
            }
        }
    }

    /// Its config.
    ///
    /// # Errors
    /// Never: it was found in the pipeline.
    pub(super) fn application(&self) -> Result<&Application, Refusal> {
        self.pipeline.applications.get(&self.name).ok_or_else(Refusal::ours)
    }
}
