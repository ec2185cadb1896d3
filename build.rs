//! Tells Cargo that the embedded folders are part of the program; `include_dir!` alone does not.

fn main() {
    for folder in ["templates", "environments"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
