//! Servers under measurement: started on a core of their own, ended with their value.

use std::{
    fs::File,
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::{At, TaskError},
    process,
};

/// A server of its own process group member; it ends with this value.
pub(crate) struct Server {
    /// As the table shows it.
    pub(crate) name: &'static str,
    /// The version the server says it is.
    pub(crate) version: String,
    port: u16,
    child: Child,
}

impl Server {
    /// The process that was started.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// An address on it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    /// Starts a server and waits until its port takes connections.
    ///
    /// # Errors
    /// When it ends at once or is not ready after 15 s; the text is what it said.
    pub(crate) fn start(
        name: &'static str,
        version: String,
        port: u16,
        command: &mut Command,
        log: &Path,
    ) -> Result<Self, TaskError> {
        let sink = File::create(log).at(log)?;
        let errors = sink.try_clone().at(log)?;
        let child = command.stdout(sink).stderr(errors).spawn().at(name)?;
        let mut server = Self { name, version, port, child };
        server.wait_until_ready(log)?;
        Ok(server)
    }

    fn wait_until_ready(&mut self, log: &Path) -> Result<(), TaskError> {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(15) {
            if let Some(status) = self.child.try_wait().at(self.name)? {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                return Err(TaskError::Undone(format!("{} ended with {status}:\n{said}", self.name)));
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(TaskError::Undone(format!("{} is not ready after 15 s", self.name)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        process::stop(&mut self.child);
    }
}

/// A program that is held to one core.
pub(crate) fn pinned(core: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    // Each replaces itself by the next, so the child's id is the server's. A shell gives as many open files as there may be.
    let mut command = process::command("sh");
    command
        .args(["-c", "ulimit -n \"$(ulimit -Hn)\"; exec \"$@\"", "sh", "taskset", "-c", core])
        .arg(program)
        .stdin(Stdio::null());
    command
}

/// The first number with dots that a program says of itself; nginx says it on stderr.
pub(crate) fn said(program: impl AsRef<std::ffi::OsStr>, word: &str) -> Result<String, TaskError> {
    let name = program.as_ref().to_string_lossy().into_owned();
    let output = process::command(program).arg(word).output().at(name)?;
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let numbers = text.split(|c: char| !c.is_ascii_digit() && c != '.');
    Ok(numbers.map(|word| word.trim_matches('.')).find(|word| word.contains('.')).unwrap_or("?").to_owned())
}
