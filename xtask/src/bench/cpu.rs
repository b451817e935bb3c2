//! CPU time of a process and of everything below it, as the kernel counts it.

use std::{collections::BTreeMap, fs, io, time::Duration};

/// A tick of `/proc/…/stat`. It is 10 ms on every Linux that Rust's tier-1 targets run on.
const TICK: Duration = Duration::from_millis(10);

/// User and system time of the process, its threads, and its living children.
///
/// # Errors
/// When the process is gone.
pub(crate) fn time_of_tree(root: u32) -> io::Result<Duration> {
    let processes = processes()?;
    if !processes.contains_key(&root) {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the process has ended"));
    }
    let ticks: u64 =
        processes.iter().filter(|(pid, _)| descends(**pid, root, &processes)).map(|(_, process)| process.ticks).sum();
    Ok(TICK * u32::try_from(ticks).unwrap_or(u32::MAX))
}

/// Memory of one process in MiB, by its name in `/proc/…/status`: `VmRSS` now, `VmHWM` at most.
///
/// # Errors
/// When the process is gone or the kernel does not tell.
pub(crate) fn memory(pid: u32, name: &str) -> io::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kib.map(|kib| kib / 1024.0).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the kernel does not tell its memory"))
}

/// Memory of the process and of everything below it in MiB; pages that several of them share are counted once.
///
/// # Errors
/// When the process is gone or the kernel does not tell.
pub(crate) fn memory_of_tree(root: u32) -> io::Result<f64> {
    let processes = processes()?;
    let all = processes.keys().filter(|pid| descends(**pid, root, &processes));
    let kib: io::Result<f64> = all.map(|pid| shared_out(*pid)).sum();
    Ok(kib? / 1024.0)
}

/// A process's proportional share of memory in KiB.
fn shared_out(pid: u32) -> io::Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kib.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the kernel does not tell its memory"))
}

/// CPU time of all children of this process that have ended and were waited for.
///
/// # Errors
/// When the kernel does not tell.
pub(crate) fn time_of_ended_children() -> io::Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let ticks = parse(&stat).map(|process| process.ended).unwrap_or_default();
    Ok(TICK * u32::try_from(ticks).unwrap_or(u32::MAX))
}

struct Process {
    parent: u32,
    ticks: u64,
    /// Of its children that have ended.
    ended: u64,
}

fn processes() -> io::Result<BTreeMap<u32, Process>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process may end between the listing and the look.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        if let Some(process) = parse(&stat) {
            found.insert(pid, process);
        }
    }
    Ok(found)
}

/// `pid (name) state ppid …`: the name may hold spaces and brackets, so counting starts behind the last bracket.
fn parse(stat: &str) -> Option<Process> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Process { parent: u32::try_from(number(1)?).ok()?, ticks: number(11)? + number(12)?, ended: number(13)? + number(14)? })
}

fn descends(mut pid: u32, root: u32, processes: &BTreeMap<u32, Process>) -> bool {
    while pid != root {
        match processes.get(&pid) {
            Some(process) if process.parent != 0 => pid = process.parent,
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_of_a_process_with_an_awkward_name_is_read() {
        let process = parse("7 (a) b) (c) S 3 7 7 0 -1 4194560 100 0 0 0 250 40 7 3 20 0 1 0 5").unwrap();
        assert_eq!((process.parent, process.ticks, process.ended), (3, 290, 10));
    }

    #[test]
    fn own_memory_is_told() {
        assert!(memory_of_tree(std::process::id()).unwrap() > 0.1);
        assert!(memory(std::process::id(), "VmHWM").unwrap() > 0.1);
        assert!(memory(std::process::id(), "VmNone").is_err());
    }

    #[test]
    fn own_time_never_falls() {
        let first = time_of_tree(std::process::id()).unwrap();
        let second = time_of_tree(std::process::id()).unwrap();
        assert!(second >= first);
    }
}
