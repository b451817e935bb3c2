//! The figures of the accounts, as a table and as a page.

use super::{AccountsOptions, Cost, Figures};
use crate::{
    bench::machine::{company, machine, today},
    error::TaskError,
};

/// The table: each figure beside what it is to be judged by.
pub(crate) fn table(figures: &Figures) -> String {
    let Figures { reference_hash, sign_in, sign_up, constant, me_cached, me_stored, alone, beside_sign_ins, .. } = figures;
    let micro = |cost: &Cost| cost.cpu_ms * 1e3;
    let by_hash = |cost: &Cost| format!("{:.2} × the reference hash", cost.cpu_ms / reference_hash);
    let by_constant = |cost: &Cost| format!("{:.1} × nginx's constant answer", cost.cpu_ms / constant.cpu_ms);
    let rows = [
        ("one Argon2id hash, 19 MiB, t=2, p=1 (reference implementation)", format!("{reference_hash:.2} ms CPU"), "–".into()),
        ("sign-in", format!("{:.2} ms CPU, {:.0}/s on one core", sign_in.cpu_ms, sign_in.rate), by_hash(sign_in)),
        ("sign-up, durable", format!("{:.2} ms CPU, {:.0}/s on one core", sign_up.cpu_ms, sign_up.rate), by_hash(sign_up)),
        ("constant answer of nginx, TLS", format!("{:.1} µs CPU", micro(constant)), "–".into()),
        ("`GET /api/auth/me`, session in the cache", format!("{:.1} µs CPU", micro(me_cached)), by_constant(me_cached)),
        ("`GET /api/auth/me`, session in SQLite alone", format!("{:.1} µs CPU", micro(me_stored)), by_constant(me_stored)),
        ("wait for `me`, nothing else running", format!("{:.2} ms p50, {:.2} ms p99", alone.p50, alone.p99), "–".into()),
        (
            "wait for `me` while sign-ins fill the same core",
            format!("{:.2} ms p50, {:.2} ms p99", beside_sign_ins.p50, beside_sign_ins.p99),
            format!("{:.1} × at p99", beside_sign_ins.p99 / alone.p99),
        ),
        ("start to first answer, existing database", format!("{:.0} ms", figures.first_answer), "–".into()),
        ("memory, idle / most under sign-ins", format!("{:.1} / {:.1} MiB", figures.memory.0, figures.memory.1), "–".into()),
    ];
    let mut text = String::from("| work | figure | ratio |\n|---|---|---|\n");
    for (work, figure, ratio) in rows {
        text.push_str(&format!("| {work} | {figure} | {ratio} |\n"));
    }
    text
}

/// `docs/bench/accounts.md`.
///
/// # Errors
/// When the date cannot be told.
pub(crate) fn page(figures: &Figures, options: &AccountsOptions, load_before: f64) -> Result<String, TaskError> {
    Ok(format!(
        "<!-- Written by `cargo xtask bench accounts`. -->\n\n\
         # Sign-ins, sign-ups and sessions\n\n\
         CPU time of the whole process per answered request, over TLS keep-alive, all policy and every quota on, with SQLite\n\
         (`synchronous = FULL`: a sign-in and a sign-up are on the disk, with their audit row, before they are answered). The site runs on one core\n\
         with one hashing thread, the load on the other; {} s for each figure. Sessions that are \"in SQLite alone\" are asked for so seldom that no\n\
         cache holds them; at that rate each request also pays for waking the process. Ratios carry over to other machines better than\n\
         times do.\n\n{}\nMeasured {} on {}, {}. Make it again with `cargo xtask bench accounts`.\n",
        options.seconds,
        table(figures),
        today()?,
        machine(),
        company(load_before)
    ))
}
