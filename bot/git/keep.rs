//! Putting a series of commits into the mirror: one object a file when they are few, else one pack.
//!
//! Commits come after what they hold, and the index after its pack, so that a kill in between leaves no commit
//! without its files. The mirror's pack is complete: what its deltas stand on is in it.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use gix::{ObjectId, hashtable::HashSet, objs::Kind};

use super::{
    error::GitError,
    mirror::Mirror,
    pack_file::{self, Place, Writer},
    series::Series,
};

/// Up to this many objects are stored one by one: a pack costs two files, whatever its size, and each is
/// looked into at every read.
const MAX_LOOSE: usize = 32;
/// Files of the mirror that are being written begin so, and are cleared after a kill.
const TEMPORARY: &str = "tmp_";

impl Mirror {
    /// Stores every object of the series.
    pub(super) fn store_series(&self, repository: &gix::Repository, series: &Series) -> Result<(), GitError> {
        let objects = repository.objects.store_ref().path();
        if series.len() > MAX_LOOSE {
            self.store_pack(repository, series, &objects.join("pack"))
        } else {
            self.store_loose(repository, series, objects)
        }
    }

    fn store_loose(
        &self,
        repository: &gix::Repository,
        series: &Series,
        objects: &Path,
    ) -> Result<(), GitError> {
        let mut writer = Writer::new();
        for item in series.objects() {
            let read = series.read(&item.id, &mut |id| self.bytes_of(repository, *id))?;
            let (kind, data) = read.ok_or_else(|| self.damage_text("an object cannot be read back"))?;
            loose(&mut writer, objects, item.id, kind, &data).map_err(|source| self.io(source))?;
        }
        Ok(())
    }

    fn store_pack(
        &self,
        repository: &gix::Repository,
        series: &Series,
        folder: &Path,
    ) -> Result<(), GitError> {
        let bases: HashSet<ObjectId> =
            series.objects().filter_map(|item| item.base).filter(|base| !series.has(base)).collect();
        let fail = |source| self.io(source);
        let mut pack = Vec::with_capacity(series.weight() + 32);
        let mut places: Vec<(ObjectId, Place)> = Vec::with_capacity(series.len() + bases.len());
        pack.extend_from_slice(&pack_file::begin(series.len() + bases.len()).map_err(fail)?);
        for item in series.objects() {
            let start = pack.len();
            pack.extend_from_slice(series.packed(item));
            places.push((item.id, Place { start, end: pack.len(), crc: item.place.crc }));
        }
        for base in bases {
            let object = repository.find_object(base).map_err(|error| self.damage(&error))?;
            places.push((base, pack_file::stored(&mut pack, object.kind, &object.data)));
        }
        let checksum = pack_file::finish(&mut pack).map_err(fail)?;
        let index = pack_file::index(&places, checksum).map_err(fail)?;
        let name = |kind: &str| folder.join(format!("pack-{checksum}.{kind}"));
        write(&name("pack"), &pack).and_then(|()| write(&name("idx"), &index)).map_err(fail)
    }
}

/// Writes one object as a file. Format: `gitformat-loose(5)`.
fn loose(writer: &mut Writer, objects: &Path, id: ObjectId, kind: Kind, data: &[u8]) -> io::Result<()> {
    let hex = id.to_string();
    let folder = objects.join(&hex[..2]);
    let path = folder.join(&hex[2..]);
    if path.exists() {
        return Ok(());
    }
    let mut whole = format!("{kind} {}\0", data.len()).into_bytes();
    whole.extend_from_slice(data);
    let mut zipped = Vec::new();
    match kind {
        // A list is ids for the most part, which do not get smaller.
        Kind::Tree => pack_file::store(&mut zipped, &whole),
        Kind::Blob | Kind::Commit | Kind::Tag => writer.zip(&mut zipped, &whole)?,
    }
    match fs::create_dir(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    write(&path, &zipped)
}

/// Writes a file so that it is there whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder: PathBuf = path.parent().map(Path::to_owned).unwrap_or_default();
    let mut file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}
