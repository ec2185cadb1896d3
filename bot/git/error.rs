//! What can go wrong with an infra repository, and who must act.
//!
//! Every text names the URL (never with a secret) or the folder, and ends with the one who can mend it.
//! What a server says is outside text: it is cut and its control characters are dropped before it stands
//! in an error.

use std::{path::PathBuf, time::Duration};

use gantry_core::{ids::CommitId, reason::Owner};

/// An operation on an infra repository or its mirror that did not happen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// The repository's settings cannot be used.
    #[error("repository {url}: {what}; the platform engineer must change the server settings")]
    Settings {
        /// The URL as shown to people, without a password.
        url: String,
        /// What is wrong and what to write instead.
        what: String,
    },
    /// There is no repository at the URL, or the credentials may not see it.
    #[error(
        "there is no repository at {url}, or the credentials may not see it ({why}); \
         the platform engineer must correct the URL or grant access"
    )]
    Missing {
        /// The URL as shown to people.
        url: String,
        /// What the server said.
        why: String,
    },
    /// The server did not accept the credentials, or there were none.
    #[error("{url} refused the credentials ({why}); the platform engineer must set valid ones")]
    Denied {
        /// The URL as shown to people.
        url: String,
        /// What the server said.
        why: String,
    },
    /// No answer within the time allowed for one fetch or push.
    #[error("{url} gave no answer within {} s; it is tried again, look at the server if it stays", after.as_secs_f64())]
    Timeout {
        /// The URL as shown to people.
        url: String,
        /// The time that was allowed.
        after: Duration,
    },
    /// The server cannot be reached, or is in trouble; it passes or its owner must act.
    #[error("{url} cannot be reached: {why}; it is tried again, look at the server if it stays")]
    Unreachable {
        /// The URL as shown to people.
        url: String,
        /// What happened.
        why: String,
    },
    /// The answer is not Git's protocol, or uses what Gantry does not know.
    #[error("{url} did not answer as a Git server: {why}; the platform engineer must check the URL")]
    Protocol {
        /// The URL as shown to people.
        url: String,
        /// What was wrong with the answer.
        why: String,
    },
    /// The repository has no commit at all.
    #[error("{url} is empty; push a first commit to it")]
    Empty {
        /// The URL as shown to people.
        url: String,
    },
    /// The repository has no such branch.
    #[error("{url} has no branch {branch}; push that branch or name another one in gantry.yaml")]
    NoBranch {
        /// The URL as shown to people.
        url: String,
        /// The branch that is missing.
        branch: String,
    },
    /// The mirror does not hold this commit: it was never fetched, or was made before the mirror was re-made.
    #[error("commit {id} is not in the mirror of {url}; fetch and plan again")]
    NoCommit {
        /// The URL as shown to people.
        url: String,
        /// The commit that was asked for.
        id: CommitId,
    },
    /// Something in the repository is larger or deeper than Gantry reads.
    #[error("{url}: {what} is over the limit of {limit}; who committed it must make it smaller")]
    TooLarge {
        /// The URL as shown to people.
        url: String,
        /// What is too large, with its path where it has one.
        what: String,
        /// The limit with its unit.
        limit: String,
    },
    /// A draft that must not be written.
    #[error("{path} in {url} is not changed: {why}")]
    Draft {
        /// The URL as shown to people.
        url: String,
        /// The path, or the part of the draft, that is refused.
        path: String,
        /// The reason and who must act.
        why: String,
    },
    /// The mirror on disk cannot be read; the next fetch makes it anew.
    #[error("the mirror in {} is damaged ({why}); the next fetch makes it anew", folder.display())]
    Damaged {
        /// The folder of the mirror.
        folder: PathBuf,
        /// What could not be read.
        why: String,
    },
    /// A commit cannot be signed, so it is not made.
    #[error(
        "commits for {url} cannot be signed with the key of commits.sign ({key}): {why}; \
         nothing is pushed, the platform engineer must mend the key or the server settings"
    )]
    Unsigned {
        /// The URL as shown to people.
        url: String,
        /// The key as the settings name it.
        key: String,
        /// What the signing program said.
        why: String,
    },
    /// The credential helper of the settings gave nothing that can be used.
    #[error(
        "{url} has no credentials: the credential_helper {why}; \
         the platform engineer must mend it or the server settings"
    )]
    Helper {
        /// The URL as shown to people.
        url: String,
        /// What happened, without its output, in which the secret may be.
        why: String,
    },
    /// Another process holds the mirror.
    #[error("the mirror in {} is in use by another process; stop it or give this one another folder", folder.display())]
    InUse {
        /// The folder of the mirror.
        folder: PathBuf,
    },
    /// The folder of the mirror cannot be read or written.
    #[error("the mirror in {}: {source}; the platform engineer must make the folder writable", folder.display())]
    Io {
        /// The folder of the mirror.
        folder: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A piece of work on the repository did not end: a defect, or the process is stopping.
    #[error("the work on the repository did not end: {why}; it is done again, report it if it stays")]
    Unfinished {
        /// What is known of it.
        why: String,
    },
}

impl GitError {
    /// A piece of work that did not end.
    #[must_use]
    pub fn unfinished(why: impl ToString) -> Self {
        Self::Unfinished { why: tame(&why.to_string(), 300) }
    }

    /// Who can mend it.
    #[must_use]
    pub fn owner(&self) -> Owner {
        match self {
            Self::Empty { .. } | Self::NoBranch { .. } | Self::TooLarge { .. } | Self::Draft { .. } => {
                Owner::Team
            }
            Self::NoCommit { .. } | Self::Damaged { .. } | Self::Unfinished { .. } => Owner::Nobody,
            Self::Settings { .. }
            | Self::Missing { .. }
            | Self::Denied { .. }
            | Self::Timeout { .. }
            | Self::Unreachable { .. }
            | Self::Protocol { .. }
            | Self::Unsigned { .. }
            | Self::Helper { .. }
            | Self::InUse { .. }
            | Self::Io { .. } => Owner::Platform,
        }
    }

    /// Whether the same call may succeed later with nobody acting.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            Self::Timeout { .. }
            | Self::Unreachable { .. }
            | Self::NoCommit { .. }
            | Self::Damaged { .. }
            | Self::InUse { .. }
            | Self::Unfinished { .. } => true,
            Self::Settings { .. }
            | Self::Missing { .. }
            | Self::Denied { .. }
            | Self::Protocol { .. }
            | Self::Empty { .. }
            | Self::NoBranch { .. }
            | Self::TooLarge { .. }
            | Self::Draft { .. }
            | Self::Unsigned { .. }
            | Self::Helper { .. }
            | Self::Io { .. } => false,
        }
    }
}

/// Makes text from outside fit for an error: one line, no control characters, at most `limit` characters.
pub(super) fn tame(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit));
    let mut space = false;
    let mut count = 0;
    for c in text.trim().chars() {
        if c.is_whitespace() || c.is_control() {
            space = true;
            continue;
        }
        // Bidirectional controls would let a server rearrange what a person reads.
        if matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        {
            continue;
        }
        if count >= limit {
            out.push('…');
            break;
        }
        if std::mem::take(&mut space) {
            out.push(' ');
            count += 1;
        }
        out.push(c);
        count += 1;
    }
    out
}

/// The text of an error with its causes, for the `why` of a [`GitError`].
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    for _ in 0..8 {
        let Some(cause) = next else { break };
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    tame(&text, 400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_text_is_one_tame_line() {
        assert_eq!(tame("  a\x1b[31m\r\n\tb\u{202e}c ", 40), "a [31m bc");
        assert_eq!(tame(&"x".repeat(1000), 5), "xxxxx…");
    }
}
