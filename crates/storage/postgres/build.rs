//! A new migration must reach the binary: the folder is an input of the build.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
