//! What stops the reading of a node: serde's errors, with the words and hints that people get.

use std::fmt;

use serde::de::{self, Unexpected};

use super::{
    error::{Problem, did_you_mean, quoted, unknown_key},
    types::Gate,
};

/// Gates that later versions have.
const LATER_GATES: [&str; 6] = ["approvals", "window", "health", "signature", "http", "metric"];

/// What to do about a placeholder that YAML takes for a map.
pub(super) const QUOTES: &str = "put text that begins with `{` in quotes";

/// An error on its way out; it gets its place at the innermost node that it passes.
#[derive(Debug)]
pub(super) struct Fault(Box<Inner>);

#[derive(Debug)]
struct Inner {
    message: String,
    hint: Option<String>,
    problem: Option<Problem>,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Inner { message: message.into(), hint: None, problem: None }))
    }

    pub(super) fn hint(mut self, hint: Option<String>) -> Self {
        match &mut self.0.problem {
            Some(problem) => problem.hint = problem.hint.take().or(hint),
            None => self.0.hint = self.0.hint.take().or(hint),
        }
        self
    }

    /// Whether it has a place already.
    pub(super) fn placed(&self) -> bool {
        self.0.problem.is_some()
    }

    /// The problem that it is, once it has a place.
    pub(super) fn problem(self) -> Option<Problem> {
        self.0.problem
    }

    /// Makes a problem with a place of its message and hint, unless it is one already.
    pub(super) fn or_problem(mut self, problem: impl FnOnce(String, Option<String>) -> Problem) -> Self {
        if self.0.problem.is_none() {
            self.0.problem = Some(problem(self.0.message.clone(), self.0.hint.take()));
        }
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let found = match found {
            Unexpected::Str(text) => quoted(text),
            Unexpected::Seq => "a list".into(),
            Unexpected::Map => "a map".into(),
            other => other.to_string(),
        };
        Self::new(format!("expected {expected}, found {found}"))
    }

    fn invalid_length(_: usize, expected: &dyn de::Expected) -> Self {
        Self::new(format!("expected {expected}, found nothing in it"))
    }

    fn unknown_variant(found: &str, expected: &'static [&'static str]) -> Self {
        let gate = expected == Gate::NAMES;
        let what = if gate { "unknown gate" } else { "unknown value" };
        let hint = if gate && LATER_GATES.contains(&found) {
            format!("this gate is not in this version; known are {}", expected.join(", "))
        } else {
            let near = did_you_mean(found, expected.iter().copied());
            near.unwrap_or_else(|| format!("known are {}", expected.join(", ")))
        };
        Self::new(format!("{what} {}", quoted(found))).hint(Some(hint))
    }

    fn unknown_field(found: &str, expected: &'static [&'static str]) -> Self {
        // `{environment}` without quotes is a map with that key to YAML.
        let hint = match found {
            "application" | "environment" => QUOTES.to_owned(),
            _ => unknown_key(found, expected),
        };
        Self::new("unknown key").hint(Some(hint))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("`{field}` is missing"))
    }
}
