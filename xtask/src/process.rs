//! Child processes with a limit on their time.

use std::{
    ffi::OsStr,
    io::{self, BufRead, BufReader, Read, Write},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::{At, TaskError},
    tree,
};

/// How long a child that was asked to end may take before it is ended.
const GRACE: Duration = Duration::from_secs(15);

/// A command that runs at the root of the tree, finds our tools, and reads nothing from the terminal.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let name = program.as_ref();
    let found = name.to_str().and_then(tree::program);
    let mut command = Command::new(found.as_deref().map_or(name, |path| path.as_os_str()));
    command.current_dir(tree::root()).env("PATH", tree::search_path()).stdin(Stdio::null());
    command
}

/// Runs to the end with the caller's output; a child over its `limit` is ended.
///
/// # Errors
/// When the program cannot be started or ran out of time. A failed status is not an error here.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Result<ExitStatus, TaskError> {
    let name = name_of(command);
    let mut child = command.spawn().at(&name)?;
    wait(&mut child, &name, limit)
}

/// Runs to the end in silence and returns what was written to stdout.
///
/// # Errors
/// When the program cannot be started, ran out of time or failed; the message carries the end of its stderr.
pub(crate) fn output(command: &mut Command, limit: Duration) -> Result<String, TaskError> {
    let name = name_of(command);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().at(&name)?;
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let status = wait(&mut child, &name, limit)?;
    let (out, err) = (joined(stdout), joined(stderr));
    if status.success() {
        return Ok(out);
    }
    let lines: Vec<&str> = err.lines().collect();
    let tail = lines[lines.len().saturating_sub(20)..].join("\n");
    Err(TaskError::Undone(format!("{name} failed ({status})\n{tail}")))
}

/// Runs to the end, passes stderr on line by line and keeps what `keep` wants of it.
///
/// # Errors
/// When the program cannot be started or ran out of time.
pub(crate) fn tee_stderr(
    command: &mut Command,
    limit: Duration,
    mut keep: impl FnMut(&str) + Send + 'static,
) -> Result<ExitStatus, TaskError> {
    let name = name_of(command);
    let mut child = command.stderr(Stdio::piped()).spawn().at(&name)?;
    let stderr = child.stderr.take();
    let reader = thread::spawn(move || {
        let Some(stderr) = stderr else { return };
        let mut lines = BufReader::new(stderr);
        let mut line = Vec::new();
        while matches!(lines.read_until(b'\n', &mut line), Ok(read) if read > 0) {
            let text = String::from_utf8_lossy(&line);
            // A closed terminal is no reason to stop reading: the child would block.
            let _ = io::stderr().write_all(text.as_bytes());
            keep(text.trim_end_matches('\n'));
            line.clear();
        }
    });
    let status = wait(&mut child, &name, limit)?;
    let _ = reader.join();
    Ok(status)
}

/// Asks a child to end, and ends it when it does not.
pub(crate) fn stop(child: &mut Child) {
    let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).stderr(Stdio::null()).status();
    let asked = Instant::now();
    while asked.elapsed() < GRACE {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn wait(child: &mut Child, name: &str, limit: Duration) -> Result<ExitStatus, TaskError> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().at(name)? {
            return Ok(status);
        }
        if started.elapsed() > limit {
            stop(child);
            return Err(TaskError::Undone(format!("{name} was ended after {} s", limit.as_secs())));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What arrived before a broken pipe is still worth showing.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn joined(reader: thread::JoinHandle<String>) -> String {
    reader.join().unwrap_or_default()
}

fn name_of(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let short = program.rsplit('/').next().unwrap_or(&program).to_owned();
    command.get_args().next().map_or(short.clone(), |first| format!("{short} {}", first.to_string_lossy()))
}
