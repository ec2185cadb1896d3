//! What holds for every kind that is read as YAML. The input is the file, each of whose images is set in turn;
//! or the key on the first line and then the file, whose value at the key is set.

use gantry_edit::{
    Change, Edited, Kind, Located, Reference, SetDigest, Target, check, read, same_image, set,
};

use super::{first_line, outcome, refused, same_around};

/// What a reference means, without its place.
type Meaning<'r> = (&'r str, &'r str, Option<&'r str>, Option<&'r str>);

fn meaning(reference: &Reference) -> Meaning<'_> {
    let tag = reference.tag.as_ref().map(|tag| tag.value.as_str());
    let digest = reference.digest.as_ref().map(|digest| digest.value.as_str());
    (reference.image.as_str(), reference.name.as_str(), tag, digest)
}

/// What the references mean that are not to the image.
fn others<'r>(references: &'r [Reference], image: &str) -> Vec<Meaning<'r>> {
    references.iter().filter(|reference| !same_image(&reference.image, image)).map(meaning).collect()
}

pub(super) fn run(kind: Kind, data: &[u8]) -> u64 {
    with(&Target::of(kind), data)
}

pub(super) fn run_keyed(kind: Kind, data: &[u8]) -> u64 {
    let Some((key, file)) = first_line(data) else { return 0 };
    with(&Target { key: Some(key), image: Some("a/b"), ..Target::of(kind) }, file)
}

/// Where the text of one value changed, the bytes around it are the same.
fn only_the_value(before: &[u8], references: &[Reference], edited: &Edited, after: &[Reference]) {
    let [edit] = edited.edits.as_slice() else { return };
    let replaced = edit.before.as_ref().zip(edit.after.as_ref());
    let Some((old, new)) = references.iter().zip(after).find(|(old, new)| meaning(old) != meaning(new))
    else {
        return;
    };
    let value = |part: &Option<Located>| part.as_ref().map(|part| part.value.clone());
    let places = match value(&old.tag) == value(&new.tag) {
        true => old.digest.as_ref().zip(new.digest.as_ref()),
        false => old.tag.as_ref().zip(new.tag.as_ref()),
    };
    if let (Some(_), Some((old, new))) = (replaced, places)
        && let (Some(old), Some(new)) = (&old.bytes, &new.bytes)
    {
        same_around(before, old, &edited.bytes, new);
    }
}

/// Whether it is JSON by another parser, which YAML with JSON's marks need not be.
fn is_json(file: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(file).is_ok()
}

fn with(target: &Target<'_>, data: &[u8]) -> u64 {
    let digest = format!("sha256:{}", "b".repeat(64));
    let sound = check(data);
    let references = match read(target, data) {
        Ok(references) => references,
        Err(refusal) => return refused(&refusal),
    };
    let mut last = outcome(&(sound.is_ok(), references.len().min(3)));
    for reference in references.iter().take(4) {
        for (tag, digest) in
            [(Some("1e3"), SetDigest::Keep), (Some("v9"), SetDigest::Remove), (None, SetDigest::Set(&digest))]
        {
            let image = reference.image.as_str();
            let change = Change { tag, digest, ..Change::of(image) };
            let edited = match set(target, data, &[change]) {
                Ok(edited) => edited,
                Err(refusal) => {
                    last ^= refused(&refusal);
                    continue;
                }
            };
            assert_eq!(edited.changed, edited.bytes != data);
            assert_eq!(edited.changed, !edited.edits.is_empty());
            let after = read(target, &edited.bytes).expect("the edited file is read");
            assert_eq!(others(&references, image), others(&after, image), "another image changed");
            only_the_value(data, &references, &edited, &after);
            assert!(!is_json(data) || is_json(&edited.bytes), "JSON stays JSON");
            assert_eq!(sound.is_ok(), check(&edited.bytes).is_ok(), "as sound as before");
            let again = set(target, &edited.bytes, &[change]).expect("a second time");
            assert!(!again.changed && again.bytes == edited.bytes, "the second time changes nothing");
            last ^= outcome(&(edited.changed, edited.edits.len().min(4)));
        }
    }
    last
}
