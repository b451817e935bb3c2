//! A fresh folder for a run, with the certificate and the keys that a server needs.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    error::{At, TaskError},
    process, tree,
};

/// Makes `target/bench/NAME` anew, with an empty `data` in it.
///
/// # Errors
/// When the file system refuses.
pub(crate) fn fresh_folder(name: &str) -> Result<PathBuf, TaskError> {
    let folder = tree::target().join("bench").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).at(&folder)?;
    }
    fs::create_dir_all(folder.join("data")).at(&folder)?;
    Ok(folder)
}

/// Writes a P-256 certificate for `localhost` (`site.pem`, `site.key`) and a master key (`master.key`).
///
/// # Errors
/// When `openssl` cannot make them.
pub(crate) fn write(folder: &Path) -> Result<(), TaskError> {
    let mut openssl = process::command("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]);
    openssl.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
    openssl.arg("-keyout").arg(folder.join("site.key")).arg("-out").arg(folder.join("site.pem"));
    process::output(&mut openssl, Duration::from_secs(20))?;
    let random = process::output(process::command("openssl").args(["rand", "-base64", "48"]), Duration::from_secs(20))?;
    tree::write(&folder.join("master.key"), &random)?;
    for name in ["site.key", "master.key"] {
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o600)).at(folder.join(name))?;
    }
    Ok(())
}

/// A port that was free a moment ago.
///
/// # Errors
/// When loopback takes no listener.
pub(crate) fn free_port() -> Result<u16, TaskError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).at("127.0.0.1")?;
    Ok(listener.local_addr().at("127.0.0.1")?.port())
}
