//! From the inbox into facts: reported builds become artifacts, tags and check results; people's requests
//! are handed on.
//!
//! Taking a build in is idempotent, so a crash between the two writes only repeats the first.

use gantry_core::build::BuildReport;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::images::Images;
use crate::{
    intake::request::{Outcome, Request},
    registry::RegistryError,
    store::{Entry, InboxId, Store, StoreError},
};

/// The kind under which builds lie in the inbox.
pub const BUILD: &str = "build";
/// How many entries are taken in one look.
const AT_ONCE: u32 = 500;
/// How long a build without a digest waits for its registry to be reachable.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// A person's request that waits.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its number.
    pub id: InboxId,
    /// Who asks: the token's name.
    pub by: String,
    /// What for.
    pub request: Request,
}

/// Takes all builds in; answers whether there were any, and the requests for `repository`.
pub(super) async fn take(
    store: &dyn Store,
    images: &Images,
    repository: &str,
    now: Timestamp,
) -> Result<(bool, Vec<Asked>), StoreError> {
    let mut asked = Vec::new();
    let mut any = false;
    for entry in store.pending(AT_ONCE).await? {
        if entry.kind == BUILD {
            any |= build(store, images, &entry, now).await?;
        } else if let Some(request) = request(store, &entry, now).await?
            && request.repository() == repository
        {
            asked.push(Asked { id: entry.id, by: entry.owner, request });
        }
    }
    Ok((any, asked))
}

async fn build(
    store: &dyn Store,
    images: &Images,
    entry: &Entry,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Ok(mut report) = serde_json::from_value::<BuildReport>(entry.payload.clone()) else {
        give_up(store, entry, "not a build that this version reads; report it again", now).await?;
        return Ok(false);
    };
    if report.digest.is_none() {
        match images.resolve(&report.image, &report.tag).await {
            Ok(Some(digest)) => report.digest = Some(digest),
            Ok(None) => {
                let text = format!(
                    "the registry has no {}:{}; push the image before the build is reported, or report its digest",
                    report.image, report.tag
                );
                give_up(store, entry, &text, now).await?;
                return Ok(false);
            }
            Err(error) if now.duration_since(entry.received) < PATIENCE && transient(&error) => {
                return Ok(false);
            }
            Err(error) => {
                give_up(store, entry, &error.to_string(), now).await?;
                return Ok(false);
            }
        }
    }
    let recorded = store.record_build(&report, entry.id, entry.received).await?;
    images.hint(&report.image);
    store.finish(entry.id, &json!({ "done": true, "text": format!("{recorded:?}") }), now).await?;
    Ok(true)
}

fn transient(error: &RegistryError) -> bool {
    error.is_transient()
}

async fn request(store: &dyn Store, entry: &Entry, now: Timestamp) -> Result<Option<Request>, StoreError> {
    if entry.kind == Request::KIND
        && let Ok(request) = serde_json::from_value(entry.payload.clone())
    {
        return Ok(Some(request));
    }
    give_up(store, entry, "not a request that this version reads; ask again", now).await?;
    Ok(None)
}

async fn give_up(store: &dyn Store, entry: &Entry, text: &str, now: Timestamp) -> Result<(), StoreError> {
    tracing::warn!(entry = entry.id.0, kind = entry.kind, text, "an entry of the inbox was refused");
    let outcome = Outcome { done: false, text: text.to_owned() };
    let outcome = serde_json::to_value(outcome).unwrap_or_else(|_| json!({ "done": false }));
    store.finish(entry.id, &outcome, now).await.map(|_| ())
}
