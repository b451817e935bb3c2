//! What was measured, as tables and as a page.

use std::fmt::Write as _;

use super::{EdgeOptions, Figures, case::Series, memory::IDLE};
use crate::{
    bench::machine::{company, machine, middle, today},
    error::TaskError,
};

/// The server that all others are compared with.
const YARDSTICK: &str = "nginx";

/// Every table, each with its heading. Nothing written into a `String` can fail.
pub(crate) fn tables(figures: &Figures) -> String {
    let mut text = String::new();
    for (case, series) in &figures.cases {
        let _ = writeln!(text, "## {}\n\n{}\n\n{}", case.title, case.note, case_table(series));
    }
    let _ = writeln!(text, "## Memory\n\n{}", memory_table(figures));
    let _ = writeln!(text, "## Under attack\n\n{}", siege(figures));
    text
}

fn case_table(series: &[Series]) -> String {
    let cpu_of = |one: &Series| middle(one.samples.iter().map(|sample| sample.cpu_us));
    let yardstick = series.iter().find(|one| one.name == YARDSTICK).map_or(f64::NAN, cpu_of);
    let mut text = String::from(
        "| server | CPU per request, × nginx | CPU per request, µs (lowest to highest round) | requests/s on one core | p99, ms |\n\
         |---|---|---|---|---|\n",
    );
    for one in series {
        let cpu = cpu_of(one);
        let low = one.samples.iter().map(|sample| sample.cpu_us).fold(f64::INFINITY, f64::min);
        let high = one.samples.iter().map(|sample| sample.cpu_us).fold(0.0, f64::max);
        let rate = middle(one.samples.iter().map(|sample| sample.rate));
        let p99 = middle(one.samples.iter().map(|sample| sample.p99_ms));
        let ratio = cpu / yardstick;
        let _ = writeln!(text, "| {} | {ratio:.2} | {cpu:.1} ({low:.1} to {high:.1}) | {rate:.0} | {p99:.2} |", one.name);
    }
    text
}

fn memory_table(figures: &Figures) -> String {
    let mut text = format!(
        "| server | fresh, MiB | after all the load, MiB | {} idle TLS connections, MiB | {} idle TLS connections, MiB |\n|---|---|---|---|---|\n",
        IDLE[0], IDLE[1]
    );
    for one in &figures.memory {
        let idle: Vec<String> = one.idle.iter().map(|mib| format!("{mib:.1}")).collect();
        let _ = writeln!(text, "| {} | {:.1} | {:.1} | {} |", one.name, one.fresh, one.loaded, idle.join(" | "));
    }
    text
}

fn siege(figures: &Figures) -> String {
    let siege = &figures.siege;
    format!(
        "Sixteen well-meaning addresses ask 250 times a second, in quiet windows and in windows in which {slow} slow clients of other addresses\n\
         hold connections and one address attacks at full speed in four ways at once. Doorward has every core, and the limits that everybody has.\n\
         Their 99th percentile was {quiet:.2} ms while it was quiet and {besieged:.2} ms under attack: {ratio:.2} times, at most {at_most:.2} with a\n\
         confidence of 95 % ({waits} waits of either kind; bootstrap over windows). The attacker opened {connections} connections, of which\n\
         {turned_away} were ended before anything was said, had {answered} requests answered and {refused} refused, and reset {reset} streams.\n\
         It runs on the same machine, at the lowest priority.\n",
        slow = siege.slow_left,
        quiet = siege.quiet_ms,
        besieged = siege.besieged_ms,
        ratio = siege.ratio,
        at_most = siege.at_most,
        waits = siege.waits,
        connections = siege.connections,
        turned_away = siege.turned_away,
        answered = siege.answered,
        refused = siege.refused,
        reset = siege.reset,
    )
}

/// `docs/bench/edge.md`.
///
/// `load_before` is the machine's load average before the run: what others did meanwhile belongs to the figures.
///
/// # Errors
/// When the date cannot be told.
pub(crate) fn page(figures: &Figures, options: &EdgeOptions, load_before: f64) -> Result<String, TaskError> {
    let EdgeOptions { seconds, rounds, connections, .. } = options;
    let versions: Vec<String> = figures.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    Ok(format!(
        "<!-- Written by `cargo xtask bench edge`. -->\n\n\
         # The edge beside others\n\n\
         CPU time that each server's processes spent per answered request of about 1 KiB from one common upstream, {connections} connections unless\n\
         it is said otherwise. All set the same security headers and write an access log; Doorward does its full work besides (framing guard, host\n\
         and path rules, rate limit, request id). {rounds} rounds of {seconds} s in turns, the middle round counts. The servers run on one core, load\n\
         and upstream on the other. Ratios carry over to other machines better than times do.\n\n\
         {}.\n\n{}\nMeasured {} on {}, {}. Make it again with `cargo xtask bench edge`.\n",
        versions.join(", "),
        tables(figures),
        today()?,
        machine(),
        company(load_before)
    ))
}

#[cfg(test)]
mod tests {
    use super::{super::case::Sample, *};

    fn series(name: &'static str, cpu: &[f64]) -> Series {
        let samples = cpu.iter().map(|cpu_us| Sample { cpu_us: *cpu_us, rate: 100.0, p99_ms: 1.5 }).collect();
        Series { name, samples }
    }

    #[test]
    fn ratio_is_of_the_middle_rounds() {
        let text = case_table(&[series("Doorward", &[20.0, 30.0, 90.0]), series("nginx", &[20.0, 10.0])]);
        assert!(text.contains("| Doorward | 2.00 | 30.0 (20.0 to 90.0) | 100 | 1.50 |"), "{text}");
        assert!(text.contains("| nginx | 1.00 | 15.0 (10.0 to 20.0) | 100 | 1.50 |"), "{text}");
    }
}
