//! What was seen of the world: the input of `decide`.
//!
//! Facts are plain data without behaviour of their own. They come from observation only (Git, the forge, the
//! registries, CI), so a restart or a lost database leads back to the same facts (promise 1).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    artifact::{Artifact, Release},
    catalog::Catalog,
    config::types::RefWrite,
    ids::{
        ApplicationName, BranchName, CommitId, ConfigId, Digest, EntryName, EnvironmentName, ImageName,
        ProposalNumber, ReleaseId, Tag,
    },
    promoted::ConfigState,
    reason::{Owner, Problem},
    shared::SharedMap,
};

/// One application in one environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// The application.
    pub application: ApplicationName,
    /// The environment.
    pub environment: EnvironmentName,
}

impl Place {
    /// The branch of its proposal: `gantry/<environment>/<application>`.
    #[must_use]
    pub fn branch(&self) -> BranchName {
        match format!("gantry/{}/{}", self.environment, self.application).parse() {
            Ok(branch) => branch,
            Err(_) => {
                unreachable!("two names of at most 100 characters, by the stricter rule, fit a branch name")
            }
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {}", self.application, self.environment)
    }
}

/// A person or a bot, as Git or the forge names it. Text from outside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The e-mail address; empty where there is none.
    pub email: String,
}

impl std::fmt::Display for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// Everything that was seen of one infra repository and of what it names.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The heads of the environments' branches.
    pub heads: BTreeMap<BranchName, CommitId>,
    /// What each environment holds of each application, and how that came.
    pub places: SharedMap<Place, PlaceFacts>,
    /// The default branch, where `gantry.yaml` and people's rejections stand.
    pub default_branch: Option<BranchName>,
    /// The rejections that are in force.
    pub rejections: Arc<BTreeMap<Place, Vec<Rejection>>>,
    /// They stand in commits of earlier versions only, and are to be moved into the file.
    pub unmoved: bool,
    /// The closings of proposals that were written to Git as rejections, lifted since or not; none while that
    /// is not known, so that none is written twice.
    pub recorded: Option<Arc<BTreeSet<Closing>>>,
    /// Where the files of each config that was seen stand, to be promoted from there.
    pub configs: SharedMap<ConfigId, ConfigState>,
    /// Artifacts, tags and CI results.
    pub catalog: Catalog,
    /// What the registries in the settings said of digests that they were asked for.
    pub presence: Arc<Presence>,
    /// The CI results from before this time were lost with the database.
    pub reports_lost: Option<Timestamp>,
    /// How the last look at each image's registry went.
    pub looks: BTreeMap<ImageName, Look>,
    /// Proposals on Gantry's branches by their place, newest first; at most one of each is open.
    pub proposals: SharedMap<Place, Vec<Proposal>>,
    /// The heads of Gantry's branches that belong to no application and environment of the config, and to which no
    /// person committed.
    pub leftovers: BTreeMap<Place, CommitId>,
    /// The config at the default branch's head is the one in force. Otherwise nothing is taken for left over.
    pub config_sound: bool,
    /// Git could not be read: everything of it is as it was last known, and nothing is done at all.
    pub git_silent: bool,
    /// The forge did not answer: `proposals` are the last known ones, and nothing is done that rests on them.
    pub forge_silent: bool,
    /// Gantry's branches as Git shows them.
    pub branches: SharedMap<Place, ProposalBranch>,
    /// Promotions that people asked for and that are not done yet, in the order in which they came.
    pub requests: Vec<PromotionRequest>,
    /// Writes that were refused, until the content that they were refused on changes.
    pub failures: BTreeMap<(Place, ReleaseId), Failure>,
}

/// What one environment holds of one application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceFacts {
    /// The images in its files at the head, or why they can't be read.
    pub contents: Result<Vec<Held>, Problem>,
    /// What is good to know of its files and is nobody's fault: one that is behind the others.
    pub notes: Vec<Problem>,
    /// The promoted config files at the head; none where the application has no `config`.
    pub config: Option<ConfigState>,
    /// The changes of what it holds, newest first. The first is how the present content came, but where `older`
    /// says that this is not known yet.
    pub history: Vec<Arrival>,
    /// Set where how the present content came stands in history that is not read yet: it has stood there at least
    /// since this time. `history` is empty then.
    pub older: Option<Timestamp>,
}

/// An image as it stands in the files, with the Git references that follow it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Held {
    /// The image.
    pub image: ImageName,
    /// The entry of a kustomization, where the application's image is told by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryName>,
    /// Its tag, where one stands there.
    pub tag: Option<Tag>,
    /// Its digest, where one stands there.
    pub digest: Option<Digest>,
    /// The Git references that move with it (`refs`), in the order of `gantry.yaml`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refs: Vec<HeldRef>,
}

/// A Git reference that moves with an image, as it stands in the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeldRef {
    /// The repository, without scheme and `.git`.
    pub repository: String,
    /// The revision that stands there, where one does.
    pub revision: Option<String>,
    /// What of the image it is set to.
    pub write: RefWrite,
}

impl HeldRef {
    /// The revision that goes with the artifact; none where it is not known from what the artifact was built.
    #[must_use]
    pub fn wanted<'a>(&self, artifact: &'a Artifact) -> Option<&'a str> {
        match self.write {
            RefWrite::Revision => artifact.revision.as_deref(),
            RefWrite::Tag => Some(artifact.tag.as_str()),
        }
    }

    /// Whether it is at odds with the artifact, as far as that can be known.
    #[must_use]
    pub fn differs(&self, artifact: &Artifact) -> bool {
        self.wanted(artifact).is_some_and(|wanted| self.revision.as_deref() != Some(wanted))
    }
}

impl Held {
    /// Whether the files hold this artifact, and the Git references that go with it.
    #[must_use]
    pub fn is(&self, artifact: &Artifact) -> bool {
        let same = match &self.digest {
            Some(digest) => *digest == artifact.digest,
            None => self.tag.as_ref() == Some(&artifact.tag),
        };
        let own = self.image == artifact.image && self.entry == artifact.entry;
        own && same && !self.refs.iter().any(|held| held.differs(artifact))
    }

    /// As people write it: the tag, else the digest's beginning.
    #[must_use]
    pub fn version(&self) -> String {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => tag.to_string(),
            (None, Some(digest)) => digest.short().to_owned(),
            (None, None) => "none".to_owned(),
        }
    }
}

/// A change of what an environment holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Arrival {
    /// The commit on the environment's branch (first-parent history).
    pub commit: CommitId,
    /// Its committer time. It is shown to people and decides nothing: whoever makes a commit chooses it.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// From when it counts, which nobody can choose: a soak begins here.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// Its author.
    pub author: Person,
    /// Its subject line.
    pub subject: String,
    /// What the files held after it; empty where they could not be read.
    pub holds: Vec<Held>,
    /// The promoted config files after it; none where the application has no `config`, or a part of it was
    /// missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigId>,
    /// What Gantry's trailers in it, or in a commit that it merged, say; only a record that is believed.
    pub record: Option<Arc<Record>>,
    /// It carries the trailers of a promotion that are not believed: somebody's commit.
    #[serde(default)]
    pub claimed: bool,
    /// It stood there before `gantry.yaml` first named the place: nobody's promotion, and no drift.
    #[serde(default)]
    pub found: bool,
    /// The file appeared with this commit: nothing was there before.
    pub first: bool,
}

/// What the trailers of a promotion's commit say. They survive the loss of the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Where it was promoted.
    pub place: Place,
    /// `Gantry-Release`.
    pub release: ReleaseId,
    /// `Gantry-From`.
    pub from: Option<ReleaseId>,
    /// `Gantry-Image` with the matching `Gantry-Source` and `Gantry-Built`.
    pub artifacts: Vec<Artifact>,
    /// `Gantry-Config`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigId>,
    /// `Gantry-Checks`: CI checks that had succeeded when it was promoted.
    pub checks: Vec<String>,
    /// `Gantry-By`: the person who asked for it, where one did.
    pub by: Option<String>,
}

impl Record {
    /// The release that it records.
    #[must_use]
    pub fn release(&self) -> Release {
        Release::with_config(self.place.application.clone(), self.artifacts.clone(), self.config.clone())
    }
}

/// The closing of a proposal of one release. A forge that was made anew counts its proposals from 1 again.
pub type Closing = (ProposalNumber, ReleaseId);

/// A release that is not to be promoted into an environment, as `.gantry/rejections.yaml` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rejection {
    /// Which release.
    pub release: ReleaseId,
    /// Its version, for people.
    pub version: String,
    /// Who said so.
    pub by: String,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Why.
    pub reason: String,
    /// The closed proposal that said so.
    pub proposal: Option<ProposalNumber>,
}

/// A rejection and where it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rejected {
    /// Where.
    pub place: Place,
    /// What.
    pub rejection: Rejection,
}

/// A rejection, or its lifting, as a commit with `Gantry-Rejects` or `Gantry-Accepts` records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ruling {
    /// Which release.
    pub release: ReleaseId,
    /// `true`: not to be promoted here; `false`: that is lifted.
    pub rejects: bool,
    /// Who said so.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The commit's time.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The commit.
    pub commit: CommitId,
    /// The proposal whose closing it records.
    pub proposal: Option<ProposalNumber>,
}

/// How the last look at an image's registry went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Look {
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Why the list could not be read whole; such a list decides nothing (promise 4).
    pub problem: Option<String>,
}

/// A pull request or merge request on one of Gantry's branches, in neutral terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proposal {
    /// Its number in the forge.
    pub number: ProposalNumber,
    /// What it promotes where, by its branch name.
    pub place: Place,
    /// The branch that it goes to.
    pub base: BranchName,
    /// The head of its own branch, as the forge sees it.
    pub head: CommitId,
    /// Open, merged or closed.
    pub state: ProposalState,
    /// Its title.
    pub title: String,
    /// Its body, as Gantry or a person wrote it last.
    pub body: String,
    /// Where people find it; empty for a forge without pages.
    pub url: String,
    /// The release of its hidden marker.
    pub release: Option<ReleaseId>,
    /// When it was opened.
    #[schemars(with = "String")]
    pub opened: Timestamp,
    /// The approvals given to it, old heads' included.
    pub approvals: Vec<Approval>,
    /// The statuses on its head: context, state and description.
    pub statuses: Vec<HeadStatus>,
}

/// Where a proposal stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum ProposalState {
    /// Waiting.
    Open,
    /// In the base branch.
    Merged {
        /// When.
        #[schemars(with = "String")]
        at: Timestamp,
        /// Who merged it.
        by: String,
        /// The commit that brought it, where the forge says which one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<CommitId>,
    },
    /// Closed without a merge.
    Closed {
        /// When.
        #[schemars(with = "String")]
        at: Timestamp,
        /// Who closed it, as far as the forge knows.
        by: String,
        /// Gantry closed it itself, because it had become pointless: no rejection.
        by_gantry: bool,
        /// What was said with it.
        reason: String,
    },
}

/// One person's approval of one head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Approval {
    /// Who.
    pub by: String,
    /// Which head they saw. An approval of another head does not count.
    pub head: CommitId,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Why; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// A commit status.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct HeadStatus {
    /// `gantry/<gate>`.
    pub context: String,
    /// `success`, `pending` or `failure`.
    pub state: String,
    /// One line.
    pub description: String,
}

/// A branch of Gantry's, as Git shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalBranch {
    /// Its head.
    pub head: CommitId,
    /// The record in its head's trailers.
    pub record: Option<Record>,
    /// The content of the application's files is that of the base's head but for the promotion, so that it
    /// merges cleanly. `false`: it must be built anew on the present base.
    pub current: bool,
    /// Somebody else's commit on it: it is left alone from then on (promise 6).
    pub foreign: Option<(CommitId, Person)>,
    /// When its head was committed.
    pub at: Timestamp,
}

/// Whether registries have the digests that they were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presence {
    /// The hosts of the registries in the settings. Of others nothing is asked.
    pub hosts: BTreeSet<String>,
    /// By image and digest: whether the registry has it, as it said last.
    pub digests: BTreeMap<ImageName, BTreeMap<Digest, bool>>,
}

impl Presence {
    /// Whether the image's registry is in the settings, so that it can be asked.
    #[must_use]
    pub fn watches(&self, image: &ImageName) -> bool {
        self.hosts.contains(image.host())
    }

    /// What the registry said of a digest; none while it has not answered.
    #[must_use]
    pub fn of(&self, image: &ImageName, digest: &Digest) -> Option<bool> {
        self.digests.get(image)?.get(digest).copied()
    }

    /// The images of which `now` says something else.
    pub fn differing<'a>(&'a self, now: &'a Self) -> impl Iterator<Item = &'a ImageName> {
        let names = self.digests.keys().chain(now.digests.keys());
        names.filter(|name| self.digests.get(*name) != now.digests.get(*name))
    }
}

/// A promotion that a person asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PromotionRequest {
    /// The request's number in the inbox.
    pub id: i64,
    /// Where.
    pub place: Place,
    /// Which release; the newest that the environment before it holds when left out.
    pub release: Option<ReleaseId>,
    /// Who asks.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A write that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The head it was refused on; on another head it is tried again.
    pub head: CommitId,
    /// What was said.
    pub message: String,
    /// Who can mend it.
    pub owner: Owner,
    /// When it is tried again on the same head.
    #[schemars(with = "String")]
    pub retry: Timestamp,
}

impl Facts {
    /// The open proposal of a place.
    #[must_use]
    pub fn open_proposal(&self, place: &Place) -> Option<&Proposal> {
        self.proposals.get(place)?.iter().find(|proposal| proposal.state == ProposalState::Open)
    }

    /// The rejections of a place that are in force.
    #[must_use]
    pub fn rejections_of(&self, place: &Place) -> &[Rejection] {
        self.rejections.get(place).map_or(&[], Vec::as_slice)
    }

    /// Whether Git is known to have the closing of a proposal as a rejection, lifted since or not.
    #[must_use]
    pub fn is_recorded(&self, place: &Place, number: ProposalNumber, release: &ReleaseId) -> bool {
        let told = |r: &Rejection| r.proposal == Some(number) && r.release == *release;
        self.rejections_of(place).iter().any(told)
            || self.recorded.as_ref().is_some_and(|known| known.contains(&(number, release.clone())))
    }
}
