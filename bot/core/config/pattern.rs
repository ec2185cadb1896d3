//! Path patterns: `apps/{application}/overlays/{environment}/kustomization.yaml`.
//!
//! A pattern becomes a path by putting names in for the placeholders, and never anything else: names have
//! no `/`, and a pattern itself can't leave the repository, name `.git` or hold control characters.

use super::error::{did_you_mean, quoted};

const LONGEST: usize = 500;

/// A checked path pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Application,
    Environment,
}

/// What is wrong with a pattern, and what to write instead.
pub(super) type Mistake = (String, Option<String>);

impl Pattern {
    /// Reads a pattern that is a path.
    pub(super) fn path(text: &str) -> Result<Self, Mistake> {
        let refuse = |message: &str, hint: &str| Err((message.to_owned(), Some(hint.to_owned())));
        if text.is_empty() || text.len() > LONGEST {
            return Err((format!("a path has 1 to {LONGEST} bytes"), None));
        }
        if text.chars().any(char::is_control) {
            return Err(("a path can't hold control characters".into(), None));
        }
        if text.contains('\\') {
            return refuse("a path can't hold backslashes", "divide folders by `/`");
        }
        if text.starts_with('/') {
            return refuse("an absolute path", "write it from the root of the infra repository, without `/`");
        }
        for segment in text.split('/') {
            match segment {
                ".." => return refuse("a path can't leave the repository", "write it without `..`"),
                "" | "." => {
                    return refuse(
                        "an empty folder name in the path",
                        "write it without `//`, `./` or a last `/`",
                    );
                }
                other if other.eq_ignore_ascii_case(".git") => {
                    return Err(("a path can't lead into `.git`".into(), None));
                }
                _ => {}
            }
        }
        Self::text(text)
    }

    /// Reads a pattern of any text: an image with `{application}`.
    pub(super) fn text(text: &str) -> Result<Self, Mistake> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let inside = rest[at..].strip_prefix('{').and_then(|inside| inside.split_once('}'));
            let Some((name, after)) = inside.filter(|(name, _)| !name.contains('{')) else {
                let hint = "placeholders are `{application}` and `{environment}`".to_owned();
                return Err(("a `{` or `}` without its other half".into(), Some(hint)));
            };
            if at > 0 {
                parts.push(Part::Text(rest[..at].to_owned()));
            }
            parts.push(match name {
                "application" => Part::Application,
                "environment" => Part::Environment,
                other => {
                    let near = ["env", "stage"].contains(&other).then_some("environment");
                    let near = near.or(["app", "name"].contains(&other).then_some("application"));
                    let hint = match near {
                        Some(near) => format!("did you mean `{{{near}}}`?"),
                        None => did_you_mean(other, ["{application}", "{environment}"])
                            .unwrap_or_else(|| "known are `{application}` and `{environment}`".into()),
                    };
                    return Err((format!("unknown placeholder {}", quoted(other)), Some(hint)));
                }
            });
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// How often `{application}` stands in it.
    pub(super) fn applications(&self) -> usize {
        self.0.iter().filter(|part| **part == Part::Application).count()
    }

    /// How often `{environment}` stands in it.
    pub(super) fn environments(&self) -> usize {
        self.0.iter().filter(|part| **part == Part::Environment).count()
    }

    /// The text with both names put in.
    pub(super) fn fill(&self, application: &str, environment: &str) -> String {
        let mut text = String::new();
        for part in &self.0 {
            text.push_str(match part {
                Part::Text(own) => own,
                Part::Application => application,
                Part::Environment => environment,
            });
        }
        text
    }

    /// What stands before and after `{application}`, in this environment: a path that begins and ends so
    /// holds the application's name in between.
    pub(super) fn around(&self, environment: &str) -> (String, String) {
        let mut halves = (String::new(), String::new());
        let mut half = &mut halves.0;
        for part in &self.0 {
            match part {
                Part::Text(own) => half.push_str(own),
                Part::Environment => half.push_str(environment),
                Part::Application => half = &mut halves.1,
            }
        }
        halves
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_filled_and_split() {
        let pattern = Pattern::path("a/{environment}/{application}/v-{environment}.yaml").unwrap();
        assert_eq!(pattern.fill("shop", "qa"), "a/qa/shop/v-qa.yaml");
        assert_eq!(pattern.around("qa"), ("a/qa/".into(), "/v-qa.yaml".into()));
        assert_eq!((pattern.applications(), pattern.environments()), (1, 2));
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        for (bad, part) in [
            ("", "1 to 500"),
            ("/etc/passwd", "absolute"),
            ("a/../b", "leave"),
            ("..", "leave"),
            ("a//b", "empty"),
            ("./a", "empty"),
            ("a/", "empty"),
            ("a\\b", "backslash"),
            ("a\nb", "control"),
            (".GIT/config", ".git"),
            ("a/{env}", "unknown placeholder `env`"),
            ("a/{application", "other half"),
            ("a/environment}", "other half"),
            ("a/{{environment}}", "other half"),
        ] {
            let (message, _) = Pattern::path(bad).unwrap_err();
            assert!(message.contains(part), "{bad:?}: {message}");
        }
    }
}
