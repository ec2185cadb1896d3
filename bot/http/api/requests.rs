//! `GET /api/v1/requests/{id}`: what became of a build or of a person's request.

use std::time::Duration;

use axum::{Json, extract::State};

use crate::{
    http::{
        access::Operation,
        guard::LONGEST_WAIT,
        problem::Refusal,
        query::{Asked, Names},
        route::{Kind, Pace, Parameter, Route},
        server::Server,
        types::RequestReceipt,
    },
    intake::request::Outcome,
    store::InboxId,
};

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/requests/{id}", Operation::Read, one)
            .says("What became of a request")
            .with(
                const {
                    &[Parameter {
                        name: "wait",
                        says: "Wait as many seconds for its outcome, 0 to 30.",
                        kind: Kind::Number,
                    }]
                },
            )
            .pace(Pace::Waits)
            .answers::<RequestReceipt>(200, "The request; its outcome is null while it is under way"),
    ]
}

async fn one(
    State(server): State<Server>,
    names: Names,
    asked: Asked,
) -> Result<Json<RequestReceipt>, Refusal> {
    let id = InboxId(names.get("id")?);
    let wait = asked.get::<u64>("wait")?.unwrap_or(0);
    if wait > LONGEST_WAIT {
        let detail = format!("the parameter `wait` is {wait}");
        return Err(Refusal::malformed(detail, "Wait 0 to 30 seconds, and ask again.").field("wait"));
    }
    let app = &server.app;
    // Without a free place it is answered as if it didn't wait: whoever asks, asks again.
    let place = server.long_polls.try_acquire();
    let wait = if place.is_ok() { wait } else { 0 };
    // Subscribed before the first look into the database, so that nothing falls between the two.
    let mut looks = app.board.watch();
    let end = tokio::time::Instant::now() + Duration::from_secs(wait);
    loop {
        let receipt = receipt(&server, id).await?;
        if receipt.outcome.is_some() || tokio::time::Instant::now() >= end {
            return Ok(Json(receipt));
        }
        // A replica elsewhere may be the one that does it, so the database is asked now and then too.
        let recheck = (tokio::time::Instant::now() + app.limits.recheck).min(end);
        tokio::select! {
            Ok(()) = looks.changed() => {}
            () = tokio::time::sleep_until(recheck) => {}
            () = app.closing.cancelled() => return Ok(Json(receipt)),
        }
    }
}

async fn receipt(server: &Server, id: InboxId) -> Result<RequestReceipt, Refusal> {
    let entry = server.app.store.entry(id).await?;
    let Some(entry) = entry else {
        let hint = "Requests are forgotten some time after they were dealt with; see /api/v1/audit.";
        return Err(Refusal::missing(format!("there is no request {id}"), hint));
    };
    let outcome = entry.finished.map(|(_, outcome)| {
        let told = |_| Outcome { done: false, text: outcome.to_string() };
        serde_json::from_value(outcome.clone()).unwrap_or_else(told)
    });
    Ok(RequestReceipt { id: id.0, outcome })
}
