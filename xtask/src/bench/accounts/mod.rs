//! The accounts side: what a sign-in, a sign-up and a look at one's own session cost, and how much memory they take.
//!
//! The site runs on one core, the load on the other. Yardsticks of the same run: the reference implementation of Argon2id
//! (Debian's `argon2`), and nginx giving a constant answer of the same size over TLS.

mod reference;
mod report;
mod site;

use crate::{
    bench::{
        cpu,
        load::{self, Load, Plan, Waits},
        machine::load_average,
        release_build,
        server::Server,
    },
    error::{At, TaskError},
    setup, tree,
};
use site::Site;
pub(crate) use site::hash_of;

/// How the accounts are measured.
#[derive(Debug, clap::Args)]
pub(crate) struct AccountsOptions {
    /// Seconds of load per figure.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u64).range(2..=60))]
    pub(crate) seconds: u64,
    /// Measure the release binary that is there.
    #[arg(long)]
    pub(crate) no_build: bool,
    /// Leave `docs/bench/accounts.md` as it is.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Everything that one run found out. Times are CPU times in milliseconds unless they say otherwise.
#[derive(Debug)]
pub(crate) struct Figures {
    /// One hash of the reference implementation.
    pub(crate) reference_hash: f64,
    /// One sign-in, and how many a second.
    pub(crate) sign_in: Cost,
    /// One sign-up, each durable before it is answered, and how many a second.
    pub(crate) sign_up: Cost,
    /// One constant answer of nginx.
    pub(crate) constant: Cost,
    /// `GET /api/auth/me` with a session that is in the cache.
    pub(crate) me_cached: Cost,
    /// The same with sessions that are in the database alone.
    pub(crate) me_stored: Cost,
    /// Waits for `me` while nothing else runs.
    pub(crate) alone: Waits,
    /// Waits for `me` while sign-ins keep the hashing thread busy on the same core.
    pub(crate) beside_sign_ins: Waits,
    /// Milliseconds by the clock from the start of the process to the first answer, with a database that exists.
    pub(crate) first_answer: f64,
    /// MiB resident before any request, and at most under sign-ins.
    pub(crate) memory: (f64, f64),
}

/// What one request costs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// CPU time of the server, in milliseconds.
    pub(crate) cpu_ms: f64,
    /// Answered requests per second of the clock.
    pub(crate) rate: f64,
}

/// Measures sign-ins, sign-ups and sessions.
///
/// # Errors
/// When the site cannot be started, or a request is not answered with success.
pub(crate) fn accounts(options: &AccountsOptions) -> Result<(), TaskError> {
    setup::for_bench()?;
    let load_before = load_average();
    if !options.no_build {
        release_build()?;
    }
    let site = Site::prepare()?;
    let figures = measure(&site, options)?;
    print!("{}", report::table(&figures));
    if !options.dry_run {
        let page = tree::root().join("docs/bench/accounts.md");
        tree::write(&page, &report::page(&figures, options, load_before)?)?;
        println!("wrote docs/bench/accounts.md");
    }
    Ok(())
}

fn measure(site: &Site, options: &AccountsOptions) -> Result<Figures, TaskError> {
    let (server, first_answer) = site.start()?;
    let idle = cpu::memory(server.pid(), "VmRSS").at(server.name)?;
    // Twenty for each, the most that an account may have; the first of each also takes the imported hash over.
    let cookies = site.sign_everybody_in(&server, 20)?;
    let seconds = options.seconds;
    let script = |name: &str| vec!["--script".to_owned(), site.file(name).display().to_string()];
    let one = vec!["--header".to_owned(), format!("Cookie: {}", cookies.last().map_or("", String::as_str))];
    let me = |words: Vec<String>, connections: u32| Plan {
        name: server.name,
        url: server.url("/api/auth/me"),
        connections,
        seconds,
        words,
    };
    let post = |words: Vec<String>| Plan { name: server.name, url: server.url("/"), connections: 8, seconds, words };

    let me_stored = cost(&server, &me(script("sessions.lua"), 8))?.0;
    let (me_cached, _) = cost(&server, &me(one.clone(), 32))?;
    let (_, Load { waits: alone, .. }) = cost(&server, &me(one.clone(), 2))?;
    let (sign_in, _) = cost(&server, &post(script("sign-in.lua")))?;
    let beside_sign_ins = std::thread::scope(|scope| {
        let sign_ins = scope.spawn(|| load::run(&post(script("sign-in.lua"))));
        let looks = load::run(&Plan { seconds: seconds - 1, ..me(one, 2) });
        sign_ins.join().map_err(|_| TaskError::Undone("the load ended early".into()))??;
        looks
    })?
    .waits;
    let most = cpu::memory(server.pid(), "VmHWM").at(server.name)?;
    let (sign_up, _) = cost(&server, &post(script("sign-up.lua")))?;
    drop(server);
    let nginx = site.start_yardstick()?;
    let (constant, _) = cost(&nginx, &Plan { name: nginx.name, url: nginx.url("/"), connections: 32, seconds, words: vec![] })?;
    Ok(Figures {
        reference_hash: reference::hash()?,
        sign_in,
        sign_up,
        constant,
        me_cached,
        me_stored,
        alone,
        beside_sign_ins,
        first_answer: first_answer.as_secs_f64() * 1e3,
        memory: (idle, most),
    })
}

/// Loads a server and divides what it used by what it answered.
fn cost(server: &Server, plan: &Plan<'_>) -> Result<(Cost, Load), TaskError> {
    eprintln!("{}: {} s of {}", server.name, plan.seconds, what(plan));
    let before = cpu::time_of_tree(server.pid()).at(server.name)?;
    let load = load::run(plan)?;
    let used = cpu::time_of_tree(server.pid()).at(server.name)?.saturating_sub(before);
    Ok((Cost { cpu_ms: used.as_secs_f64() * 1e3 / load.requests, rate: load.requests / load.seconds }, load))
}

/// What the load asks for, without anybody's cookie.
fn what<'a>(plan: &'a Plan<'_>) -> &'a str {
    let script = plan.words.last().filter(|word| word.ends_with(".lua"));
    script.map_or(plan.url.as_str(), |path| path.rsplit('/').next().unwrap_or(path))
}
