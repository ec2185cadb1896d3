//! The bodies of the API, shared by the server and the command line.

use gantry_core::{
    decide::{place::Standing, view::Put},
    facts::Place,
    gates::GateVerdict,
    ids::{ApplicationName, CommitId, EnvironmentName, ImageName, ProposalNumber, ReleaseId},
    reason::{Mark, Owner, Problem},
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PageOf{T}")]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Pass it as `?after=` for the next page; none on the last one.
    pub next: Option<String>,
    /// How many there are in all.
    pub total: usize,
}

/// A sentence for a verdict, beside the data it was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GateView {
    /// The verdict.
    #[serde(flatten)]
    pub verdict: GateVerdict,
    /// Its reason as a sentence.
    pub text: String,
}

/// One application in one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlaceView {
    /// The decision, as data.
    #[serde(flatten)]
    pub standing: Standing,
    /// The version that is there, as people write it.
    pub version: String,
    /// One sentence: what comes next, or why nothing does.
    pub text: String,
    /// The mark of that sentence.
    pub mark: Mark,
    /// Who has to act.
    pub owner: Owner,
}

/// One application with all of its environments, in the pipeline's order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApplicationView {
    /// The infra repository's name.
    pub repository: String,
    /// Its name.
    pub application: ApplicationName,
    /// The application repository's URL.
    pub source: Option<String>,
    /// Its images.
    pub images: Vec<ImageName>,
    /// Why tags of its images can't be read from their registries, by image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<ImageProblem>,
    /// Its environments.
    pub places: Vec<PlaceView>,
}

/// An image that could not be read when its registry was last asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ImageProblem {
    /// Which.
    pub image: ImageName,
    /// When it was asked for.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// What is wrong, and who must act.
    pub message: String,
}

/// A stage of the pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentView {
    /// The infra repository's name.
    pub repository: String,
    /// Its name.
    pub environment: EnvironmentName,
    /// The environments before it.
    pub after: Vec<EnvironmentName>,
    /// Its branch, and the branch's head.
    pub branch: String,
    /// The head; none before it was read, or if there is no such branch.
    pub head: Option<CommitId>,
    /// How many applications are in it.
    pub applications: usize,
    /// How many of them hold something that no promotion put there.
    pub drifted: usize,
    /// How many have an open proposal.
    pub proposed: usize,
}

/// A promotion under way: a proposal, or a release that waits for its gates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PromotionView {
    /// The infra repository's name.
    pub repository: String,
    /// Where to.
    pub place: Place,
    /// What is there now.
    pub from: String,
    /// The version that comes.
    pub version: String,
    /// Its release.
    pub release: String,
    /// `waiting`, `writing`, `proposed`, `merging` or `stopped`.
    pub step: gantry_core::decide::place::Step,
    /// The number of its open proposal.
    pub proposal: Option<ProposalNumber>,
    /// Where people find the proposal; empty for the local forge.
    pub url: String,
    /// The proposal's head, which an approval names.
    pub head: Option<CommitId>,
    /// The verdicts.
    pub gates: Vec<GateView>,
    /// One sentence.
    pub text: String,
    /// The mark of that sentence.
    pub mark: Mark,
    /// Who has to act.
    pub owner: Owner,
}

/// One release of an application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReleaseView {
    /// The release.
    #[serde(flatten)]
    pub release: gantry_core::artifact::Release,
    /// Its version.
    pub version: String,
    /// The environments that hold it now.
    pub in_place: Vec<EnvironmentName>,
}

/// One line of an application's history, from Git.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryView {
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Where.
    pub environment: EnvironmentName,
    /// What it held from then on.
    pub version: String,
    /// The release, where it is known as one.
    pub release: Option<String>,
    /// How it came; absent for a rejection.
    pub put: Option<Put>,
    /// The commit; absent for a rejection.
    pub commit: Option<CommitId>,
    /// One sentence.
    pub text: String,
}

/// The answer to `why`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WhyView {
    /// The answer, as data.
    #[serde(flatten)]
    pub why: gantry_core::why::Why,
    /// The answer in one sentence.
    pub text: String,
    /// The sentence of each step, in the order of `steps`.
    pub step_texts: Vec<String>,
    /// Where no such build is known: the report of it that was refused, and why, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Mistakes in the present `gantry.yaml`, while the last good one is in force.
    #[serde(default)]
    pub problems: Vec<Problem>,
}

/// A change that would be written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeView {
    /// The infra repository's name.
    pub repository: String,
    /// Where.
    pub place: Place,
    /// `commit`, `propose`, `merge`, `close`, `prune`, `rule`, or `none` where nothing comes next.
    pub effect: String,
    /// One sentence.
    pub text: String,
    /// The exact difference, unified; empty where no file changes.
    pub diff: String,
}

/// The state of a server: what people must mend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RepositoryView {
    /// Its name.
    pub repository: String,
    /// When it was last looked at.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Nothing was left to do.
    pub settled: bool,
    /// What people must mend.
    pub problems: Vec<Problem>,
}

/// The answer to a reported build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BuildReceipt {
    /// Its number.
    pub id: i64,
    /// It was not known before.
    pub fresh: bool,
    /// The applications that use the image.
    pub applications: Vec<ApplicationName>,
    /// What the sender should know, for instance that no application uses the image.
    pub note: Option<String>,
}

/// The answer to a person's request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequestReceipt {
    /// Its number: ask `/api/v1/requests/{id}` what became of it.
    pub id: i64,
    /// What became of it; none while it is under way.
    pub outcome: Option<crate::intake::request::Outcome>,
}

/// What to promote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoteBody {
    /// The infra repository's name; only needed where two hold an application of that name.
    #[serde(default)]
    pub repository: Option<String>,
    /// The application.
    pub application: ApplicationName,
    /// The environment.
    pub environment: EnvironmentName,
    /// A tag, a digest, or the beginning of a release id; the newest when left out.
    #[serde(default)]
    pub release: Option<String>,
    /// Why; asked for where the release was rejected before.
    #[serde(default)]
    pub reason: String,
}

/// An approval or a rejection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerBody {
    /// The infra repository's name; only needed where there are several.
    #[serde(default)]
    pub repository: Option<String>,
    /// The head that the person saw; the present one when left out.
    #[serde(default)]
    pub head: Option<CommitId>,
    /// Why. A rejection needs one.
    #[serde(default)]
    pub reason: String,
}

/// An RFC 9457 problem document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProblemBody {
    /// Its kind, as a URI.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong here.
    pub detail: String,
    /// Who must act, and how.
    pub hint: String,
    /// The field at fault, where one is; several are separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// A build that is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BuildView {
    /// The image at its digest, under the tag.
    #[serde(flatten)]
    pub artifact: gantry_core::artifact::Artifact,
    /// The registry doesn't list the tag any more.
    pub gone: bool,
    /// The CI check that failed, where one did: the build is not promoted.
    pub failed: Option<String>,
    /// The applications that use the image.
    pub applications: Vec<ApplicationName>,
}

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditView {
    /// Its number, rising.
    pub id: i64,
    /// When it happened.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Who did it: a person, a token's name, or `gantry`.
    pub actor: String,
    /// What was done, one word.
    pub action: String,
    /// The infra repository's name.
    pub repository: String,
    /// The application, where it is about one.
    pub application: Option<ApplicationName>,
    /// The environment, where it is about one.
    pub environment: Option<EnvironmentName>,
    /// The release, where it is about one.
    pub release: Option<ReleaseId>,
    /// The sentence for people.
    pub text: String,
    /// Whatever else a program may want.
    pub detail: serde_json::Value,
}

/// A page of the audit log. It has no total: lines are not counted for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditPageView {
    /// The lines, newest first.
    pub items: Vec<AuditView>,
    /// Pass it as `?after=` for the next page; none on the last one.
    pub next: Option<String>,
}
