//! The findings as text, JSON, YAML, SARIF and annotations.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    super::{
        error::CliError,
        screen::{Paint, Screen},
        text,
    },
    CheckArgs, Finding, Form, Level, Report,
};

/// The checks, for SARIF: id and what it is about.
const RULES: [(&str, &str); 9] = [
    ("config", "gantry.yaml must be valid"),
    ("left-out", "A path that `discover` leaves out"),
    ("branch", "An environment on another branch"),
    ("yaml", "A file must be well-formed YAML without duplicate keys"),
    ("overlay", "An overlay must exist and name each image, in one version"),
    ("link", "What a kustomization names must exist"),
    ("blocked", "A reference that can't be edited"),
    ("config-file", "What `config` promotes must exist where it starts, and be files"),
    ("config-key", "A value that `keep` names must be one that can be kept"),
];

pub(super) fn show(report: &Report, args: &CheckArgs, screen: &Screen) -> Result<(), CliError> {
    let github = std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
    match args.output {
        Some(Form::Json) => return screen.data(report, false),
        Some(Form::Yaml) => return screen.data(report, true),
        Some(Form::Sarif) => return screen.data(&sarif(report), false),
        Some(Form::Github) => return screen.print(&annotations(report, args)),
        None if github => screen.print(&annotations(report, args))?,
        Some(Form::Table) | None => {}
    }
    let mut out = String::new();
    for finding in &report.findings {
        let (word, paint) = match finding.level {
            Level::Error => ("error", Paint::Bad),
            Level::Note => ("note", Paint::Dim),
        };
        let place = text::line(&place(finding));
        let message = text::line(&finding.message);
        let _ = writeln!(out, "{place}: {}: {message}", screen.paint(word, paint));
        if let Some(hint) = &finding.hint {
            let _ = writeln!(out, "  hint: {}", text::line(hint));
        }
    }
    screen.print(&out)?;
    let looked = format!(
        "{}, {}, {}",
        text::count(report.applications, "application"),
        text::count(report.environments, "environment"),
        text::count(report.files, "overlay")
    );
    match report.errors() {
        0 => screen.say(&format!("no problems in {looked}")),
        number => screen.say(&text::count(number, "problem")),
    }
    Ok(())
}

/// `file:line:column`, as compilers write it.
fn place(finding: &Finding) -> String {
    let numbers = [finding.line, finding.column].into_iter().flatten();
    numbers.fold(finding.file.clone(), |text, number| format!("{text}:{number}"))
}

/// A path as the repository's root has it: annotations and SARIF are read from there.
fn from_root(file: &str, args: &CheckArgs) -> String {
    let dir = args.dir.to_string_lossy();
    let dir = dir.trim_start_matches("./").trim_end_matches(['/', '.']);
    if dir.is_empty() || args.dir.is_absolute() { file.to_owned() } else { format!("{dir}/{file}") }
}

/// Workflow commands of GitHub Actions. Text is escaped by its rules, so that it can't start a command.
fn annotations(report: &Report, args: &CheckArgs) -> String {
    let value = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| value(text).replace(':', "%3A").replace(',', "%2C");
    let mut out = String::new();
    for finding in &report.findings {
        let level = if finding.level == Level::Error { "error" } else { "notice" };
        let _ = write!(out, "::{level} file={}", property(&text::line(&from_root(&finding.file, args))));
        for (name, number) in [("line", finding.line), ("col", finding.column)] {
            if let Some(number) = number {
                let _ = write!(out, ",{name}={number}");
            }
        }
        let hint = finding.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        let message = value(&text::line(&format!("{}{hint}", finding.message)));
        let _ = writeln!(out, ",title=gantry {}::{message}", finding.rule);
    }
    out
}

/// SARIF 2.1.0 (OASIS standard). Columns are counted in characters, which SARIF calls code points.
fn sarif(report: &Report) -> Value {
    let results: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            let mut region = serde_json::Map::new();
            for (name, number) in [("startLine", finding.line), ("startColumn", finding.column)] {
                region.extend(number.map(|number| (name.to_owned(), json!(number))));
            }
            let mut location =
                json!({ "artifactLocation": { "uri": uri(&finding.file), "uriBaseId": "ROOT" } });
            if !region.is_empty() {
                location["region"] = Value::Object(region);
            }
            let hint = finding.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            json!({
                "ruleId": finding.rule,
                "level": if finding.level == Level::Error { "error" } else { "note" },
                "message": { "text": format!("{}{hint}", finding.message) },
                "locations": [{ "physicalLocation": location }],
            })
        })
        .collect();
    let rules = RULES.map(|(id, says)| json!({ "id": id, "shortDescription": { "text": says } }));
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "gantry", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// A relative path as a URI reference: each part is percent-encoded.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
