//! Where output goes: data to stdout, messages to stderr, in the format that was asked for.
//!
//! What was written by others never reaches a terminal with control characters in it. A reader that goes
//! away (`| head`) is no error.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use serde::Serialize;

use super::{error::CliError, text};

/// The form of the data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// Only names, one a line, for scripts.
    Name,
}

/// How a piece of text is painted where colours are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    Bold,
    Dim,
    Good,
    Warn,
    Bad,
}

/// The terminal, or what stands in its place.
#[derive(Debug, Clone)]
pub struct Screen {
    width: Option<usize>,
    colours: bool,
    notes: bool,
}

impl Screen {
    /// Looks at the terminal and at `NO_COLOR`, `TERM` and `COLUMNS`.
    ///
    /// An exported `COLUMNS` counts where there is no terminal too: shells don't export it by themselves.
    #[must_use]
    pub fn detect() -> Self {
        let terminal = io::stdout().is_terminal();
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let columns = set("COLUMNS").and_then(|text| text.to_str()?.parse().ok());
        let columns = columns.filter(|columns| (20..=1000).contains(columns));
        let size = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0).max(20));
        let width = columns.or_else(|| if terminal { size().or(Some(80)) } else { None });
        let dumb = set("TERM").is_some_and(|term| term == "dumb");
        Self {
            width,
            colours: terminal && set("NO_COLOR").is_none() && !dumb,
            notes: io::stderr().is_terminal(),
        }
    }

    /// Without colours, for tests of what is drawn on it.
    #[cfg(test)]
    pub(super) fn plain(width: Option<usize>) -> Self {
        Self { width, colours: false, notes: false }
    }

    /// How many cells a line has; none where lines may be as long as they are.
    pub(super) fn width(&self) -> Option<usize> {
        self.width
    }

    /// Paints text, where colours are on.
    pub(super) fn paint(&self, text: &str, paint: Paint) -> String {
        let code = match paint {
            Paint::Plain => "",
            Paint::Bold => "1",
            Paint::Dim => "2",
            Paint::Good => "32",
            Paint::Warn => "33",
            Paint::Bad => "31",
        };
        if self.colours && !code.is_empty() && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// A unified difference, painted line by line and made harmless.
    pub(super) fn diff(&self, diff: &str) -> String {
        let paint = |line: &str| match line.as_bytes().first() {
            Some(b'+') => Paint::Good,
            Some(b'-') => Paint::Bad,
            Some(b'@') => Paint::Dim,
            _ => Paint::Plain,
        };
        text::lines(diff).lines().map(|line| format!("{}\n", self.paint(line, paint(line)))).collect()
    }

    /// Writes data to stdout. The caller has made text from outside harmless.
    ///
    /// # Errors
    /// If it can't be written, for instance on a full disk; not if the reader went away.
    pub fn print(&self, data: &str) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        match out.write_all(data.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(|error| CliError::failed(format!("stdout can't be written: {error}"))),
        }
    }

    /// Writes data as JSON or YAML.
    ///
    /// # Errors
    /// As [`Screen::print`].
    pub fn data<T: Serialize>(&self, data: &T, yaml: bool) -> Result<(), CliError> {
        let broken = |error: &dyn std::fmt::Display| CliError::failed(format!("no output: {error}"));
        if yaml {
            let text = serde_yaml::to_string(data).map_err(|error| broken(&error))?;
            if text::harmless(&text) {
                return self.print(&text);
            }
            // JSON is YAML too, and has escapes for everything.
        }
        let text = serde_json::to_string_pretty(data).map_err(|error| broken(&error))?;
        self.print(&format!("{}\n", text::json(&text)))
    }

    /// Writes a message to stderr. What can't be said there can't be said at all, so errors are dropped.
    pub fn say(&self, message: &str) {
        let _ = writeln!(io::stderr().lock(), "{}", text::lines(message));
    }

    /// Writes a message that only a person at a terminal wants: progress, and what to do next.
    pub fn note(&self, message: &str) {
        if self.notes {
            self.say(message);
        }
    }
}
