//! The binary: parses arguments and exits.

fn main() {}
