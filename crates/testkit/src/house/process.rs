//! The binary as a child process, its output in files.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::until;

/// Start-up is far below this; a debug build on a busy machine may take its time.
const START: Duration = Duration::from_secs(30);
const STOP: Duration = Duration::from_secs(20);

/// Where the binary under test is: beside the folder of the test's own executable.
///
/// # Panics
/// When it has not been built.
#[must_use]
pub fn binary() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let profile = own.parent().and_then(Path::parent).expect("target/<profile>/deps/<test>");
    let binary = profile.join("doorward");
    assert!(binary.exists(), "{} is missing: run `cargo build` first (`cargo xtask test` does)", binary.display());
    binary
}

/// The binary in a folder, without any variable of ours that would configure it.
pub(super) fn command(folder: &Path) -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DOORWARD_")) {
        command.env_remove(name);
    }
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// How an attempt to start ended.
#[derive(Debug)]
pub enum Start {
    /// It printed `ready`.
    Ready,
    /// It ended by itself.
    Refused {
        /// Exit code.
        code: Option<i32>,
        /// What it printed.
        stdout: String,
        /// What it complained about.
        stderr: String,
    },
}

pub(crate) struct Process {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    pub(crate) fn start(config: &Path, folder: &Path, env: &[(String, String)], log: &str) -> Self {
        Self::launch(command(folder), config, folder, env, log)
    }

    /// Starts the binary through another program, which gives way to it and keeps its process id.
    pub(super) fn start_by(by: &[String], config: &Path, folder: &Path, env: &[(String, String)], log: &str) -> Self {
        let [program, words @ ..] = by else { return Self::start(config, folder, env, log) };
        let mut wrapped = Command::new(program);
        wrapped.args(words).current_dir(folder).stdin(Stdio::null()).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        Self::launch(wrapped, config, folder, env, log)
    }

    fn launch(mut command: Command, config: &Path, folder: &Path, env: &[(String, String)], log: &str) -> Self {
        // Each start gets files of its own, so that what an earlier one said is kept.
        let run = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(Result::ok)
            .filter(|e| e.path().extension().is_some_and(|x| x == "err"))
            .count();
        let (stdout, stderr) = (folder.join(format!("{run}.out")), folder.join(format!("{run}.err")));
        let child = command
            .arg("--config")
            .arg(config)
            .arg("serve")
            .env("DOORWARD_LOG", log)
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        Self { child, stdout, stderr }
    }

    pub(crate) fn outcome(&mut self) -> Start {
        let begin = Instant::now();
        loop {
            if self.stdout().lines().any(|line| line == "ready") {
                return Start::Ready;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                return Start::Refused { code: status.code(), stdout: self.stdout(), stderr: self.stderr() };
            }
            assert!(begin.elapsed() < START, "neither ready nor refused after {START:?}:\n{}\n{}", self.stdout(), self.stderr());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    pub(crate) fn ready(mut self) -> Self {
        match self.outcome() {
            Start::Ready => self,
            Start::Refused { code, stdout, stderr } => panic!("doorward ended with {code:?}\n{stdout}\n{stderr}"),
        }
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.stdout).unwrap_or_default()).into_owned()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.stderr).unwrap_or_default()).into_owned()
    }

    pub(crate) fn log_file(&self) -> &Path {
        &self.stderr
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    #[track_caller]
    pub(crate) fn assert_alive(&mut self) {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "doorward ended with {ended:?}:\n{}", self.stderr());
    }

    /// SIGTERM, then waits.
    #[track_caller]
    pub(crate) fn stop(&mut self) -> Option<i32> {
        terminate(&mut self.child);
        until(STOP, "doorward to end after SIGTERM", || self.child.try_wait().unwrap()).code()
    }
}

impl Process {
    /// Waits for the end by SIGKILL that somebody else has sent.
    #[track_caller]
    pub(super) fn end_of_struck(&mut self) {
        use std::os::unix::process::ExitStatusExt as _;
        let end = until(STOP, "doorward to end after SIGKILL", || self.child.try_wait().unwrap());
        assert_eq!(end.signal(), Some(9), "doorward ended by itself: {end:?}\n{}", self.stderr());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// SIGTERM by process id; the shell's own `kill` is on every machine.
pub(crate) fn terminate(child: &mut Child) {
    if matches!(child.try_wait(), Ok(None)) {
        let _ = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", child.id())).status();
    }
}
