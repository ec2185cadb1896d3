//! What each reason comes to: who has to act, and the mark that stands before it in every view.

use super::{Mark, Owner, Reason};

impl Reason {
    /// Who has to act for it to go on.
    #[must_use]
    pub fn owner(&self) -> Owner {
        match self {
            Self::CheckMissing { .. } | Self::CheckRunning { .. } | Self::CheckFailed { .. } => Owner::Ci,
            Self::NeedsApproval { .. }
            | Self::Rejected { .. }
            | Self::BehindRejected { .. }
            | Self::TakenBack { .. }
            | Self::NotPromoted { .. }
            | Self::Pinned { .. } => Owner::ReleaseManager,
            Self::NoBuild { problem: Some(_), .. } | Self::DigestUnseen { problem: Some(_), .. } => {
                Owner::Platform
            }
            Self::NoBuild { .. }
            | Self::NotTogether { .. }
            | Self::NeverSeen { .. }
            | Self::TagGone
            | Self::DigestGone { .. }
            | Self::ReportsLost { .. } => Owner::Ci,
            Self::Withdrawn { .. }
            | Self::Unordered { .. }
            | Self::UnknownContents { .. }
            | Self::TakenOver { .. }
            | Self::NotConfigured { .. }
            | Self::NotSelected { .. }
            | Self::GoesBack { .. }
            | Self::SoakCutShort { .. } => Owner::Team,
            Self::Broken { problem } => problem.owner,
            Self::WriteRefused { owner, .. } => *owner,
            Self::ForgeSilent | Self::GitSilent => Owner::Platform,
            Self::Soaked { .. }
            | Self::Soaking { .. }
            | Self::NotUpstream { .. }
            | Self::ChecksPassed { .. }
            | Self::Approved { .. }
            | Self::MergesItself
            | Self::NeverPromoted { .. }
            | Self::HistoryUnread { .. }
            | Self::DigestUnseen { .. }
            | Self::OlderThanHeld { .. }
            | Self::Superseded { .. }
            | Self::ListIncomplete { .. }
            | Self::InPlace { .. }
            | Self::WasInPlace { .. }
            | Self::Ready
            | Self::Proposed { .. }
            | Self::NewerUpstream { .. }
            | Self::NothingNewer => Owner::Nobody,
        }
    }

    /// The mark that stands before it, wherever it is shown.
    #[must_use]
    pub fn mark(&self) -> Mark {
        match self {
            Self::Soaked { .. }
            | Self::ChecksPassed { .. }
            | Self::Approved { .. }
            | Self::MergesItself
            | Self::InPlace { .. }
            | Self::WasInPlace { .. } => Mark::Done,
            Self::Ready => Mark::Moving,
            Self::Soaking { .. }
            | Self::NotUpstream { .. }
            | Self::CheckMissing { .. }
            | Self::CheckRunning { .. }
            | Self::NeedsApproval { .. }
            | Self::Proposed { .. }
            | Self::DigestUnseen { .. }
            | Self::HistoryUnread { .. }
            | Self::ReportsLost { .. }
            | Self::NotTogether { .. }
            | Self::ListIncomplete { .. } => Mark::Waiting,
            Self::NothingNewer | Self::NewerUpstream { .. } | Self::NeverPromoted { .. } => Mark::Quiet,
            Self::SoakCutShort { .. }
            | Self::CheckFailed { .. }
            | Self::Rejected { .. }
            | Self::Withdrawn { .. }
            | Self::TakenBack { .. }
            | Self::NotPromoted { .. }
            | Self::OlderThanHeld { .. }
            | Self::GoesBack { .. }
            | Self::Unordered { .. }
            | Self::Superseded { .. }
            | Self::BehindRejected { .. }
            | Self::NotSelected { .. }
            | Self::Pinned { .. }
            | Self::NeverSeen { .. }
            | Self::TagGone
            | Self::DigestGone { .. }
            | Self::NoBuild { .. }
            | Self::UnknownContents { .. }
            | Self::Broken { .. }
            | Self::TakenOver { .. }
            | Self::NotConfigured { .. }
            | Self::ForgeSilent
            | Self::GitSilent
            | Self::WriteRefused { .. } => Mark::Stopped,
        }
    }
}
