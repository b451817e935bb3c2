//! The feature for tests cannot get into a release (TLS-06).

use std::path::Path;
use std::process::Command;

/// What the compiler says of the crate's root in a build of this kind. Dependencies are not given, so it fails anyway; what counts
/// is whether it fails for our reason.
fn compiler_says(feature: bool, debug_assertions: bool) -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "-o", "/dev/null", "-C", "opt-level=3"]);
    command.args(["-C", if debug_assertions { "debug-assertions=on" } else { "debug-assertions=off" }]);
    if feature {
        command.args(["--cfg", "feature=\"loopback-ca\""]);
    }
    let output = command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).output().unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn tls_06_the_compiler_refuses_the_test_authority_in_a_release() {
    let reason = "must not be in a release (TLS-06)";
    assert!(compiler_says(true, false).contains(reason));
    assert!(!compiler_says(true, true).contains(reason), "tests may have it");
    assert!(!compiler_says(false, false).contains(reason), "a release without it is built");
}

#[test]
fn tls_06_no_spelling_of_a_local_authority_passes_the_allowlist() {
    // Even here, where the feature is on: it adds a constructor and loosens nothing.
    for url in
        ["https://127.0.0.1:14000/dir", "https://localhost:14000/dir", "https://[::1]:14000/dir", "https://localhost/directory"]
    {
        assert!(doorward_acme::Directory::parse(url).is_err(), "{url}");
    }
}
