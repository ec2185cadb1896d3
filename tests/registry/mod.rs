//! The registry client against Debian's docker-registry, and against registries that misbehave.

mod images;
mod listing;
mod lying;
mod misbehaving;
mod sign_in;

use gantry_core::ids::{ImageName, Tag};
use jiff::Timestamp;

/// The time of all these tests: the client reads no clock.
fn now() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

fn tag_names(tags: &[Tag]) -> Vec<&str> {
    tags.iter().map(Tag::as_str).collect()
}

/// Lists the tags with a fresh client.
async fn list(
    endpoint: gantry::registry::Endpoint,
    image: &ImageName,
) -> Result<gantry::registry::Listing, gantry::registry::RegistryError> {
    gantry::registry::Registry::new(endpoint)?.tags(image, now()).await
}
