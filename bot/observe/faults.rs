//! What is wrong with registries, as people are told: one problem for a registry that can't be read, and one for each
//! image that can't be while its registry can.

use std::collections::BTreeMap;

use gantry_core::{
    ids::ImageName,
    reason::{Owner, Problem},
};

use crate::{registry::RegistryError, store::board::RegistryHealth};

/// How many images are named in a problem of their registry.
const NAMED: usize = 3;
/// How many problems of single images of one registry are told; the rest are counted.
const SINGLE: usize = 20;

/// Why an image could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    message: String,
    owner: Owner,
    of_registry: bool,
}

impl Fault {
    /// None where nobody has to act: a registry that asks for a pause gets it.
    pub(super) fn of(error: &RegistryError) -> Option<Self> {
        let owner = error.owner();
        let fault = Self { message: error.to_string(), owner, of_registry: error.is_of_registry() };
        (owner != Owner::Nobody).then_some(fault)
    }

    pub(super) fn of_image(message: String) -> Self {
        Self { message, owner: Owner::Platform, of_registry: false }
    }
}

/// The images of a registry, and those of them that could not be read.
#[derive(Default)]
struct Tally<'a> {
    images: usize,
    failing: Vec<(&'a ImageName, &'a Fault)>,
}

fn by_host<'a>(
    images: impl Iterator<Item = &'a ImageName>,
    faults: &'a BTreeMap<ImageName, Fault>,
) -> BTreeMap<&'a str, Tally<'a>> {
    let mut hosts: BTreeMap<&str, Tally<'_>> = BTreeMap::new();
    for image in images {
        let tally = hosts.entry(image.host()).or_default();
        tally.images += 1;
        tally.failing.extend(faults.get_key_value(image));
    }
    hosts
}

/// How the registries of these images stand.
pub(super) fn health<'a>(
    images: impl Iterator<Item = &'a ImageName>,
    faults: &'a BTreeMap<ImageName, Fault>,
) -> Vec<RegistryHealth> {
    let hosts = by_host(images, faults).into_iter();
    hosts
        .map(|(host, tally)| RegistryHealth {
            host: host.to_owned(),
            images: tally.images,
            failing: tally.failing.len(),
        })
        .collect()
}

/// What people must mend of the registries of these images.
pub(super) fn problems<'a>(
    images: impl Iterator<Item = &'a ImageName>,
    faults: &'a BTreeMap<ImageName, Fault>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (host, tally) in by_host(images, faults) {
        let (whole, single): (Vec<_>, Vec<_>) =
            tally.failing.iter().partition(|(_, fault)| fault.of_registry);
        if let Some((_, fault)) = whole.first() {
            let names: Vec<&str> = whole.iter().take(NAMED).map(|(image, _)| image.as_str()).collect();
            let more = if whole.len() > NAMED { " and others" } else { "" };
            let (failing, images) = (whole.len(), tally.images);
            let names = names.join(", ");
            let message = &fault.message;
            problems.push(problem(
                format!(
                    "registry {host}: {failing} of {images} images can't be read ({names}{more}): {message}"
                ),
                fault.owner,
            ));
        }
        for (image, fault) in single.iter().take(SINGLE) {
            problems
                .push(problem(format!("image {image}: it can't be read: {}", fault.message), fault.owner));
        }
        if let Some(more) = single.len().checked_sub(SINGLE).filter(|more| *more > 0) {
            problems.push(problem(
                format!("registry {host}: {more} more images can't be read; the log names them"),
                Owner::Platform,
            ));
        }
    }
    problems
}

fn problem(message: String, owner: Owner) -> Problem {
    Problem { file: None, line: None, column: None, message, owner }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_told_once_and_an_image_by_its_name() {
        let names: Vec<ImageName> =
            (0..30).map(|number| format!("r.io/app-{number:02}").parse().unwrap()).collect();
        let down = RegistryError::Unreachable { url: "https://r.io/v2/".into(), why: "refused".into() };
        let down = Fault::of(&down).unwrap();
        let gone = RegistryError::NotFound { url: "https://r.io/v2/x".into(), code: String::new() };
        let gone = Fault::of(&gone).unwrap();
        let pause = RegistryError::RateLimited { url: String::new(), until: jiff::Timestamp::UNIX_EPOCH };
        assert_eq!(Fault::of(&pause), None);

        let mut faults: BTreeMap<_, _> =
            names[..10].iter().map(|name| (name.clone(), down.clone())).collect();
        faults.insert(names[12].clone(), gone.clone());
        faults.insert("r.io/not-asked-for".parse().unwrap(), gone.clone());
        let found = problems(names.iter(), &faults);
        let texts: Vec<&str> = found.iter().map(|problem| problem.message.as_str()).collect();
        let [whole, single] = texts[..] else { panic!("{texts:?}") };
        assert!(
            whole.starts_with(
                "registry r.io: 10 of 30 images can't be read (r.io/app-00, r.io/app-01, r.io/app-02 and others): \
                 https://r.io/v2/: no connection: refused"
            ),
            "{whole}"
        );
        assert!(single.starts_with("image r.io/app-12: it can't be read: "), "{single}");
        assert_eq!((found[0].owner, found[1].owner), (Owner::Platform, Owner::Team));
        let health = health(names.iter(), &faults);
        assert_eq!((health.len(), health[0].images, health[0].failing), (1, 30, 11));

        let all: BTreeMap<_, _> = names.iter().map(|name| (name.clone(), gone.clone())).collect();
        let found = problems(names.iter(), &all);
        assert_eq!(found.len(), SINGLE + 1);
        assert!(found[SINGLE].message.contains("10 more images"), "{}", found[SINGLE].message);
    }
}
