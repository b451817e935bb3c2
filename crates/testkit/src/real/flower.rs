//! Flower, the page of a queue: Celery with one worker, and Redis that carries the tasks.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{REDIS_PASSWORD, Redis, Server, end, parts, sources};
use crate::address::free_port;

/// A queue, its worker and its page.
pub struct Flower {
    server: Server,
    worker: Child,
    redis: Redis,
}

impl Flower {
    /// Starts all three; the page is ready, the worker soon is.
    ///
    /// # Panics
    /// When one of them is missing (`cargo xtask test` installs them).
    #[track_caller]
    #[must_use]
    pub fn start(folder: &Path) -> Self {
        let redis = Redis::start();
        let log = File::create(folder.join("worker.log")).unwrap();
        let worker = celery(&redis)
            .args(["worker", "--concurrency", "1", "--pool", "solo", "--without-mingle", "--loglevel", "INFO"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("celery is missing: run `cargo xtask test`");
        let port = free_port();
        let mut command = celery(&redis);
        command.args(["flower", "--address=127.0.0.1", &format!("--port={port}")]);
        let server = Server::spawn(command, folder, "flower", port, "/healthcheck");
        Self { server, worker, redis }
    }

    /// The page.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Has the worker add two and three, and waits for what came of it.
    #[track_caller]
    #[must_use]
    pub fn run_a_task(&self) -> String {
        let output = python(&self.redis, "python").arg("tasks.py").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Flower {
    fn drop(&mut self) {
        end(&mut self.worker);
    }
}

fn celery(redis: &Redis) -> Command {
    let mut command = python(redis, "celery");
    command.args(["--app", "tasks"]);
    command
}

fn python(redis: &Redis, program: &str) -> Command {
    let password = REDIS_PASSWORD.replace(' ', "%20");
    let database = |number: u8| format!("redis://:{password}@127.0.0.1:{}/{number}", redis.port());
    let mut command = Command::new(parts().join("py/bin").join(program));
    command
        .current_dir(sources().join("flower"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("BROKER", database(0))
        .env("RESULTS", database(1));
    command
}
