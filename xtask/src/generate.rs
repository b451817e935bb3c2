//! Files that are made from others. They are checked in, and a check proves that they are fresh.

use std::{fs, path::PathBuf};

use crate::{
    control::{self, Catalogue},
    error::TaskError,
    nextest, tree,
};

/// Writes the generated files, or with `check` only compares.
///
/// # Errors
/// When `check` finds a file that is not fresh.
pub(crate) fn run(check: bool) -> Result<(), TaskError> {
    let mut stale = Vec::new();
    for (path, text) in pages()? {
        let shown = path.strip_prefix(tree::root()).unwrap_or(&path).display().to_string();
        if fs::read_to_string(&path).is_ok_and(|present| present == text) {
            continue;
        }
        if check {
            stale.push(shown);
        } else {
            tree::write(&path, &text)?;
            println!("wrote {shown}");
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    Err(TaskError::NotRight(format!("not fresh: {}; run `cargo xtask gen`", stale.join(", "))))
}

fn pages() -> Result<Vec<(PathBuf, String)>, TaskError> {
    let catalogue = Catalogue::load()?;
    let bearers = control::bearers(&catalogue, &nextest::list()?)?;
    Ok(vec![(tree::root().join("docs/reference/controls.md"), control::render_reference(&catalogue, &bearers))])
}
