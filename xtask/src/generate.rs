//! Files that are made from others. They are checked in, and a check proves that they are fresh.

use std::{fs, path::PathBuf, time::Duration};

use crate::{
    control::{self, Catalogue},
    error::TaskError,
    nextest, process, tree,
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
    let reference = tree::root().join("docs/reference");
    Ok(vec![
        (reference.join("controls.md"), control::render_reference(&catalogue, &bearers)),
        (reference.join("configuration.md"), printed_by("reference")?),
        (reference.join("openapi.json"), printed_by("openapi")?),
    ])
}

/// What an example prints: the configuration reference, the API description. The list of tests was made before, and examples with it.
fn printed_by(example: &str) -> Result<String, TaskError> {
    let mut print = process::command(tree::target().join("debug/examples").join(example));
    process::output(&mut print, Duration::from_secs(60))
}
