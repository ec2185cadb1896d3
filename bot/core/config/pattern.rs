//! Path patterns: `apps/{application}/overlays/{environment}/kustomization.yaml`.
//!
//! A pattern becomes a path by putting names in for the placeholders, and never anything else: names have
//! no `/`, and a pattern itself can't leave the repository, name `.git` or hold control characters. `*` stands for
//! characters within a name and `**` for folders; a pattern with one becomes a pattern of the files of a tree.

mod finder;

use super::{
    error::{did_you_mean, quoted},
    found::Parts,
};
pub(super) use finder::Finder;

const LONGEST: usize = 500;
/// The most placeholders and stars of a pattern.
const MOST: usize = 20;

/// A checked path pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// A named part of a path, `application` among them.
    Named(String),
    Environment,
    /// `*`
    Star,
    /// `**`, a whole name of the path.
    Deep,
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
                "**" => {}
                other if other.contains("**") => {
                    return refuse("`**` beside other characters", "`**` stands for whole folders: `a/**/b`");
                }
                _ => {}
            }
        }
        Self::read(text, true)
    }

    /// Reads a pattern of any text: an image with `{application}`.
    pub(super) fn text(text: &str) -> Result<Self, Mistake> {
        Self::read(text, false)
    }

    /// Reads a pattern of images: `registry.example.com/{team}/*`.
    pub(super) fn images(text: &str) -> Result<Self, Mistake> {
        if text.is_empty() || text.len() > LONGEST || text.chars().any(|c| c.is_control() || c == ' ') {
            return Err((format!("a pattern of images has 1 to {LONGEST} characters and no blanks"), None));
        }
        Self::read(text, true)
    }

    fn read(text: &str, stars: bool) -> Result<Self, Mistake> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let inside = rest[at..].strip_prefix('{').and_then(|inside| inside.split_once('}'));
            let Some((name, after)) = inside.filter(|(name, _)| !name.contains('{')) else {
                let hint =
                    "placeholders are `{application}`, `{environment}` and names of your own".to_owned();
                return Err(("a `{` or `}` without its other half".into(), Some(hint)));
            };
            plain(&rest[..at], stars, &mut parts);
            parts.push(placeholder(name)?);
            rest = after;
        }
        plain(rest, stars, &mut parts);
        let count = parts.iter().filter(|part| !matches!(part, Part::Text(_))).count();
        if count > MOST {
            return Err((format!("{count} placeholders and stars; at most {MOST} are possible"), None));
        }
        Ok(Self(parts))
    }

    /// The names of its placeholders but for `environment`, each once.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().enumerate().filter_map(|(at, part)| match part {
            Part::Named(name) if !self.0[..at].contains(part) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether `{application}` stands in it.
    pub(super) fn has_application(&self) -> bool {
        self.names().any(|name| name == APPLICATION)
    }

    /// How often `{environment}` stands in it.
    pub(super) fn environments(&self) -> usize {
        self.0.iter().filter(|part| **part == Part::Environment).count()
    }

    /// Whether it has `*` or `**`.
    pub(super) fn has_stars(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Star | Part::Deep))
    }

    /// The text with names put in; stars stay.
    pub(super) fn fill(&self, parts: &Parts, environment: &str) -> String {
        let mut text = String::new();
        for part in &self.0 {
            text.push_str(match part {
                Part::Text(own) => own,
                Part::Named(name) => parts.get(name).map_or("", String::as_str),
                Part::Environment => environment,
                Part::Star => "*",
                Part::Deep => "**",
            });
        }
        text
    }

    /// What every path begins with that it means.
    pub(super) fn beginning(&self) -> &str {
        match self.0.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }
}

/// The placeholder that every application has.
pub(super) const APPLICATION: &str = "application";

/// The named parts of an application of which its name alone is known.
pub(super) fn of_application(name: &str) -> Parts {
    Parts::from([(APPLICATION.to_owned(), name.to_owned())])
}

/// Text without placeholders.
fn plain(text: &str, stars: bool, parts: &mut Vec<Part>) {
    let mut rest = text;
    loop {
        let star = rest.find('*').filter(|_| stars);
        let (own, after) = rest.split_at(star.unwrap_or(rest.len()));
        if !own.is_empty() {
            parts.push(Part::Text(own.to_owned()));
        }
        let Some(beyond) = after.strip_prefix('*') else { return };
        let deep = beyond.strip_prefix('*');
        parts.push(if deep.is_some() { Part::Deep } else { Part::Star });
        rest = deep.unwrap_or(beyond);
    }
}

fn placeholder(name: &str) -> Result<Part, Mistake> {
    match name {
        "environment" => return Ok(Part::Environment),
        APPLICATION => return Ok(Part::Named(APPLICATION.to_owned())),
        _ => {}
    }
    let near = ["env", "stage"].contains(&name).then_some("environment");
    let near = near.or(["app", "name"].contains(&name).then_some("application"));
    let hint = match near {
        Some(near) => Some(format!("did you mean `{{{near}}}`?")),
        None => did_you_mean(name, ["application", "environment"]).map(|_| {
            let near = did_you_mean(name, ["{application}", "{environment}"]);
            near.unwrap_or_else(|| "known are `{application}` and `{environment}`".into())
        }),
    };
    if let Some(hint) = hint {
        return Err((format!("unknown placeholder {}", quoted(name)), Some(hint)));
    }
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    if name.is_empty() || name.len() > 50 || !name.bytes().all(fine) {
        let hint = "a name of your own has small letters, digits, `-` and `_`: `{team}`".to_owned();
        return Err((format!("not a placeholder: {}", quoted(name)), Some(hint)));
    }
    Ok(Part::Named(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_filled() {
        let pattern =
            Pattern::path("a/{environment}/{application}/{team}-*/**/v-{environment}.yaml").unwrap();
        let mut parts = of_application("shop");
        parts.insert("team".to_owned(), "red".to_owned());
        assert_eq!(pattern.fill(&parts, "qa"), "a/qa/shop/red-*/**/v-qa.yaml");
        assert_eq!(
            (pattern.names().collect::<Vec<_>>(), pattern.environments()),
            (vec!["application", "team"], 2)
        );
        assert!(pattern.has_application() && pattern.has_stars());
        assert_eq!(pattern.beginning(), "a/");
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
            ("a/{enviroment}", "unknown placeholder `enviroment`"),
            ("a/{Team}", "not a placeholder: `Team`"),
            ("a/{}", "not a placeholder"),
            ("a/{application", "other half"),
            ("a/environment}", "other half"),
            ("a/{{environment}}", "other half"),
            ("a/b**", "beside other characters"),
            ("a/***", "beside other characters"),
            ("*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*", "21 placeholders and stars"),
        ] {
            let (message, _) = Pattern::path(bad).unwrap_err();
            assert!(message.contains(part), "{bad:?}: {message}");
        }
    }
}
