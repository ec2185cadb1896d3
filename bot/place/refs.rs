//! The Git references that move with an image: what is written in a file.

use gantry_core::{
    artifact::{Artifact, Release},
    config::{
        pipeline::{Application, FileEntry, FollowingRef},
        types::RefWrite,
    },
    reason::Problem,
};
use gantry_edit::{Change, Reference, What};

use super::{at, held::is_revision, repository};

/// A Git repository and the revision that its references get.
pub struct Revision {
    repository: String,
    revision: String,
}

impl Revision {
    /// The change that makes it so.
    #[must_use]
    pub fn change(&self) -> Change<'_> {
        let Self { repository, revision } = self;
        Change { what: Some(What::Revision), tag: Some(revision), ..Change::of(repository) }
    }
}

/// The revisions that go with a release, of the repositories that the file refers to.
///
/// # Errors
/// From what revision an image was built is not known.
pub fn refs(
    application: &Application,
    release: &Release,
    entry: &FileEntry,
    references: &[Reference],
) -> Result<Vec<Revision>, Problem> {
    let mut all = Vec::new();
    for own in &application.refs {
        let Some(repository) = repository(&own.url) else { continue };
        let Some(here) = references.iter().find(|reference| is_revision(reference, &repository)) else {
            continue;
        };
        let of = |artifact: &&Artifact| artifact.image == own.follows && artifact.entry == own.entry;
        let Some(artifact) = release.artifacts.iter().find(of) else { continue };
        let Some(revision) = wanted(own, artifact) else {
            let message = format!(
                "refers to {repository}, which follows {}, and the source revision of its tag {} is not known; give \
                 the image the label org.opencontainers.image.revision, or tell the build with its revision",
                artifact.image, artifact.tag
            );
            return Err(at(&entry.path, Some(here.line), Some(here.column), message));
        };
        all.push(Revision { repository, revision });
    }
    Ok(all)
}

fn wanted(own: &FollowingRef, artifact: &Artifact) -> Option<String> {
    match own.write {
        RefWrite::Revision => artifact.revision.clone(),
        RefWrite::Tag => Some(artifact.tag.to_string()),
    }
}
