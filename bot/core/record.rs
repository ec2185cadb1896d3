//! Trailers: what Gantry writes into a commit and reads back.
//!
//! They are the record that survives the loss of the database (DESIGN section 7). Everything that decides
//! on is in them: the place, the release, each image with tag and digest, when and from what it was built,
//! which config went with it, and which checks had succeeded. One `Gantry-Source` and one `Gantry-Built` stand for each `Gantry-Image`,
//! in the same order, with `-` for what is not known.

use jiff::Timestamp;

use crate::{
    artifact::{Artifact, Release},
    decide::place_of,
    effects::Promotion,
    facts::{Place, Record, Ruling},
    ids::{CommitId, ProposalNumber},
};

const APPLICATION: &str = "Gantry-Application";
const ENVIRONMENT: &str = "Gantry-Environment";
const RELEASE: &str = "Gantry-Release";
const FROM: &str = "Gantry-From";
const CONFIG: &str = "Gantry-Config";
const IMAGE: &str = "Gantry-Image";
const SOURCE: &str = "Gantry-Source";
const BUILT: &str = "Gantry-Built";
const CHECKS: &str = "Gantry-Checks";
const BY: &str = "Gantry-By";
/// The trailer of a rejection.
pub const REJECTS: &str = "Gantry-Rejects";
/// The trailer of its lifting.
pub const ACCEPTS: &str = "Gantry-Accepts";
const PROPOSAL: &str = "Gantry-Proposal";
const REPOSITORY: &str = "Gantry-Repository";
const BASE: &str = "Gantry-Base";
/// The trailer of a record's seal, the last of them.
pub const SEAL: &str = "Gantry-Seal";
/// What the keys of all trailers of Gantry's begin with.
const PREFIX: &str = "gantry-";

/// At most this many images are read from one commit.
const MOST_IMAGES: usize = 100;
const UNKNOWN: &str = "-";

/// Trailers in the order in which they are written: key and value.
pub type Trailers = Vec<(String, String)>;

fn line(trailers: &mut Trailers, key: &str, value: impl ToString) {
    let value: String = value.to_string().chars().filter(|c| !c.is_control()).collect();
    trailers.push((key.to_owned(), value));
}

fn place_lines(trailers: &mut Trailers, place: &Place) {
    line(trailers, APPLICATION, &place.application);
    line(trailers, ENVIRONMENT, &place.environment);
}

/// The trailers of a promotion's commit.
#[must_use]
pub fn promotion_trailers(promotion: &Promotion) -> Trailers {
    let mut trailers = Vec::new();
    place_lines(&mut trailers, &promotion.place);
    line(&mut trailers, RELEASE, &promotion.release.id);
    if let Some(from) = &promotion.from {
        line(&mut trailers, FROM, from);
    }
    for artifact in &promotion.release.artifacts {
        let entry = artifact.entry.as_ref().map(|entry| format!("{entry}=")).unwrap_or_default();
        line(&mut trailers, IMAGE, format!("{entry}{}:{}@{}", artifact.image, artifact.tag, artifact.digest));
        let revision = artifact.revision.as_deref().unwrap_or(UNKNOWN);
        let source = artifact.source.as_deref().map(|source| format!(" {source}")).unwrap_or_default();
        line(&mut trailers, SOURCE, format!("{revision}{source}"));
        line(&mut trailers, BUILT, artifact.built.map_or_else(|| UNKNOWN.to_owned(), |at| at.to_string()));
    }
    if let Some(config) = &promotion.release.config {
        line(&mut trailers, CONFIG, config);
    }
    if !promotion.checks.is_empty() {
        line(&mut trailers, CHECKS, promotion.checks.join(" "));
    }
    if let Some(by) = &promotion.by {
        line(&mut trailers, BY, by);
    }
    trailers
}

/// The trailers of a rejection's commit, or of its lifting.
#[must_use]
pub fn ruling_trailers(
    place: &Place,
    release: &crate::ids::ReleaseId,
    rejects: bool,
    by: &str,
    proposal: Option<ProposalNumber>,
) -> Trailers {
    let mut trailers = Vec::new();
    place_lines(&mut trailers, place);
    line(&mut trailers, if rejects { REJECTS } else { ACCEPTS }, release);
    if let Some(proposal) = proposal {
        line(&mut trailers, PROPOSAL, proposal);
    }
    line(&mut trailers, BY, by);
    trailers
}

/// The trailers that say where a record belongs: the repository's identity and, of a proposal's commit, the commit
/// that it was made on.
#[must_use]
pub fn belonging_trailers(repository: &str, base: Option<&CommitId>) -> Trailers {
    let mut trailers = Vec::new();
    line(&mut trailers, REPOSITORY, repository);
    if let Some(base) = base {
        line(&mut trailers, BASE, base);
    }
    trailers
}

/// A record's seal with what it has to be a seal of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The text of `Gantry-Seal`.
    pub seal: String,
    /// `Gantry-Base` of a proposal's commit.
    pub base: Option<CommitId>,
    /// All other trailers of Gantry's, in their order.
    pub trailers: Trailers,
}

/// The trailers of Gantry's that a seal has to cover: all of them, in their order.
#[must_use]
pub fn to_seal(trailers: &[(String, String)]) -> Trailers {
    let ours = |key: &str| key.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
    trailers.iter().filter(|(key, _)| ours(key) && !key.eq_ignore_ascii_case(SEAL)).cloned().collect()
}

/// Reads a seal; `None` where there is none, or more than one: then it is not clear what each is of.
#[must_use]
pub fn read_seal(trailers: &[(String, String)]) -> Option<Sealed> {
    let mut seals = all(trailers, SEAL);
    let (Some(seal), None) = (seals.next(), seals.next()) else { return None };
    let base = match first(trailers, BASE) {
        Some(base) => Some(base.parse().ok()?),
        None => None,
    };
    Some(Sealed { seal: seal.to_owned(), base, trailers: to_seal(trailers) })
}

fn first<'a>(trailers: &'a [(String, String)], key: &str) -> Option<&'a str> {
    all(trailers, key).next()
}

fn all<'a>(trailers: &'a [(String, String)], key: &str) -> impl Iterator<Item = &'a str> {
    trailers.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str())
}

fn place(trailers: &[(String, String)]) -> Option<Place> {
    let application = first(trailers, APPLICATION)?.parse().ok()?;
    let environment = first(trailers, ENVIRONMENT)?.parse().ok()?;
    Some(place_of(&application, &environment))
}

/// Reads a promotion back; `None` where the trailers are no whole record, or don't agree with each other: a
/// release id that isn't that of the images was not written by Gantry.
#[must_use]
pub fn read_record(trailers: &[(String, String)]) -> Option<Record> {
    let place = place(trailers)?;
    let release = first(trailers, RELEASE)?.parse().ok()?;
    let mut sources = all(trailers, SOURCE);
    let mut built = all(trailers, BUILT);
    let mut artifacts = Vec::new();
    for image in all(trailers, IMAGE).take(MOST_IMAGES) {
        let (entry, image) = match image.split_once('=') {
            Some((entry, image)) => (Some(entry.parse().ok()?), image),
            None => (None, image),
        };
        let (name, digest) = image.split_once('@')?;
        let (name, tag) = name.rsplit_once(':')?;
        let (revision, source) = match sources.next().map(|text| text.split_once(' ').unwrap_or((text, ""))) {
            Some((revision, source)) => (known(revision), known(source)),
            None => (None, None),
        };
        artifacts.push(Artifact {
            image: name.parse().ok()?,
            entry,
            tag: tag.parse().ok()?,
            digest: digest.parse().ok()?,
            built: built.next().and_then(|text| text.parse::<Timestamp>().ok()),
            revision,
            source,
        });
    }
    let checks = first(trailers, CHECKS).unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    let config = match first(trailers, CONFIG) {
        Some(text) => Some(text.parse().ok()?),
        None => None,
    };
    let found = Release::with_config(place.application.clone(), artifacts, config);
    (found.id == release && !found.artifacts.is_empty()).then(|| Record {
        place,
        release,
        from: first(trailers, FROM).and_then(|from| from.parse().ok()),
        artifacts: found.artifacts,
        config: found.config,
        checks,
        by: first(trailers, BY).map(str::to_owned),
    })
}

fn known(text: &str) -> Option<String> {
    (!text.is_empty() && text != UNKNOWN).then(|| text.chars().take(2_000).collect())
}

/// Reads a rejection or its lifting back.
#[must_use]
pub fn read_ruling(
    trailers: &[(String, String)],
    commit: &CommitId,
    at: Timestamp,
    author: &str,
    reason: &str,
) -> Option<(Place, Ruling)> {
    let place = place(trailers)?;
    let (release, rejects) = match (first(trailers, REJECTS), first(trailers, ACCEPTS)) {
        (Some(release), None) => (release, true),
        (None, Some(release)) => (release, false),
        (Some(_), Some(_)) | (None, None) => return None,
    };
    let number = first(trailers, PROPOSAL).and_then(|text| text.trim_start_matches('#').parse().ok());
    let ruling = Ruling {
        release: release.parse().ok()?,
        rejects,
        by: first(trailers, BY).unwrap_or(author).to_owned(),
        reason: reason.to_owned(),
        at,
        commit: commit.clone(),
        proposal: number.map(ProposalNumber),
    };
    Some((place, ruling))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promotion() -> Promotion {
        let artifact = |name: &str, tag: &str| Artifact {
            image: format!("r.example.com:5000/shop/{name}").parse().unwrap(),
            entry: (name == "b").then(|| "shop-b".parse().unwrap()),
            tag: tag.parse().unwrap(),
            digest: format!("sha256:{}", "a".repeat(64)).parse().unwrap(),
            built: (name == "a").then(|| Timestamp::from_second(1_700_000_000).unwrap()),
            revision: (name == "b").then(|| "0123abc".to_owned()),
            source: (name == "b").then(|| "https://git.example.com/shop/b".to_owned()),
        };
        let place = place_of(&"shop".parse().unwrap(), &"prod-eu".parse().unwrap());
        Promotion {
            release: Release::new(
                place.application.clone(),
                vec![artifact("a", "1.2.0"), artifact("b", "v3")],
            ),
            place,
            base: "main".parse().unwrap(),
            from: None,
            from_version: "1.1.0".to_owned(),
            gates: vec![],
            checks: vec!["ci".to_owned()],
            by: Some("rita\nGantry-Release: forged".to_owned()),
        }
    }

    #[test]
    fn a_record_reads_back_whole() {
        let promotion = promotion();
        let record = read_record(&promotion_trailers(&promotion)).unwrap();
        assert_eq!(record.place, promotion.place);
        assert_eq!(record.release, promotion.release.id);
        assert_eq!(record.artifacts, promotion.release.artifacts);
        assert_eq!(record.checks, ["ci"]);
        assert_eq!(record.by.as_deref(), Some("ritaGantry-Release: forged"), "no line break gets through");
    }

    #[test]
    fn the_config_is_part_of_the_record() {
        let mut promotion = promotion();
        let Release { application, artifacts, .. } = promotion.release;
        let config = "0123456789abcdef0123456789abcdef".parse().ok();
        promotion.release = Release::with_config(application, artifacts, config);
        let mut trailers = promotion_trailers(&promotion);
        let record = read_record(&trailers).unwrap();
        assert_eq!(record.release(), promotion.release);
        trailers.retain(|(key, _)| key != CONFIG);
        assert_eq!(read_record(&trailers), None, "without it the id is another's");
    }

    #[test]
    fn a_seal_covers_every_trailer_of_gantrys_however_it_is_written() {
        let mut trailers = promotion_trailers(&promotion());
        trailers.extend(belonging_trailers("git.example.com/infra", None));
        trailers.push(("Co-authored-by".to_owned(), "Rita <rita@example.com>".to_owned()));
        assert_eq!(read_seal(&trailers), None);
        let ours = trailers.len() - 1;
        trailers.push((SEAL.to_owned(), "a b".to_owned()));
        trailers.push(("gantry-CHECKS".to_owned(), "forged".to_owned()));
        let sealed = read_seal(&trailers).unwrap();
        assert_eq!((sealed.seal.as_str(), sealed.base, sealed.trailers.len()), ("a b", None, ours + 1));
        trailers.push(("gantry-seal".to_owned(), "c d".to_owned()));
        assert_eq!(read_seal(&trailers), None, "two are none");
    }

    #[test]
    fn a_record_that_contradicts_itself_is_none() {
        let mut trailers = promotion_trailers(&promotion());
        trailers.retain(|(key, value)| key != IMAGE || value.contains("/a:"));
        assert_eq!(read_record(&trailers), None);
    }

    #[test]
    fn rulings_read_back() {
        let place = promotion().place;
        let release = promotion().release.id;
        let commit: CommitId = "a".repeat(40).parse().unwrap();
        let trailers = ruling_trailers(&place, &release, true, "rita", Some(ProposalNumber(7)));
        let (found, ruling) = read_ruling(&trailers, &commit, Timestamp::UNIX_EPOCH, "x", "bad").unwrap();
        assert_eq!((found, ruling.rejects, ruling.by.as_str()), (place, true, "rita"));
        assert_eq!(ruling.proposal, Some(ProposalNumber(7)));
    }
}
