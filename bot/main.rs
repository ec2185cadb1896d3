//! The binary: parses arguments and exits.

use std::process::ExitCode;

fn main() -> ExitCode {
    gantry::cli::main()
}
