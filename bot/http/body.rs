//! Reading a body: bounded in size and time, JSON, each mistake with its place.

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use bytes::Bytes;
use futures_util::StreamExt;
use gantry_core::ids::IdError;
use serde::de::DeserializeOwned;

use super::{problem::Refusal, server::Server};

/// The bytes of a JSON body, within the bounds.
pub(super) struct Whole(pub(super) Bytes);

impl FromRequest<Server> for Whole {
    type Rejection = Refusal;

    async fn from_request(request: Request, server: &Server) -> Result<Self, Refusal> {
        let limits = &server.app.limits;
        let (parts, body) = request.into_parts();
        let length = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        if length.and_then(|text| text.parse::<u64>().ok()).is_some_and(|length| length > limits.body as u64)
        {
            return Err(Refusal::too_large(limits.body));
        }
        let bytes = tokio::time::timeout(limits.body_time, collect(body, limits.body))
            .await
            .map_err(|_| Refusal::slow())??;
        if !bytes.is_empty() && !is_json(&parts.headers) {
            return Err(Refusal::wrong_type());
        }
        Ok(Self(bytes))
    }
}

async fn collect(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let mut stream = body.into_data_stream();
    let mut whole = Vec::new();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|_| {
            Refusal::malformed("the body broke off before its end", "Send the request again.")
        })?;
        if whole.len() + piece.len() > limit {
            return Err(Refusal::too_large(limit));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.into())
}

/// `application/json`, or a type built on it, with or without parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// A body of a type. No body at all counts as `{}`, so that one can approve with a bare `curl -X POST`.
pub(super) struct Wanted<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Server> for Wanted<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, server: &Server) -> Result<Self, Refusal> {
        let Whole(bytes) = Whole::from_request(request, server).await?;
        parse(if bytes.is_empty() { b"{}" } else { &bytes }).map(Self)
    }
}

/// Reads JSON.
///
/// # Errors
/// 400 with line and column for what is no JSON, 422 with the field for what is another shape.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let field = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_data() {
            let refusal = Refusal::senseless(cut(&inner.to_string()), "Mend the field and send it again.");
            return if field == "." { refusal } else { refusal.field(cut(&field)) };
        }
        no_json(&inner)
    })?;
    reader.end().map_err(|error| no_json(&error))?;
    Ok(value)
}

/// The message of the reader ends with line and column.
fn no_json(error: &serde_json::Error) -> Refusal {
    let detail = format!("the body is not JSON: {}", cut(&error.to_string()));
    Refusal::malformed(detail, "Mend the JSON at that line and column and send it again.")
}

/// Messages may quote what was sent.
fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

/// The longest reason that a person may give, in characters. It becomes a line of a commit message.
const LONGEST_REASON: usize = 500;

/// Checks a reason: one line, without characters that hide or turn text.
///
/// # Errors
/// 422 that names the field.
pub(super) fn reason(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let refuse = |detail: String| {
        Err(Refusal::senseless(detail, "Give the reason in one plain line.").field("reason"))
    };
    if text.chars().count() > LONGEST_REASON {
        return refuse(format!("the reason has more than {LONGEST_REASON} characters"));
    }
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if text.chars().any(|c| breaks(c) || turns(c)) {
        return refuse("the reason holds a line break or another control character".to_owned());
    }
    Ok(text.to_owned())
}

/// The header `Idempotency-Key`, where it is given: 1 to 200 printable ASCII characters.
///
/// # Errors
/// 400 for another value.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    let good = (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if !good || values.next().is_some() {
        let hint = "Send it once, with 1 to 200 printable ASCII characters and no blanks.";
        return Err(
            Refusal::malformed("the header Idempotency-Key can't be used", hint).field("Idempotency-Key")
        );
    }
    Ok(Some(text.to_owned()))
}

impl From<IdError> for Refusal {
    fn from(error: IdError) -> Self {
        Self::senseless(error.to_string(), "Mend it and send it again.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_plain_line() {
        assert_eq!(reason("  too early  ").ok().as_deref(), Some("too early"));
        for bad in ["a\nGantry-Release: b", "a\u{202e}b", "a\u{2028}b", "a\0", &"x".repeat(501)] {
            assert!(reason(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn types_built_on_json_are_json() {
        let is = |text: &str| is_json(&HeaderMap::from_iter([(header::CONTENT_TYPE, text.parse().unwrap())]));
        assert!(is("application/json; charset=utf-8") && is("Application/JSON") && is("application/x+json"));
        assert!(!is("text/json") && !is("application/x-www-form-urlencoded") && !is(""));
        assert!(!is_json(&HeaderMap::new()));
    }
}
