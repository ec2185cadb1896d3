//! Refusals: RFC 9457 problem documents that say what is wrong and who must act.
//!
//! Every answer that is not a success is made here, also those to paths and methods that don't exist, so
//! that a client needs one way to read an error.

use std::time::Duration;

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    access::Operation,
    kinds::{self, Kind},
    types::ProblemBody,
};
use crate::{intake::build::Rejected, store::StoreError};

/// A refusal. It becomes an answer of the type `application/problem+json`.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    body: Box<ProblemBody>,
    headers: HeaderMap,
}

/// The content type of a problem document.
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

impl Refusal {
    /// A refusal of this kind.
    fn new(kind: &Kind, detail: impl Into<String>, hint: &str) -> Self {
        let body = ProblemBody {
            kind: format!("{}{}", kinds::FOLDER, kind.name),
            title: kind.title.to_owned(),
            status: kind.status,
            detail: detail.into(),
            hint: hint.to_owned(),
            field: None,
        };
        Self { body: Box::new(body), headers: HeaderMap::new() }
    }

    /// Names the field at fault.
    pub(super) fn field(mut self, field: impl Into<String>) -> Self {
        self.body.field = Some(field.into());
        self
    }

    /// What is wrong, for a list that goes on in spite of it.
    pub(super) fn detail(&self) -> &str {
        &self.body.detail
    }

    fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// 400: the request can't be understood.
    pub(super) fn malformed(detail: impl Into<String>, hint: &str) -> Self {
        Self::new(&kinds::MALFORMED, detail, hint)
    }

    /// 401: a token is needed.
    pub(super) fn no_token(operation: Operation) -> Self {
        let detail = format!("one must sign in to {}", operation.words());
        let hint = "Send `Authorization: Bearer TOKEN`; the platform engineer gives out tokens.";
        Self::new(&kinds::NO_TOKEN, detail, hint)
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"gantry\""))
    }

    /// 401: the token is not known. It says nothing of what was sent.
    pub(super) fn bad_token() -> Self {
        let hint = "Check that the token is whole and sent once, as `Authorization: Bearer TOKEN`; ask the \
                    platform engineer whether it is still in the server's settings.";
        Self::new(&kinds::BAD_TOKEN, "the token is not known", hint).header(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"gantry\", error=\"invalid_token\""),
        )
    }

    /// 429: tokens from there are not looked at for a while.
    pub(super) fn too_many_tokens(wait: Duration) -> Self {
        // Rounded up: a second too early is another refusal.
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        let detail = format!("too many wrong tokens came from this address; try again in {seconds} s");
        let hint = "Wait, and correct the client that sends the wrong token. If many clients come through one \
                    proxy, the platform engineer names it in `http.trusted_proxies` in the settings.";
        let refusal = Self::new(&kinds::TOO_MANY_TOKENS, detail, hint);
        match HeaderValue::from_str(&seconds.to_string()) {
            Ok(seconds) => refusal.header(header::RETRY_AFTER, seconds),
            Err(_) => refusal,
        }
    }

    /// 421: the server is not asked for by a name of its own. The name came from outside and is only shown.
    pub(super) fn wrong_host(name: &str) -> Self {
        let detail = format!("reading without a token is not possible under the name {name:?}");
        let hint = "Use http://localhost with the server's port, or send a token. If people are to use this name, \
                    the platform engineer adds it to `http.hosts` in the settings.";
        Self::new(&kinds::WRONG_HOST, detail, hint).field("Host")
    }

    /// 403: somebody else may.
    pub(super) fn forbidden(detail: impl Into<String>, hint: &str) -> Self {
        Self::new(&kinds::FORBIDDEN, detail, hint)
    }

    /// 404: there is no such thing.
    pub(super) fn missing(detail: impl Into<String>, hint: &str) -> Self {
        Self::new(&kinds::NOT_FOUND, detail, hint)
    }

    /// 409: it can't be done as things stand.
    pub(super) fn conflict(detail: impl Into<String>, hint: &str) -> Self {
        Self::new(&kinds::CONFLICT, detail, hint)
    }

    /// 409: an idempotency key came with another body before.
    pub(super) fn key_reused() -> Self {
        let detail = "the same Idempotency-Key came before with another body; the earlier one stands";
        let hint = "Send each request under a key of its own, or leave the header out.";
        Self::conflict(detail, hint).field("Idempotency-Key")
    }

    /// 413: the body is too large.
    pub(super) fn too_large(limit: usize) -> Self {
        let detail = format!("the body has more than {limit} bytes");
        let hint = "Send only the fields that the API describes; see /api/v1/openapi.json.";
        Self::new(&kinds::TOO_LARGE, detail, hint)
            .header(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// 415: the body is of another type.
    pub(super) fn wrong_type() -> Self {
        let hint = "Send JSON with the header `Content-Type: application/json`.";
        Self::new(&kinds::WRONG_TYPE, "the body is not declared as JSON", hint)
    }

    /// 422: the request is understood and makes no sense.
    pub(super) fn senseless(detail: impl Into<String>, hint: &str) -> Self {
        Self::new(&kinds::SENSELESS, detail, hint)
    }

    /// 408: the body came too slowly.
    pub(super) fn slow() -> Self {
        let detail = "the body did not come whole in time";
        let hint = "Send the request again; check the network between here and the server.";
        Self::new(&kinds::SLOW, detail, hint).header(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// 503: try again.
    pub(super) fn busy(detail: impl Into<String>, hint: &str) -> Self {
        Self::new(&kinds::BUSY, detail, hint).header(header::RETRY_AFTER, HeaderValue::from_static("5"))
    }

    /// 500: our fault. The cause stands in the log and not in the answer.
    pub(super) fn ours() -> Self {
        let hint = "Tell whoever runs Gantry; the log has the cause under the id of the header X-Request-Id.";
        Self::new(&kinds::OURS, "the request could not be answered", hint)
    }

    /// The path leads nowhere.
    pub(super) fn no_such_path() -> Self {
        Self::missing("there is nothing under this path", "See /api/v1/openapi.json for what there is.")
    }

    /// The path leads somewhere, but not by this method.
    pub(super) fn no_such_method() -> Self {
        let hint = "Use one of the methods in the header Allow; see /api/v1/openapi.json.";
        Self::new(&kinds::WRONG_METHOD, "this path is not used with that method", hint)
    }
}

impl From<StoreError> for Refusal {
    /// The database's own words go to the log only: they may name hosts and users.
    fn from(error: StoreError) -> Self {
        if let StoreError::Refused { field, reason } = &error {
            let hint = "Mend the field and send it again.";
            return Self::senseless(format!("`{field}`: {reason}"), hint).field(*field);
        }
        tracing::error!(%error, "the database did not do it");
        let hint = "Send the request again; if it goes on, tell whoever runs Gantry to look at its database.";
        match error {
            StoreError::Full { .. } | StoreError::Disk { .. } => Self::busy(
                "the disk under the database is full or fails; nothing was stored",
                "Send the request again later, and tell whoever runs Gantry to make room on the disk.",
            ),
            _ => Self::busy("the database did not answer; nothing was stored", hint),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let text = serde_json::to_string(&self.body).unwrap_or_default();
        let mut response = (status, text).into_response();
        response.headers_mut().extend(self.headers);
        response.headers_mut().insert(header::CONTENT_TYPE, PROBLEM);
        response
    }
}

impl From<Rejected> for Refusal {
    /// All that is wrong with a report of a build, at once.
    fn from(rejected: Rejected) -> Self {
        let problems = rejected.problems;
        if let [only] = problems.as_slice()
            && only.field == "body"
        {
            let hint = "Send one JSON object with the fields of a build; see /api/v1/openapi.json.";
            return Self::malformed(format!("the body {}", only.reason), hint);
        }
        let details: Vec<String> = problems.iter().map(|p| format!("`{}`: {}", p.field, p.reason)).collect();
        let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
        let hint = "Mend the fields named and send the report again.";
        Self::senseless(details.join("; "), hint).field(fields.join(", "))
    }
}
