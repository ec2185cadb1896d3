//! `/api/v1/builds`: CI tells of builds.
//!
//! A build is answered after it is stored, and only causes a look. Repeating it is harmless: the very same
//! report makes no second entry, with or without an idempotency key.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use gantry_core::{
    build::{BuildReport, BuildStatus},
    catalog::TagState,
    config::pipeline::{Application, Image, Pipeline},
    ids::{ApplicationName, ImageName},
};
use sha2::{Digest as _, Sha256};

use crate::{
    http::{
        access::{Caller, Operation},
        body::{Whole, idempotency_key},
        paging::{Paging, key, latest_first},
        problem::Refusal,
        query::Asked,
        route::{AFTER, LIMIT, Route, text},
        server::Server,
        types::{BuildReceipt, BuildView, Page},
    },
    intake,
};

/// The kind under which builds lie in the inbox.
const KIND: &str = "build";

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/v1/builds", Operation::ReportBuild, report)
            .says("Tell of a build")
            .takes::<BuildReport>()
            .answers::<BuildReceipt>(201, "Stored")
            .answers::<BuildReceipt>(200, "It was stored before"),
        Route::get("/api/v1/builds", Operation::Read, list)
            .says("The builds that are known of the applications' images")
            .with(const { &[AFTER, LIMIT, text("image", "Only builds of this image.")] })
            .answers::<Page<BuildView>>(200, "A page of builds, the one built last first"),
    ]
}

async fn report(
    State(server): State<Server>,
    caller: Caller,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Result<Response, Refusal> {
    let now = server.now();
    if body.len() > intake::build::BODY_MAX {
        return Err(Refusal::too_large(intake::build::BODY_MAX));
    }
    // Whether this registry can be asked is known once the image is; see below.
    let report = intake::build::parse(&body, true, now).map_err(Refusal::from)?;
    caller.may_report(&report.image)?;
    let app = &server.app;
    let host = report.image.host();
    if report.digest.is_none() && !app.registry_hosts.iter().any(|known| known == host) {
        let detail = format!("the build names no digest, and the registry {host} is not watched");
        let hint = "Send the digest that the push gave (`digest`), or ask the platform engineer to add the \
                    registry to the server's settings.";
        return Err(Refusal::senseless(detail, hint).field("digest"));
    }
    let payload = serde_json::to_value(&report).map_err(|_| Refusal::ours())?;
    let given = idempotency_key(&headers)?;
    // Not image and digest alone: one digest comes under several tags, and a check may be run again.
    let own = || format!("report {}", hex::encode(Sha256::digest(payload.to_string())));
    let key = given.map_or_else(own, |key| format!("key {key}"));
    let stored = app.store.enqueue(KIND, Some(&key), caller.name(), &payload, now).await?;
    if stored.conflict {
        return Err(Refusal::key_reused());
    }
    if stored.fresh {
        app.metrics.build_received(report.status.as_str());
    }
    app.board.wake();
    let users = users(&server, &report.image);
    let status = if stored.fresh { StatusCode::CREATED } else { StatusCode::OK };
    let receipt = BuildReceipt {
        id: stored.id.0,
        fresh: stored.fresh,
        note: note(&server, &report, &users),
        applications: names(&users),
    };
    Ok((status, Json(receipt)).into_response())
}

/// A use of an image: by an application of a pipeline.
struct Use {
    pipeline: Arc<Pipeline>,
    application: ApplicationName,
}

impl Use {
    fn images(&self, name: &ImageName) -> impl Iterator<Item = &Image> {
        let application = self.pipeline.applications.get(&self.application);
        application.into_iter().flat_map(|found| &found.images).filter(move |image| image.image == *name)
    }
}

fn users(server: &Server, image: &ImageName) -> Vec<Use> {
    let uses = |application: &&Application| application.images.iter().any(|used| used.image == *image);
    let of = |pipeline: Arc<Pipeline>| {
        let users: Vec<Use> = pipeline
            .applications
            .values()
            .filter(uses)
            .map(|user| Use { pipeline: Arc::clone(&pipeline), application: user.name.clone() })
            .collect();
        users
    };
    server.app.board.all().iter().filter_map(|seen| seen.pipeline.clone()).flat_map(of).collect()
}

fn names(users: &[Use]) -> Vec<ApplicationName> {
    let mut names: Vec<ApplicationName> = users.iter().map(|user| user.application.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// What the sender should know beforehand: why this build will not go anywhere.
fn note(server: &Server, report: &BuildReport, users: &[Use]) -> Option<String> {
    if report.status == BuildStatus::Failed {
        return Some("recorded as failed: it is never promoted".to_owned());
    }
    if users.is_empty() {
        return Some(if server.app.board.complete() {
            format!(
                "no application uses {}; the team that owns the infra repository adds it to gantry.yaml",
                report.image
            )
        } else {
            "which applications use it is not known yet: the server has just started".to_owned()
        });
    }
    let rules = || users.iter().flat_map(|user| user.images(&report.image));
    let selected = rules().any(|image| image.select.matches(&report.tag));
    if selected {
        return None;
    }
    let rule = rules().next()?.select.describe();
    Some(format!(
        "the tag {} is not among those that gantry.yaml selects ({rule}): it is recorded and not promoted",
        report.tag
    ))
}

async fn list(State(server): State<Server>, asked: Asked) -> Result<Json<Page<BuildView>>, Refusal> {
    let paging = Paging::of(&asked)?;
    let only: Option<ImageName> = asked.get("image")?;
    let mut found = Vec::new();
    for seen in server.app.board.all() {
        let Some(pipeline) = &seen.pipeline else { continue };
        let images = pipeline.applications.values().flat_map(|application| &application.images);
        for image in images.map(|image| &image.image) {
            if only.as_ref().is_some_and(|only| only != image) {
                continue;
            }
            for (tag, fact) in seen.facts.catalog.tags_of(image) {
                let Some(artifact) = seen.facts.catalog.artifact_at(image, tag) else { continue };
                let at = latest_first(artifact.built);
                let key = key(&[&at, image.as_str(), tag.as_str(), artifact.digest.as_str()]);
                found.push((key, (seen.clone(), artifact, fact.state == TagState::Gone)));
            }
        }
    }
    // Two applications, or two infra repositories, may use one image.
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found.dedup_by(|a, b| a.0 == b.0);
    let view =
        |(seen, artifact, gone): (Arc<crate::store::board::Seen>, gantry_core::artifact::Artifact, bool)| {
            let failed = seen.facts.catalog.failure(&artifact.image, &artifact.digest);
            BuildView {
                gone,
                failed: failed.map(|(check, _)| check.to_owned()),
                applications: names(&users(&server, &artifact.image)),
                artifact,
            }
        };
    Ok(Json(paging.cut(found).map(view)))
}
