//! Reasons as data: why a promotion waits, fails or is not wanted (promise 8).
//!
//! The same value is shown on the proposal, in the CLI, on the page and in the API; its sentence stands in
//! `templates/reasons.txt`, one for each kind.

mod parts;
mod told;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::parts::{Mark, OrderBy, Owner, Problem};
use crate::{
    duration::Span,
    ids::{ApplicationName, CommitId, EnvironmentName, ImageName, ProposalNumber, Tag},
};

/// Why something is as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Reason {
    /// The release was long enough in every environment before.
    Soaked {
        /// The time asked for.
        needs: Span,
    },
    /// It has to stay longer in an environment before.
    Soaking {
        /// Where.
        environment: EnvironmentName,
        /// Since when it is there.
        #[schemars(with = "String")]
        since: Timestamp,
        /// When it will have been there long enough.
        #[schemars(with = "String")]
        until: Timestamp,
    },
    /// It left an environment before its time there was over.
    SoakCutShort {
        /// Where.
        environment: EnvironmentName,
        /// How long it was there.
        had: Span,
        /// How long it should have been.
        needs: Span,
    },
    /// It is not (yet) in an environment before.
    NotUpstream {
        /// Which.
        environment: EnvironmentName,
    },
    /// All CI checks succeeded.
    ChecksPassed {
        /// Which ones.
        checks: Vec<String>,
    },
    /// No result of a CI check has come.
    CheckMissing {
        /// The check.
        check: String,
        /// The image that it was expected for.
        image: ImageName,
        /// The source revision, where it is known.
        revision: Option<String>,
    },
    /// A CI check runs.
    CheckRunning {
        /// The check.
        check: String,
        /// Where to look.
        url: Option<String>,
    },
    /// A CI check failed: the build is not promoted.
    CheckFailed {
        /// The check.
        check: String,
        /// Where to look.
        url: Option<String>,
    },
    /// A release manager has to approve or merge the proposal.
    NeedsApproval {
        /// The proposal; none before it is opened.
        proposal: Option<ProposalNumber>,
    },
    /// Somebody approved it.
    Approved {
        /// Who.
        by: Vec<String>,
        /// Why, where they said so.
        #[serde(default)]
        why: Vec<String>,
    },
    /// Merged as soon as the gates pass.
    MergesItself,
    /// A person said no.
    Rejected {
        /// Who.
        by: String,
        /// When.
        #[schemars(with = "String")]
        at: Timestamp,
        /// Why, in their words.
        reason: String,
    },
    /// A person's commit took it out of an environment.
    Withdrawn {
        /// Of which environment.
        environment: EnvironmentName,
        /// Who.
        by: String,
        /// By which commit.
        commit: CommitId,
    },
    /// A person took a newer release out of this environment: nothing up to it comes back by itself.
    TakenBack {
        /// The environment.
        environment: EnvironmentName,
        /// The version that was taken out.
        version: String,
        /// Who.
        by: String,
        /// By which commit.
        commit: CommitId,
    },
    /// An environment before holds it by somebody's commit, so it never passed the gates there.
    NotPromoted {
        /// The environment.
        environment: EnvironmentName,
        /// Who put it there.
        by: String,
        /// By which commit.
        commit: CommitId,
        /// The commit carries the trailers of a promotion, which Gantry did not seal.
        claimed: bool,
    },
    /// It has stood in an environment before since its file appeared or was adopted, and was never promoted.
    NeverPromoted {
        /// The environment.
        environment: EnvironmentName,
        /// Its version.
        version: String,
        /// Who put it there.
        by: String,
        /// By which commit.
        commit: CommitId,
    },
    /// How it came into an environment before stands in history that is not read yet.
    HistoryUnread {
        /// The environment.
        environment: EnvironmentName,
    },
    /// The environment holds something newer.
    OlderThanHeld {
        /// What it holds.
        held: String,
        /// By what it is told to be older.
        order: OrderBy,
    },
    /// A person asked for something older than what the environment holds.
    GoesBack {
        /// What it holds.
        held: String,
        /// By what it is told to be older.
        order: OrderBy,
    },
    /// Nothing tells which of the two is newer, so nothing is done.
    Unordered {
        /// What the environment holds.
        held: String,
    },
    /// A newer release goes first.
    Superseded {
        /// Its version.
        by: String,
    },
    /// A newer release was rejected here; older ones are not proposed by themselves.
    BehindRejected {
        /// Its version.
        version: String,
    },
    /// The tag is not among those that the config selects.
    NotSelected {
        /// The rule.
        rule: String,
    },
    /// The environment holds it.
    InPlace {
        /// Since when.
        #[schemars(with = "Option<String>")]
        since: Option<Timestamp>,
        /// It may have been there longer: older history is not read yet.
        #[serde(default)]
        at_least: bool,
        /// Who put it there before the place was adopted; none where it came later.
        #[serde(default)]
        found_by: Option<String>,
    },
    /// It was there, and has been replaced.
    WasInPlace {
        /// From.
        #[schemars(with = "String")]
        since: Timestamp,
        /// To.
        #[schemars(with = "String")]
        until: Timestamp,
        /// By what.
        replaced_by: String,
    },
    /// All gates pass; it is written now.
    Ready,
    /// A proposal is open for it.
    Proposed {
        /// Its number.
        proposal: ProposalNumber,
    },
    /// A person asked for another release, and its proposal is open: it is not replaced by itself.
    Pinned {
        /// Who.
        by: String,
        /// Its proposal.
        proposal: ProposalNumber,
        /// Its version.
        version: String,
    },
    /// No build under that tag, release id or digest was seen.
    NeverSeen {
        /// What was asked for.
        subject: String,
    },
    /// The registry doesn't list the tag any more.
    TagGone,
    /// The registry doesn't have the digest.
    DigestGone {
        /// The image.
        image: ImageName,
        /// The digest's beginning.
        digest: String,
    },
    /// The registry has not been asked for the digest yet, or did not answer.
    DigestUnseen {
        /// The image.
        image: ImageName,
        /// The digest's beginning.
        digest: String,
        /// What went wrong at the last look, where something did.
        problem: Option<String>,
    },
    /// No CI result of the build is known, and those from before a time were lost with the database.
    ReportsLost {
        /// Results from before this time were lost.
        #[schemars(with = "String")]
        before: Timestamp,
    },
    /// Nothing newer is known.
    NothingNewer,
    /// A newer release is on its way, in an environment before.
    NewerUpstream {
        /// Its version.
        version: String,
        /// The environment that it is not in yet.
        environment: EnvironmentName,
    },
    /// No build of an image is known.
    NoBuild {
        /// The image.
        image: ImageName,
        /// What went wrong at the last look, where something did.
        problem: Option<String>,
    },
    /// Two images that stay together have no builds of one source revision or of one tag.
    NotTogether {
        /// The image of which a build is there.
        image: ImageName,
        /// The tag of its newest build.
        tag: Tag,
        /// The image of which none belongs to it.
        other: ImageName,
    },
    /// Not all tags of an image were described yet, so it is not known which is the newest.
    ListIncomplete {
        /// The image.
        image: ImageName,
        /// How many tags are missing.
        missing: usize,
    },
    /// An environment holds something of which no digest is known, so it can't be promoted on.
    UnknownContents {
        /// Which environment.
        environment: EnvironmentName,
        /// The image.
        image: ImageName,
        /// What stands there.
        held: String,
    },
    /// The files can't be used as they are.
    Broken {
        /// What is wrong.
        problem: Problem,
    },
    /// The config has no such application in that environment any more.
    NotConfigured {
        /// The application.
        application: ApplicationName,
        /// The environment.
        environment: EnvironmentName,
        /// What the application is called now, where it was renamed.
        now: Option<ApplicationName>,
    },
    /// A person committed to the proposal's branch: Gantry leaves it alone.
    TakenOver {
        /// Who.
        by: String,
        /// The commit.
        commit: CommitId,
    },
    /// The forge does not answer, so proposals are neither opened nor merged.
    ForgeSilent,
    /// Git can't be read: everything is as it was last known, and nothing is done.
    GitSilent,
    /// The write was refused.
    WriteRefused {
        /// What was said.
        message: String,
        /// Who can mend it: the team where their file is at fault, the platform where the server refuses.
        owner: Owner,
        /// When it is tried again, if nothing changes before.
        #[schemars(with = "String")]
        retry: Timestamp,
    },
}
