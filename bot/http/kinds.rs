//! The kinds of problems: their paths, and what answers there.
//!
//! The `type` of a refusal is a path of this server, `/problems/KIND`. Whoever follows it reads what the kind means
//! and who must act, as JSON or, in a browser, as a page.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{access::Operation, problem::Refusal, query::Names, route::Route, server::Server, types::Page};

/// Where the kinds are explained.
pub(super) const FOLDER: &str = "/problems/";

/// A kind of problem.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// The last part of its path.
    pub(super) name: &'static str,
    pub(super) status: u16,
    pub(super) title: &'static str,
    means: &'static str,
    who: &'static str,
    act: &'static str,
}

macro_rules! kinds {
    ($($constant:ident = $name:literal $status:literal $title:literal: $means:literal, $who:literal: $act:literal;)*) => {
        $(pub(super) const $constant: Kind =
            Kind { name: $name, status: $status, title: $title, means: $means, who: $who, act: $act };)*
        /// All of them, by status.
        const ALL: &[&Kind] = &[$(&$constant),*];
    };
}

kinds! {
    MALFORMED = "malformed" 400 "The request can't be understood":
        "The body, a header or a parameter is not written as the API describes it.",
        "The sender": "Correct the part that `detail` or `field` names, and send the request again.";
    NO_TOKEN = "no-token" 401 "A token is needed":
        "Only known callers may do this.",
        "The sender": "Send `Authorization: Bearer TOKEN`. The platform engineer gives out tokens.";
    BAD_TOKEN = "bad-token" 401 "The token is not known":
        "The token is not one of those in the server's settings, or it came in another form than `Bearer TOKEN`.",
        "The sender": "Check that the token is whole; ask the platform engineer whether it is still valid.";
    FORBIDDEN = "forbidden" 403 "Not with this token":
        "The token is known, and its role or its list of images does not allow this.",
        "The sender": "Use a token with the role that `hint` names, or ask the platform engineer to extend this one.";
    NOT_FOUND = "not-found" 404 "There is no such thing":
        "The path leads nowhere, or names an application, environment, proposal or request that is not known.",
        "The sender": "Check the names in the path; lists of what there is are under /api/v1/.";
    WRONG_METHOD = "wrong-method" 405 "Not by this method":
        "The path exists, and is not used with that method.",
        "The sender": "Use one of the methods in the header Allow.";
    SLOW = "slow" 408 "The body came too slowly":
        "The body of the request did not come whole in time; nothing was stored.",
        "The sender": "Send the request again, and check the network between here and the server.";
    CONFLICT = "conflict" 409 "It can't be done as things stand":
        "The request is valid, and what it is about has changed or does not allow it now.",
        "The sender": "Read the present state and decide again.";
    TOO_LARGE = "too-large" 413 "The body is too large":
        "The body has more bytes than the server reads; nothing was stored.",
        "The sender": "Send only the fields that the API describes.";
    WRONG_TYPE = "wrong-type" 415 "The body has another type":
        "The body is not declared as JSON.",
        "The sender": "Send JSON with the header `Content-Type: application/json`.";
    WRONG_HOST = "wrong-host" 421 "Not under this name":
        "Without a token one may read here only under a name of this machine or of the server's settings. Otherwise a \
         page on the Web could read it through somebody's browser.",
        "The platform engineer": "Add the name to `http.hosts` in the settings if people are to use it; or send a token.";
    SENSELESS = "senseless" 422 "The request makes no sense as it is":
        "The request is understood, and a value in it can't be used.",
        "The sender": "Correct the field that `field` names, and send the request again.";
    TOO_MANY_TOKENS = "too-many-wrong-tokens" 429 "Too many wrong tokens":
        "Too many wrong tokens came from this address, so that tokens from there are not looked at for a while.",
        "The sender": "Wait as long as Retry-After says, and correct the client that sends the wrong token. Behind a \
         proxy all clients have its address, unless the platform engineer names the proxy in `http.trusted_proxies`.";
    OURS = "ours" 500 "Gantry made a mistake":
        "The request could not be answered because of a fault in Gantry.",
        "Whoever runs Gantry": "Look in the log for the id in the header X-Request-Id, and report the fault.";
    BUSY = "busy" 503 "Not now":
        "The server can't answer at present: it has just started, its database does not answer or its disk is full, or \
         as many connections are open as the settings allow. Nothing was stored.",
        "The sender": "Send the request again after the time in Retry-After. If it goes on, tell whoever runs Gantry.";
}

/// What a kind of problem means.
#[derive(Debug, Serialize, JsonSchema)]
struct Explained {
    /// Its path: the `type` of such a problem.
    #[serde(rename = "type")]
    kind: String,
    /// The kind in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What it means.
    means: &'static str,
    /// Who must act.
    who: &'static str,
    /// What they do.
    act: &'static str,
}

impl From<&Kind> for Explained {
    fn from(kind: &Kind) -> Self {
        let Kind { name, status, title, means, who, act } = *kind;
        Self { kind: format!("{FOLDER}{name}"), title, status, means, who, act }
    }
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/problems", Operation::Probe, list)
            .says("All kinds of problems")
            .answers::<Page<Explained>>(200, "What each means, and who must act"),
        Route::get("/problems/{kind}", Operation::Probe, one)
            .says("What a kind of problem means")
            .answers::<Explained>(200, "What it means, and who must act; a page for browsers")
            .media("text/html; charset=utf-8", "The same as a page"),
    ]
}

async fn list() -> Json<Page<Explained>> {
    let items: Vec<Explained> = ALL.iter().map(|kind| Explained::from(*kind)).collect();
    Json(Page { total: items.len(), items, next: None })
}

async fn one(State(server): State<Server>, names: Names, headers: HeaderMap) -> Result<Response, Refusal> {
    let wanted: String = names.get("kind")?;
    let Some(kind) = ALL.iter().find(|kind| kind.name == wanted) else {
        let hint = "See /problems for the kinds that there are.";
        return Err(Refusal::missing("there is no such kind of problem", hint));
    };
    let explained = Explained::from(*kind);
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accepts.contains("text/html") {
        return Ok(Json(explained).into_response());
    }
    let html = server.app.renderer.page("page/problem.html", &explained).map_err(|error| {
        tracing::error!(%error, "the page of a problem can't be rendered");
        Refusal::ours()
    })?;
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parts_of_paths_and_unique() {
        for (index, kind) in ALL.iter().enumerate() {
            assert!(kind.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", kind.name);
            assert!(ALL[..index].iter().all(|other| other.name != kind.name), "{}", kind.name);
            assert!((400..600).contains(&kind.status), "{}", kind.name);
        }
    }
}
