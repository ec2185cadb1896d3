//! What CI tells of a build.
//!
//! A build is one run of one check over one image at one digest. It is identified by these three, so that a
//! sender may repeat itself: the same report again is the same build, and a later report with another status
//! replaces the earlier one.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{Digest, ImageName, Tag};

/// The check under which a build is kept where the sender names none.
pub const DEFAULT_CHECK: &str = "ci";

/// How a build stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BuildStatus {
    /// Finished, and good.
    Success,
    /// Finished, and bad: the artifact is recorded and never promoted.
    Failed,
    /// Still running.
    Pending,
}

impl BuildStatus {
    /// The word for it in the API, the database and texts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Pending => "pending",
        }
    }

    /// The status of that word, `None` for any other word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Success, Self::Failed, Self::Pending].into_iter().find(|status| status.as_str() == word)
    }
}

/// One report of a build, as CI sent it. The texts are bounded and checked where they came in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct BuildReport {
    /// The image that was built.
    pub image: ImageName,
    /// The tag under which it was pushed.
    pub tag: Tag,
    /// The digest of the manifest or of the index. `None` where the registry has yet to be asked.
    pub digest: Option<Digest>,
    /// The source revision, usually a commit id.
    pub revision: Option<String>,
    /// The source repository's URL.
    pub source: Option<String>,
    /// When it was built, by CI's clock.
    #[schemars(with = "Option<String>")]
    pub created: Option<Timestamp>,
    /// How it stands.
    pub status: BuildStatus,
    /// Where a person reads more: the page of the run.
    pub url: Option<String>,
    /// The name of the check, [`DEFAULT_CHECK`] where the sender names none. Gates ask for checks by this name.
    #[serde(default = "default_check")]
    pub check: String,
}

fn default_check() -> String {
    DEFAULT_CHECK.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_survives_the_inbox() {
        let report = BuildReport {
            image: "r.io/shop/checkout".parse().unwrap(),
            tag: "1.4.0".parse().unwrap(),
            digest: Some(format!("sha256:{}", "a".repeat(64)).parse().unwrap()),
            revision: Some("0f3c".into()),
            source: None,
            created: Some("2026-11-21T10:00:00Z".parse().unwrap()),
            status: BuildStatus::Failed,
            url: None,
            check: DEFAULT_CHECK.into(),
        };
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["status"], "failed");
        assert_eq!(serde_json::from_value::<BuildReport>(json).unwrap(), report);
    }

    #[test]
    fn every_status_has_one_word() {
        for status in [BuildStatus::Success, BuildStatus::Failed, BuildStatus::Pending] {
            assert_eq!(BuildStatus::from_word(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert_eq!(BuildStatus::from_word("ok"), None);
    }
}
