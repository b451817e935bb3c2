//! What the process forbids itself before it reads any secret.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Leaves no memory behind: no core file, no core for a collector, no debugger of the same user (LOG-12).
///
/// # Errors
/// As the kernel says.
pub fn keep_memory_private() -> std::io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    // A limit of 0 does not stop a collector that the kernel pipes cores to; this does.
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}
