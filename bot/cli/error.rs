//! The one error of the command line: what is wrong, and what to do about it.

use std::fmt;

/// Which exit code an error has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// It was tried and failed: exit code 1.
    Failed,
    /// The command line is wrong: exit code 2.
    Usage,
    /// A file or the environment is wrong: exit code 2.
    Config,
    /// The server took a build and refused it then: exit code 4.
    Refused,
}

/// Why a command ended. It is shown as `error: …` and `hint: …`; it never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CliError {
    /// Its kind.
    pub kind: ErrorKind,
    /// What is wrong.
    pub message: String,
    /// Who must act, and how.
    pub hint: Option<String>,
}

impl CliError {
    /// It was tried and failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Failed, message: message.into(), hint: None }
    }

    /// The command line is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Usage, message: message.into(), hint: None }
    }

    /// A file or the environment is wrong.
    pub fn config(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Config, message: message.into(), hint: None }
    }

    /// A build was stored and refused then.
    pub fn refused(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Refused, message: message.into(), hint: None }
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The exit code.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self.kind {
            ErrorKind::Failed => 1,
            ErrorKind::Usage | ErrorKind::Config => 2,
            ErrorKind::Refused => 4,
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for CliError {}
