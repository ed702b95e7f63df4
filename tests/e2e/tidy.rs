//! The house rules that no linter knows.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn no_test_file_is_forgotten() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    for file in files {
        let (folder, name) = (file.parent().unwrap(), file.file_stem().unwrap().to_str().unwrap());
        let parent = if folder == root { root.join("main.rs") } else { folder.with_extension("rs") };
        let named = fs::read_to_string(&parent).unwrap().contains(&format!("mod {name};"));
        assert!(named || file == parent, "{} is not named in {}", file.display(), parent.display());
    }
}

fn rust_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in directory.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}
