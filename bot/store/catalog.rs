//! The catalog: artifacts and tags as registries show them, written in bulk, loaded whole.
//!
//! Nothing is rewritten where nothing changed: a poll that finds what is known costs no disk write.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use futures_util::TryStreamExt as _;
use gantry_core::{
    artifact::Artifact,
    build::BuildStatus,
    catalog::{ArtifactFact, Catalog, CheckResult, TagFact, TagState},
    ids::{Digest, ImageName, Tag},
};
use jiff::Timestamp;
use sqlx::{Any, AssertSqlSafe, Row, Transaction, any::AnyRow};

use super::{Result, SqlStore, bounds, rows};

/// Rows in one statement. To SQLite `$1` is a name, which it looks up in a list, so the time of a statement grows
/// with the square of its parameters: 200 rows in one took three times as long for each row as 32.
pub(super) const CHUNK: usize = 32;

/// The place of a state in the database; see the migration.
fn state_number(state: TagState) -> i64 {
    match state {
        TagState::Reported => 0,
        TagState::Listed => 1,
        TagState::Gone => 2,
    }
}

fn state_of(number: i64) -> rows::Read<TagState> {
    [TagState::Reported, TagState::Listed, TagState::Gone]
        .into_iter()
        .find(|state| state_number(*state) == number)
        .ok_or_else(|| rows::unknown("state of a tag", &number.to_string()))
}

/// `($1, $2), ($3, $4)` and so on. All that is spliced into statements here are such numbers.
pub(super) fn places(count: usize, columns: usize) -> String {
    let row = |row: usize| {
        let places: Vec<String> =
            (1..=columns).map(|column| format!("${}", row * columns + column)).collect();
        format!("({})", places.join(", "))
    };
    (0..count).map(row).collect::<Vec<_>>().join(", ")
}

/// One tag at one digest.
type Pointer<'a> = (&'a ImageName, &'a Tag, &'a Digest);

impl SqlStore {
    pub(super) async fn put_artifacts(&self, artifacts: &[Artifact], now: Timestamp) -> Result<()> {
        // A statement must not touch a row twice (PostgreSQL refuses it), so the last one of each is taken.
        let mut facts: BTreeMap<(&ImageName, &Digest), &Artifact> = BTreeMap::new();
        let mut pointers: BTreeMap<(&ImageName, &Tag), &Digest> = BTreeMap::new();
        for artifact in artifacts {
            bounds::line("revision", artifact.revision.as_deref())?;
            bounds::line("source", artifact.source.as_deref())?;
            facts.insert((&artifact.image, &artifact.digest), artifact);
            pointers.insert((&artifact.image, &artifact.tag), &artifact.digest);
        }
        if facts.is_empty() {
            return Ok(());
        }
        let facts: Vec<&Artifact> = facts.into_values().collect();
        let pointers: Vec<Pointer<'_>> =
            pointers.into_iter().map(|((image, tag), digest)| (image, tag, digest)).collect();
        let mut transaction = self.begin().await?;
        let mut changed = BTreeSet::new();
        for chunk in facts.chunks(CHUNK) {
            if self.write_artifacts(&mut transaction, chunk).await? {
                changed.extend(chunk.iter().map(|artifact| &artifact.image));
            }
        }
        changed.extend(self.write_tags(&mut transaction, &pointers, now).await?);
        if changed.is_empty() {
            return Ok(());
        }
        self.note_change(&mut transaction, &changed).await?;
        self.commit(transaction).await
    }

    /// Whether any of them was changed.
    async fn write_artifacts(
        &self,
        transaction: &mut Transaction<'static, Any>,
        chunk: &[&Artifact],
    ) -> Result<bool> {
        let sql = format!(
            "INSERT INTO artifact (image, digest, built_ms, revision, source, described) VALUES {} \
             ON CONFLICT (image, digest) DO UPDATE SET built_ms = COALESCE(excluded.built_ms, artifact.built_ms), \
             revision = COALESCE(excluded.revision, artifact.revision), \
             source = COALESCE(excluded.source, artifact.source), described = 1 \
             WHERE artifact.described = 0 \
             OR COALESCE(excluded.built_ms, artifact.built_ms) IS DISTINCT FROM artifact.built_ms \
             OR COALESCE(excluded.revision, artifact.revision) IS DISTINCT FROM artifact.revision \
             OR COALESCE(excluded.source, artifact.source) IS DISTINCT FROM artifact.source",
            places(chunk.len(), 6)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for artifact in chunk {
            query = query
                .bind(artifact.image.as_str())
                .bind(artifact.digest.as_str())
                .bind(artifact.built.map(Timestamp::as_millisecond))
                .bind(artifact.revision.as_deref())
                .bind(artifact.source.as_deref())
                .bind(1_i64);
        }
        let done = query.execute(&mut **transaction).await.map_err(|error| self.sort(error))?;
        Ok(done.rows_affected() > 0)
    }

    pub(super) async fn put_tag(
        &self,
        image: &ImageName,
        tag: &Tag,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<()> {
        let mut transaction = self.begin().await?;
        let changed = self.write_tags(&mut transaction, &[(image, tag, digest)], now).await?;
        if changed.is_empty() {
            return Ok(());
        }
        self.note_change(&mut transaction, &changed).await?;
        self.commit(transaction).await
    }

    /// Points tags at the digests that a registry gave for them; tells the images of those that may have changed.
    async fn write_tags<'a>(
        &self,
        transaction: &mut Transaction<'static, Any>,
        pointers: &[Pointer<'a>],
        now: Timestamp,
    ) -> Result<BTreeSet<&'a ImageName>> {
        let mut changed = BTreeSet::new();
        for chunk in pointers.chunks(CHUNK) {
            let sql = format!(
                "INSERT INTO tag (image, tag, digest, state, seen_ms) VALUES {} \
                 ON CONFLICT (image, tag) DO UPDATE SET digest = excluded.digest, state = excluded.state, \
                 seen_ms = CASE WHEN tag.digest = excluded.digest THEN tag.seen_ms ELSE excluded.seen_ms END \
                 WHERE (tag.digest IS DISTINCT FROM excluded.digest OR tag.state <> excluded.state) \
                 AND (tag.digest IS NULL OR excluded.seen_ms >= tag.seen_ms)",
                places(chunk.len(), 5)
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for (image, tag, digest) in chunk {
                query = query
                    .bind(image.as_str())
                    .bind(tag.as_str())
                    .bind(digest.as_str())
                    .bind(state_number(TagState::Listed))
                    .bind(now.as_millisecond());
            }
            let done = query.execute(&mut **transaction).await.map_err(|error| self.sort(error))?;
            if done.rows_affected() > 0 {
                changed.extend(chunk.iter().map(|(image, ..)| *image));
            }
        }
        Ok(changed)
    }

    pub(super) async fn put_list(&self, image: &ImageName, complete: &[Tag], began: Timestamp) -> Result<()> {
        let listed: HashSet<&Tag> = complete.iter().collect();
        // Read aside first: most lists bring nothing new, and then nobody waits for the writer. Two replicas
        // that read the same list write the same states.
        let mut known: HashMap<Tag, (TagState, Timestamp)> = HashMap::new();
        let mut found = sqlx::query("SELECT tag, state, seen_ms FROM tag WHERE image = $1")
            .bind(image.as_str())
            .fetch(&self.read);
        while let Some(row) = found.try_next().await.map_err(|error| self.sort(error))? {
            let (tag, fact) = read_state(&row).map_err(|error| self.sort(error))?;
            known.insert(tag, fact);
        }
        drop(found);
        let mut changes: Vec<(&Tag, TagState)> = listed
            .iter()
            .filter(|tag| known.get(**tag).is_none_or(|(state, _)| *state != TagState::Listed))
            .map(|tag| (*tag, TagState::Listed))
            .collect();
        changes.extend(
            known
                .iter()
                .filter(|(tag, (state, seen))| {
                    *state != TagState::Gone && *seen <= began && !listed.contains(tag)
                })
                .map(|(tag, _)| (tag, TagState::Gone)),
        );
        if changes.is_empty() {
            return Ok(());
        }
        changes.sort();
        let mut transaction = self.begin().await?;
        for chunk in changes.chunks(CHUNK) {
            // The condition is asked again: a report may have come in since the states were read.
            let sql = format!(
                "INSERT INTO tag (image, tag, state, seen_ms) VALUES {} ON CONFLICT (image, tag) \
                 DO UPDATE SET state = excluded.state WHERE excluded.state = 1 OR tag.seen_ms <= excluded.seen_ms",
                places(chunk.len(), 4)
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for (tag, state) in chunk {
                query = query
                    .bind(image.as_str())
                    .bind(tag.as_str())
                    .bind(state_number(*state))
                    .bind(began.as_millisecond());
            }
            query.execute(&mut *transaction).await.map_err(|error| self.sort(error))?;
        }
        self.note_change(&mut transaction, &BTreeSet::from([image])).await?;
        self.commit(transaction).await
    }

    /// Tags are read before artifacts, and both are written in one transaction: so a tag's artifact is never
    /// missing for having been written in between.
    pub(super) async fn load_catalog(&self, images: Option<&[ImageName]>) -> Result<Catalog> {
        let mut catalog = Catalog::default();
        let everything = [images.unwrap_or_default()];
        let chunks: Vec<&[ImageName]> = match images {
            None => everything.to_vec(),
            Some(images) => images.chunks(CHUNK).collect(),
        };
        for table in [TAGS, ARTIFACTS, BUILDS] {
            for chunk in &chunks {
                self.load(&mut catalog, table, chunk).await?;
            }
        }
        Ok(catalog)
    }

    /// Loads one table for some images, for all where the list is empty.
    async fn load(&self, catalog: &mut Catalog, table: Table, images: &[ImageName]) -> Result<()> {
        let filter = match images.len() {
            0 => String::new(),
            count => format!(" WHERE image IN {}", places(1, count)),
        };
        let mut query = sqlx::query(AssertSqlSafe(format!("{}{filter}", table.select)));
        for image in images {
            query = query.bind(image.as_str());
        }
        let mut found = query.fetch(&self.read);
        // Rows of an image mostly stand together; its name is parsed once for each run of them.
        let mut current: Option<ImageName> = None;
        while let Some(row) = found.try_next().await.map_err(|error| self.sort(error))? {
            let text = rows::text(&row, 0).map_err(|error| self.sort(error))?;
            let image = match current.take() {
                Some(image) if image.as_str() == text => image,
                _ => rows::id(&row, 0).map_err(|error| self.sort(error))?,
            };
            (table.put)(catalog, &image, &row).map_err(|error| self.sort(error))?;
            current = Some(image);
        }
        Ok(())
    }
}

fn read_state(row: &AnyRow) -> rows::Read<(Tag, (TagState, Timestamp))> {
    Ok((rows::id(row, 0)?, (state_of(row.try_get(1)?)?, rows::time(row, 2)?)))
}

/// How a table is loaded into a catalog.
#[derive(Clone, Copy)]
struct Table {
    select: &'static str,
    put: fn(&mut Catalog, &ImageName, &AnyRow) -> rows::Read<()>,
}

const TAGS: Table = Table {
    select: "SELECT image, tag, digest, state, seen_ms FROM tag",
    put: |catalog, image, row| {
        let (digest, state) = (rows::maybe_id(row, 2)?, state_of(row.try_get(3)?)?);
        let fact = TagFact { digest, state, seen: rows::time(row, 4)? };
        catalog.image_mut(image).tags.insert(rows::id(row, 1)?, fact);
        Ok(())
    },
};

const ARTIFACTS: Table = Table {
    select: "SELECT image, digest, built_ms, revision, source, described FROM artifact",
    put: |catalog, image, row| {
        let fact = ArtifactFact {
            built: rows::maybe_time(row, 2)?,
            revision: rows::maybe_text(row, 3)?.map(str::to_owned),
            source: rows::maybe_text(row, 4)?.map(str::to_owned),
            described: row.try_get::<i64, _>(5)? != 0,
        };
        catalog.image_mut(image).artifacts.insert(rows::id(row, 1)?, fact);
        Ok(())
    },
};

const BUILDS: Table = Table {
    select: "SELECT image, digest, check_name, tag, status, url, at_ms FROM build",
    put: |catalog, image, row| {
        let status = rows::text(row, 4)?;
        let result = CheckResult {
            status: BuildStatus::from_word(status)
                .ok_or_else(|| rows::unknown("status of a build", status))?,
            tag: rows::id(row, 3)?,
            url: rows::maybe_text(row, 5)?.map(str::to_owned),
            at: rows::time(row, 6)?,
        };
        let checks = &mut catalog.image_mut(image).checks;
        checks.entry(rows::id(row, 1)?).or_default().insert(rows::text(row, 2)?.to_owned(), result);
        Ok(())
    },
};
