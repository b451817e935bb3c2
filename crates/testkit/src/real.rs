//! Real parts: FastAPI under uvicorn, Django's admin and pgAdmin under gunicorn, Flower, Traefik, PostgreSQL, Redis, a mail relay, two
//! providers.

mod caddy;
mod flower;
mod nginx;
mod node;
mod oidc;
mod oidc_mock;
mod pebble;
mod pgadmin;
mod postgres;
mod redis;
mod smtp;
mod traefik;
mod traefik_edge;

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::address::{INSIDE, free_port};
use crate::house::{terminate, until};
use crate::raw::RawClient;

pub use flower::Flower;
pub use node::CLIENT_SECRET;
pub use oidc::Oidc;
pub use oidc_mock::{OidcMock, Return, parameter};
pub use pebble::{PEBBLE_ISSUER, Pebble, PebbleOptions};
pub use postgres::{POSTGRES_PASSWORD, POSTGRES_USER, Postgres};
pub use redis::{REDIS_PASSWORD, Redis};
pub use smtp::{SMTP_PASSWORD, SMTP_USER, Smtp, SmtpMode};

/// The folder with the Python environment (`py/`); `cargo xtask test` makes it and says where it is.
///
/// # Panics
/// When the variable is absent: a test with real parts must not pass without them.
#[must_use]
pub fn parts() -> PathBuf {
    let folder = std::env::var_os("DOORWARD_REAL_PARTS");
    let folder = folder
        .map(PathBuf::from)
        .expect("DOORWARD_REAL_PARTS is not set: `cargo xtask test` sets it, `--quick` leaves these tests out");
    assert!(folder.join("py/bin/python").exists(), "{} holds no py/bin/python: run `cargo xtask test`", folder.display());
    folder
}

/// The applications' sources in the tree.
#[must_use]
pub fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/real-parts").canonicalize().unwrap()
}

/// A server that runs until it is dropped.
pub struct Server {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

impl Server {
    /// Its URL in a configuration.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it printed.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// FastAPI: echoes identity, counts arrivals. State and log go to `folder`; with an `edge.secret` there, it takes requests only from
    /// whoever knows that.
    #[track_caller]
    #[must_use]
    pub fn fastapi(folder: &Path) -> Self {
        let port = free_port();
        let mut command = Command::new(parts().join("py/bin/uvicorn"));
        command
            .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--no-server-header", "--app-dir"])
            .arg(sources().join("fastapi"))
            .arg("service:app")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let secret = folder.join("edge.secret");
        if secret.exists() {
            command.env("DOORWARD_EDGE_SECRET_FILE", secret);
        }
        Self::spawn(command, folder, "fastapi", port, "/seen")
    }

    /// Django's admin with one superuser, ready to sign in through `origin`.
    #[track_caller]
    #[must_use]
    pub fn django(folder: &Path, origin: &str, user: &str, password: &str) -> Self {
        let port = free_port();
        let python = |program: &str| {
            let mut command = Command::new(parts().join("py/bin").join(program));
            command
                .current_dir(sources().join("django"))
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .env("SITE_FOLDER", folder)
                .env("SITE_ORIGIN", origin)
                .env("DJANGO_SETTINGS_MODULE", "site1.settings");
            command
        };
        let manage = |words: &[&str]| {
            let output =
                python("python").arg("manage.py").args(words).env("DJANGO_SUPERUSER_PASSWORD", password).output().unwrap();
            assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        manage(&["migrate", "-v0"]);
        manage(&["collectstatic", "--noinput", "-v0"]);
        manage(&["createsuperuser", "--noinput", "--username", user, "--email", "root@app.test"]);
        let mut command = python("gunicorn");
        command.args([
            "--bind",
            &format!("127.0.0.1:{port}"),
            "--workers",
            "1",
            "--threads",
            "4",
            "--no-control-socket",
            "site1.wsgi",
        ]);
        Self::spawn(command, folder, "django", port, "/admin/login/")
    }

    #[track_caller]
    fn spawn(mut command: Command, folder: &Path, name: &str, port: u16, probe: &str) -> Self {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).unwrap();
        let child = command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file).spawn();
        let child = child.unwrap_or_else(|error| panic!("{name}: {error}"));
        let server = Self { child, address: SocketAddr::new(INSIDE, port), log };
        until(Duration::from_secs(60), &format!("{name} to answer"), || server.answers(probe).then_some(()));
        server
    }

    fn answers(&self, path: &str) -> bool {
        let Ok(mut raw) = RawClient::plain(self.address, INSIDE) else { return false };
        raw.set_patience(Duration::from_secs(5));
        raw.send_what_it_takes(format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n"
        ));
        raw.read_reply().is_ok_and(|reply| reply.status < 500)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Asks a process to end, and ends it when it does not.
fn end(child: &mut Child) {
    // The master process passes it on to its workers, which a hard kill would orphan.
    terminate(child);
    for _ in 0..100 {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = child.kill();
    let _ = child.wait();
}
