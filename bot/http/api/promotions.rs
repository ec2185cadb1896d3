//! `/api/v1/promotions`: what is on its way, and what people ask for.
//!
//! What people ask for is stored in the inbox under the token's name and done by the loop, which compares an
//! approval's head with the forge before it counts.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use gantry_core::{
    decide::{decide_place, leftover, place_of},
    ids::{EnvironmentName, ProposalNumber},
    reason::Reason,
};

use super::{Found, applications::Filter, places::not_there};
use crate::{
    http::{
        access::{Caller, Operation},
        body::{Wanted, idempotency_key, reason},
        paging::{Paging, key},
        problem::Refusal,
        query::{Asked, Names},
        route::{AFTER, ENVIRONMENT, LIMIT, Q, REPOSITORY, Route},
        server::Server,
        types::{AnswerBody, Page, PromoteBody, PromotionView, RequestReceipt},
        views::{self, Under},
    },
    intake::request::Request,
};

pub(in crate::http) fn routes() -> Vec<Route> {
    let stored = "Stored; ask /api/v1/requests/{id} what became of it";
    vec![
        Route::get("/api/v1/promotions", Operation::Read, list)
            .says("Releases on their way: proposals, and releases that wait for their gates or are stopped")
            .with(const { &[AFTER, LIMIT, Q, ENVIRONMENT, REPOSITORY] })
            .answers::<Page<PromotionView>>(200, "A page of promotions, by application"),
        Route::post("/api/v1/promotions", Operation::Promote, promote)
            .says("Ask for a promotion")
            .takes::<PromoteBody>()
            .answers::<RequestReceipt>(202, stored),
        Route::post("/api/v1/promotions/{number}/approve", Operation::Approve, approve)
            .says("Approve a proposal, at the head that is named or shown now")
            .takes::<AnswerBody>()
            .answers::<RequestReceipt>(202, stored),
        Route::post("/api/v1/promotions/{number}/reject", Operation::Reject, reject)
            .says("Close a proposal and reject its release in that environment")
            .takes::<AnswerBody>()
            .answers::<RequestReceipt>(202, stored),
    ]
}

async fn list(State(server): State<Server>, asked: Asked) -> Result<Json<Page<PromotionView>>, Refusal> {
    let paging = Paging::of(&asked)?;
    let environment: Option<EnvironmentName> = asked.get("environment")?;
    let filter = Filter::by_name(asked.text("q"));
    let mut decisions = Vec::new();
    for seen in server.looks(asked.text("repository"))? {
        decisions.push(server.decided(&seen).await?);
    }
    let mut found: Vec<(String, Under<'_>)> = Vec::new();
    for under in decisions.iter().flat_map(|decided| views::under_way(decided)) {
        let place = &under.standing.place;
        let wanted = environment.as_ref().is_none_or(|name| place.environment == *name);
        if wanted && filter.names(&place.application) {
            let release = under.next.release.id.as_str();
            let (app, env) = (place.application.as_str(), place.environment.as_str());
            found.push((key(&[app, env, &under.seen.repository, release]), under));
        }
    }
    let renderer = &server.app.renderer;
    Ok(Json(paging.cut(found).map(|under| views::promotion(renderer, under))))
}

async fn promote(
    State(server): State<Server>,
    caller: Caller,
    headers: HeaderMap,
    Wanted(body): Wanted<PromoteBody>,
) -> Result<Response, Refusal> {
    let why = reason(&body.reason)?;
    let found = Found::find(&server, body.application, body.repository.as_deref())?;
    let now = server.now();
    let decision = decide_place(&found.pipeline, &found.seen.facts, now, &found.name, &body.environment);
    let decision = decision.ok_or_else(|| not_there(&found, &body.environment))?;
    let release = match body.release.as_deref().filter(|subject| !subject.is_empty()) {
        Some(subject) => Some(views::pick(&found.seen, &found.pipeline, found.application()?, subject, now)?),
        None => None,
    };
    let refused = release.as_ref().and_then(|release| {
        let considered = decision.considered.iter().find(|one| one.release.id == release.id)?;
        considered.refused.as_ref()
    });
    if let (Some(Reason::Rejected { by, .. }), true) = (refused, why.is_empty()) {
        let detail = format!("{by} rejected this release in {}", body.environment);
        let hint = "Say why it may go there after all (`reason`); that lifts the rejection.";
        return Err(Refusal::senseless(detail, hint).field("reason"));
    }
    let request = Request::Promote {
        repository: found.seen.repository.clone(),
        place: place_of(&found.name, &body.environment),
        release: release.map(|release| release.id),
        reason: why,
    };
    store(&server, &caller, &headers, &request).await
}

async fn approve(
    State(server): State<Server>,
    caller: Caller,
    names: Names,
    headers: HeaderMap,
    Wanted(body): Wanted<AnswerBody>,
) -> Result<Response, Refusal> {
    let why = reason(&body.reason)?;
    let open = Open::find(&server, names.get("number")?, body.repository.as_deref())?;
    if let Some(gone) = open.gone {
        let detail = format!("proposal {} can't be approved", open.number);
        return Err(Refusal::conflict(detail, &server.app.renderer.reason(&gone)));
    }
    let request = Request::Approve {
        repository: open.repository,
        proposal: open.number,
        head: body.head.unwrap_or(open.head),
        reason: why,
    };
    store(&server, &caller, &headers, &request).await
}

async fn reject(
    State(server): State<Server>,
    caller: Caller,
    names: Names,
    headers: HeaderMap,
    Wanted(body): Wanted<AnswerBody>,
) -> Result<Response, Refusal> {
    let why = reason(&body.reason)?;
    if why.is_empty() {
        let hint = "Say why (`reason`): it is what the team reads when they ask why nothing comes.";
        return Err(Refusal::senseless("a rejection needs a reason", hint).field("reason"));
    }
    if body.head.is_some() {
        let hint = "A rejection is of the release, whatever the head; leave `head` out.";
        return Err(Refusal::senseless("a rejection names no head", hint).field("head"));
    }
    let open = Open::find(&server, names.get("number")?, body.repository.as_deref())?;
    let request = Request::Reject { repository: open.repository, proposal: open.number, reason: why };
    store(&server, &caller, &headers, &request).await
}

/// An open proposal on the board.
struct Open {
    repository: String,
    number: ProposalNumber,
    head: gantry_core::ids::CommitId,
    /// Why its place is none any more.
    gone: Option<Reason>,
}

impl Open {
    /// Finds the open proposal of that number.
    ///
    /// # Errors
    /// 404 if none is open, 409 if there is one in several infra repositories, 503 before all were looked at.
    fn find(server: &Server, number: u64, repository: Option<&str>) -> Result<Self, Refusal> {
        let number = ProposalNumber(number);
        let mut found = Vec::new();
        for seen in server.looks(repository)? {
            let mut places = seen.facts.proposals.keys();
            let open = places.find_map(|place| {
                seen.facts.open_proposal(place).filter(|proposal| proposal.number == number)
            });
            if let Some(proposal) = open {
                let (repository, head) = (seen.repository.clone(), proposal.head.clone());
                let pipeline = seen.pipeline.as_deref();
                let gone = pipeline.and_then(|pipeline| leftover::gone(pipeline, &proposal.place));
                found.push(Self { repository, number, head, gone });
            }
        }
        match (found.pop(), found.is_empty()) {
            (Some(one), true) => Ok(one),
            (Some(last), false) => {
                let mut names: Vec<&str> = found.iter().map(|open| open.repository.as_str()).collect();
                names.push(&last.repository);
                let hint = format!("Name the infra repository (`repository`): {}.", names.join(" or "));
                let detail = format!("several infra repositories have a proposal {number}");
                Err(Refusal::conflict(detail, &hint).field("repository"))
            }
            (None, _) if !server.app.board.complete() => Err(Server::not_yet()),
            (None, _) => {
                let hint = "`gantry status` lists the open ones.";
                Err(Refusal::missing(format!("no proposal {number} is open"), hint))
            }
        }
    }
}

/// Stores a request and wakes the loop.
async fn store(
    server: &Server,
    caller: &Caller,
    headers: &HeaderMap,
    request: &Request,
) -> Result<Response, Refusal> {
    let key = idempotency_key(headers)?;
    let payload = serde_json::to_value(request).map_err(|_| Refusal::ours())?;
    let app = &server.app;
    let stored =
        app.store.enqueue(Request::KIND, key.as_deref(), caller.name(), &payload, server.now()).await?;
    if stored.conflict {
        return Err(Refusal::key_reused());
    }
    app.board.wake();
    let receipt = RequestReceipt { id: stored.id.0, outcome: None };
    let mut response = (StatusCode::ACCEPTED, Json(receipt)).into_response();
    if let Ok(place) = HeaderValue::from_str(&format!("/api/v1/requests/{}", stored.id)) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}
