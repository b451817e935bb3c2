//! What the process forbids itself before it reads any secret, what it takes, and who it is.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Leaves no memory behind: no core file, no core for a collector, no debugger of the same user (LOG-12).
///
/// # Errors
/// As the kernel says.
pub fn keep_memory_private() -> std::io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    // A limit of 0 does not stop a collector that the kernel pipes cores to; this does.
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    // Nothing here ever starts another program; what an intruder starts gains nothing by a set-user-id file.
    #[cfg(target_os = "linux")]
    rustix::thread::set_no_new_privs(true)?;
    Ok(())
}

/// Takes as many open files as it may have: shells still give 1024 to begin with, and each connection needs one (HTTP-11).
///
/// # Errors
/// As the kernel says.
pub fn take_all_files() -> std::io::Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

/// Whether the process may do anything on this machine (CFG-06).
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
