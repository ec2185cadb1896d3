//! One binary for libFuzzer, with coverage; `GANTRY_FUZZ_TARGET` names the target. See README.md.

#![no_main]

mod targets;

use std::sync::OnceLock;

use targets::Target;

static TARGET: OnceLock<Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let target = TARGET.get_or_init(|| {
        let name = std::env::var("GANTRY_FUZZ_TARGET").unwrap_or_default();
        let target = targets::TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target);
        target.unwrap_or_else(|| {
            let known: Vec<&str> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
            panic!("set GANTRY_FUZZ_TARGET to one of {}", known.join(", "))
        })
    });
    target(data);
});
