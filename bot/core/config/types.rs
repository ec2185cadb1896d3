//! The types of `gantry.yaml`, as written by the teams.
//!
//! They are what serde reads and what the JSON Schema is generated from. What they mean together (the
//! pipeline, the applications found by `discover`) is in [`super::pipeline`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    files::{ConfigItem, DiscoverItem, Files},
    shapes::OneOrMany,
};
use crate::{
    duration::Span,
    ids::{ApplicationName, BranchName, EntryName, EnvironmentName},
};

/// `gantry.yaml`, at the root of the infra repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The format's version; always 1.
    pub version: u32,
    /// The stages, in any order; `after` makes the graph.
    pub environments: Vec<Environment>,
    /// What is deployed.
    pub applications: Vec<ApplicationRule>,
}

/// One stage of the pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Its name, which stands for `{environment}` in paths.
    pub name: EnvironmentName,
    /// Other names that paths have for it: `{environment}` stands for each of them too.
    #[serde(default, rename = "as", skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<EnvironmentName>,
    /// The environments that a release must have been in before. None: builds arrive here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<EnvironmentName>,
    /// The branch that the operator syncs; the repository's default branch when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<BranchName>,
    /// How a change gets onto that branch.
    pub delivery: Delivery,
    /// Who merges a proposal; only with `delivery: pull-request`, and `manual` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<Merge>,
    /// The conditions on a promotion into it. All must pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<Gate>,
    /// Whose arrivals go on from here; only where builds arrive (no `after`), and `anyone` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<First>,
}

/// Whose arrivals go on from an environment where builds arrive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum First {
    /// Also what people, or a CI of their own, commit there: with the checks that CI reports, and a soak from
    /// when Gantry first saw it.
    #[default]
    Anyone,
    /// Only what Gantry put there itself, by a commit that it sealed.
    Sealed,
}

/// How a change gets onto an environment's branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// A commit straight to the branch.
    Commit,
    /// A proposal: a branch and a pull request.
    PullRequest,
}

/// Who merges a proposal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Merge {
    /// Gantry, as soon as all gates pass.
    Auto,
    /// A release manager: by approving it, or by merging it in the forge.
    #[default]
    Manual,
}

/// A condition on a promotion. Written as a map with one key: `- soak: 10m` (read and written in
/// `written.rs`, as YAML crates write enums with a `!tag`).
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum Gate {
    /// The time that a release must have been in every environment of `after`.
    Soak(Span),
    /// CI checks that must have succeeded on the source revision, by name.
    Checks(Vec<String>),
}

/// One application, or with `discover` as many as the pattern finds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplicationRule {
    /// The application's name. With `discover` it is made of named parts of the path: `{team}-{application}`;
    /// `{application}` alone when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The names that it had before; only with `name`. Rejections, records and closed proposals of an old name are
    /// those of this application.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub was: Vec<ApplicationName>,
    /// A path pattern with `{application}` and `{environment}`, and with parts of other names (`{team}`); each
    /// match is an application there. Of several patterns the first counts that matches an application in an
    /// environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discover: Option<OneOrMany<DiscoverItem>>,
    /// The URL of the application repository, for links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The images that make a release of it.
    pub images: Vec<ImageRule>,
    /// Git references in the files that move with an image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refs: Vec<RefRule>,
    /// The files that name the images, with `{environment}`, and with `discover` also `{application}`; or for each
    /// environment its own. Left out with `discover`, they are the files that it finds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Files>,
    /// Files, and folders ending with `/`, that are promoted byte for byte with each release.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub config: Vec<ConfigItem>,
    /// The environments that it goes through; all when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<Vec<EnvironmentName>>,
}

/// An image of an application, or all that match, and how the newest build is chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageRule {
    /// The image, without tag; with `discover` it may hold `{application}` and other named parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// In place of `image`: every image of the application's files that matches, `*` within a name and `**` for
    /// several. A release has builds of one source revision, or of one tag, of them.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
    /// The only entry of a kustomization that is meant, by its `name`, where several entries have the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryName>,
    /// Which tag is the newest.
    pub select: Select,
    /// What is written to the files.
    #[serde(default)]
    pub write: Write,
}

/// Git references that move with an image: `?ref=`, `targetRevision` and the like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefRule {
    /// The Git repository, as any of its addresses.
    pub url: String,
    /// The image that they move with.
    pub follows: String,
    /// The image's `entry`, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryName>,
    /// What is written.
    #[serde(default)]
    pub write: RefWrite,
}

/// How the newest of an image's tags is found. Exactly one of the four orders is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Select {
    /// The highest version in this range (`>=1.0.0 <2`, `~1.4`, `*`). Prereleases only when the range has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semver: Option<String>,
    /// `true`: the one built last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<bool>,
    /// The last (`desc`) or first (`asc`) in the order of its characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alphabetical: Option<Direction>,
    /// The highest (`desc`) or lowest (`asc`) number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numerical: Option<Direction>,
    /// A regular expression; tags that it doesn't match are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// What is compared, made from the filter's groups: `$build`, `${1}.${2}`. The whole tag when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extract: Option<String>,
}

/// Which end of an order counts as the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The last one is the newest.
    Desc,
    /// The first one is the newest.
    Asc,
}

/// What a Git reference that moves with an image is set to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RefWrite {
    /// The source revision that the image was built from.
    #[default]
    Revision,
    /// The image's tag.
    Tag,
}

/// What is written to the files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Write {
    /// The tag; a digest that stands beside it is removed, because it would pin the old image.
    Tag,
    /// The digest; the tag stays as it is.
    Digest,
    /// Both, so that people read the tag and the cluster pulls the digest.
    #[default]
    TagAndDigest,
}
