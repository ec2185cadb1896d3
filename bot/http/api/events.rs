//! `GET /api/v1/events`: the audit log as it grows, as server-sent events.
//!
//! The number of a line is the event's id, so that a client that comes back with `Last-Event-ID` misses
//! nothing. A stream that nobody reads holds no more than one batch of lines in memory.

use std::{collections::VecDeque, convert::Infallible};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::{Stream, stream};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::audit::line;
use crate::{
    http::{
        access::Operation,
        problem::Refusal,
        query::Asked,
        route::{Pace, Parameter, Route, text},
        server::Server,
    },
    store::{AuditFilter, AuditRecord},
};

const BEHIND: Parameter =
    text("after", "Begin behind this line, as with the header Last-Event-ID; with what comes when left out.");

/// How many lines are read at a time.
const BATCH: u32 = 200;

pub(in crate::http) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/events", Operation::ReadAudit, events)
            .says("What happens, as it happens; each event is a line of the audit log")
            .with(const { &[BEHIND] })
            .pace(Pace::Endless)
            .media(
                "text/event-stream",
                "The stream: id is the line's number, event its action, data the line",
            ),
    ]
}

/// A stream under way.
struct Listener {
    server: Server,
    last: i64,
    waiting: VecDeque<AuditRecord>,
    looks: watch::Receiver<u64>,
    /// Held as long as the stream is open.
    _place: OwnedSemaphorePermit,
}

async fn events(State(server): State<Server>, headers: HeaderMap, asked: Asked) -> Result<Response, Refusal> {
    let place = server.event_clients.clone().try_acquire_owned().map_err(|_| {
        let detail = format!("{} clients listen already", server.app.limits.event_clients);
        Refusal::busy(detail, "Close streams that nobody needs, or poll /api/v1/audit.")
    })?;
    // Subscribed before the first reading, so that nothing falls between the two.
    let looks = server.app.board.watch();
    let last = match from(&headers, &asked)? {
        Some(last) => last,
        None => {
            let newest = server.app.store.audit(&AuditFilter::default(), None, 1).await?;
            newest.entries.first().map_or(0, |record| record.id)
        }
    };
    let keep_alive = KeepAlive::new().interval(server.app.limits.keep_alive);
    let listener = Listener { server, last, waiting: VecDeque::new(), looks, _place: place };
    Ok(Sse::new(lines(listener)).keep_alive(keep_alive).into_response())
}

/// Where to begin, if the client says it.
fn from(headers: &HeaderMap, asked: &Asked) -> Result<Option<i64>, Refusal> {
    let Some(value) = headers.get("last-event-id") else { return asked.get("after") };
    let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    number.map(Some).ok_or_else(|| {
        let hint = "Send the id of the last event that was received, or no such header.";
        Refusal::malformed("the header Last-Event-ID is no number", hint).field("Last-Event-ID")
    })
}

fn lines(listener: Listener) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(listener, |mut listener| async move {
        loop {
            if let Some(record) = listener.waiting.pop_front() {
                listener.last = record.id;
                return Some((Ok(event(record)), listener));
            }
            let app = &listener.server.app;
            match app.store.audit_since(listener.last, BATCH).await {
                Ok(records) if !records.is_empty() => {
                    listener.waiting = records.into();
                    continue;
                }
                Ok(_) => {}
                Err(error) => {
                    // The client comes back by itself with the last id.
                    tracing::error!(%error, "a stream of events ends: the database did not answer");
                    return None;
                }
            }
            tokio::select! {
                Ok(()) = listener.looks.changed() => {}
                () = tokio::time::sleep(app.limits.recheck) => {}
                () = app.closing.cancelled() => return None,
            }
        }
    })
}

fn event(record: AuditRecord) -> Event {
    let event = Event::default().id(record.id.to_string());
    // A line break would end the field; actions are words, but this is where it would matter.
    let action: String = record.entry.action.chars().filter(|c| !c.is_control()).collect();
    let data = serde_json::to_string(&line(record)).unwrap_or_default();
    event.event(action).data(data)
}
