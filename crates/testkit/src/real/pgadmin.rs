//! pgAdmin 4 in server mode under gunicorn, with one server of PostgreSQL in its tree.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::{POSTGRES_USER, Postgres, Server, parts, sources};
use crate::address::free_port;

impl Server {
    /// pgAdmin with one user, and `database` of `postgres` preloaded under that name. State and log go to `folder`.
    ///
    /// # Panics
    /// When it cannot be set up; the message is what it printed.
    #[track_caller]
    #[must_use]
    pub fn pgadmin(folder: &Path, postgres: &Postgres, database: &str, user: &str, password: &str) -> Self {
        let servers = folder.join("servers.json");
        let server = json!({
            "Name": database, "Group": "Servers", "Host": "127.0.0.1", "Port": postgres.port(), "MaintenanceDB": database,
            "Username": POSTGRES_USER, "SSLMode": "prefer",
        });
        std::fs::write(&servers, json!({"Servers": {"1": server}}).to_string()).unwrap();
        let python = |program: &str| {
            let environment = parts().join("pgadmin");
            let package = package(&environment);
            let mut command = Command::new(environment.join("bin").join(program));
            command
                .current_dir(&package)
                .env("PYTHONPATH", sources().join("pgadmin"))
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .env("PGADMIN_FOLDER", folder)
                .env("PGADMIN_SETUP_EMAIL", user)
                .env("PGADMIN_SETUP_PASSWORD", password);
            command
        };
        let set_up = |words: &[&str]| {
            let output = python("python").arg("setup.py").args(words).output().unwrap();
            assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        set_up(&["setup-db"]);
        set_up(&["load-servers", servers.to_str().unwrap(), "--user", user]);
        let port = free_port();
        let mut command = python("gunicorn");
        // One worker: sessions and sockets live in the process. Connections are kept for longer than the door keeps an idle one.
        command.args(["--bind", &format!("127.0.0.1:{port}"), "--workers", "1", "--threads", "25", "--keep-alive", "60"]);
        command.args(["--no-control-socket", "--chdir", ".", "pgAdmin4:app"]);
        Self::spawn(command, folder, "pgadmin", port, "/misc/ping")
    }
}

/// The package's folder, whichever version of Python the environment was made with.
fn package(environment: &Path) -> PathBuf {
    let versions = std::fs::read_dir(environment.join("lib")).into_iter().flatten().filter_map(Result::ok);
    let mut found = versions.map(|entry| entry.path().join("site-packages/pgadmin4")).filter(|path| path.exists());
    found.next().expect("pgAdmin is missing: run `cargo xtask test`")
}
