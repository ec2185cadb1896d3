//! The text of a proposal, and the hidden marker that names its release.
//!
//! The text is a function of the promotion and of the facts beside it, without the time of day, so that it is
//! only written when something changed.

use gantry_core::{
    artifact::Release,
    effects::Promotion,
    ids::{ProposalNumber, ReleaseId},
    reason::Reason,
};
use minijinja::Value;
use serde::Serialize;

use super::{Renderer, SpeakError, compare, engine::Engine, inert};

/// The most bytes of a difference within a body: forges refuse bodies over 65,536 characters.
const DIFF: usize = 20_000;

/// The most images that have a row of their own.
const ROWS: usize = 50;

/// What a proposal's text is made from.
#[derive(Debug, Clone, Copy)]
pub struct ProposalText<'a> {
    /// The promotion, with the verdicts of its gates and, once it is open, the one named `merge`.
    pub promotion: &'a Promotion,
    /// Its number; none before it is opened.
    pub number: Option<ProposalNumber>,
    /// What the environment holds now, where it is known as a release.
    pub from: Option<&'a Release>,
    /// The application repository's URL from `gantry.yaml`, for images that name none.
    pub source: Option<&'a str>,
    /// The difference, unified.
    pub diff: &'a str,
}

#[derive(Serialize)]
struct Body<'a> {
    release: &'a str,
    application: &'a str,
    environment: &'a str,
    from: &'a str,
    version: String,
    by: &'a str,
    number: Option<ProposalNumber>,
    merges_itself: bool,
    rows: Vec<Row<'a>>,
    gates: Vec<GateRow<'a>>,
    diff: Value,
    diff_cut: bool,
}

#[derive(Serialize)]
struct Row<'a> {
    image: &'a str,
    from: Option<&'a str>,
    to: &'a str,
    digest: &'a str,
    built: Option<jiff::Timestamp>,
    revision: Option<&'a str>,
    old_revision: Option<&'a str>,
    compare: Option<Value>,
}

#[derive(Serialize)]
struct GateRow<'a> {
    gate: &'a str,
    verdict: gantry_core::gates::Verdict,
    why: String,
}

impl Renderer {
    /// A proposal's title and body (markdown).
    #[must_use]
    pub fn proposal(&self, text: &ProposalText<'_>) -> (String, String) {
        let title = self.promotion_subject(text.promotion);
        let body = self.with(|engine| self.body(engine, text)).unwrap_or_else(|error| {
            tracing::error!(%error, "an embedded template failed; this is an error in Gantry");
            format!("{}\n\n{title}\n", marker(&text.promotion.release.id))
        });
        (title, body)
    }

    /// The comment with which Gantry closes a proposal that has become pointless: one paragraph of markdown.
    #[must_use]
    pub fn close_comment(&self, because: &Reason) -> String {
        let why = self.clause(because);
        let text = self.with(|engine| engine.document("closed.md", values! { why }));
        text.map_or_else(|_| inert::markdown(&why), |text| text.trim().to_owned())
    }

    /// The body, with the marker that `templates/proposal.md` may have lost put first.
    fn body(&self, engine: &Engine, text: &ProposalText<'_>) -> Result<String, SpeakError> {
        let promotion = text.promotion;
        let row = |artifact: &'_ gantry_core::artifact::Artifact| {
            let old = text.from.and_then(|from| from.artifacts.iter().find(|a| a.same_image(artifact)));
            let old_revision = old.and_then(|old| old.revision.as_deref());
            let source = artifact.source.as_deref().or(text.source);
            let compare = match (source, old_revision, artifact.revision.as_deref()) {
                (Some(source), Some(old), Some(new)) => compare::link(source, old, new),
                _ => None,
            };
            (old, compare)
        };
        let rows = promotion.release.artifacts.iter().take(ROWS).map(|artifact| {
            let (old, compare) = row(artifact);
            Row {
                image: artifact.image.as_str(),
                from: old.map(|old| old.tag.as_str()).or_else(|| {
                    let only = promotion.release.artifacts.len() == 1 && !promotion.from_version.is_empty();
                    only.then_some(promotion.from_version.as_str())
                }),
                to: artifact.tag.as_str(),
                digest: artifact.digest.short(),
                built: artifact.built,
                revision: artifact.revision.as_deref(),
                old_revision: old.and_then(|old| old.revision.as_deref()),
                compare: compare.map(Value::from_safe_string),
            }
        });
        let gates = promotion.gates.iter().map(|verdict| GateRow {
            gate: &verdict.gate,
            verdict: verdict.verdict,
            why: self.gate(verdict),
        });
        let (diff, diff_cut) = inert::lines(text.diff, DIFF);
        let body = Body {
            release: promotion.release.id.as_str(),
            application: promotion.place.application.as_str(),
            environment: promotion.place.environment.as_str(),
            from: &promotion.from_version,
            version: promotion.release.version(),
            by: promotion.by.as_deref().unwrap_or("Gantry"),
            number: text.number,
            merges_itself: promotion.gates.iter().any(|gate| gate.reason == Reason::MergesItself),
            rows: rows.collect(),
            gates: gates.collect(),
            diff: Value::from_safe_string(fenced(&diff)),
            diff_cut,
        };
        let body = engine.document("proposal.md", &body)?;
        let marker = marker(&promotion.release.id);
        Ok(if body.starts_with(&marker) { body } else { format!("{marker}\n{body}") })
    }
}

fn marker(release: &ReleaseId) -> String {
    format!("<!-- gantry release={release} -->")
}

/// A code block that its own content can't end; empty for an empty difference.
fn fenced(diff: &str) -> String {
    if diff.trim().is_empty() {
        return String::new();
    }
    // Within the block nobody but us reads it as a marker, but we would.
    let diff = diff.replace("<!-- gantry release=", "<!-- gantry-release=");
    let longest = diff.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let end = if diff.ends_with('\n') { "" } else { "\n" };
    format!("{fence}diff\n{diff}{end}{fence}")
}

/// The release that a proposal's body names by its hidden marker. A marker counts where it is a line of its
/// own; where two of them differ, somebody tampered, and none counts.
#[must_use]
pub fn parse_marker(body: &str) -> Option<ReleaseId> {
    let mut found: Option<ReleaseId> = None;
    for line in body.lines() {
        let inner = line.trim_end().strip_prefix("<!-- gantry release=").and_then(|l| l.strip_suffix(" -->"));
        let Some(release) = inner.and_then(|id| id.parse().ok()) else { continue };
        match &found {
            Some(other) if *other != release => return None,
            _ => found = Some(release),
        }
    }
    found
}
