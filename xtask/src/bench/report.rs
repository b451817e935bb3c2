//! What was measured, as a table and as a page.

use std::{fmt::Write as _, time::Duration};

use crate::{
    bench::{EdgeOptions, Sample, Series},
    error::TaskError,
    process,
};

/// The table; nginx is the yardstick.
pub(crate) fn table(series: &[Series]) -> String {
    let yardstick = series.iter().find(|one| one.name == "nginx").map_or(f64::NAN, |one| middle(one, |sample| sample.cpu_us));
    let mut text = String::from(
        "| server | version | CPU per request, × nginx | CPU per request, µs (lowest to highest round) |\n|---|---|---|---|\n",
    );
    for one in series {
        let cpu = middle(one, |sample| sample.cpu_us);
        let low = one.samples.iter().map(|sample| sample.cpu_us).fold(f64::INFINITY, f64::min);
        let high = one.samples.iter().map(|sample| sample.cpu_us).fold(0.0, f64::max);
        let ratio = cpu / yardstick;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {} | {} | {ratio:.2} | {cpu:.1} ({low:.1} to {high:.1}) |", one.name, one.version);
    }
    text
}

/// `docs/bench/edge.md`.
///
/// `load_before` is the machine's load average before the run: what others did meanwhile belongs to the figures.
///
/// # Errors
/// When the date cannot be told.
pub(crate) fn page(series: &[Series], options: &EdgeOptions, load_before: f64) -> Result<String, TaskError> {
    let date = process::output(process::command("date").args(["-u", "+%F"]), Duration::from_secs(5))?;
    let EdgeOptions { seconds, rounds, connections, .. } = options;
    Ok(format!(
        "<!-- Written by `cargo xtask bench edge`. -->\n\n\
         # A proxied request over TLS keep-alive\n\n\
         CPU time that each server's processes spent per answered request: HTTP/1.1 over TLS 1.3, keep-alive, {connections} connections,\n\
         an answer of about 1 KiB from one common upstream. All three set the same security headers and write a JSON access log;\n\
         Doorward does its full work besides (framing guard, host and path rules, rate limit, request id). {rounds} rounds of {seconds} s in turns,\n\
         the middle round counts. The servers run on one core, load and upstream on the other. Ratios carry over to other\n\
         machines better than microseconds do.\n\n{}\nMeasured {} on {}, {}. Make it again with `cargo xtask bench edge`.\n",
        table(series),
        date.trim(),
        machine(),
        company(load_before)
    ))
}

/// Whether the machine was busy with something else.
fn company(load_before: f64) -> String {
    if load_before < 0.7 { "otherwise idle".into() } else { format!("busy with other work at the time (load {load_before:.1})") }
}

/// The class of the machine, in words.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, name)| name);
    let kind = if cpuinfo.contains(" hypervisor") { "virtual machine" } else { "machine" };
    format!("a {kind} with {cores} cores ({model})")
}

fn middle(series: &Series, of: impl Fn(&Sample) -> f64) -> f64 {
    let mut values: Vec<f64> = series.samples.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &'static str, cpu: &[f64]) -> Series {
        let samples = cpu.iter().map(|cpu_us| Sample { cpu_us: *cpu_us, rate: 100.0 }).collect();
        Series { name, version: "1.0".into(), samples }
    }

    #[test]
    fn ratio_is_of_the_middle_rounds() {
        let text = table(&[series("Doorward", &[20.0, 30.0, 90.0]), series("nginx", &[20.0, 10.0])]);
        assert!(text.contains("| Doorward | 1.0 | 2.00 | 30.0 (20.0 to 90.0) |"), "{text}");
        assert!(text.contains("| nginx | 1.0 | 1.00 | 15.0 (10.0 to 20.0) |"), "{text}");
    }
}
