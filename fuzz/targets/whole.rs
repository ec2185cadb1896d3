//! What holds for every kind that is read as YAML. The input is the file; each of its images is set in turn.

use gantry_edit::{Change, Kind, Reference, SetDigest, Target, check, read, same_image, set};

use super::{outcome, refused};

/// What a reference means, without its place.
type Meaning<'r> = (&'r str, &'r str, Option<&'r str>, Option<&'r str>);

/// What the references mean that are not to the image.
fn others<'r>(references: &'r [Reference], image: &str) -> Vec<Meaning<'r>> {
    let meaning = |reference: &'r Reference| {
        let tag = reference.tag.as_ref().map(|tag| tag.value.as_str());
        let digest = reference.digest.as_ref().map(|digest| digest.value.as_str());
        (reference.image.as_str(), reference.name.as_str(), tag, digest)
    };
    references.iter().filter(|reference| !same_image(&reference.image, image)).map(meaning).collect()
}

pub(super) fn run(kind: Kind, data: &[u8]) -> u64 {
    let target = Target::of(kind);
    let digest = format!("sha256:{}", "b".repeat(64));
    let sound = check(data);
    let references = match read(&target, data) {
        Ok(references) => references,
        Err(refusal) => return refused(&refusal),
    };
    let mut last = outcome(&(sound.is_ok(), references.len().min(3)));
    for reference in references.iter().take(4) {
        for (tag, digest) in
            [(Some("1e3"), SetDigest::Keep), (Some("v9"), SetDigest::Remove), (None, SetDigest::Set(&digest))]
        {
            let image = reference.image.as_str();
            let change = Change { image, new_name: None, tag, digest };
            let edited = match set(&target, data, &[change]) {
                Ok(edited) => edited,
                Err(refusal) => {
                    last ^= refused(&refusal);
                    continue;
                }
            };
            assert_eq!(edited.changed, edited.bytes != data);
            assert_eq!(edited.changed, !edited.edits.is_empty());
            let after = read(&target, &edited.bytes).expect("the edited file is read");
            assert_eq!(others(&references, image), others(&after, image), "another image changed");
            assert_eq!(sound.is_ok(), check(&edited.bytes).is_ok(), "as sound as before");
            let again = set(&target, &edited.bytes, &[change]).expect("a second time");
            assert!(!again.changed && again.bytes == edited.bytes, "the second time changes nothing");
            last ^= outcome(&(edited.changed, edited.edits.len().min(4)));
        }
    }
    last
}
