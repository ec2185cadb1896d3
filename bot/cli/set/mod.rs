//! `gantry set`: an offline edit of image references, byte for byte.
//!
//! All files are edited in memory first; if one is refused, none is written.

mod locate;
mod spec;
mod write;

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::ExitCode,
    str::FromStr,
};

use clap::Args;
use gantry_edit::{Change, Edited, Kind, SetDigest, Target};
use serde::Serialize;

use self::{
    locate::{locate, unreadable},
    spec::Spec,
};
use super::{
    error::CliError,
    screen::{Format, Screen},
    text,
};
use crate::place;

const EXAMPLES: &str = "\
Examples:
  gantry set registry.example.com/shop/checkout=1.43.1 apps/checkout/overlays/dev
  gantry set checkout=1.43.1@sha256:0f3c… overlays/*/kustomization.yaml --diff
  gantry set checkout=mirror.example.com/checkout:1.43.1 . --dry-run
  gantry set registry.example.com/shop/checkout=1.43.1 values.yaml deployment.yaml
  gantry set checkout=1.43.1 main.tf --key module.checkout.image_tag

The forms of `kustomize edit set image` are understood: IMAGE:TAG, IMAGE@DIGEST, IMAGE=NEWNAME:TAG,
IMAGE=NEWNAME@DIGEST. A tag without a digest takes a digest that stands there out, because it would pin
the old image. Exit codes: 0 done, 1 a file was refused (then none is written), 2 wrong command line.";

/// Sets an image's tag or digest in files; every other byte stays.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SetArgs {
    /// The image and what it shall be.
    #[arg(value_name = "IMAGE=TAG[@DIGEST]")]
    spec: Spec,
    /// Files of any kind, or folders that hold a kustomization.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// How the files are to be read; told by their names and contents when left out.
    #[arg(long, value_name = "KIND")]
    kind: Option<FileKind>,
    /// The only place that is meant, such as `image.tag` or `spec.values."a.b"[0]`.
    #[arg(long, value_name = "PATH")]
    key: Option<String>,
    /// Changes a value that YAML aliases repeat, where all that repeat it are of this image.
    #[arg(long)]
    follow_anchors: bool,
    /// Writes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Shows the difference.
    #[arg(long)]
    diff: bool,
    /// The form of the report.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// A kind of file by its name.
#[derive(Debug, Clone, Copy)]
struct FileKind(Kind);

impl FromStr for FileKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Kind::ALL.map(Kind::name).join(", ");
        text.parse().map(FileKind).map_err(|_| format!("the kinds are {}", names()))
    }
}

/// A file that is to be written.
struct File {
    path: PathBuf,
    kind: Kind,
    before: Vec<u8>,
    edited: Edited,
}

#[derive(Serialize)]
struct FileReport {
    path: String,
    changed: bool,
    edits: Vec<EditReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
}

#[derive(Serialize)]
struct EditReport {
    /// What `--key` takes to find the same value.
    key: String,
    before: Option<String>,
    after: Option<String>,
    line: usize,
}

#[derive(Serialize)]
struct Done {
    written: bool,
    files: Vec<FileReport>,
}

pub(super) fn run(args: &SetArgs, screen: &Screen) -> Result<ExitCode, CliError> {
    let mut seen = BTreeSet::new();
    let mut files = Vec::with_capacity(args.paths.len());
    let mut refused = Vec::new();
    for path in &args.paths {
        match locate(path).and_then(|path| {
            let real = fs::canonicalize(&path).map_err(|error| unreadable(&path, &error))?;
            if seen.insert(real) { edit(path, args).map(Some) } else { Ok(None) }
        }) {
            Ok(file) => files.extend(file),
            Err(error) => refused.push(error),
        }
    }
    if !refused.is_empty() {
        let kind = refused.first().map_or(super::ErrorKind::Failed, |error| error.kind);
        let lines: Vec<String> = refused.iter().map(|error| error.message.clone()).collect();
        let hint = refused.iter().find_map(|error| error.hint.clone());
        let hint = hint.unwrap_or_else(|| "No file was written.".to_owned());
        return Err(CliError { kind, message: lines.join("\nerror: "), hint: Some(hint) });
    }
    let changed: Vec<&File> = files.iter().filter(|file| file.edited.changed).collect();
    if !args.dry_run {
        write::all(&changed)?;
    }
    show(&files, args, screen)?;
    Ok(ExitCode::SUCCESS)
}

fn edit(path: PathBuf, args: &SetArgs) -> Result<File, CliError> {
    let spec = &args.spec;
    let mut before = Vec::new();
    fs::File::open(&path)
        .and_then(|file| file.take(gantry_edit::MAX_BYTES as u64 + 1).read_to_end(&mut before))
        .map_err(|error| unreadable(&path, &error))?;
    if crate::git::is_lfs_pointer(&before) {
        let message = format!("{} is a Git LFS pointer, which is never written", path.display());
        return Err(CliError::config(message).hint("Take the file out of LFS."));
    }
    let refused = |refusal| refused(&path, &refusal);
    let kind = kind(&path, &before, args)?;
    let target = Target {
        kind,
        key: args.key.as_deref(),
        // A bare value is taken for this image only where the user said which value.
        image: args.key.as_ref().map(|_| spec.image.as_str()),
        follow: args.follow_anchors,
        create: false,
    };
    let references = gantry_edit::read(&target, &before).map_err(refused)?;
    // An entry answers to the image that it becomes; kustomize's users name it by its `name` too, and then it
    // alone is meant, whatever else has its image.
    let (mut image, mut entry) = (spec.image.as_str(), None);
    if !references.iter().any(|reference| gantry_edit::same_image(&reference.image, image)) {
        let mut named = references.iter().filter(|reference| reference.name == image);
        if let (Some(one), None) = (named.next(), named.next()) {
            (image, entry) = (one.image.as_str(), Some(one.name.as_str()));
        }
    }
    let change = Change {
        entry,
        new_name: spec.new_name.as_deref(),
        tag: spec.tag.as_deref(),
        digest: match (&spec.digest, &spec.tag) {
            (Some(digest), _) => SetDigest::Set(digest),
            (None, Some(_)) => SetDigest::Remove,
            (None, None) => SetDigest::Keep,
        },
        ..Change::of(image)
    };
    let edited = gantry_edit::set(&target, &before, &[change]).map_err(|refusal| {
        let followed = Target { follow: true, ..target };
        match gantry_edit::set(&followed, &before, &[change]) {
            Ok(_) => refused(refusal).hint(
                "All that repeats the value is of this image: `--follow-anchors` writes it where its anchor stands.",
            ),
            Err(_) => refused(refusal),
        }
    })?;
    Ok(File { path, kind, before, edited })
}

/// What the editor says of a file, with its place.
fn refused(path: &Path, refusal: &gantry_edit::Refusal) -> CliError {
    let mut place = path.display().to_string();
    for number in [refusal.line, refusal.column].into_iter().flatten() {
        let _ = write!(place, ":{number}");
    }
    CliError::failed(format!("{place}: {}", refusal.reason))
}

fn kind(path: &Path, bytes: &[u8], args: &SetArgs) -> Result<Kind, CliError> {
    let name = path.to_string_lossy().replace('\\', "/");
    let kind = match args.kind {
        Some(FileKind(kind)) => kind,
        None => gantry_edit::detect(&name, bytes).ok_or_else(|| match place::untold(&name, bytes) {
            Some(refusal) => refused(path, &refusal),
            None => CliError::config(format!("{} is of no kind that Gantry can tell", path.display()))
                .hint("Say which with `--kind`, and where with `--key`."),
        })?,
    };
    if kind.needs_key() && args.key.is_none() {
        let message = format!("{}: a file of kind {kind} has no images of its own", path.display());
        let hint = match kind {
            Kind::Regex => "Give an expression with one named group: `--key 'shop:(?<tag>\\S+)'`.",
            Kind::Dotenv => "Name the variable with `--key`.",
            Kind::Hcl => "Name the attribute with `--key`, such as `module.shop.image_tag`.",
            _ => "Name the value with `--key`, such as `image.tag`.",
        };
        return Err(CliError::config(message).hint(hint));
    }
    Ok(kind)
}

fn show(files: &[File], args: &SetArgs, screen: &Screen) -> Result<(), CliError> {
    let reports: Vec<FileReport> = files.iter().map(|file| report(file, args)).collect();
    let changed = reports.iter().filter(|file| file.changed).count();
    let done = Done { written: !args.dry_run && changed > 0, files: reports };
    match args.output {
        Format::Json => return screen.data(&done, false),
        Format::Yaml => return screen.data(&done, true),
        Format::Name => {
            let changed = done.files.iter().filter(|file| file.changed);
            return screen
                .print(&changed.map(|file| format!("{}\n", text::line(&file.path))).collect::<String>());
        }
        Format::Table => {}
    }
    let mut out = String::new();
    for file in &done.files {
        if let Some(diff) = &file.diff {
            out.push_str(&screen.diff(diff));
            continue;
        }
        for edit in &file.edits {
            let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".to_owned());
            let (before, after) = (word(&edit.before), word(&edit.after));
            let line = format!("{}:{}: {}: {before} -> {after}", file.path, edit.line, edit.key);
            let _ = writeln!(out, "{}", text::line(&line));
        }
    }
    screen.print(&out)?;
    let files = text::count(changed, "file");
    match (changed, args.dry_run) {
        (0, _) => screen.say("nothing to change"),
        (_, true) => screen.say(&format!("{files} would change; nothing was written")),
        (_, false) => screen.say(&format!("{files} changed")),
    }
    Ok(())
}

fn report(file: &File, args: &SetArgs) -> FileReport {
    let path = file.path.to_string_lossy().into_owned();
    let diff = (args.diff && file.edited.changed).then(|| {
        let before = String::from_utf8_lossy(&file.before);
        let after = String::from_utf8_lossy(&file.edited.bytes);
        similar::TextDiff::from_lines(before.as_ref(), after.as_ref())
            .unified_diff()
            .header(&format!("a/{path}"), &format!("b/{path}"))
            .to_string()
    });
    // Of these kinds `--key` takes no path, but an expression and a policy. People have it before their eyes.
    let own = args
        .key
        .as_ref()
        .filter(|_| args.output != Format::Table && matches!(file.kind, Kind::Regex | Kind::Markers));
    let edits = file.edited.edits.iter().map(|edit| EditReport {
        key: own.unwrap_or(&edit.key).clone(),
        before: edit.before.clone(),
        after: edit.after.clone(),
        line: edit.line,
    });
    FileReport { edits: edits.collect(), changed: file.edited.changed, path, diff }
}
