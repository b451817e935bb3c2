//! `cargo xtask sbom`: what the binary is made of, as a CycloneDX 1.5 document.
//!
//! In: `cargo metadata` and `Cargo.lock`. Out: `target/sbom.cdx.json`. The same tree gives the same octets: there is no time and no
//! random number in it.

mod graph;
mod lock;

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use crate::{error::TaskError, process, tree};
use graph::{Graph, Package, Reach};
use lock::Checksums;

/// The package whose binary is described.
const ROOT: &str = "doorward";
/// The platform that it is built for.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Writes the document and says what is in it.
///
/// # Errors
/// When cargo cannot describe the tree, or a package of a registry has no licence or no checksum.
pub(crate) fn run() -> Result<(), TaskError> {
    let document = document()?;
    let path = tree::target().join("sbom.cdx.json");
    let text = serde_json::to_string_pretty(&document).map_err(|error| TaskError::Undone(error.to_string()))?;
    tree::write(&path, &format!("{text}\n"))?;
    let count = document["components"].as_array().map_or(0, Vec::len);
    println!("wrote {} with {count} components", path.strip_prefix(tree::root()).unwrap_or(&path).display());
    Ok(())
}

fn document() -> Result<Value, TaskError> {
    let mut metadata = process::command("cargo");
    metadata.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", TARGET]);
    let text = process::output(&mut metadata, Duration::from_secs(120))?;
    let mut graph = Graph::parse(&text)?;
    // Metadata knows what the tests switch on as well; the tree of the one package is what its binary is built from.
    let built = built()?;
    graph.keep(|package| built.contains(&format!("{} v{}", package.name, package.version)));
    let checksums = Checksums::parse(&tree::read(&tree::root().join("Cargo.lock"))?)?;
    describe(&graph, &checksums)
}

/// Name and version of everything that cargo compiles for the binary, `name v1.2.3`.
fn built() -> Result<BTreeSet<String>, TaskError> {
    let mut print = process::command("cargo");
    print.args(["tree", "--locked", "--package", ROOT, "--edges", "normal,build", "--prefix", "none", "--format", "{p}"]);
    print.args(["--target", TARGET]);
    let tree = process::output(&mut print, Duration::from_secs(120))?;
    let names = tree.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "));
    Ok(names.filter(|line| !line.is_empty()).collect())
}

fn describe(graph: &Graph, checksums: &Checksums) -> Result<Value, TaskError> {
    let reached = graph.reached(ROOT)?;
    let root = graph.package(ROOT)?;
    let mut components = Vec::new();
    for (package, reach) in reached.iter().filter(|(package, _)| package.name != ROOT) {
        components.push(component(package, *reach, checksums)?);
    }
    let kept: BTreeSet<&str> = reached.iter().map(|(package, _)| package.id.as_str()).collect();
    let dependencies: Vec<Value> = reached
        .iter()
        .map(|(package, _)| {
            let on: Vec<String> =
                graph.dependencies(package).filter(|to| kept.contains(to.id.as_str())).map(Package::purl).collect();
            json!({"ref": package.purl(), "dependsOn": on})
        })
        .collect();
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {
            "type": "application",
            "bom-ref": root.purl(),
            "name": root.name,
            "version": root.version,
            "purl": root.purl(),
            "licenses": [{"expression": root.license()?}],
        }},
        "components": components,
        "dependencies": dependencies,
    }))
}

fn component(package: &Package, reach: Reach, checksums: &Checksums) -> Result<Value, TaskError> {
    let mut described = json!({
        "type": "library",
        "bom-ref": package.purl(),
        "name": package.name,
        "version": package.version,
        "purl": package.purl(),
        // What only builds the binary, such as a macro, is not distributed with it.
        "scope": if reach == Reach::Built { "excluded" } else { "required" },
        "licenses": [{"expression": package.license()?}],
    });
    // Our own rooms have none: they are the tree that the document belongs to.
    if package.is_from_registry() {
        let checksum = checksums.of(&package.name, &package.version)?;
        described["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    if let Some(repository) = &package.repository {
        described["externalReferences"] = json!([{"type": "vcs", "url": repository}]);
    }
    Ok(described)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_package_that_the_binary_reaches_is_listed_with_version_licence_and_checksum() {
        let document = document().expect("a document");
        let components = document["components"].as_array().expect("a list");
        let listed: BTreeMap<String, &Value> = components
            .iter()
            .map(|component| (format!("{} v{}", text(component, "name"), text(component, "version")), component))
            .collect();
        assert_eq!(listed.len(), components.len(), "each once");
        let wanted = built().expect("cargo tree");
        assert!(wanted.len() > 200, "{}", wanted.len());
        for name in ["rustls", "aws-lc-sys", "hyper", "sqlx-core", "argon2", "doorward-edge", "libsqlite3-sys"] {
            assert!(components.iter().any(|component| text(component, "name") == name), "{name}");
        }
        for (name, scope) in [("serde_derive", "excluded"), ("cc", "excluded"), ("serde", "required"), ("rustls", "required")] {
            assert!(components.iter().any(|it| text(it, "name") == name && text(it, "scope") == scope), "{name}: {scope}");
        }
        for name in ["proptest", "boon", "insta", "doorward-testkit", "xtask", "openssl-sys", "ring"] {
            assert!(!components.iter().any(|component| text(component, "name") == name), "{name} is for tests, or for nobody");
        }
        for package in wanted.iter().filter(|package| !package.starts_with("doorward v")) {
            let component = listed.get(package).unwrap_or_else(|| panic!("{package} is not listed"));
            assert!(!component["licenses"][0]["expression"].as_str().unwrap_or_default().is_empty(), "{package}");
            let checksum = component["hashes"][0]["content"].as_str().unwrap_or_default();
            assert!(package.starts_with("doorward-") || checksum.len() == 64, "{package}: {checksum:?}");
        }
        assert_eq!(listed.len(), wanted.len() - 1, "and nothing else");
        assert_eq!(text(&document["metadata"]["component"], "name"), ROOT);
    }

    #[test]
    fn the_same_tree_gives_the_same_document() {
        let twice = [document().expect("a document"), document().expect("a document")];
        assert_eq!(twice[0], twice[1]);
    }

    #[test]
    fn a_package_without_a_checksum_is_no_package() {
        let metadata = json!({
            "packages": [
                {"id": "a", "name": ROOT, "version": "1.0.0", "license": "MIT", "source": null},
                {"id": "b", "name": "stranger", "version": "1.0.0", "license": "MIT", "source": "registry+https://example.com"},
            ],
            "resolve": {"nodes": [
                {"id": "a", "deps": [{"pkg": "b", "dep_kinds": [{"kind": null}]}]},
                {"id": "b", "deps": []},
            ]},
        });
        let graph = Graph::parse(&metadata.to_string()).expect("a graph");
        assert!(describe(&graph, &Checksums::parse("").expect("empty")).is_err());
        let lock = "[[package]]\nname = \"stranger\"\nversion = \"1.0.0\"\nchecksum = \"00\"\n";
        assert!(describe(&graph, &Checksums::parse(lock).expect("a lock file")).is_ok());
    }

    fn text<'v>(value: &'v Value, key: &str) -> &'v str {
        value[key].as_str().expect("a text")
    }
}
