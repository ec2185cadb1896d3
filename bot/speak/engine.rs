//! The templates as compiled: which there are, how their values are printed, and what bounds them.
//!
//! A value that a template prints is made harmless by the kind of its file: in `.html` it is escaped, in `.md`
//! it goes through [`inert::markdown`], elsewhere through [`inert::line`]. So a template that somebody
//! changed can't forget it. An undefined or missing value is an error, never an empty place.
//!
//! A `.txt` file is a sheet of blocks, of which one at a time is rendered; the others are whole documents.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use include_dir::{Dir, include_dir};
use jiff::Timestamp;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, value::Serde,
};
use serde::Serialize;

use super::{SpeakError, inert, time};

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// Instructions that one rendering may take: a page of 1,000 places takes about a tenth.
const FUEL: u64 = 5_000_000;

/// Bytes that one rendering may write.
const SIZE: usize = 16 * 1024 * 1024;

/// What a sheet extends, so that its blocks are rendered one by one and not in a row.
const SHEET: &str = "(sheet)";

/// The files of `templates/` by their path within it.
pub(super) fn embedded() -> BTreeMap<String, String> {
    fn collect(dir: &Dir<'_>, found: &mut BTreeMap<String, String>) {
        for file in dir.files() {
            if let (Some(name), Some(text)) = (file.path().to_str(), file.contents_utf8()) {
                found.insert(name.to_owned(), text.to_owned());
            }
        }
        dir.dirs().for_each(|dir| collect(dir, found));
    }
    let mut found = BTreeMap::new();
    collect(&EMBEDDED, &mut found);
    found
}

/// Compiled templates and the files that are served as they are.
pub(super) struct Engine {
    environment: Environment<'static>,
    assets: BTreeMap<String, String>,
}

impl Engine {
    /// Compiles `files`: `.html`, `.md` and `.txt` are templates, others are assets.
    ///
    /// # Errors
    /// A template that doesn't parse, with its name and line.
    pub(super) fn new(files: BTreeMap<String, String>) -> Result<Self, SpeakError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_recursion_limit(50);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(escape);
        environment.set_formatter(print);
        filters(&mut environment);
        let add = |environment: &mut Environment<'static>, name: &str, text: String| {
            environment.add_template_owned(name.to_owned(), text).map_err(|error| failed(name, &error))
        };
        add(&mut environment, SHEET, String::new())?;
        let mut assets = BTreeMap::new();
        for (name, text) in files {
            match name.rsplit('.').next() {
                // On the sheet's own first line, so that the lines of errors are right.
                Some("txt") => add(&mut environment, &name, format!("{{% extends '{SHEET}' %}}{text}"))?,
                Some("html" | "md") => add(&mut environment, &name, text)?,
                _ => {
                    assets.insert(name, text);
                }
            }
        }
        Ok(Self { environment, assets })
    }

    /// Renders a whole document.
    ///
    /// # Errors
    /// There is no such template, or it fails on this context.
    pub(super) fn document(&self, name: &str, context: impl Serialize) -> Result<String, SpeakError> {
        let template = self.environment.get_template(name).map_err(|error| failed(name, &error))?;
        let mut out = Bounded(Vec::new());
        template.render_captured_to(Serde(&context), &mut out).map_err(|error| failed(name, &error))?;
        String::from_utf8(out.0).map_err(|_| SpeakError::Render {
            file: name.to_owned(),
            line: None,
            message: "it rendered to something that is no UTF-8".to_owned(),
        })
    }

    /// Renders one block of a sheet, with the lines that the template has; a value is always one line.
    ///
    /// # Errors
    /// There is no such sheet or block, or it fails on this context.
    pub(super) fn block(&self, name: &str, block: &str, context: &Value) -> Result<String, SpeakError> {
        let template = self.environment.get_template(name).map_err(|error| failed(name, &error))?;
        let mut captured = template.render_captured(context.clone()).map_err(|error| failed(name, &error))?;
        let mut out = Bounded(Vec::new());
        captured
            .with_state_mut(|state| state.render_block_to_write(block, &mut out))
            .map_err(|error| failed(name, &error))?;
        Ok(String::from_utf8_lossy(&out.0).into_owned())
    }

    /// A file that is served as it is.
    pub(super) fn asset(&self, name: &str) -> Option<&str> {
        self.assets.get(name).map(String::as_str)
    }
}

fn escape(name: &str) -> AutoEscape {
    match name.rsplit('.').next() {
        Some("html") => AutoEscape::Html,
        Some("md") => AutoEscape::Custom("markdown".into()),
        _ => AutoEscape::Custom("line".into()),
    }
}

/// Prints one value by the kind of the file.
fn print(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_none() {
        let hint = "a value that is not there is printed; ask for it with `if` first";
        return Err(Error::new(ErrorKind::UndefinedError, hint));
    }
    let text = value.to_string();
    if value.is_safe() {
        return out.write_str(&text).map_err(Error::from);
    }
    let text = match state.auto_escape() {
        AutoEscape::Html => html(&inert::line(&text)),
        AutoEscape::Custom(kind) if kind == "markdown" => inert::markdown(&text),
        _ => inert::line(&text),
    };
    out.write_str(&text).map_err(Error::from)
}

fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

fn filters(environment: &mut Environment<'static>) {
    environment.add_filter("minute", |at: &str| stamp(at).map(time::minute));
    environment.add_filter("second", |at: &str| stamp(at).map(time::second));
    environment.add_filter("due", |until: &str, since: &str| {
        Ok::<_, Error>(time::due(stamp(since)?, stamp(until)?))
    });
    environment
        .add_filter("near", |at: &str, other: &str| Ok::<_, Error>(time::near(stamp(at)?, stamp(other)?)));
    // A quoted word of somebody's: without the full stop that would stand within the sentence.
    environment.add_filter("bare", |text: &str| {
        inert::line(text).trim_end_matches(['.', ' ', '!', ';', ':']).to_owned()
    });
    environment.add_filter("short", |text: &str| text.chars().take(10).collect::<String>());
    environment.add_filter("code", |text: &str| Value::from_safe_string(inert::code(text)));
    environment.add_filter("commit", |text: &str| inert::commit(text));
}

fn stamp(text: &str) -> Result<Timestamp, Error> {
    text.parse().map_err(|_| Error::new(ErrorKind::InvalidOperation, format!("{text:?} is not a time")))
}

/// The error with the file and line at fault, whichever template called which.
fn failed(name: &str, error: &Error) -> SpeakError {
    let mut innermost = error;
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(source) = cause {
        if let Some(inner) = source.downcast_ref::<Error>() {
            innermost = inner;
        }
        cause = source.source();
    }
    let message = match innermost.detail() {
        Some(detail) => format!("{}: {detail}", innermost.kind()),
        None => innermost.kind().to_string(),
    };
    SpeakError::Render {
        file: innermost.name().filter(|file| *file != SHEET).unwrap_or(name).to_owned(),
        line: innermost.line(),
        message: inert::cut(&message, 300),
    }
}

/// Writes at most [`SIZE`] bytes.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > SIZE {
            return Err(io::Error::other(format!("it writes more than {SIZE} bytes")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
