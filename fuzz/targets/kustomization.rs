//! Kustomizations. The input is the file; each of its images is set in turn.

use gantry_edit::{Change, Kind, Reference, SetDigest, check, read, set};

use super::{outcome, refused};

/// What an image reference means, without its place.
fn meaning(reference: &Reference) -> (&str, &str, Option<&str>, Option<&str>) {
    let tag = reference.tag.as_ref().map(|tag| tag.value.as_str());
    let digest = reference.digest.as_ref().map(|digest| digest.value.as_str());
    (&reference.image, &reference.name, tag, digest)
}

pub(super) fn run(data: &[u8]) -> u64 {
    let digest = format!("sha256:{}", "b".repeat(64));
    let sound = check(data);
    let references = match read(Kind::Kustomization, data) {
        Ok(references) => references,
        Err(refusal) => return refused(&refusal),
    };
    let mut last = outcome(&(sound.is_ok(), references.len().min(3)));
    for (at, reference) in references.iter().enumerate().take(4) {
        for (tag, digest) in [
            (Some("1e3"), SetDigest::Keep),
            (Some("v9"), SetDigest::Remove),
            (None, SetDigest::Set(digest.as_str())),
        ] {
            let change = Change { image: &reference.image, new_name: None, tag, digest };
            let edited = match set(Kind::Kustomization, data, &[change]) {
                Ok(edited) => edited,
                Err(refusal) => {
                    last ^= refused(&refusal);
                    continue;
                }
            };
            let after = read(Kind::Kustomization, &edited.bytes).expect("the edited file is read");
            assert_eq!(after.len(), references.len());
            for (other, (old, new)) in references.iter().zip(&after).enumerate() {
                assert!(other == at || meaning(old) == meaning(new), "another image changed");
            }
            let (_, _, new_tag, new_digest) = meaning(&after[at]);
            let (_, _, old_tag, old_digest) = meaning(reference);
            assert_eq!(new_tag, tag.or(old_tag));
            match digest {
                SetDigest::Keep => assert_eq!(new_digest, old_digest),
                SetDigest::Remove => assert_eq!(new_digest, None),
                SetDigest::Set(digest) => assert_eq!(new_digest, Some(digest)),
            }
            assert_eq!(sound.is_ok(), check(&edited.bytes).is_ok(), "as sound as before");
            assert_eq!(edited.changed, edited.bytes != data);
            let again = set(Kind::Kustomization, &edited.bytes, &[change]).expect("a second time");
            assert!(!again.changed && again.bytes == edited.bytes, "the second time changes nothing");
            last ^= outcome(&(edited.changed, edited.edits.len()));
        }
    }
    last
}
