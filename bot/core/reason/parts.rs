//! What reasons are made of: who must act, the mark, what tells older from newer, and a problem in a file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// The team that owns the infra repository or `gantry.yaml`.
    Team,
    /// The CI of the application.
    Ci,
    /// A release manager.
    ReleaseManager,
    /// Whoever runs Gantry, the registry or the forge.
    Platform,
    /// Nobody: time passes, or Gantry goes on by itself.
    Nobody,
}

/// How a release stands somewhere, in one sign. Every view shows the same one for the same reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// It is there, or was; or the gate passes.
    Done,
    /// Gantry does it now.
    Moving,
    /// Time, CI, a registry or a release manager's word is missing.
    Waiting,
    /// It doesn't go on until somebody acts.
    Stopped,
    /// Nothing is under way.
    Quiet,
}

impl Mark {
    /// The sign.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Done => "✓",
            Self::Moving => "→",
            Self::Waiting => "…",
            Self::Stopped => "✗",
            Self::Quiet => "·",
        }
    }
}

/// Something in a repository's files that has to be mended by people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// The file, where one is at fault.
    pub file: Option<String>,
    /// Its line, from 1.
    pub line: Option<usize>,
    /// The column, from 1, in characters.
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// Who must act.
    pub owner: Owner,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
            for number in [self.line, self.column].into_iter().flatten() {
                write!(f, "{number}:")?;
            }
            f.write_str(" ")?;
        }
        f.write_str(&self.message)
    }
}

/// By what one release is told from a newer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OrderBy {
    /// The version, by `semver`.
    Semver,
    /// The build time.
    BuildTime,
    /// The tag's text, by `alphabetical`.
    Alphabetical,
    /// The number, by `numerical`.
    Numerical,
    /// The order in which they came to the environment before.
    Arrival,
}
