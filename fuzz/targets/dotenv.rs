//! Strings at a key path in dotenv files.

use gantry_edit::format::Format;

pub(super) fn run(data: &[u8]) -> u64 {
    super::keyed::run(Format::Dotenv, data)
}
