//! Strings at a key path in HCL files.

use gantry_edit::format::Format;

pub(super) fn run(data: &[u8]) -> u64 {
    super::keyed::run(Format::Hcl, data)
}
