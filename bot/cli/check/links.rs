//! What a kustomization names and what is not there: followed from each overlay through its bases, by the
//! paths alone.

use std::collections::BTreeSet;

use super::folder::{Content, Folder};
use super::{Finding, Level, Report, of_place};
use crate::place::{self, NoFile};

/// The most kustomizations that are followed.
const MOST: usize = 100_000;

/// The kustomizations that have been followed, so that a base that many overlays share is read once.
#[derive(Default)]
pub(super) struct Links {
    seen: BTreeSet<String>,
}

impl Links {
    /// Reports every path that the kustomization, or one below it, names and that is not in the folder.
    pub(super) fn follow(&mut self, path: &str, folder: &mut Folder, report: &mut Report) {
        let mut open = vec![path.to_owned()];
        while let Some(path) = open.pop() {
            if self.seen.len() >= MOST || !self.seen.insert(path.clone()) {
                continue;
            }
            // What can't be read is reported by whoever names it.
            let Content::Bytes(bytes) = folder.read(&path) else { continue };
            match gantry_edit::links(bytes) {
                Ok(links) => {
                    for link in links {
                        match resolve(&path, &link, folder) {
                            Ok(below) => open.extend(below),
                            Err(message) => report.findings.push(finding(&path, &link, message)),
                        }
                    }
                }
                Err(refusal) => report.findings.push(of_place(place::refused(&path, &refusal), "yaml")),
            }
        }
    }
}

/// The kustomization to which a link leads, if it leads to one.
fn resolve(from: &str, link: &gantry_edit::Link, folder: &Folder) -> Result<Option<String>, String> {
    let Some(target) = join(from, &link.path) else {
        return Err(format!("`{}` leads out of the repository; kustomize would not find it", link.path));
    };
    // What a submodule holds is for its own repository to check.
    if folder.has_file(&target) || folder.other(&target) == Some(NoFile::Submodule) {
        return Ok(None);
    }
    let prefix = if target.is_empty() { String::new() } else { format!("{target}/") };
    if !folder.has_folder(&prefix) {
        if link.maybe_remote {
            return Ok(None);
        }
        return Err(format!("`{}` does not exist; add it, or take it out of `{}`", link.path, link.key));
    }
    if !link.folder {
        return Err(format!("`{}` is a folder, and `{}` takes files", link.path, link.key));
    }
    let names = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
    let below = names.iter().map(|name| format!("{prefix}{name}")).find(|path| folder.has_file(path));
    match below {
        Some(below) => Ok(Some(below)),
        None => Err(format!("folder `{}` holds no kustomization", link.path)),
    }
}

/// A path as seen from the folder of a file, without `.` and `..`; nothing where it leads out.
fn join(from: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn finding(path: &str, link: &gantry_edit::Link, message: String) -> Finding {
    Finding {
        level: Level::Error,
        rule: "link",
        file: path.to_owned(),
        line: Some(link.line),
        column: Some(link.column),
        message,
        hint: None,
    }
}
