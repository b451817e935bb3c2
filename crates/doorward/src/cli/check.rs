//! `check`: whether the configuration is right, and what it exposes.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use doorward_config::{Config, Counters, EnvSource, Faults, MailTransport, Place, ProcessEnv, Remote, Store};
use doorward_policy::Policy;
use serde::Serialize;

use super::Exit;
use crate::exposure::{Exposure, proof};
use crate::wire::{blocklist_fault, secret_faults};

/// Says whether the configuration and the files it names are right; opens no port.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Also print what is reachable: listener, host, path, who passes, what stands behind, and the control that decides.
    #[arg(long)]
    exposure: bool,
    /// Print JSON for a machine on stdout.
    #[arg(long)]
    json: bool,
}

/// Something that the configuration names and that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The key that names it.
    pub key: String,
    /// Where the key is written, if it is.
    pub place: Option<Place>,
    /// What is wrong, with the file's name and never its content.
    pub problem: String,
}

#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration: Option<&'a Faults>,
    findings: &'a [Finding],
    /// Rows of the guide that hold for what was decided, whatever is found in files.
    proved: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    exposure: Option<&'a Exposure>,
}

/// Runs the command: 0 when all is right, 1 when a file that is named is not, 2 when the configuration is not.
#[must_use]
pub fn run(path: &Path, args: &Args) -> Exit {
    let config = match doorward_config::load(path, &ProcessEnv) {
        Ok(config) => config,
        Err(faults) => return tell_faults(&faults, args),
    };
    let policy = Policy::decide(&config);
    let mut findings = look_at_files(&config, &policy, &ProcessEnv);
    let exposure = Exposure::of(&config, &policy);
    let flaws = proof::prove(&config, &policy, &exposure);
    let proved: &[&str] = if flaws.is_empty() { &proof::PROVED } else { &[] };
    findings.extend(flaws.into_iter().map(|(key, problem)| Finding { key, place: None, problem }));
    place(path, &mut findings);
    let exposure = args.exposure.then_some(exposure);
    let told = if args.json {
        let ok = findings.is_empty();
        print_json(&Report { ok, configuration: None, findings: &findings, proved, exposure: exposure.as_ref() })
    } else {
        tell_findings(path, &config, &findings, exposure.as_ref())
    };
    match told {
        Err(_) => Exit::Failed,
        Ok(()) if findings.is_empty() => Exit::Done,
        Ok(()) => Exit::NotRight,
    }
}

fn tell_faults(faults: &Faults, args: &Args) -> Exit {
    let told = if args.json {
        print_json(&Report { ok: false, configuration: Some(faults), findings: &[], proved: &[], exposure: None })
    } else {
        let mut talk = std::io::stderr();
        write!(talk, "{}", faults.render(talk.is_terminal()))
    };
    if told.is_ok() { Exit::Usage } else { Exit::Failed }
}

fn print_json(report: &Report<'_>) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, report)?;
    writeln!(out)
}

fn tell_findings(path: &Path, config: &Config, findings: &[Finding], exposure: Option<&Exposure>) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if let Some(exposure) = exposure {
        writeln!(out, "{}", exposure.render(out.is_terminal()))?;
    }
    if findings.is_empty() {
        let counted = format!("{}, {}", count(config.routes.len(), "route"), count(config.gates.len(), "gate"));
        return writeln!(out, "ok: {} is right: {} with {counted}", path.display(), config.site.origin);
    }
    let mut talk = std::io::stderr().lock();
    for finding in findings {
        match &finding.place {
            Some(at) => write!(talk, "error: {}:{}:{}: ", path.display(), at.line, at.column)?,
            None => write!(talk, "error: ")?,
        }
        writeln!(talk, "{}: {}", finding.key, finding.problem)?;
    }
    writeln!(talk, "{} in what {} names", count(findings.len(), "fault"), path.display())
}

fn count(number: usize, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

/// Looks up where the keys are written; a file that has changed meanwhile is told without places.
fn place(path: &Path, findings: &mut [Finding]) {
    let Ok(text) = std::fs::read_to_string(path) else { return };
    findings.iter_mut().for_each(|finding| finding.place = doorward_config::locate(&text, &finding.key));
}

/// Looks at every file that the configuration names, the way `serve` will read it.
#[must_use]
pub fn look_at_files(config: &Config, policy: &Policy, env: &dyn EnvSource) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |key: &str, problem: String| findings.push(Finding { key: key.to_owned(), place: None, problem });
    for fault in secret_faults(config, policy, env) {
        find(&fault.key, fault.problem);
    }
    look_at_authorities(config, &mut find);
    if let Some(fault) = blocklist_fault(config.accounts.blocklist_file.as_deref()) {
        find("accounts.blocklist_file", fault.to_string());
    }
    for upstream in &config.upstreams {
        if let doorward_config::UpstreamTarget::Files { root } = &upstream.target
            && !root.is_dir()
        {
            find(&format!("upstream {}", upstream.name), format!("{}: not a folder", root.display()));
        }
    }
    findings
}

/// Certificates of authorities must be there.
fn look_at_authorities(config: &Config, find: &mut impl FnMut(&str, String)) {
    let mut look = |section: &str, server: &Remote| {
        if let Some(Err(error)) = server.ca_file.as_ref().map(std::fs::File::open) {
            let path = server.ca_file.as_deref().unwrap_or(Path::new(""));
            find(&format!("{section}.ca_file"), format!("{}: cannot be read: {error}", path.display()));
        }
    };
    if let Store::Postgres(postgres) = &config.store {
        look("store", &postgres.server);
    }
    if let Counters::Redis(redis) = &config.counters {
        look("counters", &redis.server);
    }
    if let MailTransport::Smtp(relay) = &config.mail.transport {
        look("mail", relay);
    }
}
