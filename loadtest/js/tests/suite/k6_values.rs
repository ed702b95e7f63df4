//! What the JavaScript API gives, line by line as printed by k6 2.2.1: `tests/k6/NAME.js` was run by it, and
//! `tests/k6/NAME.out` is what its console showed.

use crate::host::lines;

fn compare(script: &str, printed: &str) {
    let ours = lines(script);
    // Checks, groups and samples are other tests' business.
    let ours: Vec<&str> = ours.iter().filter_map(|line| line.strip_prefix("Info: ")).collect();
    let printed: Vec<&str> = printed.lines().collect();
    let differences: Vec<String> = printed
        .iter()
        .zip(&ours)
        .filter(|(theirs, ours)| theirs != ours)
        .map(|(theirs, ours)| format!("k6:   {theirs}\nours: {ours}"))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(ours.len(), printed.len());
}

macro_rules! as_printed_by_k6 {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            compare(
                include_str!(concat!("../k6/", stringify!($name), ".js")),
                include_str!(concat!("../k6/", stringify!($name), ".out")),
            );
        }
    )*};
}

as_printed_by_k6! { certificates console core encoding hashes json_paths pages seeds selectors subtle }
