//! Where things are in the checkout.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::error::{At, TaskError};

/// The root of the checkout.
pub(crate) fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// Cargo's build folder.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Where the real components of the tests are installed.
pub(crate) fn real_parts() -> PathBuf {
    target().join("real-parts")
}

/// The virtual environment of the development tools.
pub(crate) fn tools() -> PathBuf {
    root().join(".tools")
}

/// The catalogue of requirements.
pub(crate) fn catalogue() -> PathBuf {
    root().join("docs/guide/controls.toml")
}

/// Reads a text file of the tree.
pub(crate) fn read(path: &Path) -> Result<String, TaskError> {
    fs::read_to_string(path).at(path)
}

/// Writes a text file, with the folders it needs.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), TaskError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).at(folder)?;
    }
    fs::write(path, text).at(path)
}

/// The program of this name on the search path, the tools' folder first.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    env::split_paths(&search_path()).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// `PATH` with the folder of the tools in front, and the system folders that a plain user's `PATH` leaves out at the end.
pub(crate) fn search_path() -> std::ffi::OsString {
    let inherited = env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let folders = std::iter::once(tools().join("bin")).chain(env::split_paths(&inherited)).chain(system);
    env::join_paths(folders).unwrap_or(inherited)
}
