//! The files of a folder of real repositories, named by `GANTRY_CORPUS`.

use std::path::{Path, PathBuf};

/// A file: its path below the folder, with `/` between folders, and its bytes.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

/// Every file, in the order of the paths; `None`, and a printed line, where no folder is named.
pub(crate) fn corpus() -> Option<Vec<File>> {
    let Some(folder) = std::env::var_os("GANTRY_CORPUS") else {
        println!("skipped: GANTRY_CORPUS names no folder of real repositories");
        return None;
    };
    let folder = PathBuf::from(folder);
    let mut paths = Vec::new();
    below(&folder, &mut paths);
    paths.sort();
    let file = |path: PathBuf| File {
        bytes: std::fs::read(&path).unwrap(),
        path: path.strip_prefix(&folder).unwrap().to_string_lossy().replace('\\', "/"),
    };
    paths.retain(|path| path.extension().is_none_or(|kind| kind != "md"));
    Some(paths.into_iter().map(file).collect())
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => below(&path, found),
            false => found.push(path),
        }
    }
}
