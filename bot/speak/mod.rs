//! Renders what the bot says, from `templates/`: reasons, commits, proposals, pages.
//!
//! Every sentence stands in a template, so that a team can read, change and translate it, and so that one
//! reason reads the same on the proposal, in the command line, on the page and in the API (promise 8). A
//! template of a folder given in the settings replaces the embedded one of the same name; all of them are
//! rendered with samples before they are used. Should one fail later all the same, the embedded one speaks
//! in its place and a warning names file and line: a promotion never stops over a sentence.
//!
//! Outside text is made inert ([`inert`]) by the engine, by the kind of the file, not by the templates.

/// The values of a template: each is serialised, so that it is borrowed and keeps nothing.
macro_rules! values {
    (@one $key:ident) => { (stringify!($key), minijinja::Value::from(minijinja::value::Serde(&$key))) };
    (@one $key:ident $value:expr) => { (stringify!($key), minijinja::Value::from(minijinja::value::Serde(&$value))) };
    ($($key:ident $(=> $value:expr)?),* $(,)?) => {
        minijinja::Value::from(std::collections::BTreeMap::from([$(values!(@one $key $($value)?)),*]))
    };
}

mod commits;
mod compare;
mod engine;
mod events;
mod folder;
pub mod inert;
pub mod page;
mod proposal;
mod samples;
mod sentences;
pub mod time;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use minijinja::Value;
use serde::Serialize;

pub use commits::Ruled;
pub use events::Event;
pub use proposal::{ProposalText, parse_marker};

use engine::Engine;

/// A template can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SpeakError {
    /// The folder or a file in it can't be read.
    #[error("templates: {path}: {message}; the platform engineer must mend the folder or the settings")]
    Folder {
        /// Which.
        path: PathBuf,
        /// What went wrong.
        message: String,
    },
    /// A file that replaces nothing.
    #[error("templates: {path} replaces no template of Gantry's; the names are {known}")]
    Unknown {
        /// The file, within the folder.
        path: String,
        /// The names that there are.
        known: String,
    },
    /// A template doesn't parse, or fails on a sample or on real data.
    #[error("templates/{file}{}: {message}", line.map(|line| format!(":{line}")).unwrap_or_default())]
    Render {
        /// The file, within the folder.
        file: String,
        /// The line, from 1, where it is known.
        line: Option<usize>,
        /// What is wrong.
        message: String,
    },
}

/// Speaks: turns reasons, verdicts and effects into text. Cheap to clone.
#[derive(Clone)]
pub struct Renderer(Arc<Inner>);

struct Inner {
    /// The embedded templates.
    own: Engine,
    /// The same with those of the folder in their places, where there is a folder.
    changed: Option<Engine>,
    /// While samples are tried: the first failure of the folder's templates.
    trial: Option<OnceLock<SpeakError>>,
}

impl std::fmt::Debug for Renderer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renderer").field("changed", &self.0.changed.is_some()).finish()
    }
}

impl Renderer {
    /// Speaks by the templates in the binary.
    #[must_use]
    pub fn embedded() -> Self {
        match Engine::new(engine::embedded()) {
            Ok(own) => Self(Arc::new(Inner { own, changed: None, trial: None })),
            // Which files these are is fixed when Gantry is built, and the first test compiles them.
            Err(error) => unreachable!("the embedded templates compile: {error}"),
        }
    }

    /// Speaks by the templates in the binary, those replaced for which `folder` has a file of the same name.
    ///
    /// # Errors
    /// The folder can't be read, a name in it is unknown, or a template doesn't parse or fails on a sample.
    pub fn with_folder(folder: &Path) -> Result<Self, SpeakError> {
        let mut files = engine::embedded();
        for (name, text) in folder::read(folder, &files)? {
            files.insert(name, text);
        }
        let own = Engine::new(engine::embedded())?;
        let inner = Inner { own, changed: Some(Engine::new(files)?), trial: Some(OnceLock::new()) };
        let renderer = Self(Arc::new(inner));
        samples::Samples::read().speak(&renderer);
        match Arc::into_inner(renderer.0) {
            Some(Inner { own, changed, trial }) => match trial.and_then(OnceLock::into_inner) {
                Some(error) => Err(error),
                None => Ok(Self(Arc::new(Inner { own, changed, trial: None }))),
            },
            None => unreachable!("nobody else holds the renderer yet"),
        }
    }

    /// A page: `page/overview.html` with a [`page::Overview`].
    ///
    /// # Errors
    /// There is no such template, or it doesn't fit the context.
    pub fn page(&self, template: &str, context: impl Serialize) -> Result<String, SpeakError> {
        self.with(|engine| engine.document(template, &context))
    }

    /// A file that is served as it is: `page/style.css`.
    #[must_use]
    pub fn asset(&self, name: &str) -> Option<&str> {
        self.0.changed.as_ref().unwrap_or(&self.0.own).asset(name)
    }

    /// Speaks by the folder's templates, and by the embedded ones where those fail.
    fn with<T>(&self, speak: impl Fn(&Engine) -> Result<T, SpeakError>) -> Result<T, SpeakError> {
        let failed = self.0.trial.as_ref().is_some_and(|trial| trial.get().is_some());
        if let Some(changed) = self.0.changed.as_ref().filter(|_| !failed) {
            match speak(changed) {
                Ok(text) => return Ok(text),
                Err(error) => {
                    if let Some(trial) = &self.0.trial {
                        // Only the first failure is told.
                        let _ = trial.set(error);
                    } else {
                        tracing::warn!(%error, "a template failed; the embedded one speaks in its place");
                    }
                }
            }
        }
        speak(&self.0.own)
    }

    /// A block of a sheet as one line.
    fn block(&self, sheet: &str, block: &str, values: &Value) -> String {
        inert::cut(&self.lines(sheet, block, values), 4 * inert::LONGEST)
    }

    /// A block of a sheet. Should the embedded one fail too, which no test has seen, its name is the text.
    fn lines(&self, sheet: &str, block: &str, values: &Value) -> String {
        self.with(|engine| engine.block(sheet, block, values)).unwrap_or_else(|error| {
            tracing::error!(%error, "an embedded template failed; this is an error in Gantry");
            block.replace('_', " ")
        })
    }
}

#[cfg(test)]
mod tests;
