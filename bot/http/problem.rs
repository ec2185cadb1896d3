//! Refusals: RFC 9457 problem documents that say what is wrong and who must act.
//!
//! Every answer that is not a success is made here, also those to paths and methods that don't exist, so
//! that a client needs one way to read an error.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{access::Operation, types::ProblemBody};
use crate::{intake::build::Rejected, store::StoreError};

/// A refusal. It becomes an answer of the type `application/problem+json`.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    body: Box<ProblemBody>,
    headers: HeaderMap,
}

/// The content type of a problem document.
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Where the kinds of problems are explained; the fragment is the kind.
const KINDS: &str = "https://gantry.dev/problems#";

impl Refusal {
    /// A refusal of this kind.
    pub(super) fn new(
        status: StatusCode,
        kind: &str,
        title: &str,
        detail: impl Into<String>,
        hint: &str,
    ) -> Self {
        let body = ProblemBody {
            kind: format!("{KINDS}{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
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
        Self::new(StatusCode::BAD_REQUEST, "malformed", "The request can't be understood", detail, hint)
    }

    /// 401: a token is needed.
    pub(super) fn no_token(operation: Operation) -> Self {
        let detail = format!("one must sign in to {}", operation.words());
        let hint = "Send `Authorization: Bearer TOKEN`; the platform engineer gives out tokens.";
        Self::new(StatusCode::UNAUTHORIZED, "no-token", "A token is needed", detail, hint)
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"gantry\""))
    }

    /// 401: the token is not known. It says nothing of what was sent.
    pub(super) fn bad_token() -> Self {
        let hint = "Check that the token is whole and sent once, as `Authorization: Bearer TOKEN`; ask the \
                    platform engineer whether it is still in the server's settings.";
        Self::new(
            StatusCode::UNAUTHORIZED,
            "bad-token",
            "The token is not known",
            "the token is not known",
            hint,
        )
        .header(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"gantry\", error=\"invalid_token\""),
        )
    }

    /// 403: somebody else may.
    pub(super) fn forbidden(detail: impl Into<String>, hint: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not with this token", detail, hint)
    }

    /// 404: there is no such thing.
    pub(super) fn missing(detail: impl Into<String>, hint: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing", detail, hint)
    }

    /// 409: it can't be done as things stand.
    pub(super) fn conflict(detail: impl Into<String>, hint: &str) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "It can't be done as things stand", detail, hint)
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
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large", detail, hint)
            .header(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// 415: the body is of another type.
    pub(super) fn wrong_type() -> Self {
        let hint = "Send JSON with the header `Content-Type: application/json`.";
        let detail = "the body is not declared as JSON";
        let title = "The body has another type";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong-type", title, detail, hint)
    }

    /// 422: the request is understood and makes no sense.
    pub(super) fn senseless(detail: impl Into<String>, hint: &str) -> Self {
        let title = "The request makes no sense as it is";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "senseless", title, detail, hint)
    }

    /// 408: the body came too slowly.
    pub(super) fn slow() -> Self {
        let detail = "the body did not come whole in time";
        let hint = "Send the request again; check the network between here and the server.";
        Self::new(StatusCode::REQUEST_TIMEOUT, "slow", "The body came too slowly", detail, hint)
            .header(header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// 503: try again.
    pub(super) fn busy(detail: impl Into<String>, hint: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Not now", detail, hint)
            .header(header::RETRY_AFTER, HeaderValue::from_static("5"))
    }

    /// 500: our fault. The cause stands in the log and not in the answer.
    pub(super) fn ours() -> Self {
        let hint = "Tell whoever runs Gantry; the log has the cause under the id of the header X-Request-Id.";
        let (title, detail) = ("Gantry made a mistake", "the request could not be answered");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "ours", title, detail, hint)
    }

    /// The path leads nowhere.
    pub(super) fn no_such_path() -> Self {
        Self::missing("there is nothing under this path", "See /api/v1/openapi.json for what there is.")
    }

    /// The path leads somewhere, but not by this method.
    pub(super) fn no_such_method() -> Self {
        let hint = "Use one of the methods in the header Allow; see /api/v1/openapi.json.";
        let (title, detail) = ("Not by this method", "this path is not used with that method");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", title, detail, hint)
    }
}

impl From<StoreError> for Refusal {
    /// The database's own words go to the log only: they may name hosts and users.
    fn from(error: StoreError) -> Self {
        if let StoreError::Refused { field, reason } = &error {
            let hint = "Mend the field and send it again.";
            return Self::senseless(format!("`{field}`: {reason}"), hint).field(*field);
        }
        tracing::error!(%error, "the database did not answer");
        Self::busy(
            "the database did not answer; nothing was stored",
            "Send the request again; if it goes on, tell whoever runs Gantry to look at its database.",
        )
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
