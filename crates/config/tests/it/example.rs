//! The example in the tree is a configuration that loads.

use std::path::Path;

use crate::support::{self, Env, RIGHT};

#[test]
fn the_example_loads() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/doorward.toml");
    let config = doorward_config::load(&path, &Env::new()).unwrap_or_else(|faults| panic!("{}", faults.render(false)));
    assert_eq!((config.upstreams.len(), config.routes.len(), config.gates.len()), (3, 2, 1));
    assert_eq!(config.gates[0].paths, ["/admin", "/static"]);
}

#[test]
fn the_first_configuration_of_the_readme_loads() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(path).expect("there is a README");
    let text = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("with a configuration");
    support::right(text);
}

#[test]
fn defaults_are_the_documented_ones() {
    let config = support::right(RIGHT);
    let hours = |duration: std::time::Duration| duration.as_secs() / 3600;
    assert_eq!((hours(config.accounts.session_idle), hours(config.accounts.session_absolute)), (24, 168));
    assert_eq!((config.accounts.password_min, config.accounts.session_limit), (15, 20));
    assert_eq!((config.accounts.argon2_memory_kib, config.accounts.argon2_passes), (19_456, 2));
    assert_eq!(config.site.name, "app.example.com");
    assert_eq!(config.gates[0].paths, [""]);
    assert_eq!(config.routes[0].host.as_str(), "app.example.com");
    assert_eq!(config.routes[0].path, "");
    let scopes: Vec<&str> = config.limits.iter().map(|limit| limit.scope).collect();
    assert_eq!(scopes, doorward_config::SCOPES.iter().map(|(scope, _)| *scope).collect::<Vec<_>>());
}

#[test]
fn relative_paths_start_at_the_folder_of_the_file() {
    let config = support::right(RIGHT);
    let doorward_config::Tls::Files { certificate, .. } = &config.tls else { panic!("files") };
    assert_eq!(certificate, Path::new("/etc/doorward/site.pem"));
    assert_eq!(config.gates[0].users_file, Path::new("/etc/doorward/admin.htpasswd"));
    assert_eq!(config.site.data_dir, Path::new("/srv/doorward"));
}

#[test]
fn the_digest_is_that_of_the_text() {
    let config = support::right(RIGHT);
    assert_eq!(config.sha256, doorward_kit::sha256_hex(RIGHT.as_bytes()));
}

#[test]
fn a_file_that_is_not_there_is_a_fault_and_not_a_crash() {
    let faults = doorward_config::load(Path::new("/nonexistent/doorward.toml"), &Env::new()).expect_err("nothing there");
    assert!(faults.to_string().starts_with("/nonexistent/doorward.toml: cannot be read"), "{faults}");
}

#[test]
fn the_reference_in_the_tree_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/configuration.md");
    let written = std::fs::read_to_string(path).expect("the reference is in the tree");
    assert!(
        written == doorward_config::reference::markdown(),
        "run: cargo run -p doorward-config --example reference > docs/reference/configuration.md"
    );
}
