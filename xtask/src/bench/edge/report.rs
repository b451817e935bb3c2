//! What was measured, as a table and as a page.

use std::fmt::Write as _;

use super::{EdgeOptions, Series};
use crate::{
    bench::machine::{company, machine, middle, today},
    error::TaskError,
};

/// The table; nginx is the yardstick.
pub(crate) fn table(series: &[Series]) -> String {
    let yardstick = series
        .iter()
        .find(|one| one.name == "nginx")
        .map_or(f64::NAN, |one| middle(one.samples.iter().map(|sample| sample.cpu_us)));
    let mut text = String::from(
        "| server | version | CPU per request, × nginx | CPU per request, µs (lowest to highest round) |\n|---|---|---|---|\n",
    );
    for one in series {
        let cpu = middle(one.samples.iter().map(|sample| sample.cpu_us));
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
    let date = today()?;
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
        date,
        machine(),
        company(load_before)
    ))
}

#[cfg(test)]
mod tests {
    use super::{super::Sample, *};

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
