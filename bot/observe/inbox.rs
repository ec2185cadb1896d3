//! From the inbox into facts: reported builds become artifacts, tags and check results; people's requests
//! are handed on.
//!
//! Taking a build in is idempotent, so a crash between the two writes only repeats the first.

use std::sync::Arc;

use gantry_core::build::BuildReport;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{images::Images, resolving::Resolved};
use crate::{
    intake::request::{Outcome, Request},
    speak::Renderer,
    store::{AuditEntry, Entry, InboxId, Store, StoreError},
};

/// The kind under which builds lie in the inbox.
pub const BUILD: &str = "build";
/// The audit log's word for a build that was refused.
pub const REFUSED: &str = "build-refused";
/// How many entries are dealt with in one look, and read at once. Those that wait don't count.
const AT_ONCE: u32 = 500;
/// How long a build without a digest waits for its registry to be reachable.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// Wakes the loop.
type Wake = Arc<dyn Fn() + Send + Sync>;

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

/// What became of an entry.
enum Came {
    /// It was taken in.
    In,
    /// It was refused.
    Refused,
    /// It waits for its registry.
    Waits,
}

/// Takes builds in; answers whether there were any, and the requests for `repository`. What only waits hides
/// nothing that comes behind it.
pub(super) async fn take(
    store: &dyn Store,
    images: &Arc<Images>,
    wake: &Wake,
    renderer: &Renderer,
    repository: &str,
    now: Timestamp,
) -> Result<(bool, Vec<Asked>), StoreError> {
    let mut asked = Vec::new();
    let mut any = false;
    let (mut after, mut dealt) = (InboxId(0), 0);
    while dealt < AT_ONCE {
        let page = store.pending(after, AT_ONCE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for entry in page {
            if entry.kind == BUILD {
                let came = build(store, images, wake, (renderer, repository), &entry, now).await?;
                any |= matches!(came, Came::In);
                dealt += u32::from(!matches!(came, Came::Waits));
            } else if let Some(request) = request(store, &entry, now).await?
                && request.repository() == repository
            {
                dealt += 1;
                asked.push(Asked { id: entry.id, by: entry.owner, request });
            }
        }
    }
    Ok((any, asked))
}

async fn build(
    store: &dyn Store,
    images: &Arc<Images>,
    wake: &Wake,
    (renderer, repository): (&Renderer, &str),
    entry: &Entry,
    now: Timestamp,
) -> Result<Came, StoreError> {
    let Ok(mut report) = serde_json::from_value::<BuildReport>(entry.payload.clone()) else {
        give_up(store, entry, "not a build that this version reads; report it again", now).await?;
        return Ok(Came::Refused);
    };
    if report.digest.is_none() {
        let Some(resolved) = images.resolved(&report.image, &report.tag, wake) else {
            return Ok(Came::Waits);
        };
        let refusal = match resolved {
            Resolved::Digest(digest) => {
                report.digest = Some(digest);
                None
            }
            Resolved::Missing => Some(format!(
                "the registry has no {}:{}; push the image before the build is reported, or report its digest",
                report.image, report.tag
            )),
            Resolved::Silent(_) if now.duration_since(entry.received) < PATIENCE => return Ok(Came::Waits),
            Resolved::Silent(why) | Resolved::Refused(why) => Some(why),
        };
        if let Some(text) = refusal {
            let (image, tag) = (report.image.to_string(), report.tag.to_string());
            let line = AuditEntry {
                key: format!("{REFUSED}:{}", entry.id.0),
                at: now,
                actor: entry.owner.clone(),
                action: REFUSED.to_owned(),
                repository: repository.to_owned(),
                application: None,
                environment: None,
                release: None,
                text: renderer.build_refused(&image, &tag, &entry.owner, &text),
                detail: json!({ "image": image, "tag": tag }),
            };
            store.append(&line).await?;
            give_up(store, entry, &text, now).await?;
            return Ok(Came::Refused);
        }
    }
    let recorded = store.record_build(&report, entry.id, entry.received).await?;
    images.hint(&report.image);
    store.finish(entry.id, &json!({ "done": true, "text": format!("{recorded:?}") }), now).await?;
    Ok(Came::In)
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
