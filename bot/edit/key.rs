//! Key paths: `image.tag`, `spec.values."a.b"[0]`, `#2.image.tag`.

use std::str::FromStr;

/// A path of keys and places in lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The document of a stream, from 1.
    pub document: Option<usize>,
    /// The steps from the document's root.
    pub steps: Vec<Step>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A key of a mapping.
    Name(String),
    /// An item of a list, from 0.
    Index(usize),
}

/// The text is no key path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no key path")]
pub struct KeyError;

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let steps = text.split('.').map(|name| Step::Name(name.to_owned())).collect();
        Ok(Self { document: None, steps })
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, step) in self.steps.iter().enumerate() {
            match step {
                Step::Name(name) if at == 0 => write!(f, "{name}")?,
                Step::Name(name) => write!(f, ".{name}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
