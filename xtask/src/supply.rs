//! What the tree promises about its own supply chain, held against its files: everything is pinned, nothing of ours is unsafe.

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use crate::tree;

    fn manifests() -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![tree::root().join("crates"), tree::root().join("xtask")];
        while let Some(folder) = open.pop() {
            let manifest = folder.join("Cargo.toml");
            if manifest.is_file() {
                found.push(manifest);
            }
            let entries = std::fs::read_dir(&folder).expect("a folder").filter_map(Result::ok);
            open.extend(
                entries
                    .map(|entry| entry.path())
                    .filter(|path| path.is_dir() && path.file_name().is_none_or(|name| name != "src")),
            );
        }
        assert!(found.len() >= 13, "{found:?}");
        found
    }

    fn toml_of(path: &Path) -> toml::Table {
        toml::from_str(&tree::read(path).expect("a file")).expect("TOML")
    }

    #[test]
    fn every_crate_of_ours_forbids_unsafe_code() {
        let root = toml_of(&tree::root().join("Cargo.toml"));
        assert_eq!(root["workspace"]["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
        for manifest in manifests() {
            let table = toml_of(&manifest);
            assert_eq!(
                table["lints"]["workspace"].as_bool(),
                Some(true),
                "{} takes no lints of the workspace",
                manifest.display()
            );
        }
    }

    #[test]
    fn every_dependency_comes_from_the_workspace_or_a_registry_with_a_checksum() {
        let lock: toml::Table = toml_of(&tree::root().join("Cargo.lock"));
        let packages = lock["package"].as_array().expect("packages");
        assert!(packages.len() > 200);
        for package in packages {
            let (name, source) = (package["name"].as_str().expect("a name"), package.get("source").and_then(toml::Value::as_str));
            let is_ours = name == "xtask" || name.starts_with("doorward");
            assert!(is_ours || source == Some("registry+https://github.com/rust-lang/crates.io-index"), "{name}: {source:?}");
            assert!(is_ours || package.get("checksum").is_some(), "{name} is not pinned");
        }
    }

    #[test]
    fn the_lock_file_is_kept_and_every_step_of_the_pipeline_holds_to_it() {
        let ignored = tree::read(&tree::root().join(".gitignore")).unwrap_or_default();
        assert!(!ignored.lines().any(|line| line.contains("Cargo.lock")), "the lock file is part of the tree");
        let pipeline = tree::read(&tree::root().join("xtask/src/pipeline.rs")).expect("the pipeline");
        for step in ["\"clippy\"", "\"doc\"", "\"build\"", "\"test\"", "\"fetch\""] {
            let uses: Vec<&str> = pipeline.lines().filter(|line| line.contains(step) && line.contains('[')).collect();
            assert!(!uses.is_empty(), "{step}");
            assert!(uses.iter().all(|line| line.contains("--locked")), "{uses:?}");
        }
    }
}
