//! What the store promises, told on each kind of database.

mod audit;
mod builds;
mod catalog;
mod changes;
mod durable;
mod hostile;
mod inbox;
mod lease;
mod size;

use gantry_core::{
    artifact::Artifact,
    ids::{Digest, ImageName, Tag},
};
use jiff::Timestamp;

/// A moment, in seconds after some start.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + seconds).unwrap()
}

fn image(name: &str) -> ImageName {
    format!("registry.example.com/shop/{name}").parse().unwrap()
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

/// A digest told by a number.
fn digest(number: u64) -> Digest {
    format!("sha256:{number:064x}").parse().unwrap()
}

/// An artifact as a registry would describe it.
fn artifact(name: &str, text: &str, number: u64) -> Artifact {
    Artifact {
        image: image(name),
        entry: None,
        tag: tag(text),
        digest: digest(number),
        built: Some(at(number.try_into().unwrap())),
        revision: Some(format!("{number:040x}")),
        source: Some("https://git.example.com/shop/checkout".into()),
    }
}
