//! A fresh folder for a run, with the certificate and the keys that a server needs.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU16, Ordering::Relaxed},
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

/// A port that was free a moment ago, below the range from which the kernel gives ports to outgoing connections: ten thousand of those
/// would soon meet a server's port.
///
/// # Errors
/// When no port is free.
pub(crate) fn free_port() -> Result<u16, TaskError> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 20_000;
    const SPAN: u16 = 10_000;
    let own = (std::process::id() % u32::from(SPAN)) as u16;
    for _ in 0..SPAN {
        let port = FIRST + (own + NEXT.fetch_add(1, Relaxed)) % SPAN;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(TaskError::Undone("no port is free".into()))
}
