//! The reference implementation of Argon2id, from a process of its own.

use std::{io::Write, process::Stdio};

use crate::{
    bench::{cpu, server::pinned},
    error::{At, TaskError},
};

/// Hashes of one measurement: enough that a tick of the kernel's clock is one in a hundred.
const HASHES: u32 = 80;

/// CPU time of one hash with 19 MiB, two passes and one lane, in milliseconds; what a process costs by itself is taken off.
///
/// # Errors
/// When the program is not there or fails.
pub(super) fn hash() -> Result<f64, TaskError> {
    let whole = run("19456", "2")?;
    let process_alone = run("8", "1")?;
    Ok((whole - process_alone) * 1e3 / f64::from(HASHES))
}

/// CPU seconds of `HASHES` runs, each in a process of its own.
fn run(kib: &str, passes: &str) -> Result<f64, TaskError> {
    let before = cpu::time_of_ended_children().at("/proc/self/stat")?;
    for _ in 0..HASHES {
        let mut command = pinned("0", "argon2");
        command.args(["a salt 16 octets", "-id", "-k", kib, "-t", passes, "-p", "1", "-r"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().at("argon2")?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(b"seven tall ferns stand by the north wall").at("argon2")?;
        }
        if !child.wait().at("argon2")?.success() {
            return Err(TaskError::Undone("argon2 failed".into()));
        }
    }
    Ok(cpu::time_of_ended_children().at("/proc/self/stat")?.saturating_sub(before).as_secs_f64())
}
