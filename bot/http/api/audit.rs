//! `GET /api/v1/audit`: who did what.

use axum::{Json, extract::State};

use crate::{
    http::{
        access::Operation,
        paging::Paging,
        problem::Refusal,
        query::Asked,
        route::{AFTER, ENVIRONMENT, LIMIT, Route, text},
        server::Server,
        types::{AuditPageView, AuditView},
    },
    store::{AuditFilter, AuditRecord},
};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/audit", Operation::ReadAudit, list)
            .says("The audit log")
            .with(
                const {
                    &[
                        AFTER,
                        LIMIT,
                        text("application", "Only lines about this application."),
                        ENVIRONMENT,
                        text("actor", "Only what this person, token or `gantry` did."),
                        text("action", "Only this action, for instance `promoted`."),
                    ]
                },
            )
            .answers::<AuditPageView>(200, "A page of lines, newest first"),
    ]
}

async fn list(State(server): State<Server>, asked: Asked) -> Result<Json<AuditPageView>, Refusal> {
    let paging = Paging::of(&asked)?;
    let after = asked.get::<i64>("after")?;
    let filter = AuditFilter {
        application: asked.get("application")?,
        environment: asked.get("environment")?,
        actor: asked.text("actor").map(str::to_owned),
        action: asked.text("action").map(str::to_owned),
    };
    let limit = u32::try_from(paging.limit).unwrap_or(u32::MAX);
    let page = server.app.store.audit(&filter, after, limit).await?;
    Ok(Json(AuditPageView {
        items: page.entries.into_iter().map(line).collect(),
        next: page.next.map(|next| next.to_string()),
    }))
}

/// A line as the API shows it: without its natural key, which is of no use outside.
pub(super) fn line(record: AuditRecord) -> AuditView {
    let AuditRecord { id, entry } = record;
    AuditView {
        id,
        at: entry.at,
        actor: entry.actor,
        action: entry.action,
        repository: entry.repository,
        application: entry.application,
        environment: entry.environment,
        release: entry.release,
        text: entry.text,
        detail: entry.detail,
    }
}
