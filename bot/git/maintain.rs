//! Keeping the mirror whole and small.
//!
//! What was damaged, or taken away under the running process, is fetched anew. And every fetch leaves a pack, and every commit made here leaves its objects whole, also those of races that
//! were lost. The server holds the same commits packed well, so the cure is to fetch everything once more
//! into a folder beside the mirror and let that take its place.
//!
//! Race known: who reads while the folders change places may get [`GitError::Damaged`], which passes.

use std::{
    io,
    path::Path,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use super::{
    error::GitError,
    folder,
    mirror::{self, Heads, Mirror},
};

/// Damage that shows again within this time is no damage: what the server holds can't be read, and to fetch
/// everything over and over would not mend that. Doubled each time, up to [`LONGEST`].
const CURED: Duration = Duration::from_secs(30);
/// The longest time between two attempts at mending one mirror.
const LONGEST: Duration = Duration::from_secs(3600);

/// When a mirror is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// More packs than this: reading looks into each.
    pub packs: usize,
    /// More single objects than this.
    pub loose: usize,
    /// More bytes than this beside the largest pack, and more than that pack has.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { packs: 200, loose: 20_000, bytes: 512 << 20 }
    }
}

/// What a mirror holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Load {
    packs: usize,
    loose: usize,
    bytes: u64,
    largest: u64,
}

impl Load {
    fn exceeds(&self, limits: Limits) -> bool {
        let rest = self.bytes - self.largest;
        self.packs > limits.packs || self.loose > limits.loose || rest > limits.bytes.max(self.largest)
    }
}

impl Mirror {
    /// Makes the mirror anew if it holds more than `limits`, and tells whether it did. Until everything has
    /// arrived the mirror stays as it is. Commits that were not pushed are lost, so call it between passes.
    ///
    /// # Errors
    /// Those of a fetch; the mirror is then as before.
    pub fn maintain(&self, limits: Limits) -> Result<bool, GitError> {
        let _one_at_a_time = self.network();
        let load = measure(&self.folder.join("objects")).map_err(|source| self.io(source))?;
        if load.exceeds(limits) {
            self.renew()?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Whether the next fetch makes the mirror anew, because something is not there or can't be read.
    #[must_use]
    pub fn will_mend(&self) -> bool {
        let cured = *self.cured.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_damaged() && cured.is_none_or(|(at, wait)| at.elapsed() > wait)
    }

    /// Fetches everything into a new mirror, for damage. Commits that were not pushed are lost.
    pub(super) fn mend(&self) -> Result<Arc<Heads>, GitError> {
        let result = self.renew();
        // What did not come over the line is tried at each fetch; what came and was no good, not so often.
        if matches!(result, Ok(_) | Err(GitError::Damaged { .. } | GitError::Protocol { .. })) {
            let mut cured = self.cured.lock().unwrap_or_else(PoisonError::into_inner);
            let again = cured.filter(|(at, wait)| at.elapsed() < *wait * 4);
            let wait = again.map_or(CURED, |(_, wait)| (wait * 2).min(LONGEST));
            *cured = Some((Instant::now(), wait));
        }
        result
    }

    /// Fetches everything into a folder beside the mirror, which then takes its place.
    fn renew(&self) -> Result<Arc<Heads>, GitError> {
        folder::may_go(&self.folder)?;
        let new = folder::build(&self.remote, &self.folder)?;
        let heads = self.fetch_into(&mirror::local(&new))?;
        drop(new);
        self.replace(folder::swap(&self.folder)?);
        Ok(self.set_heads(heads))
    }
}

fn measure(objects: &Path) -> io::Result<Load> {
    let mut load = Load::default();
    for folder in std::fs::read_dir(objects)? {
        let folder = folder?;
        let name = folder.file_name();
        let name = name.to_string_lossy();
        if !folder.file_type()?.is_dir() || (name.len() != 2 && name != "pack") {
            continue;
        }
        for file in std::fs::read_dir(folder.path())? {
            let file = file?;
            let size = match file.metadata() {
                Ok(metadata) => metadata.len(),
                // A temporary file of a reader beside us that is gone already.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            load.bytes += size;
            if name != "pack" {
                load.loose += 1;
            } else if file.path().extension().is_some_and(|extension| extension == "pack") {
                load.packs += 1;
                load.largest = load.largest.max(size);
            }
        }
    }
    Ok(load)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_pack_alone_is_no_reason() {
        let limits = Limits { packs: 2, loose: 2, bytes: 100 };
        let load = Load { packs: 2, loose: 2, bytes: 2000, largest: 1000 };
        assert!(!load.exceeds(limits));
        assert!(Load { packs: 3, ..load }.exceeds(limits));
        assert!(Load { loose: 3, ..load }.exceeds(limits));
        assert!(Load { bytes: 2001, ..load }.exceeds(limits));
    }
}
