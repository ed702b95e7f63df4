fn main() {
    // The migrations are embedded by a macro, which cargo does not see as a dependency on the files.
    println!("cargo:rerun-if-changed=migrations");
}
