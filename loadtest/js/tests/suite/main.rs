//! All tests of the crate that drive whole scripts, in one binary.

mod basics;
mod corpus;
mod corpus_more;
mod helpers;
mod host;
mod k6_values;
mod modules;
mod native;
mod responses;
mod shared;
mod stress;
mod subtle;

/// A file that is not listed above would silently not be run.
#[test]
fn no_test_file_is_forgotten() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite");
    let main = std::fs::read_to_string(folder.join("main.rs")).expect("this file is there");
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let name = entry.expect("readable").file_name().into_string().expect("UTF-8");
        let module = name.trim_end_matches(".rs");
        assert!(
            module == "main" || main.contains(&format!("mod {module};")),
            "{name} is not a module of main.rs"
        );
    }
}
