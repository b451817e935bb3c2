//! What belongs to every figure: the day, the machine, and whether it had other work.

use std::time::Duration;

use crate::{error::TaskError, process};

/// Today's date, as `YYYY-MM-DD` in UTC.
///
/// # Errors
/// When `date` cannot tell it.
pub(crate) fn today() -> Result<String, TaskError> {
    let said = process::output(process::command("date").args(["-u", "+%F"]), Duration::from_secs(5))?;
    Ok(said.trim().to_owned())
}

/// Work that ran or waited over the last minute.
pub(crate) fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}

/// Whether the machine was busy with something else.
pub(crate) fn company(load_before: f64) -> String {
    if load_before < 0.7 { "otherwise idle".into() } else { format!("busy with other work at the time (load {load_before:.1})") }
}

/// The class of the machine, in words.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, name)| name);
    let kind = if cpuinfo.contains(" hypervisor") { "virtual machine" } else { "machine" };
    format!("a {kind} with {cores} cores ({model})")
}

/// The middle of some figures; of an even number, the mean of the two in the middle.
pub(crate) fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}
