//! `verify`: looks at the live site from outside and writes down what is on the wire.

mod backstage;
mod diff;
mod record;
mod search;

use std::io::{IsTerminal as _, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use doorward_config::{Config, ProcessEnv};
use doorward_kit::{Origin, SystemClock, SystemEntropy};
use doorward_policy::Policy;
use doorward_verify::{Backstage, Form, Intent, Options, Paint, Pin, Plan, Report, WriteError};

use super::Exit;
use backstage::Hands;

/// Looks at the site that the configuration describes, or at any site by its origin, and writes security-headers.json and
/// verification-report.json. Ends with 0 when all is as the guide asks, with 1 when anything is not or could not be seen.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    other: Option<Other>,
    /// Origin of the site, such as `https://example.com`. With an origin that is not the configuration's, only what any site can be
    /// held to is looked at: headers, certificate and cookies.
    url: Option<String>,
    /// The folder for the two files.
    #[arg(long, value_name = "DIR", default_value = "meta")]
    out: PathBuf,
    /// Connect to ADDR for HOST and PORT instead of asking the resolver; may be repeated.
    #[arg(long, value_name = "HOST:PORT:ADDR")]
    resolve: Vec<Pin>,
    /// Where the site is meant to be; a name that leads to anything else is a deviation. May be repeated.
    #[arg(long, value_name = "ADDR")]
    intended: Vec<IpAddr>,
    /// Local address to come from as somebody the gates let knock.
    #[arg(long, value_name = "ADDR")]
    inside: Option<IpAddr>,
    /// Local address to come from as a stranger.
    #[arg(long, value_name = "ADDR")]
    outside: Option<IpAddr>,
    /// Trust anchors (PEM): every certificate must verify. Without them any is taken and recorded as unchecked.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Lines of GATE USER PASSWORD-FILE, all files mode 0600; only sent together with --ca.
    #[arg(long, value_name = "FILE")]
    gate_credentials: Option<PathBuf>,
    /// Port of the plain listener, when it is not the configured one.
    #[arg(long, value_name = "PORT")]
    http_port: Option<u16>,
    /// A path whose upstream has been stopped for this run, to see the answer 502.
    #[arg(long, value_name = "PATH")]
    stopped: Option<String>,
    /// Leave this probe out on purpose; it is recorded as declared. May be repeated.
    #[arg(long, value_name = "PROBE")]
    skip: Vec<String>,
    /// A file that the site logs to: it is searched for what the run planted. May be repeated.
    #[arg(long, value_name = "FILE")]
    log: Vec<PathBuf>,
    /// Look from outside alone, even where the site's store is at hand: no throw-away accounts, no trail, no search for secrets.
    #[arg(long)]
    from_afar: bool,
    /// Print security-headers.json on stdout as well.
    #[arg(long)]
    json: bool,
    /// Write a page for people as well: what was promised, what was seen, what to do.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write JUnit's XML as well; a row is a test case.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write SARIF 2.1.0 as well; a row is a rule.
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Write an entry about this run into the site's audit trail; only on a machine that has the site's key and store.
    #[arg(long)]
    record: bool,
}

/// What else there is to do with what runs have left.
#[derive(Debug, clap::Subcommand)]
enum Other {
    /// Tell what changed between two runs: 0 nothing, 1 something, 2 a file is no evidence of a run.
    Diff(diff::Args),
}

/// Why there is nothing to look at: what to say, and that it is a matter of usage.
struct Unusable(String);

/// Runs the command.
#[must_use]
pub fn run(config: &Path, args: &Args) -> Exit {
    if let Some(Other::Diff(files)) = &args.other {
        return diff::run(files);
    }
    let (plan, site) = match plan(config, args) {
        Ok(both) => both,
        Err(Unusable(words)) => {
            let _ = writeln!(std::io::stderr(), "{}", words.trim_end());
            return Exit::Usage;
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "doorward: cannot start: {error}");
            return Exit::Failed;
        }
    };
    let report = look(&runtime, &plan, site.as_ref().filter(|_| !args.from_afar), &args.log);
    // A resolver that does not answer must not hold what is already known.
    runtime.shutdown_background();
    let exit = finish(&report, args);
    match &site {
        Some(config) if args.record && exit != Exit::Failed => match record::record(config, &report) {
            Exit::Done => exit,
            failed => failed,
        },
        _ => exit,
    }
}

fn look(runtime: &tokio::runtime::Runtime, plan: &Plan, site: Option<&Config>, logs: &[PathBuf]) -> Report {
    let mut talk = std::io::stderr();
    let paint = paint();
    let width = plan.probe_ids().map(str::len).max().unwrap_or_default();
    let how =
        if plan.intent() == Intent::Site { "against the guide and this configuration" } else { "against the guide's defaults" };
    let _ = writeln!(talk, "Looking at {} {how}\n", plan.origin());
    runtime.block_on(async {
        let hands = hands(site, logs).await;
        let backstage = hands.as_ref().map(|hands| hands as &dyn Backstage);
        let looks = doorward_verify::run_watched(plan, backstage, Arc::new(SystemClock), &SystemEntropy, |glance| {
            let _ = writeln!(std::io::stderr(), "{}", doorward_verify::line(glance, width, paint));
        });
        looks.await
    })
}

/// What this machine can do on the side of the site; it says so when that is nothing.
async fn hands(site: Option<&Config>, logs: &[PathBuf]) -> Option<Hands> {
    match Hands::open(site?, logs).await {
        Ok(hands) => Some(hands),
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "doorward: looking from outside alone: {why}");
            None
        }
    }
}

fn finish(report: &Report, args: &Args) -> Exit {
    let mut talk = std::io::stderr();
    let _ = write!(talk, "{}", doorward_verify::summary(report, paint()));
    if args.json && print_json(report).is_err() {
        return Exit::Failed;
    }
    let written = report.write(&args.out).and_then(|()| write_forms(report, args));
    match written {
        Err(error) => {
            let _ = writeln!(talk, "doorward: {error}");
            Exit::Failed
        }
        Ok(()) => {
            let _ = writeln!(talk, "Written to {}", args.out.display());
            if report.is_ok() { Exit::Done } else { Exit::NotRight }
        }
    }
}

/// The other forms that were asked for; the two files come first.
fn write_forms(report: &Report, args: &Args) -> Result<(), WriteError> {
    let forms = [(Form::Page, &args.html), (Form::Junit, &args.junit), (Form::Sarif, &args.sarif)];
    forms.into_iter().try_for_each(|(form, path)| path.as_deref().map_or(Ok(()), |path| report.write_form(form, path)))
}

/// <https://no-color.org>: any value but the empty one asks for plain letters.
fn paint() -> Paint {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if !plain && std::io::stderr().is_terminal() { Paint::Colour } else { Paint::Plain }
}

fn print_json(report: &Report) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &report.headers)?;
    writeln!(out)
}

/// What to look at, and the configuration when it is that site's.
fn plan(path: &Path, args: &Args) -> Result<(Plan, Option<Config>), Unusable> {
    let origin = args.url.as_deref().map(parse_origin).transpose()?;
    let options = options(args)?;
    let Some(config) = configuration(path, origin.as_ref())? else {
        let origin = origin.ok_or_else(|| Unusable("doorward: no configuration and no URL".to_owned()))?;
        for (given, word) in [(args.record, "--record"), (!args.log.is_empty(), "--log")] {
            if given {
                return Err(Unusable(format!("doorward: {word} needs the configuration of the site that is looked at")));
            }
        }
        return Ok((known(Plan::for_stranger(&origin, options, &SystemEntropy), args)?, None));
    };
    if let Some(stray) =
        options.credentials.iter().find(|credential| config.gates.iter().all(|gate| gate.name != credential.gate))
    {
        return Err(Unusable(format!("doorward: credentials are given for {:?}, which is no gate", stray.gate)));
    }
    let plan = Plan::for_site(&Policy::decide(&config), configured(options, &config), &SystemEntropy);
    Ok((known(plan, args)?, Some(config)))
}

/// What the configuration says beside the policy.
fn configured(mut options: Options, config: &Config) -> Options {
    options.staging_only = matches!(config.tls, doorward_config::Tls::LeStaging { .. });
    options.http_port = options.http_port.or_else(|| config.listen.http.first().map(std::net::SocketAddr::port));
    options.listening = config.listen.http.iter().chain(&config.listen.https).map(std::net::SocketAddr::port).collect();
    if options.staging_only {
        options.directory = Some(doorward_acme::STAGING.to_owned());
        options.store_mode = mode(&config.site.data_dir.join("acme"));
    }
    options
}

/// `0700` and the like, where the folder is on this machine.
fn mode(folder: &Path) -> Option<String> {
    let metadata = std::fs::metadata(folder).ok()?;
    Some(format!("{:04o}", metadata.permissions().mode() & 0o7777))
}

/// A misspelt `--skip` would leave out nothing and look as if it had.
fn known(plan: Plan, args: &Args) -> Result<Plan, Unusable> {
    match args.skip.iter().find(|id| plan.probe_ids().all(|known| known != *id)) {
        None => Ok(plan),
        Some(id) => {
            let ids: Vec<&str> = plan.probe_ids().collect();
            Err(Unusable(format!("doorward: --skip {id:?}: no such probe; there are {}", ids.join(", "))))
        }
    }
}

/// The configuration, when it is the one of the site that is asked for.
fn configuration(path: &Path, origin: Option<&Origin>) -> Result<Option<Config>, Unusable> {
    if origin.is_some() && !path.exists() {
        return Ok(None);
    }
    match doorward_config::load(path, &ProcessEnv) {
        Ok(config) => Ok(origin.is_none_or(|origin| *origin == config.site.origin).then_some(config)),
        Err(faults) => Err(Unusable(faults.render(std::io::stderr().is_terminal()))),
    }
}

fn parse_origin(url: &str) -> Result<Origin, Unusable> {
    let origin =
        url.strip_suffix('/').unwrap_or(url).parse::<Origin>().map_err(|error| Unusable(format!("doorward: {error}")))?;
    if origin.scheme() == doorward_kit::net::Scheme::Http {
        return Err(Unusable("doorward: an origin starts with https://; its plain listener is looked at as well".to_owned()));
    }
    Ok(origin)
}

fn options(args: &Args) -> Result<Options, Unusable> {
    let said = |error: &dyn std::fmt::Display| Unusable(format!("doorward: {error}"));
    if args.stopped.as_ref().is_some_and(|path| !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(Unusable("doorward: --stopped takes a path that starts with /".to_owned()));
    }
    let roots = args.ca.as_deref().map(doorward_verify::read_roots).transpose().map_err(|error| said(&error))?;
    let credentials = args.gate_credentials.as_deref().map(doorward_verify::read_credentials).transpose();
    Ok(Options {
        http_port: args.http_port,
        listening: Vec::new(),
        pins: args.resolve.clone(),
        intended: args.intended.clone(),
        inside: args.inside,
        outside: args.outside,
        roots: roots.unwrap_or_default(),
        credentials: credentials.map_err(|error| said(&error))?.unwrap_or_default(),
        declared: args.skip.clone(),
        staging_only: false,
        stopped: args.stopped.clone(),
        directory: None,
        store_mode: None,
        from_afar: args.from_afar,
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn parse(words: &[&str]) -> Args {
        Line::try_parse_from([&["verify"], words].concat()).expect("a command line").args
    }

    /// Runs without a configuration, with `--out` in a fresh folder, and gives the files' folder as well.
    fn run_in(dir: &Path, words: &[&str]) -> Exit {
        let out = dir.join("meta");
        let out = out.to_str().expect("UTF-8");
        run(&dir.join("doorward.toml"), &parse(&[words, &["--out", out]].concat()))
    }

    fn closed_port() -> u16 {
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
    }

    #[test]
    fn ver_04_a_site_that_is_not_there_ends_with_1_and_a_file_that_says_so() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(run_in(dir.path(), &[&format!("https://127.0.0.1:{}", closed_port())]), Exit::NotRight);
        let text = std::fs::read_to_string(dir.path().join("meta/security-headers.json")).expect("written");
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(json["ok"], false);
        assert!(dir.path().join("meta/verification-report.json").exists());
    }

    #[test]
    fn a_report_that_cannot_be_written_ends_with_3() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("meta"), "a file, not a folder").expect("written");
        assert_eq!(run_in(dir.path(), &[&format!("https://127.0.0.1:{}", closed_port())]), Exit::Failed);
        assert_eq!(std::fs::read_to_string(dir.path().join("meta")).expect("still there"), "a file, not a folder");
    }

    /// A new option must be looked at before it is added here: whatever it takes stands in the process list.
    #[test]
    fn ver_16_no_option_takes_a_credential() {
        let command = <Line as clap::CommandFactory>::command();
        let options: Vec<&str> = command.get_arguments().map(|option| option.get_id().as_str()).collect();
        let known = [
            "url",
            "out",
            "resolve",
            "intended",
            "inside",
            "outside",
            "ca",
            "gate_credentials",
            "http_port",
            "stopped",
            "skip",
            "log",
            "from_afar",
            "json",
            "html",
            "junit",
            "sarif",
            "record",
        ];
        assert_eq!(options, known);
        let file = command.get_arguments().find(|option| option.get_id() == "gate_credentials").and_then(|o| o.get_value_names());
        assert_eq!(file.map(|names| names[0].as_str()), Some("FILE"));
        // The one other place where a password could stand.
        assert!(parse_origin("https://user:password@app.example.com").is_err());
    }

    #[test]
    fn the_other_forms_are_written_where_they_are_asked_for() {
        let dir = tempfile::tempdir().expect("a folder");
        let place = |name: &str| dir.path().join(name).to_str().expect("UTF-8").to_owned();
        let (html, junit, sarif) = (place("page.html"), place("junit.xml"), place("run.sarif"));
        let site = format!("https://127.0.0.1:{}", closed_port());
        let words = [&site, "--html", &html, "--junit", &junit, "--sarif", &sarif];
        assert_eq!(run_in(dir.path(), &words), Exit::NotRight);
        for (path, start) in [(&html, "<!doctype html>"), (&junit, "<?xml"), (&sarif, "{")] {
            assert!(std::fs::read_to_string(path).expect("written").starts_with(start), "{path}");
        }
        let missing = place("meta/security-headers.json/page.html");
        assert_eq!(run_in(dir.path(), &[&site, "--html", &missing]), Exit::Failed);
    }

    #[test]
    fn diff_is_a_command_of_its_own_and_a_url_is_still_a_url() {
        assert!(matches!(parse(&["diff", "a.json", "b.json"]).other, Some(Other::Diff(_))));
        assert_eq!(parse(&["https://app.example.com", "--json"]).url.as_deref(), Some("https://app.example.com"));
        assert!(Line::try_parse_from(["verify", "--json", "diff", "a.json", "b.json"]).is_err());
    }

    #[test]
    fn what_cannot_be_meant_ends_with_2_and_writes_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("not.pem"), "no certificate").expect("written");
        let not_pem = dir.path().join("not.pem");
        let site = "https://127.0.0.1:9";
        let cases: &[&[&str]] = &[
            &[],
            &["http://127.0.0.1:9"],
            &["https://user@127.0.0.1:9"],
            &["https://127.0.0.1:9/path"],
            &[site, "--skip", "no-such-probe"],
            &[site, "--ca", not_pem.to_str().expect("UTF-8")],
            &[site, "--gate-credentials", "/nowhere"],
            &[site, "--stopped", "relative"],
            &[site, "--record"],
            &[site, "--log", "some.log"],
        ];
        for words in cases {
            assert_eq!(run_in(dir.path(), words), Exit::Usage, "{words:?}");
        }
        assert!(!dir.path().join("meta").exists());
    }
}
