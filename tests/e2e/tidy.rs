//! The house rules that no linter knows.

use std::path::{Path, PathBuf};

/// Most lines of a source file.
const LINES_MAX: usize = 500;

#[test]
fn no_source_file_is_forgotten() {
    for file in sources() {
        let Some(module) = module_name(&file) else { continue };
        let parent = parents(&file).into_iter().find(|parent| parent.exists());
        let parent = parent.unwrap_or_else(|| panic!("{} has no parent module", file.display()));
        let declared = std::fs::read_to_string(&parent).unwrap();
        let declared = declared.lines().any(|line| line.trim_end().ends_with(&format!("mod {module};")));
        assert!(declared, "{} is not declared in {}", file.display(), parent.display());
    }
}

/// Nobody declares a crate's root, a build script, or a program or bench of its own.
fn module_name(file: &Path) -> Option<String> {
    let stem = file.file_stem()?.to_str()?;
    let directory = file.parent()?.file_name()?.to_str()?;
    if matches!(stem, "main" | "lib" | "build") || matches!(directory, "bin" | "benches" | "examples") {
        return None;
    }
    Some(String::from(if stem == "mod" { directory } else { stem }))
}

/// The files that may declare the module in `file`.
fn parents(file: &Path) -> Vec<PathBuf> {
    let directory = file.parent().unwrap();
    let above = if file.ends_with("mod.rs") { directory.parent().unwrap() } else { directory };
    vec![above.join("mod.rs"), above.join("lib.rs"), above.join("main.rs"), above.with_extension("rs")]
}

#[test]
fn files_are_small_and_say_what_they_are() {
    for file in sources() {
        let text = std::fs::read_to_string(&file).unwrap();
        let shown = file.display();
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{shown} has {lines} lines; split it");
        // A handler opens with its parameters; what it is for stands above the module that lists it.
        let handler = shown.to_string().contains("/routes/todos/");
        assert!(
            handler || text.starts_with("//!") || file.ends_with("build.rs"),
            "{shown} has no //! header"
        );
    }
}

#[test]
fn what_the_house_does_not_write() {
    // In two parts, so that this file does not hold them.
    let banned = [
        concat!("#[al", "low("),
        concat!("#![al", "low("),
        concat!("to", "do!("),
        concat!("unimpl", "emented!("),
    ];
    for file in sources() {
        let text = std::fs::read_to_string(&file).unwrap();
        for word in banned {
            assert!(!text.contains(word), "{} has {word}", file.display());
        }
    }
}

/// Every Rust file of the workspace.
fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (mut found, mut open) = (Vec::new(), vec![root.to_path_buf()]);
    while let Some(directory) = open.pop() {
        for entry in directory.read_dir().unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let elsewhere = name.starts_with('.') || name == "target" || name == "node_modules";
            if path.is_dir() && !elsewhere {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 30, "this looks in the wrong place: {found:?}");
    found
}
